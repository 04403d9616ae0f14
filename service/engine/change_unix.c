#include <errno.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "change.h"
#include "names.h"
#include "tags.h"
#include "work.h"

/* NULL with *error: then the scope is off. */
struct change *change_begin(struct engine *engine, struct engine_work *work,
                            struct engine_error *error)
{
    struct change *change = malloc(sizeof *change);
    if (!change) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        return NULL;
    }
    memset(change, 0, offsetof(struct change, old));
    change->engine = engine;
    change->work = work;
    change->error = error;
    change->place.parent = change->place.leaf = -1;
    if (engine_enter(work, error) != 0) {
        free(change);
        return NULL;
    }
    change->inside = true;
    return change;
}

void change_end(struct change *change, int result)
{
    if (change->inside)
        engine_leave(change->work);
    if (change->announced) {
        const struct engine_observer *observer = change->work->observer;
        observer->outcome(observer->context, &change->record, result == 0 ? NULL : change->error);
    }
    /* Only now: records of one file follow each other as its changes did. */
    lock_release(change->engine->locks, &change->file_lock);
    lock_release(change->engine->locks, &change->name_lock);
    reparse_data_clear(&change->present);
    place_close(&change->place);
    free(change->missing);
    free(change->made);
    free(change);
}

/* The last moment to give up: from here on the change is carried to its end. */
int change_announce(struct change *change, enum engine_change_kind kind)
{
    struct engine_work *work = change->work;
    if (!work_begin_change(work))
        return work_cancelled(work, change->error);
    const struct engine_observer *observer = work->observer;
    if (!observer || change->announced)
        return 0;
    struct engine_change *record = &change->record;
    record->kind = kind;
    record->path = change->place.path;
    record->volume = atomic_load(&work->volume);
    if (change->place.leaf >= 0)
        record->file_id = change->place.leaf_stat.stx_ino;
    if (change->place.leaf >= 0 && observer->intent) {
        bool directory;
        place_facts(change->place.leaf, &record->created, &directory);
    }
    if (change->old_length > 0) {
        record->old_buffer = change->old;
        record->old_length = change->old_length;
    }
    if (kind != ENGINE_CHANGE_DELETE) {
        record->new_buffer = change->new;
        record->new_length = change->new_length;
    }
    if (!observer->intent) {
        change->announced = true;
        return 0;
    }
    engine_leave(work);
    change->inside = false;
    if (observer->intent(observer->context, record, change->error) != 0)
        return -1;
    change->announced = true;
    if (engine_enter(work, change->error) != 0)
        return -1;
    change->inside = true;
    return 0;
}

int change_lock_name(struct change *change)
{
    const struct place *place = &change->place;
    return lock_name(change->engine->locks, change->work, place_device(&place->parent_stat),
                     place->parent_stat.stx_ino, place->name, &change->name_lock, change->error);
}

int change_volume_is_fit(struct change *change)
{
    struct place *place = &change->place;
    if (!place->name[0] || volume_is_mount_point(change->engine->volumes, place->path))
        return work_fail(change->error, ENGINE_VOLUME_ROOT, 0, NULL);
    if (volume_probe(change->engine->volumes, &place->volume, place->parent, change->error) != 0)
        return -1;
    work_beat(change->work);
    if (place->volume.read_only)
        return work_fail(change->error, ENGINE_READ_ONLY, EROFS, "%s", place->volume.point);
    return 0;
}

/* The reparse buffer of the leaf into old and present; old_length 0: it has none. EIO: the leaf is
 * no longer what it was when it was pinned. */
static int read_present(struct change *change)
{
    reparse_data_clear(&change->present);
    change->old_length = 0;
    ssize_t length = place_buffer(change->place.leaf, change->old, sizeof change->old);
    work_beat(change->work);
    if (length < 0)
        return errno;
    change->old_length = (size_t)length;
    if (length > 0 && reparse_decode(change->old, change->old_length, &change->present) != UTF_OK)
        return ENOMEM;
    return 0;
}

/* Pins the leaf and reads its buffer: 1 it is there, 0 it is missing, -1. */
int change_look(struct change *change)
{
    struct place *place = &change->place;
    for (int attempt = 0;; attempt++) {
        int found = place_look_again(change->engine, change->work, place, change->error);
        if (found <= 0)
            return found;
        if (place_is_root(place))
            return work_fail(change->error, ENGINE_VOLUME_ROOT, 0, NULL);
        if (!change->file_lock.held &&
            lock_file(change->engine->locks, change->work, place_device(&place->leaf_stat),
                      place->leaf_stat.stx_ino, &change->file_lock, change->error) != 0)
            return -1;
        int os = read_present(change);
        if (os == 0 && change->file_lock.file == place->leaf_stat.stx_ino)
            return 1;
        if ((os != 0 && os != EIO) || attempt == 2)
            return place_fail(change->error, os ? os : ESTALE, "%s", place->path);
        lock_release(change->engine->locks, &change->file_lock);
    }
}

/* A leaf with something in its attribute, or a link without: is it a junction? */
int change_is_junction(struct change *change)
{
    if (change->old_length == 0)
        return work_fail(change->error, ENGINE_NOT_A_JUNCTION, 0,
                         "it is a symbolic link that only Linux and Interix know");
    if (change->present.type == REPARSE_MOUNT_POINT)
        return work_fail(change->error, ENGINE_NOT_A_JUNCTION, 0, "it is a volume mount point");
    if (change->present.tag == REPARSE_TAG_MOUNT_POINT)
        return 0;
    char what[128];
    tag_describe(change->present.tag, what, sizeof what);
    return work_fail(change->error, ENGINE_NOT_A_JUNCTION, 0, "it is %s", what);
}

/* For a dry run: would the mount itself let the caller? With `permissions` ntfs-3g lets only the
 * owner change the attribute. It judges that first, and both flags together are never met: nothing
 * is written. */
int change_may_set(struct change *change)
{
    char path[PLACE_FD_SIZE];
    bool is_link = change->old_length > 0;
    place_fd_path(change->place.leaf, path);
    int os = setxattr(path, PLACE_REPARSE_ATTRIBUTE, is_link ? change->old : change->new,
                      is_link ? change->old_length : change->new_length,
                      XATTR_CREATE | XATTR_REPLACE) == 0
                 ? 0
                 : errno;
    work_beat(change->work);
    if (os == EACCES || os == EPERM)
        return place_fail(change->error, os, "the reparse point may not be changed");
    return 0;
}
