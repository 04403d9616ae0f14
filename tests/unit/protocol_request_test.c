/* One line from anybody becomes a typed request, or an error that says what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/errors.h"
#include "protocol/framing.h"
#include "protocol/request.h"

static int read_line(const char *line, struct request *out, struct message_id *id,
                     struct message_error *error)
{
    size_t length = strlen(line);
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, line, length + 1);
    int got = request_read(copy, length, out, id, error);
    free(copy);
    return got;
}

#define CALL(method, params) \
    "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"" method "\",\"params\":" params "}"

static void test_refused(void **state)
{
    static const struct {
        const char *line;
        int code;
        bool id;          /* the answer carries 5 */
        const char *text; /* a part of the message */
    } rows[] = {
        {"", JERR_PARSE_ERROR, false, "not a JSON object"},
        {"hello", JERR_PARSE_ERROR, false, "not a JSON object"},
        {"42", JERR_PARSE_ERROR, false, "not a JSON object"},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\"", JERR_PARSE_ERROR, false, "ends"},
        {"[]", JERR_INVALID_REQUEST, false, "batches"},
        {" [{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\"}]", JERR_INVALID_REQUEST, false,
         "batches"},
        {"{}", JERR_INVALID_REQUEST, false, "\"jsonrpc\""},
        {"{\"id\":5}", JERR_INVALID_REQUEST, true, "\"jsonrpc\""},
        {"{\"jsonrpc\":\"2.1\",\"id\":5,\"method\":\"hello\"}", JERR_INVALID_REQUEST, true,
         "\"jsonrpc\""},
        {"{\"jsonrpc\":2,\"id\":5,\"method\":\"hello\"}", JERR_INVALID_REQUEST, true,
         "\"jsonrpc\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":5}", JERR_INVALID_REQUEST, true, "\"method\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":null}", JERR_INVALID_REQUEST, true,
         "\"method\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\",\"extra\":1}", JERR_INVALID_REQUEST,
         true, "\"extra\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\",\"Params\":{}}", JERR_INVALID_REQUEST,
         true, "\"Params\""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"hello\"}", JERR_INVALID_REQUEST, false, "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}", JERR_INVALID_REQUEST, false, "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"hello\"}", JERR_INVALID_REQUEST, false,
         "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"hello\"}", JERR_INVALID_REQUEST, false,
         "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":[5],\"method\":\"hello\"}", JERR_INVALID_REQUEST, false,
         "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"hello\"}", JERR_INVALID_REQUEST, false,
         "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":9007199254740993,\"method\":\"hello\"}", JERR_PARSE_ERROR,
         false, "too large"},
        {"{\"jsonrpc\":\"2.0\",\"id\":"
         "\"0123456789012345678901234567890123456789012345678901234567890123x\","
         "\"method\":\"hello\"}",
         JERR_INVALID_REQUEST, false, "64 bytes"},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"id\":5,\"method\":\"hello\"}", JERR_PARSE_ERROR, false,
         "twice"},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\",\"params\":[]}", JERR_INVALID_PARAMS,
         true, "by name"},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\",\"params\":null}", JERR_INVALID_PARAMS,
         true, "by name"},
        {"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"cancel\",\"params\":{\"id\":1}}",
         JERR_INVALID_REQUEST, true, "notification"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"cancel\"}", JERR_INVALID_PARAMS, false,
         "\"id\" is missing"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":null}}",
         JERR_INVALID_PARAMS, false, "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":\"\"}}",
         JERR_INVALID_PARAMS, false, "\"id\""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":1,\"x\":2}}",
         JERR_INVALID_PARAMS, false, "\"x\""},
        {CALL("Hello", "{}"), JERR_METHOD_NOT_FOUND, true, "\"Hello\""},
        {CALL("", "{}"), JERR_METHOD_NOT_FOUND, true, "\"\""},
        {CALL("journal.query", "{}"), JERR_METHOD_NOT_FOUND, true, "journal.query"},
        {CALL("hello", "{\"protocol\":0}"), JERR_INVALID_PARAMS, true, "\"protocol\""},
        {CALL("hello", "{\"protocol\":\"1\"}"), JERR_INVALID_PARAMS, true, "\"protocol\""},
        {CALL("hello", "{\"protocol\":1.5}"), JERR_INVALID_PARAMS, true, "\"protocol\""},
        {CALL("hello", "{\"client\":7}"), JERR_INVALID_PARAMS, true, "\"client\""},
        {CALL("hello", "{\"clientUtf16\":\"4100\"}"), JERR_INVALID_PARAMS, true, "clientUtf16"},
        {CALL("service.status", "{\"all\":true}"), JERR_INVALID_PARAMS, true,
         "service.status has no parameter \"all\""},
        {CALL("junction.create", "{}"), JERR_INVALID_PARAMS, true, "\"link\" is missing"},
        {CALL("junction.create", "{\"link\":\"l\"}"), JERR_INVALID_PARAMS, true,
         "\"target\" is missing"},
        {CALL("junction.create", "{\"link\":5,\"target\":\"C:\\\\\"}"), JERR_INVALID_PARAMS, true,
         "\"link\" must be a string"},
        {CALL("junction.create", "{\"link\":\"\",\"target\":\"C:\\\\\"}"), JERR_INVALID_PATH, true,
         "\"link\" is empty"},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"\"}"), JERR_INVALID_TARGET, true,
         "\"target\" is empty"},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"expectedTarget\":\"\"}"),
         JERR_INVALID_TARGET, true, "\"expectedTarget\" is empty"},
        {CALL("junction.create", "{\"linkUtf16\":\"\",\"target\":\"t\"}"), JERR_INVALID_PATH, true,
         "\"link\" is empty"},
        {CALL("junction.create", "{\"linkUtf16\":\"410000004100\",\"target\":\"t\"}"),
         JERR_INVALID_PATH, true, "NUL"},
        {CALL("junction.create", "{\"link\":\"l\",\"targetUtf16\":\"0000\"}"), JERR_INVALID_TARGET,
         true, "NUL"},
        {CALL("junction.create", "{\"linkUtf16\":\"41\",\"target\":\"t\"}"), JERR_INVALID_PARAMS,
         true, "\"linkUtf16\" must be a string of hex digits"},
        {CALL("junction.create", "{\"linkUtf16\":1,\"target\":\"t\"}"), JERR_INVALID_PARAMS, true,
         "\"linkUtf16\""},
        {CALL("junction.create", "{\"link\":\"l\",\"linkUtf16\":\"4100\",\"target\":\"t\"}"),
         JERR_INVALID_PARAMS, true, "exclude each other"},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"replaceUtf16\":\"4100\"}"),
         JERR_INVALID_PARAMS, true, "\"replaceUtf16\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"linkUtf16x\":\"4100\"}"),
         JERR_INVALID_PARAMS, true, "\"linkUtf16x\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"replace\":1}"),
         JERR_INVALID_PARAMS, true, "\"replace\" must be true or false"},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"dryRun\":null}"),
         JERR_INVALID_PARAMS, true, "\"dryRun\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"dryrun\":true}"),
         JERR_INVALID_PARAMS, true, "\"dryrun\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"keepDirectory\":true}"),
         JERR_INVALID_PARAMS, true, "\"keepDirectory\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"drive\":\"\"}"),
         JERR_INVALID_PARAMS, true, "\"drive\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"drive\":\"C:\\\\\"}"),
         JERR_INVALID_PARAMS, true, "\"drive\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"drive\":\"1:\"}"),
         JERR_INVALID_PARAMS, true, "\"drive\""},
        {CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"drive\":3}"),
         JERR_INVALID_PARAMS, true, "\"drive\""},
        {CALL("reparse.show", "{\"path\":null}"), JERR_INVALID_PARAMS, true,
         "\"path\" must be a string"},
        {CALL("reparse.list", "{\"path\":\"p\",\"types\":\"junction\"}"), JERR_INVALID_PARAMS, true,
         "\"types\""},
        {CALL("reparse.list", "{\"path\":\"p\",\"types\":[]}"), JERR_INVALID_PARAMS, true,
         "\"types\""},
        {CALL("reparse.list", "{\"path\":\"p\",\"types\":[1]}"), JERR_INVALID_PARAMS, true,
         "\"types\" holds something"},
        {CALL("reparse.list", "{\"path\":\"p\",\"types\":[\"junction\",\"Symlink\"]}"),
         JERR_INVALID_PARAMS, true, "\"types\" holds \"Symlink\""},
        {CALL("reparse.list", "{\"path\":\"p\",\"source\":\"disk\"}"), JERR_INVALID_PARAMS, true,
         "\"source\""},
        {CALL("reparse.list", "{\"path\":\"p\",\"source\":null}"), JERR_INVALID_PARAMS, true,
         "\"source\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct request request;
        struct message_id id;
        struct message_error error;
        int got = read_line(rows[i].line, &request, &id, &error);
        if (got != -1 || error.code != rows[i].code || !strstr(error.text, rows[i].text)) {
            fail_msg("%s: %d %s", rows[i].line, got == 0 ? 0 : error.code,
                     got == 0 ? "accepted" : error.text);
        }
        if (id.kind != (rows[i].id ? MESSAGE_ID_NUMBER : MESSAGE_ID_NONE) ||
            (rows[i].id && id.number != 5)) {
            fail_msg("%s: the id", rows[i].line);
        }
        message_error_clear(&error);
    }
}

