/* UTF-8, WTF-8 and UTF-16: what is well-formed, and that every sequence of units has one form and
 * comes back from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/utf.h"

#define BYTES(s) s, sizeof(s) - 1

static void test_valid(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        bool utf8, wtf8;
        size_t units;
    } rows[] = {
        {BYTES(""), true, true, 0},
        {BYTES("a\0b"), true, true, 3},
        {BYTES("\x7F"), true, true, 1},
        {BYTES("\x80"), false, false, SIZE_MAX},
        {BYTES("\xC0\x80"), false, false, SIZE_MAX},
        {BYTES("\xC1\xBF"), false, false, SIZE_MAX},
        {BYTES("\xC2\x80"), true, true, 1},
        {BYTES("\xC2"), false, false, SIZE_MAX},
        {BYTES("\xC2\x41"), false, false, SIZE_MAX},
        {BYTES("\xDF\xBF"), true, true, 1},
        {BYTES("\xE0\x9F\xBF"), false, false, SIZE_MAX},
        {BYTES("\xE0\xA0\x80"), true, true, 1},
        {BYTES("\xE2\x82"), false, false, SIZE_MAX},
        {BYTES("\xEF\xBF\xBF"), true, true, 1},
        {BYTES("\xED\x9F\xBF"), true, true, 1},
        {BYTES("\xED\xA0\x80"), false, true, 1},
        {BYTES("\xED\xBF\xBF"), false, true, 1},
        {BYTES("\xED\xB0\x80\xED\xA0\x80"), false, true, 2},
        {BYTES("\xED\xA0\x80\xED\xB0\x80"), false, false, SIZE_MAX},
        {BYTES("\xED\xA0\x80\xED\xA0\x80\xED\xB0\x80"), false, false, SIZE_MAX},
        {BYTES("\xED\xA0\x80x\xED\xB0\x80"), false, true, 3},
        {BYTES("\xF0\x8F\xBF\xBF"), false, false, SIZE_MAX},
        {BYTES("\xF0\x90\x80\x80"), true, true, 2},
        {BYTES("\xF4\x8F\xBF\xBF"), true, true, 2},
        {BYTES("\xF4\x90\x80\x80"), false, false, SIZE_MAX},
        {BYTES("\xF5\x80\x80\x80"), false, false, SIZE_MAX},
        {BYTES("\xF0\x9F\x98"), false, false, SIZE_MAX},
        {BYTES("\xFF"), false, false, SIZE_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* In a block of its exact size, so that a read beyond the end is seen by the sanitizer. */
        char *copy = malloc(rows[i].length + (rows[i].length == 0));
        assert_non_null(copy);
        memcpy(copy, rows[i].bytes, rows[i].length);
        if (utf8_is_valid(copy, rows[i].length) != rows[i].utf8 ||
            wtf8_is_valid(copy, rows[i].length) != rows[i].wtf8 ||
            wtf8_utf16_length(copy, rows[i].length) != rows[i].units) {
            fail_msg("row %zu", i);
        }
        uint16_t *units = NULL;
        size_t count = 0;
        int made = wtf8_to_utf16(copy, rows[i].length, &units, &count);
        if (!rows[i].wtf8) {
            assert_int_equal(made, UTF_INVALID);
        } else {
            assert_int_equal(made, UTF_OK);
            assert_int_equal(count, rows[i].units);
            assert_int_equal(units[count], 0);
            struct text back;
            assert_int_equal(utf16_to_wtf8(units, count, &back), UTF_OK);
            assert_int_equal(back.length, rows[i].length);
            assert_memory_equal(back.bytes, rows[i].bytes, rows[i].length);
            text_clear(&back);
            free(units);
        }
        free(copy);
    }
}

