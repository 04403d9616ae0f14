/* The event log of Windows: what event.c has found worth telling, under the source `junctiond` of
 * the log Application. */
#ifndef JUNCTION_EVENT_WIN_H
#define JUNCTION_EVENT_WIN_H

#include <windows.h>

#include "event.h"

#define EVENT_SOURCE L"junctiond"

/* The system's calls, so that tests can see what is reported. */
struct event_calls {
    HANDLE(WINAPI *open)(LPCWSTR server, LPCWSTR source);
    BOOL(WINAPI *report)
    (HANDLE log, WORD type, WORD category, DWORD id, PSID user, WORD count, DWORD size,
     LPCWSTR *inserts, LPVOID data);
    BOOL(WINAPI *close)(HANDLE log);
};
extern const struct event_calls event_system;

struct event_log {
    struct event_sink sink;
    const struct event_calls *calls;
    SRWLOCK lock;
    HANDLE source; /* NULL: the system has none for us; asked for again at the next event */
};

/* 0; -1 without memory. A log that cannot be opened is no reason not to work. */
int event_log_open(struct event_log *log, const struct event_calls *calls);

/* Tells what is still counted, and closes. */
void event_log_close(struct event_log *log);

#endif
