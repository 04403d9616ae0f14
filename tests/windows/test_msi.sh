#!/usr/bin/env bash
# The Windows Installer package: built twice, its tables read with msiinfo, installed, repaired, upgraded and removed under Wine in a
# prefix of its own; first with a program that records how the package calls it, then with the real service.
# Wine proves which steps are taken with which arguments, and that the service answers after them. It proves nothing about accounts,
# access rights and file locks, and it undoes less than Windows Installer does when a step fails; what it leaves out is said below.
JUNCTION_WINEPREFIX=$(cd "$(dirname "$0")/../.." && pwd)/build/wine-msi
export JUNCTION_WINEPREFIX
rm -rf "$JUNCTION_WINEPREFIX"
. "$(dirname "$0")/lib.sh"
trap '"$wine" --stop; cleanup' EXIT

for tool in wixl msibuild msiinfo faketime python3; do
    if ! command -v "$tool" >/dev/null; then
        fails "what builds a package is there" "$tool is missing: deploy/packages.sh windows"
        finish
        exit 1
    fi
done
if ! /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
    fails "what reads a manifest is there" "python3-yaml is missing: deploy/packages.sh windows"
    finish
    exit 1
fi

# While it makes a prefix, Wine may start two service managers, and then no service for either. The next server has one.
"$wine" --stop
"$wine" --prepare
for ((i = 0; i < 20; i++)); do
    started=$("$wine" net start wuauserv </dev/null 2>&1 || true)
    [[ $started =~ successfully|already\ running ]] && break
    sleep 0.5
done
if ! [[ $started =~ successfully|already\ running ]]; then
    fails "this host starts services" "$started"
    finish
    exit 1
fi

drive=$JUNCTION_WINEPREFIX/drive_c
installed="$drive/Program Files/Junction"
data=$drive/ProgramData/Junction
place=$drive/junction-msi
mkdir -p "$place"

build_msi() { # NAME PROGRAMS [ARGUMENT]...
    local name=$1 programs=$2
    shift 2
    "$root/deploy/windows/build-msi.sh" --programs "$programs" --output "$work/$name.msi" "$@" >"$work/$name.log" 2>&1
}
rows() { # PACKAGE TABLE, without its three lines of head
    msiinfo export "$work/$1.msi" "$2" | tr -d '\r' | tail -n +4
}
cell() { # PACKAGE TABLE KEY COLUMN
    rows "$1" "$2" | awk -F '\t' -v key="$3" -v column="$4" '$1 == key { print $column }'
}
property() { # PACKAGE NAME
    cell "$1" Property "$2" 2
}
is() { # NAME FOUND EXPECTED
    if [ "$2" = "$3" ]; then
        pass "$1"
    else
        fails "$1" "expected: $3" "found:    $2"
    fi
}

# ---- building ----------------------------------------------------------------------------------------------------------

compile msi_recorder '-DRECORDER_NAME="one"'
mkdir "$work/one" "$work/two" "$work/none"
mv "$work/msi_recorder.exe" "$work/one/junctiond.exe"
compile msi_recorder '-DRECORDER_NAME="two"'
mv "$work/msi_recorder.exe" "$work/two/junctiond.exe"
cp "$build/junction.exe" "$work/one"
cp "$build/junction.exe" "$work/two"

if SOURCE_DATE_EPOCH=1700000000 build_msi real "$build"; then
    pass "the package is built"
else
    fails "the package is built" "$(cat "$work/real.log")"
    finish
    exit 1
fi
SOURCE_DATE_EPOCH=1700000000 build_msi same "$build" || true
if cmp -s "$work/real.msi" "$work/same.msi"; then
    pass "the same files make the same package, byte for byte"
else
    fails "the same files make the same package, byte for byte" "$(cmp "$work/real.msi" "$work/same.msi" 2>&1)"
fi
is "its time is SOURCE_DATE_EPOCH" "$(cell real _SummaryInformation 12 2)" "2023/11/14 22:13:20"
refused=
for bad in 1.2 1.2.3.4 256.0.0 1.256.0 1.0.65536 '1.0.0; x' 1..2; do
    if build_msi bad "$build" --version "$bad" || [ -e "$work/bad.msi" ]; then
        fails "the version \"$bad\" is refused" "$(cat "$work/bad.log")"
    else
        refused+="$bad, "
    fi
done
if [ -n "$refused" ]; then
    pass "versions that Windows Installer cannot compare are refused: ${refused%, }"
