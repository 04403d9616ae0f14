#include "operations.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "../protocol/errors.h"
#include "record.h"
#include "translate.h"

#define BATCH_ENTRIES 128
#define BATCH_BYTES   ((size_t)48 * 1024)
#define BATCH_TIME    (100ull * 1000000ull)
#define PROGRESS_TIME (500ull * 1000000ull)

enum item_kind operations_kind(enum method method)
{
    switch (method) {
    case METHOD_JUNCTION_CREATE:
    case METHOD_JUNCTION_DELETE:
    case METHOD_REPARSE_SHOW:
        return ITEM_SHORT;
    case METHOD_REPARSE_LIST:
        return ITEM_LONG;
    case METHOD_HELLO:
    case METHOD_SERVICE_STATUS:
    case METHOD_CANCEL:
    case METHOD_COUNT:
        break;
    }
    return ITEM_LOOP;
}

/* ---- lists: entries gathered into notifications ---- */

struct stream {
    const struct operations_output *output;
    const struct message_id *id;
    cJSON *batch;
    size_t batch_count, batch_bytes;
    uint64_t seq, flushed, progressed;
};

static int push(struct stream *stream, const char *method, cJSON *params)
{
    size_t length;
    char *line = params != NULL ? message_call(NULL, method, params, &length) : NULL;
    if (line == NULL) {
        return -1;
    }
    return stream->output->push(stream->output->context, line, length);
}

static int flush(struct stream *stream)
{
    cJSON *batch = stream->batch;
    stream->flushed = uv_hrtime();
    if (batch == NULL) {
        return 0;
    }
    stream->batch = NULL;
    stream->batch_count = 0;
    stream->batch_bytes = 0;
    return push(stream, "reparse.entries", entries_write(stream->id, stream->seq++, batch));
}

static int stream_entry(void *context, struct reparse_entry *entry)
{
    struct stream *stream = context;
    size_t size = 256 + entry->path.length + entry->target.length + entry->substitute_name.length +
                  entry->print_name.length;
    /* A line may hold 1 MiB, and a name can take six bytes for one in JSON, and its hex besides:
     * one huge entry goes alone. */
    if (stream->batch != NULL && stream->batch_bytes + size > BATCH_BYTES && flush(stream) != 0) {
        return -1;
    }
    cJSON *json = translate_entry(entry);
    if (json == NULL) {
        return -1;
    }
    if (stream->batch == NULL) {
        stream->batch = cJSON_CreateArray();
    }
    if (stream->batch == NULL || !cJSON_AddItemToArray(stream->batch, json)) {
        cJSON_Delete(json);
        return -1;
    }
    stream->batch_bytes += size;
    if (++stream->batch_count >= BATCH_ENTRIES || uv_hrtime() - stream->flushed > BATCH_TIME) {
        return flush(stream);
    }
    return 0;
}

static void stream_step(void *context, uint64_t directories, uint64_t entries)
{
    struct stream *stream = context;
    uint64_t now = uv_hrtime();
    if (stream->batch != NULL && now - stream->flushed > BATCH_TIME) {
        (void)flush(stream); /* a client that is gone ends the list at its next entry */
    }
    if (now - stream->progressed > PROGRESS_TIME) {
        stream->progressed = now;
        (void)push(stream, "progress", progress_write(stream->id, directories, entries));
    }
}

static void run_list(struct engine *engine, struct item *item,
                     const struct operations_output *output)
{
    const struct list_params *params = &item->request.params.list;
    uint64_t begun = uv_hrtime();
    struct stream stream = {
        .output = output, .id = &item->id, .flushed = begun, .progressed = begun};
    struct engine_list_sink sink = {stream_entry, stream_step, &stream};
    struct engine_list request = {
        .path = params->path.bytes,
        .recurse = params->recurse || params->volume,
        .volume = params->volume,
        .check = params->check,
        .types = params->types,
    };

    if (params->verify || params->source == LIST_SOURCE_INDEX ||
        params->source == LIST_SOURCE_SCAN) {
        item->status = -1;
        item->error.code = ENGINE_UNSUPPORTED;
        strcpy(item->error.detail, "this version lists by walking only");
        return;
    }
    item->status =
        engine_list(engine, &item->work, &request, &sink, &item->result.listed, &item->error);
    if (item->status == 0 && flush(&stream) != 0) {
        item->result.listed.truncated = true;
    }
    cJSON_Delete(stream.batch);
    item->elapsed_ms = (uv_hrtime() - begun) / 1000000;
}

