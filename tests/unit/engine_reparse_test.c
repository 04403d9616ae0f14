#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "names.h"
#include "reparse.h"

#define GUID "{01234567-89ab-cdef-0123-456789abcdef}"

/* A buffer under construction; the header's length is set last. */
struct builder {
    uint8_t bytes[REPARSE_MAX_SIZE + 64];
    size_t length;
};

static void add16(struct builder *b, unsigned value)
{
    b->bytes[b->length++] = (uint8_t)(value & 0xFF);
    b->bytes[b->length++] = (uint8_t)(value >> 8);
}

static void add32(struct builder *b, uint32_t value)
{
    add16(b, value & 0xFFFF);
    add16(b, value >> 16);
}

static void add_ascii16(struct builder *b, const char *text)
{
    for (; *text; text++)
        add16(b, (unsigned char)*text);
}

static void add_bytes(struct builder *b, const void *bytes, size_t length)
{
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
}

static void begin(struct builder *b, uint32_t tag)
{
    b->length = 0;
    add32(b, tag);
    add32(b, 0);
}

static void end(struct builder *b, size_t header)
{
    b->bytes[4] = (uint8_t)((b->length - header) & 0xFF);
    b->bytes[5] = (uint8_t)((b->length - header) >> 8);
}

/* From an allocation of exactly this size, so that a sanitizer sees any step beyond it. */
static struct reparse_data decode(const uint8_t *bytes, size_t length)
{
    struct reparse_data data;
    uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    if (length)
        memcpy(copy, bytes, length);
    assert_int_equal(reparse_decode(copy, length, &data), UTF_OK);
    free(copy);
    return data;
}

static void assert_nothing_but_tag(const struct reparse_data *data)
{
    assert_true(data->malformed);
    assert_null(data->substitute_name.bytes);
    assert_null(data->print_name.bytes);
    assert_null(data->target.bytes);
    assert_null(data->app_package.bytes);
    assert_null(data->app_entry.bytes);
    assert_int_equal(data->relative, -1);
}

static void encode_layout(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        0x03, 0, 0,   0xA0, 32,   0, 0,    0, /* tag, data length, reserved */
        0,    0, 14,  0,    16,   0, 6,    0, /* the two names */
        '\\', 0, '?', 0,    '?',  0, '\\', 0, 'C', 0, ':', 0, '\\', 0, 0, 0, /* \??\C:\ */
        'C',  0, ':', 0,    '\\', 0, 0,    0,
    };
    uint8_t out[REPARSE_MAX_SIZE];
    size_t length = reparse_encode_junction("\\??\\C:\\", "C:\\", out);
    assert_int_equal(length, sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);

    static const uint8_t removal[] = {0x03, 0, 0, 0xA0, 0, 0, 0, 0};
    assert_int_equal(reparse_encode_removal(REPARSE_TAG_MOUNT_POINT, out), sizeof removal);
    assert_memory_equal(out, removal, sizeof removal);
}

static void encode_limits(void **state)
{
    (void)state;
    uint8_t out[REPARSE_MAX_SIZE];
    static char name[REPARSE_MAX_SIZE * 2];
    size_t most = (REPARSE_MAX_SIZE - 20) / 2;
    memset(name, 'a', most);
    name[most] = '\0';
    assert_int_equal(reparse_encode_junction(name, "", out), REPARSE_MAX_SIZE);
    struct reparse_data data = decode(out, REPARSE_MAX_SIZE);
    assert_false(data.malformed);
    assert_int_equal(data.substitute_name.length, most);
    assert_int_equal(data.print_name.length, 0);
    reparse_data_clear(&data);

    assert_int_equal(reparse_encode_junction(name, "b", out), 0);
    memset(name, 'a', sizeof name - 1);
    assert_int_equal(reparse_encode_junction(name, "", out), 0);
    assert_int_equal(reparse_encode_junction("", name, out), 0);
    assert_int_equal(reparse_encode_junction("\xFF", "x", out), 0);
    assert_int_equal(reparse_encode_junction("x", "\xED\xA0\xBD\xED\xB8\x80", out), 0);
}

