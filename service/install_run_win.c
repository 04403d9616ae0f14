#include "install_win.h"

#include <stdio.h>

#include "host.h"

#define INSTALL_PATIENCE 30000u /* ms without any sign of progress */

/* ---- words ---- */

void install_say(const char *text)
{
    printf("junctiond: %s\n", text);
}

void install_complain(const char *what, DWORD error)
{
    wchar_t wide[256];
    char text[768] = "";
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                      FORMAT_MESSAGE_MAX_WIDTH_MASK,
                                  NULL, error, 0, wide, sizeof wide / sizeof wide[0], NULL);
    while (length > 0 && wide[length - 1] == L' ')
        length--;
    int used = length > 0 ? WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, text,
                                                (int)sizeof text - 1, NULL, NULL)
                          : 0;
    text[used > 0 ? used : 0] = '\0';
    fprintf(stderr, "junctiond: %s: error %lu%s%s%s\n", what, error, used > 0 ? " (" : "", text,
            used > 0 ? ")" : "");
}

int install_close(struct install *install, int status)
{
    if (install->service != NULL)
        install->calls->close(install->service);
    if (install->manager != NULL)
        install->calls->close(install->manager);
    install->service = install->manager = NULL;
    return status;
}

int install_open_manager(struct install *install, const struct install_calls *calls, DWORD access)
{
    install->calls = calls;
    install->service = NULL;
    install->manager = calls->open_manager(NULL, NULL, access);
    if (install->manager != NULL)
        return 0;
    DWORD error = GetLastError();
    if (error == ERROR_ACCESS_DENIED)
        fputs("junctiond: this needs an administrator: open an elevated prompt (\"Run as "
              "administrator\")\n",
              stderr);
    else
        install_complain("the service manager cannot be reached", error);
    return -1;
}

int install_open_service(struct install *install, DWORD access)
{
    install->service = install->calls->open_service(install->manager, INSTALL_NAME, access);
    if (install->service != NULL)
        return 0;
    DWORD error = GetLastError();
    if (error == ERROR_SERVICE_DOES_NOT_EXIST)
        return 1;
    if (error == ERROR_ACCESS_DENIED)
        fputs("junctiond: this needs an administrator: open an elevated prompt (\"Run as "
              "administrator\")\n",
              stderr);
    else
        install_complain("the service cannot be opened", error);
    return -1;
}

/* ---- running and stopping ---- */

static int install_query(const struct install *install, SERVICE_STATUS_PROCESS *status)
{
    DWORD needed = 0;
    if (install->calls->query_status(install->service, SC_STATUS_PROCESS_INFO, (BYTE *)status,
                                     sizeof *status, &needed))
        return 0;
    install_complain("the service manager does not say how the service is", GetLastError());
    return -1;
}

/* Waits while the service is in `state`, and as long as there is progress. 0: it is in another, see
 * *status; 1: no progress; -1 told. */
static int install_await_change(const struct install *install, DWORD state,
                                SERVICE_STATUS_PROCESS *status)
{
    DWORD checkpoint = 0, quiet = 0;
    for (;;) {
        if (install_query(install, status) != 0)
            return -1;
        if (status->dwCurrentState != state)
            return 0;
        if (status->dwCheckPoint != checkpoint) {
            checkpoint = status->dwCheckPoint;
            quiet = 0;
        }
        DWORD patience =
            status->dwWaitHint > INSTALL_PATIENCE ? status->dwWaitHint : INSTALL_PATIENCE;
        if (quiet >= patience)
            return 1;
        install->calls->sleep(INSTALL_POLL);
        quiet += INSTALL_POLL;
    }
}

int install_do_stop(const struct install *install)
{
    const struct install_calls *calls = install->calls;
    SERVICE_STATUS_PROCESS status;
    HANDLE process = NULL;
    int result = -1;
    if (install_query(install, &status) != 0)
        return -1;
    if (status.dwCurrentState == SERVICE_STOPPED)
        return 1;
    /* Its file is free only when the process is gone, which is a little later than it is stopped.
     */
    if (status.dwProcessId != 0)
        process = calls->open_process(SYNCHRONIZE, FALSE, status.dwProcessId);
    if (status.dwCurrentState == SERVICE_START_PENDING) {
        int changed = install_await_change(install, SERVICE_START_PENDING, &status);
        if (changed < 0)
            goto done;
    }
    if (status.dwCurrentState != SERVICE_STOPPED && status.dwCurrentState != SERVICE_STOP_PENDING) {
        SERVICE_STATUS ignored;
        if (!calls->control(install->service, SERVICE_CONTROL_STOP, &ignored)) {
            DWORD error = GetLastError();
            /* Its process is gone, and the manager has not noticed yet. */
            if (process != NULL && calls->wait(process, 0) == WAIT_OBJECT_0) {
                result = 0;
                goto done;
            }
            /* It went by itself, or was told to by somebody else in the meantime. */
            if (error != ERROR_SERVICE_NOT_ACTIVE && error != ERROR_SERVICE_CANNOT_ACCEPT_CTRL) {
                install_complain("the service cannot be stopped", error);
                goto done;
            }
        }
        if (install_query(install, &status) != 0)
            goto done;
        if (status.dwCurrentState == SERVICE_RUNNING &&
            install_await_change(install, SERVICE_RUNNING, &status) != 0) {
            fputs("junctiond: the service does not begin to stop\n", stderr);
            goto done;
        }
    }
    switch (install_await_change(install, SERVICE_STOP_PENDING, &status)) {
    case 0:
        break;
    case 1:
        fputs("junctiond: the service does not stop\n", stderr);
        goto done;
    default:
        goto done;
    }
    if (status.dwCurrentState != SERVICE_STOPPED) {
        fputs("junctiond: the service was started again in the meantime\n", stderr);
        goto done;
    }
    if (process != NULL)
        (void)calls->wait(process, INSTALL_GONE);
    result = 0;

done:
    if (process != NULL)
        calls->close_process(process);
    return result;
}

