/* A line that tells a person at a terminal how far a long list is; rewritten in place, gone at the
 * end. */
#ifndef JUNCTION_PROGRESS_H
#define JUNCTION_PROGRESS_H

#include <stdint.h>

#include "stream.h"

struct progress {
    struct stream *err; /* NULL: nothing is shown */
    uint64_t shown_at;  /* ns; 0: never */
    unsigned width;     /* columns that the line on the screen takes; 0: there is none */
};

/* Shows nothing unless `err` is a terminal and `wanted`. */
void progress_init(struct progress *progress, struct stream *err, bool wanted);

/* `now` in nanoseconds: a line appears after a moment only, and changes at most ten times a second.
 */
void progress_show(struct progress *progress, uint64_t now, uint64_t directories, uint64_t entries);

/* To be called before anything else is written to a terminal. */
void progress_hide(struct progress *progress);

#endif
