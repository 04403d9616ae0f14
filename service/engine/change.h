/* What the changes of a link have in common on Linux: a pinned place, looked at before the first
 * change, the announcement of the change, and the way out. create_unix.c and delete_unix.c do the
 * rest.
 *
 * ntfs-3g keeps the reparse buffer in an extended attribute, which it sets and removes almost
 * unchecked: emptiness, rights and content are looked at by the engine, on pinned files. */
#ifndef JUNCTION_CHANGE_H
#define JUNCTION_CHANGE_H

#include "lock.h"
#include "place.h"
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
    char *missing; /* names of the missing directories, each ended by NUL */
    struct made *made;
    size_t made_count;

    uint8_t old[REPARSE_MAX_SIZE], new[REPARSE_MAX_SIZE]; /* stay uncleared at the beginning */
};

/* NULL with *error: then the scope is off. */
struct change *change_begin(struct engine *engine, struct engine_work *work,
                            struct engine_error *error);
/* Takes the scope off, tells the outcome of what was announced, and frees the change. */
void change_end(struct change *change, int result);

/* The last moment to give up: from here on the change is carried to its end. */
int change_announce(struct change *change, enum engine_change_kind kind);

/* Waits until nobody else works on this name in this parent. */
int change_lock_name(struct change *change);

/* Is the leaf no root of a volume, and the volume one that can be changed? */
int change_volume_is_fit(struct change *change);

/* Pins the leaf, takes its lock and reads its buffer: 1 it is there, 0 it is missing, -1. */
int change_look(struct change *change);

/* A leaf with something in its attribute, or a link without: is it a junction? */
int change_is_junction(struct change *change);

/* For a dry run: would the mount itself let the caller? Nothing is written. */
int change_may_set(struct change *change);

#endif
