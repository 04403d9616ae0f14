/* Names of Windows pipes: what becomes of --pipe, and that nothing is cut. Pure text: proves
 * nothing about the pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/pipe_name.h"

static void test_option(void **state)
{
    static const struct {
        const char *option, *name;
    } rows[] = {
        {"", NULL},
        {"\\\\.\\pipe\\", NULL},
        {"\\\\server\\pipe\\x", NULL},
        {"\xFF", NULL},
        {"Test", "\\\\.\\pipe\\Test"},
        {"a/b", "\\\\.\\pipe\\a/b"},
        {"\\\\.\\pipe\\Test", "\\\\.\\pipe\\Test"},
        {"\\\\.\\PIPE\\Test", "\\\\.\\PIPE\\Test"},
        {"ProtectedPrefix\\Administrators\\Junction",
         "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Junction"},
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
        assert_int_equal(pipe_name_from_option(option, out),
                         length + strlen("\\\\.\\pipe\\") <= 256 ? 0 : -1);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    char out[2][PIPE_NAME_SIZE];
    char service[PIPE_NAME_SIZE];
    assert_int_equal(pipe_name_defaults(out), 1);
    assert_string_equal(out[0], "\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Junction");
    assert_int_equal(pipe_name_for_service(service), 0);
    assert_string_equal(service, "\\\\.\\pipe\\Junction.Console");
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
