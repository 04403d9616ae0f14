#include "win.h"

#include <stdlib.h>
#include <string.h>
#include <winioctl.h>

#include "names.h"
#include "reparse.h"
#include "tags.h"
#include "work.h"

#define PREFIX        L"\\\\?\\"
#define PREFIX_LENGTH 4u
#define MAX_STUCK     64u

struct stuck {
    uint64_t volume;
    unsigned count;
};

struct engine {
    SRWLOCK lock;
    struct stuck stuck[MAX_STUCK];
};

/* ---- the engine itself
 * -------------------------------------------------------------------------------------- */

/* Otherwise the tags of cloud files are hidden from this process. The call is missing before
 * Windows 10 1803. */
static void expose_placeholders(void)
{
    typedef char(NTAPI * set_mode)(char mode);
    const char expose = 2;
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    if (!ntdll)
        return;
    FARPROC address = GetProcAddress(ntdll, "RtlSetProcessPlaceholderCompatibilityMode");
    if (address)
        ((set_mode)(void (*)(void))address)(expose);
}

int engine_open(const struct engine_options *options, struct engine **out,
                struct engine_error *error)
{
    (void)options; /* drives and mounts are the system's own here */
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    InitializeSRWLock(&engine->lock);
    expose_placeholders();
    *out = engine;
    return 0;
}

void engine_close(struct engine *engine)
{
    free(engine);
}

static struct stuck *find_stuck(struct engine *engine, uint64_t volume)
{
    for (size_t i = 0; i < MAX_STUCK; i++)
        if (engine->stuck[i].count > 0 && engine->stuck[i].volume == volume)
            return &engine->stuck[i];
    return NULL;
}

void engine_volume_stuck(struct engine *engine, uint64_t volume, bool stuck)
{
    AcquireSRWLockExclusive(&engine->lock);
    struct stuck *row = find_stuck(engine, volume);
    if (row) {
        row->count += stuck ? 1 : -1u;
    } else if (stuck) {
        for (size_t i = 0; i < MAX_STUCK; i++)
            if (engine->stuck[i].count == 0) {
                engine->stuck[i] = (struct stuck){volume, 1};
                break;
            }
    }
    ReleaseSRWLockExclusive(&engine->lock);
}

int win_enter(struct engine_work *work, struct engine_error *error)
{
    int failure = work->scope.enter ? work->scope.enter(work->scope.who) : 0;
    if (failure != 0)
        return work_fail(error, ENGINE_INTERNAL_ERROR, failure,
                         "the service could not take on the caller's identity");
    return 0;
}

void win_leave(struct engine_work *work)
{
    if (work->scope.leave)
        work->scope.leave(work->scope.who);
}

int win_volume_begin(struct engine *engine, struct engine_work *work, HANDLE handle,
                     struct engine_error *error)
{
    FILE_ID_INFO id;
    uint64_t volume;
    struct win_facts facts;
    if (GetFileInformationByHandleEx(handle, FileIdInfo, &id, sizeof id))
        volume = id.VolumeSerialNumber;
    else if (win_facts_read(work, handle, &facts))
        volume = facts.serial;
    else
        return win_fail(work, GetLastError(), error);
    work_beat(work);
    atomic_store(&work->volume, volume);

    AcquireSRWLockShared(&engine->lock);
    bool stuck = find_stuck(engine, volume) != NULL;
    ReleaseSRWLockShared(&engine->lock);
    return stuck ? work_fail(error, ENGINE_VOLUME_NOT_RESPONDING, 0, NULL) : 0;
}

/* ---- errors
 * -------------------------------------------------------------------------------------------------
 */

/* Newer than some compilers' headers. */
#ifndef ERROR_UNTRUSTED_MOUNT_POINT
#define ERROR_UNTRUSTED_MOUNT_POINT 448L
#endif
#ifndef ERROR_NO_SUCH_DEVICE
#define ERROR_NO_SUCH_DEVICE 433L
#endif
#ifndef ERROR_CANNOT_BREAK_OPLOCK
#define ERROR_CANNOT_BREAK_OPLOCK 802L
#endif
#ifndef ERROR_REPARSE_TAG_MISMATCH
#define ERROR_REPARSE_TAG_MISMATCH 4394L
#endif

