#!/usr/bin/env bash
# The service as the service manager runs it: registered, started, stopped and removed by its own verbs, under load and after accidents.
# Wine has a service manager, and keeps no owners of files: that the directory of the service is safe, and who may do all this, only a real
# Windows shows; so does the text of an event, since Wine stores none.
. "$(dirname "$0")/lib.sh"

daemon=$build/junctiond.exe
data=${JUNCTION_WINEPREFIX:-$root/build/wine}/drive_c/ProgramData/Junction
d() {
    call 120 "$daemon" "$@"
}
# Services end with the last other program: this one stays.
mkfifo "$work/hold"
"$wine" cmd.exe /q <"$work/hold" >/dev/null 2>&1 &
exec 8>"$work/hold"
winepath_of() { # a path that CreateProcess understands
    printf 'Z:%s' "${1//\//\\}"
}
leave() {
    local code=$?
    trap - EXIT
    rm -f "$work/load"
    [ -z "$service" ] || kill -KILL "$service" 2>/dev/null || true
    timeout 60 "$wine" "$daemon" uninstall </dev/null >/dev/null 2>&1 || true
    exec 8>&-
    exit "$code"
}
trap leave EXIT
# What a run that broke off may have left.
d uninstall
rm -rf "$data"

# ---- what the programs carry ---------------------------------------------------------------------------------------------

