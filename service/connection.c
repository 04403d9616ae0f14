#include "connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/errors.h"
#include "dispatch.h"
#include "server.h"
#include "status.h"

static void rearm(struct connection *connection);

static struct load load_of(struct connection *connection)
{
    struct load load;
    uv_mutex_lock(&connection->server->lock);
    load.queued = connection->queued;
    load.queued_bytes = connection->queued_bytes;
    load.taken = connection->taken;
    load.pending = connection->pending;
    uv_mutex_unlock(&connection->server->lock);
    return load;
}

static void send_error(struct connection *connection, const struct message_id *id, int code,
                       const char *text)
{
    struct message_error error;
    size_t length;
    if (text != NULL) {
        message_error_setf(&error, code, "%s", text);
    } else {
        message_error_set(&error, code);
    }
    char *line = message_failure(id, &error, &length);
    message_error_clear(&error);
    connection_say(connection, line, length);
}

/* The client gets this line and then the end of the connection; what runs is cancelled. */
static void refuse(struct connection *connection, int code, const char *text)
{
    static const struct message_id nobody = {.kind = MESSAGE_ID_NONE};
    connection->refused = true;
    connection->ended = true;
    if (connection->reading) {
        uv_read_stop((uv_stream_t *)connection->pipe);
        connection->reading = false;
    }
    dispatch_cancel_all(connection, false);
    send_error(connection, &nobody, code, text);
    connection_attend(connection);
}

/* ---- in ---- */

static void take_line(struct connection *connection, char *line, size_t length)
{
    struct server *server = connection->server;
    struct item *item = calloc(1, sizeof *item);
    struct item *same;

    connection->had_line = true;
    if (item == NULL) {
        refuse(connection, JERR_OUT_OF_MEMORY, NULL);
        return;
    }
    item->connection = connection;
    item->bytes = length;
    item->received = uv_hrtime();
    if (request_read(line, length, &item->request, &item->id, &item->failure) != 0) {
        item->kind = ITEM_ANSWER;
    } else {
        item->has_request = true;
        if (item->request.method == METHOD_CANCEL) {
            dispatch_cancel(connection, &item->request.params.cancel.id);
            item_free(item);
            return;
        }
        item->kind = operations_kind(item->request.method);
    }
    /* One has its turn, the others wait. */
    if (load_of(connection).queued > server->config.limits.waitingRequests) {
        send_error(connection, &item->id, JERR_BUSY, "too many requests wait on this connection");
        server->failed++;
        item_free(item);
        return;
    }
    same = item->id.kind != MESSAGE_ID_NONE ? dispatch_find(connection, &item->id) : NULL;
    if (same != NULL && item->kind != ITEM_ANSWER) {
        item->kind = ITEM_ANSWER;
        message_error_setf(&item->failure, JERR_INVALID_REQUEST,
                           "the id is still in use by an unanswered request");
    }
    dispatch_enqueue(connection, item);
}

static void take_lines(struct connection *connection)
{
    struct server *server = connection->server;
    bool read_one = false;
    while (!connection->closing && !connection->refused) {
        char *line;
        size_t length;
        enum framing_result result = framing_next(&connection->framing, &line, &length);
        if (result == FRAMING_MORE) {
            break;
        }
        if (result == FRAMING_TOO_LONG) {
            refuse(connection, JERR_MESSAGE_TOO_LARGE, NULL);
            return;
        }
        read_one = true;
        take_line(connection, line, length);
    }
    if (read_one || connection->line_since == 0) {
        connection->line_since =
            framing_is_partial(&connection->framing) ? uv_now(&server->loop) : 0;
    }
}

/* End of file in the middle of a line: said in its turn, since what was asked before is still
 * answered. */
static void take_torn_line(struct connection *connection)
{
    struct item *item = calloc(1, sizeof *item);
    if (item == NULL) {
        refuse(connection, JERR_OUT_OF_MEMORY, NULL);
        return;
    }
    item->connection = connection;
    item->kind = ITEM_ANSWER;
    item->received = uv_hrtime();
    message_error_setf(&item->failure, JERR_PARSE_ERROR, "the last line has no end");
    dispatch_enqueue(connection, item);
}