void operations_run(struct engine *engine, struct peer *peer, const struct log *log,
                    struct item *item, const struct operations_output *output)
{
    struct record record = {log, peer, &item->id};
    /* At the usual level a change is one line, its outcome. */
    struct engine_observer observer = {log->level >= LOG_DEBUG ? record_intent : NULL,
                                       record_outcome, &record};

    atomic_store(&item->started, uv_hrtime());
    item->work.observer = &observer;
    switch (item->request.method) {
    case METHOD_JUNCTION_CREATE: {
        const struct create_params *params = &item->request.params.create;
        struct engine_create request = {
            .link = params->link.bytes,
            .target = params->target.bytes,
            .expected_target = params->expected_target.bytes,
            .drive = params->drive,
            .replace = params->replace,
            .parents = params->parents,
            .must_exist = params->must_exist,
            .dry_run = params->dry_run,
        };
        item->status =
            engine_create(engine, &item->work, &request, &item->result.created, &item->error);
        break;
    }
    case METHOD_JUNCTION_DELETE: {
        const struct delete_params *params = &item->request.params.delete;
        struct engine_delete request = {
            .link = params->link.bytes,
            .expected_target = params->expected_target.bytes,
            .keep_directory = params->keep_directory,
            .dry_run = params->dry_run,
        };
        item->status =
            engine_delete(engine, &item->work, &request, &item->result.deleted, &item->error);
        break;
    }
    case METHOD_REPARSE_SHOW: {
        const struct show_params *params = &item->request.params.show;
        item->status = engine_show(engine, &item->work, params->path.bytes, params->check,
                                   &item->result.entry, &item->error);
        break;
    }
    case METHOD_REPARSE_LIST:
        run_list(engine, item, output);
        break;
    case METHOD_HELLO:
    case METHOD_SERVICE_STATUS:
    case METHOD_CANCEL:
    case METHOD_COUNT:
        item->status = -1;
        item->error.code = ENGINE_INTERNAL_ERROR;
        break;
    }
    item->work.observer = NULL;
}

/* ---- answers ---- */

static const struct text *subject(const struct request *request)
{
    switch (request->method) {
    case METHOD_JUNCTION_CREATE:
        return &request->params.create.link;
    case METHOD_JUNCTION_DELETE:
        return &request->params.delete.link;
    case METHOD_REPARSE_SHOW:
        return &request->params.show.path;
    case METHOD_REPARSE_LIST:
        return &request->params.list.path;
    case METHOD_HELLO:
    case METHOD_SERVICE_STATUS:
    case METHOD_CANCEL:
    case METHOD_COUNT:
        break;
    }
    return NULL;
}

static cJSON *result_of(struct item *item)
{
    switch (item->request.method) {
    case METHOD_JUNCTION_CREATE:
        return translate_created(&item->result.created, &item->request.params.create);
    case METHOD_JUNCTION_DELETE:
        return translate_deleted(&item->result.deleted, &item->request.params.delete);
    case METHOD_REPARSE_SHOW:
        return translate_entry(&item->result.entry);
    case METHOD_REPARSE_LIST:
        return translate_listed(&item->result.listed, item->elapsed_ms);
    case METHOD_HELLO:
    case METHOD_SERVICE_STATUS:
    case METHOD_CANCEL:
    case METHOD_COUNT:
        break;
    }
    return NULL;
}

char *operations_answer(struct item *item, bool stopping, size_t *length)
{
    if (item->failure.code == JERR_NONE && item->status == 0) {
        char *line = message_result(&item->id, result_of(item), length);
        if (line != NULL) {
            return line;
        }
        message_error_set(&item->failure, JERR_OUT_OF_MEMORY);
    }
    if (item->failure.code == JERR_NONE) {
        if (item->error.code == ENGINE_CANCELLED && stopping) {
            message_error_set(&item->failure, JERR_STOPPING);
        } else {
            translate_error(&item->error, subject(&item->request), &item->failure);
        }
    }
    return message_failure(&item->id, &item->failure, length);
}

void item_free(struct item *item)
{
    if (item->has_request) {
        switch (item->request.method) {
        case METHOD_JUNCTION_CREATE:
            engine_created_clear(&item->result.created);
            break;
        case METHOD_JUNCTION_DELETE:
            engine_deleted_clear(&item->result.deleted);
            break;
        case METHOD_REPARSE_SHOW:
            reparse_entry_clear(&item->result.entry);
            break;
        case METHOD_REPARSE_LIST:
        case METHOD_HELLO:
        case METHOD_SERVICE_STATUS:
        case METHOD_CANCEL:
        case METHOD_COUNT:
            break;
        }
        request_clear(&item->request);
    }
    message_error_clear(&item->failure);
    free(item);
}
