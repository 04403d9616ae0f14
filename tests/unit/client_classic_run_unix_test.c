/* The classic grammar from the arguments to the output, against a service that answers as told;
 * compared with tests/golden/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/classic.h"
#include "client_fake.h"
#include "client_golden.h"

#define ANSWER(body) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" body "}\n"
#define FAILURE(code, os)                                     \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":" code \
    ",\"message\":\"the words of the service\",\"data\":{" os "}}}\n"
#define JUNCTION(path)                                                                            \
    "{\"path\":\"" path "\",\"kind\":\"directory\",\"type\":\"junction\",\"tag\":\"0xA0000003\"," \
    "\"target\":\"C:\\\\t\",\"substituteName\":\"\\\\??\\\\C:\\\\t\",\"printName\":\"C:\\\\t\"}"
#define UNREADABLE(path)                                                    \
    "{\"path\":\"" path "\",\"error\":{\"code\":1100,\"message\":\"access " \
    "denied\",\"data\":{\"name\":\"ACCESS_DENIED\"}}}"
#define ENTRIES(list)                                                                     \
    "{\"jsonrpc\":\"2.0\",\"method\":\"reparse.entries\",\"params\":{\"id\":1,\"seq\":0," \
    "\"entries\":[" list "]}}\n"
#define LISTED                                                                          \
    "{\"count\":2,\"directories\":3,\"skipped\":1,\"source\":\"walk\",\"elapsedMs\":1," \
    "\"truncated\":false}"
#define CREATED(outcome)                                                                     \
    "{\"link\":\"/no/"                                                                       \
    "l\",\"target\":\"C:\\\\t\",\"substituteName\":\"\\\\??\\\\C:\\\\t\",\"printName\":\"C:" \
    "\\\\t\",\"outcome\":\"" outcome "\"}"
#define MANY \
    ENTRIES(JUNCTION("/no/abc") "," UNREADABLE("/no/b") "," JUNCTION("/no/b/ax")) ANSWER(LISTED)

static const struct {
    const char *golden; /* NULL: nothing is to be printed on stdout */
    const char *arguments[5];
    const char *reply; /* NULL: closes without a word */
    const char *sent;  /* part of the request */
    int exit;
    const char *err; /* part of stderr; NULL: must be empty */
} cases[] = {
    {"classic-show", {"/no/x"}, ANSWER(JUNCTION("/no/x")), "\"path\":\"/no/x\"", 0, NULL},
    {"classic-show-plain", {"/no/x"}, FAILURE("1306", ""), "reparse.show", 0, NULL},
    {"classic-show-missing",
     {"/no/x"},
     FAILURE("1300", "\"os\":{\"errno\":2}"),
     "reparse.show",
     0,
     NULL},
    {"classic-show-missing", {"/no/x"}, FAILURE("1301", ""), "reparse.show", 0, NULL},
    {"classic-show-denied",
     {"/no/x"},
     FAILURE("1100", "\"os\":{\"errno\":13}"),
     "reparse.show",
     0,
     NULL},
    {"classic-show-denied-quiet",
     {"-q", "/no/x"},
     FAILURE("1100", ""),
     "reparse.show",
     0,
     "ACCESS_DENIED"},
    {NULL, {"-nobanner", "/no/x"}, NULL, "reparse.show", -1, "NO_SERVICE"},
    {NULL, {"-nobanner", "/no/x"}, FAILURE("1000", ""), "reparse.show", -1, "BUSY"},
    {NULL, {"-nobanner", "/no/x"}, FAILURE("1102", ""), "reparse.show", -1, "IDENTITY_REFUSED"},
    {NULL, {"-nobanner", "-s", "/no/x"}, NULL, "\"recurse\":true", -1, "NO_SERVICE"},
    {"classic-recurse", {"-s", "/no"}, MANY, "\"recurse\":true", 0, NULL},
    {"classic-recurse-quiet", {"-s", "-q", "/no"}, MANY, "\"recurse\":true", 0, NULL},
    {"classic-recurse-nothing", {"-s", "/no"}, ANSWER(LISTED), "reparse.list", 0, NULL},
    {"classic-recurse-missing", {"-s", "/no"}, FAILURE("1300", ""), "reparse.list", 0, NULL},
    {"classic-wildcard", {"/no/a*"}, MANY, "\"path\":\"/no\"", 0, NULL},
    {"classic-wildcard-other", {"-s", "/no/?"}, MANY, "\"recurse\":true", 0, NULL},
    {"classic-wildcard-nothing", {"/no/z*"}, MANY, "reparse.list", 0, NULL},
    {"classic-create",
     {"/no/l", "C:\\t"},
     ANSWER(CREATED("created")),
     "\"target\":\"C:\\\\t\"",
     0,
     NULL},
    {"classic-create",
     {"-s", "/no/l", "C:\\t", "-q"},
     ANSWER(CREATED("converted")),
     "junction.create",
     0,
     NULL},
    {"classic-create-unchanged",
     {"/no/l", "C:\\t"},
     ANSWER(CREATED("unchanged")),
     "junction.create",
     -1,
     NULL},
    {"classic-create-unchanged",
     {"/no/l", "C:\\t"},
     FAILURE("1303", ""),
     "junction.create",
     -1,
     NULL},
    {"classic-create-failed", {"/no/l", "C:\\t"}, FAILURE("1304", ""), "junction.create", -1, NULL},
    {NULL, {"-nobanner", "/no/l", "C:\\t"}, NULL, "junction.create", -1, "OUTCOME_UNKNOWN"},
    {"classic-delete",
     {"-d", "/no/../no/l"},
     ANSWER("{\"link\":\"/no/l\",\"outcome\":\"deleted\"}"),
     "junction.delete",
     0,
     NULL},
    {"classic-delete-failed", {"-d", "/no/l"}, FAILURE("1307", ""), "junction.delete", 0, NULL},
    {NULL, {"-nobanner", "-d", "/no/l"}, NULL, "junction.delete", -1, "OUTCOME_UNKNOWN"},
};

