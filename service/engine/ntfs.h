/* What the layers of the NTFS reader share: where the bytes come from, and how reading fails.
 *
 * The reader knows nothing of mounted volumes: it takes bytes from a source and gives back what
 * they say. Nothing that comes from a source is believed: every field is bounded before it is used,
 * no loop and no memory depends on a number alone, and there is no recursion on what a disk holds.
 *
 * The layers, each of which includes only those above it:
 *
 *     ntfs_geometry   boot sector: sizes, and where the MFT begins
 *     ntfs_record     one file record or index block: fixups, attributes
 *     ntfs_runs       which clusters hold an attribute's content
 *     ntfs_volume     the MFT, records by number, attributes of a file wherever they lie, their
 * content ntfs_index      entries of an index ($I30 of a directory, $R of $Reparse) ntfs_paths
 * names and parents up to the root ntfs_list       every reparse point of the volume
 */
#ifndef JUNCTION_NTFS_H
#define JUNCTION_NTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ntfs_result {
    NTFS_OK = 0,
    NTFS_IO = -1,       /* the source failed: ntfs_source.os has the system's number */
    NTFS_NOT_NTFS = -2, /* no NTFS boot sector */
    NTFS_CORRUPT = -3,  /* what was read contradicts itself */
    NTFS_TORN = -4,     /* a block was read while it was written (or is damaged): try again */
    NTFS_ABSENT = -5,   /* there is no such record, attribute or name */
    NTFS_NO_MEMORY = -6,
    NTFS_STOPPED = -7 /* whoever takes the entries wants no more */
};

/* Where bytes come from. */
struct ntfs_source {
    /* Exactly `length` bytes from `offset` on: 0, or a system error number. A read that goes beyond
     * the end fails. */
    int (*read)(void *context, uint64_t offset, void *buffer, size_t length);
    /* These bytes are read soon. May be NULL. */
    void (*ahead)(void *context, uint64_t offset, uint64_t length);
    void *context;
    uint64_t size;            /* bytes; UINT64_MAX when that is not known */
    uint64_t requests, bytes; /* what was read so far */
    int os;                   /* of the last read that failed */
};

int ntfs_source_read(struct ntfs_source *source, uint64_t offset, void *buffer, size_t length);

/* A file reference: record number and how often the record has been used. */
#define NTFS_REFERENCE_RECORD(reference)   ((reference)&0xFFFFFFFFFFFFu)
#define NTFS_REFERENCE_SEQUENCE(reference) ((uint16_t)((reference) >> 48))

#define NTFS_RECORD_ROOT   5u
#define NTFS_RECORD_EXTEND 11u
#define NTFS_RECORD_LIMIT  0x100000000u /* NTFS has at most 2^32 - 1 files */

#endif
