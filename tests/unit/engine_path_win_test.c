/* Paths: what is accepted, in which one form, and that what is printed is accepted again. */
#include "../../service/engine/path_win.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GUID "Volume{01234567-89ab-cdef-0123-456789abcdef}"

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; /* NULL: refused */
        size_t parent;              /* length of its parent's path */
        wchar_t letter;
    } table[] = {
        {"C:\\", "C:\\", 7, L'C'},
        {"c:/", "C:\\", 7, L'C'},
        {"c:/a//b\\\\c/", "C:\\a\\b\\c", 10, L'C'},
        {"\\\\?\\c:\\a", "C:\\a", 7, L'C'},
        {"C:\\con\\nul. \\x.", "C:\\con\\nul. \\x.", 16, L'C'},
        {"C:\\\xED\xA0\x80", "C:\\\xED\xA0\x80", 7, L'C'},
        {"\\\\?\\" GUID "\\a\\b", "\\\\?\\" GUID "\\a\\b", 50, 0},
        {"\\\\?\\" GUID "\\", "\\\\?\\" GUID "\\", 49, 0},
        {"", NULL, 0, 0},
        {"C:", NULL, 0, 0},
        {"C:a", NULL, 0, 0},
        {"\\a", NULL, 0, 0},
        {"a", NULL, 0, 0},
        {GUID "\\a", NULL, 0, 0},
        {"\\??\\C:\\a", NULL, 0, 0},
        {"\\\\.\\C:\\a", NULL, 0, 0},
        {"\\\\server\\share\\a", NULL, 0, 0},
        {"\\\\?\\UNC\\server\\share", NULL, 0, 0},
        {"\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\a", NULL, 0, 0},
        {"C:\\a\\.", NULL, 0, 0},
        {"C:\\a\\..\\b", NULL, 0, 0},
        {"C:\\a:b", NULL, 0, 0},
        {"C:\\a::$DATA", NULL, 0, 0},
        {"C:\\a*", NULL, 0, 0},
        {"C:\\a\x01", NULL, 0, 0},
        {"C:\\\xff", NULL, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct path path;
        struct engine_error error;
        int result = path_parse(table[i].text, &path, &error);
        if ((result == 0) != (table[i].printed != NULL))
            print_error("%s: %d\n", table[i].text, result);
        assert_int_equal(result, table[i].printed ? 0 : -1);
        if (result != 0) {
            assert_int_equal(error.code, ENGINE_INVALID_PATH);
            assert_null(path.units);
            continue;
        }
        struct text text, again;
        assert_int_equal(path_text(&path, &text), UTF_OK);
        assert_string_equal(text.bytes, table[i].printed);
        assert_int_equal(path_parent(&path), table[i].parent);
        assert_int_equal(path_letter(&path), table[i].letter);
        assert_int_equal(wcsncmp(path.units, L"\\??\\", 4), 0);
        path_clear(&path);
        assert_int_equal(path_parse(text.bytes, &path, &error), 0);
        assert_int_equal(path_text(&path, &again), UTF_OK);
        assert_true(text_equal(&text, &again));
        text_clear(&text);
        text_clear(&again);
        path_clear(&path);
    }
}

/* As long as a counted string can be, and one unit more. */
static void test_length(void **state)
{
    (void)state;
    char *text = malloc(PATH_UNITS_MAX + 8);
    assert_non_null(text);
    for (size_t over = 0; over < 2; over++) {
        struct path path;
        struct engine_error error;
        size_t length = PATH_UNITS_MAX - PATH_PREFIX + over;
        memset(text, 'a', length);
        memcpy(text, "C:", 2);
        for (size_t i = 2; i < length; i += 200)
            text[i] = '\\';
        text[length - 1] = 'a';
        text[length] = '\0';
        assert_int_equal(path_parse(text, &path, &error), over ? -1 : 0);
        if (over == 0) {
            assert_int_equal(path.length, PATH_UNITS_MAX);
            assert_false(path_append(&path, L"x", 1));
            assert_int_equal(path.length, PATH_UNITS_MAX);
            path_cut(&path, PATH_UNITS_MAX - 2);
            assert_true(path_append(&path, L"x", 1));
        }
        path_clear(&path);
    }
    free(text);
}

static void test_names_that_windows_cannot_open(void **state)
{
    (void)state;
    static const wchar_t *const bad[] = {L"", L"a\\b", L"a/b", L"a:b", L"a*", L"a\x01", L"\""};
    static const wchar_t *const good[] = {L"con", L"a. ", L"\xD800", L"\x2026"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(path_name_opens(bad[i], wcslen(bad[i])));
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(path_name_opens(good[i], wcslen(good[i])));
    assert_false(path_name_opens(L"a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_names_that_windows_cannot_open),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