static enum engine_code code_of(DWORD os)
{
    static const struct {
        DWORD os;
        enum engine_code code;
    } rows[] = {
        {ERROR_INVALID_FUNCTION, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {ERROR_FILE_NOT_FOUND, ENGINE_NOT_FOUND},
        {ERROR_PATH_NOT_FOUND, ENGINE_NOT_FOUND},
        {ERROR_TOO_MANY_OPEN_FILES, ENGINE_BUSY},
        {ERROR_ACCESS_DENIED, ENGINE_ACCESS_DENIED},
        {ERROR_NOT_ENOUGH_MEMORY, ENGINE_OUT_OF_MEMORY},
        {ERROR_OUTOFMEMORY, ENGINE_OUT_OF_MEMORY},
        {ERROR_INVALID_DRIVE, ENGINE_NOT_FOUND},
        {ERROR_WRITE_PROTECT, ENGINE_READ_ONLY},
        {ERROR_BAD_UNIT, ENGINE_VOLUME_GONE},
        {ERROR_NOT_READY, ENGINE_VOLUME_GONE},
        {ERROR_SHARING_VIOLATION, ENGINE_IN_USE},
        {ERROR_LOCK_VIOLATION, ENGINE_IN_USE},
        {ERROR_HANDLE_DISK_FULL, ENGINE_VOLUME_FULL},
        {ERROR_NOT_SUPPORTED, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {ERROR_DEV_NOT_EXIST, ENGINE_VOLUME_GONE},
        {ERROR_FILE_EXISTS, ENGINE_ALREADY_EXISTS},
        {ERROR_DISK_FULL, ENGINE_VOLUME_FULL},
        {ERROR_SEM_TIMEOUT, ENGINE_VOLUME_NOT_RESPONDING},
        {ERROR_INVALID_NAME, ENGINE_INVALID_PATH},
        {ERROR_DIR_NOT_EMPTY, ENGINE_NOT_EMPTY},
        {ERROR_BAD_PATHNAME, ENGINE_INVALID_PATH},
        {ERROR_BUSY, ENGINE_IN_USE},
        {ERROR_ALREADY_EXISTS, ENGINE_ALREADY_EXISTS},
        {ERROR_FILENAME_EXCED_RANGE, ENGINE_INVALID_PATH},
        {ERROR_DIRECTORY, ENGINE_NOT_A_DIRECTORY},
        {ERROR_DELETE_PENDING, ENGINE_NOT_FOUND},
        {ERROR_NO_SUCH_DEVICE, ENGINE_VOLUME_GONE},
        {ERROR_UNTRUSTED_MOUNT_POINT, ENGINE_UNTRUSTED_MOUNT_POINT},
        {ERROR_CANNOT_BREAK_OPLOCK, ENGINE_IN_USE},
        {ERROR_OPERATION_ABORTED, ENGINE_TIMED_OUT},
        {ERROR_UNRECOGNIZED_VOLUME, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {ERROR_FILE_INVALID, ENGINE_VOLUME_GONE},
        {ERROR_MEDIA_CHANGED, ENGINE_VOLUME_GONE},
        {ERROR_NO_MEDIA_IN_DRIVE, ENGINE_VOLUME_GONE},
        {ERROR_DEVICE_NOT_CONNECTED, ENGINE_VOLUME_GONE},
        {ERROR_PRIVILEGE_NOT_HELD, ENGINE_ACCESS_DENIED},
        {ERROR_NO_SYSTEM_RESOURCES, ENGINE_OUT_OF_MEMORY},
        {ERROR_COMMITMENT_LIMIT, ENGINE_OUT_OF_MEMORY},
        {ERROR_TIMEOUT, ENGINE_VOLUME_NOT_RESPONDING},
        {ERROR_CANT_ACCESS_FILE, ENGINE_ACCESS_DENIED},
        {ERROR_CANT_RESOLVE_FILENAME, ENGINE_TOO_MANY_LINKS},
        {ERROR_NOT_A_REPARSE_POINT, ENGINE_NOT_A_REPARSE_POINT},
        {ERROR_REPARSE_TAG_MISMATCH, ENGINE_CHANGED_MEANWHILE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].os == os)
            return rows[i].code;
    return ENGINE_IO_ERROR;
}

int win_fail(const struct engine_work *work, DWORD code, struct engine_error *error)
{
    if (code == ERROR_OPERATION_ABORTED && work_is_cancelled(work))
        return work_cancelled(work, error);
    return work_fail(error, code_of(code), (int)code, NULL);
}

/* ---- paths
 * --------------------------------------------------------------------------------------------------
 */

static int refuse(struct engine_error *error, const char *why)
{
    return work_fail(error, ENGINE_INVALID_PATH, 0, "%s", why);
}

static const char *component_fault(const char *name, size_t length)
{
    if (!names_can_exist(name, length))
        return "a name of the path is '.', '..', or one that NTFS cannot hold";
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < 0x20 || strchr("<>\"|?*", name[i]))
            return "a name of the path holds a wildcard or a character that Windows cannot open";
        if (name[i] == ':')
            return "the path names a stream";
    }
    return NULL;
}

/* The checked path with one `\` between names and none at the end, but for a root. */
static const char *tidy_path(char *path, size_t root, size_t *length)
{
    size_t from = root, to = root;
    while (from < *length) {
        while (from < *length && path[from] == '\\')
            from++;
        size_t end = from;
        while (end < *length && path[end] != '\\')
            end++;
        if (end == from)
            break;
        const char *fault = component_fault(path + from, end - from);
        if (fault)
            return fault;
        path[to++] = '\\';
        memmove(path + to, path + from, end - from);
        to += end - from;
        from = end;
    }
    if (to == root)
        path[to++] = '\\';
    path[to] = '\0';
    *length = to;
    return NULL;
}

int win_path_parse(const char *path, struct win_path *out, struct engine_error *error)
{
    int result = -1;
    size_t length = strlen(path);
    uint16_t *units = NULL;
    *out = (struct win_path){NULL, 0, 0, 0};
    /* Spelt as NT has it, so that the rule for roots stands in one place: the codec of names. */
    char *nt = malloc(PREFIX_LENGTH + length + 2);
    if (!nt)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    for (size_t i = 0; i <= length; i++)
        nt[PREFIX_LENGTH + i] = path[i] == '/' ? '\\' : path[i];
    bool prefixed = strncmp(nt + PREFIX_LENGTH, "\\\\?\\", PREFIX_LENGTH) == 0;
    if (prefixed)
        memmove(nt, nt + PREFIX_LENGTH, length + 1);
    else
        length += PREFIX_LENGTH;
    memcpy(nt, "\\??\\", PREFIX_LENGTH);

    char letter;
    const char *rest;
    struct text text = {nt, length};
    enum names_place place = names_place(&text, &letter, &rest);
    if ((place != NAMES_DRIVE && !(place == NAMES_VOLUME && prefixed)) || rest[0] != '\\') {
        refuse(error, "a path begins with X:\\ or \\\\?\\Volume{...}\\");
        goto done;
    }
    size_t root = (size_t)(rest - nt);
    if (place == NAMES_DRIVE)
        nt[PREFIX_LENGTH] = letter;
    const char *fault = tidy_path(nt, root, &length);
    if (fault) {
        refuse(error, fault);
        goto done;
    }
    size_t count;
    int converted = wtf8_to_utf16(nt, length, &units, &count);
    if (converted == UTF_NO_MEMORY) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    if (converted != UTF_OK || count > WIN_PATH_UNITS) {
        refuse(error, "the path is too long or not valid text");
        goto done;
    }
    out->units = malloc((WIN_PATH_UNITS + 1) * sizeof *out->units);
    if (!out->units) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    memcpy(out->units, units, (count + 1) * sizeof *out->units);
    memcpy(out->units, PREFIX, PREFIX_LENGTH * sizeof *out->units);
    out->length = count;
    out->root = root + 1; /* roots are ASCII: bytes and units are the same */
    out->shown = place == NAMES_DRIVE ? PREFIX_LENGTH : 0;
    result = 0;

done:
    free(units);
    free(nt);
    return result;
}

void win_path_clear(struct win_path *path)
{
    free(path->units);
    *path = (struct win_path){NULL, 0, 0, 0};
}

bool win_path_append(struct win_path *path, const wchar_t *name, size_t length)
{
    size_t separator = path->units[path->length - 1] == L'\\' ? 0 : 1;
    if (length + separator > WIN_PATH_UNITS - path->length)
        return false;
    if (separator)
        path->units[path->length++] = L'\\';
    memcpy(path->units + path->length, name, length * sizeof *name);
    win_path_cut(path, path->length + length);
    return true;
}

void win_path_cut(struct win_path *path, size_t length)
{
    path->length = length;
    path->units[length] = L'\0';
}

int win_path_text(const struct win_path *path, struct text *out)
{
    return utf16_to_wtf8((const uint16_t *)path->units + path->shown, path->length - path->shown,
                         out);
}

int win_path_local(const struct win_path *path, struct engine_error *error)
{
    if (path->shown != PREFIX_LENGTH || win_drive(path->units[PREFIX_LENGTH]) != WIN_DRIVE_REMOTE)
        return 0;
    return refuse(error, "the path is on a network drive; run the client on the host that has it");
}

/* ---- handles
 * ------------------------------------------------------------------------------------------------
 */

HANDLE win_open(struct engine_work *work, const wchar_t *path, DWORD access)
{
    HANDLE handle = CreateFileW(
        path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING,
        FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_NO_RECALL, NULL);
    work_beat(work);
    return handle == INVALID_HANDLE_VALUE ? NULL : handle;
}

bool win_facts_read(struct engine_work *work, HANDLE handle, struct win_facts *out)
{
    BY_HANDLE_FILE_INFORMATION info;
    BOOL read = GetFileInformationByHandle(handle, &info);
    work_beat(work);
    if (!read)
        return false;
    out->attributes = info.dwFileAttributes;
    out->serial = info.dwVolumeSerialNumber;
    out->file_id = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    out->created =
        (uint64_t)info.ftCreationTime.dwHighDateTime << 32 | info.ftCreationTime.dwLowDateTime;
    return true;
}

int win_entry_read(struct engine_work *work, HANDLE handle, const struct win_facts *facts,
                   struct reparse_entry *out, struct engine_error *error)
{
    uint8_t buffer[REPARSE_MAX_SIZE];
    DWORD length = 0;
    BOOL read = DeviceIoControl(handle, FSCTL_GET_REPARSE_POINT, NULL, 0, buffer, sizeof buffer,
                                &length, NULL);
    work_beat(work);
    if (!read)
        return win_fail(work, GetLastError(), error);
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

/* ---- operations on one link
 * --------------------------------------------------------------------------------- */

static int show_path(struct engine *engine, struct engine_work *work, const struct win_path *path,
                     bool check, struct reparse_entry *out, struct engine_error *error)
{
    struct win_facts facts;
    int result = -1;
    if (win_path_local(path, error) != 0)
        return -1;
    HANDLE handle = win_open(work, path->units, FILE_READ_ATTRIBUTES);
    if (!handle)
        return win_fail(work, GetLastError(), error);
    if (win_volume_begin(engine, work, handle, error) != 0)
        goto done;
    if (!win_facts_read(work, handle, &facts)) {
        win_fail(work, GetLastError(), error);
        goto done;
    }
    if (!(facts.attributes & FILE_ATTRIBUTE_REPARSE_POINT)) {
        work_fail(error, ENGINE_NOT_A_REPARSE_POINT, 0, NULL);
        goto done;
    }
    if (win_entry_read(work, handle, &facts, out, error) != 0)
        goto done;
    if (win_path_text(path, &out->path) != UTF_OK) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    if (check)
        out->state = win_check(work, path, handle, out);
    if (work_is_cancelled(work)) {
        work_cancelled(work, error);
        goto done;
    }
    result = 0;

done:
    CloseHandle(handle);
    return result;
}

int engine_show(struct engine *engine, struct engine_work *work, const char *path, bool check,
                struct reparse_entry *out, struct engine_error *error)
{
    struct win_path parsed;
    memset(out, 0, sizeof *out);
    out->relative = -1;
    if (work_is_cancelled(work))
        return work_cancelled(work, error);
    if (win_path_parse(path, &parsed, error) != 0)
        return -1;
    int result = win_enter(work, error);
    if (result == 0) {
        result = show_path(engine, work, &parsed, check, out, error);
        win_leave(work);
    }
    win_path_clear(&parsed);
    if (result != 0)
        reparse_entry_clear(out);
    return result;
}

static int lists_only(struct engine_error *error)
{
    return work_fail(error, ENGINE_UNSUPPORTED, 0,
                     "this version of the Windows service lists and shows only");
}

int engine_create(struct engine *engine, struct engine_work *work,
                  const struct engine_create *request, struct engine_created *out,
                  struct engine_error *error)
{
    (void)engine;
    (void)work;
    (void)request;
    memset(out, 0, sizeof *out);
    return lists_only(error);
}

int engine_delete(struct engine *engine, struct engine_work *work,
                  const struct engine_delete *request, struct engine_deleted *out,
                  struct engine_error *error)
{
    (void)engine;
    (void)work;
    (void)request;
    memset(out, 0, sizeof *out);
    return lists_only(error);
}
