/* Indexes: `$I30` (the names in a directory) and `$R` of `$Extend\$Reparse` (every reparse point of
 * the volume). Entries come in no particular order. */
#ifndef JUNCTION_NTFS_INDEX_H
#define JUNCTION_NTFS_INDEX_H

#include "ntfs_volume.h"

struct ntfs_index_entry {
    uint64_t reference; /* of the file, in `$I30` */
    const uint8_t *key; /* `$I30`: a FILE_NAME; `$R`: tag u32, file reference u64 */
    size_t key_length;
};

/* 0 to go on; anything else ends the walk and becomes its result. */
typedef int (*ntfs_index_take)(void *context, const struct ntfs_index_entry *entry);

/* Hands over each entry of the file's index of that (ASCII) name. Blocks that stay torn or are
 * damaged are left out and counted in *bad. The file must have been opened with
 * NTFS_INDEX_WANTED. */
#define NTFS_INDEX_WANTED \
    (NTFS_WANT(NTFS_INDEX_ROOT) | NTFS_WANT(NTFS_INDEX_ALLOCATION) | NTFS_WANT(NTFS_BITMAP))
int ntfs_index_each(const struct ntfs_file *file, const char *name, ntfs_index_take take,
                    void *context, uint64_t *bad);

#endif
