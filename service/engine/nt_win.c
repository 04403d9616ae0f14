#include "engine_win.h"

#include <stdlib.h>
#include <string.h>

#include "work.h"

/* ---- the real calls
 * ----------------------------------------------------------------------------------------- */

typedef void (*any_function)(void);

bool nt_calls_load(struct nt_calls *out)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    const struct {
        const char *name;
        any_function *slot;
    } rows[] = {
        {"NtCreateFile", (any_function *)&out->create_file},
        {"NtClose", (any_function *)&out->close},
        {"NtFsControlFile", (any_function *)&out->fs_control},
        {"NtQueryInformationFile", (any_function *)&out->query_file},
        {"NtSetInformationFile", (any_function *)&out->set_file},
        {"NtQueryDirectoryFile", (any_function *)&out->query_directory},
        {"NtQueryVolumeInformationFile", (any_function *)&out->query_volume},
        {"RtlNtStatusToDosError", (any_function *)&out->dos_error},
    };
    if (!ntdll)
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        any_function found = (any_function)GetProcAddress(ntdll, rows[i].name);
        if (!found)
            return false;
        memcpy(rows[i].slot, &found, sizeof found);
    }
    out->query_dos_device = QueryDosDeviceW;
    out->volume_path = GetVolumePathNameW;
    out->final_path = GetFinalPathNameByHandleW;
    out->last_error = GetLastError;
    out->sleep = Sleep;
    out->milliseconds = GetTickCount64;
    return true;
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
#ifndef ERROR_OPLOCK_BREAK_IN_PROGRESS
#define ERROR_OPLOCK_BREAK_IN_PROGRESS 742L
#endif
#ifndef ERROR_CANNOT_BREAK_OPLOCK
#define ERROR_CANNOT_BREAK_OPLOCK 802L
#endif
#ifndef ERROR_DISK_QUOTA_EXCEEDED
#define ERROR_DISK_QUOTA_EXCEEDED 1295L
#endif
#ifndef ERROR_REPARSE_ATTRIBUTE_CONFLICT
#define ERROR_REPARSE_ATTRIBUTE_CONFLICT 4391L
#endif
#ifndef ERROR_INVALID_REPARSE_DATA
#define ERROR_INVALID_REPARSE_DATA 4392L
#endif
#ifndef ERROR_REPARSE_TAG_INVALID
#define ERROR_REPARSE_TAG_INVALID 4393L
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
        {ERROR_WRONG_DISK, ENGINE_VOLUME_GONE},
        {ERROR_HANDLE_DISK_FULL, ENGINE_VOLUME_FULL},
        {ERROR_NOT_SUPPORTED, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {ERROR_DEV_NOT_EXIST, ENGINE_VOLUME_GONE},
        {ERROR_FILE_EXISTS, ENGINE_ALREADY_EXISTS},
        {ERROR_DISK_FULL, ENGINE_VOLUME_FULL},
        {ERROR_CALL_NOT_IMPLEMENTED, ENGINE_UNSUPPORTED_FILE_SYSTEM},
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
        {ERROR_OPLOCK_BREAK_IN_PROGRESS, ENGINE_IN_USE},
        {ERROR_CANNOT_BREAK_OPLOCK, ENGINE_IN_USE},
        {ERROR_OPERATION_ABORTED, ENGINE_TIMED_OUT},
        {ERROR_UNRECOGNIZED_VOLUME, ENGINE_UNSUPPORTED_FILE_SYSTEM},
        {ERROR_FILE_INVALID, ENGINE_VOLUME_GONE},
        {ERROR_MEDIA_CHANGED, ENGINE_VOLUME_GONE},
        {ERROR_NO_MEDIA_IN_DRIVE, ENGINE_VOLUME_GONE},
        {ERROR_DEVICE_NOT_CONNECTED, ENGINE_VOLUME_GONE},
        {ERROR_USER_MAPPED_FILE, ENGINE_IN_USE},
        {ERROR_DISK_QUOTA_EXCEEDED, ENGINE_VOLUME_FULL},
        {ERROR_PRIVILEGE_NOT_HELD, ENGINE_ACCESS_DENIED},
        {ERROR_NO_SYSTEM_RESOURCES, ENGINE_OUT_OF_MEMORY},
        {ERROR_COMMITMENT_LIMIT, ENGINE_OUT_OF_MEMORY},
        {ERROR_TIMEOUT, ENGINE_VOLUME_NOT_RESPONDING},
        {ERROR_CANT_ACCESS_FILE, ENGINE_ACCESS_DENIED},
        {ERROR_CANT_RESOLVE_FILENAME, ENGINE_TOO_MANY_LINKS},
        {ERROR_NOT_A_REPARSE_POINT, ENGINE_NOT_A_REPARSE_POINT},
        {ERROR_REPARSE_ATTRIBUTE_CONFLICT, ENGINE_CHANGED_MEANWHILE},
        {ERROR_REPARSE_TAG_MISMATCH, ENGINE_CHANGED_MEANWHILE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].os == os)
            return rows[i].code;
    return ENGINE_IO_ERROR;
}

