#!/usr/bin/env bash
# The reader of raw volumes under Wine: on an image, and on \\.\N:, which Wine lets stand for that image. Proves the Windows side of the
# block source and the reader itself; not what a real Windows allows.
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" -ne 0 ] || [ ! -c /dev/fuse ]; then
    skip "junctiond scan" "it needs a volume, and that root and /dev/fuse"
    finish
    exit
fi

image=$work/volume.img
mkdir "$work/mount"
truncate -s 64M "$image"
mkntfs -F -Q -q "$image" >/dev/null 2>&1
ntfs-3g "$image" "$work/mount"
trap 'mountpoint -q "$work/mount" && umount "$work/mount"; cleanup' EXIT
PYTHONPATH=$root/tests/system /usr/bin/python3 - "$work/mount" <<'PYTHON'
import os, sys
from harness import junction_buffer, plant
root = sys.argv[1]
os.makedirs(root + "/a/b")
for number in range(700):
    plant("%s/a/b/link-%d" % (root, number), junction_buffer("C:\\target-%d" % number))
PYTHON
umount "$work/mount"

for number in $(seq 0 699); do
    echo "junction    /a/b/link-$number -> C:\\target-$number"
done | sort >"$work/wanted"
ln -sfn "$image" "$build/../wine/dosdevices/n::"
for place in "Z:${image//\//\\}" '\\.\N:'; do
    for source in index scan; do
        call 60 "$build/junctiond.exe" scan --format text --source "$source" "$place"
        if [ "$status" -eq 0 ] && tr -d '\r' <"$out" | sort | cmp -s - "$work/wanted"; then
            pass "scan $source of ${place##*\\}: all 700"
        else
            fails "scan $source of ${place##*\\}: all 700" "$(told | tail -n 5)"
        fi
    done
done
rm -f "$build/../wine/dosdevices/n::"
call 60 "$build/junctiond.exe" scan "Z:${work//\//\\}\\wanted"
check "what is no volume" 8 'no NTFS volume'
call 60 "$build/junctiond.exe" scan 'Z:\nothing\here'
check "what is not there" 5
call 60 "$build/junctiond.exe" scan 'Z:\'
check "a directory" 4

finish