fi
if build_msi bad "$work/none" || [ -e "$work/bad.msi" ]; then
    fails "without programs there is no package" "$(cat "$work/bad.log")"
else
    pass "without programs there is no package"
fi
if compgen -G "$work/msi.*" >/dev/null; then
    fails "building leaves nothing behind" "$(compgen -G "$work/msi.*")"
else
    pass "building leaves nothing behind"
fi
for name in one two; do
    number=$([ "$name" = one ] && echo 0.1.0 || echo 0.2.0)
    build_msi "$name" "$work/$name" --version "$number" || fails "a package of the recorder \"$name\"" "$(cat "$work/$name.log")"
done

# ---- tables ------------------------------------------------------------------------------------------------------------

version=$(sed -n 's/^project(junction VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
is "ProductVersion is the version of the programs" "$(property real ProductVersion)" "$version"
build_msi other "$build" --version 0.1.0 || true
is "a version is one product, whatever is in it" "$(property one ProductCode)" "$(property other ProductCode)"
is "all versions have one upgrade code" "$(property one UpgradeCode) $(property two UpgradeCode)" \
    '{534D71F3-AFAE-4D84-A304-78E57DE96FF7} {534D71F3-AFAE-4D84-A304-78E57DE96FF7}'
codes=$(for name in real one two; do cell "$name" _SummaryInformation 9 2; done | sort -u | wc -l)
if [ "$(property one ProductCode)" != "$(property two ProductCode)" ] && [ "$codes" -eq 3 ]; then
    pass "two versions are two products, and different contents different packages"
else
    fails "two versions are two products, and different contents different packages" "$(property one ProductCode)" "$codes"
fi
is "per machine, 64 bit" "$(property real ALLUSERS) $(cell real _SummaryInformation 7 2)" "1 x64;1033"
is "components: 64 bit, each with its file and an identifier of its own" \
    "$(rows real Component | awk -F '\t' '$4 != 256 || $6 == "" || seen[$2]++' | wc -l)" 0
rows real File | cut -f 1 | sort >"$work/files"
is "and every file has one" "$(rows real Component | cut -f 6 | sort | cmp -s - "$work/files" && rows real FeatureComponents | wc -l)" \
    "$(wc -l <"$work/files")"
is "the programs are in %ProgramFiles%\\Junction, which no property of the command line moves" \
    "$(cell real Component Service 3) $(cell real Component Client 3) $(cell real Directory InstallDir 2) $(cell real Directory InstallDir 3)" \
    "InstallDir InstallDir ProgramFiles64Folder Junction"
is "every name has a short one where it needs one" \
    "$(rows real File | cut -f 3 | grep -vE '^[A-Za-z0-9_-]{1,8}(\.[A-Za-z0-9_-]{1,3})?$|^[A-Z0-9_-]{1,6}~[1-9](\.[A-Z0-9_-]{1,3})?\|[^|]+$')" ""
is "PATH of the system, set and removed" "$(rows real Environment | tr '\t' ' ')" "Path =-*Path [~];[InstallDir] Client"
is "the service has one owner: no ServiceInstall" "$(msiinfo tables "$work/real.msi" | grep -x ServiceInstall)" ""
is "it is stopped before its file is replaced or removed, and started at the end" "$(rows real ServiceControl | tr '\t' ' ')" "Junctiond junctiond 35  1 Service"
for entry in "RegisterService 3090 install" "UnregisterService 3090 uninstall" "UndoRegisterService 3410 uninstall" \
    "UndoUpgradeService 3410 stop" "UndoUnregisterService 3410 install --start"; do
    read -r action type arguments <<<"$entry"
    is "$action: $arguments" "$(rows real CustomAction | awk -F '\t' -v name="$action" '$1 == name { print $2, $3, $4 }')" \
        "$type JunctiondExe $arguments"
    # 18 a program of the package, 1024 deferred, 2048 not as the user, 256 on rollback
    wanted=$((18 | 1024 | 2048))
    [[ $action != Undo* ]] || wanted=$((wanted | 256))
    is "$action is deferred and runs as SYSTEM$([[ $action != Undo* ]] || echo ", on rollback")" $((type & (63 | 256 | 1024 | 2048))) "$wanted"
done
order=$(rows real InstallExecuteSequence | sort -t $'\t' -k 3n | cut -f 1 | paste -sd ' ')
ordered() { # ACTION...
    local pattern=' ' action
    for action in "$@"; do
        pattern+="$action (.* )?"
    done
    if [[ " $order " =~ $pattern ]]; then
        pass "order: $*"
    else
        fails "order: $*" "$order"
    fi
}
ordered FindRelatedProducts LaunchConditions InstallValidate InstallInitialize RemoveExistingProducts ProcessComponents
ordered StopServices UndoUnregisterService UnregisterService RemoveFiles
ordered InstallFiles UndoRegisterService UndoUpgradeService RegisterService StartServices InstallFinalize
ordered RemoveEnvironmentStrings InstallFiles WriteEnvironmentStrings
is "no action stands twice at one place" "$(rows real InstallExecuteSequence | cut -f 3 | sort | uniq -d)" ""
upgrade=$(property real UpgradeCode)
is "older versions are replaced, newer ones only seen" "$(rows real Upgrade | sort -t $'\t' -k 7 | tr '\t' '|')" \
    "$upgrade|$version|||2||NEWERFOUND
$upgrade|0.0.0|$version||257||OLDERFOUND"
# Windows Installer searches once: with dialogs on the user's side, which hands over only properties that are named as secure.
is "what searches find reaches the conditions of a silent installation and of one with dialogs" \
    "$({ rows real AppSearch | cut -f 1 && rows real Upgrade | cut -f 7; } | sort | paste -sd ';')" \
    "$(property real SecureCustomProperties | tr ';' '\n' | sort | paste -sd ';')"
for program in JunctionExe JunctiondExe; do
    stated=$(cell real File "$program" 5)
    hashed=$(cell real MsiFileHash "$program" 1)
    if { [ "$stated" = "$version.0" ] && [ -z "$hashed" ]; } || { [ -z "$stated" ] && [ "$hashed" = "$program" ]; }; then
        pass "$program is told apart by its version, or else by its hash (${stated:-hash})"
    else
        fails "$program is told apart by its version, or else by its hash" "version: $stated" "hash: $hashed"
    fi
done
module=$root/deploy/windows/Junction
if [ -f "$module/Junction.psd1" ]; then
    is "the PowerShell module is in it" "$(rows real File | awk -F '\t' '$2 ~ /^C_ModuleVersionDir/' | wc -l)" "$(find "$module" -type f | wc -l)"
else
    skip "the PowerShell module is in it" "there is none in deploy/windows/Junction"
fi

# ---- how it calls the program ------------------------------------------------------------------------------------------

msi() { # VERB PACKAGE [PROPERTY=VALUE]...
    local verb=$1 package=$2
    shift 2
    rm -f "$place/record.txt" "$place/log.txt"
    call 120 msiexec "$verb" "Z:${work//\//\\}\\$package.msi" "$@" /qn /norestart /l\*v 'C:\junction-msi\log.txt'
}
record() {
    [ ! -f "$place/record.txt" ] || tr -d '\r' <"$place/record.txt" | paste -sd ';'
}
log() {
    [ ! -f "$place/log.txt" ] || tr -d '\0\r' <"$place/log.txt"
}
registry() { # KEY [VALUE]
    local found
    if found=$("$wine" reg query "$1" ${2:+/v "$2"} </dev/null 2>/dev/null); then
        tr -d '\r' <<<"$found"
    fi
}
paths() { # how often PATH names the programs
    registry 'HKLM\System\CurrentControlSet\Control\Session Manager\Environment' PATH | tr ';' '\n' |
        grep -cE '^(.* )?C:\\Program Files\\Junction\\$' || true
}
products() { # the versions that Windows shows as installed
    "$wine" reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' /s </dev/null 2>/dev/null | tr -d '\r' |
        awk '/DisplayName .* Junction$/ { ours = 1 } /DisplayVersion/ && ours { print $NF } /^HKEY/ { ours = 0 }' | paste -sd ' '
}
there() { # NAME PACKAGE: all files of the package are there, as they are in it
    local wrong
    rm -rf "$work/content"
    msiextract -C "$work/content" "$work/$2.msi" >/dev/null 2>&1
    wrong=$(cd "$work/content" && find . -type f | while IFS= read -r file; do
        cmp "$file" "$drive/Program Files/$file" 2>&1 || true
    done)
    if [ -z "$wrong" ] && [ -f "$work/content/Junction/junctiond.exe" ]; then
        pass "$1"
    else
        fails "$1" "$wrong"
    fi
}
gone() { # NAME
    local left
    left=$(find "$installed" "$drive/Program Files/WindowsPowerShell/Modules/Junction" 2>/dev/null || true)
    if [ -z "$left" ] && [ "$(paths)" -eq 0 ] && [ -z "$(products)" ]; then
        pass "$1"
    else
        fails "$1" "$left" "in PATH: $(paths)" "installed: $(products)"
    fi
}

made_by_users() {
    mkdir -p "$data/state"
    echo '{ }' >"$data/junction.json"
    echo precious >"$data/state/kept.txt"
}
kept() { # NAME
    is "$1: configuration and state are kept" "$(cat "$data/junction.json" "$data/state/kept.txt" 2>&1 | paste -sd ' ')" "{ } precious"
}
shown() { # NAME VERSION: installed once, in PATH once
    is "$1: installed is $2, in PATH once" "$(products), $(paths)" "$2, 1"
}

msi /i one
check "recorder: install" 0
is "install calls the program once" "$(record)" "one: install"
there "every file is there" one
shown "recorder: install" 0.1.0
is "Windows is told where it is" \
    "$(registry 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall\'"$(property one ProductCode)" InstallLocation | grep -c 'Program Files\\Junction\\$')" 1
msi /i one
check "recorder: install again" 0
is "which has nothing to do, and leaves the service alone" "$(record)" ""
shown "recorder: install again" 0.1.0
rm "$installed/junction.exe"
echo changed >"$installed/doc/README.md"
msi /i one REINSTALL=ALL
check "recorder: repair" 0
is "repair registers the service again" "$(record)" "one: install"
there "and puts back what is missing or changed" one

made_by_users
msi /i two
check "recorder: upgrade" 0
case $(record) in
"two: install")
    pass "the upgrade leaves the service registered, and brings the registration up to date"
    ;;
