/* A connection to the service, and the proof that it is the service before the first byte is sent.
 */
#ifndef JUNCTION_CONNECT_H
#define JUNCTION_CONNECT_H

#include <uv.h>

#include "problem.h"

/* Connects and opens `pipe`, which must be initialised and unused. `name` as for --pipe, NULL for
 * the default names. Waits at most timeout_ms for a service that is busy; 0: as long as it takes.
 * 0, or -1 with *problem (NO_SERVICE, UNTRUSTED_SERVICE, TIMED_OUT, ACCESS_DENIED); the pipe must
 * be closed in either case. */
int connect_open(uv_pipe_t *pipe, const char *name, unsigned timeout_ms, struct problem *problem);

#endif
