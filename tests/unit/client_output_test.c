/* Every renderer against tests/golden/, with names that mean harm. Error texts of the system are
 * left out: they are the system's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/output.h"
#include "client_golden.h"

/* As the service sends them: ESC, a newline, a bidirectional override, quotes, commas, a lone
 * surrogate, members of a newer version. */
static const char *const entry_lines[] = {
    "{\"path\":\"/mnt/c/apps/current\",\"kind\":\"directory\",\"type\":\"junction\",\"tag\":"
    "\"0xA0000003\",\"tagName\":\"IO_REPARSE_TAG_MOUNT_POINT\",\"target\":\"C:\\\\apps\\\\7zip\","
    "\"substituteName\":\"\\\\??\\\\C:\\\\apps\\\\7zip\",\"printName\":\"C:\\\\apps\\\\7zip\","
    "\"fileId\":\"0001000000000041\",\"created\":\"2026-01-02T03:04:05.1234567Z\",\"state\":\"ok\","
    "\"newMember\":{\"x\":[1,2.5]}}",
    "{\"path\":\"/mnt/c/evil\\u001b[2J\\nname, \\\"quoted\\\"\",\"kind\":\"directory\",\"type\":"
    "\"junction\",\"tag\":\"0xA0000003\",\"tagName\":\"IO_REPARSE_TAG_MOUNT_POINT\",\"target\":"
    "\"C:\\\\gone\",\"substituteName\":\"\\\\??\\\\C:\\\\gone\",\"printName\":\"\","
    "\"fileId\":\"0000000000000042\",\"created\":\"2026-01-02T03:04:05.0000000Z\",\"state\":"
    "\"dangling\"}",
    "{\"path\":\"/mnt/c/\xE2\x80\xAE"
    "cod.exe\",\"kind\":\"file\",\"type\":\"symlink\",\"tag\":"
    "\"0xA000000C\",\"tagName\":\"IO_REPARSE_TAG_SYMLINK\",\"target\":\"..\\\\a\","
    "\"substituteName\":"
    "\"..\\\\a\",\"printName\":\"..\\\\a\",\"relative\":true,\"fileId\":\"0000000000000043\"}",
    "{\"path\":\"/mnt/c/lone\xEF\xBF\xBD\",\"pathUtf16\":"
    "\"2f006d006e0074002f0063002f006c006f006e00650000d8\",\"kind\":\"file\",\"type\":"
    "\"appExecLink\","
    "\"tag\":\"0x8000001B\",\"tagName\":\"IO_REPARSE_TAG_APPEXECLINK\"}",
    "{\"path\":\"/mnt/c/vendor\",\"kind\":\"file\",\"type\":\"unknown\",\"tag\":\"0x00001234\","
    "\"malformed\":true}",
    "{\"path\":\"/mnt/c/secret\",\"error\":{\"code\":1100,\"message\":\"access denied\","
    "\"data\":{\"name\":\"ACCESS_DENIED\"}}}",
};
#define ENTRY_COUNT (sizeof entry_lines / sizeof *entry_lines)

static const struct {
    enum options_format format;
    bool interactive;
    const char *suffix;
} formats[] = {
    {FORMAT_TEXT, false, "txt"},  {FORMAT_TEXT, true, "terminal.txt"},
    {FORMAT_JSON, false, "json"}, {FORMAT_JSONL, false, "jsonl"},
    {FORMAT_CSV, false, "csv"},   {FORMAT_CSV, true, "terminal.csv"},
};
#define FORMAT_COUNT (sizeof formats / sizeof *formats)

static struct golden out_sink, err_sink;
static struct stream out, err;
static struct output output;

static void begin(size_t format, bool quiet)
{
    out_sink.length = err_sink.length = 0;
    out_sink.bytes[0] = err_sink.bytes[0] = '\0';
    stream_init(&out, golden_write, &out_sink, formats[format].interactive);
    stream_init(&err, golden_write, &err_sink, formats[format].interactive);
    output_init(&output, formats[format].format, &out, &err, quiet);
}

static int end(size_t format, const char *what, int exit)
{
    char name[64];

    exit = output_finish(&out, &err, exit, EXIT_OTHER);
    (void)snprintf(name, sizeof name, "%s.%s", what, formats[format].suffix);
    golden_compare(&out_sink, name);
    return exit;
}

static cJSON *tree_of(const char *json)
{
    cJSON *tree = cJSON_Parse(json);

    assert_non_null(tree);
    return tree;
}