static void test_accepted(void **state)
{
    (void)state;
    struct request request;
    struct message_id id;
    struct message_error error;

    assert_int_equal(
        read_line("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"hello\"}", &request, &id, &error),
        0);
    assert_int_equal(request.method, METHOD_HELLO);
    assert_int_equal(request.params.hello.protocol, 1);
    assert_null(request.params.hello.client.bytes);
    assert_string_equal(request.id.string, "x");
    request_clear(&request);

    assert_int_equal(
        read_line(CALL("junction.create",
                       "{\"link\":\"/v/l\",\"targetUtf16\":\"43003a005c0000d8\",\"drive\":\"c\","
                       "\"replace\":true,\"expectedTarget\":\"C:\\\\old\",\"parents\":true,"
                       "\"mustExist\":true,\"dryRun\":true}"),
                  &request, &id, &error),
        0);
    struct create_params *create = &request.params.create;
    assert_string_equal(create->link.bytes, "/v/l");
    assert_string_equal(create->target.bytes, "C:\\\xED\xA0\x80");
    assert_string_equal(create->expected_target.bytes, "C:\\old");
    assert_int_equal(create->drive, 'C');
    assert_true(create->replace && create->parents && create->must_exist && create->dry_run);
    assert_int_equal(id.number, 5);
    request_clear(&request);
    assert_null(create->link.bytes);

    assert_int_equal(
        read_line(CALL("junction.create", "{\"link\":\"l\",\"target\":\"t\",\"drive\":\"Z:\","
                                          "\"replace\":false}"),
                  &request, &id, &error),
        0);
    assert_int_equal(create->drive, 'Z');
    assert_false(create->replace || create->parents || create->must_exist || create->dry_run);
    request_clear(&request);

    assert_int_equal(
        read_line(CALL("reparse.list", "{\"path\":\"p\",\"types\":[\"unknown\",\"junction\","
                                       "\"junction\"],\"source\":\"scan\",\"volume\":true}"),
                  &request, &id, &error),
        0);
    assert_int_equal(request.params.list.types, 1u << ENTRY_UNKNOWN | 1u << ENTRY_JUNCTION);
    assert_int_equal(request.params.list.source, LIST_SOURCE_SCAN);
    assert_true(request.params.list.volume);
    assert_false(request.params.list.recurse || request.params.list.verify);
    request_clear(&request);

    assert_int_equal(
        read_line("{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":\"x\"}}", &request,
                  &id, &error),
        0);
    assert_int_equal(request.method, METHOD_CANCEL);
    assert_int_equal(request.id.kind, MESSAGE_ID_NONE);
    assert_string_equal(request.params.cancel.id.string, "x");
    request_clear(&request);
}

