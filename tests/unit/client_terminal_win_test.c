/* Standard streams of Windows: what is written into pipes and files, in which bytes, and streams
 * that are none. Consoles are tested with the whole program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/terminal.h"

static HANDLE saved[3];
static const DWORD which[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};

static int keep(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        saved[i] = GetStdHandle(which[i]);
    return 0;
}

static int restore(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)SetStdHandle(which[i], saved[i]);
    return 0;
}

struct taker {
    HANDLE from, to, thread;
    char *bytes;
    size_t length, size;
};

static DWORD WINAPI take(void *context)
{
    struct taker *taker = context;
    DWORD got;
    while (taker->length < taker->size &&
           ReadFile(taker->from, taker->bytes + taker->length, (DWORD)(taker->size - taker->length),
                    &got, NULL))
        taker->length += got;
    return 0;
}

static void taker_start(struct taker *taker, size_t size)
{
    memset(taker, 0, sizeof *taker);
    taker->size = size;
    taker->bytes = calloc(1, size + 1);
    assert_non_null(taker->bytes);
    assert_true(CreatePipe(&taker->from, &taker->to, NULL, 0));
    taker->thread = CreateThread(NULL, 0, take, taker, 0, NULL);
    assert_non_null(taker->thread);
    assert_true(SetStdHandle(STD_OUTPUT_HANDLE, taker->to));
}

static void taker_end(struct taker *taker)
{
    CloseHandle(taker->to);
    WaitForSingleObject(taker->thread, INFINITE);
    CloseHandle(taker->thread);
    CloseHandle(taker->from);
}

static void test_bytes(void **state)
{
    /* The last two: half of a surrogate pair, and bytes that are no text. */
    static const struct {
        const char *text, *utf8;
        UINT page;
        const char *coded;
    } rows[] = {
        {"plain\r\n", "plain\r\n", 437, "plain\r\n"},
        {"gr\xC3\xBCn", "gr\xC3\xBCn", 437, "gr\x81n"},
        {"gr\xC3\xBCn", "gr\xC3\xBCn", 850, "gr\x81n"},
        {"gr\xC3\xBCn", "gr\xC3\xBCn", 1252, "gr\xFCn"},
        {"gr\xC3\xBCn", "gr\xC3\xBCn", CP_UTF8, "gr\xC3\xBCn"},
        {"\xE4\xB8\x96", "\xE4\xB8\x96", 437, "?"},
        {"", "", 437, ""},
        {"\xED\xA0\x80", "\xED\xA0\x80", 437, "?"},
        {"\xFF", "\xFF", 437, "\xFF"},
    };
    UINT page = GetConsoleOutputCP() != 0 ? GetConsoleOutputCP() : GetOEMCP();
    int compared = 0;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int code_page = 0; code_page < 2; code_page++) {
            const char *expected = code_page ? rows[i].coded : rows[i].utf8;
            struct taker taker;
            int os = 0;
            if (code_page && rows[i].page != page)
                continue; /* this system prints in another one */
            taker_start(&taker, 64);
            assert_int_equal(
                terminal_write(TERMINAL_OUT, code_page, rows[i].text, strlen(rows[i].text), &os),
                TERMINAL_WRITTEN);
            taker_end(&taker);
            assert_int_equal(taker.length, strlen(expected));
            assert_memory_equal(taker.bytes, expected, taker.length);
            free(taker.bytes);
            compared += code_page;
        }
    }
    print_message("code page %u: %d rows\n", page, compared);
    assert_false(terminal_is_interactive(TERMINAL_OUT));
}

#define MUCH ((size_t)3 * 1024 * 1024 + 7)

static void test_much(void **state)
{
    char *bytes = malloc(MUCH);
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)('a' + i % 23);
    for (int blocking = 0; blocking < 2; blocking++) {
        struct taker taker;
        DWORD mode = PIPE_READMODE_BYTE | PIPE_NOWAIT;
        int os = 0;
        taker_start(&taker, MUCH);
        if (!blocking)
            assert_true(SetNamedPipeHandleState(taker.to, &mode, NULL, NULL));
        assert_int_equal(terminal_write(TERMINAL_OUT, false, bytes, MUCH, &os), TERMINAL_WRITTEN);
        taker_end(&taker);
        assert_int_equal(taker.length, MUCH);
        assert_memory_equal(taker.bytes, bytes, MUCH);
        free(taker.bytes);
    }
    free(bytes);
}

