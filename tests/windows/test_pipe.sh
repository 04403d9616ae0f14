#!/usr/bin/env bash
# The pipe under load and under abuse, clients that know nothing of our code, and the client's own behaviour with servers that are none
# and streams that are none.
# Wine enforces no descriptor on pipes and gives the server's own token when it impersonates: nothing here proves that a caller is kept
# out. What it proves: no question is lost or answered out of order, deadlines hold, nobody holds up others, and the client sends
# nothing to a server that it does not trust.
. "$(dirname "$0")/lib.sh"
compile pipe_client
compile launch
compile foreign_server -ladvapi32

ask='{"jsonrpc":"2.0","id":1,"method":"service.status"}'
list='{"jsonrpc":"2.0","id":7,"method":"reparse.list","params":{"path":"Z:\\usr","recurse":true}}'

# ---- limits of a configuration that is trusted ------------------------------------------------------------------------------
#
# Under Wine everybody is an elevated administrator whose files belong to his own account, which an elevated service does not trust.
# The token without elevation that belongs to it makes a service that trusts its own account; it may serve every caller all the same,
# since Wine leaves SeImpersonatePrivilege in that token.

drive_c=${JUNCTION_WINEPREFIX:-$root/build/wine}/drive_c
place=$drive_c/junction-test-pipe
rm -rf "$place"
mkdir -p -m 755 "$place"
printf '{"limits": {"connections": 300, "connectionsPerIdentity": 250}}' >"$place/junction.json"
chmod 644 "$place/junction.json"

call 30 "$work/launch.exe" lower "$build/junctiond.exe" check-config 'C:\junction-test-pipe\junction.json'
raised=no
if [ "$status" -eq 0 ]; then
    pass "a configuration of the service's own account is accepted by one without elevation"
    raised=yes
    # A letter that the system's code page lacks.
    cp -p "$place/junction.json" "$place/konfigurace-ř.json"
    call 30 "$work/launch.exe" lower "$build/junctiond.exe" check-config 'C:\junction-test-pipe\konfigurace-ř.json'
    check "its name may have any letter" 0 'ř.json: ok'
    launcher=("$work/launch.exe" lower)
    serve --config 'C:\junction-test-pipe\junction.json'
    raw crowd "$pipe" 200 1
    check "200 clients at once with limits raised: each is answered" 0 '^answered 200 refused 0 lost 0 unconnected 0$'
    raw stream "$pipe" 200 50 32
    check "200 clients, 50 questions each, up to 32 at a time: none lost, all in order" 0 \
        '^answered 10000 refused 0 lost 0 unconnected 0$'
    client --pipe "$pipe" status --format json
    check "a service that may impersonate serves callers of another elevation" 0 '"privileged": ?false'
    kill -KILL "$service"
    wait "$service" 2>/dev/null || true
    service=
    launcher=()
else
    fails "a configuration of the service's own account is accepted by one without elevation" "$(told)"
fi
rm -rf "$place"

# ---- the same service for everybody -----------------------------------------------------------------------------------------

pipe=$pipe-b
serve
client --pipe "$pipe" status --format json
check "the service may change disks" 0 '"mayChange": ?true'
raw stream "$pipe" 40 250 64
check "40 clients, 250 questions each, up to 64 at a time: none lost, all in order" 0 \
    '^answered 10000 refused 0 lost 0 unconnected 0$'
raw drop "$pipe" 10000
check "10 000 connections that are dropped at once" 0 '^dropped 10000$'
settle
client --pipe "$pipe" status
check "and the service answers" 0

# Silence costs a place for a while, and nobody else's time.
"$wine" "$work/pipe_client.exe" silent "$pipe" 20 >"$work/silent.out" 2>&1 </dev/null &
silent=$!
"$wine" "$work/pipe_client.exe" half "$pipe" 60 >"$work/half.out" 2>&1 </dev/null &
half=$!
raw stream "$pipe" 10 100 16
check "silent and slow clients do not hold up others" 0 '^answered 1000 refused 0 lost 0 unconnected 0$'
wait "$silent" || true
cp "$work/silent.out" "$out"
status=0 check "each silent client is told that its time is up" 0 '^answered 20 refused 0 lost 0 unconnected 0$'
wait "$half" || true
cp "$work/half.out" "$out"
status=0 check "so is one that sends half a line" 0 TIMED_OUT '\(end\)'

