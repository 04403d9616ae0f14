#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "rights.h"
#include "work.h"

#define LINKS_MAX  40 /* as the kernel */
#define NAME_UNITS 255

enum engine_code place_code(int os)
{
    switch (os) {
    case 0:
        return ENGINE_OK;
    case ENOENT:
        return ENGINE_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ENGINE_ACCESS_DENIED;
    case ELOOP:
        return ENGINE_TOO_MANY_LINKS;
    case ENOTDIR:
        return ENGINE_NOT_A_DIRECTORY;
    case ENAMETOOLONG:
    case EILSEQ:
    case EINVAL:
        return ENGINE_INVALID_PATH;
    case EROFS:
        return ENGINE_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
        return ENGINE_VOLUME_FULL;
    case ENOTCONN:
    case ECONNABORTED:
    case ECONNREFUSED:
    case ENODEV:
    case ENXIO:
        return ENGINE_VOLUME_GONE;
    case ENOTSUP:
        return ENGINE_UNSUPPORTED_FILE_SYSTEM;
    case EBUSY:
    case ETXTBSY:
        return ENGINE_IN_USE;
    case ESTALE:
        return ENGINE_CHANGED_MEANWHILE;
    case ENOTEMPTY:
        return ENGINE_NOT_EMPTY;
    case ENOMEM:
        return ENGINE_OUT_OF_MEMORY;
    case EMFILE:
    case ENFILE:
        return ENGINE_BUSY;
    case ENOSYS:
        return ENGINE_UNSUPPORTED;
    default:
        return ENGINE_IO_ERROR;
    }
}

int place_fail(struct engine_error *error, int os, const char *format, ...)
{
    char detail[sizeof error->detail];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return work_fail(error, place_code(os), os, "%s", detail);
}

void place_fd_path(int file, char out[PLACE_FD_SIZE])
{
    snprintf(out, PLACE_FD_SIZE, "/proc/self/fd/%d", file);
}

char *place_normalise(const char *path, struct engine_error *error)
{
    size_t length = strlen(path);
    if (path[0] != '/') {
        work_fail(error, ENGINE_INVALID_PATH, 0, "the path is not absolute");
        return NULL;
    }
    if (!wtf8_is_valid(path, length)) {
        work_fail(error, ENGINE_INVALID_PATH, 0, "the path is not well-formed text");
        return NULL;
    }
    char *out = calloc(1, length + 2);
    if (!out) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        return NULL;
    }
    char *to = out;
    for (const char *at = path; *at;) {
        size_t size = strcspn(at, "/");
        if (size == 0) {
            at++;
            continue;
        }
        if (size == 2 && at[0] == '.' && at[1] == '.') {
            work_fail(error, ENGINE_INVALID_PATH, 0, "the path has a '..' component");
            goto fail;
        }
        if (wtf8_utf16_length(at, size) > NAME_UNITS) {
            work_fail(error, ENGINE_INVALID_PATH, 0, "a name is longer than 255 characters");
            goto fail;
        }
        if (size != 1 || at[0] != '.') {
            *to++ = '/';
            memcpy(to, at, size);
            to += size;
        }
        at += size;
    }
    if (to == out)
        *to++ = '/';
    *to = '\0';
    return out;
fail:
    free(out);
    return NULL;
}

/* ---- pinning
 * ----------------------------------------------------------------------------------------------------
 */

static int open_resolved(int at, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve};
    int file = (int)syscall(SYS_openat2, at, path, &how, sizeof how);
    /* A name whose type changed behind the kernel's cache fails once and is right from then on. */
    if (file < 0 && errno == EIO)
        file = (int)syscall(SYS_openat2, at, path, &how, sizeof how);
    return file;
}

static int guard(struct engine *engine, struct engine_work *work, const char *path,
                 struct volume_guarded *out, struct engine_error *error)
{
    int result = volume_guard(engine->volumes, path, out, error);
    if (out->device)
        atomic_store(&work->volume, out->device);
    return result;
}

/* 0, or -1 with errno; EXDEV: something was mounted over it since it was judged. */
static int is_on_mount(int file, int mount)
{
    struct statx stat;
    if (statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stat) != 0)
        return -1;
    errno = EXDEV;
    return (int)stat.stx_mnt_id == mount ? 0 : -1;
}

/* A directory by a path without links, in pieces where it is longer than the kernel takes. Below
 * the last mount that was judged no other one is entered: it would be one that nobody has judged,
 * and a thread that it holds up would count against the wrong volume. -1 with errno; ELOOP: there
 * are links; EXDEV: the mounts have changed. */
