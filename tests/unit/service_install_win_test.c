/* The verbs that register and run the service, over a service manager, a registry and a directory
 * made of memory, in which every call can be made to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <wchar.h>

#include "service/host.h"
#include "service/install_win.h"

/* ---- the machine ---- */

static struct machine {
    int calls, fail_at; /* the fail_at-th call fails with fail_with; 0: none */
    DWORD fail_with;
    int handles; /* open ones */

    bool registered, marked; /* marked: removed, but somebody looks at it */
    int marked_for;          /* tries until it is gone */
    wchar_t command[300];
    DWORD start_type;
    bool settings[16]; /* by level */
    SERVICE_STATUS_PROCESS status;
    DWORD end_code, end_specific; /* a start ends so, unless 0 */
    int pending;                  /* looks until a pending state is over */
    bool stubborn;                /* does not stop */
    bool dead;                    /* its process is gone, and the manager has not noticed */

    bool source, source_file, source_types;
    bool data, data_full, data_foreign;
    wchar_t program[300];
    bool untrusted;
} machine;

static bool fails(void)
{
    machine.calls++;
    if (machine.fail_at != 0 && machine.calls == machine.fail_at) {
        SetLastError(machine.fail_with);
        return true;
    }
    return false;
}

static char manager_handle, service_handle, process_handle, key_handle;

static SC_HANDLE WINAPI open_manager(LPCWSTR host, LPCWSTR database, DWORD access)
{
    assert_null(host);
    assert_null(database);
    assert_int_equal(access & ~(DWORD)(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE), 0);
    if (fails()) {
        return NULL;
    }
    machine.handles++;
    return (SC_HANDLE)(void *)&manager_handle;
}

static SC_HANDLE WINAPI open_service(SC_HANDLE manager, LPCWSTR name, DWORD access)
{
    (void)access;
    assert_ptr_equal(manager, &manager_handle);
    assert_int_equal(wcscmp(name, L"junctiond"), 0);
    if (fails()) {
        return NULL;
    }
    if (machine.marked && machine.marked_for-- <= 0) {
        machine.marked = false;
        machine.registered = false;
    }
    if (!machine.registered) {
        SetLastError(ERROR_SERVICE_DOES_NOT_EXIST);
        return NULL;
    }
    machine.handles++;
    return (SC_HANDLE)(void *)&service_handle;
}

static SC_HANDLE WINAPI create_service(SC_HANDLE manager, LPCWSTR name, LPCWSTR display,
                                       DWORD access, DWORD type, DWORD start, DWORD error_control,
                                       LPCWSTR command, LPCWSTR group, LPDWORD tag,
                                       LPCWSTR dependencies, LPCWSTR account, LPCWSTR password)
{
    (void)access;
    (void)display;
    assert_ptr_equal(manager, &manager_handle);
    assert_int_equal(wcscmp(name, L"junctiond"), 0);
    assert_int_equal(type, SERVICE_WIN32_OWN_PROCESS);
    assert_int_equal(start, SERVICE_AUTO_START);
    assert_int_equal(error_control, SERVICE_ERROR_NORMAL);
    assert_null(group);
    assert_null(tag);
    assert_null(dependencies);
    assert_null(account); /* LocalSystem */
    assert_null(password);
    if (fails()) {
        return NULL;
    }
    /* Whoever has it open keeps it: there is the manager's handle, and none of the service. */
    if (machine.marked && (machine.handles > 1 || machine.marked_for-- > 0)) {
        SetLastError(ERROR_SERVICE_MARKED_FOR_DELETE);
        return NULL;
    }
    machine.marked = false;
    machine.registered = true;
    machine.start_type = start;
    machine.status.dwCurrentState = SERVICE_STOPPED;
    wcscpy(machine.command, command);
    machine.handles++;
    return (SC_HANDLE)(void *)&service_handle;
}

static BOOL WINAPI query_config(SC_HANDLE service, LPQUERY_SERVICE_CONFIGW config, DWORD size,
                                LPDWORD needed)
{
    assert_ptr_equal(service, &service_handle);
    *needed = sizeof *config + sizeof machine.command;
    if (fails()) {
        *needed = 0;
        return FALSE;
    }
    if (size < *needed) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FALSE;
    }
    memset(config, 0, sizeof *config);
    config->lpBinaryPathName = (wchar_t *)(void *)(config + 1);
    wcscpy(config->lpBinaryPathName, machine.command);
    return TRUE;
}

