/* Where the reparse points are: from the index of them, or from the whole MFT. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ntfs_index.h"
#include "ntfs_list.h"
#include "ntfs_paths.h"
#include "reparse.h"
#include "tags.h"

#define SCAN_BYTES (1u << 20)

void ntfs_hits_clear(struct ntfs_hits *hits)
{
    free(hits->hit);
    memset(hits, 0, sizeof *hits);
}

static int hits_add(struct ntfs_hits *hits, uint64_t reference, uint32_t tag)
{
    if (hits->count == hits->capacity) {
        size_t more = hits->capacity ? hits->capacity * 2 : 64;
        struct ntfs_hit *grown = realloc(hits->hit, more * sizeof *grown);
        if (!grown)
            return NTFS_NO_MEMORY;
        hits->hit = grown;
        hits->capacity = more;
    }
    hits->hit[hits->count++] = (struct ntfs_hit){reference, tag};
    return NTFS_OK;
}

/* By record number, which is the order on the disk; of one record the newest use first. */
static int hit_compare(const void *a, const void *b)
{
    const struct ntfs_hit *left = a, *right = b;
    uint64_t one = NTFS_REFERENCE_RECORD(left->reference),
             other = NTFS_REFERENCE_RECORD(right->reference);
    if (one != other)
        return one < other ? -1 : 1;
    if (left->reference != right->reference)
        return left->reference > right->reference ? -1 : 1;
    return left->tag < right->tag ? -1 : left->tag > right->tag;
}

static void hits_sort(struct ntfs_hits *hits)
{
    size_t kept = 0;
    if (hits->count > 0)
        qsort(hits->hit, hits->count, sizeof *hits->hit, hit_compare);
    for (size_t i = 0; i < hits->count; i++)
        if (kept == 0 || hit_compare(&hits->hit[kept - 1], &hits->hit[i]) != 0)
            hits->hit[kept++] = hits->hit[i];
    hits->count = kept;
}

/* ---- the index
 * ------------------------------------------------------------------------------------------ */

struct find {
    const char *name;
    uint64_t reference;
};

static int take_name(void *context, const struct ntfs_index_entry *entry)
{
    struct find *find = context;
    struct ntfs_name name;
    size_t length = strlen(find->name);
    if (ntfs_name_read(entry->key, entry->key_length, &name) != NTFS_OK || name.count != length)
        return 0;
    for (size_t i = 0; i < length; i++)
        if (bytes_get16(name.units + 2 * i) != (unsigned char)find->name[i])
            return 0;
    find->reference = entry->reference;
    return 1;
}

struct collect {
    struct ntfs_hits *hits;
    unsigned types;
    uint64_t limit;
};

static int take_hit(void *context, const struct ntfs_index_entry *entry)
{
    struct collect *collect = context;
    if (entry->key_length < 12)
        return NTFS_CORRUPT;
    uint32_t tag = bytes_get32(entry->key);
    if (!tag_is_wanted(collect->types, tag))
        return 0;
    /* A file has one reparse point at most. */
    if (collect->hits->count >= collect->limit)
        return NTFS_CORRUPT;
    return hits_add(collect->hits, bytes_get64(entry->key + 4), tag);
}

int ntfs_hits_from_index(const struct ntfs_volume *volume, unsigned types, struct ntfs_hits *out)
{
    struct ntfs_file file;
    struct find find = {"$Reparse", 0};
    struct collect collect = {out, types, volume->records};
    uint64_t bad = 0;
    memset(out, 0, sizeof *out);
    int result = ntfs_file_open(volume, NTFS_RECORD_EXTEND, NTFS_INDEX_WANTED, &file);
    if (result != NTFS_OK)
        return result == NTFS_ABSENT ? NTFS_OK : result;
    result = ntfs_index_each(&file, "$I30", take_name, &find, &bad);
    ntfs_file_close(&file);
    if (result == NTFS_ABSENT || (result == NTFS_OK && bad == 0))
        return NTFS_OK;
    if (result != 1)
        return result != NTFS_OK ? result : NTFS_CORRUPT;
    result = ntfs_file_open(volume, find.reference, NTFS_INDEX_WANTED, &file);
    if (result == NTFS_OK) {
        result = ntfs_index_each(&file, "$R", take_hit, &collect, &out->bad);
        ntfs_file_close(&file);
    }
    if (result == NTFS_ABSENT)
        result = NTFS_CORRUPT;
    hits_sort(out);
    if (result != NTFS_OK)
        ntfs_hits_clear(out);
    return result;
}

