/* Deleting junctions: the link goes, nothing behind it ever does. */
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "change.h"
#include "rights.h"
#include "target.h"
#include "work.h"

/* The directory could not be removed: what it was comes back. */
static int put_back(struct change *change, int os)
{
    struct place *place = &change->place;
    uint64_t inode = place->leaf_stat.stx_ino;
    int found = place_look_again(change->engine, change->work, place, change->error);
    bool back = false;
    if (found == 1 && place->leaf_stat.stx_ino == inode) {
        char path[PLACE_FD_SIZE];
        place_fd_path(place->leaf, path);
        back = setxattr(path, PLACE_REPARSE_ATTRIBUTE, change->old, change->old_length,
                        XATTR_CREATE) == 0;
        place_settle(place->leaf);
    }
    work_beat(change->work);
    if (!back && (os == ENOENT || found == 0))
        return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, os, NULL);
    const char *now =
        back ? "the junction was put back" : "a plain directory was left in the junction's place";
    if (os == ENOTEMPTY || os == EEXIST)
        return work_fail(change->error, ENGINE_NOT_EMPTY, os,
                         "files lie hidden behind the junction; %s", now);
    return place_fail(change->error, os, "%s", now);
}

static int delete_link(struct change *change, const struct engine_delete *request,
                       struct engine_deleted *out)
{
    struct place *place = &change->place;
    if (work_is_cancelled(change->work))
        return work_cancelled(change->work, change->error);
    if (place_open(change->engine, change->work, request->link, place, change->error) != 0 ||
        change_volume_is_fit(change) != 0 || change_lock_name(change) != 0)
        return -1;
    int found = change_look(change);
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(change->error, ENGINE_NOT_FOUND, ENOENT, "%s", place->path);
    if (change->old_length == 0 && !S_ISLNK(place->leaf_stat.stx_mode))
        return work_fail(change->error, ENGINE_NOT_A_JUNCTION, 0, "it is a %s",
                         S_ISDIR(place->leaf_stat.stx_mode) ? "plain directory" : "file");
    if (change_is_junction(change) != 0)
        return -1;
    if (request->expected_target &&
        target_expected(change->engine, &place->volume, request->expected_target, 0,
                        &change->present, change->error) != 0)
        return -1;
    /* Before the removal of the attribute: that succeeds for anybody on usual mounts. */
    if (rights_may_change_leaf(place, change->error) != 0)
        return -1;
    out->file_id = place->leaf_stat.stx_ino;
    if (text_copy(&out->target, &change->present.target) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    if (request->dry_run)
        return change_may_set(change);

    char path[PLACE_FD_SIZE];
    place_fd_path(place->leaf, path);
    if (change_announce(change, ENGINE_CHANGE_DELETE) != 0)
        return -1;
    int os = removexattr(path, PLACE_REPARSE_ATTRIBUTE) == 0 ? 0 : errno;
    place_settle(place->leaf);
    work_beat(change->work);
    if (os == ENODATA || os == EIO)
        return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, os, NULL);
    if (os)
        return place_fail(change->error, os, "the reparse point could not be removed");
    if (request->keep_directory)
        return 0;
    /* Not unlink: whatever was put in the link's place meanwhile, rmdir takes an empty directory at
     * most. */
    os = unlinkat(place->parent, place->name, AT_REMOVEDIR) == 0 ? 0 : errno;
    work_beat(change->work);
    return os ? put_back(change, os) : 0;
}

int engine_delete(struct engine *engine, struct engine_work *work,
                  const struct engine_delete *request, struct engine_deleted *out,
                  struct engine_error *error)
{
    memset(out, 0, sizeof *out);
    memset(error, 0, sizeof *error);
    struct change *change = change_begin(engine, work, error);
    if (!change)
        return -1;
    int result = delete_link(change, request, out);
    change_end(change, result);
    if (result != 0)
        engine_deleted_clear(out);
    else
        memset(error, 0, sizeof *error);
    return result;
}
