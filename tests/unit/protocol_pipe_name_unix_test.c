/* Names of sockets: what becomes of --pipe, and that nothing is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "protocol/pipe_name.h"

static void test_option(void **state)
{
    static const struct {
        const char *option, *name;
    } rows[] = {
        {"", NULL},
        {"junction", "/run/junction/junction.sock"},
        {"test", "/run/junction/test.sock"},
        {"/tmp/x", "/tmp/x"},
        {"./x", "./x"},
        {"a/b.sock", "a/b.sock"},
        {"%s%n", "/run/junction/%s%n.sock"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[PIPE_NAME_SIZE];
        int got = pipe_name_from_option(rows[i].option, out);
        assert_int_equal(got, rows[i].name ? 0 : -1);
        assert_string_equal(out, rows[i].name ? rows[i].name : "");
    }
}

static void test_length(void **state)
{
    (void)state;
    char option[2048];
    char out[PIPE_NAME_SIZE];
    for (size_t length = 1; length < sizeof option; length++) {
        memset(option, 'x', length);
        option[length] = 0;
        /* sun_path has 108 bytes, its NUL among them. */
        size_t full = length + strlen("/run/junction/.sock");
        assert_int_equal(pipe_name_from_option(option, out), full <= 107 ? 0 : -1);
        option[0] = '/';
        assert_int_equal(pipe_name_from_option(option, out), length <= 107 ? 0 : -1);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    char out[2][PIPE_NAME_SIZE];
    char service[PIPE_NAME_SIZE];
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    assert_int_equal(pipe_name_defaults(out), 2);
    assert_string_equal(out[0], "/run/junction/junction.sock");
    assert_string_equal(out[1], "/run/user/1000/junction/junction.sock");
    assert_int_equal(pipe_name_for_service(service), 0);
    assert_string_equal(service, geteuid() == 0 ? out[0] : out[1]);

    static const char *const useless[] = {"", "relative", NULL};
    for (size_t i = 0; i < 3; i++) {
        if (useless[i]) {
            setenv("XDG_RUNTIME_DIR", useless[i], 1);
        } else {
            unsetenv("XDG_RUNTIME_DIR");
        }
        assert_int_equal(pipe_name_defaults(out), 1);
        assert_int_equal(pipe_name_for_service(service), geteuid() == 0 ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
