/* What the changes of a link have in common on Windows: a place, looked at before the first change,
 * the announcement of the change, and the way out. create_win.c and delete_win.c do the rest.
 *
 * The file system itself judges rights, emptiness and tags, in the call that changes. */
#ifndef JUNCTION_CHANGE_WIN_H
#define JUNCTION_CHANGE_WIN_H

#include "lock.h"
#include "place_win.h"
#include "reparse.h"

struct made;

struct change {
    struct engine *engine;
    struct engine_work *work;
    struct engine_error *error;
    bool inside; /* the scope is on */
    struct place place;
    struct lock name_lock, file_lock;
    size_t old_length, new_length;
    struct reparse_data present; /* what `old` says */
    struct engine_change record;
    bool announced;

    /* of a creation */
    const struct engine_create *request;
    struct engine_created *created;
    struct made *made; /* directories above the link that were missing */
    size_t made_count;

    uint8_t old[REPARSE_MAX_SIZE], new[REPARSE_MAX_SIZE]; /* stay uncleared at the beginning */
};

/* NULL with *error: then the scope is off. */
struct change *change_begin(struct engine *engine, struct engine_work *work,
                            struct engine_error *error);
/* Closes what is open, takes the scope off, tells the outcome of what was announced, and frees the
 * change. */
void change_end(struct change *change, int result);

/* The last moment to give up: from here on the change is carried to its end. */
int change_announce(struct change *change, enum engine_change_kind kind);
/* What was announced without anybody being told could not even begin: it may be cancelled again. */
void change_retract(struct change *change);

/* Is the leaf no root of a volume, and the volume one that can be changed? */
int change_volume_is_fit(struct change *change);

/* Waits until nobody else works on this name in this parent. */
int change_lock_name(struct change *change);

/* Opens the leaf, takes its lock and reads its buffer: 1 it is there, 0 it is missing, -1. */
int change_look(struct change *change, ACCESS_MASK access);

/* The leaf, which carries a reparse point: is it a junction? */
int change_is_junction(struct change *change);

/* The leaf could only be looked at: now that it has to be changed, that is an error. */
int change_is_allowed(struct change *change);

/* Writes the new buffer, or with `removal` removes the old one, in one call. */
int change_write(struct change *change, bool removal);

#endif
