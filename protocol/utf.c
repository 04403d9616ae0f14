#include "utf.h"

#include <stdlib.h>
#include <string.h>

/* Reads one sequence; returns its length (0: ill-formed) and the code point, surrogates included.
 */
static size_t decode(const unsigned char *at, size_t left, uint32_t *point)
{
    unsigned char first = at[0];
    if (first < 0x80) {
        *point = first;
        return 1;
    }
    size_t need;
    uint32_t value;
    uint32_t least;
    if (first >= 0xC2 && first <= 0xDF) {
        need = 2;
        value = first & 0x1Fu;
        least = 0x80;
    } else if (first >= 0xE0 && first <= 0xEF) {
        need = 3;
        value = first & 0x0Fu;
        least = 0x800;
    } else if (first >= 0xF0 && first <= 0xF4) {
        need = 4;
        value = first & 0x07u;
        least = 0x10000;
    } else {
        return 0;
    }
    if (left < need) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (at[i] & 0x3Fu);
    }
    if (value < least || value > 0x10FFFF) {
        return 0;
    }
    *point = value;
    return need;
}

static bool is_high(uint32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(uint32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

static size_t encode(uint32_t point, char *out)
{
    unsigned char *bytes = (unsigned char *)out;
    if (point < 0x80) {
        bytes[0] = (unsigned char)point;
        return 1;
    }
    if (point < 0x800) {
        bytes[0] = (unsigned char)(0xC0 | point >> 6);
        bytes[1] = (unsigned char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        bytes[0] = (unsigned char)(0xE0 | point >> 12);
        bytes[1] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
        bytes[2] = (unsigned char)(0x80 | (point & 0x3F));
        return 3;
    }
    bytes[0] = (unsigned char)(0xF0 | point >> 18);
    bytes[1] = (unsigned char)(0x80 | (point >> 12 & 0x3F));
    bytes[2] = (unsigned char)(0x80 | (point >> 6 & 0x3F));
    bytes[3] = (unsigned char)(0x80 | (point & 0x3F));
    return 4;
}

bool utf8_is_valid(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    while (length > 0) {
        uint32_t point;
        size_t size = decode(at, length, &point);
        if (size == 0 || is_high(point) || is_low(point)) {
            return false;
        }
        at += size;
        length -= size;
    }
    return true;
}

bool wtf8_is_valid(const char *bytes, size_t length)
{
    return wtf8_utf16_length(bytes, length) != SIZE_MAX;
}

size_t wtf8_utf16_length(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t units = 0;
    bool after_high = false;
    while (length > 0) {
        uint32_t point;
        size_t size = decode(at, length, &point);
        if (size == 0 || (after_high && is_low(point))) {
            return SIZE_MAX;
        }
        after_high = is_high(point);
        units += point > 0xFFFF ? 2 : 1;
        at += size;
        length -= size;
    }
    return units;
}

int wtf8_to_utf16(const char *bytes, size_t length, uint16_t **units, size_t *count)
{
    size_t need = wtf8_utf16_length(bytes, length);
    if (need == SIZE_MAX) {
        return UTF_INVALID;
    }
    if (need > SIZE_MAX / sizeof(uint16_t) - 1) {
        return UTF_NO_MEMORY;
    }
    uint16_t *out = malloc((need + 1) * sizeof *out);
    if (!out) {
        return UTF_NO_MEMORY;
    }
    const unsigned char *at = (const unsigned char *)bytes;
    size_t used = 0;
    while (length > 0) {
        uint32_t point;
        size_t size = decode(at, length, &point);
        if (point > 0xFFFF) {
            out[used++] = (uint16_t)(0xD800 + ((point - 0x10000) >> 10));
            out[used++] = (uint16_t)(0xDC00 + ((point - 0x10000) & 0x3FF));
        } else {
            out[used++] = (uint16_t)point;
        }
        at += size;
        length -= size;
    }
    out[used] = 0;
    *units = out;
    *count = used;
    return UTF_OK;
}

int utf16_to_wtf8(const uint16_t *units, size_t count, struct text *out)
{
    out->bytes = NULL;
    out->length = 0;
    if (count > (SIZE_MAX - 1) / 3) {
        return UTF_NO_MEMORY;
    }
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_high(units[i]) && i + 1 < count && is_low(units[i + 1])) {
            size += 4;
            i++;
        } else {
            size += units[i] < 0x80 ? 1 : units[i] < 0x800 ? 2 : 3;
        }
    }
    char *bytes = malloc(size + 1);
    if (!bytes) {
        return UTF_NO_MEMORY;
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t point = units[i];
        if (is_high(point) && i + 1 < count && is_low(units[i + 1])) {
            point = 0x10000 + ((point - 0xD800) << 10) + (units[i + 1] - 0xDC00u);
            i++;
        }
        used += encode(point, bytes + used);
    }
    bytes[used] = 0;
    out->bytes = bytes;
    out->length = used;
    return UTF_OK;
}

int utf8_lossy(const char *bytes, size_t length, struct text *out)
{
    out->bytes = NULL;
    out->length = 0;
    if (length > (SIZE_MAX - 1) / 3) {
        return UTF_NO_MEMORY;
    }
    const unsigned char *at = (const unsigned char *)bytes;
    /* Two passes over the same rule: first the size, then the bytes. */
    char *result = NULL;
    for (;;) {
        size_t used = 0;
        for (size_t i = 0; i < length;) {
            uint32_t point = 0;
            size_t size = decode(at + i, length - i, &point);
            bool good = size > 0 && point != 0 && !is_high(point) && !is_low(point);
            if (good) {
                if (result) {
                    memcpy(result + used, at + i, size);
                }
                used += size;
            } else {
                if (result) {
                    encode(0xFFFD, result + used);
                }
                used += 3;
            }
            i += size > 0 ? size : 1;
        }
        if (result) {
            result[used] = 0;
            out->bytes = result;
            out->length = used;
            return UTF_OK;
        }
        result = malloc(used + 1);
        if (!result) {
            return UTF_NO_MEMORY;
        }
    }
}

int text_set(struct text *out, const char *bytes, size_t length)
{
    out->bytes = NULL;
    out->length = 0;
    if (length == SIZE_MAX) {
        return UTF_NO_MEMORY;
    }
    char *copy = malloc(length + 1);
    if (!copy) {
        return UTF_NO_MEMORY;
    }
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    copy[length] = 0;
    out->bytes = copy;
    out->length = length;
    return UTF_OK;
}

int text_set_string(struct text *out, const char *string)
{
    return text_set(out, string, strlen(string));
}

int text_copy(struct text *out, const struct text *from)
{
    if (!from->bytes) {
        out->bytes = NULL;
        out->length = 0;
        return UTF_OK;
    }
    return text_set(out, from->bytes, from->length);
}

bool text_equal(const struct text *a, const struct text *b)
{
    if (!a->bytes || !b->bytes) {
        return !a->bytes && !b->bytes;
    }
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

void text_clear(struct text *text)
{
    free(text->bytes);
    text->bytes = NULL;
    text->length = 0;
}
