/* Every reparse point of a volume, by its own index of them or by a pass over the whole MFT. */
#ifndef JUNCTION_NTFS_LIST_H
#define JUNCTION_NTFS_LIST_H

#include "engine.h"
#include "ntfs_volume.h"

/* One reparse point as the index, or a scan, tells of it. */
struct ntfs_hit {
    uint64_t reference;
    uint32_t tag;
};
struct ntfs_hits {
    struct ntfs_hit *hit; /* sorted by record number, each once */
    size_t count, capacity;
    uint64_t bad; /* index blocks, or records, that cannot be read */
};
void ntfs_hits_clear(struct ntfs_hits *hits);

/* From `$Extend\$Reparse`: its cost grows with the number of reparse points only. A volume that
 * never had one (or is older than NTFS 3.0) has no such file: no hits. */
int ntfs_hits_from_index(const struct ntfs_volume *volume, unsigned types, struct ntfs_hits *out);

/* From each record of the MFT in use: finds also what a crash left out of the index. */
int ntfs_hits_from_scan(const struct ntfs_volume *volume, unsigned types, struct ntfs_hits *out);

struct ntfs_listed {
    uint64_t count, skipped; /* entries without and with an error */
    uint64_t stale;          /* hits that were no reparse points (any more): not reported */
};

/* Reads what is behind each hit and hands over an entry for each of its names, in the order of
 * record numbers. Paths begin with `/`, which is the volume's root. Entries that are not of the
 * wanted types are left out. The sink's step is not called. NTFS_OK, NTFS_STOPPED or
 * NTFS_NO_MEMORY. */
int ntfs_list(const struct ntfs_volume *volume, const struct ntfs_hits *hits, unsigned types,
              const struct engine_list_sink *sink, struct ntfs_listed *out);

#endif
