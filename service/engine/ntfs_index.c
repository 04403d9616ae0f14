#include "ntfs_index.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define ROOT_HEADER   16u
#define NODE_HEADER   16u
#define BLOCK_HEADER  0x18u
#define ENTRY_HEADER  16u
#define ENTRY_LAST    2u
#define TORN_ATTEMPTS 4
#define BITMAP_CHUNK  4096u

/* A node: its header and entries. */
static int node_each(const uint8_t *node, size_t length, ntfs_index_take take, void *context)
{
    if (length < NODE_HEADER)
        return NTFS_CORRUPT;
    size_t at = bytes_get32(node), used = bytes_get32(node + 4);
    if (used > length || at < NODE_HEADER || at > used)
        return NTFS_CORRUPT;
    while (used - at >= ENTRY_HEADER) {
        const uint8_t *entry = node + at;
        size_t size = bytes_get16(entry + 8), key = bytes_get16(entry + 10);
        if (bytes_get16(entry + 12) & ENTRY_LAST)
            return NTFS_OK;
        if (size < ENTRY_HEADER || size % 8 != 0 || size > used - at || key > size - ENTRY_HEADER)
            return NTFS_CORRUPT;
        struct ntfs_index_entry out = {bytes_get64(entry), entry + ENTRY_HEADER, key};
        int result = take(context, &out);
        if (result != 0)
            return result;
        at += size;
    }
    return NTFS_CORRUPT; /* the last one is missing */
}

struct blocks {
    const struct ntfs_volume *volume;
    struct ntfs_content content;
    uint32_t size;
    uint8_t *block;
    ntfs_index_take take;
    void *context;
    uint64_t *bad;
};

/* 0 to go on. */
static int block_each(struct blocks *blocks, uint64_t number)
{
    uint32_t unit = blocks->volume->geometry.cluster;
    if (unit > blocks->size)
        unit = 512;
    int result = NTFS_TORN;
    for (int attempt = 0; attempt < TORN_ATTEMPTS && result == NTFS_TORN; attempt++) {
        result = ntfs_content_read(blocks->volume, &blocks->content, number * blocks->size,
                                   blocks->block, blocks->size);
        if (result == NTFS_OK)
            result = ntfs_fixup(blocks->block, blocks->size, "INDX");
    }
    if (result == NTFS_OK && bytes_get64(blocks->block + 0x10) != number * (blocks->size / unit))
        result = NTFS_CORRUPT;
    if (result == NTFS_OK)
        result = node_each(blocks->block + BLOCK_HEADER, blocks->size - BLOCK_HEADER, blocks->take,
                           blocks->context);
    if (result == NTFS_TORN || result == NTFS_CORRUPT || result == NTFS_IO) {
        (*blocks->bad)++;
        return 0;
    }
    return result;
}

static int blocks_each(struct blocks *blocks, const struct ntfs_content *bitmap)
{
    uint64_t count = blocks->content.size / blocks->size;
    uint8_t bits[BITMAP_CHUNK];
    for (uint64_t at = 0; at < bitmap->size && at * 8 < count; at += sizeof bits) {
        size_t part = bitmap->size - at < sizeof bits ? (size_t)(bitmap->size - at) : sizeof bits;
        int result = ntfs_content_read(blocks->volume, bitmap, at, bits, part);
        for (uint64_t bit = 0; bit < part * 8 && at * 8 + bit < count && result == 0; bit++)
            if (bits[bit / 8] >> bit % 8 & 1)
                result = block_each(blocks, at * 8 + bit);
        if (result != 0)
            return result;
    }
    return NTFS_OK;
}

int ntfs_index_each(const struct ntfs_file *file, const char *name, ntfs_index_take take,
                    void *context, uint64_t *bad)
{
    struct ntfs_content root = {0}, bitmap = {0};
    struct blocks blocks = {.volume = file->volume, .take = take, .context = context, .bad = bad};
    int result = ntfs_file_content(file, NTFS_INDEX_ROOT, name, &root);
    if (result != NTFS_OK)
        return result;
    if (!root.value || root.size < ROOT_HEADER + NODE_HEADER) {
        result = NTFS_CORRUPT;
        goto done;
    }
    blocks.size = bytes_get32(root.value + 8);
    bool large = (root.value[ROOT_HEADER + 12] & 1) != 0;
    result = node_each(root.value + ROOT_HEADER, (size_t)root.size - ROOT_HEADER, take, context);
    if (result != 0 || !large)
        goto done;
    if (blocks.size < 512 || blocks.size > (2u << 20) || (blocks.size & (blocks.size - 1)) != 0) {
        result = NTFS_CORRUPT;
        goto done;
    }
    result = ntfs_file_content(file, NTFS_INDEX_ALLOCATION, name, &blocks.content);
    if (result == NTFS_OK)
        result = ntfs_file_content(file, NTFS_BITMAP, name, &bitmap);
    blocks.block = result == NTFS_OK ? malloc(blocks.size) : NULL;
    if (result == NTFS_OK)
        result = blocks.block ? blocks_each(&blocks, &bitmap) : NTFS_NO_MEMORY;
    if (result == NTFS_ABSENT)
        result = NTFS_CORRUPT;

done:
    free(blocks.block);
    ntfs_content_clear(&root);
    ntfs_content_clear(&bitmap);
    ntfs_content_clear(&blocks.content);
    return result;
}
