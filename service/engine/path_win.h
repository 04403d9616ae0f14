/* Paths as the system takes them: in the object manager's form, where no name means anything but
 * itself and the only limit is that of a counted string. Pure. */
#ifndef JUNCTION_PATH_H
#define JUNCTION_PATH_H

#include <wchar.h>

#include "engine.h"

#define PATH_UNITS_MAX 32767u /* what a UNICODE_STRING holds, the prefix included */
#define PATH_PREFIX    4u     /* length of `\??\` */

struct path {
    wchar_t *units; /* room for PATH_UNITS_MAX and a NUL */
    size_t length;
    size_t root; /* length of `\??\X:\` or `\??\Volume{...}\` */
};

/* `X:\...`, `X:/...`, `\\?\X:\...`, `\\?\Volume{guid}\...`; anything else is INVALID_PATH. Every
 * name that NTFS can hold and Windows can open is accepted, also those that end with a dot or are
 * called like a device. */
int path_parse(const char *text, struct path *out, struct engine_error *error);
int path_copy(const struct path *from, struct path *out, struct engine_error *error);
void path_clear(struct path *path);

/* Appends one name; false when the path would be too long. */
bool path_append(struct path *path, const wchar_t *name, size_t length);
void path_cut(struct path *path, size_t length);

/* The length without the last name; of a root that itself. */
size_t path_parent(const struct path *path);

/* The letter of the drive, or 0 for a volume by its GUID. */
wchar_t path_letter(const struct path *path);

/* The printed form, that path_parse accepts. UTF_OK or UTF_NO_MEMORY. */
int path_text(const struct path *path, struct text *out);

/* Could this entry of a directory be opened by its name? A volume that another system wrote to can
 * hold names in which Windows sees a separator or a stream. */
bool path_name_opens(const wchar_t *name, size_t length);

#endif