/* The same units as UTF-8, as escapes and as hex, at the longest and one beyond. */
static void test_length(void **state)
{
    (void)state;
    static const struct {
        const char *name, *unit;
        size_t units;
    } rows[] = {
        {"link", "x", 1},         {"link", "\xC3\xA4", 1},
        {"link", "\\u00e4", 1},   {"link", "\\uD83D\\uDE00", 2},
        {"linkUtf16", "e400", 1}, {"linkUtf16", "00d8", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            char *line = malloc(FRAMING_MAX_LINE);
            assert_non_null(line);
            char *at =
                line + sprintf(line,
                               "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"junction.delete\","
                               "\"params\":{\"%s\":\"",
                               rows[i].name);
            size_t count = REQUEST_MAX_PATH_UNITS / rows[i].units + extra;
            for (size_t n = 0; n < count; n++) {
                memcpy(at, rows[i].unit, strlen(rows[i].unit));
                at += strlen(rows[i].unit);
            }
            strcpy(at, "\"}}");
            struct request request;
            struct message_id id;
            struct message_error error;
            int got = read_line(line, &request, &id, &error);
            assert_int_equal(got, extra ? -1 : 0);
            if (extra) {
                assert_int_equal(error.code, JERR_INVALID_PATH);
                assert_non_null(strstr(error.text, "32767"));
            } else {
                /* And what was read can be written and read again. */
                size_t length;
                char *again = request_write(&request, &length);
                assert_non_null(again);
                assert_true(length <= FRAMING_MAX_LINE);
                free(again);
                request_clear(&request);
            }
            free(line);
        }
    }
    char *line = malloc(FRAMING_MAX_LINE);
    assert_non_null(line);
    int used = sprintf(line, CALL("junction.create", "{\"link\":\"l\",\"target\":\""));
    line[used -= 1] = 0;
    memset(line + used, 'x', 32768);
    strcpy(line + used + 32768, "\"}}");
    struct request request;
    struct message_id id;
    struct message_error error;
    assert_int_equal(read_line(line, &request, &id, &error), -1);
    assert_int_equal(error.code, JERR_TARGET_TOO_LONG);
    free(line);
}