static int open_plain(struct engine_work *work, const char *path,
                      const struct volume_guarded *guarded)
{
    char piece[PATH_MAX];
    const char *point = guarded->length ? path : "/";
    size_t take = guarded->length ? guarded->length : 1;
    uint64_t resolve = RESOLVE_NO_SYMLINKS;
    int at = AT_FDCWD;
    path += guarded->length;
    atomic_store(&work->volume, 0);
    for (;;) {
        if (take >= PATH_MAX) {
            take = PATH_MAX - 1;
            while (take > 0 && point[take] != '/')
                take--;
        }
        if (take == 0) { /* cannot be: names are shorter */
            errno = ENAMETOOLONG;
            goto fail;
        }
        memcpy(piece, point, take);
        piece[take] = '\0';
        int next = open_resolved(at, piece, O_PATH | O_DIRECTORY, resolve);
        int os = errno;
        if (at != AT_FDCWD)
            close(at);
        at = next;
        errno = os;
        if (next < 0)
            return -1;
        if (!(resolve & RESOLVE_NO_XDEV)) {
            if (is_on_mount(at, guarded->mount) != 0)
                goto fail;
            atomic_store(&work->volume, guarded->device);
            resolve |= RESOLVE_NO_XDEV;
        } else {
            path = point + take;
        }
        path += strspn(path, "/");
        if (!*path)
            return at;
        point = path;
        take = strlen(point);
    }
fail:;
    int os = errno;
    if (at != AT_FDCWD)
        close(at);
    errno = os;
    return -1;
}

struct slow {
    char *resolved; /* free of links; "" is the root */
    size_t length;
    char *rest; /* what is still to be gone, from `offset` on */
    size_t offset;
    int at;
    struct statx stat;
    unsigned links;
};

/* The rest of the path becomes what the link says, followed by what came behind the link. 1: from
 * the root, 0: from here. */
static int slow_follow(struct slow *slow, int link, struct engine_error *error)
{
    char text[PATH_MAX];
    ssize_t length = readlinkat(link, "", text, sizeof text - 1);
    if (length < 0)
        return place_fail(error, errno, "%s", slow->resolved);
    text[length] = '\0';
    const char *behind = slow->rest + slow->offset;
    size_t size = (size_t)length + strlen(behind) + 2;
    char *rest = malloc(size);
    if (!rest)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    snprintf(rest, size, "%s/%s", text, behind);
    free(slow->rest);
    slow->rest = rest;
    slow->offset = 0;
    return text[0] == '/';
}

/* /proc/self and what lies below it is the service itself here, and a process may always read its
 * own links: they would tell the caller what the service holds open for others. */
static bool is_process_link(int link)
{
    struct statfs stat;
    return fstatfs(link, &stat) != 0 || stat.f_type == PROC_SUPER_MAGIC;
}

static int slow_to_root(struct slow *slow, struct engine_error *error)
{
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return place_fail(error, errno, "/");
    if (slow->at >= 0)
        close(slow->at);
    slow->at = root;
    slow->length = 0;
    slow->resolved[0] = '\0';
    int os = place_stat(root, &slow->stat);
    return os ? place_fail(error, os, "/") : 0;
}

/* *resolve: whether another mount may be entered, which only a point that was judged may. */
static int slow_name(struct engine *engine, struct engine_work *work, struct slow *slow,
                     const char *name, uint64_t *resolve, struct engine_error *error)
{
    *resolve = 0;
    if (strcmp(name, "..") == 0) {
        while (slow->length > 0 && slow->resolved[--slow->length] != '/')
            ;
        slow->resolved[slow->length] = '\0';
        return 0;
    }
    size_t size = strlen(name);
    char *grown = realloc(slow->resolved, slow->length + size + 2);
    if (!grown)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    slow->resolved = grown;
    slow->resolved[slow->length] = '/';
    memcpy(slow->resolved + slow->length + 1, name, size + 1);
    slow->length += size + 1;
    struct volume_guarded guarded;
    if (guard(engine, work, slow->resolved, &guarded, error) != 0)
        return -1;
    if (guarded.length != slow->length)
        *resolve = RESOLVE_NO_XDEV;
    return 0;
}

