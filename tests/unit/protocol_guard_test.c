/* The gate in front of cJSON: what it lets through, and by which name it refuses the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/guard.h"

#define BYTES(s) s, sizeof(s) - 1

static const char *judge(const char *text, size_t length, bool document)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    copy[length] = 0;
    const char *why = "not touched";
    cJSON *tree =
        document ? guard_parse_document(copy, length, &why) : guard_parse(copy, length, &why);
    assert_int_equal(tree == NULL, why != NULL);
    cJSON_Delete(tree);
    free(copy);
    return why;
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *why;
    } rows[] = {
        {BYTES(""), "not a JSON object"},
        {BYTES(" "), "not a JSON object"},
        {BYTES("[]"), "not a JSON object"},
        {BYTES("null"), "not a JSON object"},
        {BYTES("\"a\""), "not a JSON object"},
        {BYTES("{"), "a member's name is missing"},
        {BYTES("{\"a\":1"), "the text ends too early"},
        {BYTES("{\"a\":"), "the text ends too early"},
        {BYTES("{\"a\""), "a ':' is missing"},
        {BYTES("{\"a"), "a string has no end"},
        {BYTES("{\"a\\"), "a string has no end"},
        {BYTES("{\"a\":[1"), "the text ends too early"},
        {BYTES("{}}"), "something follows the object"},
        {BYTES("{}{}"), "something follows the object"},
        {BYTES("{} x"), "something follows the object"},
        {BYTES("{}\n"), "something follows the object"},
        {BYTES("{\"a\":1,}"), "a member's name is missing"},
        {BYTES("{,}"), "a member's name is missing"},
        {BYTES("{\"a\":1 \"b\":2}"), "a ',' or a closing bracket is missing"},
        {BYTES("{\"a\":1]"), "a ',' or a closing bracket is missing"},
        {BYTES("{\"a\":[1}}"), "a ',' or a closing bracket is missing"},
        {BYTES("{\"a\":[1,]}"), "not JSON"},
        {BYTES("{\"a\":[,1]}"), "not JSON"},
        {BYTES("{\"a\" 1}"), "a ':' is missing"},
        {BYTES("{a:1}"), "a member's name is missing"},
        {BYTES("{'a':1}"), "a member's name is missing"},
        {BYTES("{1:1}"), "a member's name is missing"},
        {BYTES("{\"a\":1,\"a\":2}"), "a member is given twice"},
        {BYTES("{\"a\":1,\"\\u0061\":2}"), "a member is given twice"},
        {BYTES("{\"\xF0\x9F\x98\x80\":1,\"\\uD83D\\uDE00\":2}"), "a member is given twice"},
        {BYTES("{\"/\":1,\"\\/\":2}"), "a member is given twice"},
        {BYTES("{\"\":1,\"\":2}"), "a member is given twice"},
        {BYTES("{\"x\":{\"b\":1,\"c\":{},\"b\":2}}"), "a member is given twice"},
        {BYTES("{\"b\":{\"b\":1},\"b\":2}"), "a member is given twice"},
        {BYTES("{\"a\":[{\"b\":1,\"b\":2}]}"), "a member is given twice"},
        {BYTES("{\"a\":\"x\0y\"}"), "holds a NUL byte"},
        {BYTES("{}\0"), "holds a NUL byte"},
        {BYTES("{\"a\":\"x\\u0000y\"}"), "a string holds \\u0000"},
        {BYTES("{\"a\\u0000b\":1}"), "a string holds \\u0000"},
        {BYTES("{\"a\":\"\\uD800\"}"), "a \\u escape is half of a surrogate pair"},
        {BYTES("{\"a\":\"\\uD800x\"}"), "a \\u escape is half of a surrogate pair"},
        {BYTES("{\"a\":\"\\uD800\\u0041\"}"), "a \\u escape is half of a surrogate pair"},
        {BYTES("{\"a\":\"\\uDC00\"}"), "a \\u escape is half of a surrogate pair"},
        {BYTES("{\"a\":\"\\uD800\\uD800\"}"), "a \\u escape is half of a surrogate pair"},
        {BYTES("{\"a\":\"\\uD83D\\uDE0\"}"), "a \\u escape is half of a surrogate pair"},
        {BYTES("{\"a\":\"\\u12\"}"), "a \\u escape has not four hex digits"},
        {BYTES("{\"a\":\"\\u12G4\"}"), "a \\u escape has not four hex digits"},
        {BYTES("{\"a\":\"\\u123"), "a \\u escape has not four hex digits"},
        {BYTES("{\"a\":\"\\x41\"}"), "a string has an unknown escape"},
        {BYTES("{\"a\":\"\\'\"}"), "a string has an unknown escape"},
        {BYTES("{\"a\":\"\t\"}"), "a string holds a raw control character"},
        {BYTES("{\"a\":\"\n\"}"), "a string holds a raw control character"},
        {BYTES("{\"a\":\"\x1F\"}"), "a string holds a raw control character"},
        {BYTES("{\t\"a\":1}"), "a member's name is missing"},
        {BYTES("{\"a\":\t1}"), "not JSON"},
        {BYTES("{\"a\":\"\xFF\"}"), "not UTF-8"},
        {BYTES("{\"a\":\"\xC0\x80\"}"), "not UTF-8"},
        {BYTES("{\"a\":\"\xED\xA0\x80\"}"), "not UTF-8"},
        {BYTES("{\"a\":\"\xE2\x82\"}"), "not UTF-8"},
        {BYTES("\xEF\xBB\xBF{}"), "begins with a byte order mark"},
        {BYTES("{\"a\":01}"), "not a number as JSON writes them"},
        {BYTES("{\"a\":-}"), "not a number as JSON writes them"},
        {BYTES("{\"a\":-01}"), "not a number as JSON writes them"},
        {BYTES("{\"a\":1.}"), "not a number as JSON writes them"},
        {BYTES("{\"a\":1e}"), "not a number as JSON writes them"},
        {BYTES("{\"a\":1e+}"), "not a number as JSON writes them"},
        {BYTES("{\"a\":.5}"), "not JSON"},
        {BYTES("{\"a\":+1}"), "not JSON"},
        {BYTES("{\"a\":0x10}"), "a ',' or a closing bracket is missing"},
        {BYTES("{\"a\":1e999}"), "a number is too large"},
        {BYTES("{\"a\":-1e999}"), "a number is too large"},
        {BYTES("{\"a\":9007199254740993}"), "a number is too large"},
        {BYTES("{\"a\":-9007199254740993}"), "a number is too large"},
        {BYTES("{\"a\":9007199254740993.0}"), "a number is too large"},
        {BYTES("{\"a\":10000000000000000}"), "a number is too large"},
        {BYTES("{\"a\":0.00000000000000000000000000000000000000001}"), "a number is too long"},
        {BYTES("{\"a\":NaN}"), "not JSON"},
        {BYTES("{\"a\":Infinity}"), "not JSON"},
        {BYTES("{\"a\":True}"), "not JSON"},
        {BYTES("{\"a\":tru"), "not JSON"},
        {BYTES("{\"a\":nul}"), "not JSON"},
        {BYTES("{\"a\":/**/1}"), "not JSON"},
        {BYTES("{\"a\":[[[[[[[[]]]]]]]]}"), "nested too deeply"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *why = judge(rows[i].text, rows[i].length, false);
        if (!why || strcmp(why, rows[i].why) != 0) {
            fail_msg("row %zu %s: %s", i, rows[i].text, why ? why : "accepted");
        }
    }
}

