/* Places on Linux: a path, pinned by descriptors so that nothing that happens to names later can
 * lead elsewhere; what the caller may do there; and who works there at the moment.
 *
 * Paths are absolute. Repeated `/`, `.` components and a trailing `/` are tolerated, `..` is not:
 * what it means depends on links, and the client has resolved it. Links above the leaf are followed
 * as the system does, but each file system on the way is judged before it is touched. */
#ifndef JUNCTION_PLACE_H
#define JUNCTION_PLACE_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "engine_unix.h"
#include "volume.h"

#define PLACE_REPARSE_ATTRIBUTE "system.ntfs_reparse_data"
#define PLACE_ROOT_INODE        5u /* MFT record of the root directory */
#define PLACE_FD_SIZE           32

/* "/proc/self/fd/N": the only way to the extended attributes of what an O_PATH descriptor pins. */
void place_fd_path(int file, char out[PLACE_FD_SIZE]);

struct place {
    char *path;       /* normalised */
    const char *name; /* last component, within path; "" for "/" */
    int parent;       /* pinned directory that holds the leaf; of "/" that itself */
    int leaf;         /* pinned by place_look, else -1 */
    struct statx parent_stat, leaf_stat;
    struct volume volume; /* that the leaf lies on, or would */
};

/* errno -> code; fills *error and returns -1. */
enum engine_code place_code(int os);
int place_fail(struct engine_error *error, int os, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A malloc'ed normalised copy, or NULL with *error (INVALID_PATH, OUT_OF_MEMORY). */
char *place_normalise(const char *path, struct engine_error *error);

/* Pins a directory by a normalised path; every mount on the way is judged. *out is a descriptor,
 * *volume owned. */
int place_open_directory(struct engine *engine, struct engine_work *work, const char *path,
                         int *out, struct statx *stat, struct volume *volume,
                         struct engine_error *error);

/* Pins the parent and judges the volume; the leaf is not looked at. NOT_FOUND when the parent is
 * missing. On failure nothing is open, but *out can always be given to place_close. */
int place_open(struct engine *engine, struct engine_work *work, const char *path, struct place *out,
               struct engine_error *error);
/* Pins the leaf. 1 it is there, 0 it is missing, -1. A leaf that is a mount point moves
 * place->volume to what is mounted there. */
int place_look(struct engine *engine, struct engine_work *work, struct place *place,
               struct engine_error *error);
/* Forgets the leaf, and pins it again: after a change of what it is, the old descriptor is of no
 * more use. */
int place_look_again(struct engine *engine, struct engine_work *work, struct place *place,
                     struct engine_error *error);
void place_close(struct place *place);

/* The root of a volume, or anything another file system is mounted on. */
bool place_is_root(const struct place *place);

/* statx of a pinned file, with mount id and what is cached; errno or 0. */
int place_stat(int file, struct statx *out);
uint64_t place_device(const struct statx *stat); /* st_dev */
/* The first fstat after a change of type fails once: it is spent here, so that nobody else meets
 * it. */
void place_settle(int file);

/* The raw buffer of a pinned file: its length (0: no reparse point), or -1 with errno. */
ssize_t place_buffer(int file, uint8_t *buffer, size_t size);
/* Creation time and whether it is a directory, as NTFS has them; what cannot be read keeps its
 * value. */
void place_facts(int file, uint64_t *created, bool *directory);
/* When the entries of a directory changed last, in NTFS' own time; 0 when it cannot be read. */
uint64_t place_modified(int file);

#endif
