/* Starts a program in a way that a shell cannot, waits for it, and ends as it did. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const char usage[] =
    "launch HOW PROGRAM [ARGUMENT]...\n"
    "  lower      with the caller's token without elevation; 90: the host has none\n"
    "  none       without standard handles\n"
    "  detached   without a console and without standard handles, as a service is\n"
    "  number:N   with N as the number of its standard handles, which is none of its handles\n"
    "  event      with an event for standard output and error\n"
    "  reader     with the reading end of a pipe for standard output and error\n"
    "  broken     with a pipe for standard output that nobody reads\n";

/* The command line behind the first two arguments, as it was given. */
static wchar_t *command_line(void)
{
    wchar_t *at = GetCommandLineW();
    for (int skipped = 0; skipped < 2; skipped++) {
        BOOL quoted = FALSE;
        while (*at != L'\0' && (quoted || *at != L' ')) {
            quoted = *at == L'"' ? !quoted : quoted;
            at++;
        }
        while (*at == L' ')
            at++;
    }
    return at;
}

static HANDLE lower_token(void)
{
    HANDLE own = NULL, primary = NULL;
    TOKEN_LINKED_TOKEN linked = {0};
    DWORD size;
    if (OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own) &&
        GetTokenInformation(own, TokenLinkedToken, &linked, sizeof linked, &size))
        DuplicateTokenEx(linked.LinkedToken, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation,
                         TokenPrimary, &primary);
    return primary;
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fputs(usage, stderr);
        return 2;
    }
    const char *how = arguments[1];
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    PROCESS_INFORMATION child;
    HANDLE token = NULL, read_end = NULL, write_end = NULL;
    DWORD flags = 0, status = 2;
    if (!CreatePipe(&read_end, &write_end, &inherited, 0))
        return 2;
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (strcmp(how, "lower") == 0) {
        if ((token = lower_token()) == NULL)
            return 90;
    } else if (strcmp(how, "none") == 0 || strcmp(how, "detached") == 0) {
        startup.hStdInput = startup.hStdOutput = startup.hStdError = NULL;
        flags = strcmp(how, "detached") == 0 ? DETACHED_PROCESS : 0;
    } else if (strncmp(how, "number:", 7) == 0) {
        startup.hStdInput = startup.hStdOutput = startup.hStdError =
            (HANDLE)(ULONG_PTR)strtoul(how + 7, NULL, 0);
    } else if (strcmp(how, "event") == 0) {
        startup.hStdOutput = startup.hStdError = CreateEventW(&inherited, TRUE, FALSE, NULL);
    } else if (strcmp(how, "reader") == 0) {
        startup.hStdOutput = startup.hStdError = read_end;
    } else if (strcmp(how, "broken") == 0) {
        CloseHandle(read_end);
        startup.hStdOutput = write_end;
    } else {
        fputs(usage, stderr);
        return 2;
    }
    /* What was started ends with this program, however that ends. */
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {.BasicLimitInformation.LimitFlags =
                                                       JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE};
    HANDLE job = CreateJobObjectW(NULL, NULL);
    if (job == NULL ||
        !SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits))
        return 2;
    /* The numbers that stand for no handle must not become handles by being inherited. */
    BOOL inherit = strncmp(how, "number:", 7) != 0;
    if (token != NULL ? !CreateProcessAsUserW(token, NULL, command_line(), NULL, NULL, inherit,
                                              flags, NULL, NULL, &startup, &child)
                      : !CreateProcessW(NULL, command_line(), NULL, NULL, inherit, flags, NULL,
                                        NULL, &startup, &child)) {
        fprintf(stderr, "launch: error %lu\n", GetLastError());
        return 2;
    }
    if (!AssignProcessToJobObject(job, child.hProcess))
        fprintf(stderr, "launch: it will not end with me: error %lu\n", GetLastError());
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &status);
    return (int)status;
}
