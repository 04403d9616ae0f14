/* A real NTFS volume in a file, mounted by ntfs-3g, and callers to work as: for the engine's tests
 * on Linux. */
#ifndef JUNCTION_TEST_NTFS_VOLUME_H
#define JUNCTION_TEST_NTFS_VOLUME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../service/engine/engine.h"

#define REPARSE "system.ntfs_reparse_data"

struct ntfs_volume {
    char home[64], image[96], mount[96];
    const char *missing; /* why there is none */
};

static inline int ntfs_run(const char *const *arguments)
{
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline bool ntfs_mount(struct ntfs_volume *volume, const char *options)
{
    const char *const arguments[] = {"ntfs-3g", volume->image, volume->mount, "-o", options, NULL};
    return ntfs_run(arguments) == 0;
}

static inline void ntfs_unmount(struct ntfs_volume *volume)
{
    for (int i = 0; i < 100 && umount2(volume->mount, 0) != 0 && errno == EBUSY; i++)
        usleep(20000);
}

/* Empty `missing` when it worked. */
static inline void ntfs_open(struct ntfs_volume *volume, const char *megabytes, const char *options)
{
    memset(volume, 0, sizeof *volume);
    strcpy(volume->home, "/tmp/junction-test-XXXXXX");
    if (geteuid() != 0) {
        volume->missing = "needs root, to mount a volume and to work as other users";
    } else if (access("/dev/fuse", R_OK | W_OK) != 0) {
        volume->missing = "needs /dev/fuse";
    } else if (!mkdtemp(volume->home) || chmod(volume->home, 0755) != 0) {
        volume->missing = "cannot make a directory in /tmp";
    }
    if (volume->missing)
        return;
    snprintf(volume->image, sizeof volume->image, "%s/image", volume->home);
    snprintf(volume->mount, sizeof volume->mount, "%s/volume", volume->home);
    const char *const size[] = {"truncate", "-s", megabytes, volume->image, NULL};
    const char *const format[] = {"mkntfs", "-F", "-Q", "-q", volume->image, NULL};
    umask(022);
    if (mkdir(volume->mount, 0755) != 0 || ntfs_run(size) != 0 || ntfs_run(format) != 0)
        volume->missing = "needs mkntfs (package ntfs-3g)";
    else if (!ntfs_mount(volume, options))
        volume->missing = "ntfs-3g cannot mount here";
}

static inline void ntfs_close(struct ntfs_volume *volume)
{
    if (volume->mount[0]) {
        ntfs_unmount(volume);
        const char *const remove[] = {"rm", "-rf", "--one-file-system", volume->home, NULL};
        ntfs_run(remove);
    }
}

#define NEED_VOLUME(volume)                                    \
    do {                                                       \
        if ((volume)->missing) {                               \
            print_message("SKIPPED: %s\n", (volume)->missing); \
            skip();                                            \
        }                                                      \
    } while (0)

/* A path on the volume; the four last results stay valid. */
static inline const char *on(const struct ntfs_volume *volume, const char *rest)
{
    static char texts[4][8192];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof texts[0], "%s/%s", volume->mount, rest);
    return text;
}

/* ---- callers
 * ----------------------------------------------------------------------------------------------------
 */

static inline int self_enter(void *who)
{
    ++*(int *)who;
    return 0;
}

static inline void self_leave(void *who)
{
    assert_true(--*(int *)who >= 0);
}

/* The thread's own rights; *depth shows that each enter has its leave. */
static inline struct engine_work self_work(int *depth)
{
    struct engine_work work;
    *depth = 0;
    engine_work_init(&work, (struct engine_scope){self_enter, self_leave, depth});
    return work;
}

static inline int user_enter(void *who)
{
    uid_t uid = *(uid_t *)who;
    syscall(SYS_setgroups, 0, NULL);
    syscall(SYS_setfsgid, uid);
    syscall(SYS_setfsuid, uid);
    return (uid_t)syscall(SYS_setfsuid, -1) == uid ? 0 : EPERM;
}

static inline void user_leave(void *who)
{
    (void)who;
    syscall(SYS_setfsuid, 0);
    syscall(SYS_setfsgid, 0);
}

static inline struct engine_work user_work(uid_t *uid)
{
    struct engine_work work;
    engine_work_init(&work, (struct engine_scope){user_enter, user_leave, uid});
    return work;
}

/* ---- buffers
 * ----------------------------------------------------------------------------------------------------
 */

/* A MOUNT_POINT or SYMLINK buffer with ASCII names. */
static inline size_t raw_link(uint32_t tag, unsigned flags, const char *substitute,
                              const char *print, uint8_t *out)
{
    size_t s = strlen(substitute) * 2, p = strlen(print) * 2, at = 8;
    bool symlink = tag == 0xA000000Cu;
    uint16_t fields[4] = {0, (uint16_t)s, (uint16_t)(s + 2), (uint16_t)p};
    memcpy(out, &tag, 4);
    memcpy(out + at, fields, 8);
    at += 8;
    if (symlink) {
        uint32_t bits = flags;
        memcpy(out + at, &bits, 4);
        at += 4;
    }
    for (size_t i = 0; i <= s / 2; i++, at += 2) {
        out[at] = (uint8_t)substitute[i];
        out[at + 1] = 0;
    }
    for (size_t i = 0; i <= p / 2; i++, at += 2) {
        out[at] = (uint8_t)print[i];
        out[at + 1] = 0;
    }
    uint16_t data = (uint16_t)(at - 8);
    memcpy(out + 4, &data, 2);
    memset(out + 6, 0, 2);
    return at;
}

static inline void raw_set(const char *path, const void *buffer, size_t size)
{
    struct stat ignored;
    assert_int_equal(lsetxattr(path, REPARSE, buffer, size, 0), 0);
    lstat(path, &ignored); /* the first one after a change of type fails once */
    assert_int_equal(lstat(path, &ignored), 0);
}

static inline void raw_junction(const char *path, const char *target)
{
    uint8_t buffer[1024];
    char substitute[300];
    snprintf(substitute, sizeof substitute, "\\??\\%s", target);
    mkdir(path, 0755);
    raw_set(path, buffer, raw_link(0xA0000003u, 0, substitute, target, buffer));
}

static inline void raw_symlink(const char *path, const char *substitute, unsigned flags, bool dir)
{
    uint8_t buffer[1024];
    if (dir)
        mkdir(path, 0755);
    else
        close(open(path, O_CREAT | O_WRONLY, 0644));
    raw_set(path, buffer, raw_link(0xA000000Cu, flags, substitute, substitute, buffer));
}

/* The raw buffer's size, 0 for none. */
static inline ssize_t raw_get(const char *path, uint8_t *buffer)
{
    ssize_t got = lgetxattr(path, REPARSE, buffer, 16384);
    return got < 0 ? 0 : got;
}

static inline bool is_plain_directory(const char *path)
{
    struct stat stat;
    return lstat(path, &stat) == 0 && S_ISDIR(stat.st_mode);
}

static inline bool is_missing(const char *path)
{
    struct stat stat;
    return lstat(path, &stat) != 0 && errno == ENOENT;
}

#endif
