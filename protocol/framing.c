#include "framing.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 4096u
/* An idle connection gives back what a long line needed. */
#define KEPT_CAPACITY 16384u

void framing_init(struct framing *framing)
{
    memset(framing, 0, sizeof *framing);
}

void framing_clear(struct framing *framing)
{
    free(framing->buffer);
    framing_init(framing);
}

int framing_add(struct framing *framing, const char *bytes, size_t length)
{
    if (length == 0) {
        return 0;
    }
    if (framing->start > 0) {
        framing->length -= framing->start;
        framing->scanned -= framing->start;
        memmove(framing->buffer, framing->buffer + framing->start, framing->length);
        framing->start = 0;
    }
    if (length > SIZE_MAX / 2 - framing->length) {
        return -1;
    }
    size_t need = framing->length + length;
    if (need > framing->capacity) {
        size_t capacity = framing->capacity > 0 ? framing->capacity : FIRST_CAPACITY;
        while (capacity < need) {
            capacity *= 2;
        }
        char *grown = realloc(framing->buffer, capacity);
        if (!grown) {
            return -1;
        }
        framing->buffer = grown;
        framing->capacity = capacity;
    }
    memcpy(framing->buffer + framing->length, bytes, length);
    framing->length = need;
    return 0;
}

enum framing_result framing_next(struct framing *framing, char **line, size_t *length)
{
    for (;;) {
        char *from = framing->buffer + framing->start;
        size_t held = framing->length - framing->start;
        size_t left = framing->length - framing->scanned;
        char *end = left > 0 ? memchr(framing->buffer + framing->scanned, '\n', left) : NULL;
        if (!end) {
            framing->scanned = framing->length;
            /* One byte more is no fault yet when it may be the '\r' of the line's end. */
            if (held > FRAMING_MAX_LINE + 1 ||
                (held == FRAMING_MAX_LINE + 1 && from[held - 1] != '\r')) {
                return FRAMING_TOO_LONG;
            }
            if (held == 0) {
                framing->start = framing->length = framing->scanned = 0;
                if (framing->capacity > KEPT_CAPACITY) {
                    framing_clear(framing);
                }
            }
            return FRAMING_MORE;
        }
        size_t size = (size_t)(end - from);
        framing->start += size + 1;
        framing->scanned = framing->start;
        if (size > 0 && from[size - 1] == '\r') {
            size--;
        }
        if (size > FRAMING_MAX_LINE) {
            return FRAMING_TOO_LONG;
        }
        if (size > 0) {
            from[size] = 0;
            *line = from;
            *length = size;
            return FRAMING_LINE;
        }
    }
}

bool framing_is_partial(const struct framing *framing)
{
    return framing->length > framing->start;
}