"one: uninstall;two: install")
    pass "the upgrade ends with the new version's registration"
    skip "the upgrade leaves the service registered meanwhile" "this host does not tell the old package that it is upgraded"
    ;;
*)
    fails "the upgrade ends with the new version's registration" "$(record)"
    ;;
esac
there "the new version's files are there" two
shown "recorder: upgrade" 0.2.0
kept "recorder: upgrade"

refusal() { # NAME TEXT: the last msi was refused by its conditions, before it did anything
    if [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [ -z "$(record)" ] && ! log | grep 'Action start .*: InstallInitialize' >/dev/null &&
        log | grep -E 'Action ended .*: LaunchConditions\. Return value [03]' >/dev/null; then
        pass "$1 is refused"
    else
        fails "$1 is refused" "exit $status" "$(record)" "$(log | grep 'Action')"
    fi
    if ! rows real LaunchCondition | cut -f 2 | grep -F -- "$2" >/dev/null; then
        fails "$1: the reason is in the package" "$(rows real LaunchCondition)"
    elif log | grep -F -- "$2" >/dev/null; then
        pass "$1: the log says why"
    else
        skip "$1: the log says why" "this host does not write the text of a condition"
    fi
}
msi /i one
refusal "a downgrade" "A newer version of Junction is installed."
there "the newer version is untouched" two
shown "recorder: downgrade" 0.2.0

touch "$place/fail-two-uninstall"
msi /x two
if [ "$status" -ne 0 ] && [ "$status" -ne 124 ]; then
    pass "a removal that cannot unregister the service fails"
else
    fails "a removal that cannot unregister the service fails" "$(told)"
fi
is "and registers it again" "$(record)" "two: uninstall;two: install --start"
there "with all its files" two
rm "$place/fail-two-uninstall"
if [ "$(products)" = 0.2.0 ]; then
    pass "and it still is installed"
else
    skip "and it still is installed" "this host does not undo that it forgot the product"
    "$wine" net stop junctiond </dev/null >/dev/null 2>&1 || true
    "$wine" sc delete junctiond </dev/null >/dev/null 2>&1 || true
    msi /i two
    check "recorder: install once more" 0
fi
msi /x two
check "recorder: removal" 0
is "removal unregisters the service" "$(record)" "two: uninstall"
gone "removal leaves nothing that the package brought"
kept "recorder: removal"

touch "$place/fail-one-install"
msi /i one
if [ "$status" -ne 0 ] && [ "$status" -ne 124 ]; then
    pass "an install whose service does not start fails"
else
    fails "an install whose service does not start fails" "$(told)"
fi
gone "and leaves nothing"
case $(record) in
"one: install;one: uninstall")
    pass "and unregisters the service"
    ;;
