#include "reparse.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "names.h"
#include "tags.h"

#define LX_SYMLINK_VERSION  2u
#define APPEXECLINK_VERSION 3u
#define SYMLINK_RELATIVE    1u

#define NAMES_SIZE 8u /* the four fields that describe the two names */

struct piece {
    const uint8_t *bytes;
    size_t length;
};

/* The piece is at most REPARSE_MAX_SIZE bytes, an even number. */
static int piece_text(struct piece piece, struct text *out)
{
    uint16_t units[REPARSE_MAX_SIZE / 2];
    size_t count = piece.length / 2;
    for (size_t i = 0; i < count; i++)
        units[i] = bytes_get16(piece.bytes + 2 * i);
    return utf16_to_wtf8(units, count, out);
}

/* A name that the fields at `field` (offset, length) describe, within `names`. */
static bool piece_name(const uint8_t *field, struct piece names, struct piece *out)
{
    size_t offset = bytes_get16(field), length = bytes_get16(field + 2);
    if (offset % 2 != 0 || length % 2 != 0 || offset > names.length ||
        length > names.length - offset)
        return false;
    *out = (struct piece){names.bytes + offset, length};
    return true;
}

/* A NUL-ended UTF-16 string off the front of `rest`. */
static bool piece_string(struct piece *rest, struct piece *out)
{
    for (size_t i = 0; rest->length - i >= 2; i += 2) {
        if (bytes_get16(rest->bytes + i) == 0) {
            *out = (struct piece){rest->bytes, i};
            rest->bytes += i + 2;
            rest->length -= i + 2;
            return true;
        }
    }
    return false;
}

static int decode_names(struct piece data, size_t before_names, struct reparse_data *out)
{
    struct piece substitute, print;
    if (data.length < before_names) {
        out->malformed = true;
        return UTF_OK;
    }
    struct piece names = {data.bytes + before_names, data.length - before_names};
    if (!piece_name(data.bytes, names, &substitute) || !piece_name(data.bytes + 4, names, &print)) {
        out->malformed = true;
        return UTF_OK;
    }
    if (piece_text(substitute, &out->substitute_name) != UTF_OK ||
        piece_text(print, &out->print_name) != UTF_OK)
        return UTF_NO_MEMORY;
    return UTF_OK;
}

static int decode_mount_point(struct piece data, struct reparse_data *out)
{
    if (decode_names(data, NAMES_SIZE, out) != UTF_OK)
        return UTF_NO_MEMORY;
    if (out->malformed)
        return UTF_OK;
    char letter;
    const char *rest;
    if (names_place(&out->substitute_name, &letter, &rest) == NAMES_VOLUME) {
        size_t left = (size_t)(out->substitute_name.bytes + out->substitute_name.length - rest);
        if (left == 0 || (left == 1 && rest[0] == '\\'))
            out->type = REPARSE_MOUNT_POINT;
    }
    return names_win32(&out->substitute_name, &out->target);
}

static int decode_symlink(struct piece data, struct reparse_data *out)
{
    if (decode_names(data, NAMES_SIZE + 4, out) != UTF_OK)
        return UTF_NO_MEMORY;
    if (out->malformed)
        return UTF_OK;
    out->relative = (bytes_get32(data.bytes + NAMES_SIZE) & SYMLINK_RELATIVE) != 0;
    if (out->relative)
        return text_copy(&out->target, &out->substitute_name);
    return names_win32(&out->substitute_name, &out->target);
}

/* Of a version that is not known only the tag can be told, which does not make the buffer a broken
 * one. */
static bool version_is(struct piece data, uint32_t version, struct reparse_data *out)
{
    if (data.length < 4) {
        out->malformed = true;
        return false;
    }
    return bytes_get32(data.bytes) == version;
}

static int decode_lx_symlink(struct piece data, struct reparse_data *out)
{
    if (!version_is(data, LX_SYMLINK_VERSION, out))
        return UTF_OK;
    const char *target = (const char *)data.bytes + 4;
    if (!utf8_is_valid(target, data.length - 4)) {
        out->malformed = true;
        return UTF_OK;
    }
    return text_set(&out->target, target, data.length - 4);
}

