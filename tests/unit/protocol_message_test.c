/* Envelopes, ids, errors and names, written and read; what a misbehaving server could send. */
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
#include "protocol/message.h"

static struct message_id number_id(int64_t number)
{
    struct message_id id = {.kind = MESSAGE_ID_NUMBER, .number = number};
    return id;
}

static struct message_id string_id(const char *string)
{
    struct message_id id = {.kind = MESSAGE_ID_STRING};
    snprintf(id.string, sizeof id.string, "%s", string);
    return id;
}

/* The line that is expected; frees it. */
static void check_line(char *line, const size_t *length, const char *expected)
{
    assert_non_null(line);
    assert_string_equal(line, expected);
    assert_int_equal(*length, strlen(expected));
    free(line);
}

static void test_ids(void **state)
{
    (void)state;
    struct message_id none = {0};
    struct message_id one = number_id(1), two = number_id(2), text = string_id("1");
    assert_true(message_id_equal(&none, &none));
    assert_true(message_id_equal(&one, &one));
    assert_false(message_id_equal(&one, &two));
    assert_false(message_id_equal(&one, &text));
    assert_false(message_id_equal(&none, &text));
    struct message_id other = string_id("2");
    assert_false(message_id_equal(&text, &other));
}

static void test_lines(void **state)
{
    (void)state;
    size_t length;
    struct message_id id = number_id(7);
    check_line(message_result(&id, cJSON_CreateObject(), &length), &length,
               "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n");
    id = string_id("a\"\n");
    check_line(message_result(&id, cJSON_CreateObject(), &length), &length,
               "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"\\n\",\"result\":{}}\n");
    int64_t large[] = {9007199254740992,
                       -9007199254740992,
                       9007199254740991,
                       1234567890123456,
                       999999999999999,
                       0,
                       -1};
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{}}\n",
                 (long long)large[i]);
        id = number_id(large[i]);
        char *line = message_result(&id, cJSON_CreateObject(), &length);
        assert_non_null(line);
        struct message_incoming incoming;
        const char *why;
        assert_int_equal(message_read(line, length - 1, &incoming, &why), -1);
        line[length - 1] = 0;
        assert_int_equal(message_read(line, length - 1, &incoming, &why), 0);
        assert_true(message_id_equal(&incoming.id, &id));
        message_incoming_clear(&incoming);
        line[length - 1] = '\n';
        check_line(line, &length, expected);
    }
    assert_null(message_result(&id, NULL, &length));
    check_line(message_call(NULL, "cancel", NULL, &length), &length,
               "{\"jsonrpc\":\"2.0\",\"method\":\"cancel\"}\n");
    id = number_id(1);
    check_line(message_call(&id, "hello", cJSON_CreateObject(), &length), &length,
               "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":{}}\n");
}

static void test_failures(void **state)
{
    (void)state;
    size_t length;
    struct message_id none = {0};
    struct message_error error;
    message_error_set(&error, JERR_NOT_FOUND);
    check_line(message_failure(&none, &error, &length), &length,
               "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1300,\"message\":"
               "\"no such file or directory\",\"data\":{\"name\":\"NOT_FOUND\"}}}\n");
    error.os = 2;
    assert_int_equal(text_set_string(&error.path, "/v/\xED\xA0\x80"), UTF_OK);
    check_line(
        message_failure(&none, &error, &length), &length,
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1300,\"message\":"
        "\"no such file or directory\",\"data\":{\"name\":\"NOT_FOUND\",\"os\":{\"errno\":2},"
        "\"path\":\"/v/\xEF\xBF\xBD\",\"pathUtf16\":\"2f0076002f0000d8\"}}}\n");
    error.os_is_win32 = true;
    error.os = 4390;
    char *line = message_failure(&none, &error, &length);
    assert_non_null(strstr(line, "\"os\":{\"win32\":4390}"));
    line[length - 1] = 0;
    struct message_incoming incoming;
    const char *why;
    assert_int_equal(message_read(line, length - 1, &incoming, &why), 0);
    assert_int_equal(incoming.kind, MESSAGE_FAILURE);
    assert_int_equal(incoming.id.kind, MESSAGE_ID_NONE);
    assert_int_equal(incoming.error.code, JERR_NOT_FOUND);
    assert_int_equal(incoming.error.os, 4390);
    assert_true(incoming.error.os_is_win32);
    assert_true(text_equal(&incoming.error.path, &error.path));
    message_incoming_clear(&incoming);
    message_error_clear(&error);
    free(line);

    /* Somebody's bytes in the text of an error never make the line invalid. */
    message_error_setf(&error, JERR_INVALID_PATH, "%s", "\xFF \"\n");
    check_line(message_failure(&none, &error, &length), &length,
               "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1200,\"message\":"
               "\"\xEF\xBF\xBD \\\"\\n\",\"data\":{\"name\":\"INVALID_PATH\"}}}\n");
    message_error_setf(&error, 4711, "%s", "new");
    check_line(message_failure(&none, &error, &length), &length,
               "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":4711,\"message\":\"new\","
               "\"data\":{}}}\n");
}

