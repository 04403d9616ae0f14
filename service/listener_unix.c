#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "process.h"

#define BACKLOG  512
#define RETRY_MS 100

struct listener {
    uv_pipe_t pipe;
    uv_timer_t retry; /* of an accept for which there was no memory */
    int open_handles;
    listener_on_connection on_connection;
    void *context;
    void (*closed)(void *context);
    void *closed_context;
    int lock;
    char name[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static int fail(char why[512], const char *what, int error)
{
    snprintf(why, 512, "%.300s: %s", what, strerror(error));
    return -1;
}

/* The directory of the socket must be one in which nobody else can put something in our place. It
 * is made when it is missing. */
static int check_directory(const char *name, char why[512])
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct stat status;
    char *end;

    snprintf(path, sizeof path, "%s", name);
    end = strrchr(path, '/');
    if (end == NULL || end == path) {
        snprintf(why, 512, "the name must be a path with a directory");
        return -1;
    }
    *end = '\0';
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        return fail(why, path, errno);
    }
    if (lstat(path, &status) != 0) {
        return fail(why, path, errno);
    }
    if (!S_ISDIR(status.st_mode)) {
        snprintf(why, 512, "%.300s: is not a directory", path);
        return -1;
    }
    if ((status.st_mode & S_ISVTX) != 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        snprintf(why, 512, "%.300s: accounts other than its owner can write to it", path);
        return -1;
    }
    return process_check_directory(path, why) == 0 ? 0 : -1;
}

/* A second service is kept out by a lock, which ends with its process: a socket that is left over
 * says nothing. */
static int take_lock(const char *name, char why[512])
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
    int fd;

    snprintf(path, sizeof path, "%s.lock", name);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fail(why, path, errno);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            snprintf(why, 512, "another service listens there");
        } else {
            fail(why, path, errno);
        }
        close(fd);
        return -1;
    }
    return fd;
}

static int remove_left_over(const char *name, char why[512])
{
    struct stat status;
    if (lstat(name, &status) != 0) {
        return errno == ENOENT ? 0 : fail(why, name, errno);
    }
    if (!S_ISSOCK(status.st_mode)) {
        snprintf(why, 512, "%.300s: is there and is not a socket", name);
        return -1;
    }
    return unlink(name) == 0 ? 0 : fail(why, name, errno);
}

static void free_pipe(uv_handle_t *handle)
{
    free(handle);
}

static void on_incoming(uv_stream_t *stream, int status);

static void on_retry(uv_timer_t *timer)
{
    struct listener *listener = timer->data;
    on_incoming((uv_stream_t *)&listener->pipe, 0);
}

static void on_incoming(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    uv_pipe_t *pipe;

    if (status != 0) {
        return;
    }
    pipe = malloc(sizeof *pipe);
    if (pipe == NULL) {
        /* The connection waits until there is memory. The loop looks for no others before this one
         * was accepted, and would not come back for it. */
        uv_timer_start(&listener->retry, on_retry, RETRY_MS, 0);
        return;
    }
    if (uv_pipe_init(stream->loop, pipe, 0) != 0) {
        free(pipe);
        return;
    }
    if (uv_accept(stream, (uv_stream_t *)pipe) != 0) {
        uv_close((uv_handle_t *)pipe, free_pipe);
        return;
    }
    listener->on_connection(listener->context, pipe);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    if (--listener->open_handles > 0) {
        return;
    }
    if (listener->closed != NULL) {
        listener->closed(listener->closed_context);
    }
    free(listener);
}

static void close_handles(struct listener *listener)
{
    uv_close((uv_handle_t *)&listener->retry, on_closed);
    uv_close((uv_handle_t *)&listener->pipe, on_closed);
}

int listener_open(uv_loop_t *loop, const char *name, listener_on_connection on_connection,
                  void *context, struct listener **out, char why[512])
{
    struct listener *listener = calloc(1, sizeof *listener);
    int result;

    if (listener == NULL) {
        snprintf(why, 512, "out of memory");
        return -1;
    }
    listener->lock = -1;
    listener->on_connection = on_connection;
    listener->context = context;
    if (strlen(name) >= sizeof listener->name) {
        snprintf(why, 512, "the name is longer than a socket's may be");
        goto error;
    }
    memcpy(listener->name, name, strlen(name) + 1);
    if (check_directory(name, why) != 0) {
        goto error;
    }
    listener->lock = take_lock(name, why);
    if (listener->lock < 0 || remove_left_over(name, why) != 0) {
        goto error;
    }
    uv_pipe_init(loop, &listener->pipe, 0);
    listener->pipe.data = listener;
    uv_timer_init(loop, &listener->retry);
    listener->retry.data = listener;
    listener->open_handles = 2;
    result = uv_pipe_bind(&listener->pipe, name);
    /* Root's service is for everybody, who is known by the socket's credentials; any other for its
     * own account only. */
    if (result == 0 && chmod(name, geteuid() == 0 ? 0666 : 0600) != 0) {
        result = uv_translate_sys_error(errno);
    }
    if (result == 0) {
        result = uv_listen((uv_stream_t *)&listener->pipe, BACKLOG, on_incoming);
    }
    if (result != 0) {
        snprintf(why, 512, "%s", uv_strerror(result));
        unlink(name);
        close(listener->lock);
        close_handles(listener);
        return -1;
    }
    *out = listener;
    return 0;

error:
    if (listener->lock >= 0) {
        close(listener->lock);
    }
    free(listener);
    return -1;
}

void listener_close(struct listener *listener, void (*closed)(void *context), void *context)
{
    listener->closed = closed;
    listener->closed_context = context;
    /* The name goes before the lock: a service that starts now makes its own. The lock is given up
     * at once, since a process whose threads are stuck in the kernel may linger after its end. */
    unlink(listener->name);
    close(listener->lock);
    close_handles(listener);
}
