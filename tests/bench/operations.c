/* Times single operations: the system calls issued bare, and the same work through the service, one
 * request at a time and pipelined. The three take turns within one run, on one mount, as one user,
 * so that their ratios hold on a noisy machine.
 *
 *     operations SOCKET DIRECTORY COUNT ROUNDS      prints one JSON object a measurement:
 * microseconds per operation, one number a round operations spawn ROUNDS PROGRAM [ARG...] --
 * PROGRAM [ARG...]      the same for two whole processes
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define WINDOW     48 /* requests under way when pipelined; the service lets 64 wait */
#define MAX_ROUNDS 101
#define ATTRIBUTE  "system.ntfs_reparse_data"

extern char **environ;

enum kind { CREATE, SHOW, DELETE, KINDS };
enum way { BARE, SINGLE, PIPELINED, WAYS };
static const char *const kind_names[] = {"create", "show", "delete"};
static const char *const way_names[] = {"bare", "single", "pipelined"};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- bare: what the engine does on the volume, and nothing else ---- */

static const uint8_t buffer[] = {0x03, 0, 0,    0xa0, 0x2c, 0, 0,   0, 0,    0, 0x14, 0, 0x16, 0,
                                 12,   0, '\\', 0,    '?',  0, '?', 0, '\\', 0, 'C',  0, ':',  0,
                                 '\\', 0, 't',  0,    'g',  0, 't', 0, 0,    0, 'C',  0, ':',  0,
                                 '\\', 0, 't',  0,    'g',  0, 't', 0, 0,    0};

static int pin(int at, const char *name, int flags)
{
    struct open_how how = {.flags = (uint64_t)(O_PATH | O_CLOEXEC | flags)};
    return (int)syscall(SYS_openat2, at, name, &how, sizeof how);
}

static int pin_parent(const char *directory, struct statx *status)
{
    int parent = pin(AT_FDCWD, directory, O_DIRECTORY);
    if (parent < 0 ||
        statx(parent, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, status) != 0) {
        die(directory);
    }
    return parent;
}