static BOOL WINAPI change_config(SC_HANDLE service, DWORD type, DWORD start, DWORD error_control,
                                 LPCWSTR command, LPCWSTR group, LPDWORD tag, LPCWSTR dependencies,
                                 LPCWSTR account, LPCWSTR password, LPCWSTR display)
{
    (void)group;
    (void)tag;
    (void)dependencies;
    (void)password;
    (void)display;
    assert_ptr_equal(service, &service_handle);
    assert_int_equal(type, SERVICE_WIN32_OWN_PROCESS);
    assert_int_equal(start, SERVICE_NO_CHANGE); /* an administrator's choice stays */
    assert_int_equal(error_control, SERVICE_ERROR_NORMAL);
    assert_int_equal(wcscmp(account, L"LocalSystem"), 0);
    if (fails()) {
        return FALSE;
    }
    if (machine.marked) {
        SetLastError(ERROR_SERVICE_MARKED_FOR_DELETE);
        return FALSE;
    }
    wcscpy(machine.command, command);
    return TRUE;
}

static BOOL WINAPI change_config2(SC_HANDLE service, DWORD level, LPVOID value)
{
    assert_ptr_equal(service, &service_handle);
    assert_non_null(value);
    if (fails()) {
        return FALSE;
    }
    if (level == SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO) {
        /* A list of three, ended by an empty one. */
        const wchar_t *names = ((SERVICE_REQUIRED_PRIVILEGES_INFOW *)value)->pmszRequiredPrivileges;
        int count = 0;
        for (; *names != L'\0'; names += wcslen(names) + 1) {
            count++;
        }
        assert_int_equal(count, 3);
    } else if (level == SERVICE_CONFIG_FAILURE_ACTIONS) {
        const SERVICE_FAILURE_ACTIONSW *actions = value;
        assert_int_equal(actions->cActions, 3);
        for (DWORD i = 0; i < actions->cActions; i++) {
            assert_int_equal(actions->lpsaActions[i].Type, SC_ACTION_RESTART);
            assert_true(i == 0 ||
                        actions->lpsaActions[i].Delay > actions->lpsaActions[i - 1].Delay);
        }
    } else if (level == SERVICE_CONFIG_FAILURE_ACTIONS_FLAG) {
        assert_true(((SERVICE_FAILURE_ACTIONS_FLAG *)value)->fFailureActionsOnNonCrashFailures);
    } else if (level == SERVICE_CONFIG_SERVICE_SID_INFO) {
        assert_int_equal(((SERVICE_SID_INFO *)value)->dwServiceSidType,
                         SERVICE_SID_TYPE_UNRESTRICTED);
    }
    machine.settings[level] = true;
    return TRUE;
}

static BOOL WINAPI query_status(SC_HANDLE service, SC_STATUS_TYPE level, LPBYTE buffer, DWORD size,
                                LPDWORD needed)
{
    assert_ptr_equal(service, &service_handle);
    assert_int_equal(level, SC_STATUS_PROCESS_INFO);
    assert_int_equal(size, sizeof machine.status);
    (void)needed;
    if (fails()) {
        return FALSE;
    }
    memcpy(buffer, &machine.status, sizeof machine.status);
    if (machine.status.dwCurrentState == SERVICE_START_PENDING && machine.pending-- <= 0) {
        bool bad = machine.end_code != 0;
        machine.status.dwCurrentState = bad ? SERVICE_STOPPED : SERVICE_RUNNING;
        machine.status.dwWin32ExitCode = machine.end_code;
        machine.status.dwServiceSpecificExitCode = machine.end_specific;
        machine.status.dwProcessId = bad ? 0 : 77;
    } else if (machine.status.dwCurrentState == SERVICE_STOP_PENDING && !machine.stubborn &&
               machine.pending-- <= 0) {
        machine.status.dwCurrentState = SERVICE_STOPPED;
        machine.status.dwProcessId = 0;
    }
    return TRUE;
}

