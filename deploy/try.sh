#!/usr/bin/env bash
# Shows junction at work, on an NTFS volume made for it: installs what is missing, builds, mounts the volume, starts the
# service as root, and runs the client as an ordinary user. Leaves nothing behind but the build and the packages.
#
#   deploy/try.sh          as root, or as a user who may use sudo
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

say() {
    printf '\n== %s\n' "$*"
}
fail() {
    printf 'try.sh: %s\n' "$*" >&2
    exit 1
}

# Runs as the owner of the tree where root was reached by sudo, so that he can build there again.
as_builder() {
    if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$(stat -c %U "$root")" = "$SUDO_USER" ]; then
        setpriv --reuid "$SUDO_USER" --regid "$(id -g "$SUDO_USER")" --init-groups -- "$@"
    else
        "$@"
    fi
}

if [ "${1:-}" != --built ]; then
    [ "$#" -eq 0 ] || fail "no arguments are taken"
    [ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
        fail "mounting a volume and the service need root: run this as root, or install sudo"
    # By whoever builds: in a directory that root made here under sudo, the owner of the tree could not.
    as_builder mkdir -p build/logs build/native 2>/dev/null && as_builder test -w build/logs -a -w build/native ||
        fail "$root/build cannot be written to; if root built there before, remove it: sudo rm -rf $root/build"
    say "packages"
    log=build/logs/try-packages.log
    as_builder rm -f "$log"
    if ! deploy/packages.sh build run 2>&1 | as_builder tee "$log" | sed -un '/^installing: /p'; then
        tail -n 20 "$log" >&2
        fail "the packages could not be installed; all that was said is in $log"
    fi
    [ -s "$log" ] || echo "nothing is missing"
    say "build"
    log=build/logs/try-build.log
    as_builder rm -f "$log"
    as_builder touch "$log"
    for command in "cmake --preset native" "cmake --build --preset native --target junction junctiond"; do
        echo "\$ $command"
        # shellcheck disable=SC2086 # words are wanted
        if ! as_builder $command >>"$log" 2>&1 </dev/null; then
            tail -n 40 "$log" >&2
            fail "the build failed; all of it is in $log"
        fi
    done
    if [ "$(id -u)" -ne 0 ]; then
        exec sudo -- "$root/deploy/try.sh" --built
    fi
fi

# ---- root from here on ----------------------------------------------------------------------------------------------

umask 022
if [ ! -c /dev/fuse ]; then
    modprobe fuse 2>/dev/null || true
fi
if ! (: <>/dev/fuse) 2>/dev/null; then
    fail "/dev/fuse cannot be opened, and NTFS volumes are mounted through it. In a container start it with" \
        "--device /dev/fuse --cap-add SYS_ADMIN; in a chroot bind-mount /dev; else load the kernel module \"fuse\"."
fi

# A short name that others can reach, whatever TMPDIR says.
scratch=$(mktemp -d "/tmp/junction-try.XXXXXX")
service=
mounted=
cleanup() {
    local status=$?
    trap - EXIT INT TERM HUP
    cd /
    if [ -n "$service" ]; then
        kill -TERM "$service" 2>/dev/null || true
        local i
        for ((i = 0; i < 200; i++)); do
            kill -0 "$service" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$service" 2>/dev/null || true
        wait "$service" 2>/dev/null || true
    fi
    if [ -n "$mounted" ]; then
        umount "$scratch/volume" 2>/dev/null || umount -l "$scratch/volume" || status=1
    fi
    rm -rf --one-file-system "$scratch" || status=1
    if [ "$status" -eq 0 ]; then
        printf '\nAll of it worked, and was cleaned up.\n'
    else
        printf '\nIt did not work (exit %s).\n' "$status" >&2
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 0755 "$scratch"
mkdir "$scratch/volume" "$scratch/run" "$scratch/bin"

if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
    user=$SUDO_USER
else
    user=nobody
fi
uid=$(id -u "$user") || fail "there is no user $user"
gid=$(id -g "$user")

# The user may be unable to reach the tree (a home of mode 0700), or the scratch directory may be on a noexec mount.
install -m 0755 build/native/junction "$scratch/bin/junction"
as_user() {
    setpriv --reuid "$uid" --regid "$gid" --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
        env -i PATH="$client_path:/usr/bin:/bin" HOME=/ LC_ALL=C.UTF-8 "$@" </dev/null
}
client_path=$scratch/bin
if ! as_user junction --version >/dev/null 2>&1; then
    client_path=$root/build/native
    as_user junction --version >/dev/null || fail "$user can execute the client neither in $scratch nor in $client_path"
fi

say "an NTFS volume in a file, mounted with ntfs-3g"
image=$scratch/volume.img
truncate -s 64M "$image"
/sbin/mkntfs -F -Q -q -L Try "$image" >/dev/null 2>&1 || fail "mkntfs failed"
echo "\$ ntfs-3g $image $scratch/volume -o permissions"
if ! ntfs-3g "$image" "$scratch/volume" -o permissions >"$scratch/mount.log" 2>&1; then
    cat "$scratch/mount.log" >&2
    fail "ntfs-3g could not mount the volume"
fi
mounted=yes
chmod 0755 "$scratch/volume"
mkdir "$scratch/volume/apps" "$scratch/volume/system"
chown "$uid:$gid" "$scratch/volume/apps"

say "the service, as root"
printf '{ "drives": { "C:": "%s" } }\n' "$scratch/volume" >"$scratch/junction.json"
PIPE=$scratch/run/junction.sock
echo "\$ junctiond run --pipe $PIPE --config $scratch/junction.json &"
cat "$scratch/junction.json"
build/native/junctiond run --pipe "$PIPE" --config "$scratch/junction.json" \
    >"$scratch/service.log" 2>&1 </dev/null &
service=$!
for ((i = 0; i < 100; i++)); do
    [ -S "$PIPE" ] && break
    kill -0 "$service" 2>/dev/null || break
    sleep 0.1
done
if [ ! -S "$PIPE" ]; then
    cat "$scratch/service.log" >&2
    fail "the service did not start"
fi

say "the client, as $user (uid $uid), in $scratch/volume/apps"
cd "$scratch/volume/apps"

# EXPECTED-STATUS COMMAND...: prints the command and its answer, as it would look to the user.
run() {
    local expected=$1 status=0
    shift
    printf '\n$'
    local word
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./:=+-]+$ ]]; then
            printf ' %s' "$word"
        else
            printf " '%s'" "$word"
        fi
    done
    printf '\n'
    if [ "$1" = junction ]; then
        shift
        as_user junction --pipe "$PIPE" "$@" 2>&1 || status=$?
    else
        as_user "$@" 2>&1 || status=$?
    fi
    [ "$status" -eq 0 ] || echo "(exit $status)"
    if [ "$status" -ne "$expected" ]; then
        cat "$scratch/service.log" >&2
        fail "exit $status where $expected was expected"
    fi
}

