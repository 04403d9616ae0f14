#include "ntfs_record.h"

#include <string.h>

#include "bytes.h"

#define STRIDE 512u /* of the update sequence, whatever the sectors are */

#define AT_FIXUPS      0x04
#define AT_FIXUP_COUNT 0x06
#define RECORD_HEADER  0x30u
#define AT_SEQUENCE    0x10
#define AT_FIRST       0x14
#define AT_FLAGS       0x16
#define AT_USED        0x18
#define AT_BASE        0x20
#define FLAG_IN_USE    1u
#define FLAG_DIRECTORY 2u

#define ATTRIBUTE_END         0xFFFFFFFFu
#define ATTRIBUTE_HEADER      0x18u
#define ATTRIBUTE_NONRESIDENT 0x40u
#define ATTRIBUTE_COMPRESSED  0x00FFu
#define ATTRIBUTE_ENCRYPTED   0x4000u

int ntfs_fixup(uint8_t *block, size_t size, const char signature[4])
{
    if (memcmp(block, signature, 4) != 0)
        return NTFS_CORRUPT;
    size_t at = bytes_get16(block + AT_FIXUPS), count = bytes_get16(block + AT_FIXUP_COUNT);
    size_t sectors = size / STRIDE;
    if (count != sectors + 1 || at % 2 != 0 || at < 8 || at + 2 * count > STRIDE - 2)
        return NTFS_CORRUPT;
    for (size_t i = 1; i <= sectors; i++)
        if (memcmp(block + i * STRIDE - 2, block + at, 2) != 0)
            return NTFS_TORN;
    for (size_t i = 1; i <= sectors; i++)
        memcpy(block + i * STRIDE - 2, block + at + 2 * i, 2);
    return NTFS_OK;
}

int ntfs_record_parse(uint8_t *block, size_t size, struct ntfs_record *out)
{
    static const uint8_t zeros[4];
    memset(out, 0, sizeof *out);
    if (memcmp(block, zeros, 4) == 0)
        return NTFS_ABSENT;
    int result = ntfs_fixup(block, size, "FILE");
    if (result != NTFS_OK)
        return result;
    unsigned flags = bytes_get16(block + AT_FLAGS);
    out->bytes = block;
    out->sequence = bytes_get16(block + AT_SEQUENCE);
    out->first = bytes_get16(block + AT_FIRST);
    out->used = bytes_get32(block + AT_USED);
    out->base = bytes_get64(block + AT_BASE);
    out->in_use = (flags & FLAG_IN_USE) != 0;
    out->directory = (flags & FLAG_DIRECTORY) != 0;
    /* 0x2A: what the header had before Windows XP. */
    if (out->first < 0x2A || out->first % 8 != 0 || out->used > size || out->first > out->used)
        return NTFS_CORRUPT;
    return NTFS_OK;
}

static int attribute_resident(const uint8_t *at, size_t length, struct ntfs_attribute *out)
{
    size_t value = bytes_get16(at + 0x14);
    out->length = bytes_get32(at + 0x10);
    if (value > length || out->length > length - value)
        return NTFS_CORRUPT;
    out->value = at + value;
    return 1;
}

static int attribute_nonresident(const uint8_t *at, size_t length, struct ntfs_attribute *out)
{
    if (length < ATTRIBUTE_NONRESIDENT)
        return NTFS_CORRUPT;
    size_t pairs = bytes_get16(at + 0x20);
    unsigned flags = bytes_get16(at + 0x0C);
    out->lowest = bytes_get64(at + 0x10);
    out->highest = bytes_get64(at + 0x18);
    out->size = bytes_get64(at + 0x30);
    out->initialized = bytes_get64(at + 0x38);
    out->scrambled = (flags & (ATTRIBUTE_COMPRESSED | ATTRIBUTE_ENCRYPTED)) != 0;
    if (pairs < ATTRIBUTE_NONRESIDENT || pairs > length || out->lowest > INT64_MAX ||
        (out->highest != out->lowest - 1 && out->highest < out->lowest) ||
        (out->highest > INT64_MAX && out->highest != UINT64_MAX))
        return NTFS_CORRUPT;
    if (out->lowest == 0 && (out->size > INT64_MAX || out->initialized > out->size))
        return NTFS_CORRUPT;
    out->value = at + pairs;
    out->length = length - pairs;
    return 1;
}

int ntfs_attribute_next(const struct ntfs_record *record, size_t *position,
                        struct ntfs_attribute *out)
{
    size_t from = *position ? *position : record->first;
    const uint8_t *at = record->bytes + from;
    memset(out, 0, sizeof *out);
    if (record->used - from < 4)
        return NTFS_CORRUPT;
    out->type = bytes_get32(at);
    if (out->type == ATTRIBUTE_END)
        return 0;
    if (record->used - from < ATTRIBUTE_HEADER)
        return NTFS_CORRUPT;
    size_t length = bytes_get32(at + 4), name = bytes_get16(at + 0x0A);
    if (length < ATTRIBUTE_HEADER || length % 8 != 0 || length > record->used - from)
        return NTFS_CORRUPT;
    out->name_length = at[9];
    if (out->name_length > 0) {
        if (name > length || 2 * out->name_length > length - name)
            return NTFS_CORRUPT;
        out->name = at + name;
    }
    out->resident = at[8] == 0;
    out->instance = bytes_get16(at + 0x0E);
    *position = from + length;
    return out->resident ? attribute_resident(at, length, out)
                         : attribute_nonresident(at, length, out);
}

bool ntfs_attribute_is(const struct ntfs_attribute *attribute, uint32_t type, const char *name)
{
    if (attribute->type != type || attribute->name_length != strlen(name))
        return false;
    for (size_t i = 0; i < attribute->name_length; i++)
        if (bytes_get16(attribute->name + 2 * i) != (unsigned char)name[i])
            return false;
    return true;
}
