/* The classic grammar on both kinds of system, and its records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/classic.h"
#include "client/classic_record.h"
#include "client_golden.h"

static const struct resolve_system windows = {true, true, true, "\r\n", "\\\\?\\"};
static const struct resolve_system linux_system = {false, false, false, "\n", ""};

static void test_grammar(void **state)
{
    static const struct {
        const char *arguments[5];
        enum classic_action on_windows, on_linux;
        const char *flags; /* of s, q, n, on Windows */
    } cases[] = {
        {{NULL}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-?"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"/?"}, CLASSIC_USAGE, CLASSIC_SHOW, ""},
        {{"-x"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-ss"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-sq", "a"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"--recurse", "a"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"a", "b", "c"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-d"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-d", "a", "b"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{"-d", "-s", "a"}, CLASSIC_USAGE, CLASSIC_USAGE, "s"},
        {{"-q", "a", "-D"}, CLASSIC_USAGE, CLASSIC_USAGE, "q"},
        {{"-d", "a"}, CLASSIC_DELETE, CLASSIC_DELETE, ""},
        {{"a", "-D"}, CLASSIC_DELETE, CLASSIC_DELETE, ""},
        {{"/d", "a"}, CLASSIC_DELETE, CLASSIC_CREATE, ""},
        {{"-d", "-nobanner", "-accepteula", "a"}, CLASSIC_DELETE, CLASSIC_DELETE, "n"},
        {{"a", "b"}, CLASSIC_CREATE, CLASSIC_CREATE, ""},
        {{"-s", "a", "b"}, CLASSIC_CREATE, CLASSIC_CREATE, "s"},
        {{"-S", "-Q", "a", "b"}, CLASSIC_CREATE, CLASSIC_CREATE, "sq"},
        {{"a", "-q", "b", "-s"}, CLASSIC_CREATE, CLASSIC_CREATE, "sq"},
        {{"list", "b"}, CLASSIC_CREATE, CLASSIC_CREATE, ""},
        {{"/a", "/b"}, CLASSIC_USAGE, CLASSIC_CREATE, ""},
        {{"a"}, CLASSIC_SHOW, CLASSIC_SHOW, ""},
        {{"-s"}, CLASSIC_SHOW, CLASSIC_SHOW, "s"},
        {{"/S", "/Q"}, CLASSIC_SHOW, CLASSIC_CREATE, "sq"},
        {{"-nobanner"}, CLASSIC_SHOW, CLASSIC_SHOW, "n"},
        {{"-NoBanner", "-q", "."}, CLASSIC_SHOW, CLASSIC_SHOW, "qn"},
        {{"-accepteula"}, CLASSIC_NOTHING, CLASSIC_NOTHING, ""},
        {{"/AcceptEula"}, CLASSIC_NOTHING, CLASSIC_SHOW, ""},
        {{"-accepteula", "-nobanner"}, CLASSIC_NOTHING, CLASSIC_NOTHING, "n"},
        {{"-accepteula", "-s"}, CLASSIC_SHOW, CLASSIC_SHOW, "s"},
        {{"-accepteula", "a"}, CLASSIC_SHOW, CLASSIC_SHOW, ""},
        {{"-accepteulas"}, CLASSIC_USAGE, CLASSIC_USAGE, ""},
        {{""}, CLASSIC_SHOW, CLASSIC_SHOW, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct classic classic;
        int count = 0;
        while (count < 5 && cases[i].arguments[count])
            count++;
        classic_parse(count, cases[i].arguments, false, &linux_system, &classic);
        if (classic.action != cases[i].on_linux)
            fail_msg("case %zu on Linux: %d", i, (int)classic.action);
        classic_parse(count, cases[i].arguments, false, &windows, &classic);
        if (classic.action != cases[i].on_windows)
            fail_msg("case %zu on Windows: %d", i, (int)classic.action);
        if (classic.recurse != (strchr(cases[i].flags, 's') != NULL) ||
            classic.quiet != (strchr(cases[i].flags, 'q') != NULL) ||
            classic.no_banner != (strchr(cases[i].flags, 'n') != NULL))
            fail_msg("case %zu: flags", i);
    }
}

static void test_names(void **state)
{
    static const char *const flags_between[] = {"-s", "link", "-q", "target"};
    static const char *const verbatim[] = {"-d", "/s"};
    struct classic classic;

    (void)state;
    classic_parse(4, flags_between, false, &windows, &classic);
    assert_string_equal(classic.names[0], "link");
    assert_string_equal(classic.names[1], "target");
    classic_parse(2, verbatim, true, &windows, &classic);
    assert_int_equal(classic.action, CLASSIC_CREATE);
    assert_string_equal(classic.names[0], "-d");
    classic_parse(1, flags_between, false, &linux_system, &classic);
    assert_null(classic.names[0]);
}

static void test_leaf(void **state)
{
    static const struct {
        const char *name;
        size_t on_windows, on_linux;
    } cases[] = {
        {"", 0, 0},      {"a*", 0, 0},     {"c:\\d\\*", 5, 0},     {"c:*", 2, 0},
        {"/a/b*", 3, 3}, {"a\\b/c", 4, 4}, {"\\\\?\\C:\\*", 7, 0}, {"ab:c", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(classic_leaf(cases[i].name, &windows), cases[i].on_windows);
        assert_int_equal(classic_leaf(cases[i].name, &linux_system), cases[i].on_linux);
    }
}

static void test_records(void **state)
{
    static const struct {
        uint32_t tag;
        const char *path, *substitute, *print;
    } cases[] = {
        {0xA0000003, "\\\\?\\C:\\Users\\n\\apps\\7zip\\current",
         "\\??\\C:\\Users\\n\\apps\\7zip\\23.01", ""},
        {0xA0000003, "c:\\both", "\\??\\C:\\x", "C:\\x"},
        {0xA0000003, "c:\\Users\\Public", "\\??\\Volume{2f5b6ca6-0000-0000-0000-100000000000}\\",
         "\\??\\Volume{2f5b6ca6-0000-0000-0000-100000000000}\\"},
        {0xA0000003, "c:\\in-volume", "\\??\\Volume{g}\\dir", ""},
        {0xA0000003, "c:\\malformed", "", ""},
        {0xA0000003, "c:\\short", "\\??", ""},
        {0xA000000C, "\\\\?\\C:\\Users\\n\\bin\\code", "VSCodium-win32-x64", "VSCodium-win32-x64"},
        {0xA000000C, "c:\\absolute", "\\??\\C:\\x", "C:\\x"},
        {0xA000001D, "c:\\wsl", "/etc/passwd", ""},
        {0xC0000004, "c:\\hsm", "", ""},
        {0x80000007, "c:\\sis", "", ""},
        {0x8000000A, "c:\\dfs", "", ""},
        {0x00000044, "c:\\dropbox", "", ""},
        {0x20000054, "c:\\evil\x1B[2J\nname: JUNCTION", "a\nb", ""},
    };
    static struct golden sink;
    static struct stream stream;

    (void)state;
    for (int on_windows = 0; on_windows < 2; on_windows++) {
        memset(&sink, 0, sizeof sink);
        stream_init(&stream, golden_write, &sink, false);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct entry entry;
            memset(&entry, 0, sizeof entry);
            entry.tag = cases[i].tag;
            assert_int_equal(text_set_string(&entry.substitute_name, cases[i].substitute), UTF_OK);
            assert_int_equal(text_set_string(&entry.print_name, cases[i].print), UTF_OK);
            classic_record_print(&stream, on_windows ? &windows : &linux_system, cases[i].path,
                                 strlen(cases[i].path), &entry);
            entry_clear(&entry);
        }
        (void)stream_flush(&stream);
        golden_compare(&sink,
                       on_windows ? "classic-records-windows.txt" : "classic-records-linux.txt");
    }
    assert_false(golden_is_written());
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_leaf),
        cmocka_unit_test(test_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
