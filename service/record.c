#include "record.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/reparse.h"

static const char *kind_name(enum engine_change_kind kind)
{
    switch (kind) {
    case ENGINE_CHANGE_CREATE:
        return "create";
    case ENGINE_CHANGE_REPLACE:
        return "replace";
    case ENGINE_CHANGE_DELETE:
        return "delete";
    }
    return "change";
}

int record_intent(void *context, const struct engine_change *change, struct engine_error *error)
{
    const struct record *record = context;
    (void)error;
    log_event(record->log, LOG_DEBUG, "change.intent", LOG_TEXT("kind", kind_name(change->kind)),
              LOG_TEXT("identity", peer_key(record->peer)), LOG_TEXT("path", change->path));
    return 0;
}

void record_outcome(void *context, const struct engine_change *change,
                    const struct engine_error *error)
{
    const struct record *record = context;
    char file[24];
    snprintf(file, sizeof file, "%016" PRIx64, change->file_id);
    if (error == NULL) {
        struct reparse_data data;
        bool deleted = change->kind == ENGINE_CHANGE_DELETE;
        const uint8_t *buffer = deleted ? change->old_buffer : change->new_buffer;
        size_t length = deleted ? change->old_length : change->new_length;
        /* A change without its target is still worth its line. */
        bool decoded =
            buffer != NULL && length > 0 && reparse_decode(buffer, length, &data) == UTF_OK;
        log_event(record->log, LOG_INFO, "change", LOG_TEXT("kind", kind_name(change->kind)),
                  LOG_TEXT("identity", peer_key(record->peer)),
                  LOG_NUMBER("pid", peer_pid(record->peer)), LOG_TEXT("path", change->path),
                  LOG_TEXT("target", decoded && data.target.bytes != NULL ? data.target.bytes : ""),
                  LOG_TEXT("fileId", file));
        if (decoded) {
            reparse_data_clear(&data);
        }
    } else {
        /* A refusal is the caller's business; a volume that fails is the administrator's. */
        bool trouble = error->code == ENGINE_IO_ERROR || error->code == ENGINE_VOLUME_FULL ||
                       error->code == ENGINE_INTERNAL_ERROR || error->code == ENGINE_OUT_OF_MEMORY;
        log_event(record->log, trouble ? LOG_WARNING : LOG_DEBUG, "change.failed",
                  LOG_TEXT("kind", kind_name(change->kind)),
                  LOG_TEXT("identity", peer_key(record->peer)),
                  LOG_NUMBER("pid", peer_pid(record->peer)), LOG_TEXT("path", change->path),
                  LOG_NUMBER("os", error->os), LOG_TEXT("detail", error->detail));
    }
}
