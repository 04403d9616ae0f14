#include "ntfs_geometry.h"

#include <string.h>

#include "bytes.h"

#define AT_SECTOR  0x0B
#define AT_CLUSTER 0x0D
#define AT_SECTORS 0x28
#define AT_MFT     0x30
#define AT_MIRROR  0x38
#define AT_RECORD  0x40
#define AT_INDEX   0x44
#define AT_SERIAL  0x48
#define AT_MAGIC   0x1FE

#define CLUSTER_MAX (2u << 20)
#define RECORD_MAX  65536u

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* A count of clusters, or, when negative, the logarithm of a number of bytes. */
static uint32_t size_of(uint8_t coded, uint32_t cluster)
{
    if (coded < 0x80)
        return coded * cluster;
    unsigned shift = 0x100u - coded;
    return shift < 32 ? 1u << shift : 0;
}

int ntfs_geometry_read(const uint8_t boot[NTFS_BOOT_SIZE], struct ntfs_geometry *out)
{
    memset(out, 0, sizeof *out);
    if (memcmp(boot + 3, "NTFS    ", 8) != 0 || bytes_get16(boot + AT_MAGIC) != 0xAA55)
        return NTFS_NOT_NTFS;
    out->sector = bytes_get16(boot + AT_SECTOR);
    if (!is_power_of_two(out->sector) || out->sector < 256 || out->sector > 4096)
        return NTFS_CORRUPT;
    /* Above 64 KiB the field is the negative logarithm of the number of sectors. */
    uint32_t sectors = boot[AT_CLUSTER];
    if (sectors > 0x80)
        sectors = 0x100u - sectors < 16 ? 1u << (0x100u - sectors) : 0;
    if (!is_power_of_two(sectors) || sectors > CLUSTER_MAX / out->sector)
        return NTFS_CORRUPT;
    out->cluster = sectors * out->sector;
    out->record = size_of(boot[AT_RECORD], out->cluster);
    out->index = size_of(boot[AT_INDEX], out->cluster);
    if (!is_power_of_two(out->record) || out->record < 512 || out->record > RECORD_MAX ||
        !is_power_of_two(out->index) || out->index < 512 || out->index > CLUSTER_MAX)
        return NTFS_CORRUPT;
    out->clusters = bytes_get64(boot + AT_SECTORS) / sectors;
    out->mft = bytes_get64(boot + AT_MFT);
    out->mirror = bytes_get64(boot + AT_MIRROR);
    out->serial = bytes_get64(boot + AT_SERIAL);
    /* So that no product of a cluster number overflows further down. */
    if (out->clusters == 0 || out->clusters > UINT64_MAX / 4 / out->cluster ||
        out->mft >= out->clusters)
        return NTFS_CORRUPT;
    return NTFS_OK;
}
