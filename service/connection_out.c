/* The way out of a connection: lines gathered, written, and counted until the system has them. */
#include <stdlib.h>

#include "server.h"

#define WRITE_BUFFERS 64
#define SAID_MAX      65536u /* bytes of answers gathered before they are written */

struct write {
    uv_write_t request;
    struct connection *connection;
    size_t length;
    unsigned count;
    char *lines[WRITE_BUFFERS];
};

static void write_free(struct write *write)
{
    for (unsigned i = 0; i < write->count; i++) {
        free(write->lines[i]);
    }
    free(write);
}

static void on_written(uv_write_t *request, int status)
{
    struct write *write = request->data;
    struct connection *connection = write->connection;
    struct server *server = connection->server;

    uv_mutex_lock(&server->lock);
    connection->pending -= write->length;
    uv_cond_broadcast(&connection->drained);
    uv_mutex_unlock(&server->lock);
    write_free(write);
    connection->write_progress = uv_now(&server->loop);
    if (status != 0) {
        connection_close(connection);
        return;
    }
    connection_attend(connection);
}

void connection_free_lines(struct out *lines)
{
    while (lines != NULL) {
        struct out *next = lines->next;
        free(lines->line);
        free(lines);
        lines = next;
    }
}

/* Gives the lines (counted in `pending` already) to the system. */
void connection_write(struct connection *connection, struct out *lines)
{
    while (lines != NULL) {
        uv_buf_t buffers[WRITE_BUFFERS];
        struct write *write = calloc(1, sizeof *write);
        if (write == NULL) {
            connection_free_lines(lines);
            connection_close(connection);
            return;
        }
        write->connection = connection;
        write->request.data = write;
        while (lines != NULL && write->count < WRITE_BUFFERS) {
            struct out *out = lines;
            lines = out->next;
            buffers[write->count] = uv_buf_init(out->line, (unsigned)out->length);
            write->lines[write->count++] = out->line;
            write->length += out->length;
            free(out);
        }
        if (uv_stream_get_write_queue_size((uv_stream_t *)connection->pipe) == 0) {
            connection->write_progress = uv_now(&connection->server->loop);
        }
        int status = uv_write(&write->request, (uv_stream_t *)connection->pipe, buffers,
                              write->count, on_written);
        if (status != 0) {
            uv_mutex_lock(&connection->server->lock);
            connection->pending -= write->length;
            uv_mutex_unlock(&connection->server->lock);
            write_free(write);
            connection_close(connection);
        }
    }
}

struct out *connection_line(char *line, size_t length)
{
    struct out *out = line != NULL ? malloc(sizeof *out) : NULL;
    if (out == NULL) {
        free(line);
        return NULL;
    }
    out->next = NULL;
    out->line = line;
    out->length = length;
    return out;
}

/* What was said so far goes out in one piece. */
void connection_flush(struct connection *connection)
{
    struct out *lines = connection->said;
    if (lines == NULL) {
        return;
    }
    connection->said = connection->said_last = NULL;
    uv_mutex_lock(&connection->server->lock);
    connection->pending += connection->said_bytes;
    uv_mutex_unlock(&connection->server->lock);
    connection->said_bytes = 0;
    connection_write(connection, lines);
}

/* Takes the line (NULL: memory is out, and without its answer a client would wait forever). It goes
 * out with the next flush. */
void connection_say(struct connection *connection, char *line, size_t length)
{
    struct out *out;
    if (connection->closing) {
        free(line);
        return;
    }
    out = connection_line(line, length);
    if (out == NULL) {
        connection_close(connection);
        return;
    }
    if (connection->said_last == NULL) {
        connection->said = out;
    } else {
        connection->said_last->next = out;
    }
    connection->said_last = out;
    connection->said_bytes += length;
    if (connection->said_bytes > SAID_MAX) {
        connection_flush(connection);
    }
}
