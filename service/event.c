#include "event.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/utf.h"

/* ---- text ---- */

#define CUT "<...>"

/* Characters that could make a line look like something else: controls (C0, DEL, C1), line and
 * paragraph separators, direction marks, and what cannot be seen at all. */
static bool is_deceiving(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0x61c ||
           c == 0xfeff || (c >= 0xd800 && c <= 0xdfff);
}

/* The next character of WTF-8 and its length in bytes; of other bytes, one at a time, as they are
 * numbered. */
static size_t next_character(const char *text, uint32_t *c)
{
    static const uint32_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = bytes[0] < 0x80             ? 1
                    : (bytes[0] & 0xe0) == 0xc0 ? 2
                    : (bytes[0] & 0xf0) == 0xe0 ? 3
                    : (bytes[0] & 0xf8) == 0xf0 ? 4
                                                : 0;
    size_t got = 0;
    while (got < length && bytes[got] != 0) {
        got++;
    }
    if (length == 0 || got < length || !wtf8_is_valid(text, length)) {
        *c = bytes[0];
        return 0;
    }
    *c = bytes[0] & first_bits[length];
    for (size_t i = 1; i < length; i++) {
        *c = *c << 6 | (bytes[i] & 0x3fu);
    }
    return length;
}

void event_escape(char out[EVENT_TEXT], const char *text)
{
    size_t used = 0;
    while (*text != '\0') {
        char piece[16];
        uint32_t c;
        size_t length = next_character(text, &c);
        size_t size = length;
        if (length == 0 || c == '%' || c == '<' || is_deceiving(c)) {
            size = (size_t)snprintf(piece, sizeof piece, "<%02" PRIX32 ">", c);
        } else {
            memcpy(piece, text, length);
        }
        if (used + size > EVENT_TEXT - sizeof CUT) {
            memcpy(out + used, CUT, sizeof CUT);
            return;
        }
        memcpy(out + used, piece, size);
        used += size;
        text += length == 0 ? 1 : length;
    }
    out[used] = '\0';
}

/* ---- what is told, and how much ---- */

void event_state_init(struct event_state *state, uint64_t now_ms)
{
    memset(state, 0, sizeof *state);
    state->tokens = (uint64_t)EVENT_BURST * 1000u;
    state->refilled = now_ms;
}

static bool take_token(struct event_state *state, uint64_t now_ms)
{
    if (now_ms > state->refilled) {
        uint64_t passed = now_ms - state->refilled;
        uint64_t full = (uint64_t)EVENT_BURST * 1000u;
        /* Who waits that long has a full bucket; and no product overflows. */
        state->tokens = passed >= full ? full : state->tokens + passed * EVENT_PER_SECOND;
        if (state->tokens > full) {
            state->tokens = full;
        }
        state->refilled = now_ms;
    }
    if (state->tokens < 1000u) {
        return false;
    }
    state->tokens -= 1000u;
    return true;
}

static enum log_level level_of(enum event_message message)
{
    switch (message) {
#define X(name, identifier, level) \
    case EVENT_##name:             \
        return level;
        EVENT_MESSAGES(X)
#undef X
    }
    return LOG_ERROR;
}

static void report_init(struct event_report *report, enum event_message message)
{
    report->message = message;
    report->level = level_of(message);
    report->count = 0;
    report->identity[0] = '\0';
}

static void insert(struct event_report *report, const char *text)
{
    event_escape(report->inserts[report->count++], text);
}

static void insert_number(struct event_report *report, uint64_t number)
{
    snprintf(report->inserts[report->count++], EVENT_TEXT, "%" PRIu64, number);
}

/* The events of our log that are told one by one: the fields whose values are inserted, in the
 * order of the message. A number stands for itself. */
static const struct rule {
    const char *event;
    const char *field, *value; /* the rule is for events with this field (and value); NULL: any */
    enum event_message message;
    bool always; /* rare and important: takes no token */
    const char *inserts[EVENT_INSERTS];
} rules[] = {
    {"started", NULL, NULL, EVENT_STARTED, true, {"version", "pipe", "pid"}},
    {"stopping", NULL, NULL, EVENT_STOPPING, true, {"reason"}},
    {"stopped", "note", NULL, EVENT_STOPPED_LEFT, true, {"note"}},
    {"stopped", NULL, NULL, EVENT_STOPPED, true, {"status"}},
    {"configuration", NULL, NULL, EVENT_CONFIGURATION, true, {"path", "reason"}},
    {"failed", NULL, NULL, EVENT_START_FAILED, true, {"what", "reason"}},
    {"change",
     "kind",
     "create",
     EVENT_CREATED,
     false,
     {"path", "target", "identity", "pid", "fileId"}},
    {"change",
     "kind",
     "replace",
     EVENT_REPLACED,
     false,
     {"path", "target", "identity", "pid", "fileId"}},
    {"change",
     "kind",
     "delete",
     EVENT_DELETED,
     false,
     {"path", "target", "identity", "pid", "fileId"}},
    {"change.failed",
     NULL,
     NULL,
     EVENT_CHANGE_FAILED,
     false,
     {"kind", "path", "identity", "os", "detail"}},
    {"stuck", NULL, NULL, EVENT_STUCK, false, {"method", "identity", "volume"}},
    {"stuck.ended", NULL, NULL, EVENT_STUCK_ENDED, false, {"identity", "volume"}},
};