/* ---- the scan
 * ------------------------------------------------------------------------------------------- */

/* The tag of the record's file, or 0: it has no reparse point. Its attribute may lie in an
 * extension record. */
static int record_tag(const struct ntfs_volume *volume, uint64_t number, const uint8_t *block,
                      const struct ntfs_record *record, uint32_t *tag)
{
    struct ntfs_attribute attribute;
    size_t position = 0;
    int found;
    bool here = false, list = false;
    *tag = 0;
    while ((found = ntfs_attribute_next(record, &position, &attribute)) == 1) {
        here = here || attribute.type == NTFS_REPARSE_POINT;
        list = list || attribute.type == NTFS_ATTRIBUTE_LIST;
    }
    if (found < 0 || (!here && !list))
        return found;
    struct ntfs_file file;
    struct ntfs_content content;
    uint8_t bytes[4];
    int result =
        ntfs_file_from(volume, number, block, record, NTFS_WANT(NTFS_REPARSE_POINT), &file);
    if (result != NTFS_OK)
        return result;
    result = ntfs_file_content(&file, NTFS_REPARSE_POINT, "", &content);
    ntfs_file_close(&file);
    if (result != NTFS_OK)
        return result == NTFS_ABSENT ? NTFS_OK : result;
    result = content.size >= sizeof bytes
                 ? ntfs_content_read(volume, &content, 0, bytes, sizeof bytes)
                 : NTFS_CORRUPT;
    ntfs_content_clear(&content);
    *tag = result == NTFS_OK ? bytes_get32(bytes) : 0;
    return result;
}

/* `read`: the block holds the record; else the piece of the disk that it lies in cannot be read as
 * a whole. */
static int scan_record(const struct ntfs_volume *volume, uint64_t number, uint8_t *block, bool read,
                       unsigned types, struct ntfs_hits *out)
{
    struct ntfs_record record;
    uint32_t tag = 0;
    int result = read ? ntfs_record_parse(block, volume->geometry.record, &record) : NTFS_TORN;
    if (result == NTFS_TORN)
        result = ntfs_volume_record(volume, number, block, &record);
    if (result == NTFS_OK && record.in_use && record.base == 0)
        result = record_tag(volume, number, block, &record, &tag);
    if (result == NTFS_NO_MEMORY)
        return result;
    if (result == NTFS_CORRUPT || result == NTFS_TORN || result == NTFS_IO)
        out->bad++;
    if (result != NTFS_OK || tag == 0 || !tag_is_wanted(types, tag))
        return NTFS_OK;
    return hits_add(out, number | (uint64_t)record.sequence << 48, tag);
}

int ntfs_hits_from_scan(const struct ntfs_volume *volume, unsigned types, struct ntfs_hits *out)
{
    uint32_t size = volume->geometry.record;
    uint64_t step = SCAN_BYTES / size;
    int result = NTFS_OK;
    memset(out, 0, sizeof *out);
    uint8_t *blocks = malloc(SCAN_BYTES);
    if (!blocks)
        return NTFS_NO_MEMORY;
    for (uint64_t number = 0; number < volume->records && result == NTFS_OK; number += step) {
        uint64_t left = volume->records - number, part = left < step ? left : step;
        bool read = ntfs_content_read(volume, &volume->mft, number * size, blocks,
                                      (size_t)(part * size)) == NTFS_OK;
        for (uint64_t i = 0; i < part && result == NTFS_OK; i++)
            result = scan_record(volume, number + i, blocks + i * size, read, types, out);
    }
    free(blocks);
    hits_sort(out);
    if (result != NTFS_OK)
        ntfs_hits_clear(out);
    return result;
}