static void give_entry(size_t index)
{
    cJSON *tree = tree_of(entry_lines[index]);
    struct entry entry;

    assert_int_equal(entry_read(tree, &entry), 0);
    output_entry(&output, &entry, tree);
    entry_clear(&entry);
    cJSON_Delete(tree);
}

static void test_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        for (size_t entry = 0; entry < 5; entry++) {
            char name[32];
            begin(i, false);
            give_entry(entry);
            (void)snprintf(name, sizeof name, "show-%zu", entry);
            assert_int_equal(end(i, name, EXIT_DONE), EXIT_DONE);
            assert_string_equal(err_sink.bytes, "");
        }
    }
}

static void test_list(void **state)
{
    cJSON *tree = tree_of("{\"count\":5,\"directories\":7,\"skipped\":1,\"source\":\"walk\","
                          "\"elapsedMs\":12,\"truncated\":false}");
    struct list_result result;

    (void)state;
    assert_int_equal(list_result_read(tree, &result), 0);
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        begin(i, false);
        output.list = true;
        for (size_t entry = 0; entry < ENTRY_COUNT; entry++)
            give_entry(entry);
        output_listed(&output, &result, tree);
        (void)end(i, "list", 0);
        assert_string_equal(err_sink.bytes,
                            formats[i].format == FORMAT_JSON
                                ? "junction: /mnt/c/secret: access denied (ACCESS_DENIED)\n"
                                : "junction: /mnt/c/secret: access denied (ACCESS_DENIED)\n"
                                  "junction: 5 reparse points in 7 directories, 1 place could not "
                                  "be read (walk, 12 ms)\n");
    }
    list_result_clear(&result);
    cJSON_Delete(tree);
}

static void test_list_of_nothing(void **state)
{
    cJSON *tree = tree_of("{\"count\":0,\"directories\":1,\"skipped\":0,\"source\":\"walk\","
                          "\"elapsedMs\":0,\"truncated\":true}");
    struct list_result result;

    (void)state;
    assert_int_equal(list_result_read(tree, &result), 0);
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        begin(i, false);
        output.list = true;
        output_listed(&output, &result, tree);
        (void)end(i, "list-empty", 0);
        if (formats[i].format != FORMAT_JSON)
            assert_string_equal(
                err_sink.bytes,
                "junction: 0 reparse points in 1 directory, ended early (walk, 0 ms)\n");
        begin(i, true);
        output.list = true;
        output_listed(&output, &result, tree);
        (void)end(i, "list-empty", 0);
        assert_string_equal(err_sink.bytes, "");
    }
    list_result_clear(&result);
    cJSON_Delete(tree);
}

/* An error in the middle still leaves one JSON document. */
static void test_list_that_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        struct problem problem = {0};
        begin(i, false);
        output.list = true;
        give_entry(0);
        problem_set(&problem, "CANCELLED", EXIT_UNFINISHED, "interrupted");
        assert_int_equal(end(i, "list-failed", output_failed(&output, "x", &problem)),
                         EXIT_UNFINISHED);
        assert_string_equal(err_sink.bytes, "junction: x: interrupted (CANCELLED)\n");
        problem_clear(&problem);
    }
}

static void test_changes(void **state)
{
    static const char *const created[] = {
        "{\"link\":\"/mnt/c/a\",\"target\":\"C:\\\\b, c\",\"substituteName\":\"\\\\??\\\\C:\\\\b, "
        "c\","
        "\"printName\":\"C:\\\\b, c\",\"fileId\":\"000000000000004d\",\"outcome\":\"replaced\","
        "\"previousTarget\":\"C:\\\\old\\u009b\"}",
        "{\"link\":\"/mnt/c/a\",\"target\":\"C:\\\\b\",\"substituteName\":\"\\\\??\\\\C:\\\\b\","
        "\"printName\":\"C:\\\\b\",\"outcome\":\"created\",\"dryRun\":true}",
    };
    static const char deleted[] = "{\"link\":\"/mnt/c/a\\r\",\"target\":\"C:\\\\b\",\"fileId\":"
                                  "\"000000000000004d\",\"outcome\":\"deleted\"}";

    (void)state;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        struct delete_result gone;
        cJSON *tree;
        for (size_t k = 0; k < 2; k++) {
            struct create_result result;
            tree = tree_of(created[k]);
            assert_int_equal(create_result_read(tree, &result), 0);
            begin(i, false);
            output_created(&output, &result, tree);
            (void)end(i, k ? "create-dry-run" : "create", 0);
            create_result_clear(&result);
            cJSON_Delete(tree);
        }
        tree = tree_of(deleted);
        assert_int_equal(delete_result_read(tree, &gone), 0);
        begin(i, false);
        output_deleted(&output, &gone, tree);
        (void)end(i, "delete", 0);
        if (formats[i].format == FORMAT_TEXT) {
            begin(i, true);
            output_deleted(&output, &gone, tree);
            (void)stream_flush(&out);
            assert_string_equal(out_sink.bytes, "");
        }
        delete_result_clear(&gone);
        cJSON_Delete(tree);
    }
}

