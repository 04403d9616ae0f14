/* The record of changes: what the engine tells before and after it changes a disk. It goes to the
 * log; whatever keeps a journal takes this place, and may refuse a change by failing record_intent.
 */
#ifndef JUNCTION_RECORD_H
#define JUNCTION_RECORD_H

#include "../protocol/message.h"
#include "engine/engine.h"
#include "log.h"
#include "peer.h"

struct record {
    const struct log *log;
    const struct peer *peer;
    const struct message_id *id;
};

/* For struct engine_observer; the context is a struct record. */
int record_intent(void *context, const struct engine_change *change, struct engine_error *error);
void record_outcome(void *context, const struct engine_change *change,
                    const struct engine_error *error);

#endif
