#!/usr/bin/env bash
# The programs as files, the client without a service, and both talking over a real named pipe while the service runs in the foreground.
# Wine enforces no access control: nothing here proves that a caller is kept out. Where it has no reparse points, what is tested of
# changes is that a refusal leaves nothing behind.
. "$(dirname "$0")/lib.sh"
compile pipe_client

# ---- what the files are ----------------------------------------------------------------------------------------------

for program in junction junctiond; do
    file=$build/$program.exe
    foreign=$(x86_64-w64-mingw32-objdump -p "$file" | sed -n 's/^\tDLL Name: //p' | tr '[:upper:]' '[:lower:]' |
        grep -vxE '(advapi32|api-ms-win-[a-z0-9-]+|dbghelp|iphlpapi|kernel32|msvcrt|ntdll|ole32|psapi|shell32|user32|userenv|ws2_32)\.dll' || true)
    if [ -z "$foreign" ]; then
        pass "$program.exe imports DLLs of the system only"
    else
        fails "$program.exe imports DLLs of the system only" "$foreign"
    fi
    if x86_64-w64-mingw32-objdump -p "$file" | grep '\[Ordinal/Name Pointer\] Table' >/dev/null; then
        fails "$program.exe exports nothing" "$(x86_64-w64-mingw32-objdump -p "$file" | grep -A5 'Ordinal/Name Pointer')"
    else
        pass "$program.exe exports nothing"
    fi
    x86_64-w64-mingw32-strip -o "$work/stripped.exe" "$file"
    size=$(stat -c %s "$work/stripped.exe")
    if [ "$program" = junction ] && [ "$size" -ge 1572864 ]; then
        fails "junction.exe stays below 1.5 MB" "it has $size bytes when stripped"
    elif [ "$program" = junction ]; then
        pass "junction.exe stays below 1.5 MB ($size bytes stripped)"
    fi
done

# ---- without a service -----------------------------------------------------------------------------------------------

client --version
check "junction --version" 0 '^junction [0-9]'
client --pipe "$pipe" status
check "without a service the client says so" 3
client --pipe "$pipe" show .
check "show without a service" 3
client -accepteula
check "classic: -accepteula asks no service" 0
client -?
check "classic: -? is a usage message" 255
call 30 "$build/junctiond.exe" version
check "junctiond version" 0 '^junctiond [0-9]'
# Under Wine everybody is an elevated administrator, and his files belong to an account that also runs other programs.
printf '{ }' >"$work/tree/own.json"
call 30 "$build/junctiond.exe" check-config own.json
check "a configuration that other programs of the user can change is refused" 1 'not trusted'
call 30 "$build/junctiond.exe" run --pipe "$pipe" --config nothing.json
check "a configuration that is not there is refused" 1 'nothing.json'

# ---- with a service --------------------------------------------------------------------------------------------------

serve

client --pipe "$pipe" status --format json
check "status as JSON" 0 '"platform": ?"windows"' '"mayChange": ?true' '"identity": ?"sid:S-1-'
client --pipe "$pipe" list .
check "list of an ordinary directory" 0
client --pipe "$pipe" list --recurse --format json .
check "list --recurse as JSON" 0 '"directories": ?3'
client --pipe "$pipe" list --format jsonl .
if [ "$status" -eq 0 ] && [ ! -s "$out" ]; then
    pass "list --format jsonl of nothing prints nothing"
else
    fails "list --format jsonl of nothing prints nothing" "$(told)"
fi
client --pipe "$pipe" show inner
check "show of an ordinary directory" 1 NOT_A_REPARSE_POINT
client --pipe "$pipe" show nothing
check "show of what is not there" 5 NOT_FOUND
client --pipe "$pipe" list nothing
check "list of what is not there" 5 NOT_FOUND
client --pipe "$pipe" list file.txt
check "list of a file" 6 NOT_A_DIRECTORY
# ---- changes: the whole life of a junction where the host has reparse points, else that a refusal leaves nothing behind ----

