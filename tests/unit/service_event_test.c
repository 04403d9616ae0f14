/* Which events of the log are told to the system's event log, in which words, and how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/event.h"

#define FIELDS(...)            \
    (const struct log_field[]) \
    {                          \
        __VA_ARGS__,           \
        {                      \
            NULL, NULL, 0      \
        }                      \
    }

static void test_escape(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", ""},
        {"C:\\apps\\current", "C:\\apps\\current"},
        {"100% sure", "100<25> sure"},
        {"%1 %%1 %n %0", "<25>1 <25><25>1 <25>n <25>0"},
        {"<25>", "<3C>25>"},
        {"a\nb\r\tc\x7f", "a<0A>b<0D><09>c<7F>"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"exe\xe2\x80\xaegpj", "exe<202E>gpj"},   /* right to left override */
        {"\xc2\x85 \xe2\x80\xa8", "<85> <2028>"}, /* C1, line separator */
        {"\xed\xa0\x80x", "<D800>x"},             /* half a surrogate pair */
        {"\xff\xfe\xc3", "<FF><FE><C3>"},         /* no UTF-8 at all */
        {"\xe2\x82", "<E2><82>"},                 /* torn */
        {"\xc0\xaf", "<C0><AF>"},                 /* overlong */
        {"\xf4\x90\x80\x80", "<F4><90><80><80>"}, /* beyond Unicode */
        {"\xef\xbb\xbf", "<FEFF>"},               /* invisible */
    };
    char out[EVENT_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        event_escape(out, rows[i].text);
        assert_string_equal(out, rows[i].expected);
    }
}

static void test_escape_is_bounded(void **state)
{
    /* Each piece at each place near the end: never beyond, always ended, and never cut in half. */
    static const char *const pieces[] = {
        "x", "%", "\xe2\x82\xac", "\xe2\x80\xae", "\xff", "\xf0\x9f\x98\x80"};
    char *text = malloc(3 * EVENT_TEXT);
    struct {
        char out[EVENT_TEXT];
        char guard[8];
    } room;
    (void)state;
    assert_non_null(text);
    for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
        for (size_t lead = EVENT_TEXT - 40; lead < EVENT_TEXT + 8; lead++) {
            memset(&room, '#', sizeof room);
            memset(text, 'a', lead);
            strcpy(text + lead, pieces[p]);
            strcat(text, pieces[p]);
            event_escape(room.out, text);
            size_t length = strlen(room.out);
            assert_true(length < EVENT_TEXT);
            assert_memory_equal(room.guard, "########", 8);
            if (length > 5 && strcmp(room.out + length - 5, "<...>") == 0) {
                length -= 5;
            } else {
                assert_true(lead < EVENT_TEXT - 6);
            }
            /* What is left is whole: the end is one of the pieces, escaped or not, or the lead. */
            char last = room.out[length - 1];
            assert_true(last == 'a' || last == 'x' || last == '>' || last == '\xac' ||
                        last == '\x80');
        }
    }
    free(text);
}

