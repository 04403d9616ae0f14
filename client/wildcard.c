#include "wildcard.h"

#include <string.h>

bool wildcard_is_in(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

/* One character; its size depends on the lead byte only, and stays within the text. */
static uint32_t character(const char *text, const char *end, size_t *size)
{
    unsigned char lead = (unsigned char)*text;
    size_t need = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
    uint32_t value = need == 1 ? lead : lead & (0x7Fu >> need);

    *size = 1;
    if (need > (size_t)(end - text))
        return 0x110000u + lead;
    for (size_t i = 1; i < need; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return 0x110000u + lead;
        value = value << 6 | ((unsigned char)text[i] & 0x3F);
    }
    *size = need;
    return lead >= 0x80 && need == 1 ? 0x110000u + lead : value;
}

bool wildcard_match(const char *pattern, const char *name, size_t name_length,
                    uint32_t (*fold)(uint32_t))
{
    const char *pattern_end = pattern + strlen(pattern), *name_end = name + name_length;
    const char *star = NULL, *retry = NULL;

    /* Only the last star needs to be tried again, so this takes at most pattern x name steps. */
    while (name < name_end) {
        size_t pattern_size = 0, name_size;
        uint32_t c = character(name, name_end, &name_size);

        if (pattern < pattern_end && *pattern == '*') {
            star = ++pattern;
            retry = name;
            continue;
        }
        if (pattern < pattern_end &&
            (*pattern == '?' || fold(character(pattern, pattern_end, &pattern_size)) == fold(c))) {
            pattern += *pattern == '?' ? 1 : pattern_size;
            name += name_size;
            continue;
        }
        if (!star)
            return false;
        (void)character(retry, name_end, &name_size);
        retry += name_size;
        name = retry;
        pattern = star;
    }
    while (*pattern == '*')
        pattern++;
    return pattern == pattern_end;
}
