/* Between the engine's words and the protocol's: neither knows the other. */
#ifndef JUNCTION_TRANSLATE_H
#define JUNCTION_TRANSLATE_H

#include "../protocol/answer.h"
#include "engine/engine.h"

/* The protocol's number for an engine code. */
int translate_code(enum engine_code code);

/* `path` (NULL: none) is what the error is about. */
void translate_error(const struct engine_error *from, const struct text *path,
                     struct message_error *out);

/* A tree for one entry; NULL when memory is out. */
cJSON *translate_entry(struct reparse_entry *entry);

cJSON *translate_created(const struct engine_created *created, const struct create_params *request);
cJSON *translate_listed(const struct engine_listed *listed, uint64_t elapsed_ms);
cJSON *translate_deleted(const struct engine_deleted *deleted, const struct delete_params *request);

#endif
