#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "process.h"

#define TICK_MS 30000 /* between two chances of the log to tell what it only counted */

/* ---- stopping ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct server *server = handle->data;
    server->open_handles--;
}

static void close_handle(struct server *server, uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        handle->data = server;
        uv_close(handle, on_handle_closed);
    }
}

/* With the last connection and the listener gone nothing keeps the loop but the service's own
 * handles. */
static void end_if_done(struct server *server)
{
    if (server->stop_by == 0 || server->listening || server->connections != NULL) {
        return;
    }
    close_handle(server, (uv_handle_t *)&server->stop_timer);
    close_handle(server, (uv_handle_t *)&server->host_timer);
    close_handle(server, (uv_handle_t *)&server->news_async);
    close_handle(server, (uv_handle_t *)&server->stop_async);
    for (size_t i = 0; i < sizeof server->signals / sizeof server->signals[0]; i++) {
        close_handle(server, (uv_handle_t *)&server->signals[i]);
    }
}

static void on_listener_closed(void *context)
{
    struct server *server = context;
    server->listening = false;
    end_if_done(server);
}

static void on_stop_timer(uv_timer_t *timer)
{
    struct server *server = timer->data;
    struct connection *next;

    server->forced = true;
    for (struct connection *at = server->connections; at != NULL; at = next) {
        next = at->next;
        connection_abandon(at);
    }
    /* Answers that fit were written by now; threads that are stuck in the kernel cannot be joined.
     */
    uv_stop(&server->loop);
}

/* Rounded up: a host that waits too long does no harm. */
static unsigned seconds_left(const struct server *server)
{
    uint64_t now = uv_hrtime();
    return now >= server->stop_by ? 0
                                  : (unsigned)((server->stop_by - now + 999999999u) / 1000000000u);
}

static void on_host_timer(uv_timer_t *timer)
{
    struct server *server = timer->data;
    if (server->stop_by != 0) {
        server->host->stopping(server->host->context, seconds_left(server));
    } else if (server->log.sink != NULL) {
        server->log.sink->tick(server->log.sink->context);
    }
}

static void stop(struct server *server, const char *reason)
{
    struct connection *next;
    uint64_t seconds = server->config.limits.stopSeconds;

    if (server->stop_by != 0) {
        return;
    }
    log_event(&server->log, LOG_INFO, "stopping", LOG_TEXT("reason", reason));
    server->stop_by = uv_hrtime() + seconds * 1000000000u;
    server->host->stopping(server->host->context, (unsigned)seconds);
    uv_timer_start(&server->host_timer, on_host_timer, 1000, 1000);
    /* A little early, so that the last answers are out and the process is gone when the time is up.
     */
    uv_timer_start(&server->stop_timer, on_stop_timer, seconds * 1000u - 500u, 0);
    listener_close(server->listener, on_listener_closed, server);
    for (struct connection *at = server->connections; at != NULL; at = next) {
        next = at->next;
        connection_stop(at);
    }
    end_if_done(server);
}

void server_stop(struct server *server, const char *reason)
{
    uv_mutex_lock(&server->lock);
    server->stop_reason = reason;
    uv_mutex_unlock(&server->lock);
    uv_async_send(&server->stop_async);
}

static void on_stop(uv_async_t *async)
{
    struct server *server = async->data;
    uv_mutex_lock(&server->lock);
    const char *reason = server->stop_reason;
    uv_mutex_unlock(&server->lock);
    stop(server, reason);
}

static void on_signal(uv_signal_t *signal, int number)
{
    stop(signal->data, number == SIGTERM ? "SIGTERM" : number == SIGINT ? "SIGINT" : "signal");
}

/* ---- connections ---- */

static void on_connection(void *context, uv_pipe_t *pipe)
{
    connection_open(context, pipe);
}

void server_connection_gone(struct server *server, struct connection *connection)
{
    uv_mutex_lock(&server->lock);
    for (struct connection **at = &server->news; *at != NULL; at = &(*at)->news_next) {
        if (*at == connection) {
            *at = connection->news_next;
            break;
        }
    }
    uv_mutex_unlock(&server->lock);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    if (connection->counted) {
        server->connection_count--;
    }
    if (connection->identity != NULL) {
        connection->identity->connections--;
        identity_drop_if_unused(&server->identities, connection->identity);
    }
    if (connection->peer != NULL) {
        peer_release(connection->peer);
    }
    framing_clear(&connection->framing);
    uv_cond_destroy(&connection->drained);
    free(connection);
    end_if_done(server);
}

static void on_news(uv_async_t *async)
{
    struct server *server = async->data;
    for (;;) {
        uv_mutex_lock(&server->lock);
        struct connection *connection = server->news;
        if (connection != NULL) {
            server->news = connection->news_next;
            connection->in_news = false;
        }
        uv_mutex_unlock(&server->lock);
        if (connection == NULL) {
            return;
        }
        connection_attend(connection);
    }
}

/* ---- from first to last ---- */

