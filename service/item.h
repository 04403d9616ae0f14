/* One line that came in: what was asked, and on its way to the answer.
 *
 * Items are made and freed on the loop's thread. While `state` is ITEM_SUBMITTED a working thread
 * has it; what both touch is guarded by the server's lock or atomic. */
#ifndef JUNCTION_ITEM_H
#define JUNCTION_ITEM_H

#include "../protocol/answer.h"
#include "engine/engine.h"
#include "identity.h"

struct connection;

enum item_kind {
    ITEM_ANSWER, /* nothing to do: `failure` is the answer, in its turn */
    ITEM_LOOP,   /* answered by the loop itself: hello, status */
    ITEM_SHORT,  /* one path, by a thread of the short pool */
    ITEM_LONG    /* a list, by a thread of the long pool */
};

struct item {
    struct pool_job job;
    struct connection *connection;
    struct item *next;
    enum item_kind kind;
    size_t bytes; /* of its line */
    struct message_id id;
    struct message_error failure;
    struct request request; /* valid unless kind is ITEM_ANSWER from the start */
    bool has_request;

    enum { ITEM_WAITING, ITEM_SUBMITTED, ITEM_DONE } state; /* server's lock */
    bool abandoned; /* server's lock: answered without its result */

    struct engine_work work;
    _Atomic uint64_t started; /* uv_hrtime when a thread took it; 0 before */
    atomic_bool paused;       /* the thread waits for the client to read */
    unsigned beats_seen;      /* the loop's own, to see whether a list moves */
    uint64_t beats_time;
    uint64_t stuck_volume;    /* volume marked because of it; 0 none */
    struct item *left_next;   /* among those that were left behind; the loop's own */
    unsigned interrupt_beats; /* beats at the last look after it was late */
    uint64_t interrupt_due;   /* ms of the loop: the next such look; 0 before the first */
    uint64_t received;        /* uv_hrtime */

    int status; /* of the engine call: 0 or -1 */
    struct engine_error error;
    union {
        struct engine_created created;
        struct engine_deleted deleted;
        struct reparse_entry entry;
        struct engine_listed listed;
    } result;
    uint64_t elapsed_ms;
};

/* Frees everything that hangs on it. */
void item_free(struct item *item);

#endif
