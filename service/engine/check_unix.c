#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names.h"
#include "upcase.h"
#include "work.h"

#define LINKS_MAX  63 /* as Windows */
#define SCAN_BYTES 32768

struct trail {
    struct engine *engine;
    struct engine_work *work;
    struct engine_error *error;
    struct volume volume; /* that `at` is on */
    int at;               /* pinned directory reached so far */
    struct text rest;     /* names still to be gone, between backslashes, from `offset` on */
    size_t offset;
    unsigned links;
    bool file_link; /* the link at the beginning is one for files */
    bool arrived;   /* `at` is what the link leads to */
    enum target_state state;
};

enum step { STEP_ON, STEP_DONE, STEP_FAILED };

static enum step trail_end(struct trail *trail, enum target_state state)
{
    trail->state = state;
    return STEP_DONE;
}

static enum step trail_no_memory(struct trail *trail)
{
    work_fail(trail->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    return STEP_FAILED;
}

static enum step trail_end_code(struct trail *trail, enum engine_code code)
{
    switch (code) {
    case ENGINE_OUT_OF_MEMORY:
    case ENGINE_CANCELLED:
    case ENGINE_TIMED_OUT:
        return STEP_FAILED;
    case ENGINE_NOT_FOUND:
    case ENGINE_INVALID_PATH:
        return trail_end(trail, TARGET_DANGLING);
    case ENGINE_NOT_A_DIRECTORY:
        return trail_end(trail, TARGET_NOT_DIRECTORY);
    case ENGINE_TOO_MANY_LINKS:
        return trail_end(trail, TARGET_LOOP);
    default:
        return trail_end(trail, TARGET_INACCESSIBLE);
    }
}

static void trail_move(struct trail *trail, int directory)
{
    if (trail->at >= 0)
        close(trail->at);
    trail->at = directory;
}

/* Takes the next name off the rest; false at its end. */
static bool trail_name(struct trail *trail, const char **name, size_t *length)
{
    const char *bytes = trail->rest.bytes;
    size_t at = trail->offset, end = trail->rest.length;
    while (at < end && bytes[at] == '\\')
        at++;
    size_t start = at;
    while (at < end && bytes[at] != '\\')
        at++;
    trail->offset = at;
    *name = bytes + start;
    *length = at - start;
    return at > start;
}

static bool trail_is_at_end(const struct trail *trail)
{
    struct trail copy = *trail;
    const char *name;
    size_t length;
    return !trail_name(&copy, &name, &length);
}

/* What a link says, then what came behind the link. */
static int trail_prepend(struct trail *trail, const char *text, size_t length)
{
    size_t behind = trail->rest.length - trail->offset;
    char *joined = malloc(length + behind + 2);
    if (!joined)
        return -1;
    memcpy(joined, text, length);
    joined[length] = '\\';
    if (behind)
        memcpy(joined + length + 1, trail->rest.bytes + trail->offset, behind);
    joined[length + 1 + behind] = '\0';
    text_clear(&trail->rest);
    trail->rest = (struct text){.bytes = joined, .length = length + 1 + behind};
    trail->offset = 0;
    return 0;
}

/* To the root of the volume, as far as it is mounted: of a bind mount only one directory can be
 * seen. */
static enum step trail_enter(struct trail *trail, struct volume *volume)
{
    struct volume seen;
    struct statx stat;
    int root;
    if (place_open_directory(trail->engine, trail->work, volume->point, &root, &stat, &seen,
                             trail->error) != 0) {
        volume_clear(volume);
        return trail_end_code(trail, trail->error->code == ENGINE_NOT_FOUND ? ENGINE_IO_ERROR
                                                                            : trail->error->code);
    }
    bool covered = seen.device != volume->device;
    volume_clear(&trail->volume);
    trail->volume = *volume;
    *volume = (struct volume){0};
    volume_clear(&seen);
    trail_move(trail, root);
    if (covered)
        return trail_end(trail, TARGET_INACCESSIBLE);
    for (const char *part = trail->volume.root; *part;) {
        size_t size = strcspn(part, "/");
        const char *name;
        size_t length;
        if (size && (!trail_name(trail, &name, &length) || !upcase_equal(name, length, part, size)))
            return trail_end(trail, TARGET_UNKNOWN_VOLUME);
        part += size + (part[size] == '/');
    }
    return STEP_ON;
}

static enum step trail_to_root(struct trail *trail)
{
    struct volume volume;
    int found =
        volume_find_device(trail->engine->volumes, trail->volume.device, &volume, trail->error);
    if (found < 0)
        return STEP_FAILED;
    return found ? trail_enter(trail, &volume) : trail_end(trail, TARGET_INACCESSIBLE);
}

/* The way ntfs-3g goes: `.NTFS-3G/X:` in the root of the mount, where somebody put it; else the
 * same mount whatever the letter. But a mount whose own letter is configured is not every other
 * drive as well: to call what is on D: dangling because C: lacks it would have it deleted. */
static enum step trail_to_foreign_letter(struct trail *trail, char letter)
{
    size_t size = strlen(trail->volume.point) + sizeof "/.NTFS-3G/X:";
    char *path = malloc(size);
    if (!path)
        return trail_no_memory(trail);
    snprintf(path, size,
             "%s/.NTFS-3G/%c:", strcmp(trail->volume.point, "/") == 0 ? "" : trail->volume.point,
             letter);
    struct volume volume;
    struct statx stat;
    int directory;
    int result = place_open_directory(trail->engine, trail->work, path, &directory, &stat, &volume,
                                      trail->error);
    free(path);
    if (result == 0) {
        volume_clear(&trail->volume);
        trail->volume = volume;
        trail_move(trail, directory);
        return STEP_ON;
    }
    if (trail->error->code == ENGINE_NOT_FOUND)
        return volume_letter(trail->engine->volumes, trail->volume.device)
                   ? trail_end(trail, TARGET_UNKNOWN_VOLUME)
                   : trail_to_root(trail);
    return trail_end_code(trail, trail->error->code);
}

static enum step trail_to_letter(struct trail *trail, char letter)
{
    struct volume volume;
    int found = volume_find_letter(trail->engine->volumes, letter, &volume, trail->error);
    if (found < 0)
        return STEP_FAILED;
    if (found) {
        struct volume whole;
        int best = volume_find_device(trail->engine->volumes, volume.device, &whole, trail->error);
        volume_clear(&volume);
        if (best < 0)
            return STEP_FAILED;
        return best ? trail_enter(trail, &whole) : trail_end(trail, TARGET_UNKNOWN_VOLUME);
    }
    if (volume_letter_is_configured(trail->engine->volumes, letter))
        return trail_end(trail, TARGET_UNKNOWN_VOLUME);
    return trail_to_foreign_letter(trail, letter);
}

/* In absolute names dots mean nothing special, and no file can be called so. */
static bool has_dots(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = 0;
        while (at + size < length && text[at + size] != '\\')
            size++;
        if ((size == 1 || size == 2) && memcmp(text + at, "..", size) == 0)
            return true;
        at += size + 1;
    }
    return false;
}

