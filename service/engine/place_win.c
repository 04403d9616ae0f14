#include "place_win.h"

#include <stdlib.h>
#include <string.h>

#include "drive_win.h"
#include "reparse.h"
#include "work.h"

#define SHARE_ALL   (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define PATIENCE_MS 5000u
#define PAUSE_MAX   100u

/* ---- calls
 * --------------------------------------------------------------------------------------------------
 */

static NTSTATUS create_file(const struct engine *engine, struct engine_work *work, HANDLE directory,
                            const wchar_t *name, size_t length, ACCESS_MASK access, ULONG share,
                            ULONG disposition, ULONG options, HANDLE *out)
{
    UNICODE_STRING string;
    OBJECT_ATTRIBUTES object;
    IO_STATUS_BLOCK io = {0};
    /* A link above can lead to a named pipe: whoever serves it must not get to be the caller, which
     * is what he would get if nothing were said. */
    SECURITY_QUALITY_OF_SERVICE quality = {.Length = sizeof quality,
                                           .ImpersonationLevel = SecurityAnonymous,
                                           .ContextTrackingMode = SECURITY_STATIC_TRACKING,
                                           .EffectiveOnly = TRUE};
    *out = NULL;
    string.Buffer = (wchar_t *)name;
    string.Length = string.MaximumLength = (USHORT)(length * sizeof *name);
    InitializeObjectAttributes(&object, &string, OBJ_CASE_INSENSITIVE, directory, NULL);
    object.SecurityQualityOfService = &quality;
    NTSTATUS status =
        engine->nt.create_file(out, access | SYNCHRONIZE, &object, &io, NULL, 0, share, disposition,
                               options | FILE_SYNCHRONOUS_IO_NONALERT, NULL, 0);
    work_beat(work);
    if (status == STATUS_OPLOCK_BREAK_IN_PROGRESS) {
        engine->nt.close(*out);
        *out = NULL;
    } else if (!NT_SUCCESS(status)) {
        *out = NULL;
    }
    return status;
}

NTSTATUS place_open_at(const struct engine *engine, struct engine_work *work, HANDLE directory,
                       const wchar_t *name, size_t length, ACCESS_MASK access, ULONG options,
                       HANDLE *out)
{
    options |= FILE_OPEN_REPARSE_POINT | FILE_OPEN_NO_RECALL;
    if (access & DELETE)
        options |= FILE_COMPLETE_IF_OPLOCKED;
    return create_file(engine, work, directory, name, length, access, SHARE_ALL, FILE_OPEN, options,
                       out);
}

NTSTATUS place_open_directory(const struct engine *engine, struct engine_work *work,
                              const struct path *path, size_t length, ACCESS_MASK access,
                              HANDLE *out)
{
    return create_file(engine, work, NULL, path->units, length, access, SHARE_ALL, FILE_OPEN,
                       FILE_DIRECTORY_FILE, out);
}

NTSTATUS place_make_at(const struct engine *engine, struct engine_work *work, HANDLE directory,
                       const wchar_t *name, size_t length, ACCESS_MASK access, HANDLE *out)
{
    return create_file(engine, work, directory, name, length, access,
                       FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE,
                       FILE_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT, out);
}

NTSTATUS place_dispose(const struct engine *engine, struct engine_work *work, HANDLE file)
{
    IO_STATUS_BLOCK io = {0};
    struct nt_file_disposition_ex how = {NT_DISPOSITION_DELETE | NT_DISPOSITION_POSIX |
                                         NT_DISPOSITION_READONLY};
    NTSTATUS status = engine->nt.set_file(file, &io, &how, sizeof how, NT_FILE_DISPOSITION_EX);
    work_beat(work);
    /* Older than Windows 10 1809, or a file system that knows no such thing. */
    if (status == STATUS_INVALID_PARAMETER || status == STATUS_INVALID_INFO_CLASS ||
        status == STATUS_NOT_SUPPORTED || status == STATUS_NOT_IMPLEMENTED ||
        status == STATUS_INVALID_DEVICE_REQUEST) {
        struct nt_file_disposition old = {TRUE};
        status = engine->nt.set_file(file, &io, &old, sizeof old, NT_FILE_DISPOSITION);
        work_beat(work);
    }
    return status;
}

