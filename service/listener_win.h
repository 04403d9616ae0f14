/* The inside of listener_win.c, for its tests: who may connect, and the calls that may fail. */
#ifndef JUNCTION_LISTENER_WIN_H
#define JUNCTION_LISTENER_WIN_H

#include <windows.h>

#include <stdbool.h>

#include "listener.h"

#define LISTENER_DESCRIPTOR_SIZE 1024

/* The security descriptor (SDDL) of a pipe with this name, made by a process of this account, which
 * is elevated or not. Under the protected prefix: the service proper, for every account of the
 * machine but anonymous ones and guests. Else: a service that somebody runs himself, for him,
 * administrators and the system. Nobody but SYSTEM (the service proper), Administrators (an
 * elevated process) or the account itself may add an instance. -1: it does not fit. */
int listener_descriptor(const wchar_t *name, const wchar_t *account, bool elevated,
                        wchar_t text[LISTENER_DESCRIPTOR_SIZE]);

struct listener_calls {
    HANDLE(*create)
    (const wchar_t *name, bool first, SECURITY_ATTRIBUTES *attributes);
    BOOL (*connect)(HANDLE pipe, OVERLAPPED *overlapped);
};
extern const struct listener_calls listener_calls_system;

/* listener_open with calls of one's own, which must live as long as the listener. */
int listener_open_by(const struct listener_calls *calls, uv_loop_t *loop, const char *name,
                     listener_on_connection on_connection, void *context, struct listener **out,
                     char why[512]);

#endif