static void test_reader_has_gone(void **state)
{
    HANDLE from, to;
    int os = 0;
    (void)state;
    assert_true(CreatePipe(&from, &to, NULL, 0));
    CloseHandle(from);
    assert_true(SetStdHandle(STD_OUTPUT_HANDLE, to));
    assert_int_equal(terminal_write(TERMINAL_OUT, false, "x", 1, &os), TERMINAL_CLOSED);
    CloseHandle(to);
}

static void test_cannot_be_written(void **state)
{
    HANDLE from, to;
    int os = 0;
    (void)state;
    assert_true(CreatePipe(&from, &to, NULL, 0));
    assert_true(SetStdHandle(STD_OUTPUT_HANDLE, from));
    assert_int_equal(terminal_write(TERMINAL_OUT, false, "x", 1, &os), TERMINAL_FAILED);
    assert_int_equal(os, ERROR_ACCESS_DENIED);
    CloseHandle(from);
    CloseHandle(to);
}

static void test_none(void **state)
{
    static const HANDLE none[] = {NULL, INVALID_HANDLE_VALUE};
    int os = 0;
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(SetStdHandle(STD_OUTPUT_HANDLE, none[i]));
        terminal_prepare();
        assert_int_equal(terminal_write(TERMINAL_OUT, false, "x", 1, &os), TERMINAL_WRITTEN);
        assert_int_equal(terminal_write(TERMINAL_OUT, true, "x", 1, &os), TERMINAL_WRITTEN);
        assert_false(terminal_is_interactive(TERMINAL_OUT));
        assert_int_equal(terminal_width(TERMINAL_OUT), 80);
    }
}

/* A number that stands for nothing is forgotten at the start, before something gets it. */
static void test_stale_numbers(void **state)
{
    HANDLE from, to, event = CreateEventW(NULL, TRUE, FALSE, NULL);
    char byte = 0;
    DWORD got = 0;
    int os = 0;
    (void)state;
    assert_true(CreatePipe(&from, &to, NULL, 0));
    assert_true(SetStdHandle(STD_INPUT_HANDLE, event));
    assert_true(SetStdHandle(STD_OUTPUT_HANDLE, (HANDLE)(ULONG_PTR)0x123454));
    assert_true(SetStdHandle(STD_ERROR_HANDLE, to));
    terminal_prepare();
    assert_null(GetStdHandle(STD_INPUT_HANDLE));
    assert_null(GetStdHandle(STD_OUTPUT_HANDLE));
    assert_ptr_equal(GetStdHandle(STD_ERROR_HANDLE), to);
    assert_int_equal(terminal_write(TERMINAL_OUT, false, "x", 1, &os), TERMINAL_WRITTEN);
    assert_int_equal(terminal_write(TERMINAL_ERR, false, "y", 1, &os), TERMINAL_WRITTEN);
    assert_true(ReadFile(from, &byte, 1, &got, NULL));
    assert_int_equal(byte, 'y');
    CloseHandle(from);
    CloseHandle(to);
    CloseHandle(event);
}

static void test_no_boxes(void **state)
{
    const UINT wanted = SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX;
    (void)state;
    (void)SetErrorMode(0);
    terminal_prepare();
    assert_int_equal(GetErrorMode() & wanted, wanted);
}

static void test_error_text(void **state)
{
    char text[256];
    (void)state;
    terminal_error_text(ERROR_ACCESS_DENIED, true, text, sizeof text);
    assert_true(strlen(text) > 0);
    assert_null(strpbrk(text, "\r\n"));
    terminal_error_text(0x7FFFFFFF, true, text, sizeof text);
    assert_string_equal(text, "Win32 error 2147483647");
    terminal_error_text(13, false, text, sizeof text);
    assert_string_equal(text, "errno 13");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bytes, keep, restore),
        cmocka_unit_test_setup_teardown(test_much, keep, restore),
        cmocka_unit_test_setup_teardown(test_reader_has_gone, keep, restore),
        cmocka_unit_test_setup_teardown(test_cannot_be_written, keep, restore),
        cmocka_unit_test_setup_teardown(test_none, keep, restore),
        cmocka_unit_test_setup_teardown(test_stale_numbers, keep, restore),
        cmocka_unit_test_setup_teardown(test_no_boxes, keep, restore),
        cmocka_unit_test_setup_teardown(test_error_text, keep, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
