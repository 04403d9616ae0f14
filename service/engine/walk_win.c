/* Listing: one thread, one directory after the other, each opened relative to the one above it.
 * Memory grows with the depth of the tree, never with the number of entries, and few directories
 * are held open. */
#include "check_win.h"

#include <stdlib.h>
#include <string.h>

#include "reparse.h"
#include "tags.h"
#include "work.h"

#define BUFFER_LARGE 65536u
/* Below this depth directories are read in small pieces, so that a tree made to be deep costs
 * little memory. */
#define DEEP         64u
#define BUFFER_SMALL 4096u
#define OPEN_MAX     64u /* directories held open */
#define OPEN_TOP     32u /* of these, the ones nearest to the top; the others are the deepest */

#define TAG_PROJFS 0x9000001Cu

#ifndef FILE_ATTRIBUTE_RECALL_ON_OPEN
#define FILE_ATTRIBUTE_RECALL_ON_OPEN 0x00040000
#endif
#ifndef FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
#define FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS 0x00400000
#endif

/* One directory that is being read. */
struct frame {
    HANDLE directory; /* NULL: closed because too many were open */
    uint64_t file_id;
    uint8_t *buffer;
    size_t size;   /* of the buffer */
    size_t next;   /* offset of the record to come */
    size_t length; /* of the directory's path */
    bool filled;   /* the buffer holds records that were not looked at */
    bool begun;
    bool finished; /* no more are to be read */
    bool rewound;  /* opened again: what was read is still to be skipped */
    bool lost;     /* it, or the name where it was left, is gone: a part of it was not read */
};

struct walk {
    struct engine *engine;
    struct engine_work *work;
    const struct engine_list *request;
    const struct engine_list_sink *sink;
    struct engine_listed *out;
    struct place place; /* PATH */
    struct path path;   /* of the directory or entry at hand */
    struct frame *frames;
    size_t depth, capacity;
    bool stop; /* the sink wants no more */
};

static bool wants(const struct walk *walk, enum reparse_type type)
{
    return walk->request->types == 0 || (walk->request->types & 1u << type) != 0;
}

/* Junctions and mount points share a tag: only the substitute name tells. */
static bool wants_tag(const struct walk *walk, uint32_t tag)
{
    enum reparse_type type = tag_type(tag);
    return wants(walk, type) || (type == REPARSE_JUNCTION && wants(walk, REPARSE_MOUNT_POINT));
}

/* ---- what goes out
 * ------------------------------------------------------------------------------------------ */

/* Hands the entry over and clears it; its path is that of the walk. */
static int walk_emit(struct walk *walk, struct reparse_entry *entry, struct engine_error *error)
{
    int result = -1;
    if (path_text(&walk->path, &entry->path) != UTF_OK) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    if (entry->error.code != ENGINE_OK)
        walk->out->skipped++;
    else
        walk->out->count++;
    if (walk->sink->entry(walk->sink->context, entry) != 0)
        walk->stop = true;
    result = 0;

done:
    reparse_entry_clear(entry);
    return result;
}

static int walk_emit_error(struct walk *walk, bool directory, const struct engine_error *what,
                           struct engine_error *error)
{
    struct reparse_entry entry = {.directory = directory, .relative = -1, .error = *what};
    return walk_emit(walk, &entry, error);
}

/* A name that went away, or became an ordinary one, between the listing and now. */
static bool is_no_news(enum engine_code code)
{
    return code == ENGINE_NOT_FOUND || code == ENGINE_NOT_A_REPARSE_POINT;
}

/* A place that could not be read; only want of memory ends the whole list. */
static int walk_skip(struct walk *walk, const struct engine_error *what, bool directory,
                     struct engine_error *error)
{
    if (what->code == ENGINE_OUT_OF_MEMORY && what->os == 0) {
        *error = *what;
        return -1;
    }
    if (work_is_cancelled(walk->work) || is_no_news(what->code))
        return 0;
    return walk_emit_error(walk, directory, what, error);
}

static int walk_unreadable(struct walk *walk, NTSTATUS status, bool directory,
                           struct engine_error *error)
{
    struct engine_error what;
    nt_fail(walk->engine, walk->work, status, &what);
    return walk_skip(walk, &what, directory, error);
}

