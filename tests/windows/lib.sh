# What the tests of the Windows programs share: counting, running a program under Wine, judging its answer. Sourced by test_*.sh, which
# end with `finish`; its last line is `N passed, N failed, N skipped`.
# shellcheck shell=bash disable=SC2034 # what is set here is used there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
here=$root/tests/windows
build=$root/build/windows
part=$(basename "$0" .sh)
part=${part#test_}
work=$build/wine-tests/$part
wine=$here/wine.sh
pipe="\\\\.\\pipe\\junction-$part-$$"

passed=0 failed=0 skipped=0
pass() {
    passed=$((passed + 1))
    echo "ok       $1"
}
fails() {
    failed=$((failed + 1))
    echo "FAILED   $1"
    shift
    printf '%s\n' "$@" | sed 's/^/         | /' | head -n 20 || true
}
skip() {
    skipped=$((skipped + 1))
    echo "SKIPPED  $1: $2"
}
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

for program in "$build/junction.exe" "$build/junctiond.exe"; do
    if [ ! -f "$program" ]; then
        fails "the programs are built" "there is no $program: cmake --preset windows && cmake --build --preset windows"
        finish
        exit 1
    fi
done

rm -rf "$work"
mkdir -p "$work/tree/inner/deep"
echo text >"$work/tree/file.txt"
"$wine" --prepare

# A program of the tests, made with the cross compiler: NAME.c here becomes $work/NAME.exe.
compile() { # NAME [LIBRARY]...
    local name=$1
    shift
    x86_64-w64-mingw32-gcc -std=c11 -O1 -Wall -Wextra -Werror -D_WIN32_WINNT=0x0A00 -D__USE_MINGW_ANSI_STDIO=1 \
        -static -o "$work/$name.exe" "$here/$name.c" "$@"
}

# The answer of the last command: $status, and files $out and $err.
out=$work/out err=$work/err status=0
call() { # SECONDS PROGRAM ARGUMENT...
    local seconds=$1
    shift
    status=0
    (cd "$work/tree" && timeout -k 5 "$seconds" "$wine" "$@" </dev/null >"$out" 2>"$err") || status=$?
}
client() {
    call 60 "$build/junction.exe" "$@"
}
raw() { # after: compile pipe_client
    call 120 "$work/pipe_client.exe" "$@"
}
told() {
    echo "exit $status"
    head -c 3000 "$out"
    head -c 3000 "$err"
}
# NAME EXPECTED-STATUS [PATTERN in the output or the errors]...
check() {
    local name=$1 expected=$2 pattern
    shift 2
    if [ "$status" -ne "$expected" ]; then
        fails "$name" "exit $expected was expected" "$(told)"
        return
    fi
    for pattern in "$@"; do
        # Not -q: who stops reading early makes the others fail.
        if ! cat "$out" "$err" | tr -d '\r' | grep -E -- "$pattern" >/dev/null; then
            fails "$name" "nothing matches $pattern" "$(told)"
            return
        fi
    done
    pass "$name"
}

# Ends what a test left running, however the test ends.
service=
cleanup() {
    local code=$?
    trap - EXIT
    if [ -n "$service" ]; then
        kill -KILL "$service" 2>/dev/null || true
    fi
    exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# Starts the service in the foreground on $pipe, as $service, and waits until it answers. It and the client that asks are started
# through $launcher, if there is one.
launcher=()
serve() { # [ARGUMENT]...
    "$wine" "${launcher[@]}" "$build/junctiond.exe" run --pipe "$pipe" "$@" >"$work/service.out" 2>"$work/service.log" </dev/null &
    service=$!
    for ((i = 0; i < 100; i++)); do
        call 60 "${launcher[@]}" "$build/junction.exe" --pipe "$pipe" --timeout 5 status
        [ "$status" -ne 0 ] || break
        kill -0 "$service" 2>/dev/null || break
        sleep 0.1
    done
    if [ "$status" -ne 0 ]; then
        fails "the service starts" "$(told)" "$(head -c 3000 "$work/service.log" "$work/service.out")"
        finish
        exit 1
    fi
    pass "the service starts"
}

# A connection that was dropped counts until the service has seen its end: waits until there is none but the one that asks.
settle() {
    local i
    for ((i = 0; i < 60; i++)); do
        client --pipe "$pipe" status --format json
        if [ "$status" -eq 0 ] && grep -E '"open": ?1[,}]' "$out" >/dev/null; then
            return
        fi
        sleep 0.5
    done
}

# Ctrl-C, which Wine makes of the signal.
interrupt() {
    kill -INT "$service"
    for ((i = 0; i < 250; i++)); do
        kill -0 "$service" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$service" 2>/dev/null; then
        fails "Ctrl-C ends the service with exit 0" "it still runs" "$(tail -n 20 "$work/service.log")"
    else
        status=0
        wait "$service" || status=$?
        service=
        cat "$work/service.out" "$work/service.log" >"$out"
        : >"$err"
        check "Ctrl-C ends the service with exit 0" 0 '"event":"stopped"'
    fi
}
