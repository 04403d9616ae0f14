/* One client: its lines in, its requests in their order, its answers out, its deadlines.
 *
 * A connection lives on the loop's thread. Working threads touch it through the functions marked
 * below, under the server's lock. */
#ifndef JUNCTION_CONNECTION_H
#define JUNCTION_CONNECTION_H

#include "../protocol/framing.h"
#include "item.h"
#include "peer.h"

struct server;

/* Bytes waiting to be written that hold a list up, and that stop reading from a client who asks and
 * never reads. */
#define CONNECTION_PAUSE_LIST ((size_t)1024 * 1024)
#define CONNECTION_PAUSE_READ ((size_t)4 * 1024 * 1024)

struct out {
    struct out *next;
    size_t length;
    char *line;
};

/* What a connection holds at a moment. */
struct load {
    unsigned queued;
    size_t queued_bytes;
    unsigned taken;
    size_t pending;
};

struct connection {
    struct server *server;
    struct connection *previous, *next;
    uv_pipe_t *pipe;
    uv_timer_t timer;
    int open_handles;
    struct peer *peer; /* NULL until the caller is known */
    struct identity *identity;
    struct framing framing;

    bool counted; /* among the server's connections; one that is refused at once never is */
    struct out *said, *said_last; /* answers that go out together */
    size_t said_bytes;

    bool reading, ended; /* ended: no more requests will come */
    bool refused;        /* closes as soon as what waits is written */
    bool had_line;
    uint64_t connected, line_since, idle_since, write_progress; /* ms of the loop */
    size_t write_left;                                          /* as seen at write_progress */
    uint64_t armed;    /* when the timer will fire; 0: not */
    struct item *left; /* answered without their threads, which have not come back */

    /* Server's lock. */
    bool closing;
    bool in_news;
    struct connection *news_next;
    struct item *first, *last; /* in order; the first is the one whose turn it is */
    unsigned queued;           /* items in the queue, and the bytes of their lines */
    size_t queued_bytes;
    unsigned taken;    /* items that a thread has, or has left in `done` */
    struct item *done; /* finished by threads, in order */
    struct item *done_last;
    unsigned untold;                  /* in `done` without the loop having been woken for them */
    struct out *outbox, *outbox_last; /* lines of a running list */
    size_t pending;                   /* bytes not yet taken by the system */
    uv_cond_t drained;
};

/* Takes the pipe. A refused connection (too many, not served) gets its error line and is closed. */
void connection_open(struct server *server, uv_pipe_t *pipe);

/* On the loop: hands out what the threads have left, and starts what is next. */
void connection_attend(struct connection *connection);

/* Stops asking: what runs and can be cancelled is, what waits is answered STOPPING, and the
 * connection closes when all is written. */
void connection_stop(struct connection *connection);

/* The time is up: answers what still runs (OUTCOME_UNKNOWN for a change that was begun), writes
 * what can be written without waiting, closes. */
void connection_abandon(struct connection *connection);

void connection_close(struct connection *connection);

/* ---- the way out: connection_out.c ---- */

/* Takes the line (NULL: memory is out, and without its answer a client would wait forever). It goes
 * out with the next flush. */
void connection_say(struct connection *connection, char *line, size_t length);

/* What was said so far goes out in one piece. */
void connection_flush(struct connection *connection);

/* Gives the lines (counted in `pending` already) to the system. */
void connection_write(struct connection *connection, struct out *lines);

/* Takes the line; NULL when memory is out, or the line was NULL. For any thread. */
struct out *connection_line(char *line, size_t length);
void connection_free_lines(struct out *lines);

#endif
