/* Places on Windows: the directory that holds the leaf, opened once, as the caller, and the leaf
 * opened relative to it as what it is itself. What is decided is decided on these handles.
 *
 * Reparse points above the leaf are followed by the system, with the caller's rights. */
#ifndef JUNCTION_PLACE_WIN_H
#define JUNCTION_PLACE_WIN_H

#include "engine_win.h"
#include "path_win.h"

#define PLACE_LOOK (FILE_READ_ATTRIBUTES | SYNCHRONIZE)

/* What a file tells without its reparse point being read. */
struct place_facts {
    uint32_t attributes, tag; /* tag 0: none */
    uint64_t file_id, created;
};

struct place {
    struct path path;
    struct text text; /* the printed form */
    size_t parent;    /* length of the parent's path */
    size_t name;      /* where the last name begins; == path.length for a root */
    HANDLE directory; /* the parent, or the root itself; NULL: the caller may open only the leaf */
    HANDLE leaf;      /* opened by place_look, else NULL */
    uint64_t directory_id, volume;
    struct place_facts facts; /* of the leaf */
    NTSTATUS refused;    /* the leaf could be looked at, but not opened with the rights asked for */
    bool reparse_points; /* the volume keeps them */
    bool read_only;
    ULONGLONG patience; /* when waiting for others ends; 0: it has not begun */
    DWORD pause;        /* the next one, in milliseconds */
};

/* Opens what is there itself, never what it leads to; `directory` NULL: `name` is a whole path.
 * With DELETE among the rights an oplock is not waited for: STATUS_OPLOCK_BREAK_IN_PROGRESS, and
 * then nothing is open. */
NTSTATUS place_open_at(const struct engine *engine, struct engine_work *work, HANDLE directory,
                       const wchar_t *name, size_t length, ACCESS_MASK access, ULONG options,
                       HANDLE *out);

/* The directory behind a whole path: links are followed. */
NTSTATUS place_open_directory(const struct engine *engine, struct engine_work *work,
                              const struct path *path, size_t length, ACCESS_MASK access,
                              HANDLE *out);

/* Makes a directory, which nobody else can rename or delete while the handle is open. */
NTSTATUS place_make_at(const struct engine *engine, struct engine_work *work, HANDLE directory,
                       const wchar_t *name, size_t length, ACCESS_MASK access, HANDLE *out);

/* Deletes what is open with DELETE, at once where the system can. */
NTSTATUS place_dispose(const struct engine *engine, struct engine_work *work, HANDLE file);

NTSTATUS place_facts_read(const struct engine *engine, struct engine_work *work, HANDLE file,
                          struct place_facts *out);

/* The raw reparse point; `buffer` has REPARSE_MAX_SIZE bytes. */
NTSTATUS place_buffer(const struct engine *engine, struct engine_work *work, HANDLE file,
                      uint8_t *buffer, size_t *length);

/* Parses the path, opens the parent and judges its volume: NOT_FOUND when the parent is missing,
 * INVALID_PATH on another machine. On failure *out can always be given to place_close. */
int place_open(struct engine *engine, struct engine_work *work, const char *path, struct place *out,
               struct engine_error *error);
/* For a place whose directory was opened otherwise. */
int place_judge(struct engine *engine, struct engine_work *work, struct place *place, HANDLE file,
                struct engine_error *error);
/* Opens the leaf: 1 it is there, 0 it is missing, -1. Where only the look is allowed, or possible
 * at the moment, that is what is opened, and place->refused says why; but a junction that somebody
 * else has is waited for. */
int place_look(struct engine *engine, struct engine_work *work, struct place *place,
               ACCESS_MASK access, struct engine_error *error);
void place_close_leaf(const struct engine *engine, struct place *place);
void place_close(const struct engine *engine, struct place *place);

/* Sleeps before the next try after a status that says busy: 0, or -1 when the work was cancelled or
 * it took too long (IN_USE). */
int place_wait(const struct engine *engine, struct engine_work *work, struct place *place,
               NTSTATUS status, struct engine_error *error);

bool place_is_root(const struct place *place);
const char *place_name(const struct place *place); /* the last name, within place->text */

#endif
