/* File records and mapping pairs: fixups, attributes, runs; hostile ones first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../service/engine/bytes.h"
#include "../../service/engine/ntfs_record.h"
#include "../../service/engine/ntfs_runs.h"

#define SIZE 1024u

/* A record in use with one resident attribute of type 0x10 and 8 bytes, its fixups not yet applied.
 */
static void record_make(uint8_t *block)
{
    memset(block, 0, SIZE);
    memcpy(block, "FILE", 4);
    bytes_put16(block + 4, 0x30);
    bytes_put16(block + 6, 3);
    bytes_put16(block + 0x10, 7);
    bytes_put16(block + 0x14, 0x38);
    bytes_put16(block + 0x16, 3);
    bytes_put32(block + 0x18, 0x60);
    bytes_put32(block + 0x1C, SIZE);
    bytes_put32(block + 0x38, 0x10);
    bytes_put32(block + 0x3C, 0x20);
    bytes_put32(block + 0x48, 8);
    bytes_put16(block + 0x4C, 0x18);
    memcpy(block + 0x50, "ABCDEFGH", 8);
    bytes_put32(block + 0x58, 0xFFFFFFFF);
    bytes_put16(block + 0x30, 0x0102);
    bytes_put16(block + 0x32, 0xAAAA);
    bytes_put16(block + 0x34, 0xBBBB);
    bytes_put16(block + 510, 0x0102);
    bytes_put16(block + 1022, 0x0102);
}

static void test_record(void **state)
{
    uint8_t block[SIZE];
    struct ntfs_record record;
    struct ntfs_attribute attribute;
    size_t position = 0;
    (void)state;
    record_make(block);
    assert_int_equal(ntfs_record_parse(block, SIZE, &record), NTFS_OK);
    assert_true(record.in_use && record.directory);
    assert_int_equal(record.sequence, 7);
    assert_int_equal(bytes_get16(block + 510), 0xAAAA);
    assert_int_equal(bytes_get16(block + 1022), 0xBBBB);
    assert_int_equal(ntfs_attribute_next(&record, &position, &attribute), 1);
    assert_true(ntfs_attribute_is(&attribute, NTFS_STANDARD_INFORMATION, ""));
    assert_false(ntfs_attribute_is(&attribute, NTFS_STANDARD_INFORMATION, "$R"));
    assert_int_equal(attribute.length, 8);
    assert_memory_equal(attribute.value, "ABCDEFGH", 8);
    assert_int_equal(ntfs_attribute_next(&record, &position, &attribute), 0);
}

static void test_fixups(void **state)
{
    uint8_t block[SIZE], before[SIZE];
    struct ntfs_record record;
    (void)state;
    record_make(block);
    block[1022] ^= 1;
    memcpy(before, block, SIZE);
    assert_int_equal(ntfs_record_parse(block, SIZE, &record), NTFS_TORN);
    assert_memory_equal(block, before, SIZE); /* so that reading it again starts afresh */
    static const struct {
        uint16_t at, count;
    } rows[] = {{0x30, 0}, {0x30, 2},   {0x30, 4}, {0x31, 3},
                {0, 3},    {0xFFFE, 3}, {508, 3},  {0x30, 0xFFFF}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        record_make(block);
        bytes_put16(block + 4, rows[i].at);
        bytes_put16(block + 6, rows[i].count);
        assert_int_equal(ntfs_record_parse(block, SIZE, &record), NTFS_CORRUPT);
    }
    memset(block, 0, SIZE);
    assert_int_equal(ntfs_record_parse(block, SIZE, &record), NTFS_ABSENT);
    memcpy(block, "BAAD", 4);
    assert_int_equal(ntfs_record_parse(block, SIZE, &record), NTFS_CORRUPT);
}

/* Each byte of header and attribute with each value: what is handed out lies within the record. */
static void test_every_byte(void **state)
{
    uint8_t *block = malloc(SIZE); /* exactly: a sanitizer sees what lies beyond */
    (void)state;
    assert_non_null(block);
    for (unsigned kind = 0; kind < 2; kind++) {
        for (size_t at = 0; at < 0x60 + 0x48; at++) {
            for (unsigned value = 0; value < 256; value++) {
                struct ntfs_record record;
                struct ntfs_attribute attribute;
                size_t position = 0, rounds = 0;
                record_make(block);
                if (kind == 1) { /* not resident, with a name */
                    bytes_put32(block + 0x18, 0x38 + 0x50 + 8);
                    bytes_put32(block + 0x3C, 0x50);
                    block[0x40] = 1;
                    block[0x41] = 2;
                    bytes_put16(block + 0x42, 0x40);
                    bytes_put16(block + 0x58, 0x48);
                    memset(block + 0x38 + 0x10, 0, 0x10);
                    bytes_put32(block + 0x38 + 0x50, 0xFFFFFFFF);
                }
                block[at] = (uint8_t)value;
                if (ntfs_record_parse(block, SIZE, &record) != NTFS_OK)
                    continue;
                while (ntfs_attribute_next(&record, &position, &attribute) == 1) {
                    const uint8_t *end = block + record.used;
                    assert_true(rounds++ < SIZE / 24);
                    assert_true(attribute.value >= block && attribute.value <= end);
                    assert_true(attribute.length <= (size_t)(end - attribute.value));
                    if (attribute.name_length > 0)
                        assert_true(attribute.name >= block &&
                                    attribute.name + 2 * attribute.name_length <= end);
                }
            }
        }
    }
    free(block);
}

