/* Creating and retargeting junctions. */
#include "change_win.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_win.h"
#include "names.h"
#include "state.h"
#include "target_win.h"
#include "work.h"

#define ACCESS_NEW (PLACE_LOOK | FILE_WRITE_ATTRIBUTES | DELETE)

/* A directory above the link that was missing. */
struct made {
    size_t from, length; /* its name within the path */
    HANDLE directory;
    bool mine;
};

/* Something that was made stays; the error says so, too. */
static int left_behind(struct change *change, const char *what)
{
    char detail[sizeof change->error->detail];
    memcpy(detail, change->error->detail, sizeof detail);
    return work_fail(change->error, change->error->code, change->error->os,
                     "%.100s%s%s was left behind", detail, detail[0] ? "; " : "", what);
}

/* ---- a new link
 * ---------------------------------------------------------------------------------------------- */

enum making { MAKING_FAILED = -1, MAKING_DONE, MAKING_COLLIDED, MAKING_BUSY };

/* On the handle that made it, the directory becomes the link, or goes again. */
static enum making make_new(struct change *change, NTSTATUS *status)
{
    struct engine *engine = change->engine;
    struct engine_work *work = change->work;
    struct place *place = &change->place;
    const struct path *path = &place->path;
    *status = place_make_at(engine, work, place->directory, path->units + place->name,
                            path->length - place->name, ACCESS_NEW, &place->leaf);
    if (*status == STATUS_OBJECT_NAME_COLLISION)
        return MAKING_COLLIDED;
    if (nt_is_busy(*status))
        return MAKING_BUSY;
    if (!NT_SUCCESS(*status)) {
        nt_fail(engine, work, *status, change->error);
        if (change->error->code == ENGINE_NOT_FOUND)
            change->error->code = ENGINE_PARENT_NOT_FOUND;
        return MAKING_FAILED;
    }
    change->created->outcome = CREATE_CREATED;
    NTSTATUS known = place_facts_read(engine, work, place->leaf, &place->facts);
    if (!NT_SUCCESS(known))
        nt_fail(engine, work, known, change->error);
    else if (change_write(change, false) == 0) {
        change->record.file_id = place->facts.file_id;
        change->record.created = place->facts.created;
        return MAKING_DONE;
    }
    if (!NT_SUCCESS(place_dispose(engine, work, place->leaf)))
        left_behind(change, "an empty directory");
    else if (change->error->code == ENGINE_OUTCOME_UNKNOWN)
        nt_fail(engine, work, STATUS_CANCELLED, change->error);
    place_close_leaf(engine, place);
    return MAKING_FAILED;
}

static int name_is_new(struct change *change, const char *name, size_t length)
{
    const char *why = NULL;
    if (names_check_new(name, length, &why) == NAMES_OK)
        return 0;
    return work_fail(change->error, ENGINE_INVALID_PATH, 0, "%s", why ? why : "");
}

static int leaf_is_new(struct change *change)
{
    const char *name = place_name(&change->place);
    return name_is_new(change, name, strlen(name));
}

/* For a dry run: would the parent take another directory? Nothing is changed by having the right.
 */
static int may_add(struct change *change)
{
    HANDLE again;
    NTSTATUS status =
        place_open_at(change->engine, change->work, change->place.directory, L"", 0,
                      FILE_READ_ATTRIBUTES | FILE_ADD_SUBDIRECTORY, FILE_DIRECTORY_FILE, &again);
    if (NT_SUCCESS(status))
        change->engine->nt.close(again);
    return NT_SUCCESS(status) ? 0 : nt_fail(change->engine, change->work, status, change->error);
}

