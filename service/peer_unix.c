#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../protocol/errors.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define MAX_GROUPS 65536 /* NGROUPS_MAX of the kernel */

struct peer {
    atomic_int references;
    uid_t uid;
    gid_t gid;
    pid_t pid;
    bool
        root_here; /* uid 0 of the service's own user namespace: keeps the service's capabilities */
    bool service_is_root;
    gid_t service_gid;
    struct __user_cap_data_struct capabilities[2]; /* the service's: what a thread puts back */
    char key[32];
    size_t group_count;
    gid_t groups[];
};

bool peer_needs_a_byte(void)
{
    return false;
}

bool peer_is_gone_at_eof(void)
{
    return false;
}

bool peer_may_change(void)
{
    return true;
}

/* Uid 0 may come from another user namespace in which root here is mapped: such a caller owns
 * root's files and has none of root's capabilities. The process id can be trusted as far as the
 * process still lives after its namespace was read. */
static bool is_root_here(int socket, pid_t pid)
{
    char path[64];
    struct stat own;
    struct stat other;
    int pidfd = -1;
    socklen_t size = sizeof pidfd;
    bool same;

    if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) != 0) {
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    }
    if (pidfd < 0) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/%ld/ns/user", (long)pid);
    same = stat("/proc/self/ns/user", &own) == 0 && stat(path, &other) == 0 &&
           own.st_dev == other.st_dev && own.st_ino == other.st_ino;
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    if (poll(&ended, 1, 0) != 0) {
        same = false;
    }
    close(pidfd);
    return same;
}

int peer_capture(uv_pipe_t *pipe, struct peer **out, struct message_error *error,
                 const char **reason)
{
    uv_os_fd_t socket;
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    socklen_t groups_size = 0;
    struct peer *peer;

    *reason = NULL;
    if (uv_fileno((uv_handle_t *)pipe, &socket) != 0 ||
        getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        message_error_setf(error, JERR_IDENTITY_REFUSED, "the caller's identity cannot be read");
        error->os = errno;
        return -1;
    }
    if (credentials.uid == (uid_t)-1 || credentials.gid == (gid_t)-1) {
        message_error_setf(error, JERR_IDENTITY_REFUSED,
                           "the caller's account does not exist on this system");
        return -1;
    }
    if (geteuid() != 0 && credentials.uid != geteuid()) {
        message_error_setf(error, JERR_IDENTITY_REFUSED,
                           "this service is not root and serves its own account only");
        return -1;
    }
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &groups_size) != 0 && errno != ERANGE) {
        message_error_setf(error, JERR_IDENTITY_REFUSED, "the caller's groups cannot be read");
        error->os = errno;
        return -1;
    }
    if (groups_size > MAX_GROUPS * sizeof(gid_t)) {
        groups_size = MAX_GROUPS * sizeof(gid_t);
    }
    peer = calloc(1, sizeof *peer + groups_size);
    if (peer == NULL) {
        message_error_set(error, JERR_OUT_OF_MEMORY);
        return -1;
    }
    if (groups_size > 0 &&
        getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &groups_size) != 0) {
        message_error_setf(error, JERR_IDENTITY_REFUSED, "the caller's groups cannot be read");
        error->os = errno;
        free(peer);
        return -1;
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    if (syscall(SYS_capget, &header, peer->capabilities) != 0) {
        message_error_setf(error, JERR_INTERNAL_ERROR, "the service's capabilities cannot be read");
        error->os = errno;
        free(peer);
        return -1;
    }
    peer->service_is_root = geteuid() == 0;
    peer->service_gid = getegid();
    atomic_init(&peer->references, 1);
    peer->group_count = groups_size / sizeof(gid_t);
    peer->uid = credentials.uid;
    peer->gid = credentials.gid;
    peer->pid = credentials.pid;
    peer->root_here = credentials.uid == 0 && is_root_here(socket, credentials.pid);
    snprintf(peer->key, sizeof peer->key, "uid:%lu", (unsigned long)credentials.uid);
    *out = peer;
    return 0;
}

struct peer *peer_hold(struct peer *peer)
{
    atomic_fetch_add(&peer->references, 1);
    return peer;
}

void peer_release(struct peer *peer)
{
    if (atomic_fetch_sub(&peer->references, 1) == 1) {
        free(peer);
    }
}

const char *peer_key(const struct peer *peer)
{
    return peer->key;
}

long peer_pid(const struct peer *peer)
{
    return peer->pid;
}

bool peer_is_administrator(const struct peer *peer)
{
    return peer->root_here;
}

/* ---- the scope ----
 *
 * Raw system calls: glibc's setgroups and friends change every thread of the process. setfsuid and
 * setfsgid do not report errors, so what they did is read back. A service that is not root serves
 * only its own uid and has nothing to put on. */

/* Effective capabilities of this thread become the permitted ones, or none. */
static int set_effective(const struct peer *peer, bool full)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memcpy(data, peer->capabilities, sizeof data);
    for (int i = 0; i < 2; i++) {
        data[i].effective = full ? data[i].permitted : 0;
    }
    return syscall(SYS_capset, &header, data) != 0 ? errno : 0;
}

static int set_ids(uid_t uid, gid_t gid)
{
    syscall(SYS_setfsgid, gid);
    syscall(SYS_setfsuid, uid);
    if ((gid_t)syscall(SYS_setfsgid, (gid_t)-1) != gid ||
        (uid_t)syscall(SYS_setfsuid, (uid_t)-1) != uid) {
        return EPERM;
    }
    return 0;
}

/* Each change of credentials makes new ones; what is the same already is left alone.
 * process_prepare has taken the service's own supplementary groups away. */
static void leave(void *who)
{
    const struct peer *peer = who;
    if (!peer->service_is_root) {
        return;
    }
    /* The effective capabilities come first: they are what allows the rest. */
    if ((!peer->root_here && set_effective(peer, true) != 0) ||
        set_ids(0, peer->service_gid) != 0 ||
        (peer->group_count > 0 && syscall(SYS_setgroups, 0, NULL) != 0)) {
        abort(); /* better no service than a thread that is somebody else */
    }
}

static int enter(void *who)
{
    const struct peer *peer = who;
    int error = 0;

    if (!peer->service_is_root) {
        return 0;
    }
    /* A thread that is somebody already must not go on. */
    if ((uid_t)syscall(SYS_setfsuid, (uid_t)-1) != 0 || syscall(SYS_getgroups, 0, NULL) != 0) {
        abort();
    }
    if (peer->group_count > 0 && syscall(SYS_setgroups, peer->group_count, peer->groups) != 0) {
        return errno;
    }
    error = set_ids(peer->uid, peer->gid);
    if (error == 0 && !peer->root_here) {
        error = set_effective(peer, false);
    }
    if (error == 0) {
        return 0;
    }
    leave(who);
    return error;
}

struct engine_scope peer_scope(struct peer *peer)
{
    struct engine_scope scope = {enter, leave, peer};
    return scope;
}
