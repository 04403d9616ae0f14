#include "win.h"

#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "reparse.h"
#include "work.h"

/* Where a link leads, found name by name: the system would follow a link to another machine without
 * asking. */

#define LINKS_MAX      63u /* as Windows */
#define DEVICE_UNITS   1024u
#define NT_ROOT_DRIVE  6u  /* `\??\X:` */
#define NT_ROOT_VOLUME 48u /* `\??\Volume{...}` */

/* ---- drives
 * -------------------------------------------------------------------------------------------------
 */

static bool begins_with(const wchar_t *text, const wchar_t *prefix)
{
    return _wcsnicmp(text, prefix, wcslen(prefix)) == 0;
}

/* Asks the object manager only: GetDriveType would open the device, and so call the other machine.
 */
enum win_drive win_drive(wchar_t letter)
{
    wchar_t device[DEVICE_UNITS];
    /* A substituted letter can name another one; more steps than letters would be a circle. */
    for (int step = 0; step < 26; step++) {
        wchar_t drive[] = {letter, L':', L'\0'};
        if (!QueryDosDeviceW(drive, device, DEVICE_UNITS))
            return WIN_DRIVE_NONE;
        if (begins_with(device, L"\\??\\UNC\\") || begins_with(device, L"\\Device\\Mup") ||
            begins_with(device, L"\\Device\\LanmanRedirector") ||
            begins_with(device, L"\\Device\\WebDavRedirector") || wcsstr(device, L"\\;"))
            return WIN_DRIVE_REMOTE;
        if (!begins_with(device, L"\\??\\") || device[4] == L'\0' || device[5] != L':')
            return WIN_DRIVE_LOCAL;
        letter = device[4];
    }
    return WIN_DRIVE_NONE;
}

/* ---- the way to the target
 * ---------------------------------------------------------------------------------- */

struct trail {
    struct engine_work *work;
    struct win_path at;
    HANDLE end; /* what was found there, when the state is OK or NOT_DIRECTORY */
    unsigned links;
    bool link_is_directory;
};

static bool is_missing(DWORD os)
{
    return os == ERROR_FILE_NOT_FOUND || os == ERROR_PATH_NOT_FOUND || os == ERROR_INVALID_NAME ||
           os == ERROR_BAD_PATHNAME || os == ERROR_DIRECTORY || os == ERROR_DELETE_PENDING;
}

static enum target_state state_of(DWORD os)
{
    if (is_missing(os))
        return TARGET_DANGLING;
    return os == ERROR_CANT_RESOLVE_FILENAME ? TARGET_LOOP : TARGET_INACCESSIBLE;
}

static bool append_units(struct win_path *path, const wchar_t *units, size_t count)
{
    if (count > WIN_PATH_UNITS - path->length)
        return false;
    memmove(path->units + path->length, units, count * sizeof *units);
    win_path_cut(path, path->length + count);
    return true;
}

/* A relative target, name by name from where the path ends now. */
static bool append_relative(struct win_path *path, const wchar_t *units, size_t count)
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
            win_path_cut(path, cut > path->root ? cut - 1 : path->root);
        } else if (length > 0 && !(length == 1 && units[from] == L'.')) {
            if (!win_path_append(path, units + from, length))
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
    struct win_path *at = &trail->at;
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
        win_path_cut(at, base);
        fits = append_relative(at, units, count);
    } else {
        size_t root = place == NAMES_DRIVE ? NT_ROOT_DRIVE : NT_ROOT_VOLUME;
        if (count == root) /* without a `\` it is the device, which is no directory */
            goto done;
        if (count > root + 1 && units[count - 1] == L'\\')
            count--;
        win_path_cut(at, 4); /* `\??\` becomes `\\?\` */
        at->root = root + 1;
        fits = append_units(at, units + 4, count - 4);
    }
    if (behind_count > 0 && at->units[at->length - 1] == L'\\')
        win_path_cut(at, at->length - 1);
    if (fits && append_units(at, behind, behind_count))
        state = TARGET_OK;

done:
    free(behind);
    free(name);
    return state;
}

enum found { FOUND_DIRECTORY, FOUND_FILE, FOUND_LINK, FOUND_NOTHING };