static enum step trail_follow(struct trail *trail, const struct reparse_data *link)
{
    if (++trail->links > LINKS_MAX)
        return trail_end(trail, TARGET_LOOP);
    if (link->malformed || !link->substitute_name.bytes)
        return trail_end(trail, TARGET_DANGLING);
    const char *text = link->substitute_name.bytes;
    size_t length = link->substitute_name.length;
    if (link->tag == REPARSE_TAG_SYMLINK && link->relative == 1) {
        if (length >= 2 && text[0] == '\\' && text[1] == '\\')
            return trail_end(trail, TARGET_REMOTE);
        if (trail_prepend(trail, text, length) != 0)
            return trail_no_memory(trail);
        return text[0] == '\\' ? trail_to_root(trail) : STEP_ON;
    }
    char letter = 0;
    const char *rest = NULL;
    switch (names_place(&link->substitute_name, &letter, &rest)) {
    case NAMES_DRIVE:
        length -= (size_t)(rest - text);
        if (has_dots(rest, length))
            return trail_end(trail, TARGET_DANGLING);
        if (trail_prepend(trail, rest, length) != 0)
            return trail_no_memory(trail);
        return trail_to_letter(trail, letter);
    case NAMES_VOLUME:
        return trail_end(trail, TARGET_UNKNOWN_VOLUME);
    case NAMES_REMOTE:
        return trail_end(trail, TARGET_REMOTE);
    default:
        return trail_end(trail, TARGET_DANGLING);
    }
}

