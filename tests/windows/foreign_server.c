/* A server that is not the service: it takes one connection on a pipe that belongs to whom it is
 * told, counts the bytes that come, and says nothing. As a service of the name `junctiond` it does
 * nothing at all, and is the process that the service manager knows. */
#include <windows.h>
#include <sddl.h>

#include <stdio.h>
#include <string.h>

#define SERVICE L"junctiond"

static const char usage[] =
    "foreign_server serve PIPE OWNER READY   READY: a file that is made\n"
    "foreign_server install | remove         3: there is a service already\n";

static int complain(const char *what)
{
    printf("%s: error %lu\n", what, GetLastError());
    return 1;
}

static int serve(const char *name, const char *owner, const char *ready)
{
    char text[256];
    PSECURITY_DESCRIPTOR descriptor = NULL;
    snprintf(text, sizeof text, "O:%sG:%sD:P(A;;GA;;;WD)", owner, owner);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &descriptor,
                                                              NULL))
        return complain("descriptor");
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, descriptor, FALSE};
    HANDLE pipe = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_BYTE | PIPE_WAIT, 1, 4096,
                                   4096, 0, &attributes);
    if (pipe == INVALID_HANDLE_VALUE)
        return complain("pipe");
    CloseHandle(CreateFileA(ready, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL));
    if (!ConnectNamedPipe(pipe, NULL) && GetLastError() != ERROR_PIPE_CONNECTED &&
        GetLastError() != ERROR_NO_DATA)
        return complain("connect");
    char buffer[4096];
    DWORD got, bytes = 0;
    while (ReadFile(pipe, buffer, sizeof buffer, &got, NULL))
        bytes += got;
    printf("bytes %lu\n", bytes);
    return 0;
}

/* ---- as a service ---- */

static HANDLE stopped;
static SERVICE_STATUS_HANDLE status_handle;

static void tell(DWORD state)
{
    SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
                             .dwCurrentState = state,
                             .dwControlsAccepted = SERVICE_ACCEPT_STOP};
    SetServiceStatus(status_handle, &status);
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    if (code == SERVICE_CONTROL_STOP)
        SetEvent(stopped);
    return NO_ERROR;
}

static void WINAPI service_main(DWORD count, wchar_t **arguments)
{
    (void)count;
    (void)arguments;
    status_handle = RegisterServiceCtrlHandlerExW(SERVICE, control, NULL);
    tell(SERVICE_RUNNING);
    WaitForSingleObject(stopped, INFINITE);
    tell(SERVICE_STOPPED);
}

static int run(void)
{
    SERVICE_TABLE_ENTRYW table[] = {{(wchar_t *)SERVICE, service_main}, {NULL, NULL}};
    stopped = CreateEventW(NULL, TRUE, FALSE, NULL);
    return StartServiceCtrlDispatcherW(table) ? 0 : complain("dispatcher");
}

static int install(SC_HANDLE manager)
{
    wchar_t self[MAX_PATH], command[MAX_PATH + 16];
    SERVICE_STATUS status = {0};
    GetModuleFileNameW(NULL, self, MAX_PATH);
    _snwprintf(command, MAX_PATH + 16, L"\"%ls\" service", self);
    SC_HANDLE service = CreateServiceW(manager, SERVICE, SERVICE, SERVICE_ALL_ACCESS,
                                       SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START,
                                       SERVICE_ERROR_IGNORE, command, NULL, NULL, NULL, NULL, NULL);
    if (service == NULL)
        return GetLastError() == ERROR_SERVICE_EXISTS ? (complain("create"), 3)
                                                      : complain("create");
    if (!StartServiceW(service, 0, NULL)) {
        complain("start");
        DeleteService(service);
        return 1;
    }
    for (int i = 0; i < 300 && status.dwCurrentState != SERVICE_RUNNING; i++) {
        Sleep(100);
        QueryServiceStatus(service, &status);
    }
    CloseServiceHandle(service);
    return status.dwCurrentState == SERVICE_RUNNING ? 0 : 1;
}

static int uninstall(SC_HANDLE manager)
{
    SERVICE_STATUS status;
    SC_HANDLE service = OpenServiceW(manager, SERVICE, SERVICE_ALL_ACCESS);
    if (service == NULL)
        return complain("open");
    ControlService(service, SERVICE_CONTROL_STOP, &status);
    for (int i = 0; i < 300; i++) {
        if (!QueryServiceStatus(service, &status) || status.dwCurrentState == SERVICE_STOPPED)
            break;
        Sleep(100);
    }
    BOOL deleted = DeleteService(service);
    CloseServiceHandle(service);
    return deleted ? 0 : complain("delete");
}

int main(int count, char **arguments)
{
    if (count == 5 && strcmp(arguments[1], "serve") == 0)
        return serve(arguments[2], arguments[3], arguments[4]);
    if (count == 2 && strcmp(arguments[1], "service") == 0)
        return run();
    SC_HANDLE manager = count == 2 ? OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS) : NULL;
    if (manager != NULL && strcmp(arguments[1], "install") == 0)
        return install(manager);
    if (manager != NULL && strcmp(arguments[1], "remove") == 0)
        return uninstall(manager);
    fputs(usage, stderr);
    return 2;
}