/* The reparse point at the walk's path, whose handle is open. -1 with *what when it cannot be read.
 */
static int walk_point(struct walk *walk, HANDLE file, const struct place_facts *facts,
                      struct engine_error *what)
{
    struct reparse_entry entry = {.relative = -1};
    if (check_entry(walk->engine, walk->work, file, facts, &entry, what) != 0)
        return -1;
    if (!wants(walk, entry.type)) {
        reparse_entry_clear(&entry);
        return 0;
    }
    if (walk->request->check)
        entry.state = check_state(walk->engine, walk->work, &walk->path, file, &entry);
    return walk_emit(walk, &entry, what);
}

static bool has_target(uint32_t tag)
{
    return tag == REPARSE_TAG_MOUNT_POINT || tag == REPARSE_TAG_SYMLINK ||
           tag == REPARSE_TAG_LX_SYMLINK || tag == REPARSE_TAG_APPEXECLINK;
}

/* An entry of a directory that carries a tag. Where the tag says all there is, it is not even
 * opened: a volume can hold a million cloud files. Tag 0 comes from file systems that do not tell
 * it in a listing. */
static int walk_tagged(struct walk *walk, HANDLE parent, const FILE_ID_BOTH_DIR_INFO *record,
                       struct engine_error *error)
{
    uint32_t tag = record->EaSize; /* the tag stands there when the attribute is set */
    if (tag != 0 && !wants_tag(walk, tag))
        return 0;
    bool directory = (record->FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (tag != 0 && !has_target(tag)) {
        struct reparse_entry entry = {.directory = directory,
                                      .type = tag_type(tag),
                                      .tag = tag,
                                      .file_id = (uint64_t)record->FileId.QuadPart,
                                      .created = (uint64_t)record->CreationTime.QuadPart,
                                      .relative = -1};
        return walk_emit(walk, &entry, error);
    }
    struct place_facts facts;
    struct engine_error what;
    HANDLE file;
    NTSTATUS status = place_open_at(walk->engine, walk->work, parent, record->FileName,
                                    record->FileNameLength / sizeof(wchar_t), PLACE_LOOK, 0, &file);
    if (!NT_SUCCESS(status))
        return walk_unreadable(walk, status, directory, error);
    int result = 0;
    status = place_facts_read(walk->engine, walk->work, file, &facts);
    if (!NT_SUCCESS(status))
        result = walk_unreadable(walk, status, directory, error);
    else if (walk_point(walk, file, &facts, &what) != 0)
        result = walk_skip(walk, &what, directory, error);
    walk->engine->nt.close(file);
    return result;
}

/* ---- frames
 * -------------------------------------------------------------------------------------------------
 */

static NTSTATUS frame_read(const struct walk *walk, struct frame *frame, void *buffer, size_t size)
{
    IO_STATUS_BLOCK io = {0};
    NTSTATUS status = walk->engine->nt.query_directory(frame->directory, NULL, NULL, NULL, &io,
                                                       buffer, (ULONG)size, NT_FILE_ID_BOTH, FALSE,
                                                       NULL, frame->begun ? FALSE : TRUE);
    work_beat(walk->work);
    frame->begun = true;
    /* An empty file system root has not even `.`, which is told in another way. */
    return status == STATUS_NO_SUCH_FILE ? STATUS_NO_MORE_FILES : status;
}

/* Too many are open: this one goes on later, if anything is left to go on with. What it still has
 * to look at stays, the rest of its memory goes. */
static void frame_park(const struct walk *walk, struct frame *frame)
{
    _Alignas(8) uint8_t ahead[1024];
    if (!frame->directory)
        return;
    if (frame_read(walk, frame, ahead, sizeof ahead) == STATUS_NO_MORE_FILES)
        frame->finished = true;
    walk->engine->nt.close(frame->directory);
    frame->directory = NULL;
    if (frame->finished && !frame->filled) {
        free(frame->buffer);
        frame->buffer = NULL;
    }
}

/* Takes the handle over, also when it fails. */
static int walk_push(struct walk *walk, HANDLE directory, uint64_t file_id,
                     struct engine_error *error)
{
    uint8_t *buffer = NULL;
    if (walk->depth == walk->capacity) {
        size_t capacity = walk->capacity ? walk->capacity * 2 : 16;
        struct frame *frames = realloc(walk->frames, capacity * sizeof *frames);
        if (!frames)
            goto no_memory;
        walk->frames = frames;
        walk->capacity = capacity;
    }
    size_t size = walk->depth < DEEP ? BUFFER_LARGE : BUFFER_SMALL;
    buffer = malloc(size);
    if (!buffer)
        goto no_memory;
    walk->frames[walk->depth++] = (struct frame){.directory = directory,
                                                 .file_id = file_id,
                                                 .buffer = buffer,
                                                 .size = size,
                                                 .length = walk->path.length};
    if (walk->depth > OPEN_MAX)
        frame_park(walk, &walk->frames[walk->depth - 1 - (OPEN_MAX - OPEN_TOP)]);
    return 0;

no_memory:
    walk->engine->nt.close(directory);
    return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
}

static void walk_pop(struct walk *walk)
{
    struct frame *frame = &walk->frames[--walk->depth];
    if (frame->directory)
        walk->engine->nt.close(frame->directory);
    free(frame->buffer);
}

/* Of a directory, as it was found: never another name for some place that was put there since. */
static NTSTATUS open_known(struct walk *walk, HANDLE parent, const wchar_t *name, size_t length,
                           uint64_t file_id, HANDLE *out)
{
    struct place_facts facts;
    NTSTATUS status =
        place_open_at(walk->engine, walk->work, parent, name, length,
                      FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, FILE_DIRECTORY_FILE, out);
    if (NT_SUCCESS(status))
        status = place_facts_read(walk->engine, walk->work, *out, &facts);
    if (NT_SUCCESS(status) && ((facts.tag & REPARSE_TAG_BIT_SURROGATE) || facts.file_id != file_id))
        status = STATUS_OBJECT_NAME_NOT_FOUND;
    if (!NT_SUCCESS(status) && *out) {
        walk->engine->nt.close(*out);
        *out = NULL;
    }
    return status;
}

/* The frame on top was parked: down to it again, from the nearest one that is open. The deepest of
 * those on the way stay open. */
static NTSTATUS walk_reopen(struct walk *walk)
{
    size_t at = walk->depth - 1;
    while (!walk->frames[at].directory)
        at--; /* the first is never parked */
    HANDLE directory = walk->frames[at].directory;
    bool owned = false;
    for (; at + 1 < walk->depth; at++) {
        struct frame *next = &walk->frames[at + 1];
        const wchar_t *name = walk->path.units + walk->frames[at].length;
        size_t length = next->length - walk->frames[at].length;
        while (length > 0 && *name == L'\\') {
            name++;
            length--;
        }
        HANDLE opened;
        NTSTATUS status = open_known(walk, directory, name, length, next->file_id, &opened);
        if (owned)
            walk->engine->nt.close(directory);
        if (!NT_SUCCESS(status))
            return status;
        directory = opened;
        owned = walk->depth - (at + 1) > OPEN_MAX - OPEN_TOP;
        if (!owned) {
            next->directory = directory;
            next->begun = false;
            next->rewound = true;
        }
    }
    return STATUS_SUCCESS;
}

static bool is_named(const FILE_ID_BOTH_DIR_INFO *record, const wchar_t *name, size_t length)
{
    return record->FileNameLength == length * sizeof *name &&
           memcmp(record->FileName, name, length * sizeof *name) == 0;
}

static const FILE_ID_BOTH_DIR_INFO *frame_record(const struct frame *frame)
{
    return (const FILE_ID_BOTH_DIR_INFO *)(frame->buffer + frame->next);
}

static void frame_step(struct frame *frame)
{
    size_t step = frame_record(frame)->NextEntryOffset;
    frame->next += step;
    frame->filled = step > 0;
}

/* Reads a directory that was opened again up to where it was left: the last name in its buffer. */
static NTSTATUS frame_skip(struct walk *walk, struct frame *frame)
{
    wchar_t name[256];
    size_t length = frame_record(frame)->FileNameLength / sizeof *name;
    if (length > 255)
        return STATUS_OBJECT_NAME_INVALID;
    memcpy(name, frame_record(frame)->FileName, length * sizeof *name);
    frame->rewound = false;
    for (;;) {
        if (work_is_cancelled(walk->work))
            return STATUS_CANCELLED;
        NTSTATUS status = frame_read(walk, frame, frame->buffer, frame->size);
        if (!NT_SUCCESS(status))
            return status == STATUS_NO_MORE_FILES ? STATUS_FILE_DELETED : status;
        frame->next = 0;
        frame->filled = true;
        while (frame->filled) {
            bool found = is_named(frame_record(frame), name, length);
            frame_step(frame);
            if (found)
                return STATUS_SUCCESS;
        }
    }
}

/* Fills the buffer of the frame on top. STATUS_NO_MORE_FILES at the end. */
static NTSTATUS walk_fill(struct walk *walk)
{
    struct frame *frame = &walk->frames[walk->depth - 1];
    NTSTATUS status = STATUS_SUCCESS;
    if (frame->finished)
        return STATUS_NO_MORE_FILES;
    if (!frame->directory)
        status = walk_reopen(walk);
    if (NT_SUCCESS(status) && frame->rewound)
        status = frame_skip(walk, frame);
    frame->lost = frame->lost || nt_is_missing(status);
    if (!NT_SUCCESS(status) || frame->filled)
        return status;
    status = frame_read(walk, frame, frame->buffer, frame->size);
    if (NT_SUCCESS(status)) {
        frame->next = 0;
        frame->filled = true;
    }
    return status;
}

/* ---- one entry
 * -----------------------------------------------------------------------------------------------
 */

static bool is_dots(const wchar_t *name, size_t length)
{
    return (length == 1 && name[0] == L'.') || (length == 2 && name[0] == L'.' && name[1] == L'.');
}

/* Never into another name for some place, and not where looking would fetch something. */
static bool may_enter(const FILE_ID_BOTH_DIR_INFO *record)
{
    if (!(record->FileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return false;
    const DWORD recall = FILE_ATTRIBUTE_OFFLINE | FILE_ATTRIBUTE_RECALL_ON_OPEN |
                         FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS;
    /* The same bit tells of extended attributes (FILE_ATTRIBUTE_EA), which are no reason to leave a
     * directory out: what is only to be fetched has none yet. */
    if (!(record->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return !(record->FileAttributes & FILE_ATTRIBUTE_RECALL_ON_OPEN) || record->EaSize != 0;
    uint32_t tag = record->EaSize;
    return !(tag & REPARSE_TAG_BIT_SURROGATE) && (tag & REPARSE_TAG_BIT_DIRECTORY) &&
           tag != TAG_PROJFS && !(record->FileAttributes & recall);
}

static int walk_lost(struct walk *walk, struct engine_error *error)
{
    struct engine_error what;
    work_fail(&what, ENGINE_CHANGED_MEANWHILE, 0, "the directory was replaced while it was listed");
    return walk_emit_error(walk, true, &what, error);
}

/* What is opened must be what the record told of: a directory, and if it has a tag now, it had it
 * then. */
static int walk_enter(struct walk *walk, HANDLE parent, const FILE_ID_BOTH_DIR_INFO *record,
                      struct engine_error *error)
{
    struct place_facts facts;
    HANDLE directory;
    NTSTATUS status = place_open_at(walk->engine, walk->work, parent, record->FileName,
                                    record->FileNameLength / sizeof(wchar_t),
                                    FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, 0, &directory);
    if (!NT_SUCCESS(status))
        return walk_unreadable(walk, status, true, error);
    status = place_facts_read(walk->engine, walk->work, directory, &facts);
    if (!NT_SUCCESS(status)) {
        walk->engine->nt.close(directory);
        return walk_unreadable(walk, status, true, error);
    }
    const DWORD shape = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
    if (((facts.attributes ^ record->FileAttributes) & shape) != 0 ||
        (facts.tag & REPARSE_TAG_BIT_SURROGATE)) {
        walk->engine->nt.close(directory);
        return walk_lost(walk, error);
    }
    return walk_push(walk, directory, facts.file_id, error);
}

static int walk_name(struct walk *walk, bool directory, const char *why, struct engine_error *error)
{
    struct engine_error what;
    work_fail(&what, ENGINE_INVALID_PATH, 0, "%s", why);
    return walk_emit_error(walk, directory, &what, error);
}

static int walk_record(struct walk *walk, const FILE_ID_BOTH_DIR_INFO *record,
                       struct engine_error *error)
{
    size_t index = walk->depth - 1; /* frames move when another one is pushed */
    size_t length = record->FileNameLength / sizeof(wchar_t);
    if (is_dots(record->FileName, length))
        return 0;
    bool tagged = (record->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
    bool enter = walk->request->recurse && may_enter(record);
    if (!tagged && !enter)
        return 0;
    if (!path_append(&walk->path, record->FileName, length))
        return walk_name(walk, true, "a name in this directory makes a path that is too long",
                         error);
    if (!path_name_opens(record->FileName, length))
        return walk_name(walk, (record->FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0,
                         "Windows cannot open this name", error);
    if (!walk->frames[index].directory) {
        NTSTATUS status = walk_reopen(walk);
        walk->frames[index].lost = walk->frames[index].lost || nt_is_missing(status);
        if (!NT_SUCCESS(status))
            return walk_unreadable(walk, status, true, error);
    }
    HANDLE parent = walk->frames[index].directory;
    int result = tagged ? walk_tagged(walk, parent, record, error) : 0;
    if (result == 0 && enter && !walk->stop)
        result = walk_enter(walk, parent, record, error);
    return result;
}

static int walk_run(struct walk *walk, struct engine_error *error)
{
    while (walk->depth > 0 && !walk->stop) {
        if (work_is_cancelled(walk->work))
            return work_cancelled(walk->work, error);
        struct frame *frame = &walk->frames[walk->depth - 1];
        path_cut(&walk->path, frame->length);
        NTSTATUS status = frame->filled ? STATUS_SUCCESS : walk_fill(walk);
        if (NT_SUCCESS(status)) {
            const FILE_ID_BOTH_DIR_INFO *record = frame_record(frame);
            frame_step(frame);
            if (walk_record(walk, record, error) != 0)
                return -1;
            continue;
        }
        if (status != STATUS_NO_MORE_FILES && walk_unreadable(walk, status, true, error) != 0)
            return -1;
        /* What vanishes as a whole is no news, but here the rest may be in another place. */
        if (frame->lost && walk_lost(walk, error) != 0)
            return -1;
        walk_pop(walk);
        walk->out->directories++;
        if (walk->sink->step)
            walk->sink->step(walk->sink->context, walk->out->directories, walk->out->count);
    }
    return work_is_cancelled(walk->work) ? work_cancelled(walk->work, error) : 0;
}

/* ---- the start
 * ---------------------------------------------------------------------------------------------- */

/* Where PATH really is, as a path: junctions and substituted letters can lead to another volume
 * than its text tells. False when the system does not say. */
static bool walk_final(const struct walk *walk, wchar_t *out)
{
    const struct place *place = &walk->place;
    DWORD length =
        walk->engine->nt.final_path(place->leaf ? place->leaf : place->directory, out,
                                    PATH_UNITS_MAX + 1, FILE_NAME_OPENED | VOLUME_NAME_DOS);
    work_beat(walk->work);
    return length > 0 && length <= PATH_UNITS_MAX;
}

/* Turns the path into that of the root of its volume, for whoever the thread is. */
static int walk_to_root(struct walk *walk, struct engine_error *error)
{
    struct text text = {NULL, 0};
    int result = -1;
    wchar_t *root = malloc((PATH_UNITS_MAX + 1) * sizeof *root);
    wchar_t *final = malloc((PATH_UNITS_MAX + 1) * sizeof *final);
    if (!root || !final) {
        free(final);
        free(root);
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    }
    walk->path.units[1] = L'\\'; /* `\\?\` to programs */
    BOOL found = walk->engine->nt.volume_path(walk_final(walk, final) ? final : walk->path.units,
                                              root, PATH_UNITS_MAX + 1);
    DWORD os = found ? 0 : walk->engine->nt.last_error();
    walk->path.units[1] = L'?';
    work_beat(walk->work);
    if (!found) {
        nt_fail_dos(walk->work, os, error);
        goto done;
    }
    if (utf16_to_wtf8((const uint16_t *)root, wcslen(root), &text) != UTF_OK) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    path_clear(&walk->path);
    result = path_parse(text.bytes, &walk->path, error);

done:
    text_clear(&text);
    free(final);
    free(root);
    return result;
}

/* A whole path: of a root, or of the directory that a volume is mounted on. */
static int walk_push_root(struct walk *walk, struct engine_error *error)
{
    HANDLE directory;
    struct place_facts facts;
    NTSTATUS status = place_open_directory(walk->engine, walk->work, &walk->path, walk->path.length,
                                           FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, &directory);
    if (!NT_SUCCESS(status))
        return nt_fail(walk->engine, walk->work, status, error);
    status = place_facts_read(walk->engine, walk->work, directory, &facts);
    if (!NT_SUCCESS(status)) {
        walk->engine->nt.close(directory);
        return nt_fail(walk->engine, walk->work, status, error);
    }
    return walk_push(walk, directory, facts.file_id, error);
}

/* Opens PATH: a directory becomes the first frame, a reparse point the only entry. */
static int walk_start(struct walk *walk, struct engine_error *error)
{
    struct engine *engine = walk->engine;
    struct place *place = &walk->place;
    if (place_open(engine, walk->work, walk->request->path, place, error) != 0 ||
        path_copy(&place->path, &walk->path, error) != 0)
        return -1;
    if (!place_is_root(place)) {
        int found = place_look(engine, walk->work, place, PLACE_LOOK, error);
        if (found < 0)
            return -1;
        if (found == 0)
            return work_fail(error, ENGINE_NOT_FOUND, ERROR_FILE_NOT_FOUND, NULL);
    }
    if (walk->request->volume)
        return walk_to_root(walk, error) != 0 ? -1 : walk_push_root(walk, error);
    if (place_is_root(place))
        return walk_push_root(walk, error);

    if (place->facts.attributes & FILE_ATTRIBUTE_REPARSE_POINT) {
        /* Some file systems set the attribute where nothing is behind it. */
        if (walk_point(walk, place->leaf, &place->facts, error) == 0)
            return 0;
        if (error->code != ENGINE_NOT_A_REPARSE_POINT)
            return -1;
    }
    if (!(place->facts.attributes & FILE_ATTRIBUTE_DIRECTORY))
        return work_fail(error, ENGINE_NOT_A_DIRECTORY, 0, NULL);
    HANDLE directory;
    size_t from = place->directory ? place->name : 0;
    NTSTATUS status = open_known(walk, place->directory, walk->path.units + from,
                                 walk->path.length - from, place->facts.file_id, &directory);
    if (!NT_SUCCESS(status))
        return nt_fail(engine, walk->work, status, error);
    return walk_push(walk, directory, place->facts.file_id, error);
}

int engine_list(struct engine *engine, struct engine_work *work, const struct engine_list *request,
                const struct engine_list_sink *sink, struct engine_listed *out,
                struct engine_error *error)
{
    struct engine_list wanted = *request;
    wanted.recurse = request->recurse || request->volume;
    struct walk walk = {
        .engine = engine, .work = work, .request = &wanted, .sink = sink, .out = out};
    memset(out, 0, sizeof *out);
    memset(error, 0, sizeof *error);
    if (work_is_cancelled(work)) {
        out->truncated = true;
        return work_cancelled(work, error);
    }
    int result = engine_enter(work, error);
    if (result == 0) {
        result = walk_start(&walk, error);
        place_close(engine, &walk.place);
        if (result == 0)
            result = walk_run(&walk, error);
        while (walk.depth > 0)
            walk_pop(&walk);
        engine_leave(work);
    }
    out->truncated = walk.stop || result != 0;
    free(walk.frames);
    path_clear(&walk.path);
    return result;
}
