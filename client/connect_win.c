#include "connect_win.h"

#include <aclapi.h>
#include <io.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/pipe_name.h"

#define SERVICE_NAME L"junctiond"

/* Between attempts when the system does not even let us wait for the pipe. */
#define BUSY_PAUSE_MS 20

static void fail(struct problem *problem, const char *name, enum exit_code exit, const char *text,
                 DWORD code)
{
    problem_set(problem, name, exit, "%s", text);
    problem->os = (int)code;
    problem->os_is_win32 = true;
}

/* ---- the calls ---- */

static HANDLE sys_open(const WCHAR *name, DWORD access, DWORD flags)
{
    return CreateFileW(name, access, 0, NULL, OPEN_EXISTING, flags, NULL);
}

static BOOL sys_wait(const WCHAR *name, DWORD milliseconds)
{
    return WaitNamedPipeW(name, milliseconds);
}

static ULONGLONG sys_clock(void)
{
    return GetTickCount64();
}

static void sys_pause(DWORD milliseconds)
{
    Sleep(milliseconds);
}

static DWORD sys_owner(HANDLE pipe, PSID *owner, PSECURITY_DESCRIPTOR *descriptor)
{
    return GetSecurityInfo(pipe, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, owner, NULL, NULL,
                           NULL, descriptor);
}

static BOOL sys_is_own_account(PSID account)
{
    HANDLE token = NULL;
    DWORD size = 0;
    TOKEN_USER *user = NULL;
    BOOL own = FALSE;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return FALSE;
    (void)GetTokenInformation(token, TokenUser, NULL, 0, &size);
    user = size ? malloc(size) : NULL;
    if (user && GetTokenInformation(token, TokenUser, user, size, &size))
        own = EqualSid(account, user->User.Sid);
    free(user);
    (void)CloseHandle(token);
    return own;
}

static BOOL sys_server_process(HANDLE pipe, ULONG *process)
{
    return GetNamedPipeServerProcessId(pipe, process);
}

static DWORD sys_service_process(void)
{
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT), service = NULL;
    SERVICE_STATUS_PROCESS status;
    DWORD size, process = 0;

    if (manager)
        service = OpenServiceW(manager, SERVICE_NAME, SERVICE_QUERY_STATUS);
    if (service && QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&status,
                                        sizeof status, &size))
        process = status.dwProcessId;
    if (service)
        (void)CloseServiceHandle(service);
    if (manager)
        (void)CloseServiceHandle(manager);
    return process;
}

static BOOL sys_is_closed(HANDLE pipe)
{
    DWORD waiting;

    return !PeekNamedPipe(pipe, NULL, 0, NULL, &waiting, NULL);
}

const struct connect_calls connect_calls_system = {
    .open = sys_open,
    .wait = sys_wait,
    .clock = sys_clock,
    .pause = sys_pause,
    .owner = sys_owner,
    .is_own_account = sys_is_own_account,
    .server_process = sys_server_process,
    .service_process = sys_service_process,
    .is_closed = sys_is_closed,
};

/* Not uv_pipe_connect: it asks for no impersonation level, and falls back to a read-only handle
 * without a word. */
static HANDLE open_pipe(const struct connect_calls *calls, const WCHAR *name, unsigned timeout_ms,
                        struct problem *problem)
{
    const DWORD access = FILE_GENERIC_READ | FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES;
    const DWORD flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IMPERSONATION |
                        SECURITY_CONTEXT_TRACKING | SECURITY_EFFECTIVE_ONLY;
    const ULONGLONG begin = calls->clock();

    for (;;) {
        HANDLE handle = calls->open(name, access, flags);
        DWORD error = GetLastError(), wait = NMPWAIT_WAIT_FOREVER;
        ULONGLONG waited = calls->clock() - begin;

        if (handle != INVALID_HANDLE_VALUE)
            return handle;
        if (error == ERROR_PIPE_BUSY) {
            if (timeout_ms > 0 && waited >= timeout_ms) {
                fail(problem, "TIMED_OUT", EXIT_UNFINISHED,
                     "the service did not take the connection in time", error);
                return INVALID_HANDLE_VALUE;
            }
            if (timeout_ms > 0)
                wait = (DWORD)(timeout_ms - waited);
            /* Whatever it answers, the next attempt or the clock decides: another client may be
             * faster. */
            if (!calls->wait(name, wait))
                calls->pause(BUSY_PAUSE_MS);
            continue;
        }
        if (error == ERROR_ACCESS_DENIED)
            fail(problem, "ACCESS_DENIED", EXIT_REFUSED, "no permission to connect to the service",
                 error);
        else
            fail(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE, "the service is not running", error);
        return INVALID_HANDLE_VALUE;
    }
}

