/* The methods that run on working threads: from a typed request through the engine to a result, and
 * from a result to the line of the answer. */
#ifndef JUNCTION_OPERATIONS_H
#define JUNCTION_OPERATIONS_H

#include "item.h"
#include "log.h"
#include "peer.h"

/* Where a list sends its lines. push takes the line; it may wait until the client has read, and
 * answers -1 when nobody wants more. */
struct operations_output {
    int (*push)(void *context, char *line, size_t length);
    void *context;
};

/* Which thread a request is for. */
enum item_kind operations_kind(enum method method);

/* On a working thread: fills status, error and result of the item. `peer` is held by the
 * connection. */
void operations_run(struct engine *engine, struct peer *peer, const struct log *log,
                    struct item *item, const struct operations_output *output);

/* On the loop: the line that answers the item; NULL when memory is out. `stopping` makes a
 * cancelled request say why. */
char *operations_answer(struct item *item, bool stopping, size_t *length);

#endif
