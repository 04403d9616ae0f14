/* uv_pipe_bind takes no security descriptor and cannot refuse remote clients, and uv_pipe_chmod
 * lets everybody add a server instance. So a thread of our own makes the instances and waits; each
 * connected handle becomes a uv_pipe_t on the loop. */
#include "listener_win.h"

#include <io.h>
#include <sddl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/pipe_name.h"

#define LISTENER_INSTANCES \
    16 /* with 4, one of 20 clients that connect at once finds the pipe busy */
#define LISTENER_BUFFER   65536
#define LISTENER_WAIT_MIN 50 /* ms between attempts to make an instance */
#define LISTENER_WAIT_MAX 2000

/* A connected handle on its way from the thread to the loop. */
struct listener_arrival {
    struct listener_arrival *next;
    HANDLE pipe;
};

/* What became of a slot. */
enum listener_armed {
    LISTENER_ARMED,
    LISTENER_SPENT, /* clients came and went faster than it could wait for them: again, at once */
    LISTENER_FAILED /* no instance, or no memory, was to be had: again, later */
};

struct listener_slot {
    HANDLE pipe;  /* INVALID_HANDLE_VALUE: could not be made; tried again later */
    HANDLE event; /* manual reset, of `overlapped` */
    OVERLAPPED overlapped;
    bool connected; /* before it was waited for: nothing is pending */
    struct listener_arrival
        *arrival; /* made beforehand, so that a connection cannot be lost for want of memory */
};

struct listener {
    const struct listener_calls *calls;
    uv_loop_t *loop;
    uv_async_t arrived;
    listener_on_connection on_connection;
    void *context;
    void (*closed)(void *context);
    void *closed_context;

    wchar_t name[PIPE_NAME_SIZE];
    PSECURITY_DESCRIPTOR descriptor;
    HANDLE thread, stop;

    SRWLOCK lock; /* of the queue */
    struct listener_arrival *first, **last;

    struct listener_slot slots[LISTENER_INSTANCES]; /* the thread's alone while it runs */
};

/* ---- who may connect
 * ---------------------------------------------------------------------------------------- */

/* The SID of the process' account as text (LocalFree), and whether the process is elevated. */
static DWORD listener_own_sid(wchar_t **sid, bool *elevated)
{
    HANDLE token = NULL;
    TOKEN_USER *user = NULL;
    TOKEN_ELEVATION elevation = {0};
    DWORD size = 0, error = ERROR_SUCCESS;
    *sid = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return GetLastError();
    GetTokenInformation(token, TokenUser, NULL, 0, &size);
    user = size > 0 ? malloc(size) : NULL;
    if (user == NULL) {
        error = ERROR_OUTOFMEMORY;
        goto done;
    }
    if (!GetTokenInformation(token, TokenUser, user, size, &size) ||
        !GetTokenInformation(token, TokenElevation, &elevation, sizeof elevation, &size) ||
        !ConvertSidToStringSidW(user->User.Sid, sid))
        error = GetLastError();
    *elevated = elevation.TokenIsElevated != 0;

done:
    free(user);
    CloseHandle(token);
    return error;
}

static DWORD listener_make_descriptor(const wchar_t *name, PSECURITY_DESCRIPTOR *descriptor)
{
    wchar_t text[LISTENER_DESCRIPTOR_SIZE];
    wchar_t *sid = NULL;
    bool elevated = false;
    DWORD error = listener_own_sid(&sid, &elevated);
    if (error == ERROR_SUCCESS && listener_descriptor(name, sid, elevated, text) != 0) {
        error = ERROR_INSUFFICIENT_BUFFER;
    }
    LocalFree(sid);
    if (error != ERROR_SUCCESS) {
        return error;
    }
    return ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, descriptor,
                                                                NULL)
               ? ERROR_SUCCESS
               : GetLastError();
}

/* ---- instances
 * ---------------------------------------------------------------------------------------------- */

static HANDLE sys_create(const wchar_t *name, bool first, SECURITY_ATTRIBUTES *attributes)
{
    return CreateNamedPipeW(
        name,
        PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
        PIPE_UNLIMITED_INSTANCES, LISTENER_BUFFER, LISTENER_BUFFER, 0, attributes);
}

static BOOL sys_connect(HANDLE pipe, OVERLAPPED *overlapped)
{
    return ConnectNamedPipe(pipe, overlapped);
}

