#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "names.h"

#define GUID "{01234567-89ab-cdef-0123-456789abcdef}"
#define A50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A255 A50 A50 A50 A50 A50 "aaaaa"

struct component {
    const char *name;
    size_t length;
    bool fresh; /* a new entry may be called so */
    bool exist; /* an existing one may */
};
#define COMPONENT(text, fresh, exist)       \
    {                                       \
        text, sizeof text - 1, fresh, exist \
    }

static void components(void **state)
{
    (void)state;
    static const struct component rows[] = {
        COMPONENT("", false, false),
        COMPONENT(".", false, false),
        COMPONENT("..", false, false),
        COMPONENT("...", false, true),
        COMPONENT("a.", false, true),
        COMPONENT("a ", false, true),
        COMPONENT(" a", true, true),
        COMPONENT(".a", true, true),
        COMPONENT("a\0b", false, false),
        COMPONENT("a/b", false, false),
        COMPONENT("a\\b", false, false),
        COMPONENT("a:b", false, true),
        COMPONENT("a\nb", false, true),
        COMPONENT("a\x1f", false, true),
        COMPONENT("a*", false, true),
        COMPONENT("a?", false, true),
        COMPONENT("a\"", false, true),
        COMPONENT("<a>", false, true),
        COMPONENT("a|b", false, true),
        COMPONENT("a\x7f", true, true),
        COMPONENT("CON", false, true),
        COMPONENT("con.txt", false, true),
        COMPONENT("con .txt", false, true),
        COMPONENT("cONout$", false, true),
        COMPONENT("CONIN$", false, true),
        COMPONENT("nul.tar.gz", false, true),
        COMPONENT("com1", false, true),
        COMPONENT("COM9.x", false, true),
        COMPONENT("lpt\xC2\xB2", false, true),
        COMPONENT("com\xC2\xB9.txt", false, true),
        COMPONENT("com\xC2\xBA", true, true),
        COMPONENT("com0", true, true),
        COMPONENT("com10", true, true),
        COMPONENT("console", true, true),
        COMPONENT("nully", true, true),
        COMPONENT("x.con", true, true),
        COMPONENT("\xFF", false, false),
        COMPONENT("\xC0\xAF", false, false),
        COMPONENT("\xED\xA0\x80", true, true),               /* a lone surrogate: NTFS holds it */
        COMPONENT("\xED\xA0\xBD\xED\xB8\x80", false, false), /* a pair in two is not WTF-8 */
        COMPONENT("\xF0\x9F\x98\x80", true, true),
        COMPONENT("name with spaces", true, true),
        COMPONENT(A255, true, true),
        COMPONENT(A255 "a", false, false),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *why = NULL;
        int result = names_check_new(rows[i].name, rows[i].length, &why);
        if (result != (rows[i].fresh ? NAMES_OK : NAMES_INVALID) ||
            (why == NULL) != rows[i].fresh ||
            names_can_exist(rows[i].name, rows[i].length) != rows[i].exist)
            fail_msg("row %d: %s", (int)i, rows[i].name);
    }
}

/* The limit counts 16-bit units: an emoji takes two. */
static void component_units(void **state)
{
    (void)state;
    char name[4 * 128 + 1];
    for (size_t i = 0; i < 128; i++)
        memcpy(name + 4 * i, "\xF0\x9F\x98\x80", 4);
    name[4 * 127] = 'x';
    const char *why;
    assert_int_equal(names_check_new(name, 4 * 127 + 1, &why), NAMES_OK);
    memcpy(name + 4 * 127, "\xF0\x9F\x98\x80", 4);
    assert_int_equal(names_check_new(name, 4 * 128, &why), NAMES_INVALID);
    assert_false(names_can_exist(name, 4 * 128));
}

