/* A service that says what it is told to, right or wrong, on a socket of its own. */
#ifndef CLIENT_FAKE_H
#define CLIENT_FAKE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

enum fake_then { FAKE_CLOSE, FAKE_STAY };

struct fake {
    const char *first; /* after the first line; NULL: nothing */
    size_t length;     /* of `first`; 0: strlen */
    enum fake_then then;
    const char *second; /* after the second line, with FAKE_STAY */
    int signal;         /* sent to this process instead of an answer to the first line; 0: none */

    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    char got[8192];
    int listening;
    uv_thread_t thread;
};

static void fake_send(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void fake_serve(void *context)
{
    struct fake *fake = context;
    int fd = accept(fake->listening, NULL, NULL);
    size_t held = 0, lines = 0;

    if (fd < 0)
        return;
    while (held < sizeof fake->got - 1) {
        ssize_t count = read(fd, fake->got + held, sizeof fake->got - 1 - held);
        if (count <= 0)
            break;
        for (ssize_t i = 0; i < count; i++) {
            if (fake->got[held + (size_t)i] != '\n')
                continue;
            lines++;
            if (lines == 1 && fake->signal)
                (void)kill(getpid(), fake->signal);
            if (lines == 1 && fake->first)
                fake_send(fd, fake->first, fake->length ? fake->length : strlen(fake->first));
            if (lines == 2 && fake->second)
                fake_send(fd, fake->second, strlen(fake->second));
        }
        held += (size_t)count;
        if (lines >= 1 && fake->then == FAKE_CLOSE)
            break;
    }
    (void)close(fd);
}

static void fake_start(struct fake *fake)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(fake->path, sizeof fake->path, "/tmp/junction-fake-%ld.sock", (long)getpid());
    (void)unlink(fake->path);
    memcpy(address.sun_path, fake->path, sizeof address.sun_path);
    memset(fake->got, 0, sizeof fake->got);
    fake->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fake->listening >= 0);
    assert_int_equal(bind(fake->listening, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listening, 1), 0);
    assert_int_equal(uv_thread_create(&fake->thread, fake_serve, fake), 0);
}

static void fake_stop(struct fake *fake)
{
    assert_int_equal(uv_thread_join(&fake->thread), 0);
    (void)close(fake->listening);
    (void)unlink(fake->path);
}

#endif
