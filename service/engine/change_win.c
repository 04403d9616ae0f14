#include "change_win.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tags.h"
#include "work.h"

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
    if (engine_enter(work, error) != 0) {
        free(change);
        return NULL;
    }
    change->inside = true;
    return change;
}

void change_end(struct change *change, int result)
{
    /* A deleted name goes with the handle: only then is the outcome true. */
    struct text text = change->place.text;
    change->place.text = (struct text){NULL, 0};
    place_close(change->engine, &change->place);
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
    text_clear(&text);
    free(change->made);
    free(change);
}

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
    record->path = change->place.text.bytes;
    record->volume = change->place.volume;
    if (change->place.leaf) {
        record->file_id = change->place.facts.file_id;
        record->created = change->place.facts.created;
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

void change_retract(struct change *change)
{
    int phase = ENGINE_PHASE_CHANGING;
    atomic_compare_exchange_strong(&change->work->phase, &phase, ENGINE_PHASE_WAITING);
    change->announced = false;
}

int change_volume_is_fit(struct change *change)
{
    const struct place *place = &change->place;
    if (place_is_root(place))
        return work_fail(change->error, ENGINE_VOLUME_ROOT, 0, NULL);
    if (!place->reparse_points)
        return work_fail(change->error, ENGINE_UNSUPPORTED_FILE_SYSTEM, 0, NULL);
    if (place->read_only)
        return work_fail(change->error, ENGINE_READ_ONLY, 0, NULL);
    return 0;
}

int change_lock_name(struct change *change)
{
    const struct place *place = &change->place;
    if (!place->directory) /* then nothing new can be made there, and what is there has its own */
        return 0;
    return lock_name(change->engine->locks, change->work, place->volume, place->directory_id,
                     place_name(place), &change->name_lock, change->error);
}

int change_look(struct change *change, ACCESS_MASK access)
{
    struct engine *engine = change->engine;
    struct place *place = &change->place;
    int found = place_look(engine, change->work, place, access, change->error);
    if (found <= 0)
        return found;
    lock_release(engine->locks, &change->file_lock);
    if (lock_file(engine->locks, change->work, place->volume, place->facts.file_id,
                  &change->file_lock, change->error) != 0)
        return -1;
    reparse_data_clear(&change->present);
    change->old_length = 0;
    if (!(place->facts.attributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return 1;
    NTSTATUS status =
        place_buffer(engine, change->work, place->leaf, change->old, &change->old_length);
    if (status == STATUS_NOT_A_REPARSE_POINT)
        return 1;
    if (!NT_SUCCESS(status))
        return nt_fail(engine, change->work, status, change->error);
    if (reparse_decode(change->old, change->old_length, &change->present) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    return 1;
}

int change_is_junction(struct change *change)
{
    struct engine_error *error = change->error;
    if (change->present.type == REPARSE_MOUNT_POINT) {
        /* A path that was cut could be that of another one. */
        const char *path = change->place.text.length <= 90 ? change->place.text.bytes : "PATH";
        return work_fail(error, ENGINE_NOT_A_JUNCTION, 0,
                         "it is a volume mount point; an administrator removes it with: mountvol "
                         "\"%s\" /D",
                         path);
    }
    if (change->present.tag == REPARSE_TAG_MOUNT_POINT) {
        if (change->place.facts.attributes & FILE_ATTRIBUTE_DIRECTORY)
            return 0;
        return work_fail(error, ENGINE_NOT_A_JUNCTION, 0, "it is a file with a junction's tag");
    }
    char what[128];
    tag_describe(change->present.tag, what, sizeof what);
    return work_fail(error, ENGINE_NOT_A_JUNCTION, 0, "it is %s", what);
}

int change_is_allowed(struct change *change)
{
    if (NT_SUCCESS(change->place.refused))
        return 0;
    return nt_fail(change->engine, change->work, change->place.refused, change->error);
}

/* A call that was broken off may have been carried out all the same. */
static int settle_cancelled(struct change *change, bool removal)
{
    struct engine_error *error = change->error;
    uint8_t *now = malloc(REPARSE_MAX_SIZE);
    size_t length = 0;
    bool known = false, done = false;
    if (now) {
        NTSTATUS status =
            place_buffer(change->engine, change->work, change->place.leaf, now, &length);
        known = NT_SUCCESS(status) || status == STATUS_NOT_A_REPARSE_POINT;
        done = removal ? length == 0
                       : length == change->new_length && memcmp(now, change->new, length) == 0;
    }
    free(now);
    if (!known)
        return work_fail(error, ENGINE_OUTCOME_UNKNOWN, ERROR_OPERATION_ABORTED, NULL);
    return done ? 0 : nt_fail(change->engine, change->work, STATUS_CANCELLED, error);
}

int change_write(struct change *change, bool removal)
{
    struct engine *engine = change->engine;
    IO_STATUS_BLOCK io = {0};
    uint8_t header[REPARSE_HEADER];
    void *in = change->new;
    size_t length = change->new_length;
    if (removal) {
        length = reparse_encode_removal(change->present.tag, header);
        in = header;
    }
    NTSTATUS status = engine->nt.fs_control(
        change->place.leaf, NULL, NULL, NULL, &io,
        removal ? FSCTL_DELETE_REPARSE_POINT : FSCTL_SET_REPARSE_POINT, in, (ULONG)length, NULL, 0);
    work_beat(change->work);
    if (NT_SUCCESS(status))
        return 0;
    if (status == STATUS_CANCELLED)
        return settle_cancelled(change, removal);
    nt_fail(engine, change->work, status, change->error);
    /* Of what was looked at a moment ago these cannot be true but by another's doing. */
    if (status == STATUS_FILE_DELETED || status == STATUS_DELETE_PENDING ||
        status == STATUS_NOT_A_REPARSE_POINT)
        change->error->code = ENGINE_CHANGED_MEANWHILE;
    return -1;
}