static void test_hostile_names(void **state)
{
    (void)state;
    struct request request;
    struct message_id id;
    struct message_error error;
    char line[4096];
    /* A method and a member of emoji, at every length around the cut. */
    for (size_t lead = 0; lead < 6; lead++) {
        char name[1024] = {0};
        memset(name, 'x', lead);
        for (int i = 0; i < 50; i++) {
            strcat(name, "\xF0\x9F\x98\x80");
        }
        snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"%s\"}", name);
        assert_int_equal(read_line(line, &request, &id, &error), -1);
        assert_int_equal(error.code, JERR_METHOD_NOT_FOUND);
        assert_true(utf8_is_valid(error.text, strlen(error.text)));
        assert_non_null(strstr(error.text, "...\""));
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"hello\",\"params\":{\"%s\":1}}", name);
        assert_int_equal(read_line(line, &request, &id, &error), -1);
        assert_int_equal(error.code, JERR_INVALID_PARAMS);
        assert_true(utf8_is_valid(error.text, strlen(error.text)));
    }
    assert_int_equal(read_line(CALL("%s%n%s", "{}"), &request, &id, &error), -1);
    assert_non_null(strstr(error.text, "%s%n%s"));
    /* A label of 128 bytes, and one more. */
    for (int extra = 0; extra < 2; extra++) {
        snprintf(line, sizeof line, CALL("hello", "{\"client\":\"%0*d\"}"), 128 + extra, 0);
        assert_int_equal(read_line(line, &request, &id, &error), extra ? -1 : 0);
        if (!extra) {
            assert_int_equal(request.params.hello.client.length, 128);
            request_clear(&request);
        }
    }
    /* Far more values than any request has. */
    char *many = malloc(FRAMING_MAX_LINE);
    assert_non_null(many);
    int used = sprintf(many, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"reparse.list\","
                             "\"params\":{\"path\":\"p\",\"types\":[\"junction\"");
    for (int i = 0; i < 300; i++) {
        used += sprintf(many + used, ",\"junction\"");
    }
    sprintf(many + used, "]}}");
    assert_int_equal(read_line(many, &request, &id, &error), -1);
    assert_int_equal(error.code, JERR_PARSE_ERROR);
    assert_non_null(strstr(error.text, "too many values"));
    free(many);
}

static struct text text_of(const char *string)
{
    struct text text;
    assert_int_equal(text_set_string(&text, string), UTF_OK);
    return text;
}

static void check_write(const struct request *request, const char *expected)
{
    size_t length;
    char *line = request_write(request, &length);
    assert_non_null(line);
    assert_string_equal(line, expected);
    assert_int_equal(length, strlen(expected));
    line[length - 1] = 0;
    struct request back;
    struct message_id id;
    struct message_error error;
    if (request_read(line, length - 1, &back, &id, &error) != 0) {
        fail_msg("%s: %s", line, error.text);
    }
    assert_int_equal(back.method, request->method);
    assert_true(message_id_equal(&back.id, &request->id));
    char *again = request_write(&back, &length);
    assert_string_equal(again, expected);
    free(again);
    free(line);
    request_clear(&back);
}