static void test_accepted(void **state)
{
    static const char *const rows[] = {
        "{}",
        " { } ",
        "{\"a\":1,\"A\":2}",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2}}",
        "{\"a\":[],\"b\":[{}],\"c\":[[1, 2] , 3]}",
        "{\"a\":9007199254740992,\"b\":-9007199254740992,\"c\":0,\"d\":-0}",
        "{\"e\":1.5e-3,\"f\":0.1E+2}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\x7F\"}",
        "{\"\":null,\" \":true,\"\\u0001\":false}",
        "{\"a\":[[[[[[[1]]]]]]]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *why = judge(rows[i], strlen(rows[i]), false);
        if (why) {
            fail_msg("%s: %s", rows[i], why);
        }
        assert_null(judge(rows[i], strlen(rows[i]), true));
    }
}

static void test_document(void **state)
{
    (void)state;
    assert_null(judge(BYTES("{\r\n\t\"a\": [\n1,\n2\n]\n}\n"), true));
    assert_string_equal(judge(BYTES("{\n\"a\": \"x\ny\"}"), true),
                        "a string holds a raw control character");
    assert_string_equal(judge(BYTES("{\v}"), true), "a member's name is missing");
    assert_string_equal(judge(BYTES("{}\n{}"), true), "something follows the object");
}

