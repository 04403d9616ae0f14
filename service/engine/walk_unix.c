/* Listing: one thread, one directory after the other. Memory grows with the depth of the tree and
 * the length of names, never with the number of entries: of each directory one chunk of names is
 * held at a time, and few directories are held open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "work.h"

#define CHUNK_BYTES 32768
#define PATH_UNITS  32767
#define OPEN_MAX    64 /* directories held open */
#define OPEN_TOP    32 /* of these, the ones nearest to the top; the others are the deepest */

struct frame {
    int file; /* -1: closed because too many were open */
    uint64_t inode;
    size_t path_length;   /* of the walk's path, when it is this directory's */
    size_t names, cursor; /* its subdirectories of this chunk, from `names` on in the walk's names;
                             the next one */
    char *last;           /* last name read, malloc'ed: where to go on after closing */
    uint64_t read;        /* entries read so far */
    bool finished;        /* nothing is left to be read, only `names` */
    bool rewound;         /* opened again: what was read is still to be skipped */
};

struct walk {
    struct engine *engine;
    struct engine_work *work;
    const struct engine_list *request;
    const struct engine_list_sink *sink;
    struct engine_listed *listed;
    struct engine_error *error; /* of the list as a whole */
    struct volume volume;
    char *path; /* of the directory or entry at hand */
    size_t length, path_capacity;
    struct frame *frames;
    size_t depth, frame_capacity;
    char *names; /* stack of names ended by NUL */
    size_t names_length, names_capacity;
    uint8_t *buffer; /* of a reparse point */
    char *chunk;
    bool stopped; /* the sink wants no more */
};