static void targets_accepted(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"C:\\dir", "\\??\\C:\\dir", "C:\\dir"},
        {"c:/dir/sub", "\\??\\C:\\dir\\sub", "C:\\dir\\sub"},
        {"C:\\dir\\", "\\??\\C:\\dir", "C:\\dir"},
        {"C:\\\\dir\\\\\\sub\\\\", "\\??\\C:\\dir\\sub", "C:\\dir\\sub"},
        {"z:\\", "\\??\\Z:\\", "Z:\\"},
        {"z:////", "\\??\\Z:\\", "Z:\\"},
        {"\\\\?\\C:\\dir", "\\??\\C:\\dir", "C:\\dir"},
        {"\\??\\C:\\dir", "\\??\\C:\\dir", "C:\\dir"},
        {"//?/C:/dir", "\\??\\C:\\dir", "C:\\dir"},
        {"\\\\?\\C:\\odd. \\nul", "\\??\\C:\\odd. \\nul", "C:\\odd. \\nul"},
        {"\\\\?\\Volume" GUID "\\dir\\", "\\??\\Volume" GUID "\\dir", "\\\\?\\Volume" GUID "\\dir"},
        {"\\\\?\\vOLUME{01234567-89AB-CDEF-0123-456789ABCDEF}\\d", "\\??\\Volume" GUID "\\d",
         "\\\\?\\Volume" GUID "\\d"},
        {"C:\\with space\\\xC3\xA9\xED\xA0\x80", "\\??\\C:\\with space\\\xC3\xA9\xED\xA0\x80",
         "C:\\with space\\\xC3\xA9\xED\xA0\x80"},
        {"C:\\" A255, "\\??\\C:\\" A255, "C:\\" A255},
        {"C:\\...a", "\\??\\C:\\...a", "C:\\...a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text substitute, print;
        const char *why;
        int result = names_junction(rows[i][0], strlen(rows[i][0]), &substitute, &print, &why);
        if (result != NAMES_OK)
            fail_msg("%s: %s", rows[i][0], why ? why : "?");
        assert_string_equal(substitute.bytes, rows[i][1]);
        assert_int_equal(substitute.length, strlen(rows[i][1]));
        assert_string_equal(print.bytes, rows[i][2]);
        assert_int_equal(print.length, strlen(rows[i][2]));
        text_clear(&substitute);
        text_clear(&print);
    }
}

static void targets_refused(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        size_t length;
    } rows[] = {
#define ROW(text) {text, sizeof text - 1}
        ROW(""),
        ROW("dir"),
        ROW("."),
        ROW("..\\dir"),
        ROW("\\dir"),
        ROW("/dir"),
        ROW("C:"),
        ROW("C:dir"),
        ROW("1:\\dir"),
        ROW("CC:\\dir"),
        ROW("\\\\server\\share"),
        ROW("//server/share"),
        ROW("\\\\"),
        ROW("\\\\?\\UNC\\server\\share"),
        ROW("\\\\?\\unc"),
        ROW("\\??\\UNC\\server\\share"),
        ROW("\\\\.\\C:\\dir"),
        ROW("\\\\.\\PhysicalDrive0"),
        ROW("\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\x"),
        ROW("\\\\?\\HarddiskVolume1\\x"),
        ROW("\\Device\\HarddiskVolume1\\x"),
        ROW("\\\\?\\"),
        ROW("\\\\?\\C:"),
        ROW("\\\\?\\C:dir"),
        ROW("\\\\?\\dir"),
        ROW("\\\\?\\Volume" GUID),
        ROW("\\\\?\\Volume" GUID "\\"),
        ROW("\\\\?\\Volume" GUID "\\\\\\"),
        ROW("\\\\?\\Volume" GUID "x\\dir"),
        ROW("\\\\?\\Volume{01234567-89ab-cdef-0123-456789abcdeg}\\dir"),
        ROW("\\\\?\\Volume{0123456789abcdef0123456789abcdef}\\dir"),
        ROW("\\\\?\\Volume{\\dir"),
        ROW("\\\\?\\Volume"),
        ROW("C:\\."),
        ROW("C:\\a\\..\\b"),
        ROW("\\\\?\\C:\\a\\..\\b"),
        ROW("C:\\a:stream"),
        ROW("\\\\?\\C:\\a:$DATA"),
        ROW("C:\\a*"),
        ROW("C:\\a?"),
        ROW("C:\\a\"b"),
        ROW("C:\\a<b"),
        ROW("C:\\a>b"),
        ROW("C:\\a|b"),
        ROW("C:\\a\nb"),
        ROW("C:\\a\0b"),
        ROW("C:\\a."),
        ROW("C:\\a "),
        ROW("C:\\a. \\b"),
        ROW("C:\\nul"),
        ROW("C:\\com1.txt\\b"),
        ROW("C:\\" A255 "a"),
        ROW("C:\\\xFF"),
        ROW("C:\\\xED\xA0\xBD\xED\xB8\x80"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text substitute, print;
        const char *why;
        int result = names_junction(rows[i].target, rows[i].length, &substitute, &print, &why);
        if (result != NAMES_INVALID || !why || substitute.bytes || print.bytes)
            fail_msg("row %d: %s was not refused", (int)i, rows[i].target);
    }
}

/* 20 bytes of frame, then two names of which one is four units longer: 4089 units of path fit. */
static void target_length(void **state)
{
    (void)state;
    enum { FITS = 4089 };
    char target[FITS + 2];
    for (size_t length = FITS; length <= FITS + 1; length++) {
        memset(target, 'a', length);
        memcpy(target, "C:\\", 3);
        for (size_t i = 100; i + 1 < length; i += 100)
            target[i] = '\\';
        struct text substitute, print;
        const char *why;
        int result = names_junction(target, length, &substitute, &print, &why);
        if (length == FITS) {
            assert_int_equal(result, NAMES_OK);
            assert_int_equal(substitute.length, FITS + 4);
        } else {
            assert_int_equal(result, NAMES_TOO_LONG);
            assert_non_null(why);
        }
        text_clear(&substitute);
        text_clear(&print);
    }
}