static void test_error_text(void **state)
{
    (void)state;
    struct message_error error;
    message_error_set(&error, 4711);
    assert_string_equal(error.text, "unknown error");
    message_error_setf(&error, JERR_BUSY, "%s", "");
    assert_string_equal(error.text, error_find(JERR_BUSY)->text);
    message_error_setf(&error, JERR_BUSY, "%s, again", error.text);
    assert_string_equal(error.text, "too much work is waiting; try again later, again");
    char longer[1024];
    for (size_t lead = 0; lead < 8; lead++) {
        memset(longer, 'x', lead);
        longer[lead] = 0;
        for (int i = 0; i < 100; i++) {
            strcat(longer, "\xF0\x9F\x98\x80");
        }
        message_error_setf(&error, JERR_BUSY, "%s", longer);
        size_t length = strlen(error.text);
        assert_true(utf8_is_valid(error.text, length));
        assert_true(length > sizeof error.text - 10);
    }
}

static void test_read(void **state)
{
    static const struct {
        const char *line;
        int kind; /* -1: refused */
    } rows[] = {
        {"", -1},
        {"[]", -1},
        {"{}", -1},
        {"{\"jsonrpc\":\"2.0\"}", -1},
        {"{\"jsonrpc\":2.0,\"id\":1,\"result\":{}}", -1},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":{}}", -1},
        {"{\"id\":1,\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":[],\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"\",\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":true,\"result\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{\"code\":1}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":null}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":\"1\"}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":0}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":99999999999}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":1}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"data\":{\"path\":1}}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"data\":{\"path\":\"\","
         "\"pathUtf16\":\"zz00\"}}}",
         -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"data\":{\"os\":{\"errno\":1.5}}}}",
         -1},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"progress\",\"params\":{}}", -1},
        {"{\"jsonrpc\":\"2.0\",\"method\":1}", -1},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":[]}", -1},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\"}", MESSAGE_NOTIFICATION},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{},\"new\":1}",
         MESSAGE_NOTIFICATION},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"new\":{\"x\":[]}}", MESSAGE_RESULT},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":null}", MESSAGE_RESULT},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700}}", MESSAGE_FAILURE},
        {"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"\"}}", MESSAGE_FAILURE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":4711,\"data\":{\"os\":{\"new\":1}}}}",
         MESSAGE_FAILURE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":4711,\"data\":7}}", MESSAGE_FAILURE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message_incoming incoming;
        const char *why = NULL;
        int got = message_read(rows[i].line, strlen(rows[i].line), &incoming, &why);
        if (got != (rows[i].kind < 0 ? -1 : 0)) {
            fail_msg("%s: %s", rows[i].line, got ? why : "accepted");
        }
        if (got != 0) {
            assert_non_null(why);
            assert_null(incoming.tree);
            continue;
        }
        assert_int_equal(incoming.kind, rows[i].kind);
        if (incoming.kind == MESSAGE_FAILURE) {
            assert_true(incoming.error.text[0] != 0);
        }
        message_incoming_clear(&incoming);
    }
}

