#include "listing.h"

#include <string.h>
#include <uv.h>

static enum session_verdict take_entries(struct listing *listing, const cJSON *params)
{
    const cJSON *entries = cJSON_GetObjectItemCaseSensitive(params, "entries"), *tree;
    enum session_verdict verdict = SESSION_GO_ON;

    if (!cJSON_IsArray(entries))
        return SESSION_GARBAGE;
    progress_hide(&listing->progress);
    cJSON_ArrayForEach(tree, entries)
    {
        struct entry entry;
        if (entry_read(tree, &entry) != 0) {
            verdict = SESSION_GARBAGE;
            break;
        }
        listing->entries++;
        if (entry.error.code != 0)
            listing->unreadable++;
        listing->entry(listing->context, &entry, tree);
        entry_clear(&entry);
    }
    if (!stream_flush(listing->out))
        verdict = SESSION_ENOUGH;
    return verdict;
}

static enum session_verdict notify(void *context, const char *method, const cJSON *params)
{
    struct listing *listing = context;
    uint64_t directories, entries;

    if (strcmp(method, "reparse.entries") == 0)
        return take_entries(listing, params);
    if (strcmp(method, "progress") == 0 && progress_read(params, &directories, &entries) == 0)
        progress_show(&listing->progress, uv_hrtime(), directories, entries);
    return SESSION_GO_ON;
}

void listing_run(struct listing *listing, const struct session_options *options,
                 struct request *request, struct session_outcome *outcome)
{
    struct session_handler handler = {notify, listing};

    session_run(options, request, &handler, outcome);
    progress_hide(&listing->progress);
}
