/* Multi-sector blocks: file records ("FILE") and index blocks ("INDX"), and the attributes in a
 * record. */
#ifndef JUNCTION_NTFS_RECORD_H
#define JUNCTION_NTFS_RECORD_H

#include "ntfs.h"

enum ntfs_attribute_type {
    NTFS_STANDARD_INFORMATION = 0x10,
    NTFS_ATTRIBUTE_LIST = 0x20,
    NTFS_FILE_NAME = 0x30,
    NTFS_DATA = 0x80,
    NTFS_INDEX_ROOT = 0x90,
    NTFS_INDEX_ALLOCATION = 0xA0,
    NTFS_BITMAP = 0xB0,
    NTFS_REPARSE_POINT = 0xC0
};

/* Checks the signature and puts the last two bytes of every 512 back where the update sequence
 * array keeps them. NTFS_OK; NTFS_TORN when a sector is of another write; NTFS_CORRUPT. */
int ntfs_fixup(uint8_t *block, size_t size, const char signature[4]);

/* A file record. Borrows the bytes. */
struct ntfs_record {
    const uint8_t *bytes;
    size_t used;   /* bytes in use, of `bytes` */
    size_t first;  /* offset of the first attribute */
    uint64_t base; /* reference of the record that this one extends; 0: none */
    uint16_t sequence;
    bool in_use, directory;
};

/* Fixes the block up and reads its header. NTFS_OK, also for a record that is not in use;
 * NTFS_ABSENT for one that was never used; else as ntfs_fixup. */
int ntfs_record_parse(uint8_t *block, size_t size, struct ntfs_record *out);

/* One attribute in one record; borrows the record's bytes. Of an attribute that has several pieces
 * (in extension records) each is one of these. */
struct ntfs_attribute {
    uint32_t type;
    const uint8_t *name; /* UTF-16LE */
    size_t name_length;  /* units */
    uint16_t instance;
    bool resident;
    const uint8_t *value; /* resident: its content; else mapping pairs, up to the attribute's end */
    size_t length;
    /* Not resident: */
    bool scrambled;           /* compressed or encrypted: the clusters are not the content */
    uint64_t lowest, highest; /* VCNs that the mapping pairs describe; highest may be lowest - 1 */
    uint64_t size, initialized; /* bytes; of the piece with lowest 0 */
};

/* The next attribute behind *position (0 at first): 1, 0 at the end, NTFS_CORRUPT. */
int ntfs_attribute_next(const struct ntfs_record *record, size_t *position,
                        struct ntfs_attribute *out);

/* `name` is ASCII. */
bool ntfs_attribute_is(const struct ntfs_attribute *attribute, uint32_t type, const char *name);

#endif