static BOOL WINAPI start_service(SC_HANDLE service, DWORD count, LPCWSTR *arguments)
{
    assert_ptr_equal(service, &service_handle);
    assert_int_equal(count, 0);
    assert_null(arguments);
    if (fails()) {
        return FALSE;
    }
    if (machine.status.dwCurrentState != SERVICE_STOPPED) {
        SetLastError(ERROR_SERVICE_ALREADY_RUNNING);
        return FALSE;
    }
    machine.status.dwCurrentState = SERVICE_START_PENDING;
    return TRUE;
}

static BOOL WINAPI control(SC_HANDLE service, DWORD what, LPSERVICE_STATUS status)
{
    (void)status;
    assert_ptr_equal(service, &service_handle);
    assert_int_equal(what, SERVICE_CONTROL_STOP);
    if (fails()) {
        return FALSE;
    }
    if (machine.dead) {
        SetLastError(ERROR_NO_DATA);
        return FALSE;
    }
    machine.status.dwCurrentState = SERVICE_STOP_PENDING;
    return TRUE;
}

static BOOL WINAPI delete_service(SC_HANDLE service)
{
    assert_ptr_equal(service, &service_handle);
    if (fails()) {
        return FALSE;
    }
    if (machine.marked_for > 0) {
        machine.marked = true;
    } else {
        machine.registered = false;
    }
    return TRUE;
}

static BOOL WINAPI close_handle(SC_HANDLE handle)
{
    assert_true(handle == (SC_HANDLE)(void *)&manager_handle ||
                handle == (SC_HANDLE)(void *)&service_handle);
    machine.handles--;
    return TRUE;
}

static LSTATUS WINAPI key_create(HKEY root, LPCWSTR path, DWORD reserved, LPWSTR class,
                                 DWORD options, REGSAM access, LPSECURITY_ATTRIBUTES attributes,
                                 PHKEY key, LPDWORD disposition)
{
    (void)reserved;
    (void)class;
    (void)options;
    (void)access;
    (void)attributes;
    assert_ptr_equal(root, HKEY_LOCAL_MACHINE);
    assert_non_null(wcsstr(path, L"EventLog\\Application\\junctiond"));
    if (fails()) {
        return (LSTATUS)machine.fail_with;
    }
    *disposition = machine.source ? REG_OPENED_EXISTING_KEY : REG_CREATED_NEW_KEY;
    machine.source = true;
    *key = (HKEY)(void *)&key_handle;
    machine.handles++;
    return ERROR_SUCCESS;
}

static LSTATUS WINAPI key_set(HKEY key, LPCWSTR name, DWORD reserved, DWORD type, const BYTE *data,
                              DWORD size)
{
    (void)reserved;
    assert_ptr_equal(key, &key_handle);
    if (fails()) {
        return (LSTATUS)machine.fail_with;
    }
    if (wcscmp(name, L"EventMessageFile") == 0) {
        assert_int_equal(type, REG_SZ);
        assert_int_equal(size, (wcslen(machine.program) + 1) * sizeof(wchar_t));
        assert_memory_equal(data, machine.program, size);
        machine.source_file = true;
    } else {
        assert_int_equal(wcscmp(name, L"TypesSupported"), 0);
        assert_int_equal(type, REG_DWORD);
        machine.source_types = true;
    }
    return ERROR_SUCCESS;
}

static LSTATUS WINAPI key_close(HKEY key)
{
    assert_ptr_equal(key, &key_handle);
    machine.handles--;
    return ERROR_SUCCESS;
}

static LSTATUS WINAPI key_delete(HKEY root, LPCWSTR path)
{
    assert_ptr_equal(root, HKEY_LOCAL_MACHINE);
    assert_non_null(wcsstr(path, L"EventLog\\Application\\junctiond"));
    if (fails()) {
        return (LSTATUS)machine.fail_with;
    }
    if (!machine.source) {
        return ERROR_FILE_NOT_FOUND;
    }
    machine.source = machine.source_file = machine.source_types = false;
    return ERROR_SUCCESS;
}

