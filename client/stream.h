/* Buffered output that remembers its first failure, and makes names harmless.
 *
 * Pieces are handed on whole, so a character is never cut in two. */
#ifndef JUNCTION_STREAM_H
#define JUNCTION_STREAM_H

#include "terminal.h"

/* Writes all of it or says why not. */
typedef enum terminal_result (*stream_write)(void *context, const char *bytes, size_t length,
                                             int *os);

struct stream {
    stream_write write;
    void *context;
    enum terminal_stream standard; /* for streams of stream_standard */
    bool code_page;
    bool
        interactive; /* names are shown to a person: everything that could deceive him is escaped */
    enum terminal_result result; /* of everything so far; after a failure nothing more is written */
    int os;
    size_t length;
    char buffer[16384];
};

void stream_init(struct stream *stream, stream_write write, void *context, bool interactive);

/* Standard output or error. `code_page`: see terminal_write. The stream must not move afterwards.
 */
void stream_standard(struct stream *stream, enum terminal_stream standard, bool code_page);

void stream_put(struct stream *stream, const char *bytes, size_t length);
void stream_string(struct stream *stream, const char *string);

/* For numbers and constants; what is longer than 1000 bytes is cut. */
void stream_format(struct stream *stream, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* A name or a message from outside. Control characters become \xNN or \u{N} everywhere; on a
 * terminal so do bidirectional overrides, invisible characters, lone surrogates and bytes that are
 * no UTF-8, which into a file or a pipe go as they are. */
void stream_name(struct stream *stream, const char *bytes, size_t length);

/* JSON text: what stream_name would escape on a terminal becomes \uNNNN, which means the same to
 * every reader. */
void stream_json(struct stream *stream, const char *json);

/* True while everything was written. */
bool stream_flush(struct stream *stream);

#endif