static void round_trip(void **state)
{
    (void)state;
    static const struct {
        const char *substitute, *print, *target;
        enum reparse_type type;
    } rows[] = {
        {"\\??\\C:\\dir", "C:\\dir", "C:\\dir", REPARSE_JUNCTION},
        {"\\??\\C:\\\xED\xA0\x80\xF0\x9F\x98\x80", "", "C:\\\xED\xA0\x80\xF0\x9F\x98\x80",
         REPARSE_JUNCTION},
        {"\\??\\Volume" GUID "\\dir", "\\\\?\\Volume" GUID "\\dir", "\\\\?\\Volume" GUID "\\dir",
         REPARSE_JUNCTION},
        {"\\??\\Volume" GUID "\\", "D:\\", "\\\\?\\Volume" GUID "\\", REPARSE_MOUNT_POINT},
        {"\\??\\volume" GUID, "", "\\\\?\\volume" GUID, REPARSE_MOUNT_POINT},
        {"\\??\\Volume{x}\\", "", "\\\\?\\Volume{x}\\", REPARSE_JUNCTION},
        {"\\??\\Volume" GUID "\\\\", "", "\\\\?\\Volume" GUID "\\\\", REPARSE_JUNCTION},
        {"\\??\\UNC\\server\\share", "x", "\\\\server\\share", REPARSE_JUNCTION},
        {"relative", "lie", "relative", REPARSE_JUNCTION},
        {"", "", "", REPARSE_JUNCTION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[REPARSE_MAX_SIZE];
        size_t length = reparse_encode_junction(rows[i].substitute, rows[i].print, out);
        assert_true(length > 0);
        struct reparse_data data = decode(out, length);
        assert_false(data.malformed);
        assert_int_equal(data.tag, REPARSE_TAG_MOUNT_POINT);
        assert_int_equal(data.type, rows[i].type);
        assert_string_equal(data.substitute_name.bytes, rows[i].substitute);
        assert_string_equal(data.print_name.bytes, rows[i].print);
        assert_string_equal(data.target.bytes, rows[i].target);
        assert_int_equal(data.relative, -1);

        /* Cut anywhere, or with a byte too many, it is malformed and nothing is read beyond it. */
        for (size_t cut = 0; cut < length; cut++) {
            struct reparse_data part = decode(out, cut);
            assert_nothing_but_tag(&part);
            assert_int_equal(part.tag, cut < 4 ? 0 : REPARSE_TAG_MOUNT_POINT);
        }
        struct builder longer = {.length = 0};
        add_bytes(&longer, out, length);
        add16(&longer, 0);
        struct reparse_data more = decode(longer.bytes, longer.length);
        assert_nothing_but_tag(&more);
        reparse_data_clear(&data);
    }
}

static void hostile_names(void **state)
{
    (void)state;
    static const uint16_t fields[][4] = {
        {0, 0xFFFE, 0, 0},
        {0xFFFE, 2, 0, 0},
        {0, 2, 0xFFFE, 2},
        {0, 2, 0, 0xFFFE},
        {0xFFFE, 0xFFFE, 0xFFFE, 0xFFFE},
        {0, 18, 0, 0},
        {16, 2, 0, 0},
        {2, 16, 0, 0},
        {0, 3, 0, 0},
        {1, 2, 0, 0},
        {0, 2, 1, 2},
        {0, 2, 0, 1},
        {0, 16, 18, 0},
    };
    static const uint32_t tags[] = {REPARSE_TAG_MOUNT_POINT, REPARSE_TAG_SYMLINK};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
            struct builder b;
            begin(&b, tags[t]);
            for (size_t f = 0; f < 4; f++)
                add16(&b, fields[i][f]);
            if (tags[t] == REPARSE_TAG_SYMLINK)
                add32(&b, 0);
            add_ascii16(&b, "\\??\\C:\\x"); /* 16 bytes of text */
            end(&b, REPARSE_HEADER);
            struct reparse_data data = decode(b.bytes, b.length);
            assert_int_equal(data.tag, tags[t]);
            assert_nothing_but_tag(&data);
        }

    /* In bounds, though not as NTFS would accept it from us: overlapping, no NUL, a NUL inside. */
    struct builder b;
    begin(&b, REPARSE_TAG_MOUNT_POINT);
    add16(&b, 0);
    add16(&b, 6);
    add16(&b, 2);
    add16(&b, 4);
    add16(&b, 'a');
    add16(&b, 0);
    add16(&b, 'b');
    end(&b, REPARSE_HEADER);
    struct reparse_data data = decode(b.bytes, b.length);
    assert_false(data.malformed);
    assert_int_equal(data.substitute_name.length, 3);
    assert_memory_equal(data.substitute_name.bytes, "a\0b", 4);
    assert_int_equal(data.print_name.length, 2);
    reparse_data_clear(&data);
}

static void symlinks(void **state)
{
    (void)state;
    struct builder b;
    /* The print name first, no NULs, absolute. */
    begin(&b, REPARSE_TAG_SYMLINK);
    add16(&b, 8);
    add16(&b, 16);
    add16(&b, 0);
    add16(&b, 8);
    add32(&b, 0);
    add_ascii16(&b, "C:\\x\\??\\C:\\x");
    end(&b, REPARSE_HEADER);
    struct reparse_data data = decode(b.bytes, b.length);
    assert_false(data.malformed);
    assert_int_equal(data.type, REPARSE_SYMLINK);
    assert_int_equal(data.relative, 0);
    assert_string_equal(data.substitute_name.bytes, "\\??\\C:\\x");
    assert_string_equal(data.print_name.bytes, "C:\\x");
    assert_string_equal(data.target.bytes, "C:\\x");
    reparse_data_clear(&data);

    begin(&b, REPARSE_TAG_SYMLINK);
    add16(&b, 0);
    add16(&b, 8);
    add16(&b, 0);
    add16(&b, 8);
    add32(&b, 0xFFFFFFFFu);
    add_ascii16(&b, "..\\x");
    end(&b, REPARSE_HEADER);
    data = decode(b.bytes, b.length);
    assert_int_equal(data.relative, 1);
    assert_string_equal(data.target.bytes, "..\\x");
    reparse_data_clear(&data);

    /* The flags are missing. */
    b.length = REPARSE_HEADER + 8;
    memset(b.bytes + REPARSE_HEADER, 0, 8);
    end(&b, REPARSE_HEADER);
    data = decode(b.bytes, b.length);
    assert_nothing_but_tag(&data);
}

