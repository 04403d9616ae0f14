#!/usr/bin/env bash
# Builds the Windows Installer package: build/windows/junction-VERSION-x64.msi. Needs: deploy/packages.sh build windows
#
#   deploy/windows/build-msi.sh                  builds the programs, too
#   deploy/windows/build-msi.sh --programs DIR   takes junction.exe and junctiond.exe (signed ones, perhaps) from DIR
#
#   --version X.Y.Z   of the package, where it is not that of the programs
#   --output FILE
#
# The same version always is the same product; with the same files and SOURCE_DATE_EPOCH (default: the time of the last commit)
# the package is the same byte for byte.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

complain() {
    echo "build-msi.sh: $1" >&2
    exit "${2:-1}"
}

programs='' version='' output=''
while [ "$#" -gt 0 ]; do
    case $1 in
    --programs | --version | --output)
        [ "$#" -ge 2 ] || complain "a value is missing behind $1" 2
        declare "${1#--}=$2"
        shift 2
        ;;
    *)
        sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
done
for tool in wixl msibuild msiinfo faketime python3; do
    command -v "$tool" >/dev/null || complain "$tool is missing: deploy/packages.sh windows"
done
[ -n "$version" ] || version=$(sed -n 's/^project(junction VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")
# Windows Installer compares three numbers of this size, and no fourth.
if ! [[ $version =~ ^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,5})$ ]] || [ "${BASH_REMATCH[1]}" -gt 255 ] ||
    [ "${BASH_REMATCH[2]}" -gt 255 ] || [ "${BASH_REMATCH[3]}" -gt 65535 ]; then
    complain "\"$version\" is no version of a package: X.Y.Z, at most 255.255.65535" 2
fi
if [ -z "$programs" ]; then
    (cd "$root" && deploy/windows-deps.sh && cmake --preset windows >/dev/null &&
        cmake --build --preset windows --target junction junctiond)
    programs=$root/build/windows
fi
programs=$(realpath -e "$programs")
[ -n "$output" ] || output=$root/build/windows/junction-$version-x64.msi
mkdir -p "$(dirname "$output")"
output=$(realpath "$output")
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}