static void test_status(void **state)
{
    cJSON *tree =
        tree_of("{\"server\":\"junctiond \\u001b[1m\",\"privileged\":true,\"connections\":"
                "{\"open\":1,\"limit\":256},\"drives\":{\"C\":\"/mnt/c, d\"},\"empty\":{},"
                "\"list\":[1,\"two\",null],\"memory\":{\"residentBytes\":4611686018427387}}");

    (void)state;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        begin(i, false);
        output_status(&output, tree);
        (void)end(i, "status", 0);
    }
    cJSON_Delete(tree);
}

static void test_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        struct problem problem = {0};
        struct message_error error;
        begin(i, false);
        message_error_setf(&error, JERR_NOT_EMPTY, "the directory \x1B[31m is not empty");
        assert_int_equal(text_set_string(&error.path, "/mnt/c/\xE2\x80\xAEx\n"), UTF_OK);
        problem_from_error(&problem, &error);
        message_error_clear(&error);
        assert_int_equal(end(i, "failure", output_failed(&output, "typed", &problem)),
                         EXIT_CONFLICT);
        assert_string_equal(
            err_sink.bytes,
            formats[i].interactive
                ? "junction: /mnt/c/\\u{202E}x\\x0A: the directory \\x1B[31m is not empty "
                  "(NOT_EMPTY)\n"
                : "junction: /mnt/c/\xE2\x80\xAEx\\x0A: the directory \\x1B[31m is not empty "
                  "(NOT_EMPTY)\n");
        problem_clear(&problem);
    }
}

/* A number that a newer service gives, and a problem with the service itself: no name of a file
 * before it. */
static void test_failure_unknown_and_own(void **state)
{
    struct problem problem = {0};
    struct message_error error;

    (void)state;
    memset(&error, 0, sizeof error);
    error.code = 1999;
    (void)snprintf(error.text, sizeof error.text, "something new");
    begin(0, false);
    problem_from_error(&problem, &error);
    assert_int_equal(output_failed(&output, "typed", &problem), EXIT_OTHER);
    problem_set(&problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE, "nobody there");
    assert_int_equal(output_failed(&output, "typed", &problem), EXIT_NO_SERVICE);
    (void)stream_flush(&err);
    assert_string_equal(err_sink.bytes, "junction: typed: something new (error 1999)\n"
                                        "junction: nobody there (NO_SERVICE)\n");
}

static enum terminal_result broken_write(void *context, const char *bytes, size_t length, int *os)
{
    (void)bytes;
    (void)length;
    *os = terminal_error_memory;
    return *(enum terminal_result *)context;
}

static void test_lost_output(void **state)
{
    enum terminal_result how = TERMINAL_CLOSED;

    (void)state;
    begin(0, false);
    stream_init(&out, broken_write, &how, false);
    give_entry(0);
    assert_int_equal(output_finish(&out, &err, EXIT_DONE, EXIT_OTHER), EXIT_OTHER);
    assert_string_equal(err_sink.bytes, "");

    how = TERMINAL_FAILED;
    begin(0, false);
    stream_init(&out, broken_write, &how, false);
    give_entry(0);
    assert_int_equal(output_finish(&out, &err, EXIT_DONE, -1), -1);
    assert_non_null(strstr(err_sink.bytes, "the results could not be written: "));
    assert_non_null(strstr(err_sink.bytes, "(OUTPUT_FAILED)"));
}

static void test_golden_files_were_compared(void **state)
{
    (void)state;
    assert_false(golden_is_written());
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_of_nothing),
        cmocka_unit_test(test_list_that_fails),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_failure_unknown_and_own),
        cmocka_unit_test(test_lost_output),
        cmocka_unit_test(test_golden_files_were_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
