/* Who is at the other end of a connection, and how a thread becomes that caller.
 *
 * A peer is counted: the connection and each piece of running work hold it. */
#ifndef JUNCTION_PEER_H
#define JUNCTION_PEER_H

#include <stdbool.h>
#include <uv.h>

#include "../protocol/message.h"
#include "engine/engine.h"

struct peer;

/* True where a caller can only be captured after a byte of his was read (Windows). */
bool peer_needs_a_byte(void);

/* Learns the identity of the other end. -1 with *error (IDENTITY_LEVEL, IDENTITY_REFUSED ...): the
 * connection is not to be served. Linux: SO_PEERCRED and SO_PEERGROUPS; a service that is not root
 * serves its own uid only. Windows: the token of the pipe's client; in this version only the
 * service's own SID is served. */
int peer_capture(uv_pipe_t *pipe, struct peer **out, struct message_error *error);

struct peer *peer_hold(struct peer *peer);
void peer_release(struct peer *peer);

/* "uid:1000" or "sid:S-1-5-...": the identity that limits and fairness count by. */
const char *peer_key(const struct peer *peer);
/* "pid 4711", for the log only: a process id proves nothing. */
long peer_pid(const struct peer *peer);

/* enter puts the caller's identity on the calling thread and reads it back; leave restores the
 * service's own or aborts. The scope borrows the peer. Linux: raw system calls, since glibc's
 * wrappers change all threads; effective capabilities are emptied unless the caller is uid 0 of the
 * service's own user namespace. */
struct engine_scope peer_scope(struct peer *peer);

/* Whether this service may change disks for its callers at all (false on Windows until identities
 * are complete). */
bool peer_may_change(void);

/* True where end of file means that the caller is gone (Windows); false where it means "no more
 * requests" and what was asked is still answered. */
bool peer_is_gone_at_eof(void);

#endif
