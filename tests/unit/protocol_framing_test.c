/* Lines out of a stream, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/framing.h"

#define BYTES(s) s, sizeof(s) - 1

/* Feeds `step` bytes at a time; puts all lines, each ended by '|', into out. False: the stream was
 * refused. */
static bool split(const char *bytes, size_t length, size_t step, char *out, bool *partial)
{
    struct framing framing;
    bool good = true;
    framing_init(&framing);
    *out = 0;
    for (size_t at = 0; at < length && good; at += step) {
        size_t size = length - at < step ? length - at : step;
        assert_int_equal(framing_add(&framing, bytes + at, size), 0);
        char *line;
        size_t line_length;
        enum framing_result result;
        while ((result = framing_next(&framing, &line, &line_length)) == FRAMING_LINE) {
            assert_true(line_length > 0);
            assert_int_equal(line[line_length], 0);
            strncat(out, line, line_length);
            strcat(out, "|");
        }
        good = result == FRAMING_MORE;
    }
    *partial = framing_is_partial(&framing);
    framing_clear(&framing);
    return good;
}

static void test_cuts(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *lines;
        bool partial;
    } rows[] = {
        {BYTES(""), "", false},
        {BYTES("\n"), "", false},
        {BYTES("\r\n\n\r\n"), "", false},
        {BYTES("a"), "", true},
        {BYTES("a\n"), "a|", false},
        {BYTES("a\r\n"), "a|", false},
        {BYTES("a\r\r\n"), "a\r|", false},
        {BYTES("\ra\n"), "\ra|", false},
        {BYTES("one\ntwo\r\n\nthree\nfo"), "one|two|three|", true},
        {BYTES("one\ntwo\nfour\r"), "one|two|", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t step = 1; step <= rows[i].length + 1; step++) {
            char out[128];
            bool partial;
            assert_true(split(rows[i].bytes, rows[i].length, step, out, &partial));
            if (strcmp(out, rows[i].lines) != 0 || partial != rows[i].partial) {
                fail_msg("row %zu, step %zu: \"%s\"", i, step, out);
            }
        }
    }
}

static void test_nul(void **state)
{
    (void)state;
    struct framing framing;
    framing_init(&framing);
    assert_int_equal(framing_add(&framing, BYTES("a\0b\n")), 0);
    char *line;
    size_t length;
    assert_int_equal(framing_next(&framing, &line, &length), FRAMING_LINE);
    assert_int_equal(length, 3);
    assert_memory_equal(line, "a\0b", 4);
    assert_int_equal(framing_next(&framing, &line, &length), FRAMING_MORE);
    framing_clear(&framing);
}

/* `size` bytes of a line followed by `end`, in chunks as they come from a pipe. */
static enum framing_result long_line(size_t size, const char *end, size_t *got)
{
    struct framing framing;
    framing_init(&framing);
    char *chunk = malloc(65536);
    assert_non_null(chunk);
    memset(chunk, 'x', 65536);
    char *line;
    enum framing_result result = FRAMING_MORE;
    for (size_t left = size; left > 0 && result == FRAMING_MORE;) {
        size_t now = left < 65536 ? left : 65536;
        assert_int_equal(framing_add(&framing, chunk, now), 0);
        left -= now;
        result = framing_next(&framing, &line, got);
    }
    if (result == FRAMING_MORE) {
        assert_int_equal(framing_add(&framing, end, strlen(end)), 0);
        result = framing_next(&framing, &line, got);
    }
    assert_true(framing.capacity <= 2u * FRAMING_MAX_LINE + 65536);
    if (result == FRAMING_LINE) {
        size_t none;
        assert_int_equal(framing_next(&framing, &line, &none), FRAMING_MORE);
        /* What the long line took is given back. */
        assert_true(framing.capacity <= 16384);
    }
    free(chunk);
    framing_clear(&framing);
    return result;
}

static void test_limit(void **state)
{
    (void)state;
    size_t got = 0;
    assert_int_equal(long_line(FRAMING_MAX_LINE - 1, "\n", &got), FRAMING_LINE);
    assert_int_equal(got, FRAMING_MAX_LINE - 1);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "\n", &got), FRAMING_LINE);
    assert_int_equal(got, FRAMING_MAX_LINE);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "\r\n", &got), FRAMING_LINE);
    assert_int_equal(got, FRAMING_MAX_LINE);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "\r", &got), FRAMING_MORE);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "\rx", &got), FRAMING_TOO_LONG);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "x", &got), FRAMING_TOO_LONG);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "x\n", &got), FRAMING_TOO_LONG);
    assert_int_equal(long_line(FRAMING_MAX_LINE, "x\r\n", &got), FRAMING_TOO_LONG);
    assert_int_equal(long_line(3u * FRAMING_MAX_LINE, "\n", &got), FRAMING_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