tree() {
    (cd "$work/tree" && find . -printf '%p %y %l\n' | sort)
}
tree >"$work/tree.before"
there() { # NAME; passes when the tree is as it was
    if [ "$(tree)" = "$(cat "$work/tree.before")" ]; then
        pass "$1"
    else
        fails "$1" "$(tree)"
    fi
}
client --pipe "$pipe" create link '\\.\PhysicalDrive0'
check "create: a device as target" 7 INVALID_TARGET
client --pipe "$pipe" create link '\\server\share'
check "create: a network target" 7 INVALID_TARGET
client --pipe "$pipe" create link '\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}\'
check "create: a volume as target" 7 INVALID_TARGET
client --pipe "$pipe" create 'link:stream' 'C:\windows'
check "create: a stream as link" 7 INVALID_PATH
client --pipe "$pipe" create 'none\link' 'C:\windows'
check "create: the parent is missing" 5 PARENT_NOT_FOUND
client --pipe "$pipe" delete 'none\link'
check "delete: the parent is missing" 5 NOT_FOUND
client --pipe "$pipe" create 'C:\' 'C:\windows'
check "create: the root of a volume" 7 VOLUME_ROOT
there "what is refused by its name changes nothing"

mkdir "$work/tree/planted"
raw plant planted
planted=$status
[ "$planted" -eq 0 ] || rmdir "$work/tree/planted"
case $planted in
0)
    client --pipe "$pipe" show --format json planted
    check "show of a junction that another program made" 0 '"type": ?"junction"' '"target": ?"C:.*windows"'
    client --pipe "$pipe" list --format jsonl .
    check "list finds it" 0 '"type": ?"junction"'
    client --pipe "$pipe" create planted 'C:\windows'
    ;;
3) skip "show and list of a junction" "this host cannot make one: $(tr -d '\r' <"$out")" ;;
*) fails "planting a junction" "$(told)" ;;
esac

if [ "$planted" -eq 0 ] && [ "$status" -eq 8 ]; then
    skip "the life of a junction" "this host has reparse points, and says of its volumes that they have none"
    rm -rf "$work/tree/planted"
elif [ "$planted" -eq 0 ]; then
    check "create over another program's junction with the same target" 0
    client --pipe "$pipe" delete planted
    check "delete of another program's junction" 0
    there "it is gone, and nothing else"
    client --pipe "$pipe" create --dry-run --format json link 'C:\windows'
    check "create --dry-run" 0 '"outcome": ?"created"'
    there "a dry run changes nothing"
    client --pipe "$pipe" create --format json link 'C:\windows'
    check "create" 0 '"outcome": ?"created"'
    client --pipe "$pipe" create --format json link 'c:/WINDOWS/'
    check "create again" 0 '"outcome": ?"unchanged"'
    client --pipe "$pipe" create link 'C:\other'
    check "create with another target" 6 ALREADY_EXISTS
    client --pipe "$pipe" create --replace --expect 'C:\none' link 'C:\other'
    check "replace with a target that was not expected" 6 TARGET_CHANGED
    client --pipe "$pipe" create --replace --expect 'C:\windows' --format json link 'C:\other'
    check "replace" 0 '"outcome": ?"replaced"'
    client --pipe "$pipe" show --check --format json link
    check "show --check" 1 '"target": ?"C:.*other"' '"state": ?"dangling"'
    client --pipe "$pipe" list --recurse --format jsonl .
    check "list" 0 'link.*"type": ?"junction"'
    client --pipe "$pipe" delete --keep-directory --format json link
    check "delete --keep-directory" 0 '"outcome": ?"cleared"'
    client --pipe "$pipe" delete link
    check "delete of a plain directory" 6 NOT_A_JUNCTION
    client --pipe "$pipe" create --format json link 'C:\windows'
    check "create in an empty directory" 0 '"outcome": ?"converted"'
    client --pipe "$pipe" delete link
    check "delete" 0
    client --pipe "$pipe" create inner 'C:\windows'
    check "create in a directory that is not empty" 6 NOT_EMPTY
    client --pipe "$pipe" create --parents 'inner\a\b\link' 'C:\windows'
    check "create --parents" 0
    client --pipe "$pipe" delete 'inner\a\b\link'
    check "delete below" 0
    rmdir "$work/tree/inner/a/b" "$work/tree/inner/a"
    there "in the end nothing is left"
