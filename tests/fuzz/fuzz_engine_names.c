/* Any bytes as a target: what is accepted leads to a drive or a volume, fits into a buffer, and is
 * accepted again as it is printed. */
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "reparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_accepted(const struct text *substitute, const struct text *print)
{
    char letter;
    const char *rest, *why;
    enum names_place place = names_place(substitute, &letter, &rest);
    check(place == NAMES_DRIVE || place == NAMES_VOLUME);
    check(rest[0] == '\\');
    check(strstr(rest, "\\\\") == NULL && strchr(rest, '/') == NULL && strchr(rest, ':') == NULL);
    check(place == NAMES_DRIVE || rest[1] != '\0');

    uint8_t buffer[REPARSE_MAX_SIZE];
    size_t size = reparse_encode_junction(substitute->bytes, print->bytes, buffer);
    struct reparse_data data;
    if (size == 0)
        abort();
    if (reparse_decode(buffer, size, &data) == UTF_OK) {
        check(!data.malformed && data.type == REPARSE_JUNCTION);
        check(text_equal(&data.substitute_name, substitute) && text_equal(&data.target, print));
        reparse_data_clear(&data);
    }

    struct text again, again_print;
    if (names_junction(substitute->bytes, substitute->length, &again, &again_print, &why) ==
        NAMES_OK) {
        check(text_equal(&again, substitute) && text_equal(&again_print, print));
        text_clear(&again);
        text_clear(&again_print);
    } else {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *name = (const char *)bytes, *why = NULL, *rest;
    char letter;
    struct text substitute, print;
    int result = names_junction(name, length, &substitute, &print, &why);
    if (result == NAMES_OK) {
        check_accepted(&substitute, &print);
        text_clear(&substitute);
        text_clear(&print);
    } else {
        check(!substitute.bytes && !print.bytes && (result == NAMES_NO_MEMORY || why));
    }

    if (names_check_new(name, length, &why) == NAMES_OK)
        check(names_can_exist(name, length));

    struct text raw, win32;
    if (text_set(&raw, name, length) != UTF_OK)
        return 0;
    names_place(&raw, &letter, &rest);
    check(names_same_target(&raw, &raw));
    if (names_win32(&raw, &win32) == UTF_OK)
        text_clear(&win32);
    text_clear(&raw);
    return 0;
}
