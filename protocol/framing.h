/* Lines out of a byte stream: one message a line, `\n`, a `\r` before it dropped.
 *
 * The buffer grows with the line, to twice FRAMING_MAX_LINE and what was added last at most, and is
 * given back when it is empty; an empty line is skipped. */
#ifndef JUNCTION_FRAMING_H
#define JUNCTION_FRAMING_H

#include <stdbool.h>
#include <stddef.h>

#define FRAMING_MAX_LINE 1048576u /* bytes of a line, its end not counted */

struct framing {
    char *buffer;
    size_t length; /* bytes held */
    size_t capacity;
    size_t scanned; /* bytes of the unfinished line already searched for '\n' */
    size_t start;   /* where the first unconsumed line begins */
};

enum framing_result {
    FRAMING_LINE =
        1, /* *line, *length: one line, NUL behind it; valid until the next framing call */
    FRAMING_MORE = 0, /* no whole line is held */
    FRAMING_TOO_LONG =
        -1 /* the unfinished (or finished) line is over the limit; the stream is of no more use */
};

void framing_init(struct framing *framing);
void framing_clear(struct framing *framing);

/* Takes a copy of the bytes. 0, or -1 when memory is out. The caller drains framing_next before it
 * adds more. */
int framing_add(struct framing *framing, const char *bytes, size_t length);

enum framing_result framing_next(struct framing *framing, char **line, size_t *length);

/* True when bytes of an unfinished line are held. */
bool framing_is_partial(const struct framing *framing);

#endif
