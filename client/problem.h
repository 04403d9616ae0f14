/* Why something did not work: one shape for what the service answered and for what the client found
 * out by itself. */
#ifndef JUNCTION_PROBLEM_H
#define JUNCTION_PROBLEM_H

#include "../protocol/errors.h"
#include "../protocol/message.h"

/* Names that only the client gives, beside those of errors.h. */
#define PROBLEM_NO_SERVICE \
    "NO_SERVICE" /* nobody listens, or the connection ended before any answer */
#define PROBLEM_UNTRUSTED_SERVICE \
    "UNTRUSTED_SERVICE"                 /* whoever listens is not the service; nothing was sent */
#define PROBLEM_BAD_ANSWER "BAD_ANSWER" /* the other side does not speak the protocol */
#define PROBLEM_OUTPUT     "OUTPUT_FAILED" /* the results could not be written */

struct problem {
    const char *name; /* a constant; NULL for a number that this version does not know */
    int code;         /* number on the wire; 0 when the client found it out */
    enum exit_code exit;
    int os; /* 0: no system call is to blame */
    bool os_is_win32;
    struct text path; /* absent: about no path */
    char text[384];
};

/* Fills *problem, which must be zeroed or cleared. The number follows from the name where errors.h
 * has it. */
void problem_set(struct problem *problem, const char *name, enum exit_code exit, const char *format,
                 ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

void problem_no_memory(struct problem *problem);

/* Copies what the service said; a path that finds no memory is left out. */
void problem_from_error(struct problem *problem, const struct message_error *error);

void problem_clear(struct problem *problem);

#endif