/* Every beginning of a good text is refused, and never read beyond. */
static void test_truncated(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e1,\"\\u00e4\\uD83D\\uDE00\xC3\xA4\"],\"b\":{\"c\":null}}";
    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_non_null(judge(text, length, false));
    }
    assert_null(judge(text, sizeof text - 1, false));
}

static char *repeat(const char *open, const char *unit, size_t count, const char *close)
{
    char *text = malloc(strlen(open) + count * (strlen(unit) + 8) + strlen(close) + 1);
    assert_non_null(text);
    char *at = text + sprintf(text, "%s", open);
    for (size_t i = 0; i < count; i++) {
        at += sprintf(at, i == 0 ? "%s" : ",%s", unit);
    }
    sprintf(at, "%s", close);
    return text;
}

static void test_limits(void **state)
{
    (void)state;
    char *text = malloc(1u << 20);
    assert_non_null(text);
    for (int extra = 0; extra < 2; extra++) {
        char *at = text + sprintf(text, "{\"x\":{");
        for (int i = 0; i < GUARD_MAX_MEMBERS + extra; i++) {
            at += sprintf(at, "%s\"m%d\":1", i ? "," : "", i);
        }
        sprintf(at, "},\"y\":2}");
        const char *why = judge(text, strlen(text), false);
        if (extra) {
            assert_string_equal(why, "an object has too many members");
        } else {
            assert_null(why);
        }
    }
    for (int extra = 0; extra < 2; extra++) {
        memset(text, 'n', 1000);
        memcpy(text, "{\"", 2);
        strcpy(text + 2 + GUARD_MAX_NAME + extra, "\":1}");
        const char *why = judge(text, strlen(text), false);
        if (extra) {
            assert_string_equal(why, "a member's name is too long");
        } else {
            assert_null(why);
        }
    }
    free(text);
    text = repeat("{\"a\":[", "1", 98, "]}");
    const char *why;
    cJSON *tree = guard_parse_bounded(text, strlen(text), 100, &why);
    assert_non_null(tree);
    cJSON_Delete(tree);
    assert_null(guard_parse_bounded(text, strlen(text), 99, &why));
    assert_string_equal(why, "too many values");
    free(text);
    text = repeat("{\"a\":[", "1", GUARD_MAX_VALUES, "]}");
    assert_string_equal(judge(text, strlen(text), false), "too many values");
    free(text);
}

static int allowed;

static void *scarce(size_t size)
{
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void test_no_memory(void **state)
{
    static const char text[] = "{\"a\":[1,\"two\",{\"b\":null}]}";
    (void)state;
    cJSON_Hooks hooks = {scarce, free};
    cJSON_InitHooks(&hooks);
    int n = 0;
    for (;; n++) {
        allowed = n;
        const char *why;
        cJSON *tree = guard_parse(text, sizeof text - 1, &why);
        if (tree) {
            cJSON_Delete(tree);
            break;
        }
        assert_ptr_equal(why, GUARD_NO_MEMORY);
    }
    cJSON_InitHooks(NULL);
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_document), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
