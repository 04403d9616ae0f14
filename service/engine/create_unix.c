/* Creating and retargeting junctions. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "change.h"
#include "check.h"
#include "names.h"
#include "rights.h"
#include "state.h"
#include "target.h"
#include "work.h"

#define MODE_NEW 0755 /* cannot be set any more once the attribute is there */

/* A directory above the link that was missing. */
struct made {
    const char *name;
    uint64_t inode;
    bool mine;
};

static int set_buffer(struct change *change, int flags)
{
    char path[PLACE_FD_SIZE];
    place_fd_path(change->place.leaf, path);
    int os = setxattr(path, PLACE_REPARSE_ATTRIBUTE, change->new, change->new_length, flags) == 0
                 ? 0
                 : errno;
    work_beat(change->work);
    return os;
}

/* Takes back what set_buffer did, or did by half when it failed. */
static void unset_buffer(struct change *change)
{
    char path[PLACE_FD_SIZE];
    place_fd_path(change->place.leaf, path);
    removexattr(path, PLACE_REPARSE_ATTRIBUTE);
}

static int set_failed(struct change *change, int os)
{
    if (os == EEXIST || os == ENODATA || os == EIO)
        return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, os, NULL);
    return place_fail(change->error, os, "the reparse point could not be written");
}

/* 1 empty, 0 not, -1 with *error. */
static int is_empty(struct change *change)
{
    char path[PLACE_FD_SIZE];
    _Alignas(struct dirent64) char buffer[4096];
    place_fd_path(change->place.leaf, path);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return place_fail(change->error, errno, "whether it is empty cannot be seen");
    int empty = 1;
    ssize_t got = 0;
    while (empty == 1 && (got = getdents64(directory, buffer, sizeof buffer)) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                empty = 0;
        }
        work_beat(change->work);
    }
    if (got < 0)
        empty = place_fail(change->error, errno, "whether it is empty cannot be seen");
    close(directory);
    return empty;
}

/* A directory that others may have had in their hands: it must be the caller's to turn, and empty
 * when the attribute hides what is in it. ntfs-3g cannot list it any more then, but still tells
 * when its entries changed last. */
static int turn(struct change *change, bool dry_run)
{
    struct place *place = &change->place;
    if (rights_may_turn(place, change->error) != 0)
        return -1;
    uint64_t before = place_modified(place->leaf);
    int empty = is_empty(change);
    if (empty <= 0)
        return empty < 0 ? -1 : work_fail(change->error, ENGINE_NOT_EMPTY, 0, NULL);
    if (dry_run)
        return change_may_set(change);
    if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
        return -1;
    int os = set_buffer(change, XATTR_CREATE);
    if (os) {
        if (os != EEXIST)
            unset_buffer(change);
        place_settle(place->leaf);
        return set_failed(change, os);
    }
    if (place_modified(place->leaf) != before) {
        unset_buffer(change);
        place_settle(place->leaf);
        return work_fail(change->error, ENGINE_NOT_EMPTY, 0,
                         "somebody put something into it at the same time");
    }
    place_settle(place->leaf);
    work_beat(change->work);
    return 0;
}

/* Is what was pinned the directory that was made a moment ago? Somebody who may change the parent
 * can swap it in between. */
static bool is_fresh(const struct statx *stat, const struct timespec *since)
{
    /* NTFS counts in units of 100 ns. */
    int64_t nanoseconds = since->tv_nsec - since->tv_nsec % 100;
    return S_ISDIR(stat->stx_mode) &&
           (stat->stx_mtime.tv_sec > since->tv_sec ||
            (stat->stx_mtime.tv_sec == since->tv_sec && stat->stx_mtime.tv_nsec >= nanoseconds));
}

static int undo_directory(struct change *change)
{
    if (unlinkat(change->place.parent, change->place.name, AT_REMOVEDIR) == 0)
        return -1;
    char detail[sizeof change->error->detail];
    memcpy(detail, change->error->detail, sizeof detail);
    return work_fail(change->error, change->error->code, change->error->os,
                     "%.100s%san empty directory was left behind", detail, detail[0] ? "; " : "");
}

