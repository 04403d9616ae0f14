#include "win.h"

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

#define TAG_PROJFS 0x9000001Cu

#ifndef FILE_ATTRIBUTE_RECALL_ON_OPEN
#define FILE_ATTRIBUTE_RECALL_ON_OPEN 0x00040000
#endif
#ifndef FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
#define FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS 0x00400000
#endif

/* One directory that is being read. */
struct frame {
    HANDLE directory;
    uint8_t *buffer;
    size_t size; /* of the buffer */
    size_t next; /* offset of the record to come */
    bool filled; /* the buffer holds records */
    bool begun;
    size_t length; /* of the directory's path */
};

struct walk {
    struct engine_work *work;
    const struct engine_list *request;
    const struct engine_list_sink *sink;
    struct engine_listed *out;
    struct win_path path;
    uint32_t serial;
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
    if (win_path_text(&walk->path, &entry->path) != UTF_OK) {
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

static int walk_unreadable(struct walk *walk, DWORD os, bool directory, struct engine_error *error)
{
    struct engine_error what;
    win_fail(walk->work, os, &what);
    return walk_skip(walk, &what, directory, error);
}

/* The reparse point at the walk's path, whose handle is open. -1 with *what when it cannot be read.
 */
static int walk_point(struct walk *walk, HANDLE handle, const struct win_facts *facts,
                      struct engine_error *what)
{
    struct reparse_entry entry = {.relative = -1};
    if (win_entry_read(walk->work, handle, facts, &entry, what) != 0)
        return -1;
    if (!wants(walk, entry.type)) {
        reparse_entry_clear(&entry);
        return 0;
    }
    if (walk->request->check)
        entry.state = win_check(walk->work, &walk->path, handle, &entry);
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
static int walk_tagged(struct walk *walk, const FILE_ID_BOTH_DIR_INFO *record,
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
    struct win_facts facts;
    struct engine_error what;
    HANDLE handle = win_open(walk->work, walk->path.units, FILE_READ_ATTRIBUTES);
    if (!handle)
        return walk_unreadable(walk, GetLastError(), directory, error);
    int result = 0;
    if (!win_facts_read(walk->work, handle, &facts))
        result = walk_unreadable(walk, GetLastError(), directory, error);
    else if (walk_point(walk, handle, &facts, &what) != 0)
        result = walk_skip(walk, &what, directory, error);
    CloseHandle(handle);
    return result;
}

/* ---- frames
 * -------------------------------------------------------------------------------------------------
 */

/* Takes the handle over, also when it fails. */
static int walk_push(struct walk *walk, HANDLE directory, struct engine_error *error)
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
    walk->frames[walk->depth++] = (struct frame){
        .directory = directory, .buffer = buffer, .size = size, .length = walk->path.length};
    return 0;

no_memory:
    CloseHandle(directory);
    return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
}

static void walk_pop(struct walk *walk)
{
    struct frame *frame = &walk->frames[--walk->depth];
    CloseHandle(frame->directory);
    free(frame->buffer);
}

/* The next record, or NULL: *os is 0 at the end. */
static const FILE_ID_BOTH_DIR_INFO *frame_next(struct frame *frame, struct engine_work *work,
                                               DWORD *os)
{
    *os = 0;
    if (!frame->filled) {
        BOOL read = GetFileInformationByHandleEx(frame->directory,
                                                 frame->begun ? FileIdBothDirectoryInfo
                                                              : FileIdBothDirectoryRestartInfo,
                                                 frame->buffer, (DWORD)frame->size);
        DWORD failure = GetLastError();
        work_beat(work);
        frame->begun = true;
        if (!read) {
            /* An empty file system root has not even `.`, which is told in another way. */
            if (failure != ERROR_NO_MORE_FILES && failure != ERROR_FILE_NOT_FOUND)
                *os = failure;
            return NULL;
        }
        frame->next = 0;
        frame->filled = true;
    }
    const FILE_ID_BOTH_DIR_INFO *record =
        (const FILE_ID_BOTH_DIR_INFO *)(frame->buffer + frame->next);
    frame->next += record->NextEntryOffset;
    if (record->NextEntryOffset == 0)
        frame->filled = false;
    return record;
}

static bool is_dots(const wchar_t *name, size_t length)
{
    return (length == 1 && name[0] == L'.') || (length == 2 && name[0] == L'.' && name[1] == L'.');
}

/* Never into another name for some place, and not where looking would fetch something. */
static bool may_enter(const FILE_ID_BOTH_DIR_INFO *record)
{
    if (!(record->FileAttributes & FILE_ATTRIBUTE_DIRECTORY))
        return false;
    if (!(record->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT))
        return true;
    uint32_t tag = record->EaSize;
    const DWORD recall = FILE_ATTRIBUTE_OFFLINE | FILE_ATTRIBUTE_RECALL_ON_OPEN |
                         FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS;
    return !(tag & REPARSE_TAG_BIT_SURROGATE) && (tag & REPARSE_TAG_BIT_DIRECTORY) &&
           tag != TAG_PROJFS && !(record->FileAttributes & recall);
}

/* Opens the directory at the walk's path, which must still be the one that the record told of: a
 * name on the way that was swapped for a link meanwhile would lead elsewhere. */
static int walk_enter(struct walk *walk, const FILE_ID_BOTH_DIR_INFO *record,
                      struct engine_error *error)
{
    struct win_facts facts;
    HANDLE directory =
        win_open(walk->work, walk->path.units, FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES);
    if (!directory)
        return walk_unreadable(walk, GetLastError(), true, error);
    if (!win_facts_read(walk->work, directory, &facts)) {
        DWORD os = GetLastError();
        CloseHandle(directory);
        return walk_unreadable(walk, os, true, error);
    }
    uint64_t told = (uint64_t)record->FileId.QuadPart;
    bool same_id = told == 0 || told == UINT64_MAX || told == facts.file_id;
    const DWORD shape = FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT;
    if (facts.serial != walk->serial || !same_id ||
        ((facts.attributes ^ record->FileAttributes) & shape) != 0) {
        CloseHandle(directory);
        struct engine_error what;
        work_fail(&what, ENGINE_CHANGED_MEANWHILE, 0,
                  "the directory was replaced while it was listed");
        return walk_emit_error(walk, true, &what, error);
    }
    return walk_push(walk, directory, error);
}

static int walk_record(struct walk *walk, const FILE_ID_BOTH_DIR_INFO *record,
                       struct engine_error *error)
{
    size_t length = record->FileNameLength / sizeof(wchar_t);
    if (is_dots(record->FileName, length))
        return 0;
    bool tagged = (record->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;
    bool enter = walk->request->recurse && may_enter(record);
    if (!tagged && !enter)
        return 0;
    if (!win_path_append(&walk->path, record->FileName, length)) {
        struct engine_error what;
        work_fail(&what, ENGINE_INVALID_PATH, ERROR_FILENAME_EXCED_RANGE,
                  "a name in this directory makes a path that is too long");
        return walk_emit_error(walk, true, &what, error);
    }
    int result = tagged ? walk_tagged(walk, record, error) : 0;
    if (result == 0 && enter && !walk->stop)
        result = walk_enter(walk, record, error);
    return result;
}

static int walk_run(struct walk *walk, struct engine_error *error)
{
    while (walk->depth > 0 && !walk->stop) {
        if (work_is_cancelled(walk->work))
            return work_cancelled(walk->work, error);
        struct frame *frame = &walk->frames[walk->depth - 1];
        win_path_cut(&walk->path, frame->length);
        DWORD os;
        const FILE_ID_BOTH_DIR_INFO *record = frame_next(frame, walk->work, &os);
        if (record) {
            if (walk_record(walk, record, error) != 0)
                return -1;
            continue;
        }
        if (os != 0 && walk_unreadable(walk, os, true, error) != 0)
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

/* Turns the path into that of the root of its volume. */
static int walk_to_root(struct walk *walk, struct engine_error *error)
{
    wchar_t *root = malloc((WIN_PATH_UNITS + 1) * sizeof *root);
    struct text text = {NULL, 0};
    int result = -1;
    if (!root)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    BOOL found = GetVolumePathNameW(walk->path.units, root, WIN_PATH_UNITS + 1);
    DWORD os = GetLastError();
    work_beat(walk->work);
    if (!found) {
        win_fail(walk->work, os, error);
        goto done;
    }
    if (utf16_to_wtf8((const uint16_t *)root, wcslen(root), &text) != UTF_OK) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    win_path_clear(&walk->path);
    result = win_path_parse(text.bytes, &walk->path, error);

done:
    text_clear(&text);
    free(root);
    return result;
}

/* With a `\` at its end, a mount point stands for the volume behind it. */
static HANDLE open_root(struct walk *walk)
{
    size_t length = walk->path.length;
    if (!win_path_append(&walk->path, L"", 0)) {
        SetLastError(ERROR_FILENAME_EXCED_RANGE);
        return NULL;
    }
    HANDLE handle = CreateFileW(walk->path.units, FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES,
                                FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    DWORD os = GetLastError();
    win_path_cut(&walk->path, length);
    work_beat(walk->work);
    SetLastError(os);
    return handle == INVALID_HANDLE_VALUE ? NULL : handle;
}

/* Opens PATH: a directory becomes the first frame, a reparse point the only entry. */
static int walk_start(struct walk *walk, struct engine *engine, struct engine_error *error)
{
    struct win_facts facts, again;
    int result = -1;
    if (win_path_local(&walk->path, error) != 0)
        return -1;
    HANDLE handle = win_open(walk->work, walk->path.units, FILE_READ_ATTRIBUTES);
    if (!handle)
        return win_fail(walk->work, GetLastError(), error);
    HANDLE directory = NULL;
    if (win_volume_begin(engine, walk->work, handle, error) != 0)
        goto done;
    if (!win_facts_read(walk->work, handle, &facts))
        goto system;
    if (!walk->request->volume && (facts.attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
        result = walk_point(walk, handle, &facts, error);
        /* Some file systems set the attribute where nothing is behind it. */
        if (result == 0 || error->code != ENGINE_NOT_A_REPARSE_POINT)
            goto done;
    }
    if (walk->request->volume) {
        if (walk_to_root(walk, error) != 0)
            goto done;
        directory = open_root(walk);
    } else if (!(facts.attributes & FILE_ATTRIBUTE_DIRECTORY)) {
        work_fail(error, ENGINE_NOT_A_DIRECTORY, 0, NULL);
        goto done;
    } else {
        directory =
            win_open(walk->work, walk->path.units, FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES);
    }
    if (!directory || !win_facts_read(walk->work, directory, &again))
        goto system;
    if (!walk->request->volume &&
        (again.file_id != facts.file_id || again.serial != facts.serial)) {
        work_fail(error, ENGINE_CHANGED_MEANWHILE, 0, NULL);
        goto done;
    }
    walk->serial = again.serial;
    result = walk_push(walk, directory, error);
    directory = NULL;
    goto done;

system:
    win_fail(walk->work, GetLastError(), error);
done:
    if (directory)
        CloseHandle(directory);
    CloseHandle(handle);
    return result;
}

int engine_list(struct engine *engine, struct engine_work *work, const struct engine_list *request,
                const struct engine_list_sink *sink, struct engine_listed *out,
                struct engine_error *error)
{
    struct engine_list wanted = *request;
    wanted.recurse = request->recurse || request->volume;
    struct walk walk = {.work = work, .request = &wanted, .sink = sink, .out = out};
    memset(out, 0, sizeof *out);
    if (work_is_cancelled(work)) {
        out->truncated = true;
        return work_cancelled(work, error);
    }
    if (win_path_parse(request->path, &walk.path, error) != 0)
        return -1;
    int result = win_enter(work, error);
    if (result == 0) {
        result = walk_start(&walk, engine, error);
        if (result == 0)
            result = walk_run(&walk, error);
        while (walk.depth > 0)
            walk_pop(&walk);
        win_leave(work);
    }
    out->truncated = walk.stop || result != 0;
    free(walk.frames);
    win_path_clear(&walk.path);
    return result;
}