static void test_every_unit(void **state)
{
    (void)state;
    for (uint32_t unit = 0; unit <= 0xFFFF; unit++) {
        uint16_t units[3] = {(uint16_t)unit, 'x', (uint16_t)unit};
        struct text text;
        assert_int_equal(utf16_to_wtf8(units, 3, &text), UTF_OK);
        uint16_t *back;
        size_t count;
        assert_int_equal(wtf8_to_utf16(text.bytes, text.length, &back, &count), UTF_OK);
        assert_int_equal(count, 3);
        assert_memory_equal(back, units, sizeof units);
        bool surrogate = unit >= 0xD800 && unit <= 0xDFFF;
        assert_int_equal(utf8_is_valid(text.bytes, text.length), !surrogate);
        free(back);
        text_clear(&text);
    }
}

static void test_pairs(void **state)
{
    (void)state;
    uint16_t edge[] = {0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0x41};
    size_t n = sizeof edge / sizeof edge[0];
    for (size_t i = 0; i < n * n * n; i++) {
        uint16_t units[3] = {edge[i % n], edge[i / n % n], edge[i / n / n]};
        struct text text;
        assert_int_equal(utf16_to_wtf8(units, 3, &text), UTF_OK);
        assert_true(wtf8_is_valid(text.bytes, text.length));
        uint16_t *back;
        size_t count;
        assert_int_equal(wtf8_to_utf16(text.bytes, text.length, &back, &count), UTF_OK);
        assert_int_equal(count, 3);
        assert_memory_equal(back, units, sizeof units);
        free(back);
        text_clear(&text);
    }
    struct text smile;
    uint16_t pair[] = {0xD83D, 0xDE00};
    assert_int_equal(utf16_to_wtf8(pair, 2, &smile), UTF_OK);
    assert_string_equal(smile.bytes, "\xF0\x9F\x98\x80");
    text_clear(&smile);
}

static void test_lossy(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *result;
    } rows[] = {
        {BYTES(""), ""},
        {BYTES("plain"), "plain"},
        {BYTES("a\0b"), "a\xEF\xBF\xBD"
                        "b"},
        {BYTES("\xFFx\xC3"), "\xEF\xBF\xBDx\xEF\xBF\xBD"},
        {BYTES("\xED\xA0\x80"), "\xEF\xBF\xBD"},
        {BYTES("\xED\xA0\x80\xED\xB0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {BYTES("\xE2\x82\x41"), "\xEF\xBF\xBD\xEF\xBF\xBD\x41"},
        {BYTES("\xF0\x9F\x98\x80"), "\xF0\x9F\x98\x80"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text text;
        assert_int_equal(utf8_lossy(rows[i].bytes, rows[i].length, &text), UTF_OK);
        assert_string_equal(text.bytes, rows[i].result);
        assert_int_equal(text.length, strlen(rows[i].result));
        assert_true(utf8_is_valid(text.bytes, text.length));
        text_clear(&text);
    }
}

static void test_text(void **state)
{
    (void)state;
    struct text absent = {0};
    struct text empty, one, other;
    assert_int_equal(text_set(&empty, NULL, 0), UTF_OK);
    assert_non_null(empty.bytes);
    assert_int_equal(text_set(&one, "a\0b", 3), UTF_OK);
    assert_int_equal(text_copy(&other, &one), UTF_OK);
    assert_true(text_equal(&one, &other));
    assert_int_equal(other.bytes[3], 0);
    other.bytes[2] = 'c';
    assert_false(text_equal(&one, &other));
    assert_false(text_equal(&absent, &empty));
    assert_false(text_equal(&empty, &one));
    struct text none;
    assert_int_equal(text_copy(&none, &absent), UTF_OK);
    assert_null(none.bytes);
    assert_true(text_equal(&none, &absent));
    text_clear(&one);
    text_clear(&one);
    assert_null(one.bytes);
    text_clear(&other);
    text_clear(&empty);
    assert_int_equal(text_set(&one, "", SIZE_MAX), UTF_NO_MEMORY);
    assert_null(one.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid), cmocka_unit_test(test_every_unit),
        cmocka_unit_test(test_pairs), cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