static void test_write(void **state)
{
    (void)state;
    struct request request = {.method = METHOD_HELLO};
    request.id.kind = MESSAGE_ID_NUMBER;
    request.id.number = 1;
    request.params.hello.protocol = 1;
    check_write(&request, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\"}\n");
    request.params.hello.protocol = 2;
    request.params.hello.client = text_of("me");
    check_write(&request, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":{"
                          "\"protocol\":2,\"client\":\"me\"}}\n");
    struct message_id id = request.id;
    request_clear(&request);

    request.id = id;
    request.method = METHOD_JUNCTION_CREATE;
    request.params.create.link = text_of("/v/\xED\xA0\x80");
    request.params.create.target = text_of("C:\\t");
    check_write(&request,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"junction.create\",\"params\":{"
                "\"linkUtf16\":\"2f0076002f0000d8\",\"target\":\"C:\\\\t\"}}\n");
    request.params.create.drive = 'D';
    request.params.create.replace = request.params.create.dry_run = true;
    request.params.create.parents = request.params.create.must_exist = true;
    request.params.create.expected_target = text_of("C:\\o");
    check_write(&request,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"junction.create\",\"params\":{"
                "\"linkUtf16\":\"2f0076002f0000d8\",\"target\":\"C:\\\\t\",\"drive\":\"D:\","
                "\"replace\":true,\"expectedTarget\":\"C:\\\\o\",\"parents\":true,"
                "\"mustExist\":true,\"dryRun\":true}}\n");
    /* What is no WTF-8 would become the name of something else. */
    text_clear(&request.params.create.link);
    request.params.create.link = text_of("/v/\xFF");
    size_t length;
    assert_null(request_write(&request, &length));
    request_clear(&request);

    request.id = id;
    request.method = METHOD_REPARSE_LIST;
    request.params.list.path = text_of("p");
    request.params.list.types = 1u << ENTRY_SYMLINK | 1u << ENTRY_CLOUD;
    request.params.list.source = LIST_SOURCE_INDEX;
    request.params.list.recurse = request.params.list.volume = true;
    request.params.list.verify = request.params.list.check = true;
    check_write(&request,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"reparse.list\",\"params\":{"
                "\"path\":\"p\",\"recurse\":true,\"volume\":true,\"verify\":true,"
                "\"types\":[\"symlink\",\"cloud\"],\"check\":true,\"source\":\"index\"}}\n");
    request_clear(&request);

    request.method = METHOD_CANCEL;
    request.params.cancel.id = id;
    check_write(&request, "{\"jsonrpc\":\"2.0\",\"method\":\"cancel\",\"params\":{\"id\":1}}\n");
    request_clear(&request);
}

static int allowed;

static void *scarce(size_t size)
{
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    static const char line[] =
        CALL("reparse.list", "{\"path\":\"p\",\"types\":[\"junction\",\"cloud\"],\"check\":true}");
    struct request request;
    struct message_id id;
    struct message_error error;
    cJSON_Hooks hooks = {scarce, free};
    cJSON_InitHooks(&hooks);
    int failures = 0;
    for (;; failures++) {
        allowed = failures;
        if (request_read(line, sizeof line - 1, &request, &id, &error) == 0) {
            break;
        }
        assert_int_equal(error.code, JERR_OUT_OF_MEMORY);
    }
    assert_true(failures > 10);
    for (failures = 0;; failures++) {
        allowed = failures;
        size_t length;
        char *written = request_write(&request, &length);
        if (written) {
            free(written);
            break;
        }
    }
    assert_true(failures > 10);
    cJSON_InitHooks(NULL);
    request_clear(&request);
}

static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i < METHOD_COUNT; i++) {
        assert_int_equal(method_info((enum method)i)->method, i);
    }
    for (int i = 0; i < ENTRY_TYPE_COUNT; i++) {
        assert_int_equal(entry_type_find(entry_type_name((enum entry_type)i)), i);
    }
    assert_int_equal(entry_type_find("Junction"), -1);
    assert_int_equal(entry_type_find(""), -1);
    assert_string_equal(list_source_name(LIST_SOURCE_SCAN), "scan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_length),  cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_write),   cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
