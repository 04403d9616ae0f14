/* Where clients come in: a named pipe (Windows) or a Unix-domain socket, whose connections are
 * handed over as libuv pipes. */
#ifndef JUNCTION_LISTENER_H
#define JUNCTION_LISTENER_H

#include <uv.h>

struct listener;

/* `pipe` is malloc'ed, initialised on the loop and connected; it belongs to the callee, who
 * uv_close()s and frees it. Runs on the loop. */
typedef void (*listener_on_connection)(void *context, uv_pipe_t *pipe);

/* Fails (-1, *why filled) when another service has the name, when the place is not safe, or when
 * the system says no. */
int listener_open(uv_loop_t *loop, const char *name, listener_on_connection on_connection,
                  void *context, struct listener **out, char why[512]);

/* Stops taking connections and removes the name. `closed` runs on the loop when nothing of the
 * listener is left. */
void listener_close(struct listener *listener, void (*closed)(void *context), void *context);

#endif
