/* The boot sector of an NTFS volume (BIOS parameter block; documented in many places, among them
 * the Windows driver kit's public headers). */
#ifndef JUNCTION_NTFS_GEOMETRY_H
#define JUNCTION_NTFS_GEOMETRY_H

#include "ntfs.h"

#define NTFS_BOOT_SIZE 512u

struct ntfs_geometry {
    uint32_t sector, cluster; /* bytes; powers of two: 256..4096, sector..2 MiB */
    uint32_t record,
        index;            /* bytes of a file record (512..65536) and of a directory's index block */
    uint64_t clusters;    /* of the volume */
    uint64_t mft, mirror; /* first cluster of $MFT and of $MFTMirr */
    uint64_t serial;
};

/* NTFS_OK, NTFS_NOT_NTFS, or NTFS_CORRUPT when it is one whose numbers cannot be. */
int ntfs_geometry_read(const uint8_t boot[NTFS_BOOT_SIZE], struct ntfs_geometry *out);

#endif
