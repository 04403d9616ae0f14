/* What the Windows files of the engine share: paths, handles, and Win32's errors. Nothing portable
 * includes this. */
#ifndef JUNCTION_WIN_H
#define JUNCTION_WIN_H

#include <windows.h>

#include "engine.h"

#define WIN_PATH_UNITS 32767u /* what a UNICODE_STRING holds, the prefix included */

/* A path as the system takes it: always behind `\\?\`, so that no name means anything but itself.
 */
struct win_path {
    wchar_t *units; /* room for WIN_PATH_UNITS and a NUL */
    size_t length;
    size_t root; /* length of `\\?\X:\` or `\\?\Volume{...}\` */
    size_t
        shown; /* where the printed form begins: behind `\\?\` for a drive, 0 for a volume's GUID */
};

/* `X:\...`, `X:/...`, `\\?\X:\...`, `\\?\Volume{guid}\...`; anything else is INVALID_PATH. Every
 * name that NTFS can hold and Windows can open is accepted, also those that end with a dot or are
 * called like a device. */
int win_path_parse(const char *path, struct win_path *out, struct engine_error *error);
void win_path_clear(struct win_path *path);

/* Appends one name; false when the path would be too long. */
bool win_path_append(struct win_path *path, const wchar_t *name, size_t length);
void win_path_cut(struct win_path *path, size_t length);

/* The printed form. UTF_OK or UTF_NO_MEMORY. */
int win_path_text(const struct win_path *path, struct text *out);

/* Fills *error from a Win32 code; returns -1. A call that was aborted because the work was
 * cancelled gives CANCELLED or TIMED_OUT. */
int win_fail(const struct engine_work *work, DWORD code, struct engine_error *error);

/* Opens what is there itself, not what it leads to. NULL on failure: GetLastError tells. */
HANDLE win_open(struct engine_work *work, const wchar_t *path, DWORD access);

/* What a handle or a directory record tells without reading the reparse point. */
struct win_facts {
    uint32_t attributes;
    uint32_t serial; /* of the volume, as GetFileInformationByHandle has it */
    uint64_t file_id, created;
};
bool win_facts_read(struct engine_work *work, HANDLE handle, struct win_facts *out);

/* Reads and decodes the reparse point behind the handle into the entry, whose path is left to the
 * caller. */
int win_entry_read(struct engine_work *work, HANDLE handle, const struct win_facts *facts,
                   struct reparse_entry *out, struct engine_error *error);

/* What a drive letter stands for, for the caller and without asking the device. */
enum win_drive { WIN_DRIVE_NONE, WIN_DRIVE_LOCAL, WIN_DRIVE_REMOTE };
enum win_drive win_drive(wchar_t letter);

/* INVALID_PATH for a path on a network drive: opening it would call the other machine. Inside the
 * scope. */
int win_path_local(const struct win_path *path, struct engine_error *error);

/* Where the entry's target leads; the handle is the link itself. */
enum target_state win_check(struct engine_work *work, const struct win_path *link, HANDLE handle,
                            const struct reparse_entry *entry);

/* Becomes the caller; on success win_leave must follow. */
int win_enter(struct engine_work *work, struct engine_error *error);
void win_leave(struct engine_work *work);

/* Notes which volume is worked on, and refuses one that does not answer. */
int win_volume_begin(struct engine *engine, struct engine_work *work, HANDLE handle,
                     struct engine_error *error);

#endif
