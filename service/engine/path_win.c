#include "path_win.h"

#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "work.h"

#define NT_PREFIX "\\??\\"

static int refuse(struct engine_error *error, const char *why)
{
    return work_fail(error, ENGINE_INVALID_PATH, 0, "%s", why);
}

static const char *component_fault(const char *name, size_t length)
{
    if (!names_can_exist(name, length))
        return "a name of the path is '.', '..', or one that NTFS cannot hold";
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < 0x20 || strchr("<>\"|?*", name[i]))
            return "a name of the path holds a wildcard or a character that Windows cannot open";
        if (name[i] == ':')
            return "the path names a stream";
    }
    return NULL;
}

/* The checked path with one `\` between names and none at the end, but for a root. */
static const char *tidy(char *path, size_t root, size_t *length)
{
    size_t from = root, to = root;
    while (from < *length) {
        while (from < *length && path[from] == '\\')
            from++;
        size_t end = from;
        while (end < *length && path[end] != '\\')
            end++;
        if (end == from)
            break;
        const char *fault = component_fault(path + from, end - from);
        if (fault)
            return fault;
        path[to++] = '\\';
        memmove(path + to, path + from, end - from);
        to += end - from;
        from = end;
    }
    if (to == root)
        path[to++] = '\\';
    path[to] = '\0';
    *length = to;
    return NULL;
}

static bool make_room(struct path *path)
{
    path->units = malloc((PATH_UNITS_MAX + 1) * sizeof *path->units);
    return path->units != NULL;
}

int path_parse(const char *text, struct path *out, struct engine_error *error)
{
    int result = -1;
    size_t length = strlen(text);
    uint16_t *units = NULL;
    *out = (struct path){NULL, 0, 0};
    char *nt = malloc(PATH_PREFIX + length + 2);
    if (!nt)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    for (size_t i = 0; i <= length; i++)
        nt[PATH_PREFIX + i] = text[i] == '/' ? '\\' : text[i];
    bool prefixed = strncmp(nt + PATH_PREFIX, "\\\\?\\", PATH_PREFIX) == 0;
    if (prefixed)
        memmove(nt, nt + PATH_PREFIX, length + 1);
    else
        length += PATH_PREFIX;
    memcpy(nt, NT_PREFIX, PATH_PREFIX);

    /* The rule for roots stands in one place: the codec of names. */
    char letter;
    const char *rest;
    struct text whole = {nt, length};
    enum names_place place = names_place(&whole, &letter, &rest);
    if ((place != NAMES_DRIVE && !(place == NAMES_VOLUME && prefixed)) || rest[0] != '\\') {
        refuse(error, "a path begins with X:\\ or \\\\?\\Volume{...}\\");
        goto done;
    }
    size_t root = (size_t)(rest - nt);
    if (place == NAMES_DRIVE)
        nt[PATH_PREFIX] = letter;
    const char *fault = tidy(nt, root, &length);
    if (fault) {
        refuse(error, fault);
        goto done;
    }
    size_t count;
    int converted = wtf8_to_utf16(nt, length, &units, &count);
    if (converted == UTF_NO_MEMORY) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    if (converted != UTF_OK || count > PATH_UNITS_MAX) {
        refuse(error, "the path is too long or not valid text");
        goto done;
    }
    if (!make_room(out)) {
        work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
        goto done;
    }
    memcpy(out->units, units, (count + 1) * sizeof *out->units);
    out->length = count;
    out->root = root + 1; /* roots are ASCII: bytes and units are the same */
    result = 0;

done:
    free(units);
    free(nt);
    return result;
}

int path_copy(const struct path *from, struct path *out, struct engine_error *error)
{
    *out = (struct path){NULL, from->length, from->root};
    if (!make_room(out))
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    memcpy(out->units, from->units, (from->length + 1) * sizeof *out->units);
    return 0;
}

void path_clear(struct path *path)
{
    free(path->units);
    *path = (struct path){NULL, 0, 0};
}

bool path_append(struct path *path, const wchar_t *name, size_t length)
{
    size_t separator = path->units[path->length - 1] == L'\\' ? 0 : 1;
    if (length + separator > PATH_UNITS_MAX - path->length)
        return false;
    if (separator)
        path->units[path->length++] = L'\\';
    memcpy(path->units + path->length, name, length * sizeof *name);
    path_cut(path, path->length + length);
    return true;
}

void path_cut(struct path *path, size_t length)
{
    path->length = length;
    path->units[length] = L'\0';
}

size_t path_parent(const struct path *path)
{
    size_t length = path->length;
    while (length > path->root && path->units[length - 1] != L'\\')
        length--;
    return length > path->root ? length - 1 : path->root;
}

wchar_t path_letter(const struct path *path)
{
    return path->units[PATH_PREFIX + 1] == L':' ? path->units[PATH_PREFIX] : L'\0';
}

int path_text(const struct path *path, struct text *out)
{
    size_t skip = path_letter(path) ? PATH_PREFIX : 0;
    if (utf16_to_wtf8((const uint16_t *)path->units + skip, path->length - skip, out) != UTF_OK)
        return UTF_NO_MEMORY;
    if (skip == 0)
        out->bytes[1] = '\\'; /* `\??\` is `\\?\` to programs */
    return UTF_OK;
}

bool path_name_opens(const wchar_t *name, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] < 0x20 || wcschr(L"\\/:<>\"|?*", name[i]))
            return false;
    return length > 0;
}