NTSTATUS place_facts_read(const struct engine *engine, struct engine_work *work, HANDLE file,
                          struct place_facts *out)
{
    IO_STATUS_BLOCK io = {0};
    struct nt_file_basic basic;
    struct nt_file_internal internal;
    struct nt_file_attribute_tag tag = {0, 0};
    NTSTATUS status = engine->nt.query_file(file, &io, &basic, sizeof basic, NT_FILE_BASIC);
    if (NT_SUCCESS(status))
        status = engine->nt.query_file(file, &io, &internal, sizeof internal, NT_FILE_INTERNAL);
    if (NT_SUCCESS(status) && (basic.attributes & FILE_ATTRIBUTE_REPARSE_POINT))
        status = engine->nt.query_file(file, &io, &tag, sizeof tag, NT_FILE_ATTRIBUTE_TAG);
    work_beat(work);
    if (!NT_SUCCESS(status))
        return status;
    out->attributes = basic.attributes;
    out->tag = tag.tag;
    out->created = (uint64_t)basic.created.QuadPart;
    out->file_id = (uint64_t)internal.id.QuadPart;
    return STATUS_SUCCESS;
}

NTSTATUS place_buffer(const struct engine *engine, struct engine_work *work, HANDLE file,
                      uint8_t *buffer, size_t *length)
{
    IO_STATUS_BLOCK io = {0};
    NTSTATUS status = engine->nt.fs_control(file, NULL, NULL, NULL, &io, FSCTL_GET_REPARSE_POINT,
                                            NULL, 0, buffer, REPARSE_MAX_SIZE);
    work_beat(work);
    *length = NT_SUCCESS(status) ? (size_t)io.Information : 0;
    return status;
}

/* ---- the volume
 * ---------------------------------------------------------------------------------------------- */

int place_judge(struct engine *engine, struct engine_work *work, struct place *place, HANDLE file,
                struct engine_error *error)
{
    const struct nt_calls *nt = &engine->nt;
    IO_STATUS_BLOCK io = {0};
    struct nt_volume_device device;
    struct nt_volume_attribute attribute;
    struct nt_volume_volume volume;
    struct nt_file_id id;

    NTSTATUS status = nt->query_volume(file, &io, &device, sizeof device, NT_VOLUME_DEVICE);
    work_beat(work);
    if (!NT_SUCCESS(status))
        return nt_fail(engine, work, status, error);
    if (device.characteristics & FILE_REMOTE_DEVICE)
        return work_fail(error, ENGINE_INVALID_PATH, 0,
                         "the path is on another machine; run the client on the host that has it");

    status = nt->query_file(file, &io, &id, sizeof id, NT_FILE_ID);
    if (NT_SUCCESS(status)) {
        place->volume = id.volume;
    } else {
        /* A file system without long identities. */
        status = nt->query_volume(file, &io, &volume, sizeof volume, NT_VOLUME_VOLUME);
        if (!NT_SUCCESS(status) && status != STATUS_BUFFER_OVERFLOW)
            return nt_fail(engine, work, status, error);
        place->volume = volume.serial;
    }
    work_beat(work);
    if (engine_volume_begin(engine, work, place->volume, error) != 0)
        return -1;

    status = nt->query_volume(file, &io, &attribute, sizeof attribute, NT_VOLUME_ATTRIBUTE);
    work_beat(work);
    if (!NT_SUCCESS(status) && status != STATUS_BUFFER_OVERFLOW)
        return nt_fail(engine, work, status, error);
    place->reparse_points = (attribute.attributes & FILE_SUPPORTS_REPARSE_POINTS) != 0;
    place->read_only = (attribute.attributes & FILE_READ_ONLY_VOLUME) ||
                       (device.characteristics & FILE_READ_ONLY_DEVICE);
    return 0;
}

/* ---- opening
 * -------------------------------------------------------------------------------------------------
 */

bool place_is_root(const struct place *place)
{
    return place->name == place->path.length;
}

const char *place_name(const struct place *place)
{
    const char *slash = strrchr(place->text.bytes, '\\');
    return slash ? slash + 1 : place->text.bytes;
}

static NTSTATUS open_leaf(const struct engine *engine, struct engine_work *work,
                          struct place *place, ACCESS_MASK access)
{
    const struct path *path = &place->path;
    size_t from = place->directory ? place->name : 0;
    return place_open_at(engine, work, place->directory, path->units + from, path->length - from,
                         access, 0, &place->leaf);
}