version=$(sed -n 's/^project(junction VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
for program in junction junctiond; do
    header=()
    [ "$program" = junction ] || header=("$root/service/event.h")
    if found=$(/usr/bin/python3 "$here/resources.py" "$build/$program.exe" "$version" "${header[@]}"); then
        pass "$program.exe carries $found ($(stat -c %s "$build/$program.exe") bytes)"
    else
        fails "$program.exe carries what it should" "$found"
    fi
done

# ---- by hand ---------------------------------------------------------------------------------------------------------------

d
check "junctiond alone explains itself" 2 'junctiond install' 'junctiond run'
d service
check "junctiond service by hand explains itself" 2 'service manager' 'junctiond run'
d install --now
check "an unknown argument of install" 2 'unknown argument'
d status --format yaml
check "an unknown format of status" 2 'format'
d uninstall now
check "an argument of uninstall" 2

# ---- not installed ---------------------------------------------------------------------------------------------------------

d status
check "status: not installed" 4 'not installed'
d status --format json
check "status as JSON: not installed" 4 '"installed":false'
d stop
check "stop of what is not installed" 0 'not installed'
d start
check "start of what is not installed" 1 'not installed'
d uninstall
check "uninstall of what is not installed" 0 'not installed'

echo "not ours" >"$data"
d install --start
check "install refuses a file in the place of its directory" 1 'Junction' 'nothing was installed'
d status
check "and registers nothing" 4
if [ "$(cat "$data")" = "not ours" ]; then
    pass "and leaves the file alone"
else
    fails "and leaves the file alone" "$(ls -la "$data")"
fi
rm -f "$data"

# ---- installed -------------------------------------------------------------------------------------------------------------

d install
check "install" 0 'installed'
if [ -d "$data" ]; then
    pass "install makes the directory of the service"
else
    fails "install makes the directory of the service" "there is no $data"
fi
call 60 reg query 'HKLM\SYSTEM\CurrentControlSet\Services\junctiond'
check "the registration: quoted path, own process, auto start, the system's account" 0 'ImagePath.*"Z:.*\\junctiond\.exe" service' \
    'Start .*0x2$' 'Type .*0x10$' 'ObjectName .*LocalSystem' 'DisplayName .*Junction service' 'Description .*junction'
call 60 reg query 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\junctiond'
check "the source of events" 0 'EventMessageFile +REG_SZ +Z:.*\\junctiond\.exe' 'TypesSupported .*0x7$'
d status
check "status: installed" 3 'stopped'
d install
check "install again brings it up to date" 0 'up to date'
client --timeout 5 status
check "no service yet" 3
d start
check "start" 0 'started'
d start
check "start again" 0 'runs already'
d status --format json
check "status as JSON" 0 '"state":"running"' '"pid":[0-9]+'
pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$out")
client status --format json
check "the client finds it without being told where, and accepts it" 0 "\"pid\": ?$pid" '"platform": ?"windows"'
client list --recurse --format json .
check "and lists" 0 '"directories": ?3'
d install --start
check "install --start restarts a running one" 0 'up to date' 'restarted'
client status --format json
if [ "$status" -eq 0 ] && ! grep "\"pid\":$pid," "$out" >/dev/null; then
    pass "another process serves now"
else
    fails "another process serves now" "$(told)"
fi
call 30 "$daemon" run --pipe '\\.\pipe\ProtectedPrefix\Administrators\Junction'
check "a second one on the same pipe does not start" 1 'another service'
d stop
check "stop" 0 'stopped'
d status
check "status: stopped" 3 'stopped'
client --timeout 5 status
check "the client sees no service" 3
d stop
check "stop again" 0 'does not run'

# ---- around and around, with clients asking all the time ---------------------------------------------------------------------

# Each answer is an answer, or says that there is no service (any more): nothing hangs, nothing is garbled.
touch "$work/load"
askers=()
for asker in 1 2 3; do
    (
        while [ -f "$work/load" ]; do
            code=0
            timeout -k 5 60 "$wine" "$build/junction.exe" status --format json </dev/null >"$work/ask$asker.out" 2>"$work/ask$asker.err" || code=$?
            if [ "$code" -eq 0 ] && ! grep '"server":"junctiond"' "$work/ask$asker.out" >/dev/null; then
                code=999
            fi
            echo "$code $(tr -d '\r\n' <"$work/ask$asker.err")"
        done >"$work/asked$asker"
    ) &
    askers+=("$!")
done
bad=
for ((cycle = 1; cycle <= 20; cycle++)); do
    d start
    [ "$status" -eq 0 ] || bad+="cycle $cycle: start: $(told)"$'\n'
    client status
    [ "$status" -eq 0 ] || bad+="cycle $cycle: no answer while it runs: $(told)"$'\n'
    d stop
    [ "$status" -eq 0 ] || bad+="cycle $cycle: stop: $(told)"$'\n'
done
rm -f "$work/load"
wait "${askers[@]}"
if [ -z "$bad" ]; then
    pass "20 times started and stopped under load"
else
    fails "20 times started and stopped under load" "$bad"
fi
cat "$work"/asked? >"$work/asked"
answered=$(grep -c '^0 ' "$work/asked" || true)
absent=$(grep -c '^3 ' "$work/asked" || true)
cut=$(grep -cE '^12 .*BAD_ANSWER' "$work/asked" || true)
total=$(wc -l <"$work/asked")
if [ "$answered" -gt 0 ] && [ $((answered + absent + cut)) -eq "$total" ]; then
    pass "each client was answered or told ($answered answered, $absent without a service, $cut cut off)"
else
    fails "each client was answered or told ($answered answered, $absent without a service, $cut cut off)" "$(grep -vE '^(0|3) ' "$work/asked" | sort | uniq -c)"
fi

# ---- stopped, and killed, while a list runs ----------------------------------------------------------------------------------

# A list that takes long, and has been answered in part when it is ended: all of this machine.
list_begin() {
    (
        code=0
        timeout -k 5 120 "$wine" "$build/junction.exe" list -s --format jsonl 'Z:\' </dev/null >"$work/list.out" 2>"$work/list.err" || code=$?
        echo "$code" >"$work/list.code"
    ) &
    lister=$!
    for ((i = 0; i < 100; i++)); do
        client status --format json
        ! grep '"long":{"threads":[0-9]*,"busy":[1-9]' "$out" >/dev/null || return 0
        sleep 0.1
    done
    fails "a long list begins" "$(told)" "$(head -c 1000 "$work/list.err")"
}
list_end() { # NAME CODE PATTERN
    wait "$lister"
    status=$(cat "$work/list.code")
    cp "$work/list.err" "$err"
    : >"$out"
    check "$@"
}
d start
check "start for a list" 0
list_begin
d stop
check "stop while a list runs" 0 'stopped'
list_end "the list says that it was ended" 3 'STOPPING'

d start
check "start for an accident" 0
list_begin
d status --format json
pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$out")
call 60 taskkill /f /pid "$pid"
check "the process of the service is killed" 0
wait "$lister"
status=$(cat "$work/list.code")
cp "$work/list.err" "$err"
: >"$out"
# With or without a part of the answer.
[ "$status" -eq 12 ] && expected=12 || expected=3
check "the list says that its answer broke off" "$expected" 'closed the connection'
client --timeout 5 status
check "the client sees no service" 3
d status
if [ "$status" -eq 3 ]; then
    pass "the service manager sees that it is gone"
elif [ "$status" -eq 0 ]; then
    skip "the service manager sees that it is gone, and restarts it" "this host's does not notice the end of a process"
else
    fails "the service manager sees that it is gone" "$(told)"
fi
d uninstall
check "what was killed can be removed" 0 'removed'

# ---- a start that fails --------------------------------------------------------------------------------------------------------

d install --start
check "install --start" 0 'installed' 'started'
d stop
check "stop before the configuration" 0
# Owned by an account that other programs run under too: on this host every file is.
echo '{ "limits": { "nonsense": 1 } }' >"$data/junction.json"
d start
check "a configuration that cannot be used: start says why" 1 'configuration' '\(2\)'
d status
check "and it does not run" 3 'stopped'
d install --start
check "install --start says so too, and stays installed" 1 'up to date' 'configuration'
d uninstall
check "uninstall keeps what somebody put into the directory" 0 'is kept'
if [ -f "$data/junction.json" ]; then
    pass "the configuration is still there"
else
    fails "the configuration is still there" "$(ls -la "$data" 2>&1)"
fi
rm -f "$data/junction.json"
d install
check "install over a directory from before" 0
d uninstall
check "uninstall" 0 'removed'
if [ -e "$data" ]; then
    fails "uninstall removes its empty directory" "$(ls -la "$data")"
else
    pass "uninstall removes its empty directory"
fi
call 60 reg query 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\junctiond'
check "the source of events is gone" 1
d uninstall
check "uninstall again" 0 'not installed'

# ---- without standard handles ------------------------------------------------------------------------------------------------

# A log that has nowhere to go must not end up in a client's pipe.
compile no_handles
for kind in none invalid stale; do
    call 60 "$work/no_handles.exe" "$kind" "$(winepath_of "$daemon")" version
    check "standard handles ($kind): a verb ends as it should" 0
    "$wine" "$work/no_handles.exe" "$kind" "$(winepath_of "$daemon")" run --pipe "$pipe-$kind" </dev/null >"$work/service.out" 2>&1 &
    service=$!
    for ((i = 0; i < 50; i++)); do
        client --pipe "$pipe-$kind" --timeout 5 status
        [ "$status" -eq 3 ] || break
        sleep 0.1
    done
    check "standard handles ($kind): it serves" 0
    bad=
    for ((i = 0; i < 5; i++)); do
        client --pipe "$pipe-$kind" --timeout 5 list --format json .
        [ "$status" -eq 0 ] || bad+="$(told)"$'\n'
    done
    if [ -z "$bad" ]; then
        pass "standard handles ($kind): what it logs meets no client"
    else
        fails "standard handles ($kind): what it logs meets no client" "$bad"
    fi
    call 60 taskkill /f /pid "$(tr -dc 0-9 <"$work/service.out")"
    wait "$service" || true
    service=
done

finish
