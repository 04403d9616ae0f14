/* What the service is called: how `--pipe NAME` and the defaults become the address of a pipe.
 *
 * A NAME with a '/' (POSIX) or beginning with `\\.\pipe\` (Windows) is taken as it is; otherwise it
 * is `/run/junction/NAME.sock` or
 * `\\.\pipe\NAME`. */
#ifndef JUNCTION_PIPE_NAME_H
#define JUNCTION_PIPE_NAME_H

#include <stddef.h>

#define PIPE_NAME_SIZE 512

/* Fills out; -1 when the name is empty or longer than the system can take (sun_path on POSIX, 256
 * characters on Windows): libuv would cut it silently. */
int pipe_name_from_option(const char *option, char out[PIPE_NAME_SIZE]);

/* The names that a client tries when none is given, in order; fills up to two, returns how many.
 * POSIX: /run/junction/junction.sock, then $XDG_RUNTIME_DIR/junction/junction.sock. */
size_t pipe_name_defaults(char out[2][PIPE_NAME_SIZE]);

/* Where a foreground service listens when no name is given. POSIX: root takes the first default,
 * anybody else the second; Windows: a name of its own for console mode, since the protected one
 * needs an administrator. -1: there is none ($XDG_RUNTIME_DIR unset). */
int pipe_name_for_service(char out[PIPE_NAME_SIZE]);

#endif
