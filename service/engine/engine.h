/* The reparse engine: everything that touches reparse points, and nothing else. It knows no JSON,
 * no event loop and no policy; whoever calls it decides who may ask, and hands it a scope that
 * turns the thread into the caller.
 *
 * All functions may be called from any thread at the same time. Paths and targets are WTF-8
 * (protocol/utf.h): on Linux absolute paths of the system, on Windows `X:\...` or `\\?\...`. Every
 * function returns 0, or -1 with *error filled; nothing is half done: what was begun and failed has
 * been undone, or the error says that it could not be. */
#ifndef JUNCTION_ENGINE_H
#define JUNCTION_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../protocol/utf.h"

/* Same names and meaning as in protocol/errors.h, which gives them their numbers. */
enum engine_code {
    ENGINE_OK,
    ENGINE_INTERNAL_ERROR,
    ENGINE_OUT_OF_MEMORY,
    ENGINE_CANCELLED,
    ENGINE_TIMED_OUT, /* cancelled by a deadline */
    ENGINE_OUTCOME_UNKNOWN,
    ENGINE_UNSUPPORTED,
    ENGINE_BUSY,
    ENGINE_ACCESS_DENIED,
    ENGINE_INVALID_PATH,
    ENGINE_INVALID_TARGET,
    ENGINE_NO_DRIVE_LETTER,
    ENGINE_TARGET_TOO_LONG,
    ENGINE_OTHER_VOLUME,
    ENGINE_VOLUME_ROOT,
    ENGINE_NOT_FOUND,
    ENGINE_PARENT_NOT_FOUND,
    ENGINE_TARGET_NOT_FOUND,
    ENGINE_ALREADY_EXISTS,
    ENGINE_NOT_EMPTY,
    ENGINE_NOT_A_DIRECTORY,
    ENGINE_NOT_A_REPARSE_POINT,
    ENGINE_NOT_A_JUNCTION,
    ENGINE_TARGET_CHANGED,
    ENGINE_CHANGED_MEANWHILE,
    ENGINE_IN_USE,
    ENGINE_UNSUPPORTED_FILE_SYSTEM,
    ENGINE_NTFS3_DRIVER,
    ENGINE_READ_ONLY,
    ENGINE_VOLUME_FULL,
    ENGINE_VOLUME_NOT_RESPONDING,
    ENGINE_VOLUME_GONE,
    ENGINE_UNTRUSTED_VOLUME,
    ENGINE_UNTRUSTED_MOUNT_POINT,
    ENGINE_TOO_MANY_LINKS,
    ENGINE_IO_ERROR,
    ENGINE_CODE_COUNT
};

struct engine_error {
    enum engine_code code;
    int os;           /* errno or Win32 code of the system call that failed; 0 if none did */
    char detail[192]; /* what the code alone does not say ("it is a symbolic link
                         (IO_REPARSE_TAG_SYMLINK)"); may be empty */
};

/* ---- one engine per service
 * -------------------------------------------------------------------------------- */

struct engine;

/* Which drive letter a mounted volume has for the targets of its junctions (Linux only). */
struct engine_drive {
    char letter;       /* 'A'..'Z' */
    const char *mount; /* absolute path of the mount point */
};

struct engine_options {
    const struct engine_drive *drives; /* copied */
    size_t drive_count;
    bool any_mount; /* accept FUSE mounts of any user: for a service that works with its own uid's
                       rights only */
};

/* Must be called before any identity is put on; opens what later needs the service's own rights. */
int engine_open(const struct engine_options *options, struct engine **out,
                struct engine_error *error);
void engine_close(struct engine *engine); /* no work may be running */

/* ---- one piece of work
 * -------------------------------------------------------------------------------------- */

/* Puts the caller's identity on the thread and takes it off again. enter: 0 or a system error
 * number, and then nothing is on. leave cannot fail: it ends the process rather than let a thread
 * go on as somebody else. */
struct engine_scope {
    int (*enter)(void *who);
    void (*leave)(void *who);
    void *who;
};

enum engine_change_kind { ENGINE_CHANGE_CREATE, ENGINE_CHANGE_REPLACE, ENGINE_CHANGE_DELETE };

/* A change of the disk, for whoever keeps a record: `intent` right before its first system call,
 * `outcome` after it ended. The buffers are raw REPARSE_DATA_BUFFERs, NULL where there is none. */
struct engine_change {
    enum engine_change_kind kind;
    const char *path;
    uint64_t volume;           /* st_dev, or volume serial number on Windows */
    uint64_t file_id, created; /* 0 where the directory is still to be made */
    const uint8_t *old_buffer, *new_buffer;
    size_t old_length, new_length;
};
struct engine_observer {
    /* Both run on the working thread with the service's own rights (the scope is off). intent: 0,
     * or -1 with *error, and then nothing is changed; NULL when nobody has to know beforehand,
     * which saves a look at the disk. `error` of outcome: NULL when the change was made. */
    int (*intent)(void *context, const struct engine_change *change, struct engine_error *error);
    void (*outcome)(void *context, const struct engine_change *change,
                    const struct engine_error *error);
    void *context;
};

