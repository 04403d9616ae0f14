/* REPARSE_DATA_BUFFER: bytes <-> what they mean. Pure; every field from the buffer is bounded
 * before use.
 *
 * Format: MS-FSCC 2.1.2 (little endian, at most 16384 bytes in all): tag u32, data length u16,
 * reserved u16, for tags that are not Microsoft's a GUID of 16 bytes, then the data. */
#ifndef JUNCTION_REPARSE_H
#define JUNCTION_REPARSE_H

#include "engine.h"

#define REPARSE_MAX_SIZE  16384u
#define REPARSE_HEADER    8u
#define REPARSE_GUID_SIZE 16u

#define REPARSE_TAG_MOUNT_POINT 0xA0000003u
#define REPARSE_TAG_SYMLINK     0xA000000Cu
#define REPARSE_TAG_LX_SYMLINK  0xA000001Du
#define REPARSE_TAG_APPEXECLINK 0x8000001Bu

#define REPARSE_TAG_BIT_MICROSOFT 0x80000000u
#define REPARSE_TAG_BIT_SURROGATE 0x20000000u
#define REPARSE_TAG_BIT_DIRECTORY 0x10000000u

/* What a buffer says. Texts are owned (reparse_data_clear) and absent where the tag has none or the
 * buffer is malformed. */
struct reparse_data {
    uint32_t tag;
    enum reparse_type type; /* from the tag and, for MOUNT_POINT, from the substitute name:
                               `\??\Volume{g}\` alone is a mount point */
    bool malformed;         /* sizes, offsets or text that do not fit: nothing but the tag counts */
    struct text substitute_name;
    struct text print_name;
    struct text target;                 /* Win32 form of the substitute name: `\??\X:\d` -> `X:\d`,
                                         * `\??\Volume{g}\d` -> `\\?\Volume{g}\d`,
                                         * `\??\UNC\s\h` -> `\\s\h`; relative symlinks as they are; LX_SYMLINK: its
                                         * text; APPEXECLINK: the executable */
    int relative;                       /* SYMLINK: 0 or 1, else -1 */
    struct text app_package, app_entry; /* APPEXECLINK */
};

/* UTF_OK (also for malformed buffers: out->malformed) or UTF_NO_MEMORY. Fewer than 4 bytes: tag 0,
 * malformed. */
int reparse_decode(const uint8_t *bytes, size_t length, struct reparse_data *out);
void reparse_data_clear(struct reparse_data *data);

/* A MOUNT_POINT buffer from the two names (WTF-8). Fills at most REPARSE_MAX_SIZE bytes; returns
 * their number, or 0 when the names do not fit or are no WTF-8. */
size_t reparse_encode_junction(const char *substitute_name, const char *print_name,
                               uint8_t out[REPARSE_MAX_SIZE]);

/* The buffer that asks for removal of a tag: header only. */
size_t reparse_encode_removal(uint32_t tag, uint8_t out[REPARSE_HEADER]);

#endif
