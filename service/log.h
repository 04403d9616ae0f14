/* Structured log: one JSON object a line on standard error, safe against hostile names, and where
 * the host has a log of its own (the event log of Windows), what that makes of the same events.
 *
 *     log_event(log, LOG_INFO, "listening", LOG_TEXT("pipe", name), LOG_NUMBER("limit", 256));
 */
#ifndef JUNCTION_LOG_H
#define JUNCTION_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_field;

/* Where events go besides the lines. It gets all of them, whatever the level, and chooses itself.
 * Both functions may be called by any thread. */
struct log_sink {
    void (*write)(void *context, enum log_level level, const char *event,
                  const struct log_field *fields);
    /* Now and then, so that what was only counted is told. */
    void (*tick)(void *context);
    void *context;
};

struct log {
    enum log_level level;        /* the most talkative level that is written as a line */
    int descriptor;              /* of the lines; -1: none are written */
    const struct log_sink *sink; /* NULL: none */
};

struct log_field {
    const char *name; /* NULL ends a list */
    const char *text; /* NULL: a number */
    int64_t number;
};
#define LOG_TEXT(name, text) \
    {                        \
        (name), (text), 0    \
    }
#define LOG_NUMBER(name, number)        \
    {                                   \
        (name), NULL, (int64_t)(number) \
    }

/* At least one field. Fields with a NULL text are written as numbers. A line longer than 8 KiB
 * loses its last fields. */
#define log_event(log, level, event, ...) \
    log_write((log), (level), (event), (const struct log_field[]){__VA_ARGS__, {NULL, NULL, 0}})
void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields);

/* Whether an event of the level goes anywhere: saves gathering its fields. */
bool log_wants(const struct log *log, enum log_level level);

/* "error", "warning", "info", "debug"; -1 when there is no such level. */
int log_level_find(const char *name);
const char *log_level_name(enum log_level level);

#endif
