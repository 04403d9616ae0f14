/* The system's side of input and output: standard streams, the system's own words for
 * its errors. */
#ifndef JUNCTION_TERMINAL_H
#define JUNCTION_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

enum terminal_stream { TERMINAL_OUT, TERMINAL_ERR };

enum terminal_result {
    TERMINAL_WRITTEN,
    TERMINAL_CLOSED, /* whoever read has gone: nothing to complain about */
    TERMINAL_FAILED  /* *os has the system's error number */
};

/* To be called first. Makes a closed pipe a result instead of the end of the process (POSIX), lets
 * no box ask a question, and takes a handle that is none for no stream (Windows). */
void terminal_prepare(void);

bool terminal_is_interactive(enum terminal_stream stream);

/* Columns of the terminal behind the stream; 80 when it does not tell. */
unsigned terminal_width(enum terminal_stream stream);

/* Writes all of it. A stream that POSIX programs closed is a failure; on Windows, where what has no
 * console is often started without any, what is written to none is gone. To a console as text, to
 * anything else as it is; with `code_page`, on Windows, in the code page that the console prints
 * with, which is what programs decode that know the classic tool. */
enum terminal_result terminal_write(enum terminal_stream stream, bool code_page, const char *bytes,
                                    size_t length, int *os);

/* What this system says about an errno or a Win32 code; for a number of the other kind just the
 * number. Never empty. */
void terminal_error_text(int code, bool is_win32, char *out, size_t size);

/* Which kind of numbers this system's own errors are. */
extern const bool terminal_codes_are_win32;

/* This system's numbers for "is there already" and "no memory". */
extern const int terminal_error_exists, terminal_error_memory;

#endif