/* True when the connection may be served. */
static bool learn_peer(struct connection *connection)
{
    struct server *server = connection->server;
    struct message_error error;
    const char *reason;

    memset(&error, 0, sizeof error);
    if (peer_capture(connection->pipe, &connection->peer, &error, &reason) != 0) {
        server->refused++;
        log_event(&server->log, LOG_WARNING, "connection.refused",
                  LOG_TEXT("reason", reason != NULL ? reason : error.text),
                  LOG_NUMBER("os", error.os));
        refuse(connection, error.code, error.text);
        message_error_clear(&error);
        return false;
    }
    struct identity *identity = identity_find(&server->identities, peer_key(connection->peer));
    if (identity == NULL) {
        refuse(connection, JERR_OUT_OF_MEMORY, NULL);
        return false;
    }
    /* A refused one is not counted, or a flood of them would take the places of others. */
    if (identity->connections >= server->config.limits.connectionsPerIdentity) {
        server->refused++;
        log_event(&server->log, LOG_DEBUG, "connection.refused",
                  LOG_TEXT("reason", "too many of one identity"),
                  LOG_TEXT("identity", identity->key));
        refuse(connection, JERR_TOO_MANY_CONNECTIONS, "this account has too many connections");
        return false;
    }
    connection->identity = identity;
    identity->connections++;
    log_event(&server->log, LOG_DEBUG, "connection", LOG_TEXT("identity", identity->key),
              LOG_NUMBER("pid", peer_pid(connection->peer)),
              LOG_NUMBER("administrator", peer_is_administrator(connection->peer)));
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    (void)suggested;
    *buffer = uv_buf_init(connection->server->read_buffer, SERVER_READ_BUFFER);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;

    if (count == 0) {
        return;
    }
    if (count < 0) {
        uv_read_stop(stream);
        connection->reading = false;
        connection->ended = true;
        if (count != UV_EOF || peer_is_gone_at_eof()) {
            connection_close(connection);
            return;
        }
        if (framing_is_partial(&connection->framing)) {
            take_torn_line(connection);
        }
        connection_attend(connection);
        return;
    }
    if (connection->peer == NULL && !learn_peer(connection)) {
        return;
    }
    if (framing_add(&connection->framing, buffer->base, (size_t)count) != 0) {
        refuse(connection, JERR_OUT_OF_MEMORY, NULL);
        return;
    }
    take_lines(connection);
    connection_attend(connection);
    /* A client that asks without reading, or sends more than may wait, is read from again when
     * there is room. */
    if (!connection->closing && connection->reading) {
        struct load load = load_of(connection);
        if (load.pending > CONNECTION_PAUSE_READ || load.queued_bytes > CONNECTION_PAUSE_LIST) {
            uv_read_stop(stream);
            connection->reading = false;
        }
    }
}

static void read_start(struct connection *connection)
{
    if (connection->closing || connection->refused || connection->ended) {
        return;
    }
    if (uv_read_start((uv_stream_t *)connection->pipe, on_alloc, on_read) == 0) {
        connection->reading = true;
        if (connection->line_since != 0) {
            /* The rest of the line may have waited for us, not we for it. */
            connection->line_since = uv_now(&connection->server->loop);
        }
    } else {
        connection_close(connection);
    }
}

/* ---- what threads have left, and what is next ---- */

static void finish(struct connection *connection, struct item *item)
{
    struct server *server = connection->server;
    bool failed = item->failure.code != JERR_NONE || item->status != 0;
    size_t length;
    char *line;

    if (failed) {
        server->failed++;
    } else {
        server->served++;
    }
    if (item->failure.code == JERR_ACCESS_DENIED ||
        (item->status != 0 && item->error.code == ENGINE_ACCESS_DENIED)) {
        log_event(&server->log, LOG_DEBUG, "request.denied",
                  LOG_TEXT("identity", connection->identity->key));
    }
    if (item->has_request && log_wants(&server->log, LOG_DEBUG)) {
        log_event(&server->log, LOG_DEBUG, "request",
                  LOG_TEXT("method", method_info(item->request.method)->name),
                  LOG_TEXT("identity", connection->identity->key),
                  LOG_NUMBER("failed", failed ? 1 : 0),
                  LOG_NUMBER("microseconds", (uv_hrtime() - item->received) / 1000));
    }
    if (item->kind == ITEM_LOOP) {
        line = message_result(&item->id, status_result(connection, item), &length);
    } else {
        line = operations_answer(item, server->stop_by != 0, &length);
    }
    connection_say(connection, line, length);
}