/* The statuses that decide something here, with the numbers that users know them by: ntdll folds
 * some of them into "access denied", or is older than they are. */
static DWORD dos_of(const struct engine *engine, NTSTATUS status)
{
    static const struct {
        NTSTATUS status;
        DWORD os;
    } rows[] = {
        {STATUS_OPLOCK_BREAK_IN_PROGRESS, ERROR_OPLOCK_BREAK_IN_PROGRESS},
        {STATUS_INVALID_DEVICE_REQUEST, ERROR_INVALID_FUNCTION},
        {STATUS_NO_SUCH_DEVICE, ERROR_NO_SUCH_DEVICE},
        {STATUS_NO_SUCH_FILE, ERROR_FILE_NOT_FOUND},
        {STATUS_ACCESS_DENIED, ERROR_ACCESS_DENIED},
        {STATUS_OBJECT_NAME_INVALID, ERROR_INVALID_NAME},
        {STATUS_OBJECT_NAME_NOT_FOUND, ERROR_FILE_NOT_FOUND},
        {STATUS_OBJECT_NAME_COLLISION, ERROR_ALREADY_EXISTS},
        {STATUS_OBJECT_PATH_INVALID, ERROR_DIRECTORY},
        {STATUS_OBJECT_PATH_NOT_FOUND, ERROR_PATH_NOT_FOUND},
        {STATUS_OBJECT_PATH_SYNTAX_BAD, ERROR_BAD_PATHNAME},
        {STATUS_SHARING_VIOLATION, ERROR_SHARING_VIOLATION},
        {STATUS_QUOTA_EXCEEDED, ERROR_DISK_QUOTA_EXCEEDED},
        {STATUS_FILE_LOCK_CONFLICT, ERROR_LOCK_VIOLATION},
        {STATUS_DELETE_PENDING, ERROR_DELETE_PENDING},
        {STATUS_DISK_FULL, ERROR_DISK_FULL},
        {STATUS_FILE_INVALID, ERROR_FILE_INVALID},
        {STATUS_DEVICE_NOT_READY, ERROR_NOT_READY},
        {STATUS_MEDIA_WRITE_PROTECTED, ERROR_WRITE_PROTECT},
        {STATUS_NOT_SUPPORTED, ERROR_NOT_SUPPORTED},
        {STATUS_DIRECTORY_NOT_EMPTY, ERROR_DIR_NOT_EMPTY},
        {STATUS_NOT_A_DIRECTORY, ERROR_DIRECTORY},
        {STATUS_NAME_TOO_LONG, ERROR_FILENAME_EXCED_RANGE},
        {STATUS_CANCELLED, ERROR_OPERATION_ABORTED},
        {STATUS_FILE_DELETED, ERROR_DELETE_PENDING},
        {STATUS_UNRECOGNIZED_VOLUME, ERROR_UNRECOGNIZED_VOLUME},
        {STATUS_CANNOT_BREAK_OPLOCK, ERROR_CANNOT_BREAK_OPLOCK},
        {STATUS_VOLUME_DISMOUNTED, ERROR_NOT_READY},
        {STATUS_NOT_A_REPARSE_POINT, ERROR_NOT_A_REPARSE_POINT},
        {STATUS_IO_REPARSE_TAG_INVALID, ERROR_REPARSE_TAG_INVALID},
        {STATUS_IO_REPARSE_TAG_MISMATCH, ERROR_REPARSE_TAG_MISMATCH},
        {STATUS_IO_REPARSE_DATA_INVALID, ERROR_INVALID_REPARSE_DATA},
        {STATUS_IO_REPARSE_TAG_NOT_HANDLED, ERROR_CANT_ACCESS_FILE},
        {STATUS_REPARSE_POINT_NOT_RESOLVED, ERROR_CANT_RESOLVE_FILENAME},
        {STATUS_REPARSE_ATTRIBUTE_CONFLICT, ERROR_REPARSE_ATTRIBUTE_CONFLICT},
        {STATUS_UNTRUSTED_MOUNT_POINT, ERROR_UNTRUSTED_MOUNT_POINT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == status)
            return rows[i].os;
    return engine->nt.dos_error(status);
}

int nt_fail_dos(const struct engine_work *work, DWORD code, struct engine_error *error)
{
    if (code == ERROR_OPERATION_ABORTED && work_is_cancelled(work))
        return work_cancelled(work, error);
    return work_fail(error, code_of(code), (int)code, NULL);
}

int nt_fail(const struct engine *engine, const struct engine_work *work, NTSTATUS status,
            struct engine_error *error)
{
    return nt_fail_dos(work, dos_of(engine, status), error);
}

bool nt_is_busy(NTSTATUS status)
{
    return status == STATUS_SHARING_VIOLATION || status == STATUS_DELETE_PENDING ||
           status == STATUS_OPLOCK_BREAK_IN_PROGRESS || status == STATUS_CANNOT_BREAK_OPLOCK ||
           status == STATUS_FILE_LOCK_CONFLICT;
}

bool nt_is_missing(NTSTATUS status)
{
    return status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_PATH_NOT_FOUND ||
           status == STATUS_NO_SUCH_FILE || status == STATUS_FILE_DELETED;
}