# What another program finds in the image file: PATH TARGET, or PATH alone for "no link".
seven_zip() {
    local path=$1 target=${2:-} block
    block=$(7zz l -slt "$image" 2>&1 | awk -v path="Path = $path" '
        $0 == path { inside = 1 }
        inside && $0 == "" { exit }
        inside')
    printf '\n$ 7zz l -slt volume.img\n'
    if [ -z "$target" ]; then
        if [ -n "$block" ]; then
            printf '%s\n' "$block" | sed 's/^/    /'
            fail "7zz still finds $path on the volume"
        fi
        echo "    (no entry $path)"
        return
    fi
    printf '%s\n' "$block" | grep -E '^(Path|Folder|Link) = ' | sed 's/^/    /' || true
    # Newer versions print the \??\ that is on the disk as \\?\.
    local prefix found=
    for prefix in '\??\' '\\?\'; do
        if grep -qxF -- "Link = Junction: $prefix$target : $target" <<<"$block"; then
            found=yes
        fi
    done
    [ -n "$found" ] || fail "7zz does not find a junction to $target at $path"
}

echo "(every \"junction\" below is run with --pipe $PIPE)"
run 0 mkdir app-1.0 app-2.0
run 0 junction create current app-1.0
seven_zip apps/current 'C:\apps\app-1.0'
run 0 junction show current
run 0 junction show --check --format json current
run 0 junction create elsewhere 'D:\data'
seven_zip apps/elsewhere 'D:\data'
run 0 junction list -s .
run 6 junction create current app-2.0
run 0 junction create --replace current app-2.0
seven_zip apps/current 'C:\apps\app-2.0'
run 4 junction create ../system/mine app-1.0
run 0 junction delete current
run 0 junction delete elsewhere
seven_zip apps/current
run 0 junction list -s .
run 0 ls
[ -d "$scratch/volume/apps/app-2.0" ] || fail "the target of the deleted junction is gone"
