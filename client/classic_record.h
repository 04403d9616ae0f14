/* What the classic tool prints for one reparse point. */
#ifndef JUNCTION_CLASSIC_RECORD_H
#define JUNCTION_CLASSIC_RECORD_H

#include "../protocol/answer.h"
#include "resolve.h"
#include "stream.h"

/* One record under the name `path`, with its empty line. */
void classic_record_print(struct stream *out, const struct resolve_system *system, const char *path,
                          size_t path_length, const struct entry *entry);

/* "JUNCTION", "MOUNT POINT", ... */
const char *classic_record_kind(const struct entry *entry);

#endif
