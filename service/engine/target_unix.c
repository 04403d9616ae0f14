#include "target.h"

#include <limits.h>
#include <stdlib.h>

#include "names.h"
#include "place.h"
#include "work.h"

static bool is_windows_path(const char *target)
{
    int first = target[0] & ~0x20;
    return target[0] == '\\' || (first >= 'A' && first <= 'Z' && target[1] == ':');
}

/* "/mnt/disk/a/b" on the volume -> "X:\a\b", malloc'ed; NULL with *error. */
static char *windows_path(struct engine *engine, const struct volume *volume, const char *target,
                          char drive, struct engine_error *error)
{
    struct volume own = {0};
    char *result = NULL;
    char *path = place_normalise(target, error);
    if (!path) {
        if (error->code == ENGINE_INVALID_PATH)
            error->code = ENGINE_INVALID_TARGET;
        return NULL;
    }
    int found = volume_find_path(engine->volumes, path, &own, error);
    if (found < 0)
        goto done;
    if (found == 0 || own.device != volume->device) {
        work_fail(error, ENGINE_OTHER_VOLUME, 0, "the link is on %s, the target on %s",
                  volume->point, found ? own.point : "none that is known");
        goto done;
    }
    /* Only what lies on the volume: where it is mounted is nothing to Windows. */
    const char *rest = path + volume_prefix(own.point, path);
    const char *root = strcmp(own.root, "/") == 0 ? "" : own.root;
    if (strchr(rest, '\\') || strchr(root, '\\')) {
        work_fail(error, ENGINE_INVALID_TARGET, 0, "a name holds a '\\'");
        goto done;
    }
    char letter = drive ? drive : volume_letter(engine->volumes, volume->device);
    if (!letter) {
        work_fail(error, ENGINE_NO_DRIVE_LETTER, 0,
                  "give the letter that Windows has for it with --drive X: or in the "
                  "configuration, or write the target as X:\\...");
        goto done;
    }
    size_t size = strlen(root) + strlen(rest) + 4;
    result = malloc(size);
    if (!result) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    snprintf(result, size, "%c:%s%s", letter, root, rest);
    if (!result[2])
        memcpy(result + 2, "\\", 2);
    for (char *at = result; *at; at++) {
        if (*at == '/')
            *at = '\\';
    }
done:
    volume_clear(&own);
    free(path);
    return result;
}

int target_names(struct engine *engine, const struct volume *volume, const char *target, char drive,
                 struct text *substitute_name, struct text *print_name, struct engine_error *error)
{
    char *made = NULL;
    if (target[0] == '/') {
        made = windows_path(engine, volume, target, drive, error);
        if (!made)
            return -1;
        target = made;
    } else if (!is_windows_path(target)) {
        return work_fail(error, ENGINE_INVALID_TARGET, 0, "the target is not absolute");
    }
    const char *why = NULL;
    int result = names_junction(target, strlen(target), substitute_name, print_name, &why);
    free(made);
    switch (result) {
    case NAMES_OK:
        return 0;
    case NAMES_NO_MEMORY:
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    case NAMES_TOO_LONG:
        return work_fail(error, ENGINE_TARGET_TOO_LONG, 0, NULL);
    default:
        return work_fail(error, ENGINE_INVALID_TARGET, 0, "%s", why ? why : "");
    }
}

static bool text_is(const struct text *text, const char *string)
{
    return text->bytes && text->length == strlen(string) &&
           memcmp(text->bytes, string, text->length) == 0;
}

int target_expected(struct engine *engine, const struct volume *volume, const char *expected,
                    char drive, const struct reparse_data *present, struct engine_error *error)
{
    struct text substitute_name = {0}, print_name = {0};
    bool same;
    if (target_names(engine, volume, expected, drive, &substitute_name, &print_name, error) == 0)
        same =
            !present->malformed && names_same_target(&substitute_name, &present->substitute_name);
    else if (error->code == ENGINE_OUT_OF_MEMORY)
        return -1;
    else
        same = text_is(&present->target, expected) || text_is(&present->substitute_name, expected);
    text_clear(&substitute_name);
    text_clear(&print_name);
    if (same)
        return 0;
    return work_fail(error, ENGINE_TARGET_CHANGED, 0, "it is %s",
                     present->target.bytes ? present->target.bytes : "a malformed reparse point");
}
