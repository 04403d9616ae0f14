#include "install_win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "event_win.h"
#include "process.h"
#include "process_win.h"

#define INSTALL_DISPLAY L"Junction service"
#define INSTALL_DESCRIPTION                                                                      \
    L"Makes, shows, lists and deletes NTFS junctions for the programs of all users, with their " \
    L"own rights. Without it the command junction does nothing."
#define INSTALL_EVENT_KEY \
    L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" EVENT_SOURCE

/* The system lets the service take as long as its configuration may allow it at most; it ends by
 * itself, and usually at once. */
#define INSTALL_PRESHUTDOWN 630000u

static const struct install_calls install_system = {
    .open_manager = OpenSCManagerW,
    .open_service = OpenServiceW,
    .create_service = CreateServiceW,
    .query_config = QueryServiceConfigW,
    .change_config = ChangeServiceConfigW,
    .change_config2 = ChangeServiceConfig2W,
    .query_status = QueryServiceStatusEx,
    .start_service = StartServiceW,
    .control = ControlService,
    .delete_service = DeleteService,
    .close = CloseServiceHandle,
    .key_create = RegCreateKeyExW,
    .key_set = RegSetValueExW,
    .key_close = RegCloseKey,
    .key_delete = RegDeleteKeyW,
    .open_process = OpenProcess,
    .wait = WaitForSingleObject,
    .close_process = CloseHandle,
    .program = GetModuleFileNameW,
    .check_program = process_check_trusted,
    .data_make = process_data_make,
    .data_remove = process_data_remove,
    .sleep = Sleep,
};

/* This program's path, malloc'ed; NULL told. */
static wchar_t *install_program(const struct install_calls *calls)
{
    const DWORD size = 32768;
    wchar_t *path = malloc(size * sizeof *path);
    if (path == NULL) {
        fputs("junctiond: out of memory\n", stderr);
        return NULL;
    }
    DWORD length = calls->program(NULL, path, size);
    if (length == 0 || length >= size) {
        install_complain("the system does not say where this program is", GetLastError());
        free(path);
        return NULL;
    }
    return path;
}

/* Quoted: `C:\Program Files\...` without quotes would let a C:\Program.exe run as the system. */
static wchar_t *install_command(const wchar_t *program)
{
    size_t size = wcslen(program) + 16;
    wchar_t *command = malloc(size * sizeof *command);
    if (command != NULL)
        _snwprintf(command, size, L"\"%ls\" service", program);
    else
        fputs("junctiond: out of memory\n", stderr);
    return command;
}

/* Who can change the program, or what is above it, can become the system. Told, not refused:
 * whoever installs is the administrator of the machine. */
static void install_judge_program(const struct install_calls *calls, const wchar_t *program)
{
    char why[512], path[1024];
    if (WideCharToMultiByte(CP_UTF8, 0, program, -1, path, sizeof path, NULL, NULL) == 0)
        return;
    if (calls->check_program(path, why) != 0)
        fprintf(stderr,
                "junctiond: warning: %s; whoever can change this program gets the rights of the "
                "system: better install from a directory like C:\\Program Files\\Junction\n",
                why);
}

/* What some hosts do not know is a warning. */
static int install_setting(const struct install *install, DWORD level, void *value,
                           const char *what)
{
    if (install->calls->change_config2(install->service, level, value))
        return 0;
    DWORD error = GetLastError();
    if (error == ERROR_INVALID_LEVEL || error == ERROR_INVALID_PARAMETER ||
        error == ERROR_NOT_SUPPORTED || error == ERROR_CALL_NOT_IMPLEMENTED) {
        fprintf(stderr, "junctiond: warning: this system has no %s for services (error %lu)\n",
                what, error);
        return 0;
    }
    char text[128];
    snprintf(text, sizeof text, "the service's %s cannot be set", what);
    install_complain(text, error);
    return -1;
}

static int install_settings(const struct install *install)
{
    wchar_t text[] = INSTALL_DESCRIPTION;
    SERVICE_DESCRIPTIONW description = {text};
    SC_ACTION actions[] = {
        {SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 30000}, {SC_ACTION_RESTART, 600000}};
    SERVICE_FAILURE_ACTIONSW failure = {86400, NULL, NULL, sizeof actions / sizeof actions[0],
                                        actions};
    /* Also when it stops by itself with an error. */
    SERVICE_FAILURE_ACTIONS_FLAG always = {TRUE};
    SERVICE_SID_INFO sid = {SERVICE_SID_TYPE_UNRESTRICTED};
    /* All others are taken away; without SeImpersonate it could not work as its callers. */
    wchar_t names[] = L"SeImpersonatePrivilege\0SeChangeNotifyPrivilege\0SeBackupPrivilege\0";
    SERVICE_REQUIRED_PRIVILEGES_INFOW privileges = {names};
    SERVICE_PRESHUTDOWN_INFO preshutdown = {INSTALL_PRESHUTDOWN};

    if (install_setting(install, SERVICE_CONFIG_DESCRIPTION, &description, "description") != 0 ||
        install_setting(install, SERVICE_CONFIG_FAILURE_ACTIONS, &failure, "restart on failure") !=
            0 ||
        install_setting(install, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &always,
                        "restart on errors") != 0 ||
        install_setting(install, SERVICE_CONFIG_SERVICE_SID_INFO, &sid, "account of its own") !=
            0 ||
        install_setting(install, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &privileges,
                        "list of privileges") != 0 ||
        install_setting(install, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown,
                        "time before shutdown") != 0)
        return -1;
    return 0;
}

