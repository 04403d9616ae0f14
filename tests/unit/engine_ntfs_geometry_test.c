/* The boot sector: what is accepted, and that no number in it can do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../service/engine/ntfs_geometry.h"

/* A boot sector as mkntfs writes it: 512-byte sectors, 8 a cluster. */
static void boot_make(uint8_t boot[NTFS_BOOT_SIZE])
{
    memset(boot, 0, NTFS_BOOT_SIZE);
    memcpy(boot + 3, "NTFS    ", 8);
    boot[0x0C] = 0x02;
    boot[0x0D] = 8;
    boot[0x2A] = 0x08; /* 0x80000 sectors */
    boot[0x30] = 4;
    boot[0x39] = 0x40;
    boot[0x40] = 0xF6; /* 1024 */
    boot[0x44] = 1;
    boot[0x48] = 0x11;
    boot[0x4F] = 0x99;
    boot[0x1FE] = 0x55;
    boot[0x1FF] = 0xAA;
}

static void test_plain(void **state)
{
    uint8_t boot[NTFS_BOOT_SIZE];
    struct ntfs_geometry geometry;
    (void)state;
    boot_make(boot);
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_OK);
    assert_int_equal(geometry.sector, 512);
    assert_int_equal(geometry.cluster, 4096);
    assert_int_equal(geometry.record, 1024);
    assert_int_equal(geometry.index, 4096);
    assert_int_equal(geometry.clusters, 0x10000);
    assert_int_equal(geometry.mft, 4);
    assert_int_equal(geometry.mirror, 0x4000);
    assert_true(geometry.serial == 0x9900000000000011u);
}

static void test_sizes(void **state)
{
    static const struct {
        uint8_t sector_high, cluster, record, index;
        int result;
        uint32_t cluster_size, record_size, index_size;
    } rows[] = {
        {0x02, 1, 0xF6, 0xF4, NTFS_OK, 512, 1024, 4096},
        {0x02, 128, 0xF6, 0xF4, NTFS_OK, 65536, 1024, 4096},
        {0x02, 0xF4, 0xF6, 0xF4, NTFS_OK, 2097152, 1024, 4096},
        {0x02, 0xF8, 0xF6, 0xF4, NTFS_OK, 131072, 1024, 4096},
        {0x10, 1, 1, 1, NTFS_OK, 4096, 4096, 4096},
        {0x10, 0xF7, 0xF4, 0xF4, NTFS_OK, 2097152, 4096, 4096},
        {0x10, 0xF4, 0xF4, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 0, 0xF6, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 3, 0xF6, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 0x81, 0xF6, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 8, 0, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 8, 0xF8, 0xF4, NTFS_CORRUPT, 0, 0, 0}, /* 256 */
        {0x02, 8, 0x80, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 8, 0xEF, 0xF4, NTFS_CORRUPT, 0, 0, 0}, /* 131072 */
        {0x02, 8, 3, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 8, 0xF6, 0, NTFS_CORRUPT, 0, 0, 0},
        {0x02, 8, 0xF6, 0xE0, NTFS_CORRUPT, 0, 0, 0},
        {0x00, 8, 0xF6, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x03, 8, 0xF6, 0xF4, NTFS_CORRUPT, 0, 0, 0},
        {0x20, 8, 0xF6, 0xF4, NTFS_CORRUPT, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t boot[NTFS_BOOT_SIZE];
        struct ntfs_geometry geometry;
        boot_make(boot);
        boot[0x2D] = 1; /* large enough for any cluster */
        boot[0x0C] = rows[i].sector_high;
        boot[0x0D] = rows[i].cluster;
        boot[0x40] = rows[i].record;
        boot[0x44] = rows[i].index;
        assert_int_equal(ntfs_geometry_read(boot, &geometry), rows[i].result);
        if (rows[i].result != NTFS_OK)
            continue;
        assert_int_equal(geometry.cluster, rows[i].cluster_size);
        assert_int_equal(geometry.record, rows[i].record_size);
        assert_int_equal(geometry.index, rows[i].index_size);
    }
}

static void test_places(void **state)
{
    uint8_t boot[NTFS_BOOT_SIZE];
    struct ntfs_geometry geometry;
    (void)state;
    boot_make(boot);
    memset(boot + 0x30, 0xFF, 8);
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_CORRUPT);
    boot_make(boot);
    memset(boot + 0x28, 0, 8);
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_CORRUPT);
    boot_make(boot);
    memset(boot + 0x28, 0xFF, 8);
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_CORRUPT);
}

static void test_others(void **state)
{
    uint8_t boot[NTFS_BOOT_SIZE];
    struct ntfs_geometry geometry;
    (void)state;
    boot_make(boot);
    boot[0x1FE] = 0;
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_NOT_NTFS);
    boot_make(boot);
    memcpy(boot + 3, "MSDOS5.0", 8);
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_NOT_NTFS);
    memset(boot, 0, sizeof boot);
    assert_int_equal(ntfs_geometry_read(boot, &geometry), NTFS_NOT_NTFS);
}

/* Whatever one byte says: a result with sane numbers, or an error. */
static void test_every_byte(void **state)
{
    (void)state;
    for (size_t at = 0; at < 0x54; at++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t boot[NTFS_BOOT_SIZE];
            struct ntfs_geometry g;
            boot_make(boot);
            boot[at] = (uint8_t)value;
            if (ntfs_geometry_read(boot, &g) != NTFS_OK)
                continue;
            assert_in_range(g.sector, 256, 4096);
            assert_in_range(g.cluster, g.sector, 2u << 20);
            assert_in_range(g.record, 512, 65536);
            assert_in_range(g.index, 512, 2u << 20);
            assert_true(g.mft < g.clusters && g.clusters <= UINT64_MAX / 4 / g.cluster);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),      cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_places),     cmocka_unit_test(test_others),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