static HANDLE WINAPI open_process(DWORD access, BOOL inherit, DWORD process)
{
    assert_int_equal(access, SYNCHRONIZE);
    assert_false(inherit);
    assert_int_equal(process, 77);
    if (fails()) {
        return NULL;
    }
    machine.handles++;
    return &process_handle;
}

static DWORD WINAPI wait_process(HANDLE handle, DWORD milliseconds)
{
    assert_ptr_equal(handle, &process_handle);
    return machine.dead || milliseconds > 0 ? WAIT_OBJECT_0 : WAIT_TIMEOUT;
}

static BOOL WINAPI close_process(HANDLE handle)
{
    assert_ptr_equal(handle, &process_handle);
    machine.handles--;
    return TRUE;
}

static DWORD WINAPI program(HMODULE module, LPWSTR path, DWORD size)
{
    assert_null(module);
    if (fails()) {
        return 0;
    }
    assert_true(wcslen(machine.program) < size);
    wcscpy(path, machine.program);
    return (DWORD)wcslen(machine.program);
}

static int check_program(const char *path, char why[512])
{
    assert_non_null(strstr(path, ".exe"));
    strcpy(why, "somebody");
    return machine.untrusted ? -1 : 0;
}

static int data_make(bool *made, char why[512])
{
    *made = false;
    strcpy(why, "the directory");
    if (fails() || machine.data_foreign) {
        return -1;
    }
    *made = !machine.data;
    machine.data = true;
    return 0;
}

static int data_remove(char why[512])
{
    strcpy(why, "the directory");
    if (fails()) {
        return -1;
    }
    if (machine.data_full) {
        return 1;
    }
    machine.data = false;
    return 0;
}

static void WINAPI no_sleep(DWORD milliseconds)
{
    assert_true(milliseconds > 0);
}

static const struct install_calls fake = {
    open_manager, open_service,  create_service, query_config,   change_config, change_config2,
    query_status, start_service, control,        delete_service, close_handle,  key_create,
    key_set,      key_close,     key_delete,     open_process,   wait_process,  close_process,
    program,      check_program, data_make,      data_remove,    no_sleep,
};

static void fresh(void)
{
    memset(&machine, 0, sizeof machine);
    wcscpy(machine.program, L"C:\\Program Files\\100% Junction\\junctiond.exe");
    machine.pending = 3;
}

static void installed(void)
{
    fresh();
    machine.registered = machine.source = machine.data = true;
    machine.start_type = SERVICE_DEMAND_START;
    machine.status.dwCurrentState = SERVICE_STOPPED;
    wcscpy(machine.command, L"\"C:\\old\\junctiond.exe\" service");
}

static void running(void)
{
    installed();
    machine.status.dwCurrentState = SERVICE_RUNNING;
    machine.status.dwProcessId = 77;
}

#define COMMAND L"\"C:\\Program Files\\100% Junction\\junctiond.exe\" service"

/* ---- the tests ---- */

static void test_install(void **state)
{
    (void)state;
    fresh();
    assert_int_equal(install_add_with(&fake, false), 0);
    assert_true(machine.registered && machine.source_file && machine.source_types && machine.data);
    assert_int_equal(wcscmp(machine.command, COMMAND), 0);
    assert_int_equal(machine.start_type, SERVICE_AUTO_START);
    assert_true(machine.settings[SERVICE_CONFIG_DESCRIPTION]);
    assert_true(machine.settings[SERVICE_CONFIG_FAILURE_ACTIONS]);
    assert_true(machine.settings[SERVICE_CONFIG_FAILURE_ACTIONS_FLAG]);
    assert_true(machine.settings[SERVICE_CONFIG_SERVICE_SID_INFO]);
    assert_true(machine.settings[SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO]);
    assert_true(machine.settings[SERVICE_CONFIG_PRESHUTDOWN_INFO]);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_STOPPED);
    assert_int_equal(machine.handles, 0);

    fresh();
    machine.untrusted = true; /* a warning */
    assert_int_equal(install_add_with(&fake, true), 0);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_RUNNING);
    assert_int_equal(machine.handles, 0);
}

