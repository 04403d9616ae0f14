/* Starts a program whose standard handles are what a careless parent may leave: none, or numbers
 * that are no handles. Waits for it and ends with its exit code. */
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments)
{
    char command[4096] = "";
    if (count < 3) {
        fputs("no_handles none|invalid|stale PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    for (int i = 2; i < count; i++) {
        size_t used = strlen(command);
        snprintf(command + used, sizeof command - used, "%s\"%s\"", i > 2 ? " " : "", arguments[i]);
    }
    HANDLE handle = strcmp(arguments[1], "none") == 0      ? NULL
                    : strcmp(arguments[1], "invalid") == 0 ? INVALID_HANDLE_VALUE
                                                           : (HANDLE)(uintptr_t)0x7770;
    STARTUPINFOA startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    startup.hStdInput = startup.hStdOutput = startup.hStdError = handle;
    PROCESS_INFORMATION process;
    DWORD code = 1;
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, DETACHED_PROCESS, NULL, NULL, &startup,
                        &process)) {
        fprintf(stderr, "no_handles: error %lu\n", GetLastError());
        return 1;
    }
    printf("pid %lu\n", process.dwProcessId);
    fflush(stdout);
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}