# Lists that nobody waits for end by themselves.
raw leave "$pipe" 20 "$list"
check "20 clients ask for a list and leave" 0 '^left 20$'
running=unknown
for ((i = 0; i < 200; i++)); do
    client --pipe "$pipe" status --format json
    running=$(tr -d '\r\n ' <"$out" | sed -n 's/.*"running":\([0-9]*\).*/\1/p')
    [ "$running" != 0 ] || break
    sleep 0.1
done
if [ "$running" = 0 ]; then
    pass "their lists have ended"
else
    fails "their lists have ended" "$(told)"
fi

# A level at which the service cannot act as the caller. Wine ignores it.
for level in anonymous identification; do
    raw level "$pipe" "$level" "$ask"
    if [ "$status" -eq 0 ] && grep '"result"' "$out" >/dev/null; then
        skip "a client of the $level level is refused with IDENTITY_LEVEL" "this host ignores the level"
    else
        check "a client of the $level level is refused with IDENTITY_LEVEL" 0 IDENTITY_LEVEL
    fi
done

# ---- clients that know nothing of our code ----------------------------------------------------------------------------------

mkdir -p "$work/tree/planted"
raw plant planted
planted=no
if [ "$status" -eq 0 ]; then
    planted=yes
else
    skip "node's fs.readlinkSync and we say the same of a junction" "this host cannot make one: $(tr -d '\r' <"$out")"
fi
windows_tree="Z:${work//\//\\}\\tree"
judge_foreign() { # NAME
    local what
    for what in 'hello: windows' 'status: windows' 'list: [0-9]+ directories, [0-9]+ entries' 'error: NOT_FOUND' \
        'pipelined: 60( in order)?' 'again: windows'; do
        check "$1 says: $what" 0 "^$what\$"
    done
}

if ! command -v go >/dev/null; then
    skip "a Go client" "there is no go: deploy/packages.sh windows"
elif ! (cd "$here/foreign" && GOOS=windows GOARCH=amd64 CGO_ENABLED=0 GO111MODULE=off GOCACHE="$root/build/go-cache" GOFLAGS='' \
    go build -o "$work/go_client.exe" client.go) >"$out" 2>&1; then
    fails "the Go client is built" "$(cat "$out")"
else
    call 120 "$work/go_client.exe" "$pipe" "$windows_tree"
    judge_foreign "a Go client"
fi

node=$("$here/foreign/node.sh" 2>"$work/node.log" || true)
if [ -z "$node" ]; then
    skip "node.exe" "$(tail -n 1 "$work/node.log")"
else
    links=()
    [ "$planted" = no ] || links=("$windows_tree\\planted")
    call 120 "$node" "Z:${here//\//\\}\\foreign\\client.js" "$pipe" "$windows_tree" "${links[@]}"
    judge_foreign "node.exe"
    [ "$planted" = no ] || check "node's fs.readlinkSync and we say the same of a junction" 0 '^readlink: the same$'
fi
rmdir "$work/tree/planted"

# ---- standard streams that are none -----------------------------------------------------------------------------------------

for how in none detached number:0x40 number:0x44 number:0x48 number:0x4c number:0x50 number:0x54 number:0x58 number:0x5c \
    number:0x60 number:0x64 number:0x68 number:0x6c number:0x70 number:0x123456 event; do
    call 60 "$work/launch.exe" "$how" "$build/junction.exe" --pipe "$pipe" status
    ended=$status
    call 60 "$work/launch.exe" "$how" "$build/junction.exe" --pipe "$pipe" show nothing
    if [ "$ended $status" = "0 5" ]; then
        pass "standard handles: $how: the exit code is right"
    else
        fails "standard handles: $how: the exit code is right" "0 and 5 were expected, not $ended and $status" "$(told)"
    fi
done
call 60 "$work/launch.exe" reader "$build/junction.exe" --pipe "$pipe" status
check "standard handles: results that cannot be written are a failure" 12
call 60 "$work/launch.exe" broken "$build/junction.exe" --pipe "$pipe" status
check "standard handles: whoever was to read has gone" 12
call 60 "$work/launch.exe" none "$build/junction.exe" --pipe "$pipe" -s .
check "classic without standard handles" 0

