/* Reparse tags by name (MS-FSCC 2.1.2.1 and the public SDK header). engine_tag_name is in engine.h.
 */
#ifndef JUNCTION_TAGS_H
#define JUNCTION_TAGS_H

#include "engine.h"

enum reparse_type tag_type(
    uint32_t tag); /* MOUNT_POINT gives REPARSE_JUNCTION: the substitute name decides further */

/* "a symbolic link (IO_REPARSE_TAG_SYMLINK)", "a reparse point with the unknown tag 0x12345678":
 * for messages. Writes at most `size`. */
void tag_describe(uint32_t tag, char *out, size_t size);

#endif
