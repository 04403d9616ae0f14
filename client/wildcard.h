/* `*` and `?` in the last component of a classic query. */
#ifndef JUNCTION_WILDCARD_H
#define JUNCTION_WILDCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool wildcard_is_in(const char *name);

/* `?` is one character, `*` any number of them, none included. `fold` makes equal what is to count
 * as equal. Bytes that are no WTF-8 count as one character each. */
bool wildcard_match(const char *pattern, const char *name, size_t name_length,
                    uint32_t (*fold)(uint32_t));

#endif
