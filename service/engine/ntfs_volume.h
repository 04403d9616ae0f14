/* A volume: its MFT, file records by number, the attributes of a file wherever they lie, and their
 * content. Opening reads; afterwards a volume is constant, and any number of threads may use it. */
#ifndef JUNCTION_NTFS_VOLUME_H
#define JUNCTION_NTFS_VOLUME_H

#include "ntfs_geometry.h"
#include "ntfs_record.h"
#include "ntfs_runs.h"

/* What an attribute holds. */
struct ntfs_content {
    uint8_t *value; /* resident: owned copy; else NULL */
    uint64_t size, initialized;
    struct ntfs_runs runs;
};
void ntfs_content_clear(struct ntfs_content *content);

struct ntfs_volume {
    struct ntfs_source *source; /* borrowed */
    struct ntfs_geometry geometry;
    struct ntfs_content mft;
    uint64_t records; /* in the MFT */
};

int ntfs_volume_open(struct ntfs_source *source, struct ntfs_volume *out);
void ntfs_volume_close(struct ntfs_volume *volume);

/* Bytes of a content; beyond what was initialised they are zeros. NTFS_CORRUPT when they are not
 * all within it. */
int ntfs_content_read(const struct ntfs_volume *volume, const struct ntfs_content *content,
                      uint64_t offset, void *buffer, size_t length);

/* Where on the source a byte of a content lies; false beyond the end. */
bool ntfs_content_position(const struct ntfs_volume *volume, const struct ntfs_content *content,
                           uint64_t offset, uint64_t *position);

/* Reads the record into `block` (geometry.record bytes). A torn one is read again a few times. */
int ntfs_volume_record(const struct ntfs_volume *volume, uint64_t number, uint8_t *block,
                       struct ntfs_record *out);

/* These records (sorted) are read soon: what lies close together is asked for in one piece. */
void ntfs_volume_ahead(const struct ntfs_volume *volume, const uint64_t *numbers, size_t count);

/* A file: its base record and those extension records that hold what is wanted. */
struct ntfs_file {
    const struct ntfs_volume *volume;
    uint64_t reference;
    uint8_t *blocks; /* count * geometry.record */
    struct ntfs_record *records;
    size_t count;
};

/* Bits for the attribute types that a caller wants. */
#define NTFS_WANT(type) (1u << ((type) >> 4))

/* `reference`: with sequence 0 whichever file has the record now. NTFS_ABSENT: the record is not in
 * use, is used by another file, or only extends one. */
int ntfs_file_open(const struct ntfs_volume *volume, uint64_t reference, unsigned wanted,
                   struct ntfs_file *out);
/* The same for a base record that has been read already (and may be changed here). */
int ntfs_file_from(const struct ntfs_volume *volume, uint64_t number, const uint8_t *block,
                   const struct ntfs_record *record, unsigned wanted, struct ntfs_file *out);
void ntfs_file_close(struct ntfs_file *file);

/* Goes through all attributes of all records. Zeroed at first: 1, 0 at the end, NTFS_CORRUPT. */
struct ntfs_cursor {
    size_t record, position;
};
int ntfs_file_next(const struct ntfs_file *file, struct ntfs_cursor *cursor,
                   struct ntfs_attribute *out);

/* The content of the attribute of that type and (ASCII) name, which must be among the wanted ones.
 * NTFS_ABSENT, NTFS_CORRUPT (pieces missing or overlapping, compressed or encrypted), ... */
int ntfs_file_content(const struct ntfs_file *file, uint32_t type, const char *name,
                      struct ntfs_content *out);

#endif