static void test_update(void **state)
{
    (void)state;
    running();
    assert_int_equal(install_add_with(&fake, false), 0);
    assert_int_equal(wcscmp(machine.command, COMMAND), 0);
    assert_int_equal(machine.start_type, SERVICE_DEMAND_START);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_RUNNING);

    running();
    machine.status.dwProcessId = 77;
    assert_int_equal(install_add_with(&fake, true), 0);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_RUNNING);
    assert_int_equal(machine.handles, 0);
}

static void test_foreign_directory(void **state)
{
    (void)state;
    fresh();
    machine.data = machine.data_foreign = true;
    assert_int_equal(install_add_with(&fake, true), 1);
    assert_false(machine.registered || machine.source);
    assert_true(machine.data);
    assert_int_equal(machine.handles, 0);
}

/* Every call of an installation fails in turn, each with several errors: nothing stays behind, or
 * the service is as it was. Closing handles and waiting do not count. */
static void test_install_fails(void **state)
{
    static const DWORD errors[] = {ERROR_ACCESS_DENIED, ERROR_NOT_ENOUGH_MEMORY,
                                   ERROR_INVALID_LEVEL, RPC_S_SERVER_UNAVAILABLE};
    (void)state;
    for (int before = 0; before < 2; before++) {
        int total;
        before ? installed() : fresh();
        assert_int_equal(install_add_with(&fake, false), 0);
        total = machine.calls;
        assert_true(total > 8);
        for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
            for (int at = 1; at <= total; at++) {
                before ? installed() : fresh();
                machine.fail_at = at;
                machine.fail_with = errors[e];
                int result = install_add_with(&fake, false);
                assert_int_equal(machine.handles, 0);
                if (result == 0) {
                    /* A setting that the host does not know, or the question how large an answer
                     * will be; nothing else can be done without. */
                    assert_int_equal(errors[e], ERROR_INVALID_LEVEL);
                    assert_int_equal(wcscmp(machine.command, COMMAND), 0);
                } else if (before) {
                    assert_int_equal(result, 1);
                    assert_true(machine.registered && machine.source && machine.data);
                    assert_int_equal(wcscmp(machine.command, L"\"C:\\old\\junctiond.exe\" service"),
                                     0);
                } else {
                    assert_int_equal(result, 1);
                    assert_false(machine.registered);
                    assert_false(machine.source);
                    assert_false(machine.data);
                }
            }
        }
    }
}

static void test_marked_for_delete(void **state)
{
    (void)state;
    fresh();
    machine.marked = true;
    machine.marked_for = 5;
    assert_int_equal(install_add_with(&fake, false), 0);
    assert_true(machine.registered);

    fresh();
    machine.marked = true;
    machine.marked_for = 1000000;
    assert_int_equal(install_add_with(&fake, false), 1);
    assert_false(machine.source || machine.data);
    assert_int_equal(machine.handles, 0);

    /* Removed, and it can still be opened because somebody else has it open. */
    installed();
    machine.marked = true;
    machine.marked_for = 5;
    assert_int_equal(install_add_with(&fake, true), 0);
    assert_true(machine.registered && !machine.marked);
    assert_int_equal(wcscmp(machine.command, COMMAND), 0);
    assert_int_equal(machine.start_type, SERVICE_AUTO_START);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_RUNNING);
    assert_int_equal(machine.handles, 0);

    installed();
    machine.marked = true;
    machine.marked_for = 1000000;
    assert_int_equal(install_add_with(&fake, false), 1);
    assert_int_equal(wcscmp(machine.command, L"\"C:\\old\\junctiond.exe\" service"), 0);
    assert_int_equal(machine.handles, 0);
}

static void test_remove(void **state)
{
    (void)state;
    running();
    assert_int_equal(install_remove_with(&fake), 0);
    assert_false(machine.registered || machine.source || machine.data);
    assert_int_equal(machine.handles, 0);

    running();
    machine.data_full = true;
    machine.marked_for = 5; /* somebody looks at it for a while */
    assert_int_equal(install_remove_with(&fake), 0);
    assert_false(machine.registered || machine.source);
    assert_true(machine.data);

    /* Again: nothing to do. */
    machine.marked_for = 0;
    assert_int_equal(install_remove_with(&fake), 0);
    assert_int_equal(machine.handles, 0);

    /* One that was killed, which the manager has not noticed. */
    running();
    machine.dead = true;
    assert_int_equal(install_remove_with(&fake), 0);
    assert_false(machine.registered);

    /* One that does not stop is not removed. */
    running();
    machine.stubborn = true;
    assert_int_equal(install_remove_with(&fake), 1);
    assert_true(machine.registered && machine.source && machine.data);
    assert_int_equal(machine.handles, 0);
}

