#include "check_win.h"

#include <stdlib.h>
#include <string.h>

#include "drive_win.h"
#include "names.h"
#include "reparse.h"
#include "work.h"

/* Where a link leads, found name by name, each relative to the directory before it: the system
 * would follow a link to another machine without asking. */

#define LINKS_MAX      63u /* as Windows */
#define NT_ROOT_DRIVE  6u  /* `\??\X:` */
#define NT_ROOT_VOLUME 48u /* `\??\Volume{...}` */

int check_entry(const struct engine *engine, struct engine_work *work, HANDLE file,
                const struct place_facts *facts, struct reparse_entry *out,
                struct engine_error *error)
{
    uint8_t buffer[REPARSE_MAX_SIZE];
    size_t length;
    NTSTATUS status = place_buffer(engine, work, file, buffer, &length);
    if (!NT_SUCCESS(status))
        return nt_fail(engine, work, status, error);
    struct reparse_data data;
    if (reparse_decode(buffer, length, &data) != UTF_OK)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    out->directory = (facts->attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    out->type = data.type;
    out->tag = data.tag;
    out->target = data.target;
    out->substitute_name = data.substitute_name;
    out->print_name = data.print_name;
    out->file_id = facts->file_id;
    out->created = facts->created;
    out->relative = data.relative;
    out->malformed = data.malformed;
    data.target = data.substitute_name = data.print_name = (struct text){NULL, 0};
    reparse_data_clear(&data);
    return 0;
}

/* ---- the way to the target
 * ---------------------------------------------------------------------------------- */

struct trail {
    const struct engine *engine;
    struct engine_work *work;
    struct path at;
    HANDLE end; /* what was found there, when the state is OK or NOT_DIRECTORY */
    unsigned links;
    bool link_is_directory;
};

static enum target_state state_of(NTSTATUS status)
{
    if (nt_is_missing(status) || status == STATUS_OBJECT_NAME_INVALID ||
        status == STATUS_OBJECT_PATH_SYNTAX_BAD || status == STATUS_OBJECT_PATH_INVALID ||
        status == STATUS_NOT_A_DIRECTORY || status == STATUS_DELETE_PENDING)
        return TARGET_DANGLING;
    return status == STATUS_REPARSE_POINT_NOT_RESOLVED ? TARGET_LOOP : TARGET_INACCESSIBLE;
}

static bool append_units(struct path *path, const wchar_t *units, size_t count)
{
    if (count > PATH_UNITS_MAX - path->length)
        return false;
    memmove(path->units + path->length, units, count * sizeof *units);
    path_cut(path, path->length + count);
    return true;
}

/* A relative target, name by name from where the path ends now. */
static bool append_relative(struct path *path, const wchar_t *units, size_t count)
{
    for (size_t from = 0; from < count;) {
        size_t end = from;
        while (end < count && units[end] != L'\\' && units[end] != L'/')
            end++;
        size_t length = end - from;
        if (length == 2 && units[from] == L'.' && units[from + 1] == L'.') {
            size_t cut = path->length;
            while (cut > path->root && path->units[cut - 1] != L'\\')
                cut--;
            path_cut(path, cut > path->root ? cut - 1 : path->root);
        } else if (length > 0 && !(length == 1 && units[from] == L'.')) {
            if (!path_append(path, units + from, length))
                return false;
        }
        from = end + 1;
    }
    return true;
}

/* Leads `at` to where the link that ends at `end` points; names behind the link follow. OK: go on.
 */
static enum target_state trail_follow(struct trail *trail, size_t end,
                                      const struct reparse_entry *link)
{
    struct path *at = &trail->at;
    enum target_state state = TARGET_DANGLING;
    uint16_t *name = NULL;
    wchar_t *behind = NULL;
    size_t count, behind_count = at->length - end;
    char letter;
    const char *rest;
    bool fits;

    if (++trail->links > LINKS_MAX)
        return TARGET_LOOP;
    if (link->malformed || !link->substitute_name.bytes)
        return TARGET_DANGLING;
    enum names_place place = names_place(&link->substitute_name, &letter, &rest);
    if (place == NAMES_REMOTE)
        return TARGET_REMOTE;
    if (place == NAMES_OTHER && link->relative != 1)
        return TARGET_DANGLING;
    behind = malloc((behind_count + 1) * sizeof *behind);
    if (!behind || wtf8_to_utf16(link->substitute_name.bytes, link->substitute_name.length, &name,
                                 &count) != UTF_OK) {
        state = TARGET_INACCESSIBLE;
        goto done;
    }
    memcpy(behind, at->units + end, behind_count * sizeof *behind);
    const wchar_t *units = (const wchar_t *)name;
    if (wcslen(units) != count)
        goto done;

    if (place == NAMES_OTHER) {
        size_t base = at->root;
        if (count > 0 && units[0] != L'\\') {
            base = end;
            while (base > at->root && at->units[base - 1] != L'\\')
                base--;
            if (base > at->root)
                base--;
        }
        path_cut(at, base);
        fits = append_relative(at, units, count);
    } else {
        size_t root = place == NAMES_DRIVE ? NT_ROOT_DRIVE : NT_ROOT_VOLUME;
        if (count == root) /* without a `\` it is the device, which is no directory */
            goto done;
        if (count > root + 1 && units[count - 1] == L'\\')
            count--;
        path_cut(at, PATH_PREFIX);
        at->root = root + 1;
        fits = append_units(at, units + PATH_PREFIX, count - PATH_PREFIX);
    }
    if (behind_count > 0 && at->units[at->length - 1] == L'\\')
        path_cut(at, at->length - 1);
    if (fits && append_units(at, behind, behind_count))
        state = TARGET_OK;

done:
    free(behind);
    free(name);
    return state;
}

enum found { FOUND_DIRECTORY, FOUND_FILE, FOUND_LINK, FOUND_NOTHING };

/* What is behind a name in `directory`. FOUND_NOTHING: *state says why. */
static enum found trail_look(struct trail *trail, HANDLE directory, const wchar_t *name,
                             size_t length, HANDLE *file, struct reparse_entry *link,
                             enum target_state *state)
{
    struct place_facts facts;
    struct engine_error error;
    NTSTATUS status = STATUS_OBJECT_NAME_INVALID;
    *file = NULL;
    if (path_name_opens(name, length))
        status =
            place_open_at(trail->engine, trail->work, directory, name, length, PLACE_LOOK, 0, file);
    if (NT_SUCCESS(status))
        status = place_facts_read(trail->engine, trail->work, *file, &facts);
    if (!NT_SUCCESS(status)) {
        *state = state_of(status);
        return FOUND_NOTHING;
    }
    if (facts.tag & REPARSE_TAG_BIT_SURROGATE) {
        bool followed = facts.tag == REPARSE_TAG_MOUNT_POINT || facts.tag == REPARSE_TAG_SYMLINK;
        *state = TARGET_INACCESSIBLE;
        if (!followed || check_entry(trail->engine, trail->work, *file, &facts, link, &error) != 0)
            return FOUND_NOTHING;
        return FOUND_LINK;
    }
    return facts.attributes & FILE_ATTRIBUTE_DIRECTORY ? FOUND_DIRECTORY : FOUND_FILE;
}

/* The root of the volume that the trail is on. */
static enum target_state trail_root(struct trail *trail, HANDLE *root)
{
    const struct engine *engine = trail->engine;
    wchar_t letter = path_letter(&trail->at);
    *root = NULL;
    if (letter) {
        enum drive_kind drive = drive_kind(engine, letter);
        if (drive != DRIVE_IS_VOLUME)
            return drive == DRIVE_IS_NETWORK ? TARGET_REMOTE : TARGET_UNKNOWN_VOLUME;
    }
    NTSTATUS status =
        place_open_directory(engine, trail->work, &trail->at, trail->at.root, PLACE_LOOK, root);
    if (NT_SUCCESS(status))
        return TARGET_OK;
    enum target_state state = state_of(status);
    return state == TARGET_DANGLING ? TARGET_UNKNOWN_VOLUME : state;
}

/* One pass from the root to the end or to the first link. *again: a link was followed. */
static enum target_state trail_pass(struct trail *trail, bool *again)
{
    const struct nt_calls *nt = &trail->engine->nt;
    HANDLE at;
    enum target_state state = trail_root(trail, &at);
    enum found found = FOUND_DIRECTORY;
    *again = false;
    if (state != TARGET_OK)
        return state;
    for (size_t from = trail->at.root; from < trail->at.length;) {
        size_t end = from;
        while (end < trail->at.length && trail->at.units[end] != L'\\')
            end++;
        bool last = end == trail->at.length;
        HANDLE next = NULL;
        struct reparse_entry link = {.relative = -1};
        if (work_is_cancelled(trail->work)) {
            found = FOUND_NOTHING;
            state = TARGET_UNCHECKED;
        } else {
            found = trail_look(trail, at, trail->at.units + from, end - from, &next, &link, &state);
        }
        if (found == FOUND_LINK) {
            state = trail_follow(trail, end, &link);
            *again = state == TARGET_OK;
        }
        reparse_entry_clear(&link);
        nt->close(at);
        at = next;
        if (found == FOUND_FILE && !last) {
            found = FOUND_NOTHING;
            state = TARGET_DANGLING;
        }
        if (found == FOUND_LINK || found == FOUND_NOTHING) {
            if (at)
                nt->close(at);
            return state;
        }
        from = end + 1;
    }
    trail->end = at;
    if (trail->link_is_directory)
        return found == FOUND_DIRECTORY ? TARGET_OK : TARGET_NOT_DIRECTORY;
    return found == FOUND_FILE ? TARGET_OK : TARGET_DANGLING;
}

/* ---- loops
 * --------------------------------------------------------------------------------------------------
 */

/* The one true path of a handle, malloc'ed; NULL when the system does not tell. */
static wchar_t *final_path(struct trail *trail, HANDLE file)
{
    wchar_t *units = malloc((PATH_UNITS_MAX + 1) * sizeof *units);
    if (!units)
        return NULL;
    DWORD length = trail->engine->nt.final_path(file, units, PATH_UNITS_MAX + 1,
                                                FILE_NAME_NORMALIZED | VOLUME_NAME_GUID);
    work_beat(trail->work);
    if (length == 0 || length > PATH_UNITS_MAX) {
        free(units);
        return NULL;
    }
    return units;
}

/* The target is a directory that holds the link, directly or further up. */
static bool leads_above(struct trail *trail, HANDLE link)
{
    wchar_t *below = final_path(trail, link), *above = final_path(trail, trail->end);
    bool result = false;
    if (below && above) {
        size_t length = wcslen(above);
        while (length > 0 && above[length - 1] == L'\\')
            length--;
        result = wcslen(below) > length && below[length] == L'\\' &&
                 CompareStringOrdinal(below, (int)length, above, (int)length, TRUE) == CSTR_EQUAL;
    }
    free(below);
    free(above);
    return result;
}

enum target_state check_state(const struct engine *engine, struct engine_work *work,
                              const struct path *path, HANDLE link,
                              const struct reparse_entry *entry)
{
    if (entry->type != REPARSE_JUNCTION && entry->type != REPARSE_MOUNT_POINT &&
        entry->type != REPARSE_SYMLINK)
        return TARGET_UNCHECKED;
    struct trail trail = {.engine = engine, .work = work, .link_is_directory = entry->directory};
    struct engine_error error;
    if (path_copy(path, &trail.at, &error) != 0)
        return TARGET_UNCHECKED;
    enum target_state state = trail_follow(&trail, trail.at.length, entry);
    for (bool again = state == TARGET_OK; again;)
        state = trail_pass(&trail, &again);
    if (state == TARGET_OK && entry->directory && link && leads_above(&trail, link))
        state = TARGET_LOOP;
    if (trail.end)
        engine->nt.close(trail.end);
    path_clear(&trail.at);
    return state;
}