"one: install")
    if log | grep -E 'Action start .*: UndoRegisterService\.' >/dev/null; then
        skip "and unregisters the service" "this host removes the program before it calls it to undo"
    else
        fails "and unregisters the service" "$(log | grep Undo)"
    fi
    ;;
*)
    fails "and unregisters the service" "$(record)"
    ;;
esac
rm "$place/fail-one-install"

msi /i one
check "recorder: install for an upgrade that fails" 0
touch "$place/fail-two-install"
msi /i two
if [ "$status" -ne 0 ] && [ "$status" -ne 124 ]; then
    pass "an upgrade whose service does not start fails"
else
    fails "an upgrade whose service does not start fails" "$(told)"
fi
if [ "$(products)" = 0.1.0 ]; then
    there "and brings the old version back" one
    is "with its service" "$(record | tr ';' '\n' | tail -n 1)" "one: install --start"
else
    skip "and brings the old version back" "this host does not undo a nested removal"
fi
kept "recorder: an upgrade that fails"
rm "$place/fail-two-install"
msi /x two
msi /x one
gone "nothing is left of both"

key='HKLM\System\CurrentControlSet\Services\junctiond'
"$wine" reg add "$key" /v ImagePath /d 'C:\elsewhere\junctiond.exe' /f </dev/null >/dev/null 2>&1
msi /i one
refusal "an install beside a service that somebody registered by hand" "that no package of Junction installed"
gone "and leaves nothing"
"$wine" reg delete "$key" /f </dev/null >/dev/null 2>&1
key='HKLM\Software\Microsoft\Windows NT\CurrentVersion'
"$wine" reg delete "$key" /v CurrentMajorVersionNumber /f </dev/null >/dev/null 2>&1
msi /i one
refusal "Windows before 10" "Junction needs Windows 10"
"$wine" reg add "$key" /v CurrentMajorVersionNumber /t REG_DWORD /d 10 /f </dev/null >/dev/null 2>&1
rm -rf "$data"

