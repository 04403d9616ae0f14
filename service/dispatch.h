/* The requests of a connection on their way: in order, one at a time, to the threads and back, with
 * cancel and the deadline of an operation. */
#ifndef JUNCTION_DISPATCH_H
#define JUNCTION_DISPATCH_H

#include "connection.h"
#include "operations.h"

/* Puts an item behind the others. */
void dispatch_enqueue(struct connection *connection, struct item *item);

/* The unanswered item with this id, or NULL. */
struct item *dispatch_find(struct connection *connection, const struct message_id *id);

/* Whose turn it is: starts it on a thread and returns NULL, or returns an item that is ready to be
 * answered (off the queue, the caller's). NULL also when there is nothing, or the turn's owner is
 * still at work. */
struct item *dispatch_next(struct connection *connection);

/* `cancel {id}`: what waits is answered CANCELLED in its turn, what runs is asked to end. An
 * unknown id is nothing. */
void dispatch_cancel(struct connection *connection, const struct message_id *id);

/* Asks what runs to end, and turns what waits into refusals (CANCELLED, or STOPPING while the
 * server stops). `silently`: nobody will read answers. */
void dispatch_cancel_all(struct connection *connection, bool silently);

/* Frees what waits; what threads have comes back by itself. */
void dispatch_drop_waiting(struct connection *connection);

/* Looks after the running item: the call that a stuck one waits in is ended where the system can do
 * that; what does not come back even so is answered and left behind, and interrupted again from
 * time to time. Returns the time (ms of the loop) of the next look, 0: none. */
uint64_t dispatch_check(struct connection *connection, uint64_t now);

/* Answers the running item without its result. */
void dispatch_abandon_running(struct connection *connection);

/* A thread gave the item back. */
void dispatch_released(struct connection *connection, struct item *item);

#endif
