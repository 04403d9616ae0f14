#!/usr/bin/env bash
# Runs a Windows program under Wine, in a prefix of our own (build/wine). ctest uses it as its emulator.
#
#   tests/windows/wine.sh PROGRAM.exe ARGUMENT...
#   tests/windows/wine.sh --prepare        makes the prefix, if there is none, and keeps its server for 30 s between programs
#   tests/windows/wine.sh --stop           ends that server and whatever runs in the prefix
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export WINEPREFIX=${JUNCTION_WINEPREFIX:-$root/build/wine}
export WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml=" WINEARCH=win64
unset DISPLAY WAYLAND_DISPLAY

# One start in some thousands ends with status 1 and no word: the heap, whose place is random, lies where Wine's loader must map the
# page that all Windows programs share (0x7ffe0000).
steady=()
! setarch -R true 2>/dev/null || steady=(setarch -R)

prepare() {
    local lock
    mkdir -p "$WINEPREFIX"
    # Several tests may come here first at once. The server outlives this script and must not inherit the lock.
    exec {lock}>"$WINEPREFIX.lock"
    flock "$lock"
    if [ ! -f "$WINEPREFIX/prepared" ]; then
        # With HOME unset or not ours Wine refuses to start.
        [ -n "${HOME:-}" ] && [ -O "${HOME:-}" ] || export HOME="$WINEPREFIX"
        "${steady[@]}" wine wineboot -i {lock}>&- </dev/null >"$WINEPREFIX.log" 2>&1
        "${steady[@]}" wine winecfg -v win10 {lock}>&- </dev/null >>"$WINEPREFIX.log" 2>&1
        # The server that made the prefix may have started its service manager twice: services do not start under it.
        wineserver -k -w >/dev/null 2>&1 || true
        touch "$WINEPREFIX/prepared"
    fi
    exec {lock}>&-
}

case ${1:-} in
--prepare)
    prepare
    # Services end with the server, and that with the last program, unless it is told to stay a while.
    "${steady[@]}" wineserver -p30 >/dev/null 2>&1 || true # says so when it runs already
    ;;
--stop)
    wineserver -k >/dev/null 2>&1 || true # the server of this prefix only
    ;;
"")
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
*)
    [ -f "$WINEPREFIX/prepared" ] || prepare
    [ -n "${HOME:-}" ] && [ -O "${HOME:-}" ] || export HOME="$WINEPREFIX"
    exec "${steady[@]}" wine "$@"
    ;;
esac
