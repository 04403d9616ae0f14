/* Events for the system's event log: which events of our log are told there, as which message, in
 * which words, and how many. What is here is pure and knows no system; event_win.c hands the
 * results to Windows. The messages themselves are in junctiond.mc.
 *
 * Text that a client could choose is only ever an insertion string. Viewers expand `%1` and `%%1`
 * inside of those too, and show control characters as they are: so `%`, `<`, control characters and
 * the marks that turn the direction of text appear as their number in hexadecimal, `<25>` for `%`;
 * what is too long ends in `<...>`. No other text can look like that, since `<` is escaped as well.
 */
#ifndef JUNCTION_EVENT_H
#define JUNCTION_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "log.h"

/* X(name, identifier, level): identifiers stay what they are, since people filter by them. */
#define EVENT_MESSAGES(X)              \
    X(STARTED, 100, LOG_INFO)          \
    X(STOPPED, 101, LOG_INFO)          \
    X(STOPPED_LEFT, 102, LOG_WARNING)  \
    X(STOPPING, 103, LOG_INFO)         \
    X(CONFIGURATION, 110, LOG_ERROR)   \
    X(START_FAILED, 111, LOG_ERROR)    \
    X(CREATED, 200, LOG_INFO)          \
    X(REPLACED, 201, LOG_INFO)         \
    X(DELETED, 202, LOG_INFO)          \
    X(CHANGE_FAILED, 203, LOG_WARNING) \
    X(REFUSED, 300, LOG_WARNING)       \
    X(STUCK, 400, LOG_WARNING)         \
    X(STUCK_ENDED, 401, LOG_INFO)      \
    X(DROPPED, 500, LOG_WARNING)

enum event_message {
#define X(name, identifier, level) EVENT_##name = (identifier),
    EVENT_MESSAGES(X)
#undef X
};

#define EVENT_INSERTS 5
#define EVENT_TEXT    4096 /* bytes of an insertion string with its NUL */

struct event_report {
    enum event_message message;
    enum log_level level;
    size_t count;
    char inserts[EVENT_INSERTS][EVENT_TEXT]; /* UTF-8, escaped */
    char identity[256];                      /* peer_key of who caused it; empty: nobody */
};

/* A bucket of tokens: that many events at once, and that many a second in the long run. */
#define EVENT_BURST      500u
#define EVENT_PER_SECOND 5u
/* Refusals are told together, this long after the first one. */
#define EVENT_SUMMARY_MS 300000u

struct event_state {
    uint64_t tokens; /* in thousandths */
    uint64_t refilled;
    uint64_t dropped;             /* since the last event that said so */
    uint64_t connections, denied; /* refused since `since` */
    uint64_t since;
    bool counting; /* `since` holds */
};

void event_state_init(struct event_state *state, uint64_t now_ms);

/* Escapes and cuts `text` (any bytes) into EVENT_TEXT bytes. */
void event_escape(char out[EVENT_TEXT], const char *text);

/* True when the event is to be told, as *report. What is only counted, or dropped, is not. */
bool event_judge(struct event_state *state, uint64_t now_ms, const char *event,
                 const struct log_field *fields, struct event_report *report);

/* Sums that are due, one at a time; `all`: whatever is there. Call until false. */
bool event_due(struct event_state *state, uint64_t now_ms, bool all, struct event_report *report);

/* The sink of a log: any thread, one state. */
struct event_sink {
    struct log_sink log_sink; /* for struct log */
    uv_mutex_t lock;
    struct event_state state;
    void (*tell)(void *context, const struct event_report *report); /* any thread */
    void *context;
};

/* 0, or -1 when the system has no lock to give. */
int event_sink_init(struct event_sink *sink,
                    void (*tell)(void *context, const struct event_report *report), void *context);
/* Tells what is still counted. */
void event_sink_flush(struct event_sink *sink);
/* The same, and no thread may use it any more. */
void event_sink_close(struct event_sink *sink);

#endif
