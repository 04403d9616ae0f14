#include "target_win.h"

#include <string.h>

#include "drive_win.h"
#include "names.h"
#include "work.h"

int target_names(const struct engine *engine, const char *target, struct text *substitute_name,
                 struct text *print_name, struct engine_error *error)
{
    const char *why = NULL;
    switch (names_junction(target, strlen(target), substitute_name, print_name, &why)) {
    case NAMES_OK:
        break;
    case NAMES_NO_MEMORY:
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    case NAMES_TOO_LONG:
        return work_fail(error, ENGINE_TARGET_TOO_LONG, 0, NULL);
    default:
        return work_fail(error, ENGINE_INVALID_TARGET, 0, "%s", why ? why : "");
    }
    char letter;
    const char *rest;
    if (names_place(substitute_name, &letter, &rest) == NAMES_DRIVE)
        return drive_is_target(engine, (wchar_t)letter, error);
    return 0;
}

static bool text_is(const struct text *text, const char *string)
{
    return text->bytes && text->length == strlen(string) &&
           memcmp(text->bytes, string, text->length) == 0;
}

int target_expected(const char *expected, const struct reparse_data *present,
                    struct engine_error *error)
{
    struct text substitute_name = {NULL, 0}, print_name = {NULL, 0};
    const char *why = NULL;
    bool same;
    int named = names_junction(expected, strlen(expected), &substitute_name, &print_name, &why);
    if (named == NAMES_NO_MEMORY)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    if (named == NAMES_OK)
        same =
            !present->malformed && names_same_target(&substitute_name, &present->substitute_name);
    else
        same = text_is(&present->target, expected) || text_is(&present->substitute_name, expected);
    text_clear(&substitute_name);
    text_clear(&print_name);
    if (same)
        return 0;
    return work_fail(error, ENGINE_TARGET_CHANGED, 0, "it is %s",
                     present->target.bytes ? present->target.bytes : "a malformed reparse point");
}