static const struct log_field *field_of(const struct log_field *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) {
            return fields;
        }
    }
    return NULL;
}

static const struct rule *rule_of(const char *event, const struct log_field *fields)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *rule = &rules[i];
        if (strcmp(rule->event, event) != 0) {
            continue;
        }
        const struct log_field *field = rule->field != NULL ? field_of(fields, rule->field) : NULL;
        if (rule->field == NULL ||
            (field != NULL && (rule->value == NULL ||
                               (field->text != NULL && strcmp(field->text, rule->value) == 0)))) {
            return rule;
        }
    }
    return NULL;
}

static void count_one(struct event_state *state, uint64_t now_ms, uint64_t *counter)
{
    if (!state->counting) {
        state->counting = true;
        state->since = now_ms;
    }
    ++*counter;
}

bool event_judge(struct event_state *state, uint64_t now_ms, const char *event,
                 const struct log_field *fields, struct event_report *report)
{
    if (strcmp(event, "connection.refused") == 0) {
        count_one(state, now_ms, &state->connections);
        return false;
    }
    if (strcmp(event, "request.denied") == 0) {
        count_one(state, now_ms, &state->denied);
        return false;
    }
    const struct rule *rule = rule_of(event, fields);
    if (rule == NULL) {
        return false;
    }
    if (!rule->always && !take_token(state, now_ms)) {
        state->dropped++;
        return false;
    }
    report_init(report, rule->message);
    for (size_t i = 0; i < EVENT_INSERTS && rule->inserts[i] != NULL; i++) {
        const struct log_field *field = field_of(fields, rule->inserts[i]);
        if (field != NULL && field->text == NULL) {
            snprintf(report->inserts[report->count++], EVENT_TEXT, "%" PRId64, field->number);
        } else {
            insert(report, field != NULL ? field->text : "");
        }
    }
    const struct log_field *identity = field_of(fields, "identity");
    if (identity != NULL && identity->text != NULL) {
        snprintf(report->identity, sizeof report->identity, "%s", identity->text);
    }
    return true;
}

bool event_due(struct event_state *state, uint64_t now_ms, bool all, struct event_report *report)
{
    if (state->counting && (all || now_ms - state->since >= EVENT_SUMMARY_MS)) {
        report_init(report, EVENT_REFUSED);
        insert_number(report, state->connections);
        insert_number(report, state->denied);
        insert_number(report, (now_ms - state->since) / 1000u);
        state->counting = false;
        state->connections = 0;
        state->denied = 0;
        return true;
    }
    /* Told when events are told again, lest the telling itself become the flood. */
    if (state->dropped > 0 && (all || take_token(state, now_ms))) {
        report_init(report, EVENT_DROPPED);
        insert_number(report, state->dropped);
        state->dropped = 0;
        return true;
    }
    return false;
}

/* ---- the sink ---- */

static uint64_t now(void)
{
    return uv_hrtime() / 1000000u;
}

static void sink_write(void *context, enum log_level level, const char *event,
                       const struct log_field *fields)
{
    struct event_sink *sink = context;
    /* At this level the log tells what a change is about to do, and what failed by the caller's own
     * fault; counted are the refusals among it. */
    if (level == LOG_DEBUG && strcmp(event, "connection.refused") != 0 &&
        strcmp(event, "request.denied") != 0) {
        return;
    }
    struct event_report *report = malloc(sizeof *report);
    if (report == NULL) {
        return;
    }
    uv_mutex_lock(&sink->lock);
    bool told = event_judge(&sink->state, now(), event, fields, report);
    uv_mutex_unlock(&sink->lock);
    if (told) {
        sink->tell(sink->context, report);
    }
    free(report);
}

static void tell_due(struct event_sink *sink, bool all)
{
    struct event_report *report = malloc(sizeof *report);
    bool more = report != NULL;
    while (more) {
        uv_mutex_lock(&sink->lock);
        more = event_due(&sink->state, now(), all, report);
        uv_mutex_unlock(&sink->lock);
        if (more) {
            sink->tell(sink->context, report);
        }
    }
    free(report);
}

static void sink_tick(void *context)
{
    tell_due(context, false);
}

int event_sink_init(struct event_sink *sink,
                    void (*tell)(void *context, const struct event_report *report), void *context)
{
    if (uv_mutex_init(&sink->lock) != 0) {
        return -1;
    }
    sink->log_sink = (struct log_sink){sink_write, sink_tick, sink};
    sink->tell = tell;
    sink->context = context;
    event_state_init(&sink->state, now());
    return 0;
}

void event_sink_flush(struct event_sink *sink)
{
    tell_due(sink, true);
}

void event_sink_close(struct event_sink *sink)
{
    tell_due(sink, true);
    uv_mutex_destroy(&sink->lock);
}
