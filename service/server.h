/* The service as a whole: the loop, what listens on it, the connections, the identities behind them
 * and the threads that work for them. */
#ifndef JUNCTION_SERVER_H
#define JUNCTION_SERVER_H

#include "config.h"
#include "connection.h"
#include "host.h"
#include "identity.h"
#include "listener.h"

struct server {
    /* The loop's own. */
    uv_loop_t loop;
    uv_async_t news_async, stop_async;
    uv_signal_t signals[3];
    uv_timer_t stop_timer, host_timer;
    const struct host *host;
    struct config config;
    struct log log;
    struct engine *engine;
    struct listener *listener;
    struct identity *identities;
    struct connection *connections; /* all, doubly linked */
    unsigned connection_count;
    uint64_t refused, served, failed;
    uint64_t started; /* uv_hrtime */
    uint64_t stop_by; /* uv_hrtime; 0: not stopping */
    bool listening, forced;
    int open_handles;
    char *read_buffer;

    struct pool pools[WORK_CLASS_COUNT];

    /* Guards what the working threads touch: queues, states and outboxes of connections, and
     * `news`. Taken before a pool's lock. */
    uv_mutex_t lock;
    struct connection *news; /* connections that have something for the loop */
    const char *stop_reason; /* of server_stop */
};

#define SERVER_READ_BUFFER 65536u

/* Runs until it is told to stop. Takes the configuration over; borrows host and log->sink. */
enum host_end server_run(struct config *config, const char *pipe_name, const struct host *host,
                         const struct log *log);

/* For any thread: begins the end; what was begun is finished and answered. See struct host for when
 * it may be called. `reason` is a constant. */
void server_stop(struct server *server, const char *reason);

/* A connection is gone: off the lists, and perhaps the last one of a server that stops. */
void server_connection_gone(struct server *server, struct connection *connection);

#endif