static int slow_step(struct engine *engine, struct engine_work *work, struct slow *slow,
                     const char *name, struct engine_error *error)
{
    size_t before = slow->length;
    uint64_t resolve;
    if (slow_name(engine, work, slow, name, &resolve, error) != 0)
        return -1;
    int next = open_resolved(slow->at, name, O_PATH | O_NOFOLLOW, resolve);
    struct statx stat = {0};
    int os = next < 0 ? errno : place_stat(next, &stat);
    work_beat(work);
    if (os) {
        if (next >= 0)
            close(next);
        return place_fail(error, os == EXDEV ? ESTALE : os, "%s", slow->resolved);
    }
    if (!S_ISLNK(stat.stx_mode)) {
        close(slow->at);
        slow->at = next;
        slow->stat = stat;
        return S_ISDIR(stat.stx_mode) ? 0 : place_fail(error, ENOTDIR, "%s", slow->resolved);
    }
    int absolute = -1;
    if (++slow->links > LINKS_MAX)
        work_fail(error, ENGINE_TOO_MANY_LINKS, ELOOP, "%s", slow->resolved);
    else if (is_process_link(next))
        work_fail(error, ENGINE_UNSUPPORTED_FILE_SYSTEM, 0, "links of processes are not followed");
    else if (!rights_may_follow(&slow->stat, &stat))
        work_fail(error, ENGINE_UNTRUSTED_MOUNT_POINT, EACCES, "%s", slow->resolved);
    else
        absolute = slow_follow(slow, next, error);
    close(next);
    if (absolute < 0)
        return -1;
    slow->length = before;
    slow->resolved[before] = '\0';
    return absolute ? slow_to_root(slow, error) : 0;
}

/* A directory by a path that leads through links: they are followed one by one, so that no file
 * system is entered unjudged. */
static int open_slow(struct engine *engine, struct engine_work *work, const char *path, int *out,
                     struct engine_error *error)
{
    struct slow slow = {.at = -1, .resolved = calloc(1, 1), .rest = strdup(path)};
    int result = -1;
    if (!slow.resolved || !slow.rest) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    if (slow_to_root(&slow, error) != 0)
        goto done;
    for (;;) {
        if (work_is_cancelled(work)) {
            work_cancelled(work, error);
            goto done;
        }
        slow.offset += strspn(slow.rest + slow.offset, "/");
        size_t size = strcspn(slow.rest + slow.offset, "/");
        if (size == 0)
            break;
        char *name = strndup(slow.rest + slow.offset, size);
        if (!name) {
            work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
            goto done;
        }
        slow.offset += size;
        int step = strcmp(name, ".") == 0 ? 0 : slow_step(engine, work, &slow, name, error);
        free(name);
        if (step != 0)
            goto done;
    }
    *out = slow.at;
    slow.at = -1;
    result = 0;
done:
    if (slow.at >= 0)
        close(slow.at);
    free(slow.resolved);
    free(slow.rest);
    return result;
}

int place_stat(int file, struct statx *out)
{
    return statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID,
                 out) == 0
               ? 0
               : errno;
}

uint64_t place_device(const struct statx *stat)
{
    return gnu_dev_makedev(stat->stx_dev_major, stat->stx_dev_minor);
}

/* The mount of something that is pinned, judged. */
static int find_volume(struct engine *engine, struct engine_work *work, const struct statx *stat,
                       struct volume *out, struct engine_error *error)
{
    int found = volume_find_mount(engine->volumes, (int)stat->stx_mnt_id, out, error);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(error, ENGINE_UNSUPPORTED_FILE_SYSTEM, 0,
                         "its mount is not in the service's list of mounts");
    atomic_store(&work->volume, place_device(stat));
    if (volume_judge(engine->volumes, out, error) == 0)
        return 0;
    volume_clear(out);
    return -1;
}

/* `path` was guarded already. */
static int open_directory(struct engine *engine, struct engine_work *work, const char *path,
                          struct volume_guarded guarded, int *out, struct statx *stat,
                          struct volume *volume, struct engine_error *error)
{
    int file = open_plain(work, path, &guarded);
    for (int attempt = 0; file < 0 && errno == EXDEV && attempt < 3; attempt++) {
        if (guard(engine, work, path, &guarded, error) != 0)
            return -1;
        file = open_plain(work, path, &guarded);
    }
    int os = file < 0 ? errno : 0;
    work_beat(work);
    if (os && os != ELOOP)
        return place_fail(error, os == EXDEV ? ESTALE : os, "%s", path);
    if (file < 0 && open_slow(engine, work, path, &file, error) != 0)
        return -1;
    os = place_stat(file, stat);
    work_beat(work);
    if (os)
        place_fail(error, os, "%s", path);
    if (os || find_volume(engine, work, stat, volume, error) != 0) {
        close(file);
        return -1;
    }
    *out = file;
    return 0;
}