int place_open(struct engine *engine, struct engine_work *work, const char *path, struct place *out,
               struct engine_error *error)
{
    memset(out, 0, sizeof *out);
    if (path_parse(path, &out->path, error) != 0)
        return -1;
    if (path_text(&out->path, &out->text) != UTF_OK)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    wchar_t letter = path_letter(&out->path);
    if (letter && drive_kind(engine, letter) == DRIVE_IS_NETWORK)
        return work_fail(error, ENGINE_INVALID_PATH, 0,
                         "the path is on a network drive; run the client on the host that has it");
    out->parent = path_parent(&out->path);
    out->name = out->parent == out->path.root ? out->parent : out->parent + 1;

    struct place_facts facts;
    NTSTATUS status =
        place_open_directory(engine, work, &out->path, out->parent, PLACE_LOOK, &out->directory);
    if (status == STATUS_ACCESS_DENIED && !place_is_root(out)) {
        /* Who may pass through the parent may not be allowed to look at it; the leaf can be his. */
        if (!NT_SUCCESS(open_leaf(engine, work, out, PLACE_LOOK)))
            return nt_fail(engine, work, status, error);
        int result = place_judge(engine, work, out, out->leaf, error);
        place_close_leaf(engine, out);
        return result;
    }
    if (!NT_SUCCESS(status))
        return nt_fail(engine, work, status, error);
    int result = place_judge(engine, work, out, out->directory, error);
    if (result == 0) {
        status = place_facts_read(engine, work, out->directory, &facts);
        if (NT_SUCCESS(status))
            out->directory_id = facts.file_id;
        else
            result = nt_fail(engine, work, status, error);
    }
    if (result != 0) {
        engine->nt.close(out->directory);
        out->directory = NULL;
    }
    return result;
}

int place_look(struct engine *engine, struct engine_work *work, struct place *place,
               ACCESS_MASK access, struct engine_error *error)
{
    for (;;) {
        place_close_leaf(engine, place);
        place->refused = STATUS_SUCCESS;
        NTSTATUS status = open_leaf(engine, work, place, access);
        NTSTATUS first = status;
        bool busy = nt_is_busy(status);
        if (access != PLACE_LOOK && status != STATUS_DELETE_PENDING &&
            (busy || status == STATUS_ACCESS_DENIED)) {
            place->refused = status;
            status = open_leaf(engine, work, place, PLACE_LOOK);
        }
        if (place->leaf) {
            status = place_facts_read(engine, work, place->leaf, &place->facts);
            if (!NT_SUCCESS(status))
                return nt_fail(engine, work, status, error);
            if (!busy || place->facts.tag != REPARSE_TAG_MOUNT_POINT)
                return 1;
            status = first;
        }
        if (nt_is_missing(status))
            return 0;
        if (!nt_is_busy(status) || access == PLACE_LOOK)
            return nt_fail(engine, work, status, error);
        if (place_wait(engine, work, place, status, error) != 0)
            return -1;
    }
}

int place_wait(const struct engine *engine, struct engine_work *work, struct place *place,
               NTSTATUS status, struct engine_error *error)
{
    ULONGLONG now = engine->nt.milliseconds();
    if (work_is_cancelled(work))
        return work_cancelled(work, error);
    if (place->patience == 0) {
        place->patience = now + PATIENCE_MS;
        place->pause = 1;
    } else if (now >= place->patience) {
        nt_fail(engine, work, status, error);
        return work_fail(error, ENGINE_IN_USE, error->os, "%s",
                         status == STATUS_DELETE_PENDING
                             ? "it is deleted, but another program has it open"
                             : "another program has it open");
    }
    engine->nt.sleep(place->pause);
    work_beat(work);
    if (place->pause < PAUSE_MAX)
        place->pause *= 2;
    return 0;
}

void place_close_leaf(const struct engine *engine, struct place *place)
{
    if (place->leaf)
        engine->nt.close(place->leaf);
    place->leaf = NULL;
}

void place_close(const struct engine *engine, struct place *place)
{
    place_close_leaf(engine, place);
    if (place->directory)
        engine->nt.close(place->directory);
    place->directory = NULL;
    path_clear(&place->path);
    text_clear(&place->text);
}
