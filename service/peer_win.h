/* The inside of peer_win.c, for its tests: the calls that make a thread somebody, and what is read
 * from a token. */
#ifndef JUNCTION_PEER_WIN_H
#define JUNCTION_PEER_WIN_H

#include <windows.h>

#include "peer.h"

struct peer_calls {
    BOOL (*impersonate)(HANDLE pipe);
    BOOL (*revert)(void);
    BOOL (*open_thread_token)(DWORD access, HANDLE *token); /* of this thread, opened as itself */
    BOOL (*set_thread_token)(HANDLE token);                 /* on this thread; NULL: none */
};
extern const struct peer_calls peer_calls_system;

/* Everything about a token that peer_judge wants. NULL: it could not be opened. */
void peer_read_facts(HANDLE token, struct peer_facts *facts);

/* The account Guest of any domain. */
bool peer_is_guest_account(PSID user);

/* peer_capture on the server's end of a pipe; `calls` must live as long as the peer. */
int peer_capture_by(const struct peer_calls *calls, HANDLE pipe, struct peer **out,
                    struct message_error *error, const char **reason);

#endif
