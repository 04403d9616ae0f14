/* The calls of Windows that the engine makes, as a table: whatever can fail can be made to fail by
 * a test. Everything below the pure modules goes through it. Included before any other header of
 * the system: the status codes come from ntstatus.h. */
#ifndef JUNCTION_NT_H
#define JUNCTION_NT_H

#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS
#include <winternl.h>
#include <winioctl.h>
#include <ntstatus.h>

#include "engine.h"

/* Newer than some compilers' headers. */
#ifndef STATUS_UNTRUSTED_MOUNT_POINT
#define STATUS_UNTRUSTED_MOUNT_POINT ((NTSTATUS)0xC00004BC)
#endif
#ifndef FILE_REMOTE_DEVICE
#define FILE_REMOTE_DEVICE 0x00000010
#endif
#ifndef FILE_READ_ONLY_DEVICE
#define FILE_READ_ONLY_DEVICE 0x00000002
#endif

/* Classes of information and their records (MS-FSCC 2.4 and 2.5). */
#define NT_FILE_BASIC           4u
#define NT_FILE_INTERNAL        6u
#define NT_FILE_DISPOSITION     13u /* one byte: delete at the close of the last handle */
#define NT_FILE_ATTRIBUTE_TAG   35u
#define NT_FILE_ID_BOTH         37u /* of a directory: FILE_ID_BOTH_DIR_INFO */
#define NT_FILE_ID              59u
#define NT_FILE_DISPOSITION_EX  64u
#define NT_VOLUME_VOLUME        1u
#define NT_VOLUME_DEVICE        4u
#define NT_VOLUME_ATTRIBUTE     5u
#define NT_DISPOSITION_DELETE   0x01u
#define NT_DISPOSITION_POSIX    0x02u /* the name goes with this handle, whoever else has one */
#define NT_DISPOSITION_READONLY 0x10u /* also when it is marked read-only */

struct nt_file_basic {
    LARGE_INTEGER created, accessed, written, changed;
    ULONG attributes;
};
struct nt_file_internal {
    LARGE_INTEGER id;
};
struct nt_file_attribute_tag {
    ULONG attributes, tag;
};
struct nt_file_id {
    ULONGLONG volume;
    UCHAR id[16];
};
struct nt_file_disposition {
    BOOLEAN delete_it;
};
struct nt_file_disposition_ex {
    ULONG flags;
};
struct nt_volume_volume {
    LARGE_INTEGER created;
    ULONG serial, label_length;
    BOOLEAN objects;
    WCHAR label[33];
};
struct nt_volume_device {
    ULONG type, characteristics;
};
struct nt_volume_attribute {
    ULONG attributes;
    LONG component_length;
    ULONG name_length;
    WCHAR name[64];
};

/* All as ntdll and kernel32 have them, but for classes being plain numbers. */
struct nt_calls {
    NTSTATUS(NTAPI *create_file)
    (HANDLE *file, ACCESS_MASK access, OBJECT_ATTRIBUTES *object, IO_STATUS_BLOCK *io,
     LARGE_INTEGER *allocation, ULONG attributes, ULONG share, ULONG disposition, ULONG options,
     void *ea, ULONG ea_length);
    NTSTATUS(NTAPI *close)(HANDLE file);
    NTSTATUS(NTAPI *fs_control)
    (HANDLE file, HANDLE event, void *apc, void *apc_context, IO_STATUS_BLOCK *io, ULONG code,
     void *in, ULONG in_length, void *out, ULONG out_length);
    NTSTATUS(NTAPI *query_file)
    (HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG length, ULONG class);
    NTSTATUS(NTAPI *set_file)
    (HANDLE file, IO_STATUS_BLOCK *io, void *in, ULONG length, ULONG class);
    NTSTATUS(NTAPI *query_directory)
    (HANDLE file, HANDLE event, void *apc, void *apc_context, IO_STATUS_BLOCK *io, void *out,
     ULONG length, ULONG class, BOOLEAN single, UNICODE_STRING *pattern, BOOLEAN restart);
    NTSTATUS(NTAPI *query_volume)
    (HANDLE file, IO_STATUS_BLOCK *io, void *out, ULONG length, ULONG class);
    ULONG(NTAPI *dos_error)(NTSTATUS status);

    DWORD(WINAPI *query_dos_device)(const WCHAR *name, WCHAR *out, DWORD units);
    BOOL(WINAPI *volume_path)(const WCHAR *path, WCHAR *out, DWORD units);
    DWORD(WINAPI *final_path)(HANDLE file, WCHAR *out, DWORD units, DWORD flags);
    DWORD(WINAPI *last_error)(void); /* of the three above */
    void(WINAPI *sleep)(DWORD milliseconds);
    ULONGLONG(WINAPI *milliseconds)(void);
};

/* The real ones; false when ntdll lacks one. To be called before any identity is put on. */
bool nt_calls_load(struct nt_calls *out);

/* An engine that makes these calls instead of the system's: for tests. */
int engine_open_with(const struct nt_calls *calls, struct engine **out, struct engine_error *error);

/* Fills *error from a status or a Win32 code; returns -1. A call that was aborted because the work
 * was cancelled gives CANCELLED or TIMED_OUT. */
int nt_fail(const struct engine *engine, const struct engine_work *work, NTSTATUS status,
            struct engine_error *error);
int nt_fail_dos(const struct engine_work *work, DWORD code, struct engine_error *error);

/* Something else has the file or the name at this moment: worth another try. */
bool nt_is_busy(NTSTATUS status);

/* No such file, by whatever name. */
bool nt_is_missing(NTSTATUS status);

#endif