static int walk_no_memory(struct walk *walk)
{
    return work_fail(walk->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
}

static bool grow(char **bytes, size_t *capacity, size_t need)
{
    if (need <= *capacity)
        return true;
    size_t more = *capacity ? *capacity : 256;
    while (more < need)
        more *= 2;
    char *grown = realloc(*bytes, more);
    if (!grown)
        return false;
    *bytes = grown;
    *capacity = more;
    return true;
}

/* Names live in buffers that move when they grow: they are copied out by offset. */
static int path_push(struct walk *walk, const char *name, size_t length)
{
    bool slash = walk->length > 0 && walk->path[walk->length - 1] != '/';
    if (!grow(&walk->path, &walk->path_capacity, walk->length + length + 2))
        return walk_no_memory(walk);
    if (slash)
        walk->path[walk->length++] = '/';
    memcpy(walk->path + walk->length, name, length);
    walk->length += length;
    walk->path[walk->length] = '\0';
    return 0;
}

static void path_cut(struct walk *walk, size_t length)
{
    walk->length = length;
    if (walk->path)
        walk->path[length] = '\0';
}

static int hand_over(struct walk *walk, struct reparse_entry *entry)
{
    int result = 0;
    if (text_set(&entry->path, walk->path, walk->length) != UTF_OK) {
        result = walk_no_memory(walk);
    } else {
        if (entry->error.code != ENGINE_OK)
            walk->listed->skipped++;
        else
            walk->listed->count++;
        if (walk->sink->entry(walk->sink->context, entry) != 0)
            walk->stopped = true;
    }
    reparse_entry_clear(entry);
    return result;
}

/* The place at walk->path cannot be read. */
static int report(struct walk *walk, const struct engine_error *why)
{
    struct reparse_entry entry = {.relative = -1, .error = *why};
    return hand_over(walk, &entry);
}

static int report_os(struct walk *walk, int os)
{
    struct engine_error why;
    work_fail(&why, place_code(os), os, NULL);
    return report(walk, &why);
}

static bool is_wanted(const struct walk *walk, const struct reparse_entry *entry)
{
    return walk->request->types == 0 || (walk->request->types & (1u << entry->type));
}

/* Never into another file system, nor through a link. */
static int open_here(int directory, const char *name, int flags)
{
    struct open_how how = {.flags = (uint64_t)(flags | O_NOFOLLOW | O_CLOEXEC),
                           .resolve = RESOLVE_NO_XDEV};
    int file = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    if (file < 0 && errno == EIO)
        file = (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
    return file;
}

/* Gone since the directory was read, or no longer what it was: nothing that a list could be blamed
 * for. */
static bool is_gone(int os)
{
    return os == ENOENT || os == ENOTDIR || os == ELOOP || os == EXDEV;
}

/* What is printed must be accepted by the other operations: names end where NTFS' paths do. */
static bool is_too_long(const struct walk *walk)
{
    return walk->length > PATH_UNITS && wtf8_utf16_length(walk->path, walk->length) > PATH_UNITS;
}

static int report_too_long(struct walk *walk)
{
    struct engine_error why;
    work_fail(&why, ENGINE_INVALID_PATH, 0, "the path is longer than %d characters", PATH_UNITS);
    return report(walk, &why);
}

/* An entry that may be a reparse point; walk->path is its path. */
static int read_entry(struct walk *walk, int directory, const char *name, uint64_t inode)
{
    struct reparse_entry entry = {.relative = -1};
    struct engine_error why = {0};
    int found = 0;
    if (is_too_long(walk))
        return report_too_long(walk);
    for (int attempt = 0; attempt < 2; attempt++) {
        int file = open_here(directory, name, O_PATH);
        int os = errno;
        work_beat(walk->work);
        if (file < 0)
            return is_gone(os) ? 0 : report_os(walk, os);
        found = engine_entry(walk->engine, walk->work, &walk->volume, directory, file,
                             walk->request->check, walk->buffer, &entry, &why);
        close(file);
        if (found >= 0 || why.os != EIO)
            break;
        if (attempt == 0)
            reparse_entry_clear(&entry);
    }
    if (found > 0 && is_wanted(walk, &entry)) {
        entry.file_id = inode;
        return hand_over(walk, &entry);
    }
    reparse_entry_clear(&entry);
    if (found >= 0)
        return 0;
    if (why.code == ENGINE_OUT_OF_MEMORY || why.code == ENGINE_CANCELLED ||
        why.code == ENGINE_TIMED_OUT) {
        *walk->error = why;
        return -1;
    }
    /* It may also have gone after it was opened: the node stays, the file system finds no file. */
    return is_gone(why.os) ? 0 : report(walk, &why);
}

static int remember(struct walk *walk, const char *name, size_t length)
{
    if (!grow(&walk->names, &walk->names_capacity, walk->names_length + length + 1))
        return walk_no_memory(walk);
    memcpy(walk->names + walk->names_length, name, length + 1);
    walk->names_length += length + 1;
    return 0;
}

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

static int read_one(struct walk *walk, int directory, const struct dirent64 *entry)
{
    const char *name = entry->d_name;
    size_t size = strlen(name), length = walk->length;
    unsigned char type = entry->d_type;
    if (is_dots(name))
        return 0;
    if (type == DT_UNKNOWN) {
        struct stat stat;
        int os = fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
        if (os == EIO)
            os = fstatat(directory, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
        work_beat(walk->work);
        if (os && is_gone(os))
            return 0;
        if (os) {
            int result = path_push(walk, name, size);
            if (result == 0)
                result = report_os(walk, os);
            path_cut(walk, length);
            return result;
        }
        type = S_ISLNK(stat.st_mode) ? DT_LNK : S_ISDIR(stat.st_mode) ? DT_DIR : DT_REG;
    }
    if (type == DT_DIR)
        return walk->request->recurse || walk->request->volume ? remember(walk, name, size) : 0;
    if (type != DT_LNK)
        return 0;
    int result = path_push(walk, name, size);
    if (result == 0)
        result = read_entry(walk, directory, name, entry->d_ino);
    path_cut(walk, length);
    return result;
}

/* One chunk of the directory on top: its reparse points are handed over, its subdirectories
 * remembered. */
static int read_chunk(struct walk *walk, struct frame *frame)
{
    ssize_t got = getdents64(frame->file, walk->chunk, CHUNK_BYTES);
    int os = errno;
    work_beat(walk->work);
    frame->names = frame->cursor = walk->names_length;
    if (got <= 0) {
        frame->finished = true;
        return got < 0 && os != ENOENT ? report_os(walk, os) : 0;
    }
    const struct dirent64 *last = NULL;
    for (ssize_t at = 0; at < got; at += last->d_reclen) {
        last = (const struct dirent64 *)(walk->chunk + at);
        if (work_is_cancelled(walk->work))
            return work_cancelled(walk->work, walk->error);
        if (read_one(walk, frame->file, last) != 0)
            return -1;
        if (walk->stopped)
            return 0;
        frame->read++;
    }
    free(frame->last);
    frame->last = strdup(last->d_name);
    return frame->last ? 0 : walk_no_memory(walk);
}

/* ---- the directories on the way down
 * ---------------------------------------------------------------------------- */

/* Keeps the top and the bottom of the tree open and closes what lies between. */
static void close_one(struct walk *walk)
{
    if (walk->depth <= OPEN_MAX)
        return;
    struct frame *frame = &walk->frames[walk->depth - 1 - (OPEN_MAX - OPEN_TOP)];
    if (frame->file >= 0)
        close(frame->file);
    frame->file = -1;
}

static int push(struct walk *walk, int file, uint64_t inode)
{
    if (walk->depth == walk->frame_capacity) {
        size_t more = walk->frame_capacity ? walk->frame_capacity * 2 : 64;
        struct frame *grown = realloc(walk->frames, more * sizeof *grown);
        if (!grown) {
            close(file);
            return walk_no_memory(walk);
        }
        walk->frames = grown;
        walk->frame_capacity = more;
    }
    walk->frames[walk->depth++] = (struct frame){.file = file,
                                                 .inode = inode,
                                                 .path_length = walk->length,
                                                 .names = walk->names_length,
                                                 .cursor = walk->names_length};
    close_one(walk);
    return 0;
}

static void pop(struct walk *walk)
{
    struct frame *frame = &walk->frames[--walk->depth];
    if (frame->file >= 0)
        close(frame->file);
    walk->names_length = frame->names;
    free(frame->last);
}

/* Descends one name; the directory must be the one that was there before. A descriptor, or -1 with
 * errno. */
static int open_known(struct walk *walk, int from, const char *name, uint64_t inode)
{
    int file = open_here(from, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    int os = errno;
    struct statx stat;
    work_beat(walk->work);
    if (file >= 0) {
        os = place_stat(file, &stat);
        if (os == 0 && stat.stx_ino != inode)
            os = ESTALE;
        if (os) {
            close(file);
            file = -1;
        }
    }
    errno = os;
    return file;
}

/* Behind the last name that was read, or, when that is gone, behind as many entries. */
static int skip_read(struct walk *walk, struct frame *frame)
{
    if (!frame->last || frame->finished)
        return 0;
    for (int by_count = 0; by_count < 2; by_count++) {
        uint64_t read = 0;
        ssize_t got;
        if (lseek(frame->file, 0, SEEK_SET) < 0)
            return errno;
        while ((got = getdents64(frame->file, walk->chunk, CHUNK_BYTES)) > 0) {
            work_beat(walk->work);
            if (work_is_cancelled(walk->work))
                return ECANCELED;
            for (ssize_t at = 0; at < got;) {
                const struct dirent64 *entry = (const struct dirent64 *)(walk->chunk + at);
                at += entry->d_reclen;
                read++;
                if (by_count ? read < frame->read : strcmp(entry->d_name, frame->last) != 0)
                    continue;
                return at < got && lseek(frame->file, entry->d_off, SEEK_SET) < 0 ? errno : 0;
            }
        }
        if (got < 0)
            return errno;
    }
    frame->finished = true;
    return 0;
}

/* The directory on top was closed on the way down: back to it from the nearest one above that is
 * still open. The ones right above it stay open too, since they come next. 0 or errno. */
static int reopen(struct walk *walk)
{
    size_t top = walk->depth - 1, from = top;
    while (walk->frames[from].file < 0)
        from--;
    int at = walk->frames[from].file;
    bool kept = true;
    for (size_t i = from + 1; i <= top; i++) {
        struct frame *frame = &walk->frames[i];
        size_t start = walk->frames[i - 1].path_length;
        start += walk->path[start] == '/';
        char *name = strndup(walk->path + start, frame->path_length - start);
        int next = name ? open_known(walk, at, name, frame->inode) : -1;
        int os = name ? errno : ENOMEM;
        free(name);
        if (!kept)
            close(at);
        if (next < 0)
            return os;
        at = next;
        kept = top - i < OPEN_MAX - OPEN_TOP;
        if (kept) {
            frame->file = next;
            frame->rewound = true;
        }
    }
    return 0;
}

/* What lies below the directory on top cannot be reached any more. */
static int give_up(struct walk *walk, struct frame *frame, int os)
{
    if (os == ECANCELED)
        return work_cancelled(walk->work, walk->error);
    if (os == ENOMEM)
        return walk_no_memory(walk);
    walk->names_length = frame->cursor = frame->names;
    frame->finished = true;
    return report_os(walk, os);
}

/* The next remembered subdirectory of the directory on top. */
static int descend(struct walk *walk)
{
    struct frame *frame = &walk->frames[walk->depth - 1];
    const char *name = walk->names + frame->cursor;
    size_t size = strlen(name);
    frame->cursor += size + 1;
    if (path_push(walk, name, size) != 0)
        return -1;
    if (is_too_long(walk)) {
        int told = report_too_long(walk);
        path_cut(walk, frame->path_length);
        return told;
    }
    int file = open_here(frame->file, name, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    int os = file < 0 ? errno : 0;
    struct statx stat;
    work_beat(walk->work);
    if (os == 0)
        os = place_stat(file, &stat);
    if (os == 0)
        return push(walk, file, stat.stx_ino);
    if (file >= 0)
        close(file);
    int result = is_gone(os) ? 0 : report_os(walk, os);
    path_cut(walk, frame->path_length);
    return result;
}

static int walk_step(struct walk *walk)
{
    struct frame *frame = &walk->frames[walk->depth - 1];
    bool pending = frame->cursor < walk->names_length;
    path_cut(walk, frame->path_length);
    if (!pending && frame->finished) {
        pop(walk);
        walk->listed->directories++;
        walk->sink->step(walk->sink->context, walk->listed->directories, walk->listed->count);
        return 0;
    }
    int os = frame->file < 0 ? reopen(walk) : 0;
    if (os)
        return give_up(walk, frame, os);
    if (pending)
        return descend(walk);
    if (frame->rewound) {
        frame->rewound = false;
        os = skip_read(walk, frame);
        return os ? give_up(walk, frame, os) : 0;
    }
    walk->names_length = frame->names;
    return read_chunk(walk, frame);
}

static int walk_tree(struct walk *walk, int file, uint64_t inode)
{
    walk->chunk = malloc(CHUNK_BYTES);
    if (!walk->chunk) {
        close(file);
        return walk_no_memory(walk);
    }
    int result = push(walk, file, inode);
    while (result == 0 && walk->depth > 0 && !walk->stopped) {
        if (work_is_cancelled(walk->work))
            result = work_cancelled(walk->work, walk->error);
        else
            result = walk_step(walk);
    }
    walk->listed->truncated = result != 0 || walk->stopped;
    while (walk->depth > 0)
        pop(walk);
    return result;
}

/* ---- from a request to a place
 * ---------------------------------------------------------------------------------- */

/* Opens for reading what is pinned. Unreadable, PATH itself fails the list. */
static int open_pinned(struct walk *walk, int pinned)
{
    char path[PLACE_FD_SIZE];
    place_fd_path(pinned, path);
    int file = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    int os = errno;
    work_beat(walk->work);
    return file >= 0 ? file : place_fail(walk->error, os, "%s", walk->path);
}

static int walk_volume(struct walk *walk, const struct volume *volume)
{
    struct volume best;
    struct statx stat;
    int root;
    int found = volume_find_device(walk->engine->volumes, volume->device, &best, walk->error);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(walk->error, ENGINE_VOLUME_GONE, 0, NULL);
    int result = path_push(walk, best.point, strlen(best.point));
    if (result == 0)
        result = place_open_directory(walk->engine, walk->work, best.point, &root, &stat,
                                      &walk->volume, walk->error);
    bool covered = result == 0 && walk->volume.device != best.device;
    volume_clear(&best);
    if (result != 0)
        return -1;
    int file = covered ? work_fail(walk->error, ENGINE_VOLUME_ROOT, 0,
                                   "another file system covers the volume's root")
                       : open_pinned(walk, root);
    close(root);
    return file < 0 ? -1 : walk_tree(walk, file, stat.stx_ino);
}

/* A link on a file system without reparse points is only a way to a place. */
static int walk_through_link(struct walk *walk, struct place *place)
{
    struct statx stat;
    struct volume volume;
    int directory;
    if (place_open_directory(walk->engine, walk->work, place->path, &directory, &stat, &volume,
                             walk->error) != 0)
        return -1;
    int result = volume_probe(walk->engine->volumes, &volume, directory, walk->error);
    if (result == 0 && walk->request->volume) {
        result = walk_volume(walk, &volume);
        volume_clear(&volume);
    } else if (result == 0) {
        walk->volume = volume;
        result = path_push(walk, place->path, strlen(place->path));
        int file = result == 0 ? open_pinned(walk, directory) : -1;
        result = file < 0 ? -1 : walk_tree(walk, file, stat.stx_ino);
    } else {
        volume_clear(&volume);
    }
    close(directory);
    return result;
}

static int walk_place(struct walk *walk, struct place *place)
{
    int found = place_look(walk->engine, walk->work, place, walk->error);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(walk->error, ENGINE_NOT_FOUND, ENOENT, "%s", place->path);
    bool directory = S_ISDIR(place->leaf_stat.stx_mode);
    if (S_ISLNK(place->leaf_stat.stx_mode) && !place->volume.fuse && !place->volume.ntfs3)
        return walk_through_link(walk, place);
    if (volume_probe(walk->engine->volumes, &place->volume, directory ? place->leaf : place->parent,
                     walk->error) != 0)
        return -1;
    if (walk->request->volume)
        return walk_volume(walk, &place->volume);
    if (path_push(walk, place->path, strlen(place->path)) != 0)
        return -1;
    walk->volume = place->volume;
    place->volume = (struct volume){0};
    if (directory) {
        int file = open_pinned(walk, place->leaf);
        return file < 0 ? -1 : walk_tree(walk, file, place->leaf_stat.stx_ino);
    }
    /* A reparse point is listed, not entered. */
    struct reparse_entry entry = {.relative = -1};
    found = engine_entry(walk->engine, walk->work, &walk->volume, place->parent, place->leaf,
                         walk->request->check, walk->buffer, &entry, walk->error);
    if (found <= 0) {
        reparse_entry_clear(&entry);
        return found < 0 ? -1 : work_fail(walk->error, ENGINE_NOT_A_DIRECTORY, ENOTDIR, NULL);
    }
    entry.file_id = place->leaf_stat.stx_ino;
    int result = 0;
    if (is_wanted(walk, &entry))
        result = hand_over(walk, &entry);
    else
        reparse_entry_clear(&entry);
    walk->listed->truncated = walk->stopped;
    return result;
}

int engine_list(struct engine *engine, struct engine_work *work, const struct engine_list *request,
                const struct engine_list_sink *sink, struct engine_listed *out,
                struct engine_error *error)
{
    memset(out, 0, sizeof *out);
    memset(error, 0, sizeof *error);
    struct walk walk = {.engine = engine,
                        .work = work,
                        .request = request,
                        .sink = sink,
                        .listed = out,
                        .error = error};
    if (work_is_cancelled(work)) {
        out->truncated = true;
        return work_cancelled(work, error);
    }
    walk.buffer = malloc(REPARSE_MAX_SIZE);
    if (!walk.buffer)
        return walk_no_memory(&walk);
    int result = engine_enter(work, error);
    if (result == 0) {
        struct place place;
        result = place_open(engine, work, request->path, &place, error);
        if (result == 0)
            result = walk_place(&walk, &place);
        place_close(&place);
        engine_leave(work);
    }
    free(walk.buffer);
    free(walk.path);
    free(walk.frames);
    free(walk.names);
    free(walk.chunk);
    volume_clear(&walk.volume);
    if (result == 0)
        memset(error, 0, sizeof *error);
    return result;
}