static void test_rules(void **state)
{
    static const struct {
        const char *event;
        struct log_field fields[8];
        enum event_message message;
        enum log_level level;
        const char *inserts[EVENT_INSERTS];
        const char *identity;
    } rows[] = {
        {"started",
         {LOG_TEXT("version", "1.2.3"), LOG_TEXT("pipe", "\\\\.\\pipe\\x"), LOG_NUMBER("pid", 7)},
         EVENT_STARTED,
         LOG_INFO,
         {"1.2.3", "\\\\.\\pipe\\x", "7"},
         ""},
        {"stopping", {LOG_TEXT("reason", "why")}, EVENT_STOPPING, LOG_INFO, {"why"}, ""},
        {"stopped", {LOG_NUMBER("status", 0)}, EVENT_STOPPED, LOG_INFO, {"0"}, ""},
        {"stopped", {LOG_TEXT("note", "left")}, EVENT_STOPPED_LEFT, LOG_WARNING, {"left"}, ""},
        {"configuration",
         {LOG_TEXT("path", "C:\\x"), LOG_TEXT("reason", "bad")},
         EVENT_CONFIGURATION,
         LOG_ERROR,
         {"C:\\x", "bad"},
         ""},
        {"failed",
         {LOG_TEXT("what", "engine"), LOG_TEXT("reason", "bad")},
         EVENT_START_FAILED,
         LOG_ERROR,
         {"engine", "bad"},
         ""},
        {"change",
         {LOG_TEXT("kind", "create"), LOG_TEXT("identity", "sid:S-1-5-18"), LOG_NUMBER("pid", 4),
          LOG_TEXT("path", "C:\\%1"), LOG_TEXT("target", "C:\\t"), LOG_TEXT("fileId", "00ff")},
         EVENT_CREATED,
         LOG_INFO,
         {"C:\\<25>1", "C:\\t", "sid:S-1-5-18", "4", "00ff"},
         "sid:S-1-5-18"},
        {"change",
         {LOG_TEXT("kind", "replace"), LOG_TEXT("path", "p")},
         EVENT_REPLACED,
         LOG_INFO,
         {"p", "", "", "", ""},
         ""},
        {"change",
         {LOG_TEXT("kind", "delete"), LOG_TEXT("path", "p")},
         EVENT_DELETED,
         LOG_INFO,
         {"p", "", "", "", ""},
         ""},
        {"change.failed",
         {LOG_TEXT("kind", "create"), LOG_TEXT("identity", "i"), LOG_TEXT("path", "p"),
          LOG_NUMBER("os", -5), LOG_TEXT("detail", "d")},
         EVENT_CHANGE_FAILED,
         LOG_WARNING,
         {"create", "p", "i", "-5", "d"},
         "i"},
        {"stuck",
         {LOG_TEXT("method", "m"), LOG_TEXT("identity", "i"), LOG_NUMBER("volume", 9)},
         EVENT_STUCK,
         LOG_WARNING,
         {"m", "i", "9"},
         "i"},
        {"stuck.ended",
         {LOG_TEXT("identity", "i"), LOG_NUMBER("volume", 9)},
         EVENT_STUCK_ENDED,
         LOG_INFO,
         {"i", "9"},
         "i"},
    };
    struct event_state events;
    struct event_report *report = malloc(sizeof *report);
    (void)state;
    assert_non_null(report);
    event_state_init(&events, 1000);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(event_judge(&events, 1000, rows[i].event, rows[i].fields, report));
        assert_int_equal(report->message, rows[i].message);
        assert_int_equal(report->level, rows[i].level);
        assert_string_equal(report->identity, rows[i].identity);
        for (size_t k = 0; k < EVENT_INSERTS; k++) {
            assert_true((rows[i].inserts[k] != NULL) == (k < report->count));
            if (k < report->count) {
                assert_string_equal(report->inserts[k], rows[i].inserts[k]);
            }
        }
    }
    assert_false(event_judge(&events, 1000, "request", FIELDS(LOG_NUMBER("n", 1)), report));
    assert_false(event_judge(&events, 1000, "change", FIELDS(LOG_TEXT("kind", "other")), report));
    assert_false(event_judge(&events, 1000, "change", FIELDS(LOG_NUMBER("kind", 1)), report));
    free(report);
}