static struct text view(const char *text)
{
    return (struct text){(char *)(uintptr_t)text, text ? strlen(text) : 0};
}

static void win32_forms(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"\\??\\C:\\dir", "C:\\dir"},
        {"\\??\\C:", "C:"},
        {"\\??\\C:dir", "\\\\?\\C:dir"},
        {"\\??\\Volume" GUID "\\dir", "\\\\?\\Volume" GUID "\\dir"},
        {"\\??\\UNC\\s\\h", "\\\\s\\h"},
        {"\\??\\unc\\s\\h", "\\\\s\\h"},
        {"\\??\\UNC", "\\\\?\\UNC"},
        {"\\??\\GLOBALROOT\\Device\\x", "\\\\?\\GLOBALROOT\\Device\\x"},
        {"\\\\?\\C:\\dir", "\\\\?\\C:\\dir"},
        {"..\\dir", "..\\dir"},
        {"\\??\\", "\\\\?\\"},
        {"\\??", "\\??"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text name = view(rows[i][0]), out = {NULL, 0};
        assert_int_equal(names_win32(&name, &out), UTF_OK);
        assert_string_equal(out.bytes, rows[i][1]);
        assert_int_equal(out.length, strlen(rows[i][1]));
        text_clear(&out);
    }
    struct text absent = {NULL, 0}, out;
    assert_int_equal(names_win32(&absent, &out), UTF_OK);
    assert_null(out.bytes);
}

static void same_targets(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"\\??\\C:\\dir", "\\??\\C:\\dir", true},
        {"\\??\\C:\\dir", "\\??\\c:\\DIR\\", true},
        {"\\??\\C:\\", "\\??\\C:", true},
        {"\\??\\C:\\\xC3\xA9", "\\??\\C:\\\xC3\x89", true},
        {"\\??\\C:\\\xC3\x9F", "\\??\\C:\\ss", false},
        {"\\??\\C:\\dir", "\\??\\C:\\dir2", false},
        {"\\??\\C:\\dir", "\\??\\D:\\dir", false},
        {"\\??\\C:\\dir\\\\", "\\??\\C:\\dir", false},
        {"\\??\\C:\\\xFF", "\\??\\C:\\\xFE", false},
        {"", "\\", true},
        {NULL, "", false},
        {NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text a = view(rows[i].a), b = view(rows[i].b);
        if (names_same_target(&a, &b) != rows[i].same || names_same_target(&b, &a) != rows[i].same)
            fail_msg("row %d", (int)i);
    }
}

static void places(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum names_place place;
        char letter;
        const char *rest;
    } rows[] = {
        {"\\??\\c:\\dir", NAMES_DRIVE, 'C', "\\dir"},
        {"\\??\\C:", NAMES_DRIVE, 'C', ""},
        {"\\??\\C:dir", NAMES_OTHER, 0, NULL},
        {"\\??\\Volume" GUID "\\", NAMES_VOLUME, 0, "\\"},
        {"\\??\\VOLUME" GUID, NAMES_VOLUME, 0, ""},
        {"\\??\\Volume" GUID "\\a", NAMES_VOLUME, 0, "\\a"},
        {"\\??\\Volume" GUID "a", NAMES_OTHER, 0, NULL},
        {"\\??\\UNC\\server\\share", NAMES_REMOTE, 0, NULL},
        {"\\??\\UNC", NAMES_REMOTE, 0, NULL},
        {"\\??\\UNCLE", NAMES_OTHER, 0, NULL},
        {"\\\\server\\share", NAMES_REMOTE, 0, NULL},
        {"\\\\?\\C:\\x", NAMES_OTHER, 0, NULL},
        {"\\\\.\\pipe\\x", NAMES_OTHER, 0, NULL},
        {"\\\\", NAMES_OTHER, 0, NULL},
        {"C:\\x", NAMES_OTHER, 0, NULL},
        {"x", NAMES_OTHER, 0, NULL},
        {"", NAMES_OTHER, 0, NULL},
        {NULL, NAMES_OTHER, 0, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text name = view(rows[i].name);
        char letter = 'x';
        const char *rest = "x";
        if (names_place(&name, &letter, &rest) != rows[i].place || letter != rows[i].letter)
            fail_msg("row %d", (int)i);
        if (rows[i].rest)
            assert_string_equal(rest, rows[i].rest);
        else
            assert_null(rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components),       cmocka_unit_test(component_units),
        cmocka_unit_test(targets_accepted), cmocka_unit_test(targets_refused),
        cmocka_unit_test(target_length),    cmocka_unit_test(win32_forms),
        cmocka_unit_test(same_targets),     cmocka_unit_test(places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
