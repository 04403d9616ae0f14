#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tags.h"

static void names_and_types(void **state)
{
    (void)state;
    static const struct {
        uint32_t tag;
        const char *name;
        enum reparse_type type;
    } rows[] = {
        {0xA0000003u, "IO_REPARSE_TAG_MOUNT_POINT", REPARSE_JUNCTION},
        {0xA000000Cu, "IO_REPARSE_TAG_SYMLINK", REPARSE_SYMLINK},
        {0xA000001Du, "IO_REPARSE_TAG_LX_SYMLINK", REPARSE_WSL_SYMLINK},
        {0x80000023u, "IO_REPARSE_TAG_AF_UNIX", REPARSE_WSL_SPECIAL},
        {0x80000024u, "IO_REPARSE_TAG_LX_FIFO", REPARSE_WSL_SPECIAL},
        {0x80000025u, "IO_REPARSE_TAG_LX_CHR", REPARSE_WSL_SPECIAL},
        {0x80000026u, "IO_REPARSE_TAG_LX_BLK", REPARSE_WSL_SPECIAL},
        {0x8000001Bu, "IO_REPARSE_TAG_APPEXECLINK", REPARSE_APP_EXEC_LINK},
        {0x9000001Au, "IO_REPARSE_TAG_CLOUD", REPARSE_CLOUD},
        {0x9000701Au, "IO_REPARSE_TAG_CLOUD_7", REPARSE_CLOUD},
        {0x9000F01Au, "IO_REPARSE_TAG_CLOUD_F", REPARSE_CLOUD},
        {0x80000017u, "IO_REPARSE_TAG_WOF", REPARSE_OTHER},
        {0x9000001Cu, "IO_REPARSE_TAG_PROJFS", REPARSE_OTHER},
        {0x0000006Fu, "IO_REPARSE_TAG_ACRONIS_HSM_F", REPARSE_OTHER},
        {0x00000070u, NULL, REPARSE_UNKNOWN},
        {0x00000000u, NULL, REPARSE_UNKNOWN},
        {0xFFFFFFFFu, NULL, REPARSE_UNKNOWN},
        {0x9001001Au, NULL, REPARSE_UNKNOWN},
        {0x20000003u, NULL, REPARSE_UNKNOWN}, /* not Microsoft's: another tag */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *name = engine_tag_name(rows[i].tag);
        if (rows[i].name)
            assert_string_equal(name, rows[i].name);
        else
            assert_null(name);
        assert_int_equal(tag_type(rows[i].tag), rows[i].type);
    }
}

static void descriptions(void **state)
{
    (void)state;
    char text[96];
    tag_describe(0xA000000Cu, text, sizeof text);
    assert_string_equal(text, "a symbolic link (IO_REPARSE_TAG_SYMLINK)");
    tag_describe(0x80000017u, text, sizeof text);
    assert_string_equal(text, "a reparse point (IO_REPARSE_TAG_WOF)");
    tag_describe(0x12345678u, text, sizeof text);
    assert_string_equal(text, "a reparse point with the unknown tag 0x12345678");
    memset(text, 'x', sizeof text);
    tag_describe(0xA000000Cu, text, 8);
    assert_string_equal(text, "a symbo");
    assert_int_equal(text[8], 'x');
}

/* No tag stands twice, and every one has the public prefix. */
static void whole_space_of_known_bits(void **state)
{
    (void)state;
    size_t named = 0;
    for (uint32_t high = 0; high < 16; high++)
        for (uint32_t low = 0; low < 0x10000; low++) {
            uint32_t tag = high << 28 | low;
            const char *name = engine_tag_name(tag);
            assert_int_equal(name != NULL, tag_type(tag) != REPARSE_UNKNOWN);
            if (name) {
                assert_memory_equal(name, "IO_REPARSE_TAG_", 15);
                named++;
            }
        }
    assert_int_equal(named, 78);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_types),
        cmocka_unit_test(descriptions),
        cmocka_unit_test(whole_space_of_known_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