static struct golden out_sink, err_sink;
static struct stream out, err;

static int run(const char *pipe, int count, const char *const arguments[])
{
    struct classic classic;
    struct options options;
    int exit;

    options_init(&options);
    options.pipe = pipe;
    memset(&out_sink, 0, sizeof out_sink);
    memset(&err_sink, 0, sizeof err_sink);
    stream_init(&out, golden_write, &out_sink, false);
    stream_init(&err, golden_write, &err_sink, false);
    classic_parse(count, arguments, false, &resolve_system, &classic);
    exit = classic_run(&classic, &options, &out, &err);
    (void)stream_flush(&out);
    (void)stream_flush(&err);
    return exit;
}

static void test_with_a_service(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake = {.first = cases[i].reply, .then = FAKE_CLOSE};
        int count = 0, exit;
        while (count < 5 && cases[i].arguments[count])
            count++;
        fake_start(&fake);
        exit = run(fake.path, count, cases[i].arguments);
        fake_stop(&fake);
        if (exit != cases[i].exit)
            fail_msg("case %zu: exit %d, %s", i, exit, err_sink.bytes);
        if (!strstr(fake.got, cases[i].sent))
            fail_msg("case %zu: sent %s", i, fake.got);
        if (cases[i].err ? !strstr(err_sink.bytes, cases[i].err) : err_sink.length != 0)
            fail_msg("case %zu: stderr '%s'", i, err_sink.bytes);
        if (cases[i].golden) {
            char name[64];
            (void)snprintf(name, sizeof name, "%s.txt", cases[i].golden);
            golden_hide_version(&out_sink);
            golden_compare(&out_sink, name);
        } else {
            assert_string_equal(out_sink.bytes, "");
        }
    }
}

static void test_without_a_service(void **state)
{
    static const char *const licence[] = {"-accepteula"};
    static const char *const help[] = {"-?"};
    static const char *const empty[] = {"-nobanner", ""};
    static const char *const show[] = {"-nobanner", "x"};
    static const char *const no_unicode[] = {"-nobanner", "\xFF", "C:\\t"};

    (void)state;
    assert_int_equal(run("/no/service", 1, licence), 0);
    golden_hide_version(&out_sink);
    golden_compare(&out_sink, "classic-banner.txt");
    assert_int_equal(run("/no/service", 1, help), -1);
    golden_hide_version(&out_sink);
    golden_compare(&out_sink, "classic-usage.txt");
    assert_int_equal(run("/no/service", 2, show), -1);
    assert_string_equal(out_sink.bytes, "");
    assert_non_null(strstr(err_sink.bytes, "NO_SERVICE"));
    assert_int_equal(run("/no/service", 3, no_unicode), -1);
    assert_non_null(strstr(out_sink.bytes, "Error creating "));
    assert_int_equal(run("/no/service", 2, empty), 0);
    assert_string_equal(err_sink.bytes, "");
    assert_false(golden_is_written());
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_a_service),
        cmocka_unit_test(test_without_a_service),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
