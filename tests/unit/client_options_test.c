/* The command line of the subcommands: what is accepted, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "client/options.h"

#define MAX_ARGUMENTS 8
#define ALL           (OPTIONS_CREATE | OPTIONS_DELETE | OPTIONS_SHOW | OPTIONS_LIST)

static int count_of(const char *const arguments[])
{
    int count = 0;

    while (arguments[count])
        count++;
    return count;
}

static int parse(struct options *options, unsigned sets, bool prefix, const char *const arguments[],
                 char why[256])
{
    options_init(options);
    why[0] = '\0';
    return options_parse(options, sets, prefix, count_of(arguments), arguments, why, 256);
}

static void test_refused(void **state)
{
    static const struct {
        unsigned sets;
        const char *arguments[MAX_ARGUMENTS];
        const char *words;
    } cases[] = {
        {ALL, {"--x"}, "no option --x"},
        {ALL, {"--=x"}, "no option --=x"},
        {ALL, {"-x"}, "no option -x"},
        {ALL, {"-sq"}, "no option -sq"},
        {ALL, {"--Format", "json"}, "no option --Format"},
        {ALL, {"--form", "json"}, "no option --form"},
        {ALL, {"--format"}, "--format needs a value"},
        {ALL, {"--format="}, "not ''"},
        {ALL, {"--format", "xml"}, "not 'xml'"},
        {ALL, {"--format", "JSON"}, "not 'JSON'"},
        {ALL, {"--format=html"}, "reserved"},
        {ALL, {"--timeout", "-1"}, "--timeout takes"},
        {ALL, {"--timeout", ""}, "--timeout takes"},
        {ALL, {"--timeout", "."}, "--timeout takes"},
        {ALL, {"--timeout", "nan"}, "--timeout takes"},
        {ALL, {"--timeout", "1e3"}, "--timeout takes"},
        {ALL, {"--timeout", "0x10"}, "--timeout takes"},
        {ALL, {"--timeout", "86400.001"}, "--timeout takes"},
        {ALL, {"--timeout", "99999999999999999999"}, "--timeout takes"},
        {ALL, {"--timeout", "1 "}, "--timeout takes"},
        {ALL, {"--pipe", ""}, "--pipe takes"},
        {ALL, {"--expect="}, "--expect takes"},
        {ALL, {"--drive", "CC"}, "--drive takes"},
        {ALL, {"--drive", ":"}, "--drive takes"},
        {ALL, {"--drive", ""}, "--drive takes"},
        {ALL, {"--drive", "C:\\"}, "--drive takes"},
        {ALL, {"--drive", "1:"}, "--drive takes"},
        {ALL, {"--type", "Junction"}, "junction, mountPoint, symlink"},
        {ALL, {"--type", ""}, "--type has no ''"},
        {ALL, {"--source", "disk"}, "--source takes"},
        {ALL, {"--quiet=yes"}, "--quiet takes no value"},
        {ALL, {"--replace="}, "--replace takes no value"},
        {OPTIONS_DELETE, {"--replace"}, "--replace does not belong"},
        {OPTIONS_CREATE, {"--check"}, "--check does not belong"},
        {OPTIONS_COMMON, {"-s"}, "--recurse does not belong"},
        {OPTIONS_SHOW, {"a", "--dry-run"}, "--dry-run does not belong"},
    };
    struct options options;
    char why[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&options, cases[i].sets, false, cases[i].arguments, why), -1);
        if (!strstr(why, cases[i].words))
            fail_msg("%s: '%s' is not in '%s'", cases[i].arguments[0], cases[i].words, why);
    }
}

static void test_long_argument_is_cut_in_the_message(void **state)
{
    char argument[5000], why[256];
    const char *arguments[] = {argument, NULL};
    struct options options;

    (void)state;
    memset(argument, 'x', sizeof argument);
    memcpy(argument, "--", 2);
    argument[sizeof argument - 1] = '\0';
    assert_int_equal(parse(&options, ALL, false, arguments, why), -1);
    assert_true(strlen(why) < sizeof why);
}

static void test_everything_at_once(void **state)
{
    static const char *const create[] = {"link",    "--replace",  "--parents", "--must-exist",
                                         "--drive", "d",          "--expect",  "--old",
                                         "target",  "--pipe=a=b", "-q",        NULL};
    static const char *const list[] = {
        "-s",       "--volume", "--verify", "--check", "--type=symlink", "--type", "junction",
        "--source", "index",    "--format", "jsonl",   "--no-progress",  NULL};
    struct options options;
    char why[256];

    (void)state;
    assert_int_equal(parse(&options, OPTIONS_CREATE, false, create, why), 11);
    assert_true(options.replace && options.parents && options.must_exist && options.quiet);
    assert_false(options.dry_run);
    assert_int_equal(options.drive, 'D');
    assert_string_equal(options.expect, "--old");
    assert_string_equal(options.pipe, "a=b");
    assert_int_equal(options.name_count, 2);
    assert_string_equal(options.names[0], "link");
    assert_string_equal(options.names[1], "target");
    assert_int_equal(options.format, FORMAT_TEXT);
    assert_int_equal(options.timeout_ms, 30000);

    assert_int_equal(parse(&options, OPTIONS_LIST, false, list, why), 12);
    assert_true(options.recurse && options.volume && options.verify && options.check);
    assert_true(options.no_progress);
    assert_int_equal(options.types, 1u << ENTRY_SYMLINK | 1u << ENTRY_JUNCTION);
    assert_int_equal(options.source, LIST_SOURCE_INDEX);
    assert_int_equal(options.format, FORMAT_JSONL);
    assert_int_equal(options.name_count, 0);
}

static void test_timeout(void **state)
{
    static const struct {
        const char *text;
        unsigned milliseconds;
    } cases[] = {{"0", 0},     {"0.0", 0},    {"1", 1000},   {"1.5", 1500},      {".25", 250},
                 {"2.", 2000}, {"0.0004", 1}, {"007", 7000}, {"86400", 86400000}};
    struct options options;
    char why[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *arguments[] = {"--timeout", cases[i].text, NULL};
        assert_int_equal(parse(&options, OPTIONS_COMMON, false, arguments, why), 2);
        assert_int_equal(options.timeout_ms, cases[i].milliseconds);
    }
}

static void test_names_behind_two_dashes(void **state)
{
    static const char *const arguments[] = {"-q", "--", "--replace", "-", NULL};
    static const char *const many[] = {"a", "b", "c", "d", NULL};
    static const char *const dash[] = {"-", NULL};
    struct options options;
    char why[256];

    (void)state;
    assert_int_equal(parse(&options, ALL, false, arguments, why), 4);
    assert_true(options.quiet);
    assert_false(options.replace);
    assert_int_equal(options.name_count, 2);
    assert_string_equal(options.names[0], "--replace");
    assert_string_equal(options.names[1], "-");

    assert_int_equal(parse(&options, ALL, false, many, why), 4);
    assert_int_equal(options.name_count, 4);
    assert_string_equal(options.names[1], "b");

    assert_int_equal(parse(&options, ALL, false, dash, why), 1);
    assert_string_equal(options.names[0], "-");
}

static void test_prefix(void **state)
{
    static const struct {
        const char *arguments[MAX_ARGUMENTS];
        int used;
        bool names_only;
    } cases[] = {
        {{NULL}, 0, false},
        {{"list", "--check"}, 0, false},
        {{"-s", "--check"}, 0, false}, /* a classic flag ends it */
        {{"/s"}, 0, false},
        {{"--pipe", "list", "list"}, 2, false},
        {{"--pipe=x", "--quiet", "-d", "a"}, 2, false},
        {{"--", "list"}, 1, true},
        {{"--quiet", "--", "--", "-d"}, 2, true},
        {{"--check", "list"}, -1, false}, /* belongs behind its command */
        {{"--nonsense"}, -1, false},
    };
    struct options options;
    char why[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&options, OPTIONS_COMMON, true, cases[i].arguments, why),
                         cases[i].used);
        assert_int_equal(options.names_only, cases[i].names_only);
        assert_int_equal(options.name_count, 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_argument_is_cut_in_the_message),
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_names_behind_two_dashes),
        cmocka_unit_test(test_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
