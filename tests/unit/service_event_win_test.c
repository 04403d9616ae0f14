/* What the event log of Windows is given. That a viewer shows the texts only a real Windows can
 * tell; that each message is in the program is tested with the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <wchar.h>

#include "service/event_win.h"

#include <sddl.h>

static struct {
    int opened, closed, reported;
    WORD type, count;
    DWORD id;
    wchar_t user[128];
    wchar_t inserts[EVENT_INSERTS][64];
} seen;

static HANDLE WINAPI fake_open(LPCWSTR server, LPCWSTR source)
{
    assert_null(server);
    assert_int_equal(wcscmp(source, L"junctiond"), 0);
    seen.opened++;
    return (HANDLE)&seen;
}

static HANDLE WINAPI fake_open_failing(LPCWSTR server, LPCWSTR source)
{
    (void)server;
    (void)source;
    SetLastError(ERROR_ACCESS_DENIED);
    return NULL;
}

static BOOL WINAPI fake_report(HANDLE log, WORD type, WORD category, DWORD id, PSID user,
                               WORD count, DWORD size, LPCWSTR *inserts, LPVOID data)
{
    assert_ptr_equal(log, &seen);
    assert_int_equal(category, 0);
    assert_int_equal(size, 0);
    assert_null(data);
    seen.reported++;
    seen.type = type;
    seen.id = id;
    seen.count = count;
    seen.user[0] = L'\0';
    if (user != NULL) {
        LPWSTR text = NULL;
        assert_true(ConvertSidToStringSidW(user, &text));
        wcsncpy(seen.user, text, 127);
        LocalFree(text);
    }
    for (WORD i = 0; i < count; i++) {
        wcsncpy(seen.inserts[i], inserts[i], 63);
    }
    return TRUE;
}

static BOOL WINAPI fake_close(HANDLE log)
{
    assert_ptr_equal(log, &seen);
    seen.closed++;
    return TRUE;
}

static const struct event_calls fake = {fake_open, fake_report, fake_close};

/* As after a restart of the system's log. */
static BOOL WINAPI fake_report_stale(HANDLE log, WORD type, WORD category, DWORD id, PSID user,
                                     WORD count, DWORD size, LPCWSTR *inserts, LPVOID data)
{
    if (seen.opened < 3) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    return fake_report(log, type, category, id, user, count, size, inserts, data);
}

static const struct event_calls fake_stale = {fake_open, fake_report_stale, fake_close};

static void test_reports(void **state)
{
    static struct event_log events;
    (void)state;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(event_log_open(&events, &fake), 0);
    struct log log = {LOG_ERROR, -1, &events.sink.log_sink};

    log_event(&log, LOG_INFO, "change", LOG_TEXT("kind", "create"),
              LOG_TEXT("identity", "sid:S-1-5-32-545"), LOG_NUMBER("pid", 12),
              LOG_TEXT("path", "C:\\\xc3\xa4\xf0\x9f\x98\x80%1"), LOG_TEXT("target", "D:\\x\ny"));
    assert_int_equal(seen.reported, 1);
    assert_int_equal(seen.type, EVENTLOG_INFORMATION_TYPE);
    assert_int_equal(seen.id, 0x400000C8u);
    assert_int_equal(seen.count, 5);
    assert_int_equal(wcscmp(seen.user, L"S-1-5-32-545"), 0);
    assert_int_equal(wcscmp(seen.inserts[0], L"C:\\\u00e4\xd83d\xde00<25>1"), 0);
    assert_int_equal(wcscmp(seen.inserts[1], L"D:\\x<0A>y"), 0);
    assert_int_equal(wcscmp(seen.inserts[3], L"12"), 0);

    log_event(&log, LOG_ERROR, "configuration", LOG_TEXT("path", "p"), LOG_TEXT("reason", "r"));
    assert_int_equal(seen.type, EVENTLOG_ERROR_TYPE);
    assert_int_equal(seen.id, 0xC000006Eu);
    assert_int_equal(seen.user[0], 0);
    log_event(&log, LOG_WARNING, "stuck", LOG_TEXT("method", "m"),
              LOG_TEXT("identity", "sid:no SID at all"), LOG_NUMBER("volume", 1));
    assert_int_equal(seen.type, EVENTLOG_WARNING_TYPE);
    assert_int_equal(seen.id, 0x80000190u);
    assert_int_equal(seen.user[0], 0);

    /* What was only counted is told at the end. */
    log_event(&log, LOG_DEBUG, "request.denied", LOG_TEXT("identity", "i"));
    assert_int_equal(seen.reported, 3);
    event_log_close(&events);
    assert_int_equal(seen.reported, 4);
    assert_int_equal(seen.id, 0x8000012Cu);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.closed, 1);
}

static void test_log_that_starts_again(void **state)
{
    static struct event_log events;
    (void)state;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(event_log_open(&events, &fake_stale), 0);
    struct log log = {LOG_ERROR, -1, &events.sink.log_sink};
    /* Opened once more for the first, which is lost; and again for the second. */
    log_event(&log, LOG_INFO, "stopping", LOG_TEXT("reason", "one"));
    assert_int_equal(seen.opened, 2);
    assert_int_equal(seen.reported, 0);
    log_event(&log, LOG_INFO, "stopping", LOG_TEXT("reason", "two"));
    assert_int_equal(seen.opened, 3);
    assert_int_equal(seen.reported, 1);
    assert_int_equal(wcscmp(seen.inserts[0], L"two"), 0);
    event_log_close(&events);
    assert_int_equal(seen.opened, seen.closed);
}

static void test_no_event_log(void **state)
{
    static const struct event_calls failing = {fake_open_failing, fake_report, fake_close};
    static struct event_log events;
    (void)state;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(event_log_open(&events, &failing), 0);
    struct log log = {LOG_ERROR, -1, &events.sink.log_sink};
    log_event(&log, LOG_INFO, "stopping", LOG_TEXT("reason", "r"));
    event_log_close(&events);
    assert_int_equal(seen.reported, 0);
    assert_int_equal(seen.closed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_log_that_starts_again),
        cmocka_unit_test(test_no_event_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