const struct listener_calls listener_calls_system = {sys_create, sys_connect};

static HANDLE listener_make_instance(const struct listener *listener, bool first)
{
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof attributes,
                                      .lpSecurityDescriptor = listener->descriptor,
                                      .bInheritHandle = FALSE};
    return listener->calls->create(listener->name, first, &attributes);
}

/* Hands a connection to the loop and takes over the slot's arrival. */
static void listener_publish(struct listener *listener, struct listener_arrival *arrival,
                             HANDLE pipe)
{
    arrival->pipe = pipe;
    arrival->next = NULL;
    AcquireSRWLockExclusive(&listener->lock);
    *listener->last = arrival;
    listener->last = &arrival->next;
    ReleaseSRWLockExclusive(&listener->lock);
    uv_async_send(&listener->arrived);
}

/* The next instance before the spent one goes: without any, the name would be gone for a moment,
 * for clients and against others who want it. */
static void listener_renew(const struct listener *listener, struct listener_slot *slot,
                           HANDLE spent)
{
    slot->pipe = listener_make_instance(listener, false);
    CloseHandle(spent);
}

/* Makes the slot wait for a client. A client that comes and goes while this runs is an
 * ERROR_NO_DATA: that instance is spent, the next one is made; `attempts` keeps a hostile one from
 * holding the thread. */
static enum listener_armed listener_arm(struct listener *listener, struct listener_slot *slot)
{
    for (int attempts = 0; attempts < 8; attempts++) {
        if (slot->arrival == NULL && (slot->arrival = malloc(sizeof *slot->arrival)) == NULL) {
            return LISTENER_FAILED;
        }
        if (slot->pipe == INVALID_HANDLE_VALUE) {
            slot->pipe = listener_make_instance(listener, false);
            if (slot->pipe == INVALID_HANDLE_VALUE) {
                return LISTENER_FAILED;
            }
        }
        memset(&slot->overlapped, 0, sizeof slot->overlapped);
        slot->overlapped.hEvent = slot->event;
        slot->connected = false;
        ResetEvent(slot->event);
        if (listener->calls->connect(slot->pipe, &slot->overlapped)) {
            SetLastError(ERROR_PIPE_CONNECTED);
        }
        DWORD error = GetLastError();
        if (error == ERROR_IO_PENDING) {
            return LISTENER_ARMED;
        }
        if (error == ERROR_PIPE_CONNECTED) {
            /* Came between creation and this call: the event tells the loop below, as for any
             * other. */
            slot->connected = true;
            SetEvent(slot->event);
            return LISTENER_ARMED;
        }
        listener_renew(listener, slot, slot->pipe);
        if (error != ERROR_NO_DATA || slot->pipe == INVALID_HANDLE_VALUE) {
            return LISTENER_FAILED;
        }
    }
    return LISTENER_SPENT;
}

/* The slot's event was set. */
static enum listener_armed listener_serve(struct listener *listener, struct listener_slot *slot)
{
    DWORD ignored;
    bool connected =
        slot->connected || GetOverlappedResult(slot->pipe, &slot->overlapped, &ignored, FALSE);
    HANDLE pipe = slot->pipe;
    struct listener_arrival *arrival = slot->arrival;
    ResetEvent(slot->event);
    slot->pipe = INVALID_HANDLE_VALUE;
    if (!connected) {
        listener_renew(listener, slot, pipe);
        return listener_arm(listener, slot);
    }
    /* The next instance first, or a client meets no pipe. */
    slot->arrival = NULL;
    enum listener_armed armed = listener_arm(listener, slot);
    listener_publish(listener, arrival, pipe);
    return armed;
}

static void listener_disarm(struct listener_slot *slot)
{
    if (slot->pipe != INVALID_HANDLE_VALUE) {
        DWORD ignored;
        /* The system writes into `overlapped` until the operation has ended. */
        if (CancelIoEx(slot->pipe, &slot->overlapped) || GetLastError() != ERROR_NOT_FOUND)
            GetOverlappedResult(slot->pipe, &slot->overlapped, &ignored, TRUE);
        CloseHandle(slot->pipe);
        slot->pipe = INVALID_HANDLE_VALUE;
    }
    free(slot->arrival);
    slot->arrival = NULL;
}