static void test_text(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *json;
        bool comes_back;
    } rows[] = {
        {"C:\\x", 4, "{\"name\":\"C:\\\\x\"}", true},
        {"", 0, "{\"name\":\"\"}", true},
        {"\n\x01", 2, "{\"name\":\"\\n\\u0001\"}", true},
        {"a\0b", 3,
         "{\"name\":\"a\xEF\xBF\xBD"
         "b\",\"nameUtf16\":\"610000006200\"}",
         true},
        {"\xED\xA0\x80", 3, "{\"name\":\"\xEF\xBF\xBD\",\"nameUtf16\":\"00d8\"}", true},
        {"\xED\xBF\xBF\xF0\x9F\x98\x80", 7,
         "{\"name\":\"\xEF\xBF\xBD\xF0\x9F\x98\x80\",\"nameUtf16\":\"ffdf3dd800de\"}", true},
        {"\xFFx", 2, "{\"name\":\"\xEF\xBF\xBDx\"}", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text, back;
        assert_int_equal(text_set(&text, rows[i].bytes, rows[i].length), UTF_OK);
        cJSON *json = cJSON_CreateObject();
        assert_true(message_put_text(json, "name", &text));
        char *printed = cJSON_PrintUnformatted(json);
        assert_string_equal(printed, rows[i].json);
        assert_int_equal(message_get_text(json, "name", &back), 1);
        assert_int_equal(text_equal(&text, &back), rows[i].comes_back);
        text_clear(&back);
        text_clear(&text);
        free(printed);
        cJSON_Delete(json);
    }
    struct text absent = {0};
    cJSON *json = cJSON_CreateObject();
    assert_true(message_put_text(json, "name", &absent));
    assert_null(json->child);
    assert_int_equal(message_get_text(json, "name", &absent), 0);
    cJSON_Delete(json);
}

static void test_get_text(void **state)
{
    static const struct {
        const char *json;
        int got;
        const char *text;
    } rows[] = {
        {"{}", 0, NULL},
        {"{\"Name\":\"x\"}", 0, NULL},
        {"{\"name\":1}", -1, NULL},
        {"{\"name\":null}", -1, NULL},
        {"{\"name\":\"x\",\"nameUtf16\":1}", -1, NULL},
        {"{\"nameUtf16\":\"4\"}", -1, NULL},
        {"{\"nameUtf16\":\"41\"}", -1, NULL},
        {"{\"nameUtf16\":\"410\"}", -1, NULL},
        {"{\"nameUtf16\":\"41 0\"}", -1, NULL},
        {"{\"nameUtf16\":\"410g\"}", -1, NULL},
        {"{\"nameUtf16\":\"41004\"}", -1, NULL},
        {"{\"nameUtf16\":\"0x41\"}", -1, NULL},
        {"{\"nameUtf16\":\"4100\"}", 1, "A"},
        {"{\"name\":\"x\",\"nameUtf16\":\"4100e400\"}", 1, "A\xC3\xA4"},
        {"{\"nameUtf16\":\"3DD800dE\"}", 1, "\xF0\x9F\x98\x80"},
        {"{\"nameUtf16\":\"\"}", 1, ""},
        {"{\"name\":\"x\"}", 1, "x"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cJSON *json = cJSON_Parse(rows[i].json);
        assert_non_null(json);
        struct text text;
        assert_int_equal(message_get_text(json, "name", &text), rows[i].got);
        if (rows[i].text) {
            assert_string_equal(text.bytes, rows[i].text);
        } else {
            assert_null(text.bytes);
        }
        text_clear(&text);
        cJSON_Delete(json);
    }
}

static int allowed;

static void *scarce(size_t size)
{
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    struct message_error error;
    message_error_set(&error, JERR_NOT_FOUND);
    error.os = 2;
    assert_int_equal(text_set_string(&error.path, "/v/\xED\xA0\x80"), UTF_OK);
    struct message_id id = string_id("x");
    cJSON_Hooks hooks = {scarce, free};
    cJSON_InitHooks(&hooks);
    int failures = 0;
    char *line;
    size_t length;
    for (;; failures++) {
        allowed = failures;
        line = message_failure(&id, &error, &length);
        if (line) {
            break;
        }
    }
    free(line);
    assert_true(failures > 10);
    for (failures = 0;; failures++) {
        allowed = 1000;
        cJSON *body = cJSON_CreateObject();
        allowed = failures;
        line = message_call(&id, "hello", body, &length);
        if (line) {
            break;
        }
    }
    free(line);
    assert_true(failures > 5);
    for (failures = 0;; failures++) {
        allowed = 1000;
        cJSON *body = cJSON_CreateObject();
        allowed = failures;
        line = message_result(&id, body, &length);
        if (line) {
            break;
        }
    }
    free(line);
    assert_true(failures > 3);
    cJSON_InitHooks(NULL);
    message_error_clear(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),      cmocka_unit_test(test_lines),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_error_text),
        cmocka_unit_test(test_read),     cmocka_unit_test(test_text),
        cmocka_unit_test(test_get_text), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