/* Never into another file system: Windows does not know what is mounted here. */
static int open_here(int directory, const char *name, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
                           .resolve = RESOLVE_NO_XDEV};
    int file = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    if (file < 0 && errno == EIO)
        file = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    return file;
}

/* A name that is there in another case: in found, malloc'ed. 1, 0 there is none, or -1 with errno.
 */
static int scan_for(struct trail *trail, const char *name, size_t length, char **found)
{
    char path[PLACE_FD_SIZE];
    place_fd_path(trail->at, path);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return -1;
    char *buffer = malloc(SCAN_BYTES);
    int result = buffer ? 0 : -1;
    if (!buffer)
        errno = ENOMEM;
    while (result == 0) {
        ssize_t got = getdents64(directory, buffer, SCAN_BYTES);
        work_beat(trail->work);
        if (got < 0)
            result = -1;
        if (got <= 0)
            break;
        if (work_is_cancelled(trail->work)) {
            errno = ECANCELED;
            result = -1;
        }
        for (ssize_t at = 0; at < got && result == 0;) {
            const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
            at += entry->d_reclen;
            if (!upcase_equal(entry->d_name, strlen(entry->d_name), name, length))
                continue;
            *found = strdup(entry->d_name);
            result = *found ? 1 : -1;
            if (!*found)
                errno = ENOMEM;
        }
    }
    int os = errno;
    free(buffer);
    close(directory);
    errno = os;
    return result;
}

static enum step trail_end_os(struct trail *trail, int os)
{
    if (os == ENOMEM)
        return trail_no_memory(trail);
    if (os == ECANCELED) {
        work_cancelled(trail->work, trail->error);
        return STEP_FAILED;
    }
    return trail_end_code(trail, place_code(os));
}