static DWORD WINAPI listener_run(void *context)
{
    struct listener *listener = context;
    HANDLE events[1 + LISTENER_INSTANCES];
    enum listener_armed armed[LISTENER_INSTANCES];
    DWORD pause = LISTENER_WAIT_MIN;
    events[0] = listener->stop;
    for (int i = 0; i < LISTENER_INSTANCES; i++) {
        events[1 + i] = listener->slots[i].event;
        armed[i] = LISTENER_SPENT;
    }

    for (;;) {
        DWORD wait = INFINITE;
        for (int i = 0; i < LISTENER_INSTANCES; i++) {
            if (armed[i] != LISTENER_ARMED) {
                armed[i] = listener_arm(listener, &listener->slots[i]);
            }
            if (armed[i] == LISTENER_SPENT) {
                wait = 0;
            } else if (armed[i] == LISTENER_FAILED && wait != 0) {
                wait = pause;
            }
        }
        /* While instances cannot be made, ask less and less often; the waiting ones are served all
         * the time. */
        if (wait == INFINITE) {
            pause = LISTENER_WAIT_MIN;
        } else if (wait != 0) {
            pause = pause * 2 < LISTENER_WAIT_MAX ? pause * 2 : LISTENER_WAIT_MAX;
        }
        DWORD woken = WaitForMultipleObjects(1 + LISTENER_INSTANCES, events, FALSE, wait);
        if (woken == WAIT_OBJECT_0) {
            break;
        }
        if (woken == WAIT_TIMEOUT) {
            continue;
        }
        if (woken == WAIT_FAILED) {
            Sleep(LISTENER_WAIT_MIN);
            continue;
        }
        for (int i = 0; i < LISTENER_INSTANCES; i++) {
            if (armed[i] == LISTENER_ARMED &&
                WaitForSingleObject(events[1 + i], 0) == WAIT_OBJECT_0) {
                armed[i] = listener_serve(listener, &listener->slots[i]);
            }
        }
    }
    for (int i = 0; i < LISTENER_INSTANCES; i++) {
        listener_disarm(&listener->slots[i]);
    }
    return 0;
}

/* ---- on the loop
 * -------------------------------------------------------------------------------------------- */

static void listener_free_pipe(uv_handle_t *handle)
{
    free(handle);
}

/* Owns `handle`. NULL: it was closed. */
static uv_pipe_t *listener_adopt(uv_loop_t *loop, HANDLE handle)
{
    uv_pipe_t *pipe = malloc(sizeof *pipe);
    if (pipe == NULL) {
        CloseHandle(handle);
        return NULL;
    }
    if (uv_pipe_init(loop, pipe, 0) != 0) {
        CloseHandle(handle);
        free(pipe);
        return NULL;
    }
    uv_file descriptor = uv_open_osfhandle(handle);
    if (descriptor < 0) {
        CloseHandle(handle);
        uv_close((uv_handle_t *)pipe, listener_free_pipe);
        return NULL;
    }
    if (uv_pipe_open(pipe, descriptor) != 0) {
        _close(descriptor);
        uv_close((uv_handle_t *)pipe, listener_free_pipe);
        return NULL;
    }
    return pipe;
}

static struct listener_arrival *listener_take(struct listener *listener)
{
    AcquireSRWLockExclusive(&listener->lock);
    struct listener_arrival *taken = listener->first;
    listener->first = NULL;
    listener->last = &listener->first;
    ReleaseSRWLockExclusive(&listener->lock);
    return taken;
}

/* Signals are merged: one call may stand for many arrivals, and some calls for none. */
static void listener_on_arrived(uv_async_t *async)
{
    struct listener *listener = async->data;
    struct listener_arrival *arrival = listener_take(listener);
    while (arrival != NULL) {
        struct listener_arrival *next = arrival->next;
        uv_pipe_t *pipe = listener_adopt(listener->loop, arrival->pipe);
        free(arrival);
        if (pipe != NULL)
            listener->on_connection(listener->context, pipe);
        arrival = next;
    }
}

static void listener_free(struct listener *listener)
{
    for (int i = 0; i < LISTENER_INSTANCES; i++) {
        listener_disarm(&listener->slots[i]);
        if (listener->slots[i].event != NULL)
            CloseHandle(listener->slots[i].event);
    }
    if (listener->stop != NULL)
        CloseHandle(listener->stop);
    LocalFree(listener->descriptor);
    free(listener);
}

static void listener_on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    void (*closed)(void *) = listener->closed;
    void *context = listener->closed_context;
    listener_free(listener);
    if (closed != NULL)
        closed(context);
}

