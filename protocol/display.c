#include "display.h"

int32_t display_next(const char *bytes, size_t length, size_t *size)
{
    const unsigned char *b = (const unsigned char *)bytes;
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need;
    int32_t value;

    *size = 1;
    if (b[0] < 0x80)
        return b[0];
    need = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || need > length)
        return -1;
    value = b[0] & (0x7F >> need);
    for (size_t i = 1; i < need; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return -1;
        value = value << 6 | (b[i] & 0x3F);
    }
    if (value < least[need] || value > 0x10FFFF)
        return -1;
    *size = need;
    return value;
}

bool display_is_control(int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

bool display_is_deceptive(int32_t c)
{
    return c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           (c >= 0xD800 && c <= 0xDFFF) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE007F);
}