/* The leaf was missing: mkdirat has just made it. */
static int fill_new(struct change *change, const struct timespec *since)
{
    struct place *place = &change->place;
    int found = place_look_again(change->engine, change->work, place, change->error);
    if (found < 0)
        return undo_directory(change);
    if (found == 0 || !S_ISDIR(place->leaf_stat.stx_mode) || place_is_root(place))
        return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, 0, NULL);
    bool fresh = is_fresh(&place->leaf_stat, since);
    change->record.file_id = place->leaf_stat.stx_ino;
    if (change->announced && change->work->observer->intent) {
        bool directory;
        place_facts(place->leaf, &change->record.created, &directory);
    }
    if (!fresh || place->leaf_stat.stx_uid != (uid_t)setfsuid((uid_t)-1)) {
        /* Swapped, or on a mount where every file has one owner. */
        if (turn(change, false) == 0)
            return 0;
        return fresh ? undo_directory(change) : -1;
    }
    int os = set_buffer(change, XATTR_CREATE);
    if (os == 0) {
        place_settle(place->leaf);
        work_beat(change->work);
        return 0;
    }
    set_failed(change, os);
    if (os == EEXIST)
        return -1;
    unset_buffer(change);
    place_settle(place->leaf);
    return undo_directory(change);
}

/* 0 done, 1 something is there already, -1. */
static int make_new(struct change *change)
{
    struct timespec since;
    clock_gettime(CLOCK_REALTIME, &since);
    int os = mkdirat(change->place.parent, change->place.name, MODE_NEW) == 0 ? 0 : errno;
    work_beat(change->work);
    if (os == EEXIST)
        return 1;
    if (os)
        return place_fail(change->error, os, "%s", change->place.path);
    change->created->outcome = CREATE_CREATED;
    return fill_new(change, &since);
}

static int name_is_new(struct change *change, const char *name)
{
    const char *why = NULL;
    if (names_check_new(name, strlen(name), &why) == NAMES_OK)
        return 0;
    return work_fail(change->error, ENGINE_INVALID_PATH, 0, "%s", why ? why : "");
}