# ---- with the real service ----------------------------------------------------------------------------------------------

newer=${version%.*}.$((${version##*.} + 1))
build_msi newer "$build" --version "$newer" || fails "a newer package" "$(cat "$work/newer.log")"

own() { # VERB
    call 60 "$installed/junctiond.exe" "$@"
}
answers() { # NAME
    own status
    check "$1: the service runs" 0
    call 60 "$installed/junction.exe" status --format json
    check "$1: and answers" 0 '"platform": ?"windows"'
}

# Wine's service manager gives a service ten seconds to begin, which a busy machine may need for other things; the installation is then
# taken back as a whole, and can be repeated.
for ((i = 0; i < 3; i++)); do
    msi /i real
    [ "$status" -ne 0 ] || break
    log | tail -n 5
    sleep 5
done
check "install" 0
if [ "$status" -ne 0 ]; then
    log | tail -n 30
fi
there "install: every file is there" real
shown "install" "$version"
answers "install"
is "install: the registered program is the installed one" \
    "$(registry 'HKLM\System\CurrentControlSet\Services\junctiond' ImagePath | grep -cF '"C:\Program Files\Junction\junctiond.exe"')" 1
is "install: the event source is registered" \
    "$(registry 'HKLM\System\CurrentControlSet\Services\EventLog\Application\junctiond' EventMessageFile | grep -cF 'Junction\junctiond.exe')" 1
if [ -d "$data" ]; then
    pass "install: there is a place for configuration and state"
else
    fails "install: there is a place for configuration and state" "$(ls "$drive/ProgramData" 2>&1)"
fi

made_by_users
call 30 "$installed/junctiond.exe" check-config 'C:\ProgramData\Junction\junction.json'
if [ "$status" -ne 0 ]; then
    skip "the service with a configuration" "everything under Wine belongs to an untrusted account: $(tr -d '\r' <"$err" | head -n 1)"
    mv "$data/junction.json" "$data/state/junction.json"
fi
unchanged() { # NAME
    is "$1: configuration and state are kept" \
        "$(cat "$data"/junction.json "$data/state/junction.json" "$data/state/kept.txt" 2>/dev/null | paste -sd ' ')" "{ } precious"
}
msi /i real
check "install again" 0
answers "install again"
own stop
check "stop" 0
msi /i real REINSTALL=ALL
check "repair" 0
answers "repair"
msi /i newer
check "upgrade" 0
shown "upgrade" "$newer"
answers "upgrade"
unchanged "upgrade"
msi /i real
refusal "a downgrade of the real service" "A newer version of Junction is installed."
answers "downgrade"
msi /x newer
check "removal" 0
gone "removal leaves nothing that the package brought"
is "removal: no service, no event source" "$(registry 'HKLM\System\CurrentControlSet\Services\junctiond')$(
    registry 'HKLM\System\CurrentControlSet\Services\EventLog\Application\junctiond')" ""
unchanged "removal"
call 60 "$build/junction.exe" --timeout 5 status
check "removal: the client says that there is no service" 3
rm -rf "$data"
msi /i real
check "install and remove on a machine without a configuration" 0
msi /x real
check "removal" 0
if [ -e "$data" ]; then
    fails "an empty directory of configuration goes, too" "$(ls -la "$data")"
else
    pass "an empty directory of configuration goes, too"
fi

# ---- winget ------------------------------------------------------------------------------------------------------------

url='https://downloads.example/a&b/junction.msi?x=1'
winget() {
    status=0
    "$root/deploy/windows/winget.sh" "$@" >"$out" 2>"$err" </dev/null || status=$?
}
winget --url "$url" --identifier Some.Junction --output "$work/winget" "$work/real.msi"
check "the winget manifest is filled" 0 'Some.Junction.yaml$' 'Some.Junction.installer.yaml$' 'Some.Junction.locale.en-US.yaml$'
said=$(/usr/bin/python3 - "$work/winget" "$version" "$(property real ProductCode)" "$(property real UpgradeCode)" \
    "$(sha256sum "$work/real.msi" | cut -d ' ' -f 1)" "$url" 2>&1 <<'END'
import pathlib
import sys

import yaml

directory, version, product, upgrade, digest, url = sys.argv[1:]
files = {path.name: yaml.safe_load(path.read_text()) for path in pathlib.Path(directory).iterdir()}
kinds = {"Some.Junction.yaml": "version", "Some.Junction.installer.yaml": "installer", "Some.Junction.locale.en-US.yaml": "defaultLocale"}
assert {name: file["ManifestType"] for name, file in files.items()} == kinds, files
for name, file in files.items():
    assert "@" not in (pathlib.Path(directory) / name).read_text(), name
    assert file["PackageIdentifier"] == "Some.Junction", name
    assert file["PackageVersion"] == version, name
    assert file["ManifestVersion"] == "1.6.0", name
assert files["Some.Junction.yaml"]["DefaultLocale"] == "en-US"
locale = files["Some.Junction.locale.en-US.yaml"]
assert locale["PackageLocale"] == "en-US" and locale["License"] == "MIT", locale
assert all(0 < len(locale[name]) <= 256 for name in ("Publisher", "PackageName", "ShortDescription")), locale
assert all(0 < len(tag) <= 40 and " " not in tag for tag in locale["Tags"]) and len(locale["Tags"]) <= 16, locale
installer = files["Some.Junction.installer.yaml"]
assert (installer["InstallerType"], installer["Scope"]) == ("msi", "machine"), installer
assert installer["ProductCode"] == product, installer
(entry,) = installer["AppsAndFeaturesEntries"]
assert (entry["ProductCode"], entry["UpgradeCode"], entry["DisplayVersion"]) == (product, upgrade, version), entry
(one,) = installer["Installers"]
assert one == {"Architecture": "x64", "InstallerUrl": url, "InstallerSha256": digest.upper()}, one
END
) || said+=" (exit $?)"
is "it is YAML with the package's values" "$said" ""
winget --url 'http://downloads.example/x.msi' --output "$work/winget2" "$work/real.msi"
check "an address that is no https address is refused" 2 'https'
winget --url $'https://downloads.example/x\nInstallerType: exe' --output "$work/winget2" "$work/real.msi"
check "an address that would write another line is refused" 2 'https'
winget --url "$url" --identifier 'a: b' --output "$work/winget2" "$work/real.msi"
check "an identifier that is none is refused" 2 'identifier'
winget --url "$url" --output "$work/winget2" "$build/junction.exe"
check "a file that is no package is refused" 1 'no '
winget --url "$url" --output "$work/winget2" "$work/nothing.msi"
check "a file that is not there is refused" 1 'there is no'
if [ -e "$work/winget2" ]; then
    fails "and nothing is written" "$(ls "$work/winget2")"
else
    pass "and nothing is written"
fi

"$wine" --stop
rm -rf "$JUNCTION_WINEPREFIX"
finish
