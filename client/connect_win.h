/* The inside of connect_win.c, for its tests: what the system says about a pipe and its server. */
#ifndef JUNCTION_CONNECT_WIN_H
#define JUNCTION_CONNECT_WIN_H

#include <windows.h>

#include "connect.h"

struct connect_calls {
    /* INVALID_HANDLE_VALUE with GetLastError. */
    HANDLE (*open)(const WCHAR *name, DWORD access, DWORD flags);
    BOOL (*wait)(const WCHAR *name, DWORD milliseconds);
    ULONGLONG (*clock)(void); /* milliseconds */
    void (*pause)(DWORD milliseconds);
    /* A Win32 code; *owner is within *descriptor, for LocalFree. */
    DWORD (*owner)(HANDLE pipe, PSID *owner, PSECURITY_DESCRIPTOR *descriptor);
    BOOL (*is_own_account)(PSID account);
    BOOL (*server_process)(HANDLE pipe, ULONG *process);
    /* The process of the registered service; 0 when the service manager does not tell. */
    DWORD (*service_process)(void);
    /* The server has closed its end. */
    BOOL (*is_closed)(HANDLE pipe);
};
extern const struct connect_calls connect_calls_system;

int connect_open_by(const struct connect_calls *calls, uv_pipe_t *pipe, const char *name,
                    unsigned timeout_ms, struct problem *problem);

#endif
