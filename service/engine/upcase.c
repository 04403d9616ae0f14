#include "upcase.h"

#include <string.h>

#include "../../protocol/utf.h"

struct range {
    uint16_t first, last;
    uint16_t step;
    int32_t delta;
};

static const struct range ranges[] = {
#include "upcase_table.h"
};

uint16_t upcase_unit(uint16_t unit)
{
    if (unit < 0x80)
        return unit >= 'a' && unit <= 'z' ? (uint16_t)(unit - 0x20) : unit;
    size_t low = 0, high = sizeof ranges / sizeof ranges[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct range *range = &ranges[middle];
        if (unit < range->first)
            high = middle;
        else if (unit > range->last)
            low = middle + 1;
        else if ((unit - range->first) % range->step == 0)
            return (uint16_t)(unit + range->delta);
        else
            return unit;
    }
    return unit;
}

/* One code point of valid WTF-8. */
static uint32_t next_point(const unsigned char **at)
{
    const unsigned char *p = *at;
    if (p[0] < 0x80) {
        *at = p + 1;
        return p[0];
    }
    if (p[0] < 0xE0) {
        *at = p + 2;
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    }
    if (p[0] < 0xF0) {
        *at = p + 3;
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    }
    *at = p + 4;
    return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

bool upcase_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
    if (a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0))
        return true;
    if (!wtf8_is_valid(a, a_length) || !wtf8_is_valid(b, b_length))
        return false;
    const unsigned char *x = (const unsigned char *)a, *x_end = x + a_length;
    const unsigned char *y = (const unsigned char *)b, *y_end = y + b_length;
    while (x < x_end && y < y_end) {
        uint32_t p = next_point(&x), q = next_point(&y);
        if (p == q)
            continue;
        /* The halves of a pair have no case for NTFS, so a point beyond the BMP equals itself only.
         */
        if (p > 0xFFFF || q > 0xFFFF || upcase_unit((uint16_t)p) != upcase_unit((uint16_t)q))
            return false;
    }
    return x == x_end && y == y_end;
}
