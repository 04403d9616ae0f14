/* Who is at the other end of a connection, and how a thread becomes that caller.
 *
 * A peer is counted: the connection and each piece of running work hold it. */
#ifndef JUNCTION_PEER_H
#define JUNCTION_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "../protocol/message.h"
#include "engine/engine.h"

struct peer;

/* True where a caller can only be captured after a byte of his was read (Windows). */
bool peer_needs_a_byte(void);

/* Learns the identity of the other end. -1 with *error (IDENTITY_LEVEL, IDENTITY_REFUSED ...): the
 * connection is not to be served; *reason is then the exact one, for the record, or NULL where the
 * error's own text is. Linux: SO_PEERCRED and SO_PEERGROUPS; a service that is not root serves its
 * own uid only. Windows: the token of the pipe's client, and what peer_judge makes of it. */
int peer_capture(uv_pipe_t *pipe, struct peer **out, struct message_error *error,
                 const char **reason);

struct peer *peer_hold(struct peer *peer);
void peer_release(struct peer *peer);

/* "uid:1000" or "sid:S-1-5-...": the identity that limits and fairness count by. */
const char *peer_key(const struct peer *peer);
/* "pid 4711", for the log only: a process id proves nothing. */
long peer_pid(const struct peer *peer);

/* Linux: uid 0 of the service's own user namespace. Windows: the captured token is elevated and has
 * Administrators enabled; a group for deny only is none, and the linked token is never asked. As it
 * was when the caller was captured. */
bool peer_is_administrator(const struct peer *peer);

/* enter puts the caller's identity on the calling thread and reads it back; leave restores the
 * service's own or aborts; a thread that is somebody already when it enters aborts too. The scope
 * borrows the peer. Linux: raw system calls, since glibc's
 * wrappers change all threads; effective capabilities are emptied unless the caller is uid 0 of the
 * service's own user namespace. */
struct engine_scope peer_scope(struct peer *peer);

/* Whether this service may change disks for its callers at all. */
bool peer_may_change(void);

/* True where end of file means that the caller is gone (Windows); false where it means "no more
 * requests" and what was asked is still answered. */
bool peer_is_gone_at_eof(void);

/* ---- whom a Windows service serves: peer_judge.c, which asks no system ---- */

enum peer_level { /* the order of SECURITY_IMPERSONATION_LEVEL */
                  PEER_LEVEL_ANONYMOUS,
                  PEER_LEVEL_IDENTIFICATION,
                  PEER_LEVEL_IMPERSONATION,
                  PEER_LEVEL_DELEGATION
};

struct peer_facts {
    enum peer_level level; /* that the client granted and the system left of it */
    bool known;            /* all that follows could be read */
    bool anonymous, guest, app_container;
    uint32_t integrity; /* last sub-authority of the mandatory label */
    bool elevated, in_administrators;
    bool same_account, same_elevation; /* as the service itself */
    bool service_impersonates;         /* the service has SeImpersonatePrivilege, enabled */
};

struct peer_verdict {
    int code;           /* JERR_NONE: served */
    const char *reason; /* of a refusal */
    bool administrator;
};

struct peer_verdict peer_judge(const struct peer_facts *facts);

#endif
