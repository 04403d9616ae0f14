/* What one engine consists of on Linux. */
#ifndef JUNCTION_ENGINE_UNIX_H
#define JUNCTION_ENGINE_UNIX_H

#include "engine.h"

struct volume;
struct volume_table;
struct lock_table;

struct engine {
    struct volume_table *volumes;
    struct lock_table *locks;
};

/* Put the caller's identity on this thread, for the whole of one piece of work, and take it off. */
int engine_enter(struct engine_work *work, struct engine_error *error);
void engine_leave(struct engine_work *work);

/* What a pinned file says about itself as a reparse point; `parent` is the pinned directory that
 * holds it, `buffer` has REPARSE_MAX_SIZE bytes. path and file_id are the caller's. 1, 0 when it is
 * no reparse point, -1 with *error. */
int engine_entry(struct engine *engine, struct engine_work *work, const struct volume *volume,
                 int parent, int file, bool check, uint8_t *buffer, struct reparse_entry *entry,
                 struct engine_error *error);

#endif
