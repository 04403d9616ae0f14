/* What the service control manager is told, and what its orders do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "service/host_win.h"

static SERVICE_STATUS told;
static int tellings, stops;
static const char *stop_reason;
static LPHANDLER_FUNCTION_EX handler;
static LPVOID handler_context;

static SERVICE_STATUS_HANDLE WINAPI fake_register(LPCWSTR name, LPHANDLER_FUNCTION_EX function,
                                                  LPVOID context)
{
    assert_int_equal(wcscmp(name, L"junctiond"), 0);
    handler = function;
    handler_context = context;
    return (SERVICE_STATUS_HANDLE)&told;
}

static SERVICE_STATUS_HANDLE WINAPI fake_register_failing(LPCWSTR name,
                                                          LPHANDLER_FUNCTION_EX function,
                                                          LPVOID context)
{
    (void)name;
    (void)function;
    (void)context;
    SetLastError(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
}

static BOOL WINAPI fake_set(SERVICE_STATUS_HANDLE handle, LPSERVICE_STATUS status)
{
    assert_ptr_equal(handle, &told);
    told = *status;
    tellings++;
    return TRUE;
}

static const struct host_calls fake = {fake_register, fake_set};

static void fake_stop(struct server *server, const char *reason)
{
    assert_ptr_equal(server, (struct server *)&stops);
    stops++;
    stop_reason = reason;
}

static void begin(struct host_win *win, struct host *host)
{
    tellings = 0;
    stops = 0;
    assert_int_equal(host_win_begin(win, &fake, host), ERROR_SUCCESS);
    win->stop = fake_stop;
    assert_false(host->signals);
    assert_int_equal(told.dwServiceType, SERVICE_WIN32_OWN_PROCESS);
    assert_int_equal(told.dwCurrentState, SERVICE_START_PENDING);
    assert_int_equal(told.dwControlsAccepted, 0);
    assert_int_equal(told.dwCheckPoint, 1);
    assert_true(told.dwWaitHint > 0);
}

static DWORD order(DWORD control)
{
    return handler(control, 0, NULL, handler_context);
}

static void test_life(void **state)
{
    static const DWORD orders[] = {SERVICE_CONTROL_STOP, SERVICE_CONTROL_SHUTDOWN,
                                   SERVICE_CONTROL_PRESHUTDOWN};
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct host_win win;
        struct host host;
        begin(&win, &host);

        /* Nothing runs yet that could be stopped. */
        assert_int_equal(order(orders[i]), NO_ERROR);
        assert_int_equal(stops, 0);
        host.ready(host.context, (struct server *)&stops);
        assert_int_equal(told.dwCurrentState, SERVICE_START_PENDING);
        assert_int_equal(told.dwCheckPoint, 2);
        host.started(host.context);
        assert_int_equal(told.dwCurrentState, SERVICE_RUNNING);
        assert_int_equal(told.dwCheckPoint, 0);
        assert_int_equal(told.dwWaitHint, 0);
        assert_int_equal(told.dwControlsAccepted, SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN |
                                                      SERVICE_ACCEPT_PRESHUTDOWN);

        int before = tellings;
        assert_int_equal(order(SERVICE_CONTROL_INTERROGATE), NO_ERROR);
        assert_int_equal(tellings, before + 1);
        assert_int_equal(told.dwCurrentState, SERVICE_RUNNING);
        assert_int_equal(order(SERVICE_CONTROL_PARAMCHANGE), ERROR_CALL_NOT_IMPLEMENTED);
        assert_int_equal(order(SERVICE_CONTROL_PAUSE), ERROR_CALL_NOT_IMPLEMENTED);
        assert_int_equal(order(200), ERROR_CALL_NOT_IMPLEMENTED);
        assert_int_equal(told.dwCurrentState, SERVICE_RUNNING);
        assert_int_equal(stops, 0);

        assert_int_equal(order(orders[i]), NO_ERROR);
        assert_int_equal(stops, 1);
        assert_non_null(stop_reason);
        assert_int_equal(told.dwCurrentState, SERVICE_STOP_PENDING);
        assert_int_equal(told.dwCheckPoint, 1);
        assert_int_equal(told.dwControlsAccepted, 0);
        host.stopping(host.context, 15);
        assert_int_equal(told.dwCheckPoint, 2);
        assert_true(told.dwWaitHint >= 15000);
        /* From now on the server is not touched, whatever comes. */
        assert_int_equal(order(orders[i]), NO_ERROR);
        assert_int_equal(stops, 1);
        assert_int_equal(order(SERVICE_CONTROL_INTERROGATE), NO_ERROR);
        assert_int_equal(told.dwCheckPoint, 2);
        host.stopping(host.context, 14);
        assert_int_equal(told.dwCheckPoint, 3);
        host.ended(host.context, HOST_DONE);
        assert_int_equal(told.dwCurrentState, SERVICE_STOPPED);
        assert_int_equal(told.dwWin32ExitCode, NO_ERROR);
        assert_int_equal(told.dwCheckPoint, 0);
        assert_int_equal(told.dwWaitHint, 0);
        before = tellings;
        assert_int_equal(order(orders[i]), NO_ERROR);
        assert_int_equal(tellings, before);
    }
}

static void test_failed_start(void **state)
{
    static const enum host_end ends[] = {HOST_UNPREPARED, HOST_CONFIGURATION, HOST_RESOURCES,
                                         HOST_ENGINE, HOST_PIPE};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct host_win win;
        struct host host;
        begin(&win, &host);
        if (ends[i] == HOST_PIPE) {
            host.ready(host.context, (struct server *)&stops);
            host.stopping(host.context, 0);
            assert_int_equal(order(SERVICE_CONTROL_STOP), NO_ERROR);
            assert_int_equal(stops, 0);
        }
        host.ended(host.context, ends[i]);
        assert_int_equal(told.dwCurrentState, SERVICE_STOPPED);
        assert_int_equal(told.dwWin32ExitCode, ERROR_SERVICE_SPECIFIC_ERROR);
        assert_int_equal(told.dwServiceSpecificExitCode, ends[i]);
        assert_string_not_equal(host_end_text(ends[i]), host_end_text(999));
    }
}

static void test_no_manager(void **state)
{
    static const struct host_calls failing = {fake_register_failing, fake_set};
    struct host_win win;
    struct host host;
    (void)state;
    tellings = 0;
    assert_int_equal(host_win_begin(&win, &failing, &host), ERROR_NOT_ENOUGH_MEMORY);
    assert_int_equal(tellings, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_failed_start),
        cmocka_unit_test(test_no_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