/* Each call fails in turn: handles are closed, and success is claimed only when it is gone. */
static void test_remove_fails(void **state)
{
    (void)state;
    running();
    assert_int_equal(install_remove_with(&fake), 0);
    int total = machine.calls;
    for (int at = 1; at <= total; at++) {
        running();
        machine.fail_at = at;
        machine.fail_with = ERROR_ACCESS_DENIED;
        int result = install_remove_with(&fake);
        assert_int_equal(machine.handles, 0);
        assert_true(result == 1 || !machine.registered);
        assert_true(result == 1 || !machine.source);
    }
}

static void test_start_and_stop(void **state)
{
    (void)state;
    fresh();
    assert_int_equal(install_start_with(&fake), 1);
    assert_int_equal(install_stop_with(&fake), 0);
    assert_int_equal(install_status_with(&fake, false), 4);
    assert_int_equal(install_status_with(&fake, true), 4);

    installed();
    assert_int_equal(install_status_with(&fake, false), 3);
    assert_int_equal(install_stop_with(&fake), 0);
    assert_int_equal(install_start_with(&fake), 0);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_RUNNING);
    assert_int_equal(install_status_with(&fake, true), 0);
    assert_int_equal(install_start_with(&fake), 0);
    machine.pending = 3;
    assert_int_equal(install_stop_with(&fake), 0);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_STOPPED);

    /* One that is stopping is waited for and started. */
    installed();
    machine.status.dwCurrentState = SERVICE_STOP_PENDING;
    assert_int_equal(install_start_with(&fake), 0);
    assert_int_equal(machine.status.dwCurrentState, SERVICE_RUNNING);

    /* One that does not come up. */
    installed();
    machine.end_code = ERROR_SERVICE_SPECIFIC_ERROR;
    machine.end_specific = HOST_CONFIGURATION;
    assert_int_equal(install_start_with(&fake), 1);
    installed();
    machine.end_code = ERROR_FILE_NOT_FOUND;
    assert_int_equal(install_start_with(&fake), 1);
    installed();
    machine.pending = 1000000;
    assert_int_equal(install_start_with(&fake), 1);
    running();
    machine.stubborn = true;
    assert_int_equal(install_stop_with(&fake), 1);
    assert_int_equal(machine.handles, 0);

    /* A start that fails leaves what was installed. */
    fresh();
    machine.end_code = ERROR_SERVICE_SPECIFIC_ERROR;
    machine.end_specific = HOST_PIPE;
    assert_int_equal(install_add_with(&fake, true), 1);
    assert_true(machine.registered && machine.source && machine.data);
    assert_int_equal(machine.handles, 0);
}

static void test_start_fails(void **state)
{
    static const DWORD errors[] = {ERROR_ACCESS_DENIED, ERROR_SERVICE_DISABLED};
    (void)state;
    installed();
    assert_int_equal(install_start_with(&fake), 0);
    int total = machine.calls;
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        for (int at = 1; at <= total; at++) {
            installed();
            machine.fail_at = at;
            machine.fail_with = errors[e];
            assert_int_equal(install_start_with(&fake), 1);
            assert_int_equal(machine.handles, 0);
        }
    }
    /* A database that is locked for a moment is asked again: 4th call. */
    for (int at = 1; at <= total; at++) {
        installed();
        machine.fail_at = at;
        machine.fail_with = ERROR_SERVICE_DATABASE_LOCKED;
        int result = install_start_with(&fake);
        assert_int_equal(result, at == 4 ? 0 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_install),           cmocka_unit_test(test_update),
        cmocka_unit_test(test_foreign_directory), cmocka_unit_test(test_install_fails),
        cmocka_unit_test(test_marked_for_delete), cmocka_unit_test(test_remove),
        cmocka_unit_test(test_remove_fails),      cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_start_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
