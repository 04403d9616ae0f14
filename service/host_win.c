#include "host_win.h"

#include <stdio.h>
#include <string.h>

#include "../protocol/pipe_name.h"
#include "event_win.h"
#include "process.h"
#include "server.h"

const struct host_calls host_system = {
    .register_handler = RegisterServiceCtrlHandlerExW,
    .set_status = SetServiceStatus,
};

#define HOST_START_HINT 30000u /* ms: configuration and disks that are slow at boot */
#define HOST_STOP_SPARE 5000u  /* beyond what the server has for stopping */

/* Takes the state; the checkpoint grows while it stays the same, as the manager wants to see. */
static void host_report(struct host_win *win, DWORD state, DWORD hint)
{
    bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
    win->status.dwCheckPoint = !pending                              ? 0
                               : state == win->status.dwCurrentState ? win->status.dwCheckPoint + 1
                                                                     : 1;
    win->status.dwCurrentState = state;
    win->status.dwWaitHint = pending ? hint : 0;
    win->status.dwControlsAccepted =
        state == SERVICE_RUNNING
            ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PRESHUTDOWN
            : 0;
    win->calls->set_status(win->handle, &win->status);
}

DWORD WINAPI host_win_control(DWORD control, DWORD type, LPVOID data, LPVOID context)
{
    struct host_win *win = context;
    const char *reason = "the service manager said stop";
    DWORD result = NO_ERROR;
    (void)type;
    (void)data;
    AcquireSRWLockExclusive(&win->lock);
    switch (control) {
    case SERVICE_CONTROL_INTERROGATE:
        win->calls->set_status(win->handle, &win->status);
        break;
    case SERVICE_CONTROL_PRESHUTDOWN:
    case SERVICE_CONTROL_SHUTDOWN:
        reason = "the system shuts down";
        /* fall through */
    case SERVICE_CONTROL_STOP:
        /* Without a server it stops already, or has not begun. */
        if (win->server != NULL) {
            host_report(win, SERVICE_STOP_PENDING, HOST_STOP_SPARE);
            win->stop(win->server, reason);
        }
        break;
    default:
        result = ERROR_CALL_NOT_IMPLEMENTED;
    }
    ReleaseSRWLockExclusive(&win->lock);
    return result;
}

/* ---- what the server tells ---- */

static void host_ready(void *context, struct server *server)
{
    struct host_win *win = context;
    AcquireSRWLockExclusive(&win->lock);
    win->server = server;
    host_report(win, SERVICE_START_PENDING, HOST_START_HINT);
    ReleaseSRWLockExclusive(&win->lock);
}

static void host_started(void *context)
{
    struct host_win *win = context;
    AcquireSRWLockExclusive(&win->lock);
    host_report(win, SERVICE_RUNNING, 0);
    ReleaseSRWLockExclusive(&win->lock);
}

static void host_stopping(void *context, unsigned seconds)
{
    struct host_win *win = context;
    AcquireSRWLockExclusive(&win->lock);
    win->server = NULL;
    host_report(win, SERVICE_STOP_PENDING, seconds * 1000u + HOST_STOP_SPARE);
    ReleaseSRWLockExclusive(&win->lock);
}

static void host_ended(void *context, enum host_end end)
{
    struct host_win *win = context;
    AcquireSRWLockExclusive(&win->lock);
    win->server = NULL;
    if (end != HOST_DONE) {
        win->status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
        win->status.dwServiceSpecificExitCode = end;
    }
    host_report(win, SERVICE_STOPPED, 0);
    ReleaseSRWLockExclusive(&win->lock);
}

DWORD host_win_begin(struct host_win *win, const struct host_calls *calls, struct host *host)
{
    memset(win, 0, sizeof *win);
    win->calls = calls;
    win->stop = server_stop;
    InitializeSRWLock(&win->lock);
    win->status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    *host = (struct host){
        .signals = false, /* the manager speaks; and a user who logs off is no reason to stop */
        .ready = host_ready,
        .started = host_started,
        .stopping = host_stopping,
        .ended = host_ended,
        .context = win,
    };
    /* An order may come as soon as it is registered. */
    AcquireSRWLockExclusive(&win->lock);
    win->handle = calls->register_handler(HOST_SERVICE_NAME, host_win_control, win);
    DWORD error = win->handle == NULL ? GetLastError() : ERROR_SUCCESS;
    if (error == ERROR_SUCCESS) {
        host_report(win, SERVICE_START_PENDING, HOST_START_HINT);
    }
    ReleaseSRWLockExclusive(&win->lock);
    return error;
}

/* ---- as the manager runs it ---- */

/* The manager hands ServiceMain no context, and calls the handler on the first thread for as long
 * as that waits in the dispatcher: what they share must outlive both. */
static struct {
    struct host_win win;
    struct event_log events;
    const char *unprepared;
} host_self;

/* The events are told before the manager hears of the end: then the process may be gone any time.
 */
static void host_ended_flush(void *context, enum host_end end)
{
    event_sink_flush(&host_self.events.sink);
    host_ended(context, end);
}

static void WINAPI host_main(DWORD count, LPWSTR *arguments)
{
    struct host host;
    char pipe_names[2][PIPE_NAME_SIZE];
    char why[512];
    struct log log = {LOG_ERROR, -1, NULL};
    (void)count;
    (void)arguments;
    if (host_win_begin(&host_self.win, &host_system, &host) != ERROR_SUCCESS) {
        return; /* nobody to talk to: the manager sees the process end */
    }
    if (event_log_open(&host_self.events, &event_system) != 0) {
        host.ended(host.context, HOST_RESOURCES);
        return;
    }
    host.ended = host_ended_flush;
    log.sink = &host_self.events.sink.log_sink;
    if (host_self.unprepared != NULL) {
        log_event(&log, LOG_ERROR, "failed", LOG_TEXT("what", "process"),
                  LOG_TEXT("reason", host_self.unprepared));
        host.ended(host.context, HOST_UNPREPARED);
        return;
    }
    if (pipe_name_defaults(pipe_names) == 0) {
        host.ended(host.context, HOST_PIPE);
        return;
    }
    host_serve(&host, &log, pipe_names[0], NULL, why);
}

int host_service(const char *unprepared)
{
    wchar_t name[] = HOST_SERVICE_NAME;
    SERVICE_TABLE_ENTRYW table[] = {{name, host_main}, {NULL, NULL}};
    host_self.unprepared = unprepared;
    if (StartServiceCtrlDispatcherW(table)) {
        return 0;
    }
    DWORD error = GetLastError();
    if (error == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        fputs("junctiond: this is what the service manager runs; by hand use `junctiond run`, or "
              "`junctiond install --start` and `junctiond start`\n",
              stderr);
        return 2;
    }
    fprintf(stderr, "junctiond: cannot talk to the service manager: error %lu\n", error);
    return 1;
}