/* The program holds the texts of its events. */
static int install_event_source(const struct install_calls *calls, const wchar_t *program,
                                bool *made)
{
    HKEY key = NULL;
    DWORD disposition = 0,
          types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    LSTATUS error = calls->key_create(HKEY_LOCAL_MACHINE, INSTALL_EVENT_KEY, 0, NULL, 0,
                                      KEY_SET_VALUE, NULL, &key, &disposition);
    if (error == ERROR_SUCCESS) {
        *made = disposition == REG_CREATED_NEW_KEY;
        /* REG_SZ, not REG_EXPAND_SZ: a `%` in the path is itself. */
        error = calls->key_set(key, L"EventMessageFile", 0, REG_SZ, (const BYTE *)program,
                               (DWORD)((wcslen(program) + 1) * sizeof *program));
        if (error == ERROR_SUCCESS)
            error = calls->key_set(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types,
                                   sizeof types);
        calls->key_close(key);
    }
    if (error == ERROR_SUCCESS)
        return 0;
    install_complain("the source of events cannot be registered", (DWORD)error);
    return -1;
}

/* The command of the service as it is, malloc'ed; NULL told. */
static wchar_t *install_old_command(const struct install *install)
{
    DWORD needed = 0;
    wchar_t *command = NULL;
    install->calls->query_config(install->service, NULL, 0, &needed);
    QUERY_SERVICE_CONFIGW *config = needed > 0 ? malloc(needed) : NULL;
    if (config != NULL && install->calls->query_config(install->service, config, needed, &needed))
        command = _wcsdup(config->lpBinaryPathName != NULL ? config->lpBinaryPathName : L"");
    else
        install_complain("the service manager does not say how the service is registered",
                         GetLastError());
    free(config);
    return command;
}

static BOOL install_change_command(const struct install *install, const wchar_t *command)
{
    return install->calls->change_config(install->service, SERVICE_WIN32_OWN_PROCESS,
                                         SERVICE_NO_CHANGE, SERVICE_ERROR_NORMAL, command, NULL,
                                         NULL, NULL, L"LocalSystem", NULL, INSTALL_DISPLAY);
}

/* A service that was removed a moment ago is there until the last program closes it. */
static int install_create(struct install *install, const wchar_t *command, DWORD access)
{
    for (DWORD waited = 0;; waited += INSTALL_POLL) {
        install->service = install->calls->create_service(
            install->manager, INSTALL_NAME, INSTALL_DISPLAY, access, SERVICE_WIN32_OWN_PROCESS,
            SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command, NULL, NULL, NULL, NULL, NULL);
        if (install->service != NULL)
            return 0;
        DWORD error = GetLastError();
        if (error != ERROR_SERVICE_MARKED_FOR_DELETE || waited >= INSTALL_GONE) {
            install_complain(error == ERROR_SERVICE_MARKED_FOR_DELETE
                                 ? "the service was removed, and it still runs or some program "
                                   "looks at it; stop it, close the Services window"
                                 : "the service cannot be registered",
                             error);
            return -1;
        }
        install->calls->sleep(INSTALL_POLL);
    }
}

/* What has been done, so that it can be undone. */
struct install_steps {
    bool data, service, source;
    wchar_t *old_command; /* of a service that was there, once it is changed */
};

static void install_undo(struct install *install, const struct install_steps *steps)
{
    const struct install_calls *calls = install->calls;
    char why[512];
    if (steps->source)
        (void)calls->key_delete(HKEY_LOCAL_MACHINE, INSTALL_EVENT_KEY);
    if (steps->service && !calls->delete_service(install->service))
        install_complain("what was begun cannot be undone: the service stays registered",
                         GetLastError());
    if (steps->old_command != NULL && !install_change_command(install, steps->old_command))
        install_complain("what was begun cannot be undone: the service stays as it is now",
                         GetLastError());
    if (steps->data)
        (void)calls->data_remove(why);
}