static void test_rate(void **state)
{
    struct event_state events;
    struct event_report *report = malloc(sizeof *report);
    const struct log_field *fields = FIELDS(LOG_TEXT("kind", "create"));
    uint64_t now = 5000;
    unsigned told = 0;
    (void)state;
    assert_non_null(report);
    event_state_init(&events, now);
    for (int i = 0; i < 2000; i++) {
        told += event_judge(&events, now, "change", fields, report);
    }
    assert_int_equal(told, EVENT_BURST);
    assert_int_equal(events.dropped, 2000 - EVENT_BURST);
    /* What matters most is told in any case. */
    assert_true(event_judge(&events, now, "stopping", FIELDS(LOG_TEXT("reason", "r")), report));
    /* Nothing is left to say so with, until a token is there. */
    assert_false(event_due(&events, now, false, report));
    now += 1000 / EVENT_PER_SECOND;
    assert_true(event_due(&events, now, false, report));
    assert_int_equal(report->message, EVENT_DROPPED);
    assert_string_equal(report->inserts[0], "1500");
    assert_false(event_due(&events, now, false, report));
    assert_false(event_judge(&events, now, "change", fields, report));
    /* A second later so many as a second allows. */
    now += 1000;
    told = 0;
    for (int i = 0; i < 100; i++) {
        told += event_judge(&events, now, "change", fields, report);
    }
    assert_int_equal(told, EVENT_PER_SECOND);
    /* At the end everything is said. */
    assert_true(event_due(&events, now, true, report));
    assert_string_equal(report->inserts[0], "96");
    /* A long rest fills the bucket and no more; a clock that goes back does no harm. */
    told = 0;
    for (int i = 0; i < 2000; i++) {
        told += event_judge(&events, UINT64_MAX / 2, "change", fields, report);
    }
    assert_int_equal(told, EVENT_BURST);
    assert_false(event_judge(&events, 1, "change", fields, report));
    free(report);
}

static void test_refusals(void **state)
{
    struct event_state events;
    struct event_report *report = malloc(sizeof *report);
    const struct log_field *fields = FIELDS(LOG_TEXT("reason", "r"));
    (void)state;
    assert_non_null(report);
    event_state_init(&events, 0);
    assert_false(event_due(&events, 0, true, report)); /* nothing to say */
    for (int i = 0; i < 3; i++) {
        assert_false(event_judge(&events, 1000, "connection.refused", fields, report));
    }
    for (int i = 0; i < 70000; i++) {
        assert_false(event_judge(&events, 2000, "request.denied", fields, report));
    }
    assert_false(event_due(&events, 1000 + EVENT_SUMMARY_MS - 1, false, report));
    assert_true(event_due(&events, 1000 + EVENT_SUMMARY_MS, false, report));
    assert_int_equal(report->message, EVENT_REFUSED);
    assert_int_equal(report->count, 3);
    assert_string_equal(report->inserts[0], "3");
    assert_string_equal(report->inserts[1], "70000");
    assert_string_equal(report->inserts[2], "300");
    assert_false(event_due(&events, 1000 + EVENT_SUMMARY_MS, true, report));
    /* The next one begins anew. */
    assert_false(event_judge(&events, 900000, "request.denied", fields, report));
    assert_false(event_due(&events, 900000, false, report));
    assert_true(event_due(&events, 901000, true, report));
    assert_string_equal(report->inserts[0], "0");
    assert_string_equal(report->inserts[1], "1");
    assert_string_equal(report->inserts[2], "1");
    free(report);
}

static void remember(void *context, const struct event_report *report)
{
    char *text = context;
    char one[64];
    snprintf(one, sizeof one, "%d:%.20s ", (int)report->message, report->inserts[0]);
    strcat(text, one);
}

static void test_sink(void **state)
{
    struct event_sink sink;
    char text[512] = "";
    (void)state;
    assert_int_equal(event_sink_init(&sink, remember, text), 0);
    struct log log = {LOG_ERROR, -1, &sink.log_sink};
    log_event(&log, LOG_INFO, "started", LOG_TEXT("version", "1"));
    log_event(&log, LOG_DEBUG, "change.failed", LOG_TEXT("kind", "create")); /* his own fault */
    log_event(&log, LOG_WARNING, "change.failed", LOG_TEXT("kind", "delete"));
    log_event(&log, LOG_DEBUG, "request.denied", LOG_TEXT("identity", "i"));
    log_event(&log, LOG_DEBUG, "request", LOG_NUMBER("n", 1));
    log.sink->tick(log.sink->context);
    assert_string_equal(text, "100:1 203:delete ");
    event_sink_flush(&sink);
    assert_string_equal(text, "100:1 203:delete 300:0 ");
    event_sink_close(&sink);
    assert_string_equal(text, "100:1 203:delete 300:0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),   cmocka_unit_test(test_escape_is_bounded),
        cmocka_unit_test(test_rules),    cmocka_unit_test(test_rate),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