static void listener_explain(DWORD error, const char *name, char why[512])
{
    switch (error) {
    case ERROR_ACCESS_DENIED:
    case ERROR_PIPE_BUSY:
        snprintf(why, 512, "%s: the name is taken by another service, or needs an administrator",
                 name);
        break;
    case ERROR_INVALID_OWNER:
    case ERROR_PRIVILEGE_NOT_HELD:
        snprintf(why, 512, "%s: only the system's own account can have this name; choose another",
                 name);
        break;
    case ERROR_INVALID_NAME:
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        snprintf(why, 512, "%s: this is no name for a pipe", name);
        break;
    default:
        snprintf(why, 512, "%s: cannot make the pipe: error %lu", name, error);
    }
}

/* FILE_FLAG_FIRST_PIPE_INSTANCE is what keeps a second service out; but not every host enforces it,
 * and this asks without connecting. */
static bool listener_name_is_taken(const wchar_t *name)
{
    return WaitNamedPipeW(name, 1) || GetLastError() == ERROR_SEM_TIMEOUT;
}

int listener_open_by(const struct listener_calls *calls, uv_loop_t *loop, const char *name,
                     listener_on_connection on_connection, void *context, struct listener **out,
                     char why[512])
{
    *out = NULL;
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        snprintf(why, 512, "out of memory");
        return -1;
    }
    listener->calls = calls;
    listener->loop = loop;
    listener->on_connection = on_connection;
    listener->context = context;
    listener->last = &listener->first;
    InitializeSRWLock(&listener->lock);
    for (int i = 0; i < LISTENER_INSTANCES; i++)
        listener->slots[i].pipe = INVALID_HANDLE_VALUE;

    DWORD error = ERROR_SUCCESS;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, listener->name,
                            PIPE_NAME_SIZE) == 0) {
        listener_explain(ERROR_INVALID_NAME, name, why);
        goto error;
    }
    if (listener_name_is_taken(listener->name)) {
        snprintf(why, 512, "%s: another service has this name", name);
        goto error;
    }
    error = listener_make_descriptor(listener->name, &listener->descriptor);
    if (error != ERROR_SUCCESS) {
        snprintf(why, 512, "cannot say who may connect: error %lu", error);
        goto error;
    }
    listener->slots[0].pipe = listener_make_instance(listener, true);
    if (listener->slots[0].pipe == INVALID_HANDLE_VALUE) {
        listener_explain(GetLastError(), name, why);
        goto error;
    }
    listener->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    bool events = listener->stop != NULL;
    for (int i = 0; i < LISTENER_INSTANCES && events; i++) {
        listener->slots[i].event = CreateEventW(NULL, TRUE, FALSE, NULL);
        events = listener->slots[i].event != NULL;
    }
    if (!events) {
        snprintf(why, 512, "cannot make events: error %lu", GetLastError());
        goto error;
    }
    int code = uv_async_init(loop, &listener->arrived, listener_on_arrived);
    if (code != 0) {
        snprintf(why, 512, "%s", uv_strerror(code));
        goto error;
    }
    listener->arrived.data = listener;
    listener->thread = CreateThread(NULL, 0, listener_run, listener, 0, NULL);
    if (listener->thread == NULL) {
        snprintf(why, 512, "cannot start a thread: error %lu", GetLastError());
        /* From here on the loop knows the listener, and frees it when it runs. */
        uv_close((uv_handle_t *)&listener->arrived, listener_on_closed);
        return -1;
    }
    *out = listener;
    return 0;

error:
    listener_free(listener);
    return -1;
}

int listener_open(uv_loop_t *loop, const char *name, listener_on_connection on_connection,
                  void *context, struct listener **out, char why[512])
{
    return listener_open_by(&listener_calls_system, loop, name, on_connection, context, out, why);
}

void listener_close(struct listener *listener, void (*closed)(void *context), void *context)
{
    listener->closed = closed;
    listener->closed_context = context;
    SetEvent(listener->stop);
    WaitForSingleObject(listener->thread, INFINITE);
    CloseHandle(listener->thread);
    listener->thread = NULL;
    struct listener_arrival *arrival = listener_take(listener);
    while (arrival != NULL) {
        struct listener_arrival *next = arrival->next;
        CloseHandle(arrival->pipe);
        free(arrival);
        arrival = next;
    }
    uv_close((uv_handle_t *)&listener->arrived, listener_on_closed);
}