static void install_explain_end(const SERVICE_STATUS_PROCESS *status)
{
    if (status->dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR)
        fprintf(stderr, "junctiond: the service does not start: %s (%lu); the event log has more\n",
                host_end_text(status->dwServiceSpecificExitCode),
                status->dwServiceSpecificExitCode);
    else if (status->dwWin32ExitCode == ERROR_SUCCESS)
        fputs("junctiond: the service ended as soon as it had started\n", stderr);
    else
        install_complain("the service does not start", status->dwWin32ExitCode);
}

/* While the machine starts up the manager's database may be locked for a moment. */
static DWORD install_order_start(const struct install *install)
{
    for (DWORD waited = 0;; waited += INSTALL_POLL) {
        if (install->calls->start_service(install->service, 0, NULL))
            return ERROR_SUCCESS;
        DWORD error = GetLastError();
        if (error != ERROR_SERVICE_DATABASE_LOCKED || waited >= INSTALL_GONE)
            return error;
        install->calls->sleep(INSTALL_POLL);
    }
}

int install_do_start(const struct install *install)
{
    SERVICE_STATUS_PROCESS status;
    bool ran = false;
    if (install_query(install, &status) != 0)
        return -1;
    if (status.dwCurrentState == SERVICE_STOP_PENDING &&
        install_await_change(install, SERVICE_STOP_PENDING, &status) != 0) {
        fputs("junctiond: the service is stopping and does not come to an end\n", stderr);
        return -1;
    }
    DWORD error = status.dwCurrentState == SERVICE_STOPPED ? install_order_start(install)
                                                           : ERROR_SERVICE_ALREADY_RUNNING;
    if (error != ERROR_SUCCESS) {
        if (error != ERROR_SERVICE_ALREADY_RUNNING) {
            install_complain(error == ERROR_SERVICE_DISABLED
                                 ? "the service is disabled; `sc config junctiond start= auto` "
                                   "enables it"
                                 : "the service cannot be started",
                             error);
            return -1;
        }
        ran = true;
    }
    switch (install_await_change(install, SERVICE_START_PENDING, &status)) {
    case 0:
        break;
    case 1:
        fputs("junctiond: the service does not come up\n", stderr);
        return -1;
    default:
        return -1;
    }
    if (status.dwCurrentState != SERVICE_RUNNING) {
        install_explain_end(&status);
        return -1;
    }
    return ran ? 1 : 0;
}

int install_start_with(const struct install_calls *calls)
{
    struct install install;
    if (install_open_manager(&install, calls, SC_MANAGER_CONNECT) != 0)
        return INSTALL_FAILED;
    int opened = install_open_service(&install, SERVICE_QUERY_STATUS | SERVICE_START);
    if (opened == 1)
        fputs("junctiond: the service is not installed: `junctiond install`\n", stderr);
    if (opened != 0)
        return install_close(&install, INSTALL_FAILED);
    int started = install_do_start(&install);
    if (started >= 0)
        install_say(started == 0 ? "started" : "it runs already");
    return install_close(&install, started >= 0 ? 0 : INSTALL_FAILED);
}

int install_stop_with(const struct install_calls *calls)
{
    struct install install;
    if (install_open_manager(&install, calls, SC_MANAGER_CONNECT) != 0)
        return INSTALL_FAILED;
    int opened = install_open_service(&install, SERVICE_QUERY_STATUS | SERVICE_STOP);
    if (opened == 1) {
        install_say("it is not installed");
        return install_close(&install, 0);
    }
    if (opened != 0)
        return install_close(&install, INSTALL_FAILED);
    int stopped = install_do_stop(&install);
    if (stopped >= 0)
        install_say(stopped == 0 ? "stopped" : "it does not run");
    return install_close(&install, stopped >= 0 ? 0 : INSTALL_FAILED);
}

static const char *install_state(DWORD state)
{
    switch (state) {
    case SERVICE_STOPPED:
        return "stopped";
    case SERVICE_START_PENDING:
        return "starting";
    case SERVICE_STOP_PENDING:
        return "stopping";
    case SERVICE_RUNNING:
        return "running";
    default:
        return "paused";
    }
}

int install_status_with(const struct install_calls *calls, bool json)
{
    struct install install;
    SERVICE_STATUS_PROCESS status;
    if (install_open_manager(&install, calls, SC_MANAGER_CONNECT) != 0)
        return INSTALL_FAILED;
    int opened = install_open_service(&install, SERVICE_QUERY_STATUS);
    if (opened == 1) {
        if (json)
            puts("{\"installed\":false,\"state\":\"absent\"}");
        else
            install_say("it is not installed");
        return install_close(&install, INSTALL_ABSENT);
    }
    if (opened != 0 || install_query(&install, &status) != 0)
        return install_close(&install, INSTALL_FAILED);
    const char *state = install_state(status.dwCurrentState);
    if (json && status.dwProcessId != 0)
        printf("{\"installed\":true,\"state\":\"%s\",\"pid\":%lu}\n", state, status.dwProcessId);
    else if (json)
        printf("{\"installed\":true,\"state\":\"%s\"}\n", state);
    else if (status.dwProcessId != 0)
        printf("junctiond: %s (process %lu)\n", state, status.dwProcessId);
    else
        printf("junctiond: %s\n", state);
    return install_close(&install,
                         status.dwCurrentState == SERVICE_RUNNING ? INSTALL_RUNNING : INSTALL_IDLE);
}
