/* JSON-RPC 2.0, the strict subset of protocol.md: envelopes and ids, typed on both sides.
 *
 * All `char *` lines returned here are malloc'ed, end with "\n" and a NUL (not counted in *length;
 * the "\n" is), and are NULL only when memory is out. */
#ifndef JUNCTION_MESSAGE_H
#define JUNCTION_MESSAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "utf.h"

#define MESSAGE_ID_MAX 64 /* bytes of a string id */

/* An id: nothing (null in an answer), an integer of at most 2^53 in size, or a string of 1..64
 * bytes. */
struct message_id {
    enum { MESSAGE_ID_NONE, MESSAGE_ID_NUMBER, MESSAGE_ID_STRING } kind;
    int64_t number;
    char string[MESSAGE_ID_MAX + 1];
};

bool message_id_equal(const struct message_id *a, const struct message_id *b);

/* An error as it travels: code from errors.h; os 0 when no system call failed. */
struct message_error {
    int code;
    int os; /* errno or Win32 code, named after the platform of the service */
    bool os_is_win32;
    struct text path; /* absent when the error is about no path */
    char text[256]; /* the short text, made more exact where there is something to add; never empty
                     */
};

/* Fills code and the table's text; everything else is cleared. */
void message_error_set(struct message_error *error, int code);
/* The same with a text of its own (printf); what does not fit is cut between characters. */
void message_error_setf(struct message_error *error, int code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
void message_error_clear(struct message_error *error); /* frees the path */

/* {code,message,data:{name,os?,path?}}, as it stands in answers and in entries; NULL when memory is
 * out. */
cJSON *message_error_write(const struct message_error *error);
/* 0 and *out is filled (message_error_clear it), -1 not acceptable, -2 no memory. */
int message_error_read(const cJSON *json, struct message_error *out);

/* {"jsonrpc":"2.0","id":…,"result":…}. Takes ownership of `result` (also on failure); a NULL result
 * fails. */
char *message_result(const struct message_id *id, cJSON *result, size_t *length);
/* {"jsonrpc":"2.0","id":…,"error":{code,message,data:{name,os?,path?}}} */
char *message_failure(const struct message_id *id, const struct message_error *error,
                      size_t *length);
/* {"jsonrpc":"2.0","method":…,"params":…}: takes ownership of `params`, which may be NULL for none.
 * With an id (neither NULL nor NONE) it is a request. */
char *message_call(const struct message_id *id, const char *method, cJSON *params, size_t *length);

/* What a client reads. Unknown members are ignored, as the contract demands. */
struct message_incoming {
    enum { MESSAGE_RESULT, MESSAGE_FAILURE, MESSAGE_NOTIFICATION } kind;
    struct message_id id;       /* of an answer; NONE for a notification */
    const char *method;         /* of a notification */
    const cJSON *body;          /* result or params (NULL: none): borrowed from `tree` */
    struct message_error error; /* of a failure */
    cJSON *tree;
};

/* 0, or -1 with *why. On success message_incoming_clear frees it. */
int message_read(const char *line, size_t length, struct message_incoming *out, const char **why);
void message_incoming_clear(struct message_incoming *incoming);

/* Members that hold names: X is valid UTF-8; where the true name is not, or holds a NUL, X has
 * U+FFFD and XUtf16 the truth (UTF-16LE, hex). Bytes that are not even WTF-8 (a Linux path outside
 * an NTFS volume) have no such truth: X alone is written, with U+FFFD. An absent text adds nothing.
 * `name` (at most 40 bytes) is copied. False when memory is out. */
bool message_put_text(cJSON *object, const char *name, const struct text *text);
/* Reads X, or XUtf16 where it is present (which then wins). 1 read, 0 absent, -1 not acceptable, -2
 * no memory. */
int message_get_text(const cJSON *object, const char *name, struct text *out);

/* An id as a member, such as in `reparse.entries` and `cancel`; NONE is written as null. */
bool message_put_id(cJSON *object, const char *name, const struct message_id *id);
/* 1 read, 0 absent or null (*out is NONE then), -1 not acceptable. */
int message_get_id(const cJSON *object, const char *name, struct message_id *out);

#endif
