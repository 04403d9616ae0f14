/* The service under the service control manager, with the system's calls in a table of their own
 * for the tests. */
#ifndef JUNCTION_HOST_WIN_H
#define JUNCTION_HOST_WIN_H

#include <windows.h>

#include "host.h"

struct host_calls {
    SERVICE_STATUS_HANDLE(WINAPI *register_handler)
    (LPCWSTR name, LPHANDLER_FUNCTION_EX handler, LPVOID context);
    BOOL(WINAPI *set_status)(SERVICE_STATUS_HANDLE handle, LPSERVICE_STATUS status);
};
extern const struct host_calls host_system;

#define HOST_SERVICE_NAME L"junctiond"

/* What the service control manager is told, and by what it can stop the server. */
struct host_win {
    const struct host_calls *calls;
    SERVICE_STATUS_HANDLE handle;
    SRWLOCK lock; /* of what follows: orders come on another thread */
    SERVICE_STATUS status;
    struct server *server; /* NULL: there is none to stop */
    void (*stop)(struct server *server, const char *reason);
};

/* Sets *host up so that the server can tell it how it is going, and reports that the service is on
 * its way. 0, or a Win32 error. */
DWORD host_win_begin(struct host_win *win, const struct host_calls *calls, struct host *host);

/* What the service control manager calls. */
DWORD WINAPI host_win_control(DWORD control, DWORD type, LPVOID data, LPVOID context);

#endif
