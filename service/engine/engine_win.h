/* What one engine consists of on Windows. */
#ifndef JUNCTION_ENGINE_WIN_H
#define JUNCTION_ENGINE_WIN_H

#include "nt.h"

#define ENGINE_STUCK_MAX 64u

struct lock_table;

struct engine_stuck {
    uint64_t volume;
    unsigned count; /* 0: the row is free */
};

struct engine {
    struct nt_calls nt;
    struct lock_table *locks;
    SRWLOCK guard; /* of stuck */
    struct engine_stuck stuck[ENGINE_STUCK_MAX];
};

/* Put the caller's identity on this thread, for the whole of one piece of work, and take it off. */
int engine_enter(struct engine_work *work, struct engine_error *error);
void engine_leave(struct engine_work *work);

/* Notes which volume is worked on, and refuses one that does not answer. */
int engine_volume_begin(struct engine *engine, struct engine_work *work, uint64_t volume,
                        struct engine_error *error);

#endif
