/* The content of attributes on a volume that was forged to keep its reader busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../service/engine/bytes.h"
#include "../../service/engine/ntfs_volume.h"

#define CLUSTER 4096u

struct reads {
    uint64_t offset;
    size_t length;
    unsigned count;
};

static int read_pattern(void *context, uint64_t offset, void *buffer, size_t length)
{
    struct reads *reads = context;
    *reads = (struct reads){offset, length, reads->count + 1};
    memset(buffer, 0xCC, length);
    return 0;
}

/* A file with one $DATA that is not resident, of that size and those mapping pairs, on a volume of
 * 1000 clusters. */
static int content_of(const uint8_t *pairs, size_t length, uint64_t highest, uint64_t size,
                      struct ntfs_content *out)
{
    static const struct ntfs_volume volume = {.geometry = {.cluster = CLUSTER, .clusters = 1000}};
    uint8_t bytes[0xA0] = {0};
    struct ntfs_record record = {.bytes = bytes, .used = sizeof bytes, .first = 0x30};
    struct ntfs_file file = {.volume = &volume, .records = &record, .count = 1};
    uint8_t *at = bytes + 0x30;
    assert_true(length <= 0x20);
    bytes_put32(at, NTFS_DATA);
    bytes_put32(at + 4, 0x60);
    at[8] = 1;
    bytes_put32(at + 0x18, (uint32_t)highest);
    bytes_put32(at + 0x1C, (uint32_t)(highest >> 32));
    bytes_put16(at + 0x20, 0x40);
    bytes_put32(at + 0x30, (uint32_t)size);
    bytes_put32(at + 0x34, (uint32_t)(size >> 32));
    memcpy(at + 0x40, pairs, length);
    bytes_put32(at + 0x60, 0xFFFFFFFF);
    return ntfs_file_content(&file, NTFS_DATA, "", out);
}

/* No content is larger than its clusters, and those are there once. */
static void test_forged_sizes(void **state)
{
    static const uint8_t ten[] = "\x11\x0A\x64", hole[] = "\x07\0\0\0\0\0\0\x10",
                         twice[] = "\x11\x0A\x64\x11\x0A\xFB";
    struct ntfs_content content;
    (void)state;
    assert_int_equal(content_of(ten, sizeof ten, 9, (uint64_t)10 * CLUSTER, &content), NTFS_OK);
    assert_int_equal(content.runs.count, 1);
    ntfs_content_clear(&content);
    assert_int_equal(content_of(ten, sizeof ten, 9, (uint64_t)10 * CLUSTER + 1, &content),
                     NTFS_CORRUPT);
    assert_int_equal(content_of(ten, sizeof ten, 9, (uint64_t)1 << 62, &content), NTFS_CORRUPT);
    /* 2^52 clusters of 4096 bytes: as bytes that is 0 in 64 bits. */
    assert_int_equal(content_of(hole, sizeof hole, ((uint64_t)1 << 52) - 1, INT64_MAX, &content),
                     NTFS_CORRUPT);
    assert_int_equal(content_of(twice, sizeof twice, 19, CLUSTER, &content), NTFS_CORRUPT);
}

/* Every piece comes from its own run, whatever the beginning and the length. */
static void test_pieces_of_runs(void **state)
{
    (void)state;
    struct reads reads = {0, 0, 0};
    struct ntfs_source source = {
        .read = read_pattern, .context = &reads, .size = (uint64_t)1000 * CLUSTER};
    struct ntfs_volume volume = {.source = &source,
                                 .geometry = {.cluster = CLUSTER, .clusters = 1000}};
    struct ntfs_run runs[] = {{0, 100, 2}, {2, 700, 1}, {3, 500, 4}};
    struct ntfs_content content = {.size = (uint64_t)7 * CLUSTER,
                                   .initialized = (uint64_t)7 * CLUSTER,
                                   .runs = {.run = runs, .count = 3}};
    static uint8_t buffer[7 * CLUSTER];
    for (size_t from = 0; from < content.size; from += 1023) {
        for (size_t length = 1; from + length <= content.size; length += 1021) {
            memset(buffer, 0xEE, sizeof buffer);
            reads.count = 0;
            assert_int_equal(ntfs_content_read(&volume, &content, from, buffer, length), NTFS_OK);
            for (size_t i = 0; i < length; i += 61)
                assert_int_equal(buffer[i], 0xCC);
            assert_true(length == sizeof buffer || buffer[length] == 0xEE);
            size_t last = from + length - 1, first_run = from / CLUSTER;
            bool one = first_run < 2 && last / CLUSTER < 2;
            if (one)
                assert_int_equal(reads.offset, (uint64_t)100 * CLUSTER + from);
            if (last / CLUSTER > 2)
                assert_int_equal(reads.offset + reads.length,
                                 (uint64_t)500 * CLUSTER + last + 1 - (uint64_t)3 * CLUSTER);
            assert_true(reads.count <= 3);
        }
    }
    /* Not beyond the last run, and not beyond the size. */
    content.size += CLUSTER;
    assert_int_equal(ntfs_content_read(&volume, &content, content.size - 1, buffer, 1),
                     NTFS_CORRUPT);
    assert_int_equal(ntfs_content_read(&volume, &content, content.size, buffer, 1), NTFS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forged_sizes),
                                       cmocka_unit_test(test_pieces_of_runs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