/* What is at the first `end` units of the path. FOUND_NOTHING: *state says why. */
static enum found trail_look(struct trail *trail, size_t end, HANDLE *handle,
                             struct reparse_entry *link, enum target_state *state)
{
    wchar_t *units = trail->at.units, kept = units[end];
    units[end] = L'\0';
    *handle = win_open(trail->work, units, FILE_READ_ATTRIBUTES);
    DWORD os = GetLastError();
    units[end] = kept;
    if (!*handle) {
        *state = state_of(os);
        return FOUND_NOTHING;
    }
    FILE_ATTRIBUTE_TAG_INFO info;
    struct win_facts facts;
    struct engine_error error;
    *state = TARGET_INACCESSIBLE;
    BOOL known = GetFileInformationByHandleEx(*handle, FileAttributeTagInfo, &info, sizeof info);
    work_beat(trail->work);
    if (!known || !win_facts_read(trail->work, *handle, &facts))
        return FOUND_NOTHING;
    if ((info.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
        (info.ReparseTag & REPARSE_TAG_BIT_SURROGATE)) {
        bool followed =
            info.ReparseTag == REPARSE_TAG_MOUNT_POINT || info.ReparseTag == REPARSE_TAG_SYMLINK;
        if (!followed || win_entry_read(trail->work, *handle, &facts, link, &error) != 0)
            return FOUND_NOTHING;
        return FOUND_LINK;
    }
    return info.FileAttributes & FILE_ATTRIBUTE_DIRECTORY ? FOUND_DIRECTORY : FOUND_FILE;
}

static enum target_state trail_root(struct trail *trail)
{
    const wchar_t *units = trail->at.units;
    if (units[5] == L':') {
        enum win_drive drive = win_drive(units[4]);
        if (drive != WIN_DRIVE_LOCAL)
            return drive == WIN_DRIVE_REMOTE ? TARGET_REMOTE : TARGET_UNKNOWN_VOLUME;
    }
    HANDLE handle;
    struct reparse_entry none = {.relative = -1};
    enum target_state state;
    enum found found = trail_look(trail, trail->at.root, &handle, &none, &state);
    reparse_entry_clear(&none);
    if (found == FOUND_NOTHING)
        state = state == TARGET_DANGLING ? TARGET_UNKNOWN_VOLUME : state;
    else
        state = TARGET_OK;
    if (handle && state == TARGET_OK && trail->at.length == trail->at.root)
        trail->end = handle;
    else if (handle)
        CloseHandle(handle);
    return state;
}

/* One pass from the root to the end or to the first link. *again: a link was followed. */
static enum target_state trail_pass(struct trail *trail, bool *again)
{
    *again = false;
    enum target_state state = trail_root(trail);
    if (state != TARGET_OK)
        return state;
    enum found found = FOUND_DIRECTORY;
    for (size_t from = trail->at.root; from < trail->at.length;) {
        if (work_is_cancelled(trail->work))
            return TARGET_UNCHECKED;
        size_t end = from;
        while (end < trail->at.length && trail->at.units[end] != L'\\')
            end++;
        bool last = end == trail->at.length;
        HANDLE handle;
        struct reparse_entry link = {.relative = -1};
        found = trail_look(trail, end, &handle, &link, &state);
        if (found == FOUND_LINK) {
            state = trail_follow(trail, end, &link);
            *again = state == TARGET_OK;
        }
        reparse_entry_clear(&link);
        if (last && (found == FOUND_DIRECTORY || found == FOUND_FILE))
            trail->end = handle;
        else if (handle)
            CloseHandle(handle);
        if (found == FOUND_LINK || found == FOUND_NOTHING)
            return state;
        if (found == FOUND_FILE && !last)
            return TARGET_DANGLING;
        from = end + 1;
    }
    if (trail->link_is_directory)
        return found == FOUND_DIRECTORY ? TARGET_OK : TARGET_NOT_DIRECTORY;
    return found == FOUND_FILE ? TARGET_OK : TARGET_DANGLING;
}

/* ---- loops
 * --------------------------------------------------------------------------------------------------
 */

/* The one true path of a handle, malloc'ed; NULL when the system does not tell. */
static wchar_t *final_path(struct engine_work *work, HANDLE handle)
{
    wchar_t *units = malloc((WIN_PATH_UNITS + 1) * sizeof *units);
    if (!units)
        return NULL;
    DWORD length = GetFinalPathNameByHandleW(handle, units, WIN_PATH_UNITS + 1,
                                             FILE_NAME_NORMALIZED | VOLUME_NAME_GUID);
    work_beat(work);
    if (length == 0 || length > WIN_PATH_UNITS) {
        free(units);
        return NULL;
    }
    return units;
}

/* The target is a directory that holds the link, directly or further up. */
static bool leads_above(struct engine_work *work, HANDLE link, HANDLE target)
{
    wchar_t *below = final_path(work, link), *above = final_path(work, target);
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

enum target_state win_check(struct engine_work *work, const struct win_path *link, HANDLE handle,
                            const struct reparse_entry *entry)
{
    if (entry->type != REPARSE_JUNCTION && entry->type != REPARSE_MOUNT_POINT &&
        entry->type != REPARSE_SYMLINK)
        return TARGET_UNCHECKED;
    struct trail trail = {.work = work, .at = *link, .link_is_directory = entry->directory};
    trail.at.units = malloc((WIN_PATH_UNITS + 1) * sizeof *trail.at.units);
    if (!trail.at.units)
        return TARGET_UNCHECKED;
    memcpy(trail.at.units, link->units, (link->length + 1) * sizeof *link->units);
    enum target_state state = trail_follow(&trail, trail.at.length, entry);
    for (bool again = state == TARGET_OK; again;)
        state = trail_pass(&trail, &again);
    if (state == TARGET_OK && entry->directory && leads_above(work, handle, trail.end))
        state = TARGET_LOOP;
    if (trail.end)
        CloseHandle(trail.end);
    win_path_clear(&trail.at);
    return state;
}