int place_open_directory(struct engine *engine, struct engine_work *work, const char *path,
                         int *out, struct statx *stat, struct volume *volume,
                         struct engine_error *error)
{
    memset(volume, 0, sizeof *volume);
    *out = -1;
    struct volume_guarded guarded;
    if (guard(engine, work, path, &guarded, error) != 0)
        return -1;
    return open_directory(engine, work, path, guarded, out, stat, volume, error);
}

int place_open(struct engine *engine, struct engine_work *work, const char *path, struct place *out,
               struct engine_error *error)
{
    memset(out, 0, sizeof *out);
    out->parent = out->leaf = -1;
    out->path = place_normalise(path, error);
    if (!out->path)
        return -1;
    char *slash = strrchr(out->path, '/');
    out->name = slash + 1;
    /* The lexical look covers the leaf too: it may be a mount point, and must not be touched
     * unjudged. */
    struct volume_guarded guarded;
    if (guard(engine, work, out->path, &guarded, error) != 0)
        return -1;
    bool at_root = slash == out->path;
    *slash = '\0';
    /* Of a leaf that is a mount point the parent lies on another mount. */
    int result = 0;
    if (guarded.length > (size_t)(slash - out->path))
        result = guard(engine, work, at_root ? "/" : out->path, &guarded, error);
    if (result == 0)
        result = open_directory(engine, work, at_root ? "/" : out->path, guarded, &out->parent,
                                &out->parent_stat, &out->volume, error);
    *slash = '/';
    return result;
}

static int look_once(struct place *place)
{
    const char *name = place->name[0] ? place->name : ".";
    place->leaf = open_resolved(place->parent, name, O_PATH | O_NOFOLLOW, 0);
    if (place->leaf < 0)
        return errno;
    int os = place_stat(place->leaf, &place->leaf_stat);
    if (os) {
        close(place->leaf);
        place->leaf = -1;
    }
    return os;
}

int place_look(struct engine *engine, struct engine_work *work, struct place *place,
               struct engine_error *error)
{
    int os = look_once(place);
    if (os == EIO)
        os = look_once(place);
    work_beat(work);
    if (os == ENOENT)
        return 0;
    if (os)
        return place_fail(error, os, "%s", place->path);
    if (place->leaf_stat.stx_mnt_id != place->parent_stat.stx_mnt_id) {
        volume_clear(&place->volume);
        if (find_volume(engine, work, &place->leaf_stat, &place->volume, error) != 0)
            return -1;
    }
    return 1;
}

int place_look_again(struct engine *engine, struct engine_work *work, struct place *place,
                     struct engine_error *error)
{
    if (place->leaf >= 0)
        close(place->leaf);
    place->leaf = -1;
    return place_look(engine, work, place, error);
}

void place_close(struct place *place)
{
    if (place->leaf >= 0)
        close(place->leaf);
    if (place->parent >= 0)
        close(place->parent);
    place->leaf = place->parent = -1;
    volume_clear(&place->volume);
    free(place->path);
    place->path = NULL;
}

bool place_is_root(const struct place *place)
{
    return place->name[0] == '\0' || place->leaf_stat.stx_ino == PLACE_ROOT_INODE ||
           place->leaf_stat.stx_mnt_id != place->parent_stat.stx_mnt_id ||
           (place->leaf_stat.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

void place_settle(int file)
{
    struct stat ignored;
    if (fstat(file, &ignored) != 0)
        errno = 0;
}

ssize_t place_buffer(int file, uint8_t *buffer, size_t size)
{
    char path[PLACE_FD_SIZE];
    place_fd_path(file, path);
    ssize_t length = getxattr(path, PLACE_REPARSE_ATTRIBUTE, buffer, size);
    return length < 0 && errno == ENODATA ? 0 : length;
}

void place_facts(int file, uint64_t *created, bool *directory)
{
    char path[PLACE_FD_SIZE];
    uint64_t time;
    uint32_t attributes;
    place_fd_path(file, path);
    if (getxattr(path, "system.ntfs_crtime", &time, sizeof time) == sizeof time)
        *created = time;
    if (getxattr(path, "system.ntfs_attrib", &attributes, sizeof attributes) == sizeof attributes)
        *directory = attributes & 0x10; /* FILE_ATTRIBUTE_DIRECTORY */
}

uint64_t place_modified(int file)
{
    char path[PLACE_FD_SIZE];
    uint64_t times[4]; /* created, modified, accessed, changed */
    place_fd_path(file, path);
    return getxattr(path, "system.ntfs_times", times, sizeof times) == sizeof times ? times[1] : 0;
}