/* ---- what is there already
 * ----------------------------------------------------------------------------------- */

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
        target_expected(request->expected_target, present, change->error) != 0)
        return -1;
    if (change_is_allowed(change) != 0)
        return -1;
    if (text_copy(&created->previous_target, &present->target) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    created->outcome = CREATE_REPLACED;
    if (request->dry_run)
        return 0;
    if (change_announce(change, ENGINE_CHANGE_REPLACE) != 0)
        return -1;
    return change_write(change, false);
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

/* Only to say it beforehand: what counts is what the file system finds when the link is written.
 * A directory that the caller may not list is left to that. */
static int is_empty(struct change *change)
{
    struct engine *engine = change->engine;
    struct engine_work *work = change->work;
    struct place *place = &change->place;
    _Alignas(8) uint8_t buffer[4096];
    IO_STATUS_BLOCK io = {0};
    HANDLE directory;
    size_t from = place->directory ? place->name : 0;
    NTSTATUS status = place_open_at(
        engine, work, place->directory, place->path.units + from, place->path.length - from,
        FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, FILE_DIRECTORY_FILE, &directory);
    if (status == STATUS_ACCESS_DENIED)
        return 0;
    if (!NT_SUCCESS(status))
        return nt_fail(engine, work, status, change->error);
    int result = 0;
    do {
        status = engine->nt.query_directory(directory, NULL, NULL, NULL, &io, buffer, sizeof buffer,
                                            NT_FILE_ID_BOTH, FALSE, NULL, FALSE);
        work_beat(work);
        for (size_t at = 0; NT_SUCCESS(status);) {
            const FILE_ID_BOTH_DIR_INFO *record = (const FILE_ID_BOTH_DIR_INFO *)(buffer + at);
            size_t length = record->FileNameLength / sizeof(wchar_t);
            if (length > 2 || record->FileName[0] != L'.' || record->FileName[length - 1] != L'.')
                result = work_fail(change->error, ENGINE_NOT_EMPTY, 0, NULL);
            if (record->NextEntryOffset == 0)
                break;
            at += record->NextEntryOffset;
        }
    } while (NT_SUCCESS(status) && result == 0);
    engine->nt.close(directory);
    if (!NT_SUCCESS(status) && status != STATUS_NO_MORE_FILES && status != STATUS_NO_SUCH_FILE)
        return nt_fail(engine, work, status, change->error);
    return result;
}

static int use_existing(struct change *change)
{
    if (change->old_length > 0)
        return replace(change);
    if (!(change->place.facts.attributes & FILE_ATTRIBUTE_DIRECTORY))
        return work_fail(change->error, ENGINE_NOT_A_DIRECTORY, 0, "it is a file");
    if (change_is_allowed(change) != 0)
        return -1;
    if (expects_junction(change))
        return none_expected(change, "it is a plain directory");
    if (is_empty(change) != 0)
        return -1;
    change->created->outcome = CREATE_CONVERTED;
    if (change->request->dry_run)
        return 0;
    if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
        return -1;
    return change_write(change, false);
}

/* ---- the target
 * -----------------------------------------------------------------------------------------------
 */

/* The names to be written, and what the answer says about them. */
static int prepare_names(struct change *change)
{
    struct engine_created *created = change->created;
    if (target_names(change->engine, change->request->target, &created->substitute_name,
                     &created->print_name, change->error) != 0)
        return -1;
    if (names_win32(&created->substitute_name, &created->target) != UTF_OK)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    change->new_length = reparse_encode_junction(created->substitute_name.bytes,
                                                 created->print_name.bytes, change->new);
    if (change->new_length == 0)
        return work_fail(change->error, ENGINE_TARGET_TOO_LONG, 0, NULL);
    return 0;
}

static int target_exists(struct change *change)
{
    const struct reparse_entry link = {.type = REPARSE_JUNCTION,
                                       .tag = REPARSE_TAG_MOUNT_POINT,
                                       .directory = true,
                                       .relative = -1,
                                       .substitute_name = change->created->substitute_name};
    enum target_state state =
        check_state(change->engine, change->work, &change->place.path, NULL, &link);
    if (work_is_cancelled(change->work))
        return work_cancelled(change->work, change->error);
    if (state != TARGET_OK)
        return work_fail(change->error, ENGINE_TARGET_NOT_FOUND, 0, "%s", state_text(state));
    return 0;
}

/* ---- missing parents
 * ----------------------------------------------------------------------------------------- */

/* Opens the nearest directory above the link that is there; the names below it go to `made`. */
static int open_ancestor(struct change *change)
{
    struct engine *engine = change->engine;
    struct place *place = &change->place;
    const wchar_t *units = place->path.units;
    size_t end = place->parent, count = 1;
    for (size_t i = place->path.root; i < end; i++)
        count += units[i] == L'\\';
    change->made = calloc(count, sizeof *change->made);
    if (!change->made)
        return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    NTSTATUS status;
    do {
        if (end == place->path.root)
            return work_fail(change->error, ENGINE_PARENT_NOT_FOUND, ERROR_PATH_NOT_FOUND, NULL);
        if (work_is_cancelled(change->work))
            return work_cancelled(change->work, change->error);
        size_t from = end;
        while (from > place->path.root && units[from - 1] != L'\\')
            from--;
        change->made[change->made_count++] = (struct made){.from = from, .length = end - from};
        end = from > place->path.root ? from - 1 : from;
        status = place_open_directory(engine, change->work, &place->path, end, PLACE_LOOK,
                                      &place->directory);
    } while (nt_is_missing(status));
    if (!NT_SUCCESS(status))
        return nt_fail(engine, change->work, status, change->error);
    for (size_t i = 0; i < change->made_count; i++) {
        struct text name;
        const struct made *made = &change->made[i];
        if (utf16_to_wtf8((const uint16_t *)units + made->from, made->length, &name) != UTF_OK)
            return work_fail(change->error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        int result = name_is_new(change, name.bytes, name.length);
        text_clear(&name);
        if (result != 0)
            return -1;
    }
    return place_judge(engine, change->work, place, place->directory, change->error);
}

/* One of them, nearest to the root first; the last in `made` is the first to be made. */
static int make_parent(struct change *change, struct made *made, HANDLE above)
{
    struct engine *engine = change->engine;
    struct engine_work *work = change->work;
    const wchar_t *name = change->place.path.units + made->from;
    NTSTATUS status;
    do {
        status = place_make_at(engine, work, above, name, made->length, PLACE_LOOK | DELETE,
                               &made->directory);
    } while (nt_is_busy(status) &&
             place_wait(engine, work, &change->place, status, change->error) == 0);
    if (nt_is_busy(status))
        return -1;
    made->mine = NT_SUCCESS(status);
    if (status == STATUS_OBJECT_NAME_COLLISION)
        status = place_open_at(engine, work, above, name, made->length, PLACE_LOOK,
                               FILE_DIRECTORY_FILE, &made->directory);
    struct place_facts facts;
    if (NT_SUCCESS(status))
        status = place_facts_read(engine, work, made->directory, &facts);
    if (!NT_SUCCESS(status))
        return nt_fail(engine, work, status, change->error);
    if (facts.attributes & FILE_ATTRIBUTE_REPARSE_POINT)
        return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, 0,
                         "a link appeared above the link");
    change->place.directory_id = facts.file_id;
    return 0;
}

/* Deepest first, and only what was made here; what somebody uses by now stays. */
static void undo_parents(struct change *change)
{
    bool left = false;
    for (size_t i = 0; i < change->made_count; i++) {
        struct made *made = &change->made[i];
        if (!made->directory)
            continue;
        if (made->mine && !left)
            left = !NT_SUCCESS(place_dispose(change->engine, change->work, made->directory));
        change->engine->nt.close(made->directory);
        made->directory = NULL;
    }
    if (left)
        left_behind(change, "a directory that was made above it");
}

/* The first of them, at the end of `made`, hangs on the directory that was there. */
static int make_parents(struct change *change, enum making *making, NTSTATUS *status)
{
    struct place *place = &change->place;
    HANDLE above = place->directory;
    for (size_t i = change->made_count; i > 0; i--) {
        if (make_parent(change, &change->made[i - 1], above) != 0)
            return -1;
        above = change->made[i - 1].directory;
    }
    place->directory = above;
    int result = change_lock_name(change);
    if (result == 0) {
        do {
            *making = make_new(change, status);
        } while (*making == MAKING_BUSY &&
                 place_wait(change->engine, change->work, place, *status, change->error) == 0);
        result = *making == MAKING_DONE ? 0 : -1;
    }
    return result;
}

static int create_below_missing(struct change *change)
{
    struct place *place = &change->place;
    if (open_ancestor(change) != 0 || change_volume_is_fit(change) != 0 || leaf_is_new(change) != 0)
        return -1;
    if (change->request->must_exist && target_exists(change) != 0)
        return -1;
    if (expects_junction(change))
        return none_expected(change, "nothing is there");
    change->created->outcome = CREATE_CREATED;
    if (change->request->dry_run)
        return may_add(change);
    if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
        return -1;
    HANDLE ancestor = place->directory;
    enum making making = MAKING_FAILED;
    NTSTATUS status;
    int result = make_parents(change, &making, &status);
    place->directory = ancestor;
    if (making == MAKING_COLLIDED)
        work_fail(change->error, ENGINE_CHANGED_MEANWHILE, ERROR_ALREADY_EXISTS, NULL);
    if (result != 0)
        undo_parents(change);
    for (size_t i = 0; i < change->made_count; i++)
        if (change->made[i].directory)
            change->engine->nt.close(change->made[i].directory);
    return result;
}

/* ---- all of it
 * ------------------------------------------------------------------------------------------------
 */

/* Most links are missing: to make them at once is the shortest way. Who wants to know of a change
 * beforehand has to wait for a look. 0 done, 1 something is there, -1. */
static int make_at_once(struct change *change)
{
    for (;;) {
        NTSTATUS status;
        if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
            return -1;
        enum making making = make_new(change, &status);
        if (making == MAKING_DONE || making == MAKING_FAILED)
            return making == MAKING_DONE ? 0 : -1;
        change_retract(change);
        if (making == MAKING_COLLIDED)
            return 1;
        if (place_wait(change->engine, change->work, &change->place, status, change->error) != 0)
            return -1;
    }
}

static int make_after_look(struct change *change)
{
    struct place *place = &change->place;
    enum making making;
    NTSTATUS status;
    change->created->outcome = CREATE_CREATED;
    if (change->request->dry_run)
        return may_add(change);
    if (change_announce(change, ENGINE_CHANGE_CREATE) != 0)
        return -1;
    do {
        making = make_new(change, &status);
    } while (making == MAKING_BUSY &&
             place_wait(change->engine, change->work, place, status, change->error) == 0);
    if (making == MAKING_COLLIDED)
        return work_fail(change->error, ENGINE_CHANGED_MEANWHILE, ERROR_ALREADY_EXISTS, NULL);
    return making == MAKING_DONE ? 0 : -1;
}

static int create(struct change *change)
{
    const struct engine_create *request = change->request;
    struct place *place = &change->place;
    if (work_is_cancelled(change->work))
        return work_cancelled(change->work, change->error);
    if (prepare_names(change) != 0)
        return -1;
    if (place_open(change->engine, change->work, request->link, place, change->error) != 0) {
        if (change->error->code != ENGINE_NOT_FOUND)
            return -1;
        if (request->parents)
            return create_below_missing(change);
        change->error->code = ENGINE_PARENT_NOT_FOUND;
        return -1;
    }
    if (change_volume_is_fit(change) != 0)
        return -1;
    if (request->must_exist && target_exists(change) != 0)
        return -1;
    if (change_lock_name(change) != 0)
        return -1;
    const struct engine_observer *observer = change->work->observer;
    if (leaf_is_new(change) == 0 && !request->dry_run && !expects_junction(change) &&
        place->directory && !(observer && observer->intent)) {
        int made = make_at_once(change);
        if (made <= 0)
            return made;
    }
    int found = change_look(change, PLACE_LOOK | FILE_WRITE_ATTRIBUTES);
    if (found != 0)
        return found < 0 ? -1 : use_existing(change);
    if (leaf_is_new(change) != 0)
        return -1;
    if (!place->directory)
        return nt_fail(change->engine, change->work, STATUS_ACCESS_DENIED, change->error);
    if (expects_junction(change))
        return none_expected(change, "nothing is there");
    return make_after_look(change);
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
    if (result == 0 && change->place.leaf)
        out->file_id = change->place.facts.file_id;
    change_end(change, result);
    if (result != 0)
        engine_created_clear(out);
    else
        memset(error, 0, sizeof *error);
    return result;
}