/* The default name must belong to SYSTEM and to the registered service; any other may also be the
 * caller's or the administrators'. */
static int check_server(const struct connect_calls *calls, HANDLE handle, bool standard,
                        struct problem *problem)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID owner = NULL;
    DWORD error = calls->owner(handle, &owner, &descriptor);
    ULONG server = 0;
    DWORD expected;
    bool trusted;

    if (error != ERROR_SUCCESS || !owner) {
        fail(problem, PROBLEM_UNTRUSTED_SERVICE, EXIT_UNTRUSTED_SERVICE,
             "the system does not tell whose pipe this is; nothing was sent", error);
        (void)LocalFree(descriptor);
        return -1;
    }
    trusted = IsWellKnownSid(owner, WinLocalSystemSid) ||
              (!standard && (IsWellKnownSid(owner, WinBuiltinAdministratorsSid) ||
                             calls->is_own_account(owner)));
    if (!trusted) {
        LPSTR text = NULL;
        (void)ConvertSidToStringSidA(owner, &text);
        problem_set(problem, PROBLEM_UNTRUSTED_SERVICE, EXIT_UNTRUSTED_SERVICE,
                    "the pipe belongs to %s, %s; nothing was sent",
                    text ? text : "an unknown account",
                    standard ? "not to the system"
                             : "who is neither the system nor an administrator nor you");
        (void)LocalFree(text);
    }
    (void)LocalFree(descriptor);
    if (!trusted)
        return -1;
    if (!standard)
        return 0;
    expected = calls->service_process();
    if (expected != 0 && (!calls->server_process(handle, &server) || server != expected)) {
        problem_set(
            problem, PROBLEM_UNTRUSTED_SERVICE, EXIT_UNTRUSTED_SERVICE,
            "the pipe is served by process %lu, the service is process %lu; nothing was sent",
            (unsigned long)server, (unsigned long)expected);
        return -1;
    }
    return 0;
}

int connect_open_by(const struct connect_calls *calls, uv_pipe_t *pipe, const char *name,
                    unsigned timeout_ms, struct problem *problem)
{
    char defaults[2][PIPE_NAME_SIZE], path[PIPE_NAME_SIZE];
    size_t count = pipe_name_defaults(defaults), units_count;
    uint16_t *units = NULL;
    HANDLE handle = INVALID_HANDLE_VALUE;
    bool standard;
    int file, result;

    if (!name && count == 0) {
        problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE, "there is no default pipe");
        return -1;
    }
    if (!name) {
        memcpy(path, defaults[0], sizeof path);
    } else if (pipe_name_from_option(name, path) != 0) {
        problem_set(problem, "INVALID_PATH", EXIT_USAGE,
                    "--pipe: the name is empty or too long for a pipe");
        return -1;
    }
    /* Names of pipes ignore case, so the strict check must too. */
    standard = count > 0 && _stricmp(path, defaults[0]) == 0;
    if (wtf8_to_utf16(path, strlen(path), &units, &units_count) != UTF_OK) {
        problem_no_memory(problem);
        return -1;
    }
    handle = open_pipe(calls, (const WCHAR *)units, timeout_ms, problem);
    free(units);
    if (handle == INVALID_HANDLE_VALUE) {
        if (text_set_string(&problem->path, path) != UTF_OK)
            problem_no_memory(problem);
        return -1;
    }
    if (check_server(calls, handle, standard, problem) != 0) {
        /* A service that ends, and perhaps begins anew as another process, is not to be taken for
         * a stranger. */
        if (calls->is_closed(handle)) {
            problem_clear(problem);
            problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE,
                        "the service closed the connection");
        }
        (void)CloseHandle(handle);
        return -1;
    }
    file = uv_open_osfhandle(handle);
    result = file < 0 ? UV_EMFILE : uv_pipe_open(pipe, file);
    if (result != 0) {
        if (file < 0)
            (void)CloseHandle(handle);
        else
            (void)_close(file); /* and the handle with it */
        /* A service that stops, or whose limit is reached, may have closed it already. */
        if (result == UV_EPIPE || result == UV_EOF || result == UV_ENOTCONN ||
            result == UV_ECONNRESET)
            problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE,
                        "the service closed the connection");
        else
            problem_set(problem, "INTERNAL_ERROR", EXIT_OTHER, "the connection cannot be used: %s",
                        uv_strerror(result));
        return -1;
    }
    return 0;
}

int connect_open(uv_pipe_t *pipe, const char *name, unsigned timeout_ms, struct problem *problem)
{
    return connect_open_by(&connect_calls_system, pipe, name, timeout_ms, problem);
}