work=$(mktemp -d "$(dirname "$output")/msi.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 "$here/msi_files.py" "$programs" "$version" "$epoch" "$work"
cp "$here/junction.wxs" "$work"
cd "$work"

# wixl writes the time of the day into the package; it wants relative names.
at_epoch() {
    NO_FAKE_STAT=1 faketime -f "$(date -u -d "@$epoch" '+%Y-%m-%d %H:%M:%S')" "$@"
}
define=()
while IFS= read -r line; do
    define+=(-D "$line")
done <variables
value() {
    sed -n "s/^$1=//p" variables
}
if ! at_epoch wixl -a x64 -I . "${define[@]}" -o package.msi junction.wxs >wixl.log 2>&1 || [ ! -s package.msi ]; then
    cat wixl.log >&2
    complain "wixl failed"
fi

# A table from columns that are separated by `|`; lines that begin with # are comments.
import=() tables=()
table() { # NAME
    grep -v '^ *#' | sed 's/|/\t/g; s/$/\r/' >"$1.idt"
    import+=(-i "$1.idt")
    tables+=("$1")
}

# Below this version: replaced. Above: LaunchCondition refuses. Attributes: 1 migrate features, 2 only detect, 256 minimum included.
table Upgrade <<END
UpgradeCode|VersionMin|VersionMax|Language|Attributes|Remove|ActionProperty
s38|S20|S20|S255|i4|S255|s72
Upgrade|UpgradeCode|VersionMin|VersionMax|Language|Attributes
{$(value UpgradeCode)}|0.0.0|$version||257||OLDERFOUND
{$(value UpgradeCode)}|$version|||2||NEWERFOUND
END

# = set when installed, - removed when uninstalled, * of the system; [~] what is there already.
table Environment <<'END'
Environment|Name|Value|Component_
s72|l255|L255|s72
Environment|Environment
Path|=-*Path|[~];[InstallDir]|Client
END

# The service is registered by one owner, its program's own verbs; these only call them. Windows Installer stops and starts it
# (ServiceControl): so it knows whose files are in use, does not go on before the service runs, and undoes both.
# 18 a program of the package + 1024 deferred + 2048 as SYSTEM = 3090; + 256 on rollback = 3346; 51 sets a property.
# What a rollback's program answers is ignored by Windows Installer in any case; + 64 says so.
table CustomAction <<'END'
Action|Type|Source|Target|ExtendedType
s72|i2|S72|S255|I4
CustomAction|Action
SetInstallLocation|51|ARPINSTALLLOCATION|[InstallDir]|
RegisterService|3090|JunctiondExe|install|
UndoRegisterService|3410|JunctiondExe|uninstall|
UndoUpgradeService|3410|JunctiondExe|stop|
UnregisterService|3090|JunctiondExe|uninstall|
UndoUnregisterService|3410|JunctiondExe|install --start|
END

# An upgrade removes the old version inside the transaction (1510), so that a failure brings it back. The old version stops the
# service and leaves it registered, and the new one's `install` updates the registration: while anybody looks at a deleted service
# (the Services console is enough), Windows lets nobody register it anew. A rollback runs backwards: what undoes an action stands
# before it, UndoUnregisterService before RemoveFiles so that it finds its program back in place.
table InstallExecuteSequence <<'END'
Action|Condition|Sequence
s72|S255|I2
InstallExecuteSequence|Action
FindRelatedProducts||25
AppSearch||50
LaunchConditions||100
ValidateProductID||700
CostInitialize||800
FileCost||900
CostFinalize||1000
SetInstallLocation||1010
MigrateFeatureStates||1200
InstallValidate||1400
InstallInitialize||1500
RemoveExistingProducts||1510
ProcessComponents||1600
UnpublishFeatures||1800
StopServices|VersionNT|1900
UndoUnregisterService|REMOVE~="ALL"|1910
UnregisterService|REMOVE~="ALL" AND NOT UPGRADINGPRODUCTCODE|1920
RemoveEnvironmentStrings||3300
RemoveFiles||3500
RemoveFolders||3600
CreateFolders||3700
InstallFiles||4000
WriteEnvironmentStrings||5200
UndoRegisterService|NOT Installed AND NOT OLDERFOUND|5810
UndoUpgradeService|NOT Installed AND OLDERFOUND|5820
RegisterService|NOT Installed OR REINSTALL|5830
StartServices|VersionNT|5900
RegisterUser||6000
RegisterProduct||6100
PublishFeatures||6300
PublishProduct||6400
InstallFinalize||6600
END

table InstallUISequence <<'END'
Action|Condition|Sequence
s72|S255|I2
InstallUISequence|Action
FindRelatedProducts||25
AppSearch||50
LaunchConditions||100
ValidateProductID||700
CostInitialize||800
FileCost||900
CostFinalize||1000
MigrateFeatureStates||1200
ExecuteAction||1300
END

# What is imported replaces what wixl wrote; and tables that say nothing go: an empty ServiceInstall would invite a second owner of the
# registration.
present=$(msiinfo tables package.msi)
drop=()
for name in "${tables[@]}" Binary Error Icon Registry RemoveFile ServiceInstall Shortcut; do
    if grep -xF "$name" <<<"$present" >/dev/null; then
        drop+=(-q "DROP TABLE \`$name\`")
    fi
done
query=()
while IFS= read -r line; do
    query+=(-q "$line")
done <queries
change() {
    at_epoch msibuild package.msi "$@" >msibuild.log 2>&1 || { cat msibuild.log >&2; complain "msibuild failed"; }
}
change "${drop[@]}"
change "${import[@]}"
change "${query[@]}"
change -s "Junction $version" "junction contributors" "x64;1033" "{$(value PackageCode)}"

# The tools may fail without saying so. They keep the rows in an order of their own.
for name in "${tables[@]}"; do
    msiinfo export package.msi "$name" | sort >found
    sort "$name.idt" | diff found - >&2 || complain "the table $name did not get into the package"
done
mv package.msi "$output"
echo "$output: version $version, product {$(value ProductCode)}"