static int replace(struct change *change)
{
    const struct engine_create *request = change->request;
    struct engine_created *created = change->created;
    const struct reparse_data *present = &change->present;
    if (change_is_junction(change) != 0)
        return -1;
    if (!present->malformed &&
        names_same_target(&created->substitute_name, &present->substitute_name)) {
        created->outcome = CREATE_UNCHANGED;
        return 0;
    }
    if (!request->replace)
        return work_fail(change->error, ENGINE_ALREADY_EXISTS, 0, "it leads to %s",
                         present->target.bytes ? present->target.bytes : "nowhere (malformed)");
    if (request->expected_target &&
        target_expected(change->engine, &change->place.volume, request->expected_target,
                        request->drive, present, change->error) != 0)
        return -1;
    if (rights_may_change_leaf(&change->place, change->error) != 0)
        return -1;
    if (text_copy(&created->previous_target, &present->target) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    created->outcome = CREATE_REPLACED;
    if (request->dry_run)
        return change_may_set(change);
    if (change_announce(change, ENGINE_CHANGE_REPLACE) != 0)
        return -1;
    /* It stays a link for the kernel, so nothing has to be settled. */
    int os = set_buffer(change, XATTR_REPLACE);
    return os ? set_failed(change, os) : 0;
}

/* Who names the target that is to be replaced must not get a link where there was none. */
static bool expects_junction(const struct change *change)
{
    return change->request->replace && change->request->expected_target;
}

static int none_expected(struct change *change, const char *what)
{
    return work_fail(change->error, ENGINE_TARGET_CHANGED, 0, "%s", what);
}

static int use_existing(struct change *change)
{
    mode_t mode = change->place.leaf_stat.stx_mode;
    if (S_ISLNK(mode) || change->old_length > 0)
        return replace(change);
    if (!S_ISDIR(mode))
        return work_fail(change->error, ENGINE_NOT_A_DIRECTORY, ENOTDIR, "it is a file");
    if (expects_junction(change))
        return rights_may_turn(&change->place, change->error) != 0
                   ? -1
                   : none_expected(change, "it is a plain directory");
    change->created->outcome = CREATE_CONVERTED;
    return turn(change, change->request->dry_run);
}

/* The names to be written, and what the answer says about them. Windows paths need no volume. */
static int prepare_names(struct change *change, const struct volume *volume)
{
    const struct engine_create *request = change->request;
    struct engine_created *created = change->created;
    if (created->substitute_name.bytes)
        return 0;
    if (target_names(change->engine, volume, request->target, request->drive,
                     &created->substitute_name, &created->print_name, change->error) != 0)
        return -1;
    if (names_win32(&created->substitute_name, &created->target) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    change->new_length = reparse_encode_junction(created->substitute_name.bytes,
                                                 created->print_name.bytes, change->new);
    if (change->new_length == 0)
        return work_fail(change->error, ENGINE_TARGET_TOO_LONG, 0, NULL);
    return 0;
}

static int path_exists(struct change *change)
{
    struct engine_error *error = change->error;
    struct statx stat;
    struct volume volume;
    int directory;
    char *path = place_normalise(change->request->target, error);
    if (!path)
        return -1;
    int result =
        place_open_directory(change->engine, change->work, path, &directory, &stat, &volume, error);
    free(path);
    if (result == 0) {
        close(directory);
        volume_clear(&volume);
    } else if (error->code == ENGINE_NOT_FOUND || error->code == ENGINE_NOT_A_DIRECTORY ||
               error->code == ENGINE_TOO_MANY_LINKS || error->code == ENGINE_ACCESS_DENIED) {
        error->code = ENGINE_TARGET_NOT_FOUND;
    }
    return result;
}

static int target_exists(struct change *change)
{
    /* A path of this system is looked at as such: `drive` may give its volume another letter than
     * it has here. */
    if (change->request->target[0] == '/')
        return path_exists(change);
    struct reparse_data link;
    enum target_state state;
    if (reparse_decode(change->new, change->new_length, &link) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    int result = check_state(change->engine, change->work, &change->place.volume,
                             change->place.parent, false, &link, true, &state, change->error);
    reparse_data_clear(&link);
    if (result == 0 && state != TARGET_OK)
        return work_fail(change->error, ENGINE_TARGET_NOT_FOUND, 0, "%s", state_text(state));
    return result;
}

/* Pins the nearest directory above the link that is there; the names below it go to `missing`. */
static int open_ancestor(struct change *change)
{
    struct place *place = &change->place;
    size_t end = (size_t)(place->name - place->path) - 1;
    char *parent = strndup(place->path, end);
    if (!parent)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    size_t count = 0;
    int result;
    do {
        char *slash = strrchr(parent, '/');
        if (!slash) {
            result = work_fail(change->error, ENGINE_PARENT_NOT_FOUND, ENOENT, NULL);
            break;
        }
        *slash = '\0';
        count++;
        if (work_is_cancelled(change->work)) {
            result = work_cancelled(change->work, change->error);
            break;
        }
        result = place_open_directory(change->engine, change->work, *parent ? parent : "/",
                                      &place->parent, &place->parent_stat, &place->volume,
                                      change->error);
    } while (result != 0 && change->error->code == ENGINE_NOT_FOUND);
    size_t kept = strlen(parent);
    free(parent);
    if (result != 0)
        return -1;

    change->missing = strndup(place->path + kept, end - kept);
    change->made = calloc(count + 1, sizeof *change->made);
    if (!change->missing || !change->made)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    char *rest = change->missing + 1, *name;
    while ((name = strsep(&rest, "/"))) {
        if (name_is_new(change, name) != 0)
            return -1;
        change->made[change->made_count++].name = name;
    }
    return 0;
}

static int make_parents(struct change *change)
{
    struct place *place = &change->place;
    for (size_t i = 0; i < change->made_count; i++) {
        struct made *made = &change->made[i];
        int os = mkdirat(place->parent, made->name, MODE_NEW) == 0 ? 0 : errno;
        work_beat(change->work);
        made->mine = os == 0;
        if (os && os != EEXIST)
            return place_fail(change->error, os, "%s", made->name);
        int next = openat(place->parent, made->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        os = next < 0 ? errno : place_stat(next, &place->leaf_stat);
        bool fit = os == 0 && S_ISDIR(place->leaf_stat.stx_mode) &&
                   place->leaf_stat.stx_mnt_id == place->parent_stat.stx_mnt_id;
        if (!fit) {
            if (next >= 0)
                close(next);
            if (made->mine)
                unlinkat(place->parent, made->name, AT_REMOVEDIR);
            made->mine = false;
            return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, os, "%s", made->name);
        }
        close(place->parent);
        place->parent = next;
        place->parent_stat = place->leaf_stat;
        made->inode = place->leaf_stat.stx_ino;
    }
    return 0;
}

/* Deepest first, and only what was made here and is still there; rmdir takes nothing that somebody
 * uses by now. */
static void undo_parents(struct change *change)
{
    int at = fcntl(change->place.parent, F_DUPFD_CLOEXEC, 0);
    struct stat stat;
    size_t i = change->made_count;
    while (i > 0 && change->made[i - 1].inode == 0)
        i--;
    for (; i > 0 && at >= 0; i--) {
        const struct made *made = &change->made[i - 1];
        int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = up;
        if (at < 0 || !made->mine || fstatat(at, made->name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
            stat.st_ino != made->inode || unlinkat(at, made->name, AT_REMOVEDIR) != 0)
            break;
    }
    if (at >= 0)
        close(at);
}

static int create_below_missing(struct change *change)
{
    if (open_ancestor(change) != 0 || change_volume_is_fit(change) != 0 ||
        prepare_names(change, &change->place.volume) != 0 ||
        name_is_new(change, change->place.name) != 0)
        return -1;
    if (change->request->must_exist && target_exists(change) != 0)
        return -1;
    if (rights_may_change(&change->place, change->error) != 0)
        return -1;
    if (expects_junction(change))
        return none_expected(change, "nothing is there");
    change->created->outcome = CREATE_CREATED;
    if (change->request->dry_run)
        return 0;
    if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
        return -1;
    int result = make_parents(change);
    if (result == 0)
        result = change_lock_name(change);
    if (result == 0)
        result = make_new(change);
    if (result > 0)
        result = work_fail(change->error, ENGINE_CHANGED_MEANWHILE, EEXIST, NULL);
    if (result < 0)
        undo_parents(change);
    return result;
}

static int create(struct change *change)
{
    const struct engine_create *request = change->request;
    struct place *place = &change->place;
    if (work_is_cancelled(change->work))
        return work_cancelled(change->work, change->error);
    if (request->target[0] != '/' && prepare_names(change, NULL) != 0)
        return -1;
    if (place_open(change->engine, change->work, request->link, place, change->error) != 0) {
        if (change->error->code != ENGINE_NOT_FOUND)
            return -1;
        if (request->parents)
            return create_below_missing(change);
        change->error->code = ENGINE_PARENT_NOT_FOUND;
        return -1;
    }
    if (change_volume_is_fit(change) != 0 || prepare_names(change, &place->volume) != 0)
        return -1;
    if (request->must_exist && target_exists(change) != 0)
        return -1;
    if (change_lock_name(change) != 0)
        return -1;
    bool new_name = name_is_new(change, place->name) == 0;

    const struct engine_observer *observer = change->work->observer;
    if (new_name && !request->dry_run && !expects_junction(change) &&
        !(observer && observer->intent)) {
        /* Most links are missing: then this is the shortest way. Who wants to know of a change
         * beforehand has to wait for a look. */
        if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
            return -1;
        int made = make_new(change);
        if (made <= 0)
            return made;
        int phase = ENGINE_PHASE_CHANGING; /* nothing was changed yet: it may be cancelled again */
        atomic_compare_exchange_strong(&change->work->phase, &phase, ENGINE_PHASE_WAITING);
        change->announced = false;
    }
    int found = change_look(change);
    if (found != 0)
        return found < 0 ? -1 : use_existing(change);
    if (name_is_new(change, place->name) != 0)
        return -1;
    if (expects_junction(change))
        return rights_may_change(place, change->error) != 0
                   ? -1
                   : none_expected(change, "nothing is there");
    change->created->outcome = CREATE_CREATED;
    if (request->dry_run)
        return rights_may_change(place, change->error);
    if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
        return -1;
    int made = make_new(change);
    return made > 0 ? work_fail(change->error, ENGINE_CHANGED_MEANWHILE, EEXIST, NULL) : made;
}

int engine_create(struct engine *engine, struct engine_work *work,
                  const struct engine_create *request, struct engine_created *out,
                  struct engine_error *error)
{
    memset(out, 0, sizeof *out);
    memset(error, 0, sizeof *error);
    struct change *change = change_begin(engine, work, error);
    if (!change)
        return -1;
    change->request = request;
    change->created = out;
    int result = create(change);
    if (result == 0 && change->place.leaf >= 0)
        out->file_id = change->place.leaf_stat.stx_ino;
    change_end(change, result);
    if (result != 0)
        engine_created_clear(out);
    else
        memset(error, 0, sizeof *error);
    return result;
}