static void bare(enum kind kind, const char *directory, const char *name)
{
    struct statx status;
    struct stat settled;
    char path[32];
    uint8_t value[16384];
    uint8_t small[8];
    int parent = pin_parent(directory, &status);

    if (kind == CREATE && mkdirat(parent, name, 0755) != 0) {
        die("mkdirat");
    }
    int leaf = pin(parent, name, O_NOFOLLOW);
    if (leaf < 0 ||
        statx(leaf, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status) != 0) {
        die("leaf");
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", leaf);
    switch (kind) {
    case CREATE:
        if (setxattr(path, ATTRIBUTE, buffer, sizeof buffer, XATTR_CREATE) != 0) {
            die("setxattr");
        }
        (void)fstat(leaf, &settled); /* EIO once */
        break;
    case SHOW:
        if (getxattr(path, ATTRIBUTE, value, sizeof value) != sizeof buffer ||
            getxattr(path, "system.ntfs_crtime", small, 8) != 8 ||
            getxattr(path, "system.ntfs_attrib", small, 4) != 4) {
            die("getxattr");
        }
        break;
    case DELETE:
        if (getxattr(path, ATTRIBUTE, value, sizeof value) != sizeof buffer ||
            syscall(SYS_faccessat2, parent, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH) != 0 ||
            removexattr(path, ATTRIBUTE) != 0) {
            die("removexattr");
        }
        (void)fstat(leaf, &settled);
        if (unlinkat(parent, name, AT_REMOVEDIR) != 0) {
            die("unlinkat");
        }
        break;
    case KINDS:
        break;
    }
    close(leaf);
    close(parent);
}

/* ---- through the service ---- */

struct peer {
    int socket;
    char in[65536];
    size_t held;
};

static void peer_open(struct peer *peer, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", name);
    peer->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    peer->held = 0;
    if (peer->socket < 0 ||
        connect(peer->socket, (struct sockaddr *)&address, sizeof address) != 0) {
        die(name);
    }
}

static size_t compose(char *out, size_t size, enum kind kind, const char *directory, int number)
{
    static const char *const forms[] = {
        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"junction.create\",\"params\":{\"link\":\"%s/"
        "l%d\",\"target\":\"C:\\\\tgt\"}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"reparse.show\",\"params\":{\"path\":\"%s/"
        "l%d\"}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"junction.delete\",\"params\":{\"link\":\"%s/"
        "l%d\"}}\n"};
    const char *form = forms[kind];
    char line[1024];
    const char *at = form;
    size_t length = 0;
    int argument = 0;
    /* A fixed form with three places: id, directory, number. */
    while (*at != '\0' && length < sizeof line - 600) {
        if (at[0] == '%') {
            length += (size_t)(at[1] == 's' ? snprintf(line + length, 500, "%s", directory)
                                            : snprintf(line + length, 16, "%d", number));
            argument++;
            at += 2;
        } else {
            line[length++] = *at++;
        }
    }
    if (argument != 3 || length > size) {
        die("compose");
    }
    memcpy(out, line, length);
    return length;
}

static void send_all(struct peer *peer, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(peer->socket, bytes, length, 0);
        if (sent <= 0) {
            die("send");
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Reads at least one answer; returns how many came. */
static int receive(struct peer *peer)
{
    int lines = 0;
    do {
        ssize_t got = recv(peer->socket, peer->in + peer->held, sizeof peer->in - peer->held, 0);
        if (got <= 0) {
            die("recv");
        }
        size_t end = peer->held + (size_t)got;
        size_t start = 0;
        for (size_t i = peer->held; i < end; i++) {
            if (peer->in[i] == '\n') {
                peer->in[i] = '\0';
                if (strstr(peer->in + start, "\"result\":") == NULL) {
                    fprintf(stderr, "an operation failed: %s\n", peer->in + start);
                    exit(1);
                }
                start = i + 1;
                lines++;
            }
        }
        memmove(peer->in, peer->in + start, end - start);
        peer->held = end - start;
    } while (lines == 0);
    return lines;
}

static void through(struct peer *peer, enum kind kind, const char *directory, int count, int window)
{
    char out[WINDOW * 1024];
    int sent = 0;
    int answered = 0;
    while (answered < count) {
        size_t length = 0;
        /* Half a window at once: neither side waits for the other. */
        while (sent < count && sent - answered < window && length < sizeof out - 1024) {
            length += compose(out + length, sizeof out - length, kind, directory, sent++);
        }
        if (length > 0) {
            send_all(peer, out, length);
        }
        answered += receive(peer);
    }
}

static void measure(struct peer *peer, enum way way, enum kind kind, const char *directory,
                    int count)
{
    if (way != BARE) {
        through(peer, kind, directory, count, way == SINGLE ? 1 : WINDOW);
        return;
    }
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "l%d", i);
        bare(kind, directory, name);
    }
}

static int operations(const char *socket_name, const char *directory, int count, int rounds)
{
    static double times[KINDS][WAYS][MAX_ROUNDS];
    struct peer peer;
    peer_open(&peer, socket_name);
    for (int round = -1; round < rounds; round++) { /* the first one is not counted */
        for (int step = 0; step < WAYS; step++) {
            enum way way = (enum way)((step + round + 1) % WAYS);
            for (int kind = 0; kind < KINDS; kind++) {
                double begun = now();
                measure(&peer, way, (enum kind)kind, directory, count);
                if (round >= 0) {
                    times[kind][way][round] = (now() - begun) / count;
                }
            }
        }
    }
    for (int kind = 0; kind < KINDS; kind++) {
        for (int way = 0; way < WAYS; way++) {
            printf("{\"kind\":\"%s\",\"way\":\"%s\",\"us\":[", kind_names[kind], way_names[way]);
            for (int round = 0; round < rounds; round++) {
                printf("%s%.2f", round > 0 ? "," : "", times[kind][way][round]);
            }
            printf("]}\n");
        }
    }
    close(peer.socket);
    return 0;
}

/* ---- whole processes ---- */

static double run(char **command, long *resident)
{
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t child;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    double begun = now();
    if (posix_spawn(&child, command[0], &actions, NULL, command, environ) != 0 ||
        wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        die(command[0]);
    }
    double time = now() - begun;
    posix_spawn_file_actions_destroy(&actions);
    *resident = usage.ru_maxrss;
    return time;
}

static int spawn(int rounds, char **first)
{
    char **second = first;
    long resident;
    while (*second != NULL && strcmp(*second, "--") != 0) {
        second++;
    }
    if (*second == NULL) {
        return 2;
    }
    *second++ = NULL;
    for (int round = -3; round < rounds; round++) {
        for (int which = 0; which < 2; which++) {
            double time = run(which == 0 ? first : second, &resident);
            if (round >= 0) {
                printf("{\"which\":%d,\"us\":%.1f,\"residentKiB\":%ld}\n", which, time, resident);
            }
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    if (count > 5 && strcmp(arguments[1], "spawn") == 0) {
        return spawn(atoi(arguments[2]), arguments + 3);
    }
    if (count != 5 || atoi(arguments[4]) < 1 || atoi(arguments[4]) > MAX_ROUNDS) {
        fputs("operations SOCKET DIRECTORY COUNT ROUNDS\n", stderr);
        return 2;
    }
    return operations(arguments[1], arguments[2], atoi(arguments[3]), atoi(arguments[4]));
}