static void take_news(struct connection *connection)
{
    struct server *server = connection->server;
    struct out *lines;
    struct item *done;

    uv_mutex_lock(&server->lock);
    lines = connection->outbox;
    connection->outbox = connection->outbox_last = NULL;
    done = connection->done;
    connection->done = connection->done_last = NULL;
    uv_mutex_unlock(&server->lock);

    if (!connection->closing && lines != NULL) {
        connection_flush(connection);
    }
    if (connection->closing) {
        connection_free_lines(lines);
    } else {
        connection_write(connection, lines);
    }
    while (done != NULL) {
        struct item *next = done->next;
        dispatch_released(connection, done);
        if (!done->abandoned) {
            finish(connection, done);
        }
        item_free(done);
        done = next;
    }
}

static void on_closed(uv_handle_t *handle);
static void on_timer(uv_timer_t *timer);

/* A thread that is stuck for a client who left is found and replaced like any other: the timer
 * stays until the last one is back. */
static void attend_closing(struct connection *connection)
{
    uint64_t now = uv_now(&connection->server->loop);
    dispatch_drop_waiting(connection);
    if (load_of(connection).taken == 0) {
        if (!uv_is_closing((uv_handle_t *)&connection->timer)) {
            uv_close((uv_handle_t *)&connection->timer, on_closed);
        } else if (connection->open_handles == 0) {
            server_connection_gone(connection->server, connection);
        }
        return;
    }
    uint64_t due = dispatch_check(connection, now);
    if (due != 0) {
        uv_timer_start(&connection->timer, on_timer, due > now ? due - now : 1, 0);
    }
}

void connection_attend(struct connection *connection)
{

    struct load load;

    for (;;) {
        struct item *item;
        take_news(connection);
        if (connection->closing) {
            attend_closing(connection);
            return;
        }
        item = dispatch_next(connection);
        if (item == NULL) {
            break;
        }
        finish(connection, item);
        item_free(item);
    }
    if (!connection->closing) {
        connection_flush(connection);
    }
    if (connection->closing) {
        return; /* by a failed write: its last handle will come back here */
    }
    load = load_of(connection);
    if (connection->ended && load.queued == 0 && load.pending == 0) {
        connection_close(connection);
        return;
    }
    if (!connection->reading && !connection->ended && load.queued_bytes <= CONNECTION_PAUSE_LIST &&
        load.pending <= CONNECTION_PAUSE_READ) {
        read_start(connection);
    }
    rearm(connection);
}

/* ---- deadlines ---- */

static void earliest(uint64_t *deadline, uint64_t candidate)
{
    if (*deadline == 0 || candidate < *deadline) {
        *deadline = candidate;
    }
}

/* The next moment at which something may have to be done; 0: none. `now` in ms of the loop. Acts on
 * what is due. */
static uint64_t check_deadlines(struct connection *connection, uint64_t now)
{
    struct server *server = connection->server;
    const struct config_limits *limits = &server->config.limits;
    uint64_t deadline = 0;
    uint64_t due;
    char text[96];
    struct load load = load_of(connection);
    bool quiet = load.queued == 0 && load.pending == 0;

    if (load.pending > 0) {
        size_t left = uv_stream_get_write_queue_size((uv_stream_t *)connection->pipe);
        /* Nothing there: a list has only just filled the outbox. */
        if (left == 0 || left != connection->write_left) {
            connection->write_left = left;
            connection->write_progress = now;
        }
        due = connection->write_progress + limits->writeSeconds * 1000ull;
        if (due <= now) {
            log_event(&server->log, LOG_INFO, "connection.closed",
                      LOG_TEXT("reason", "the client does not read"));
            connection_close(connection);
            return 0;
        }
        earliest(&deadline, due);
    }
    if (!connection->ended && connection->reading) {
        if (!connection->had_line) {
            due = connection->connected + limits->firstLineSeconds * 1000ull;
            if (due <= now) {
                snprintf(text, sizeof text, "no line came within %u s of connecting",
                         limits->firstLineSeconds);
                refuse(connection, JERR_TIMED_OUT, text);
                return 0;
            }
            earliest(&deadline, due);
        }
        if (connection->line_since != 0) {
            due = connection->line_since + limits->lineSeconds * 1000ull;
            if (due <= now) {
                snprintf(text, sizeof text, "a line was not finished within %u s",
                         limits->lineSeconds);
                refuse(connection, JERR_TIMED_OUT, text);
                return 0;
            }
            earliest(&deadline, due);
        } else if (connection->had_line) {
            if (!quiet || connection->idle_since == 0) {
                connection->idle_since = now;
            }
            due = connection->idle_since + limits->idleSeconds * 1000ull;
            if (due <= now) {
                snprintf(text, sizeof text, "idle for %u s", limits->idleSeconds);
                refuse(connection, JERR_TIMED_OUT, text);
                return 0;
            }
            earliest(&deadline, due);
        }
    }
    due = dispatch_check(connection, now);
    if (due != 0) {
        earliest(&deadline, due);
    }
    return deadline;
}