else
    client --pipe "$pipe" create link 'C:\windows'
    check "create on a host without reparse points" 8 UNSUPPORTED_FILE_SYSTEM
    client --pipe "$pipe" create inner/deep 'C:\windows'
    check "create in an empty directory there" 8 UNSUPPORTED_FILE_SYSTEM
    client --pipe "$pipe" create --parents 'a\b\link' 'C:\windows'
    check "create --parents there" 8 UNSUPPORTED_FILE_SYSTEM
    client --pipe "$pipe" create --dry-run link 'C:\windows'
    check "create --dry-run there" 8 UNSUPPORTED_FILE_SYSTEM
    client --pipe "$pipe" delete inner
    check "delete there" 8 UNSUPPORTED_FILE_SYSTEM
    there "what the file system refuses leaves nothing behind"
fi

# ---- the rest --------------------------------------------------------------------------------------------------------

client --pipe "$pipe" history
check "a reserved word" 2
client --pipe "$pipe" -s .
check "classic -s" 0 '^No reparse points found\.$'
if [ "$(wc -l <"$out")" -gt 0 ] && [ "$(grep -c $'\r$' "$out")" -eq "$(wc -l <"$out")" ]; then
    pass "classic output ends its lines with CR LF"
else
    fails "classic output ends its lines with CR LF" "$(od -c "$out" | head -n 20)"
fi
if [ "$(sed -n 6p "$out" | tr -d '\r')" = "No reparse points found." ]; then
    pass "classic: the first result is line index 5"
else
    fails "classic: the first result is line index 5" "$(cat -A "$out")"
fi

hello='{"jsonrpc":"2.0","id":"h","method":"hello","params":{"protocol":1,"client":"plain"}}'
ask='{"jsonrpc":"2.0","id":1,"method":"service.status"}'
raw talk "$pipe" 2 "$hello" "$ask"
check "a foreign client: hello and status" 0 '"id":"h"' '"id":1,"result"'
raw talk "$pipe" 1 'not JSON at all'
check "a foreign client: garbage is answered" 0 PARSE_ERROR
raw talk "$pipe" 1 '[{"jsonrpc":"2.0","id":1,"method":"service.status"}]'
check "a foreign client: a batch is refused" 0 INVALID_REQUEST
raw talk "$pipe" 1 '{"jsonrpc":"2.0","id":1,"id":2,"method":"service.status"}'
check "a foreign client: a member given twice" 0 '"error"'
raw talk "$pipe" 1 '{"jsonrpc":"2.0","id":1,"method":"reparse.show","params":{"path":"C:\\nothing\\here"}}'
check "a foreign client: show" 0 NOT_FOUND
raw talk "$pipe" 1 '{"jsonrpc":"2.0","id":1,"method":"junction.create","params":{"link":"C:\\x","target":"\\\\server\\share"}}'
check "a foreign client: create" 0 INVALID_TARGET
raw flood "$pipe" 1048577
check "a line that is too long" 0 MESSAGE_TOO_LARGE '\(end\)'
raw half "$pipe" 20
check "half a line and silence" 0 TIMED_OUT '\(end\)'

call 30 "$build/junctiond.exe" run --pipe "$pipe"
if [ "$status" -ne 0 ] && [ "$status" -ne 124 ]; then
    pass "a second service on the same name does not start (exit $status)"
else
    fails "a second service on the same name does not start" "$(told)"
fi

raw drop "$pipe" 1000
check "1000 connections that are dropped at once" 0 '^dropped 1000$'
settle
raw crowd "$pipe" 40 50
check "40 clients, 50 questions each" 0 '^answered 2000 refused 0 lost 0 unconnected 0$'
settle
raw crowd "$pipe" 200 1
sum=$(sed -n 's/^answered \([0-9]*\) refused \([0-9]*\) lost 0 unconnected 0\r*$/\1 + \2/p' "$out")
if [ "$status" -eq 0 ] && [ -n "$sum" ] && [ $((sum)) -eq 200 ] && [ "${sum%% *}" -ge 64 ]; then
    pass "200 clients at once: each is answered or refused with a reason ($sum)"
else
    fails "200 clients at once: each is answered or refused with a reason" "$(told)"
fi
settle
client --pipe "$pipe" status
check "after all that the service still answers" 0

# ---- the end -----------------------------------------------------------------------------------------------------------

interrupt
client --pipe "$pipe" status
check "and then there is none" 3

finish
