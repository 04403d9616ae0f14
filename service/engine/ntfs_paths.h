/* Names, and the directories above them up to the root. Directories are read level by level, each
 * once, in the order in which they lie on the disk. */
#ifndef JUNCTION_NTFS_PATHS_H
#define JUNCTION_NTFS_PATHS_H

#include "../../protocol/utf.h"
#include "ntfs_volume.h"

/* A FILE_NAME attribute's value, bounded. */
struct ntfs_name {
    uint64_t parent;      /* file reference */
    const uint8_t *units; /* UTF-16LE */
    size_t count;         /* units, 1..255 */
    bool dos;             /* the short name beside a long one */
};
/* NTFS_OK or NTFS_CORRUPT. */
int ntfs_name_read(const uint8_t *value, size_t length, struct ntfs_name *out);
/* WTF-8, or NTFS_NO_MEMORY. */
int ntfs_name_text(const struct ntfs_name *name, struct text *out);

struct ntfs_paths;
int ntfs_paths_open(const struct ntfs_volume *volume, struct ntfs_paths **out);
void ntfs_paths_close(struct ntfs_paths *paths);

/* Makes these directories and all above them known. What cannot be read is remembered as dead; only
 * NTFS_NO_MEMORY is a failure. Forgets old ones first when too many are known. */
int ntfs_paths_load(struct ntfs_paths *paths, const uint64_t *references, size_t count);

/* `/a/b/name` for a name in a directory that was loaded. NTFS_ABSENT: a directory on the way is
 * gone, was used anew, or the way does not end at the root; NTFS_CORRUPT: the path is too long. */
int ntfs_paths_text(struct ntfs_paths *paths, uint64_t parent, const struct text *name,
                    struct text *out);

#endif
