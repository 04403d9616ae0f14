/* The gate in front of cJSON, which by itself is too forgiving (NUL through \u0000, duplicate and
 * case-insensitive members, trailing garbage, invalid UTF-8, 1e999).
 *
 * Accepted is: one JSON object, well-formed UTF-8, no byte below 0x20, no \u0000 and no lone
 * \uD800..\uDFFF escape, depth at most GUARD_MAX_DEPTH, no two members of one object with the same
 * name, at most GUARD_MAX_MEMBERS members an object, their names of at most GUARD_MAX_NAME bytes,
 * GUARD_MAX_VALUES values in all, numbers as JSON writes them, of at most GUARD_MAX_NUMBER bytes
 * and 2^53 in size: beyond that a double is not exact any more. */
#ifndef JUNCTION_GUARD_H
#define JUNCTION_GUARD_H

#include <cjson/cJSON.h>
#include <stddef.h>

#define GUARD_MAX_DEPTH   8
#define GUARD_MAX_MEMBERS 256
#define GUARD_MAX_NAME    256 /* bytes, escapes counted as they are written */
#define GUARD_MAX_VALUES  262144u
#define GUARD_MAX_NUMBER  40

/* `text` must have a NUL at text[length]. Returns the tree (cJSON_Delete it) or NULL with *why set
 * to a constant phrase that names the fault ("not UTF-8", "a member is given twice", ...);
 * GUARD_NO_MEMORY itself when memory is out. */
cJSON *guard_parse(const char *text, size_t length, const char **why);

/* The same with fewer values: a tree takes some 80 bytes a value, so that a line of a megabyte
 * could cost forty. */
cJSON *guard_parse_bounded(const char *text, size_t length, size_t max_values, const char **why);

/* The same for text of many lines, such as a configuration file: tab, CR and LF are allowed between
 * tokens. */
cJSON *guard_parse_document(const char *text, size_t length, const char **why);

extern const char GUARD_NO_MEMORY[];

#endif