static void on_timer(uv_timer_t *timer)
{
    struct connection *connection = timer->data;
    connection->armed = 0;
    connection_attend(connection);
}

/* The timer may fire early and look again; it never fires late. */
static void rearm(struct connection *connection)
{
    uint64_t now = uv_now(&connection->server->loop);
    uint64_t deadline;

    struct load load = load_of(connection);
    if (load.queued != 0 || load.pending != 0) {
        connection->idle_since = 0;
    } else if (connection->idle_since == 0) {
        connection->idle_since = now;
    }
    deadline = check_deadlines(connection, now);
    if (deadline == 0 || connection->closing) {
        return;
    }
    if (connection->armed == 0 || deadline < connection->armed) {
        connection->armed = deadline;
        uv_timer_start(&connection->timer, on_timer, deadline > now ? deadline - now : 0, 0);
    }
}

/* ---- from first to last ---- */

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    if (handle == (uv_handle_t *)connection->pipe) {
        free(connection->pipe);
        connection->pipe = NULL;
    }
    connection->open_handles--;
    connection_attend(connection);
}

void connection_close(struct connection *connection)
{
    struct server *server = connection->server;
    if (connection->closing) {
        return;
    }
    connection_free_lines(connection->said);
    connection->said = connection->said_last = NULL;
    /* First, or a thread that comes back in between would begin the next one. */
    uv_mutex_lock(&server->lock);
    connection->closing = true;
    uv_mutex_unlock(&server->lock);
    dispatch_cancel_all(connection, true);
    uv_timer_stop(&connection->timer);
    uv_close((uv_handle_t *)connection->pipe, on_closed);
    attend_closing(connection);
}

static void close_bare(uv_handle_t *handle)
{
    free(handle);
}

void connection_open(struct server *server, uv_pipe_t *pipe)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL || uv_cond_init(&connection->drained) != 0) {
        free(connection);
        uv_close((uv_handle_t *)pipe, close_bare);
        return;
    }
    connection->server = server;
    connection->pipe = pipe;
    connection->connected = uv_now(&server->loop);
    connection->open_handles = 2;
    pipe->data = connection;
    uv_timer_init(&server->loop, &connection->timer);
    connection->timer.data = connection;
    framing_init(&connection->framing);
    connection->next = server->connections;
    if (server->connections != NULL) {
        server->connections->previous = connection;
    }
    server->connections = connection;

    if (server->connection_count >= server->config.limits.connections) {
        server->refused++;
        refuse(connection, JERR_TOO_MANY_CONNECTIONS, NULL);
        return;
    }
    if (server->stop_by != 0) {
        refuse(connection, JERR_STOPPING, NULL);
        return;
    }
    if (!peer_needs_a_byte() && !learn_peer(connection)) {
        return;
    }
    connection->counted = true;
    server->connection_count++;
    connection_attend(connection);
}

void connection_stop(struct connection *connection)
{
    if (connection->closing) {
        return;
    }
    connection->ended = true;
    if (connection->reading) {
        uv_read_stop((uv_stream_t *)connection->pipe);
        connection->reading = false;
    }
    dispatch_cancel_all(connection, false);
    connection_attend(connection);
}

void connection_abandon(struct connection *connection)
{
    if (connection->closing) {
        return;
    }
    dispatch_abandon_running(connection);
    connection_attend(connection);
    if (!connection->closing) {
        connection_close(connection);
    }
}
