/* Deleting junctions: the link goes, nothing behind it ever does. */
#include "change_win.h"

#include <string.h>

#include "target_win.h"
#include "work.h"

/* The name and its reparse point go in one call; the file system refuses when anything is in the
 * directory, so that nothing can be lost whatever was put there meanwhile. */
static int dispose(struct change *change)
{
    NTSTATUS status = place_dispose(change->engine, change->work, change->place.leaf);
    if (NT_SUCCESS(status))
        return 0;
    nt_fail(change->engine, change->work, status, change->error);
    if (status == STATUS_CANCELLED)
        return work_fail(change->error, ENGINE_OUTCOME_UNKNOWN, change->error->os, NULL);
    if (status == STATUS_DIRECTORY_NOT_EMPTY)
        return work_fail(change->error, ENGINE_NOT_EMPTY, change->error->os,
                         "files lie hidden behind the junction; it was left as it was");
    if (status == STATUS_CANNOT_DELETE)
        return work_fail(change->error, ENGINE_ACCESS_DENIED, change->error->os,
                         "it is marked read-only, or the system uses it");
    if (status == STATUS_FILE_DELETED || status == STATUS_DELETE_PENDING)
        change->error->code = ENGINE_CHANGED_MEANWHILE;
    return -1;
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
    int found = change_look(change, PLACE_LOOK |
                                        (request->keep_directory ? FILE_WRITE_ATTRIBUTES : DELETE));
    if (found < 0)
        return -1;
    if (found == 0)
        return work_fail(change->error, ENGINE_NOT_FOUND, ERROR_FILE_NOT_FOUND, NULL);
    if (change->old_length == 0)
        return work_fail(change->error, ENGINE_NOT_A_JUNCTION, 0, "it is a %s",
                         place->facts.attributes & FILE_ATTRIBUTE_DIRECTORY ? "plain directory"
                                                                            : "file");
    if (change_is_junction(change) != 0)
        return -1;
    if (request->expected_target &&
        target_expected(request->expected_target, &change->present, change->error) != 0)
        return -1;
    if (change_is_allowed(change) != 0)
        return -1;
    out->file_id = place->facts.file_id;
    if (text_copy(&out->target, &change->present.target) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    if (request->dry_run)
        return 0;
    if (change_announce(change, ENGINE_CHANGE_DELETE) != 0)
        return -1;
    return request->keep_directory ? change_write(change, true) : dispose(change);
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
