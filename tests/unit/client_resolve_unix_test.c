/* Names as typed -> absolute names, in a directory of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/resolve.h"

static char root[4096];

static int setup(void **state)
{
    char template[] = "/tmp/junction-resolve-XXXXXX";

    (void)state;
    if (!mkdtemp(template) || !realpath(template, root) || chdir(root) != 0)
        return -1;
    return mkdir("d", 0755) != 0 || mkdir("d/e", 0755) != 0 || symlink("d", "link") != 0 ||
           symlink("nowhere", "broken") != 0 || symlink("loop", "loop") != 0 ||
           symlink("../d", "d/up") != 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink("link") || unlink("broken") || unlink("loop") || unlink("d/up") || rmdir("d/e") ||
           rmdir("d") || chdir("/") || rmdir(root);
}

/* `want` begins below the test's directory, or with '/' for the root of everything. */
static void check(const char *name, bool target, const char *want)
{
    struct problem problem = {0};
    struct text got = {NULL, 0};
    char expected[9000];
    int result = target ? resolve_target(name, &got, &problem) : resolve_path(name, &got, &problem);

    if (result != 0)
        fail_msg("'%s': %s", name, problem.text);
    if (want[0] == '/' || target)
        (void)snprintf(expected, sizeof expected, "%s", want);
    else
        (void)snprintf(expected, sizeof expected, "%s%s%s", root, *want ? "/" : "", want);
    assert_string_equal(got.bytes, expected);
    assert_int_equal(got.length, strlen(expected));
    text_clear(&got);
}

static void test_paths(void **state)
{
    static const struct {
        const char *name, *want;
    } cases[] = {
        {"d", "d"},
        {"./d", "d"},
        {"d/", "d"},
        {"d///", "d"},
        {"d//e", "d/e"},
        {".", ""},
        {"./", ""},
        {"d/..", ""},
        {"d/../", ""},
        {"link", "link"}, /* the last component is never followed */
        {"link/", "link"},
        {"link//", "link"},
        {"link/e", "d/e"}, /* those above it are */
        {"link/up", "d/up"},
        {"link/up/e", "d/e"},
        {"link/.", "d"},
        {"link/..", ""},
        {"broken", "broken"},
        {"loop", "loop"},
        {"missing", "missing"},
        {"missing/a/b", "missing/a/b"},
        {"link/missing/a", "d/missing/a"},
        {"link/missing/../a", "d/missing/../a"}, /* what is not there is not guessed at */
        {"loop/a", "loop/a"},
        {"*", "*"},
        {"-x", "-x"},
        {"a\nb", "a\nb"},
        {"/", "/"},
        {"//", "/"},
        {"/..", "/"},
        {"/no-such-directory/x/y", "/no-such-directory/x/y"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].name, false, cases[i].want);
}

static void test_targets(void **state)
{
    static const struct {
        const char *name;
        bool below;
        const char *want;
    } cases[] = {
        {"C:\\x", false, "C:\\x"},
        {"c:", false, "c:"},
        {"z:relative/..", false, "z:relative/.."},
        {"\\\\?\\C:\\x\\", false, "\\\\?\\C:\\x\\"},
        {"\\\\?\\Volume{x}\\", false, "\\\\?\\Volume{x}\\"},
        {"\\x", false, "\\x"},
        {"d", true, "/d"},
        {"link/e", true, "/d/e"},
        {"link", true, "/link"},
        {"./c:x", true, "/c:x"},
        {"missing/../a", true, "/a"},
        {"missing/./a//b/..", true, "/missing/a"},
        {"missing/../..", true, "/.."},
        {"1:x", true, "/1:x"},
        {"/no-such/../..", false, "/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char want[9000];
        if (strcmp(cases[i].want, "/..") == 0) {
            char *slash;
            (void)snprintf(want, sizeof want, "%s", root);
            slash = strrchr(want, '/');
            *(slash == want ? slash + 1 : slash) = '\0';
        } else {
            (void)snprintf(want, sizeof want, "%s%s", cases[i].below ? root : "", cases[i].want);
        }
        check(cases[i].name, true, want);
    }
}

static void test_refused(void **state)
{
    static char long_name[40000];
    static const struct {
        const char *name;
        const char *code, *target_code;
    } cases[] = {
        {"", "INVALID_PATH", "INVALID_TARGET"},
        {"a\xFFz", "INVALID_PATH", "INVALID_TARGET"},
        {"\xC0\xAF", "INVALID_PATH", "INVALID_TARGET"},
        {long_name, "INVALID_PATH", "INVALID_TARGET"},
    };

    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct problem problem = {0};
        struct text got = {NULL, 0};
        assert_int_equal(resolve_path(cases[i].name, &got, &problem), -1);
        assert_string_equal(problem.name, cases[i].code);
        assert_int_equal(problem.exit, EXIT_INVALID_NAME);
        assert_null(got.bytes);
        assert_int_equal(resolve_target(cases[i].name, &got, &problem), -1);
        assert_string_equal(problem.name, cases[i].target_code);
        assert_null(got.bytes);
        problem_clear(&problem);
    }
}

/* Longer than PATH_MAX, which the system's own resolver refuses: passed on, absolute. */
static void test_longer_than_the_system_takes(void **state)
{
    char name[6000], want[12000];

    (void)state;
    for (size_t i = 0; i < sizeof name - 1; i++)
        name[i] = i % 2 ? '/' : 'x';
    name[sizeof name - 2] = 'x';
    name[sizeof name - 1] = '\0';
    (void)snprintf(want, sizeof want, "%s/%s", root, name);
    check(name, false, want);
}

static void test_surrogate_and_existence(void **state)
{
    (void)state;
    check("\xED\xA0\x80", false, "\xED\xA0\x80"); /* as ntfs-3g shows a lone surrogate */
    assert_true(resolve_exists("broken"));
    assert_false(resolve_exists("missing"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_longer_than_the_system_takes),
        cmocka_unit_test(test_surrogate_and_existence),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