enum engine_phase {
    ENGINE_PHASE_WAITING,   /* nothing on the disk was changed; may be cancelled */
    ENGINE_PHASE_CHANGING,  /* a change was begun: it finishes */
    ENGINE_PHASE_CANCELLED, /* gives up at the next step */
    ENGINE_PHASE_EXPIRED    /* the same, because of a deadline */
};

/* Shared by the working thread and whoever watches it. Set up with engine_work_init. */
struct engine_work {
    struct engine_scope scope;
    const struct engine_observer *observer; /* NULL: none */
    atomic_int phase;                       /* enum engine_phase */
    atomic_uint
        beats; /* grows with each system call that came back: a watcher sees whether work moves */
    _Atomic uint64_t volume; /* volume that is being worked on, 0 until known */
};
void engine_work_init(struct engine_work *work, struct engine_scope scope);

/* WAITING -> CANCELLED (or EXPIRED). False when a change has begun already: it will finish. */
bool engine_work_cancel(struct engine_work *work, bool expired);

/* A watcher saw work on this volume not come back (stuck = true), or come back at last (false).
 * While any is stuck, new work on the volume is refused with VOLUME_NOT_RESPONDING instead of
 * getting stuck too. */
void engine_volume_stuck(struct engine *engine, uint64_t volume, bool stuck);

/* ---- operations
 * --------------------------------------------------------------------------------------------- */

enum reparse_type { /* the order of enum entry_type in protocol/request.h */
                    REPARSE_JUNCTION,
                    REPARSE_MOUNT_POINT,
                    REPARSE_SYMLINK,
                    REPARSE_WSL_SYMLINK,
                    REPARSE_WSL_SPECIAL,
                    REPARSE_APP_EXEC_LINK,
                    REPARSE_CLOUD,
                    REPARSE_OTHER,
                    REPARSE_UNKNOWN
};

enum target_state {
    TARGET_UNCHECKED,
    TARGET_OK,
    TARGET_DANGLING,
    TARGET_NOT_DIRECTORY,
    TARGET_LOOP,
    TARGET_INACCESSIBLE,
    TARGET_REMOTE,
    TARGET_UNKNOWN_VOLUME
};

/* Owned by whoever it was given to; reparse_entry_clear. Texts are absent where the tag has none.
 */
struct reparse_entry {
    struct text path;
    bool directory;
    enum reparse_type type;
    uint32_t tag;
    struct text target;          /* Win32 form made from the substitute name */
    struct text substitute_name; /* as stored */
    struct text print_name;
    uint64_t file_id; /* file reference, or MFT record number where only that is known; 0 unknown */
    uint64_t created; /* 100 ns since 1601 UTC; 0 unknown */
    int relative;     /* symlinks 0/1, else -1 */
    enum target_state state;
    bool malformed;
    struct engine_error
        error; /* code != ENGINE_OK: a place that could not be read; then only `path` counts */
};
void reparse_entry_clear(struct reparse_entry *entry);

struct engine_create {
    const char *link, *target;
    const char *expected_target; /* NULL: any */
    char drive;                  /* 'A'..'Z' or 0 */
    bool replace, parents, must_exist, dry_run;
};
enum create_outcome { CREATE_CREATED, CREATE_CONVERTED, CREATE_REPLACED, CREATE_UNCHANGED };
struct engine_created {
    struct text target, substitute_name, print_name;
    struct text previous_target; /* of a replaced link */
    uint64_t file_id;
    enum create_outcome outcome;
};
int engine_create(struct engine *engine, struct engine_work *work,
                  const struct engine_create *request, struct engine_created *out,
                  struct engine_error *error);
void engine_created_clear(struct engine_created *created);

struct engine_delete {
    const char *link;
    const char *expected_target;
    bool keep_directory, dry_run;
};
struct engine_deleted {
    struct text target; /* absent when the buffer was malformed */
    uint64_t file_id;
};
int engine_delete(struct engine *engine, struct engine_work *work,
                  const struct engine_delete *request, struct engine_deleted *out,
                  struct engine_error *error);
void engine_deleted_clear(struct engine_deleted *deleted);

int engine_show(struct engine *engine, struct engine_work *work, const char *path, bool check,
                struct reparse_entry *out, struct engine_error *error);

struct engine_list {
    const char *path;
    bool recurse;
    bool volume; /* the whole volume that `path` is on, from its root */
    bool check;
    unsigned types; /* bit 1u << enum reparse_type; 0: all */
};
/* Both run on the working thread *inside* the scope, so they only store or hand over; entry: takes
 * what it wants out of *entry (moved texts are made absent), may block, returns 0, or -1 to end the
 * list early. step: after each directory. */
struct engine_list_sink {
    int (*entry)(void *context, struct reparse_entry *entry);
    void (*step)(void *context, uint64_t directories, uint64_t entries);
    void *context;
};
struct engine_listed {
    uint64_t count, directories, skipped;
    bool truncated; /* ended early: cancelled, expired, or the sink wanted no more */
};
/* A cancelled list fails with CANCELLED (TIMED_OUT when expired); *out is filled in any case. */
int engine_list(struct engine *engine, struct engine_work *work, const struct engine_list *request,
                const struct engine_list_sink *sink, struct engine_listed *out,
                struct engine_error *error);

/* "IO_REPARSE_TAG_SYMLINK", or NULL for a tag that has no name here. */
const char *engine_tag_name(uint32_t tag);

#endif
