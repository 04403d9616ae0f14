/* The stream of entries of a reparse.list request. */
#ifndef JUNCTION_LISTING_H
#define JUNCTION_LISTING_H

#include "../protocol/answer.h"
#include "progress.h"
#include "session.h"

struct listing {
    struct progress progress;
    struct stream *out; /* flushed after each batch, so that a reader gets what there is */
    void (*entry)(void *context, const struct entry *entry, const cJSON *tree);
    void *context;
    uint64_t entries, unreadable;
};

/* Runs the request; `entry` is called for each entry, those with an error included. */
void listing_run(struct listing *listing, const struct session_options *options,
                 struct request *request, struct session_outcome *outcome);

#endif