# A console: Wine makes one of a terminal. Names go there as UTF-16, whatever the code page.
if command -v script >/dev/null; then
    name=$'gr\303\274n \344\270\226'
    status=0
    (cd "$work/tree" && timeout -k 5 60 script -qec "$wine $build/junction.exe --pipe '$pipe' show '$name'" /dev/null \
        </dev/null >"$out" 2>"$err") || status=$?
    check "a console shows any letter" 5 "$name"
else
    skip "a console shows any letter" "there is no script(1)"
fi

# ---- the service goes ---------------------------------------------------------------------------------------------------------

"$wine" "$build/junction.exe" --pipe "$pipe" --no-progress --timeout 0 list --recurse --format jsonl 'Z:\' \
    >"$work/killed.out" 2>"$work/killed.err" </dev/null &
listing=$!
running=0
for ((i = 0; i < 100 && ${running:-0} == 0; i++)); do
    client --pipe "$pipe" status --format json
    running=$(tr -d '\r\n ' <"$out" | sed -n 's/.*"running":\([0-9]*\).*/\1/p')
done
kill -KILL "$service"
wait "$service" 2>/dev/null || true
service=
status=0
wait "$listing" || status=$?
cp "$work/killed.out" "$out"
cp "$work/killed.err" "$err"
case $status in
3) check "a service that dies during a list: the client says so" 3 'closed the connection|connection to the service broke' ;;
*) check "a service that dies during a list: the client says so" 12 'closed the connection|connection to the service broke' ;;
esac
client --pipe "$pipe" status
check "and then there is none" 3

# ---- servers that are not the service ---------------------------------------------------------------------------------------
#
# Wine has neither protected prefixes nor does it keep anybody from owning a pipe as SYSTEM: so the server here gets further than it
# could on Windows, and the client has only its own checks.

standard='\\.\pipe\ProtectedPrefix\Administrators\Junction'
foreign() { # NAME EXPECTED-BYTES OWNER PIPE ARGUMENT-OF-CLIENT...
    local name=$1 bytes=$2 owner=$3 where=$4 i
    shift 4
    rm -f "$work/tree/ready"
    (cd "$work/tree" && exec "$wine" "$work/foreign_server.exe" serve "$where" "$owner" ready) >"$work/foreign.out" 2>&1 </dev/null &
    service=$!
    for ((i = 0; i < 200; i++)); do
        [ ! -f "$work/tree/ready" ] || break
        kill -0 "$service" 2>/dev/null || break
        sleep 0.1
    done
    if [ ! -f "$work/tree/ready" ]; then
        fails "$name: the server waits" "$(cat "$work/foreign.out")"
        return
    fi
    client "$@"
    local ended=$status
    wait "$service" || true
    service=
    if [ "$(tr -d '\r' <"$work/foreign.out")" = "bytes $bytes" ]; then
        pass "$name: it got $bytes bytes"
    else
        fails "$name: it got $bytes bytes" "$(cat "$work/foreign.out")" "$(told)"
    fi
    status=$ended
}
foreign "a stranger on the service's name" 0 S-1-5-21-1-2-3-1001 "$standard" status
check "a stranger on the service's name: exit 10 and why" 10 'belongs to S-1-5-21-1-2-3-1001' 'nothing was sent'
foreign "an administrator on the service's name" 0 S-1-5-32-544 "$standard" status
check "an administrator on the service's name: exit 10 and why" 10 'not to the system' 'nothing was sent'
foreign "a stranger on another name" 0 S-1-5-21-1-2-3-1001 "$pipe" --pipe "$pipe" status
check "a stranger on another name: exit 10 and why" 10 'neither the system' 'nothing was sent'
foreign "classic with a stranger" 0 S-1-5-21-1-2-3-1001 "$standard" .
check "classic with a stranger: -1, and not that there is nothing" 255 'nothing was sent'

# The service manager knows a process of that name, and it is another one.
call 60 "$work/foreign_server.exe" install
if [ "$status" -eq 0 ]; then
    foreign "the pipe of another process than the service's" 0 S-1-5-18 "$standard" status
    check "the pipe of another process than the service's: exit 10 and why" 10 'served by process [0-9]+, the service is process [0-9]+' \
        'nothing was sent'
    call 60 "$work/foreign_server.exe" remove
    check "the service of the test is gone" 0
elif [ "$status" -eq 3 ]; then
    skip "the pipe of another process than the service's" "there is a service of that name: $(tr -d '\r' <"$out")"
else
    fails "the service of the test is installed" "$(told)"
fi

finish