struct row {
    const char *pairs;
    size_t length;
    uint64_t lowest;
    int result;
    size_t count;
    uint64_t end;
};

static void test_runs(void **state)
{
    /* A volume of 1000 clusters. */
    static const struct row rows[] = {
        {"\x11\x0A\x64\0", 4, 0, NTFS_OK, 1, 10},
        {"\x11\x0A\x64\x11\x05\xF6\0", 7, 0, NTFS_OK, 2, 15}, /* 100..109, 90..94 */
        {"\x11\x0A\x64\x11\x05\x0A\0", 7, 0, NTFS_OK, 1, 15}, /* one after the other */
        {"\x01\x20\x11\x0A\x64\0", 6, 0, NTFS_CORRUPT, 0, 0}, /* a hole first */
        {"\0", 1, 0, NTFS_OK, 0, 0},
        {"", 0, 0, NTFS_CORRUPT, 0, 0},
        {"\x11\x0A\x64", 3, 0, NTFS_CORRUPT, 0, 0}, /* no end */
        {"\x11\x0A", 2, 0, NTFS_CORRUPT, 0, 0},
        {"\x10\x64\0", 3, 0, NTFS_CORRUPT, 0, 0}, /* no length */
        {"\x11\x00\x64\0", 4, 0, NTFS_CORRUPT, 0, 0},
        {"\x11\xFF\x64\0", 4, 0, NTFS_CORRUPT, 0, 0},     /* negative length */
        {"\x11\x0A\x9C\0", 4, 0, NTFS_CORRUPT, 0, 0},     /* before the volume */
        {"\x21\x0A\xE0\x03\0", 5, 0, NTFS_CORRUPT, 0, 0}, /* 992..1001 of 1000 */
        {"\x21\x08\xE0\x03\0", 5, 0, NTFS_OK, 1, 8},
        {"\x21\x0A\xFF\x7F\0", 5, 0, NTFS_CORRUPT, 0, 0},
        {"\x91\x0A\1\0\0\0\0\0\0\0\0\0", 12, 0, NTFS_CORRUPT, 0, 0},
        {"\x19\1\0\0\0\0\0\0\0\0\1\0", 12, 0, NTFS_CORRUPT, 0, 0},
        {"\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x64\0", 11, 0, NTFS_CORRUPT, 0, 0},
        {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x01\x01\0", 12, 0, NTFS_CORRUPT, 0, 0},
        {"\x81\x01\0\0\0\0\0\0\0\x80\0", 11, 0, NTFS_CORRUPT, 0, 0},
        {"\x81\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\x81\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F\0", 21,
         0, NTFS_CORRUPT, 0, 0},
        {"\x11\x0A\x64\0", 4, 5, NTFS_CORRUPT, 0, 0}, /* a gap before it */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ntfs_runs runs = {0};
        uint8_t *pairs = malloc(rows[i].length + 1);
        assert_non_null(pairs);
        memcpy(pairs, rows[i].pairs, rows[i].length);
        uint8_t *exact = realloc(pairs, rows[i].length ? rows[i].length : 1);
        assert_int_equal(ntfs_runs_add(&runs, rows[i].lowest, exact, rows[i].length, 1000),
                         rows[i].result);
        assert_int_equal(runs.count, rows[i].count);
        assert_int_equal(ntfs_runs_end(&runs), rows[i].end);
        free(exact);
        ntfs_runs_clear(&runs);
    }
}

static void test_run_pieces(void **state)
{
    static const uint8_t first[] = "\x11\x0A\x64", second[] = "\x11\x05\x6E",
                         bad[] = "\x11\x05\x78\x11\x05\x80";
    struct ntfs_runs runs = {0};
    bool no_memory;
    (void)state;
    assert_int_equal(ntfs_runs_add(&runs, 0, first, sizeof first, 1000), NTFS_OK);
    /* Goes on where the first ended, on the disk too: one run, which a failure later must not grow.
     */
    assert_int_equal(ntfs_runs_add(&runs, 10, second, sizeof second, 1000), NTFS_OK);
    assert_int_equal(runs.count, 1);
    assert_int_equal(ntfs_runs_end(&runs), 15);
    assert_int_equal(ntfs_runs_add(&runs, 15, bad, sizeof bad, 1000), NTFS_CORRUPT);
    assert_int_equal(runs.count, 1);
    assert_int_equal(ntfs_runs_end(&runs), 15);
    assert_int_equal(ntfs_runs_find(&runs, 14)->lcn, 100);
    assert_null(ntfs_runs_find(&runs, 15));
    assert_true(ntfs_runs_are_apart(&runs, &no_memory));
    /* The same clusters once more. */
    assert_int_equal(ntfs_runs_add(&runs, 15, first, sizeof first, 1000), NTFS_OK);
    assert_false(ntfs_runs_are_apart(&runs, &no_memory));
    assert_false(no_memory);
    ntfs_runs_clear(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),     cmocka_unit_test(test_fixups),
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_runs),
        cmocka_unit_test(test_run_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
