/* One work at a time on a file, and on a name that may become one. */
#ifndef JUNCTION_LOCK_H
#define JUNCTION_LOCK_H

#include "engine.h"

struct lock_table;

struct lock {
    uint64_t volume, file,
        name; /* name 0: the file itself; else a hash of a name in the directory `file` */
    bool held;
    struct lock *next;
};
int lock_table_open(struct lock_table **out, struct engine_error *error);
void lock_table_close(struct lock_table *locks);

/* Waits until nobody else works on this name (or file), or until the work is cancelled: CANCELLED,
 * TIMED_OUT. Names come before files. */
int lock_name(struct lock_table *locks, struct engine_work *work, uint64_t volume,
              uint64_t directory, const char *name, struct lock *lock, struct engine_error *error);
int lock_file(struct lock_table *locks, struct engine_work *work, uint64_t volume, uint64_t file,
              struct lock *lock, struct engine_error *error);
void lock_release(struct lock_table *locks, struct lock *lock); /* harmless when not held */

#endif
