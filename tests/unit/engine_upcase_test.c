#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "upcase.h"

static void units(void **state)
{
    (void)state;
    static const uint16_t rows[][2] = {
        {0x0000, 0x0000}, {'a', 'A'},       {'z', 'Z'},       {'A', 'A'},       {'[', '['},
        {'`', '`'},       {'{', '{'},       {0x00E9, 0x00C9}, {0x00F7, 0x00F7}, {0x00FF, 0x0178},
        {0x00DF, 0x00DF}, {0x00B5, 0x00B5}, {0x0131, 0x0131}, {0x017F, 0x017F}, {0x0101, 0x0100},
        {0x0100, 0x0100}, {0x03C3, 0x03A3}, {0x03C2, 0x03C2}, {0x044F, 0x042F}, {0x01C5, 0x01C5},
        {0x1F80, 0x1F88}, {0x1FB3, 0x1FBC}, {0x0525, 0x0525}, {0x10D0, 0x10D0}, {0xAB70, 0xAB70},
        {0x24D0, 0x24B6}, {0xFF41, 0xFF21}, {0xD800, 0xD800}, {0xDFFF, 0xDFFF}, {0xFFFF, 0xFFFF},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(upcase_unit(rows[i][0]), rows[i][1]);
}

/* CRC-32 of the whole table as 65536 little-endian units: the same number that the $UpCase file of
 * a volume made by mkntfs gives. */
static void whole_table(void **state)
{
    (void)state;
    uint32_t crc = 0xFFFFFFFFu;
    for (uint32_t unit = 0; unit < 0x10000; unit++) {
        uint16_t upper = upcase_unit((uint16_t)unit);
        /* Upper case has no further upper case, else equality would not be transitive. */
        assert_int_equal(upcase_unit(upper), upper);
        for (int byte = 0; byte < 2; byte++) {
            crc ^= byte ? upper >> 8 : upper & 0xFFu;
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
        }
    }
    assert_int_equal(~crc, 0xCEE8CFFAu);
}

static void equal(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"", "", true},
        {"a", "", false},
        {"dir", "DIR", true},
        {"dir", "DIRS", false},
        {"\xC3\xA9", "\xC3\x89", true},
        {"\xC3\xA9", "e\xCC\x81", false}, /* no normalisation */
        {"\xC3\xBF", "\xC5\xB8", true},   /* y with diaeresis */
        {"\xC3\x9F", "SS", false},
        {"\xC9\x90", "\xE2\xB1\xAF", true}, /* two bytes and three */
        {"\xF0\x90\x90\xA8", "\xF0\x90\x90\x80",
         false}, /* Deseret: beyond the BMP there is no case */
        {"\xF0\x90\x90\xA8", "\xF0\x90\x90\xA8", true},
        {"\xED\xA0\x80", "\xED\xA0\x80", true},
        {"\xED\xA0\x80", "\xED\xA0\x81", false},
        {"\xFF", "\xFF", true}, /* no WTF-8 equals only itself */
        {"a\xFF", "A\xFF", false},
        {"\xED\xA0\xBD\xED\xB8\x80", "\xF0\x9F\x98\x80", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t a = strlen(rows[i].a), b = strlen(rows[i].b);
        if (upcase_equal(rows[i].a, a, rows[i].b, b) != rows[i].equal ||
            upcase_equal(rows[i].b, b, rows[i].a, a) != rows[i].equal)
            fail_msg("row %d", (int)i);
    }
    assert_false(upcase_equal("a\0b", 3, "a\0c", 3));
    assert_true(upcase_equal("a\0b", 3, "A\0B", 3));
    assert_true(upcase_equal(NULL, 0, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units),
        cmocka_unit_test(whole_table),
        cmocka_unit_test(equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
