/* Stands for junctiond.exe in a package, so that one can see with what the package calls it and
 * when: C:\junction-msi\record.txt gets a line `NAME: ARGUMENTS` for each call, and the call fails
 * when there is a file C:\junction-msi\fail-NAME-VERB. NAME is given by the compiler's command
 * line. install and uninstall (un)register a service that does nothing. */
#include <windows.h>

#include <stdio.h>
#include <string.h>

#define PLACE   "C:\\junction-msi\\"
#define SERVICE "junctiond"

static SERVICE_STATUS_HANDLE reporter;
static HANDLE ended;

static void report(DWORD state)
{
    SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS, .dwCurrentState = state};
    if (state == SERVICE_RUNNING)
        status.dwControlsAccepted = SERVICE_ACCEPT_STOP;
    SetServiceStatus(reporter, &status);
}

static void WINAPI control(DWORD code)
{
    if (code == SERVICE_CONTROL_STOP)
        SetEvent(ended);
}

static void WINAPI serve(DWORD count, char **arguments)
{
    (void)count;
    (void)arguments;
    reporter = RegisterServiceCtrlHandlerA(SERVICE, control);
    report(SERVICE_RUNNING);
    WaitForSingleObject(ended, INFINITE);
    report(SERVICE_STOPPED);
}

static int add(SC_HANDLE manager)
{
    char program[MAX_PATH];
    char command[MAX_PATH + 16];
    GetModuleFileNameA(NULL, program, sizeof program);
    snprintf(command, sizeof command, "\"%s\" service", program);
    SC_HANDLE service = CreateServiceA(manager, SERVICE, SERVICE, SERVICE_ALL_ACCESS,
                                       SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                       SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, NULL, NULL);
    if (service == NULL && GetLastError() != ERROR_SERVICE_EXISTS)
        return 2;
    if (service != NULL)
        CloseServiceHandle(service);
    return 0;
}

static int drop(SC_HANDLE manager)
{
    SC_HANDLE service = OpenServiceA(manager, SERVICE, SERVICE_ALL_ACCESS);
    if (service == NULL)
        return GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST ? 0 : 2;
    int result = DeleteService(service) ? 0 : 2;
    CloseServiceHandle(service);
    return result;
}

static int record(int count, char **arguments)
{
    char line[512] = RECORDER_NAME ":";
    for (int i = 1; i < count; i++) {
        if (strlen(line) + strlen(arguments[i]) + 3 > sizeof line)
            return 2;
        strcat(line, " ");
        strcat(line, arguments[i]);
    }
    FILE *file = fopen(PLACE "record.txt", "ab");
    if (file == NULL)
        return 2;
    fprintf(file, "%s\n", line);
    return fclose(file) == 0 ? 0 : 2;
}

int main(int count, char **arguments)
{
    const char *verb = count > 1 ? arguments[1] : "";
    if (strcmp(verb, "service") == 0) {
        SERVICE_TABLE_ENTRYA services[] = {{SERVICE, serve}, {NULL, NULL}};
        ended = CreateEventA(NULL, TRUE, FALSE, NULL);
        return ended != NULL && StartServiceCtrlDispatcherA(services) ? 0 : 2;
    }
    char path[MAX_PATH];
    snprintf(path, sizeof path, PLACE "fail-" RECORDER_NAME "-%s", verb);
    if (record(count, arguments) != 0)
        return 2;
    if (GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES)
        return 1;
    SC_HANDLE manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    if (manager == NULL)
        return 2;
    int result = 0;
    if (strcmp(verb, "install") == 0)
        result = add(manager);
    else if (strcmp(verb, "uninstall") == 0)
        result = drop(manager);
    CloseServiceHandle(manager);
    return result;
}