static void lx_symlinks(void **state)
{
    (void)state;
    struct builder b;
    begin(&b, REPARSE_TAG_LX_SYMLINK);
    add32(&b, 2);
    add_bytes(&b, "/mnt/\xC3\xA9", 7);
    end(&b, REPARSE_HEADER);
    struct reparse_data data = decode(b.bytes, b.length);
    assert_int_equal(data.type, REPARSE_WSL_SYMLINK);
    assert_string_equal(data.target.bytes, "/mnt/\xC3\xA9");
    assert_null(data.substitute_name.bytes);
    reparse_data_clear(&data);

    b.bytes[b.length - 1] = 'x'; /* a broken sequence */
    data = decode(b.bytes, b.length);
    assert_nothing_but_tag(&data);

    b.bytes[REPARSE_HEADER] = 1; /* another version: not broken, but not known */
    data = decode(b.bytes, b.length);
    assert_false(data.malformed);
    assert_null(data.target.bytes);

    b.length = REPARSE_HEADER + 3;
    end(&b, REPARSE_HEADER);
    data = decode(b.bytes, b.length);
    assert_nothing_but_tag(&data);
}

static void app_exec_links(void **state)
{
    (void)state;
    static const char *const strings[] = {"Package", "Package!App", "C:\\a.exe", "0"};
    for (size_t count = 0; count <= 4; count++) {
        struct builder b;
        begin(&b, REPARSE_TAG_APPEXECLINK);
        add32(&b, 3);
        for (size_t i = 0; i < count; i++) {
            add_ascii16(&b, strings[i]);
            add16(&b, 0);
        }
        end(&b, REPARSE_HEADER);
        struct reparse_data data = decode(b.bytes, b.length);
        assert_int_equal(data.type, REPARSE_APP_EXEC_LINK);
        if (count < 3) {
            assert_nothing_but_tag(&data);
            continue;
        }
        assert_false(data.malformed);
        assert_string_equal(data.app_package.bytes, strings[0]);
        assert_string_equal(data.app_entry.bytes, strings[1]);
        assert_string_equal(data.target.bytes, strings[2]);
        reparse_data_clear(&data);

        b.length -= 1; /* an odd end */
        if (count == 3) {
            end(&b, REPARSE_HEADER);
            data = decode(b.bytes, b.length);
            assert_nothing_but_tag(&data);
        }
    }
}

static void headers(void **state)
{
    (void)state;
    struct builder b;
    /* Somebody else's tag has a GUID in front of its data. */
    begin(&b, 0x00000041u);
    add_bytes(&b, "0123456789abcdef", 16);
    end(&b, REPARSE_HEADER + REPARSE_GUID_SIZE);
    struct reparse_data data = decode(b.bytes, b.length);
    assert_false(data.malformed);
    assert_int_equal(data.type, REPARSE_OTHER);
    b.length -= 1;
    data = decode(b.bytes, b.length);
    assert_nothing_but_tag(&data);

    begin(&b, 0xC0FFEE03u);
    end(&b, REPARSE_HEADER);
    data = decode(b.bytes, b.length);
    assert_false(data.malformed);
    assert_int_equal(data.type, REPARSE_UNKNOWN);
    assert_int_equal(data.tag, 0xC0FFEE03u);

    /* 16384 bytes are the most. */
    begin(&b, 0x80000017u);
    memset(b.bytes + b.length, 0, REPARSE_MAX_SIZE - REPARSE_HEADER + 1);
    b.length = REPARSE_MAX_SIZE;
    end(&b, REPARSE_HEADER);
    data = decode(b.bytes, b.length);
    assert_false(data.malformed);
    b.length++;
    end(&b, REPARSE_HEADER);
    data = decode(b.bytes, b.length);
    assert_nothing_but_tag(&data);

    data = decode(NULL, 0);
    assert_nothing_but_tag(&data);
    assert_int_equal(data.tag, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode_layout),  cmocka_unit_test(encode_limits),
        cmocka_unit_test(round_trip),     cmocka_unit_test(hostile_names),
        cmocka_unit_test(symlinks),       cmocka_unit_test(lx_symlinks),
        cmocka_unit_test(app_exec_links), cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
