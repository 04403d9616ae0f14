#include "connect.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../protocol/pipe_name.h"

/* connect() of our own rather than uv_pipe_connect: a full backlog must be waited for, and the
 * service's identity is looked at before libuv has the descriptor. Returns it, or -1 with errno. */
static int connect_socket(const char *path, unsigned timeout_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = timeout_ms / 1000,
                           .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    int fd, error;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (timeout_ms > 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0)
        goto error;
    while (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EINTR)
            goto error;
    }
    return fd;

error:
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static int check_owner(int fd, const char *path, struct problem *problem)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        problem_set(problem, PROBLEM_UNTRUSTED_SERVICE, EXIT_UNTRUSTED_SERVICE,
                    "the system does not tell who serves %.110s; nothing was sent", path);
        problem->os = errno;
        return -1;
    }
    if (peer.uid == 0 || peer.uid == geteuid())
        return 0;
    problem_set(problem, PROBLEM_UNTRUSTED_SERVICE, EXIT_UNTRUSTED_SERVICE,
                "%.110s is served by user %u, who is neither root nor you; nothing was sent", path,
                (unsigned)peer.uid);
    return -1;
}

static void explain(const char *path, int error, struct problem *problem)
{
    switch (error) {
    case EAGAIN:
        problem_set(problem, "TIMED_OUT", EXIT_UNFINISHED,
                    "the service at %.110s did not take the connection in time", path);
        return;
    case EACCES:
    case EPERM:
        problem_set(problem, "ACCESS_DENIED", EXIT_REFUSED, "no permission to connect to %.110s",
                    path);
        break;
    case ENOENT:
        problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE,
                    "the service is not running: there is no %.110s", path);
        return;
    case ECONNREFUSED:
        problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE,
                    "the service is not running: nobody listens at %.110s", path);
        return;
    default:
        problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE, "cannot connect to %.110s", path);
        break;
    }
    problem->os = error;
}

int connect_open(uv_pipe_t *pipe, const char *name, unsigned timeout_ms, struct problem *problem)
{
    char paths[2][PIPE_NAME_SIZE];
    size_t count = 1;
    int fd = -1, result;

    if (!name) {
        count = pipe_name_defaults(paths);
    } else if (pipe_name_from_option(name, paths[0]) != 0) {
        problem_set(problem, "INVALID_PATH", EXIT_USAGE,
                    "--pipe: the name is empty or too long for a socket");
        return -1;
    }
    if (count == 0) {
        problem_set(problem, PROBLEM_NO_SERVICE, EXIT_NO_SERVICE, "there is no default socket");
        return -1;
    }
    for (size_t i = 0; i < count && fd < 0; i++) {
        fd = connect_socket(paths[i], timeout_ms);
        if (fd < 0) {
            /* The first default is the one to be told about, unless only the second is out of
             * order. */
            if (i == 0 || (problem->exit == EXIT_NO_SERVICE && errno != ENOENT))
                explain(paths[i], errno, problem);
        } else if (check_owner(fd, paths[i], problem) != 0) {
            (void)close(fd);
            return -1;
        }
    }
    if (fd < 0)
        return -1;
    result = uv_pipe_open(pipe, fd);
    if (result != 0) {
        (void)close(fd);
        problem_set(problem, "INTERNAL_ERROR", EXIT_OTHER, "the connection cannot be used: %s",
                    uv_strerror(result));
        return -1;
    }
    problem_clear(problem);
    return 0;
}
