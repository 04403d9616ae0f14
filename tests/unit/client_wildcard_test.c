#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "client/wildcard.h"

static uint32_t exact(uint32_t c)
{
    return c;
}

static uint32_t upper(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE) ? c - 32 : c;
}

static void test_match(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool exact, folded;
    } cases[] = {
        {"", "", true, true},
        {"", "a", false, false},
        {"a", "", false, false},
        {"*", "", true, true},
        {"?", "", false, false},
        {"**", "abc", true, true},
        {"*?*", "a", true, true},
        {"*??*", "a", false, false},
        {"a*c", "abbc", true, true},
        {"a*c", "abb", false, false},
        {"*.txt", "a.txt.txt", true, true},
        {"*.txt", "a.txtx", false, false},
        {"*a*b*c*", "xxaxxbxxcxx", true, true},
        {"*a*b*c*", "xxaxxcxxbxx", false, false},
        {"A*", "abc", false, true},
        {"\xC3\x84?", "\xC3\xA4\xC3\xB6", false, true}, /* A-umlaut, then any one character */
        {"?", "\xF0\x9F\x98\x80", true, true},          /* an emoji is one character */
        {"??", "\xF0\x9F\x98\x80", false, false},
        {"?", "\xED\xA0\x80", true, true}, /* and so is a lone surrogate */
        {"?", "\xFF", true, true},         /* and a byte that is nothing at all */
        {"??", "\xE2\x82", true, true},    /* a character cut off: two bytes */
        {"\xFF", "\xFE", false, false},
        {"[a]", "a", false, false}, /* no other specials */
        {"a\\*", "a\\b", true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (wildcard_match(cases[i].pattern, cases[i].name, strlen(cases[i].name), exact) !=
            cases[i].exact)
            fail_msg("case %zu", i);
        if (wildcard_match(cases[i].pattern, cases[i].name, strlen(cases[i].name), upper) !=
            cases[i].folded)
            fail_msg("case %zu, folded", i);
    }
}

/* A matcher that tries every star again would not come back from this. */
static void test_many_stars(void **state)
{
    char pattern[401], name[2001];

    (void)state;
    for (size_t i = 0; i < 400; i++)
        pattern[i] = i % 2 ? '*' : 'a';
    pattern[399] = 'b';
    pattern[400] = '\0';
    memset(name, 'a', 2000);
    name[2000] = '\0';
    assert_false(wildcard_match(pattern, name, 2000, exact));
    name[1999] = 'b';
    assert_true(wildcard_match(pattern, name, 2000, exact));
}

static void test_name_ends_where_told(void **state)
{
    (void)state;
    assert_true(wildcard_match("ab", "abc", 2, exact));
    assert_false(wildcard_match("abc", "abc", 2, exact));
    assert_true(wildcard_is_in("a?"));
    assert_true(wildcard_is_in("*"));
    assert_false(wildcard_is_in("a.b"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_many_stars),
        cmocka_unit_test(test_name_ends_where_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
