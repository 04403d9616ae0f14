/* Reparse tags by name (MS-FSCC 2.1.2.1 and the public SDK header). engine_tag_name is in engine.h.
 */
#ifndef JUNCTION_TAGS_H
#define JUNCTION_TAGS_H

#include "engine.h"

enum reparse_type tag_type(
    uint32_t tag); /* MOUNT_POINT gives REPARSE_JUNCTION: the substitute name decides further */

/* Whether a reparse point with this tag may be of one of the types (bits as in struct engine_list;
 * 0: all). Junctions and mount points share a tag. */
bool tag_is_wanted(unsigned types, uint32_t tag);

/* "a symbolic link (IO_REPARSE_TAG_SYMLINK)", "a reparse point with the unknown tag 0x12345678":
 * for messages. Writes at most `size`. */
void tag_describe(uint32_t tag, char *out, size_t size);

#endif
