#include "terminal.h"

#include <windows.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/utf.h"

const bool terminal_codes_are_win32 = true;
const int terminal_error_exists = ERROR_ALREADY_EXISTS;
const int terminal_error_memory = ERROR_NOT_ENOUGH_MEMORY;

/* A parent can leave the number of a handle here that is none, or none for output: what is opened
 * next may get that number, and results would be written into the connection. */
static void forget_invalid(DWORD which)
{
    HANDLE handle = GetStdHandle(which);

    if (handle == NULL || handle == INVALID_HANDLE_VALUE)
        return;
    SetLastError(NO_ERROR);
    if (GetFileType(handle) == FILE_TYPE_UNKNOWN && GetLastError() != NO_ERROR)
        (void)SetStdHandle(which, NULL);
}

void terminal_prepare(void)
{
    /* No box may ask a question that nobody sees. */
    (void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    forget_invalid(STD_INPUT_HANDLE);
    forget_invalid(STD_OUTPUT_HANDLE);
    forget_invalid(STD_ERROR_HANDLE);
}

static HANDLE handle_of(enum terminal_stream stream)
{
    return GetStdHandle(stream == TERMINAL_OUT ? STD_OUTPUT_HANDLE : STD_ERROR_HANDLE);
}

bool terminal_is_interactive(enum terminal_stream stream)
{
    DWORD mode;

    return GetConsoleMode(handle_of(stream), &mode) != 0;
}

unsigned terminal_width(enum terminal_stream stream)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (GetConsoleScreenBufferInfo(handle_of(stream), &info) && info.dwSize.X > 0)
        return (unsigned)info.dwSize.X;
    return 80;
}

static enum terminal_result failure(int *os)
{
    DWORD code = GetLastError();

    *os = (int)code;
    return code == ERROR_BROKEN_PIPE || code == ERROR_NO_DATA || code == ERROR_PIPE_NOT_CONNECTED
               ? TERMINAL_CLOSED
               : TERMINAL_FAILED;
}

static enum terminal_result write_console(HANDLE handle, const WCHAR *units, size_t count, int *os)
{
    while (count > 0) {
        /* Older consoles take at most some 32 KiB at a time. */
        DWORD part = count > 8192 ? 8192 : (DWORD)count;
        DWORD written = 0;
        if (part < count && units[part - 1] >= 0xD800 && units[part - 1] < 0xDC00)
            part--;
        if (!WriteConsoleW(handle, units, part, &written, NULL))
            return failure(os);
        if (written == 0)
            return TERMINAL_CLOSED;
        units += written;
        count -= written;
    }
    return TERMINAL_WRITTEN;
}

static enum terminal_result write_bytes(HANDLE handle, const char *bytes, size_t length, int *os)
{
    while (length > 0) {
        DWORD part = length > 0x100000 ? 0x100000 : (DWORD)length;
        DWORD written = 0;
        if (!WriteFile(handle, bytes, part, &written, NULL))
            return failure(os);
        if (written == 0)
            Sleep(1); /* a pipe that a parent made non-blocking (PIPE_NOWAIT), and that is full */
        bytes += written;
        length -= written;
    }
    return TERMINAL_WRITTEN;
}

enum terminal_result terminal_write(enum terminal_stream stream, bool code_page, const char *bytes,
                                    size_t length, int *os)
{
    HANDLE handle = handle_of(stream);
    bool console = terminal_is_interactive(stream);
    enum terminal_result result = TERMINAL_FAILED;
    uint16_t *units = NULL;
    char *converted = NULL;
    size_t count = 0;
    UINT page;
    int size;

    /* What a service or a program with windows starts has no streams, and nobody who would miss
     * what is said there. */
    if (handle == NULL || handle == INVALID_HANDLE_VALUE)
        return TERMINAL_WRITTEN;
    if (!console && !code_page)
        return write_bytes(handle, bytes, length, os);

    if (wtf8_to_utf16(bytes, length, &units, &count) != UTF_OK)
        return write_bytes(handle, bytes, length, os);
    if (console) {
        result = write_console(handle, (const WCHAR *)units, count, os);
        goto done;
    }
    page = GetConsoleOutputCP();
    if (page == 0)
        page = GetOEMCP();
    if (count == 0) {
        result = TERMINAL_WRITTEN;
        goto done;
    }
    size = WideCharToMultiByte(page, 0, (const WCHAR *)units, (int)count, NULL, 0, NULL, NULL);
    converted = size > 0 ? malloc((size_t)size) : NULL;
    if (!converted) {
        *os = ERROR_NOT_ENOUGH_MEMORY;
        goto done;
    }
    size =
        WideCharToMultiByte(page, 0, (const WCHAR *)units, (int)count, converted, size, NULL, NULL);
    if (size <= 0) {
        *os = (int)GetLastError();
        goto done;
    }
    result = write_bytes(handle, converted, (size_t)size, os);
done:
    free(converted);
    free(units);
    return result;
}

void terminal_error_text(int code, bool is_win32, char *out, size_t size)
{
    WCHAR wide[256];
    struct text text = {NULL, 0};
    DWORD length;

    if (!is_win32) {
        (void)snprintf(out, size, "errno %d", code);
        return;
    }
    length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                            (DWORD)code, 0, wide, sizeof wide / sizeof *wide, NULL);
    while (length > 0 && (wide[length - 1] <= ' '))
        length--;
    if (length == 0 || utf16_to_wtf8((const uint16_t *)wide, length, &text) != UTF_OK ||
        text.length >= size)
        (void)snprintf(out, size, "Win32 error %d", code);
    else
        memcpy(out, text.bytes, text.length + 1);
    text_clear(&text);
}
