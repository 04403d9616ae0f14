/* A whole volume from hostile bytes. The input is a sparse image: any number of pieces, each a
 * sector number (u32, little endian) and 512 bytes; what no piece tells of is zeros. Fixups are put
 * right for the reader in every second input, so that mutations get past them. */
#include <stdlib.h>
#include <string.h>

#include "../../service/engine/bytes.h"
#include "../../service/engine/ntfs_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTOR  512u
#define PIECE   (4u + SECTOR)
#define SECTORS 8192u /* of the volume: 4 MiB */

static int read_image(void *context, uint64_t offset, void *buffer, size_t length)
{
    const uint8_t *image = context;
    if (offset > SECTORS * SECTOR || length > SECTORS * SECTOR - offset)
        return 5;
    memcpy(buffer, image + offset, length);
    return 0;
}

static int take(void *context, struct reparse_entry *entry)
{
    unsigned *left = context;
    if (!entry->path.bytes || entry->path.bytes[0] != '/')
        abort();
    return (*left)-- > 0 ? 0 : -1;
}

/* The numbers that mark each sector of a block as written at the same time. */
static void mend(uint8_t *image)
{
    for (size_t at = 0; at + 4096 <= SECTORS * SECTOR; at += SECTOR) {
        uint8_t *block = image + at;
        if (memcmp(block, "FILE", 4) != 0 && memcmp(block, "INDX", 4) != 0)
            continue;
        size_t from = bytes_get16(block + 4), count = bytes_get16(block + 6);
        if (count < 2 || count > 9 || from + 2 * count > SECTOR - 2)
            continue;
        for (size_t i = 1; i < count; i++)
            memcpy(block + i * SECTOR - 2, block + from, 2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *image = calloc(SECTORS, SECTOR);
    if (!image)
        return 0;
    for (size_t at = 0; size - at >= PIECE; at += PIECE)
        memcpy(image + (size_t)(bytes_get32(data + at) % SECTORS) * SECTOR, data + at + 4, SECTOR);
    if (size % 2 == 0)
        mend(image);
    struct ntfs_source source = {
        .read = read_image, .context = image, .size = (uint64_t)SECTORS * SECTOR};
    struct ntfs_volume volume;
    if (ntfs_volume_open(&source, &volume) == NTFS_OK) {
        for (int whole = 0; whole < 2; whole++) {
            unsigned left = 10000;
            const struct engine_list_sink sink = {.entry = take, .context = &left};
            struct ntfs_hits hits;
            struct ntfs_listed listed;
            int result = whole ? ntfs_hits_from_scan(&volume, 0, &hits)
                               : ntfs_hits_from_index(&volume, 0, &hits);
            if (result == NTFS_OK)
                ntfs_list(&volume, &hits, 0, &sink, &listed);
            ntfs_hits_clear(&hits);
        }
        ntfs_volume_close(&volume);
    }
    free(image);
    return 0;
}