static int decode_appexeclink(struct piece data, struct reparse_data *out)
{
    if (!version_is(data, APPEXECLINK_VERSION, out))
        return UTF_OK;
    struct piece rest = {data.bytes + 4, data.length - 4};
    struct piece package, entry, executable;
    if (!piece_string(&rest, &package) || !piece_string(&rest, &entry) ||
        !piece_string(&rest, &executable)) {
        out->malformed = true;
        return UTF_OK;
    }
    if (piece_text(package, &out->app_package) != UTF_OK ||
        piece_text(entry, &out->app_entry) != UTF_OK ||
        piece_text(executable, &out->target) != UTF_OK)
        return UTF_NO_MEMORY;
    return UTF_OK;
}

static int decode_data(struct piece data, struct reparse_data *out)
{
    switch (out->tag) {
    case REPARSE_TAG_MOUNT_POINT:
        return decode_mount_point(data, out);
    case REPARSE_TAG_SYMLINK:
        return decode_symlink(data, out);
    case REPARSE_TAG_LX_SYMLINK:
        return decode_lx_symlink(data, out);
    case REPARSE_TAG_APPEXECLINK:
        return decode_appexeclink(data, out);
    default:
        return UTF_OK;
    }
}

int reparse_decode(const uint8_t *bytes, size_t length, struct reparse_data *out)
{
    memset(out, 0, sizeof *out);
    out->relative = -1;
    if (length < 4) {
        out->type = REPARSE_UNKNOWN;
        out->malformed = true;
        return UTF_OK;
    }
    out->tag = bytes_get32(bytes);
    out->type = tag_type(out->tag);
    size_t header = REPARSE_HEADER;
    if (!(out->tag & REPARSE_TAG_BIT_MICROSOFT))
        header += REPARSE_GUID_SIZE;
    if (length < header || length > REPARSE_MAX_SIZE || bytes_get16(bytes + 4) != length - header) {
        out->malformed = true;
        return UTF_OK;
    }
    if (decode_data((struct piece){bytes + header, length - header}, out) != UTF_OK) {
        reparse_data_clear(out);
        return UTF_NO_MEMORY;
    }
    return UTF_OK;
}

void reparse_data_clear(struct reparse_data *data)
{
    text_clear(&data->substitute_name);
    text_clear(&data->print_name);
    text_clear(&data->target);
    text_clear(&data->app_package);
    text_clear(&data->app_entry);
    memset(data, 0, sizeof *data);
    data->relative = -1;
}

static void put_units(uint8_t *at, const uint16_t *units, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_put16(at + 2 * i, units[i]);
    bytes_put16(at + 2 * count, 0);
}

size_t reparse_encode_junction(const char *substitute_name, const char *print_name,
                               uint8_t out[REPARSE_MAX_SIZE])
{
    size_t total = 0;
    uint16_t *substitute = NULL, *print = NULL;
    size_t substitute_count, print_count;
    if (wtf8_to_utf16(substitute_name, strlen(substitute_name), &substitute, &substitute_count) !=
            UTF_OK ||
        wtf8_to_utf16(print_name, strlen(print_name), &print, &print_count) != UTF_OK)
        goto done;

    /* Both NULs count into the data length; NTFS refuses any other layout. */
    const size_t fixed = REPARSE_HEADER + NAMES_SIZE + 4;
    if (substitute_count > REPARSE_MAX_SIZE || print_count > REPARSE_MAX_SIZE ||
        fixed + 2 * (substitute_count + print_count) > REPARSE_MAX_SIZE)
        goto done;
    total = fixed + 2 * (substitute_count + print_count);
    bytes_put32(out, REPARSE_TAG_MOUNT_POINT);
    bytes_put16(out + 4, total - REPARSE_HEADER);
    bytes_put16(out + 6, 0);
    uint8_t *data = out + REPARSE_HEADER;
    bytes_put16(data, 0);
    bytes_put16(data + 2, 2 * substitute_count);
    bytes_put16(data + 4, 2 * substitute_count + 2);
    bytes_put16(data + 6, 2 * print_count);
    put_units(data + NAMES_SIZE, substitute, substitute_count);
    put_units(data + NAMES_SIZE + 2 * substitute_count + 2, print, print_count);

done:
    free(substitute);
    free(print);
    return total;
}

size_t reparse_encode_removal(uint32_t tag, uint8_t out[REPARSE_HEADER])
{
    bytes_put32(out, tag);
    bytes_put16(out + 4, 0);
    bytes_put16(out + 6, 0);
    return REPARSE_HEADER;
}