int install_add_with(const struct install_calls *calls, bool start)
{
    const DWORD access = SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG | SERVICE_CHANGE_CONFIG |
                         SERVICE_START | SERVICE_STOP | DELETE;
    struct install install;
    struct install_steps steps = {false, false, false, NULL};
    wchar_t *program = NULL, *command = NULL, *old = NULL;
    char why[512];
    int status = INSTALL_FAILED;

    if (install_open_manager(&install, calls, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE) != 0)
        return INSTALL_FAILED;
    program = install_program(calls);
    command = program != NULL ? install_command(program) : NULL;
    if (command == NULL)
        goto done;
    install_judge_program(calls, program);

    int opened = install_open_service(&install, access);
    if (opened < 0)
        goto done;
    int data = calls->data_make(&steps.data, why);
    if (data < 0) {
        fprintf(stderr,
                "junctiond: %s; nothing was installed. Look at it, and remove it when it is not "
                "yours\n",
                why);
        goto done;
    }
    if (data > 0)
        fprintf(stderr, "junctiond: warning: this system does not keep owners of files: %s\n", why);
    if (opened == 1) {
        if (install_create(&install, command, access) != 0)
            goto error;
        steps.service = true;
    } else {
        old = install_old_command(&install);
        if (old == NULL)
            goto error;
        if (install_change_command(&install, command)) {
            steps.old_command = old;
        } else if (GetLastError() == ERROR_SERVICE_MARKED_FOR_DELETE) {
            /* Removed, and it can still be opened; it goes when nobody has it open, us included. */
            calls->close(install.service);
            install.service = NULL;
            if (install_create(&install, command, access) != 0)
                goto error;
            steps.service = true;
        } else {
            install_complain("the service cannot be brought up to date", GetLastError());
            goto error;
        }
    }
    if (install_settings(&install) != 0 || install_event_source(calls, program, &steps.source) != 0)
        goto error;
    install_say(steps.service ? "installed" : "installed before; brought up to date");
    status = 0;
    if (start) {
        /* A running one is the program as it was. */
        int stopped = steps.service ? 1 : install_do_stop(&install);
        if (stopped >= 0 && install_do_start(&install) >= 0)
            install_say(stopped == 0 ? "restarted" : "started");
        else
            status = INSTALL_FAILED;
    }
    goto done;

error:
    install_undo(&install, &steps);
done:
    free(old);
    free(command);
    free(program);
    return install_close(&install, status);
}

/* Until the name is free again; a removed service lives as long as somebody has it open. */
static void install_await_gone(struct install *install)
{
    for (DWORD waited = 0; waited < INSTALL_GONE; waited += INSTALL_POLL) {
        SC_HANDLE again =
            install->calls->open_service(install->manager, INSTALL_NAME, SERVICE_QUERY_STATUS);
        if (again == NULL)
            return;
        install->calls->close(again);
        install->calls->sleep(INSTALL_POLL);
    }
    install_say("it goes as soon as the last program that looks at it closes it");
}

int install_remove_with(const struct install_calls *calls)
{
    struct install install;
    char why[512];
    int status = 0;
    if (install_open_manager(&install, calls, SC_MANAGER_CONNECT) != 0)
        return INSTALL_FAILED;
    int opened = install_open_service(&install, SERVICE_QUERY_STATUS | SERVICE_STOP | DELETE);
    if (opened < 0)
        return install_close(&install, INSTALL_FAILED);
    if (opened == 0) {
        if (install_do_stop(&install) < 0) {
            fputs("junctiond: nothing was removed\n", stderr);
            return install_close(&install, INSTALL_FAILED);
        }
        if (!calls->delete_service(install.service) &&
            GetLastError() != ERROR_SERVICE_MARKED_FOR_DELETE) {
            install_complain("the service cannot be removed", GetLastError());
            return install_close(&install, INSTALL_FAILED);
        }
        calls->close(install.service);
        install.service = NULL;
        install_await_gone(&install);
    }
    LSTATUS error = calls->key_delete(HKEY_LOCAL_MACHINE, INSTALL_EVENT_KEY);
    if (error != ERROR_SUCCESS && error != ERROR_FILE_NOT_FOUND) {
        install_complain("the source of events cannot be removed", (DWORD)error);
        status = INSTALL_FAILED;
    }
    int data = calls->data_remove(why);
    if (data < 0) {
        /* Not ours to force, and no reason to keep the program from being removed. */
        fprintf(stderr, "junctiond: warning: %s\n", why);
    }
    if (status == 0)
        install_say(opened == 1 ? "it is not installed"
                    : data == 1 ? "removed; its directory is kept, since there is something in it"
                                : "removed");
    return install_close(&install, status);
}

/* ---- with the real system ---- */

int install_add(bool start)
{
    return install_add_with(&install_system, start);
}

int install_remove(void)
{
    return install_remove_with(&install_system);
}

int install_start(void)
{
    return install_start_with(&install_system);
}

int install_stop(void)
{
    return install_stop_with(&install_system);
}

int install_status(bool json)
{
    return install_status_with(&install_system, json);
}