static enum step trail_up(struct trail *trail)
{
    struct statx stat;
    int os = place_stat(trail->at, &stat);
    if (os)
        return trail_end_os(trail, os);
    if (stat.stx_ino == PLACE_ROOT_INODE || (stat.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return STEP_ON; /* above its root a volume is its root */
    int up = open_here(trail->at, "..", O_PATH | O_DIRECTORY);
    if (up < 0)
        return trail_end_os(trail, errno);
    trail_move(trail, up);
    return STEP_ON;
}

static enum step trail_file(struct trail *trail)
{
    if (!trail_is_at_end(trail))
        return trail_end(trail, TARGET_DANGLING);
    return trail_end(trail, trail->file_link ? TARGET_OK : TARGET_NOT_DIRECTORY);
}

/* A reparse point, or one of the links that ntfs-3g makes in files. */
static enum step trail_link(struct trail *trail, int file)
{
    uint8_t *buffer = malloc(REPARSE_MAX_SIZE);
    struct reparse_data link;
    if (!buffer)
        return trail_no_memory(trail);
    ssize_t length = place_buffer(file, buffer, REPARSE_MAX_SIZE);
    int os = errno;
    work_beat(trail->work);
    if (length <= 0) {
        free(buffer);
        return length < 0 && os != ENOTSUP ? trail_end_os(trail, os) : trail_file(trail);
    }
    int decoded = reparse_decode(buffer, (size_t)length, &link);
    free(buffer);
    if (decoded != UTF_OK)
        return trail_no_memory(trail);
    enum step step;
    if (link.tag == REPARSE_TAG_MOUNT_POINT || link.tag == REPARSE_TAG_SYMLINK) {
        step = trail_follow(trail, &link);
    } else {
        uint64_t created;
        bool directory = false;
        place_facts(file, &created, &directory);
        if (!directory)
            step = trail_file(trail);
        else if (trail_is_at_end(trail))
            step = trail_end(trail, trail->file_link ? TARGET_DANGLING : TARGET_OK);
        else /* ntfs-3g hides what is in it */
            step = trail_end(trail, TARGET_INACCESSIBLE);
    }
    reparse_data_clear(&link);
    return step;
}

static enum step trail_into(struct trail *trail, const char *name)
{
    int file = open_here(trail->at, name, O_PATH);
    int os = errno;
    work_beat(trail->work);
    if (file < 0 && os == ENOENT) {
        char *other_case = NULL;
        int found = scan_for(trail, name, strlen(name), &other_case);
        if (found < 0)
            return trail_end_os(trail, errno);
        if (found == 0)
            return trail_end(trail, TARGET_DANGLING);
        file = open_here(trail->at, other_case, O_PATH);
        os = errno;
        free(other_case);
    }
    if (file < 0 && os == EXDEV) {
        return trail_end(trail, trail_is_at_end(trail) && !trail->file_link ? TARGET_OK
                                                                            : TARGET_INACCESSIBLE);
    }
    if (file < 0)
        return trail_end_os(trail, os);
    struct statx stat;
    os = place_stat(file, &stat);
    if (os == 0 && S_ISDIR(stat.stx_mode)) {
        trail_move(trail, file);
        return STEP_ON;
    }
    enum step step = os                       ? trail_end_os(trail, os)
                     : S_ISLNK(stat.stx_mode) ? trail_link(trail, file)
                                              : trail_file(trail);
    close(file);
    return step;
}

static enum step trail_step(struct trail *trail)
{
    if (work_is_cancelled(trail->work)) {
        work_cancelled(trail->work, trail->error);
        return STEP_FAILED;
    }
    const char *at;
    size_t length;
    if (!trail_name(trail, &at, &length)) {
        trail->arrived = true;
        /* A link for files does not open a directory. */
        return trail_end(trail, trail->file_link ? TARGET_DANGLING : TARGET_OK);
    }
    if (length == 1 && at[0] == '.')
        return STEP_ON;
    if (length == 2 && at[0] == '.' && at[1] == '.')
        return trail_up(trail);
    if (!names_can_exist(at, length))
        return trail_end(trail, TARGET_DANGLING);
    char *name = strndup(at, length);
    if (!name)
        return trail_no_memory(trail);
    enum step step = trail_into(trail, name);
    free(name);
    return step;
}

/* Is `target` the directory `from` or one above it? What the caller may not see is no answer, so:
 * no. */
static bool is_above(int from, int target)
{
    struct statx wanted, here;
    if (place_stat(target, &wanted) != 0)
        return false;
    int at = fcntl(from, F_DUPFD_CLOEXEC, 0);
    bool found = false;
    while (at >= 0 && !found && place_stat(at, &here) == 0) {
        found = here.stx_ino == wanted.stx_ino && here.stx_dev_major == wanted.stx_dev_major &&
                here.stx_dev_minor == wanted.stx_dev_minor;
        if (here.stx_attributes & STATX_ATTR_MOUNT_ROOT)
            break;
        int up = open_here(at, "..", O_PATH | O_DIRECTORY);
        close(at);
        at = up;
    }
    if (at >= 0)
        close(at);
    return found;
}

int check_state(struct engine *engine, struct engine_work *work, const struct volume *volume,
                int parent, bool ancestors, const struct reparse_data *link, bool directory,
                enum target_state *state, struct engine_error *error)
{
    *state = TARGET_UNCHECKED;
    if (link->tag != REPARSE_TAG_MOUNT_POINT && link->tag != REPARSE_TAG_SYMLINK)
        return 0;
    uint64_t own_device = atomic_load(&work->volume);
    struct trail trail = {
        .engine = engine,
        .work = work,
        .error = error,
        .at = -1,
        .file_link = !directory,
    };
    enum step step = STEP_FAILED;
    trail.volume = *volume;
    trail.volume.point = strdup(volume->point);
    trail.volume.root = strdup(volume->root);
    trail.at = fcntl(parent, F_DUPFD_CLOEXEC, 0);
    if (!trail.volume.point || !trail.volume.root || trail.at < 0) {
        trail_no_memory(&trail);
        goto done;
    }
    step = trail_follow(&trail, link);
    while (step == STEP_ON)
        step = trail_step(&trail);
    if (step == STEP_DONE) {
        *state = trail.state;
        if (ancestors && trail.state == TARGET_OK && trail.arrived && is_above(parent, trail.at))
            *state = TARGET_LOOP;
    }
done:
    atomic_store(&work->volume, own_device);
    if (trail.at >= 0)
        close(trail.at);
    text_clear(&trail.rest);
    volume_clear(&trail.volume);
    if (step == STEP_DONE)
        error->code = ENGINE_OK; /* what stood in the way was the answer */
    return step == STEP_DONE ? 0 : -1;
}