static void tell_failure(const struct server *server, const char *what, const char *why)
{
    log_event(&server->log, LOG_ERROR, "failed", LOG_TEXT("what", what), LOG_TEXT("reason", why));
}

static int watch_signals(struct server *server)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        /* Windows: SIGINT is Ctrl-C, SIGHUP the closing of the console; there is no SIGTERM to
         * watch. */
        int result = uv_signal_start(&server->signals[i], on_signal, numbers[i]);
        if (result != 0 && numbers[i] == SIGINT) {
            tell_failure(server, "signals", uv_strerror(result));
            return -1;
        }
    }
    return 0;
}

static enum host_end start(struct server *server, const char *pipe_name)
{
    const struct config *config = &server->config;
    struct engine_options options = {
        .drives = config->drives,
        .drive_count = config->drive_count,
        .any_mount = !process_is_privileged(),
    };
    struct engine_error error;
    char why[512];

    memset(&error, 0, sizeof error);
    if (engine_open(&options, &server->engine, &error) != 0) {
        tell_failure(server, "engine", error.detail);
        return HOST_ENGINE;
    }
    if (server->host->signals && watch_signals(server) != 0) {
        return HOST_RESOURCES;
    }
    if (listener_open(&server->loop, pipe_name, on_connection, server, &server->listener, why) !=
        0) {
        tell_failure(server, pipe_name, why);
        return HOST_PIPE;
    }
    server->listening = true;
    return HOST_DONE;
}

/* Runs the loop until every handle of the service is closed, or its time to stop is up. */
static void run(struct server *server)
{
    while (uv_run(&server->loop, UV_RUN_DEFAULT) != 0 && !server->forced) {
    }
}

enum host_end server_run(struct config *config, const char *pipe_name, const struct host *host,
                         const struct log *log)
{
    struct server *server = calloc(1, sizeof *server);
    const struct config_limits *limits = &config->limits;
    enum host_end end = HOST_RESOURCES;

    if (server == NULL) {
        config_clear(config);
        host->ended(host->context, end);
        return end;
    }
    server->config = *config;
    server->log = *log;
    server->host = host;
    server->started = uv_hrtime();
    server->read_buffer = malloc(SERVER_READ_BUFFER);
    if (server->read_buffer == NULL || uv_loop_init(&server->loop) != 0) {
        tell_failure(server, "loop", "cannot be made");
        goto no_loop;
    }
    if (uv_mutex_init(&server->lock) != 0 ||
        pool_init(&server->pools[WORK_SHORT], limits->shortWorkers,
                  limits->shortWorkersPerIdentity) != 0 ||
        pool_init(&server->pools[WORK_LONG], limits->lists, limits->listsPerIdentity) != 0) {
        abort(); /* only without memory at the very start */
    }
    uv_async_init(&server->loop, &server->news_async, on_news);
    server->news_async.data = server;
    uv_async_init(&server->loop, &server->stop_async, on_stop);
    server->stop_async.data = server;
    uv_timer_init(&server->loop, &server->stop_timer);
    server->stop_timer.data = server;
    uv_timer_init(&server->loop, &server->host_timer);
    server->host_timer.data = server;
    server->open_handles = 4;
    /* All of them, before anything can fail: what is closed must have begun. */
    for (size_t i = 0; i < sizeof server->signals / sizeof server->signals[0]; i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        server->open_handles++;
    }
    host->ready(host->context, server);

    end = start(server, pipe_name);
    if (end == HOST_DONE) {
        log_event(&server->log, LOG_INFO, "started", LOG_TEXT("version", JUNCTION_VERSION),
                  LOG_TEXT("pipe", pipe_name), LOG_NUMBER("pid", uv_os_getpid()),
                  LOG_NUMBER("privileged", process_is_privileged()));
        host->started(host->context);
        if (server->log.sink != NULL) {
            uv_timer_start(&server->host_timer, on_host_timer, TICK_MS, TICK_MS);
        }
    } else {
        host->stopping(host->context, 0);
        server->stop_by = 1;
        end_if_done(server);
    }
    run(server);

    for (int class = 0; class < WORK_CLASS_COUNT; class ++) {
        uint64_t until = server->stop_by > 1 ? server->stop_by : uv_hrtime() + 1000000000u;
        if (!pool_stop(&server->pools[class], until) || server->forced) {
            log_event(&server->log, LOG_WARNING, "stopped",
                      LOG_TEXT("note", "work that does not come back was left behind"));
            host->ended(host->context, end);
            process_exit_now(end == HOST_DONE ? 0 : 1);
        }
    }
    log_event(&server->log, end == HOST_DONE ? LOG_INFO : LOG_ERROR, "stopped",
              LOG_NUMBER("status", end == HOST_DONE ? 0 : 1));
    engine_close(server->engine);
    uv_loop_close(&server->loop);
    uv_mutex_destroy(&server->lock);
no_loop:
    free(server->read_buffer);
    config_clear(&server->config);
    free(server);
    host->ended(host->context, end);
    return end;
}
