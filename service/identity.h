/* What is counted by identity: connections, and the shares of the working threads. Used on the
 * loop's thread only; shares are the pools' own. */
#ifndef JUNCTION_IDENTITY_H
#define JUNCTION_IDENTITY_H

#include "pool.h"

enum work_class { WORK_SHORT, WORK_LONG, WORK_CLASS_COUNT };

struct identity {
    struct identity *next;
    unsigned connections;
    struct pool_share shares[WORK_CLASS_COUNT];
    char key[]; /* peer_key */
};

/* The identity of a key, made when it is new; NULL when memory is out. */
struct identity *identity_find(struct identity **list, const char *key);

/* Frees it when nothing counts on it any more. */
void identity_drop_if_unused(struct identity **list, struct identity *identity);

#endif
