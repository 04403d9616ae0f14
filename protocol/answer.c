#include "answer.h"

#include "tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool put_entry(cJSON *json, const struct entry *entry)
{
    if (!message_put_text(json, "path", &entry->path)) {
        return false;
    }
    if (entry->error.code != 0) {
        return tree_put(json, "error", message_error_write(&entry->error));
    }
    char tag[16];
    snprintf(tag, sizeof tag, "0x%08" PRIX32, entry->tag);
    if (!tree_put_string(json, "kind", entry->directory ? "directory" : "file") ||
        !message_put_text(json, "type", &entry->type) || !tree_put_string(json, "tag", tag) ||
        !message_put_text(json, "tagName", &entry->tag_name) ||
        !message_put_text(json, "target", &entry->target) ||
        !message_put_text(json, "substituteName", &entry->substitute_name) ||
        !message_put_text(json, "printName", &entry->print_name)) {
        return false;
    }
    if (entry->file_id != 0 && !tree_put_hex(json, "fileId", entry->file_id)) {
        return false;
    }
    if (entry->created != 0) {
        char created[ANSWER_TIME_SIZE];
        answer_time_format(entry->created, created);
        if (!tree_put_string(json, "created", created)) {
            return false;
        }
    }
    if (entry->relative >= 0 && !tree_put_bool(json, "relative", entry->relative != 0)) {
        return false;
    }
    return message_put_text(json, "state", &entry->state) &&
           (!entry->malformed || tree_put_bool(json, "malformed", true));
}

cJSON *entry_write(const struct entry *entry)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !put_entry(json, entry)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

/* "0xA0000003" */
static int read_tag(const cJSON *json, uint32_t *tag)
{
    const char *text;
    if (tree_get_string(json, "tag", &text) != 1 || text[0] != '0' || text[1] != 'x' ||
        strlen(text) != 10 || strspn(text + 2, "0123456789abcdefABCDEF") != 8) {
        return -1;
    }
    *tag = (uint32_t)strtoul(text + 2, NULL, 16);
    return 0;
}

static int read_entry(const cJSON *json, struct entry *out)
{
    out->relative = -1;
    if (!cJSON_IsObject(json) || message_get_text(json, "path", &out->path) != 1) {
        return -1;
    }
    const cJSON *error = tree_get(json, "error");
    if (error) {
        return message_error_read(error, &out->error) == 0 ? 0 : -1;
    }
    const char *kind;
    if (tree_get_string(json, "kind", &kind) != 1 || read_tag(json, &out->tag) != 0 ||
        message_get_text(json, "type", &out->type) != 1 ||
        message_get_text(json, "tagName", &out->tag_name) < 0 ||
        message_get_text(json, "target", &out->target) < 0 ||
        message_get_text(json, "substituteName", &out->substitute_name) < 0 ||
        message_get_text(json, "printName", &out->print_name) < 0 ||
        message_get_text(json, "state", &out->state) < 0 ||
        tree_get_hex(json, "fileId", &out->file_id) < 0 ||
        tree_get_bool(json, "malformed", &out->malformed) < 0) {
        return -1;
    }
    out->directory = strcmp(kind, "directory") == 0;
    bool relative;
    const char *created;
    int got = tree_get_bool(json, "relative", &relative);
    if (got > 0) {
        out->relative = relative;
    }
    int dated = tree_get_string(json, "created", &created);
    if (got < 0 || dated < 0 || (dated > 0 && answer_time_parse(created, &out->created) != 0)) {
        return -1;
    }
    return 0;
}

int entry_read(const cJSON *json, struct entry *out)
{
    memset(out, 0, sizeof *out);
    if (read_entry(json, out) != 0) {
        entry_clear(out);
        return -1;
    }
    return 0;
}

void entry_clear(struct entry *entry)
{
    text_clear(&entry->path);
    text_clear(&entry->type);
    text_clear(&entry->tag_name);
    text_clear(&entry->target);
    text_clear(&entry->substitute_name);
    text_clear(&entry->print_name);
    text_clear(&entry->state);
    message_error_clear(&entry->error);
    memset(entry, 0, sizeof *entry);
}

static bool put_hello(cJSON *json, const struct hello_result *result)
{
    cJSON *capabilities = cJSON_CreateArray();
    cJSON *limits = cJSON_CreateObject();
    if (!tree_put(json, "protocol", tree_number(result->protocol)) ||
        !message_put_text(json, "server", &result->server) ||
        !message_put_text(json, "platform", &result->platform)) {
        cJSON_Delete(capabilities);
        cJSON_Delete(limits);
        return false;
    }
    if (!tree_put(json, "capabilities", capabilities)) {
        cJSON_Delete(limits);
        return false;
    }
    if (!tree_put(json, "limits", limits) ||
        !tree_put_number(limits, "maxLine", result->max_line) ||
        !tree_put_number(limits, "maxWaiting", result->max_waiting)) {
        return false;
    }
    for (size_t i = 0; i < result->capability_count; i++) {
        cJSON *item = cJSON_CreateString(result->capabilities[i]);
        if (!item || !cJSON_AddItemToArray(capabilities, item)) {
            cJSON_Delete(item);
            return false;
        }
    }
    return true;
}

cJSON *hello_result_write(const struct hello_result *result)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !put_hello(json, result)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

static int read_capabilities(const cJSON *list, struct hello_result *out)
{
    if (!list) {
        return 0;
    }
    if (!cJSON_IsArray(list)) {
        return -1;
    }
    size_t count = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) {
            return -1;
        }
        count++;
    }
    out->capabilities = calloc(count + 1, sizeof *out->capabilities);
    if (!out->capabilities) {
        return -1;
    }
    cJSON_ArrayForEach(item, list)
    {
        struct text copy;
        if (text_set_string(&copy, item->valuestring) != UTF_OK) {
            return -1;
        }
        out->capabilities[out->capability_count++] = copy.bytes;
    }
    return 0;
}

static int read_limit(const cJSON *limits, const char *name, unsigned *out)
{
    uint64_t value = 0;
    int got = tree_get_number(limits, name, &value);
    if (got < 0) {
        return -1;
    }
    *out = value > UINT32_MAX ? UINT32_MAX : (unsigned)value;
    return 0;
}

static int read_hello(const cJSON *json, struct hello_result *out)
{
    uint64_t protocol;
    if (!cJSON_IsObject(json) || tree_get_number(json, "protocol", &protocol) != 1 ||
        protocol < 1 || protocol > INT32_MAX ||
        message_get_text(json, "server", &out->server) != 1 ||
        message_get_text(json, "platform", &out->platform) < 0) {
        return -1;
    }
    out->protocol = (int)protocol;
    const cJSON *limits = tree_get(json, "limits");
    if (read_limit(limits, "maxLine", &out->max_line) != 0 ||
        read_limit(limits, "maxWaiting", &out->max_waiting) != 0) {
        return -1;
    }
    return read_capabilities(tree_get(json, "capabilities"), out);
}

int hello_result_read(const cJSON *json, struct hello_result *out)
{
    memset(out, 0, sizeof *out);
    if (read_hello(json, out) != 0) {
        hello_result_clear(out);
        return -1;
    }
    return 0;
}

void hello_result_clear(struct hello_result *result)
{
    text_clear(&result->server);
    text_clear(&result->platform);
    for (size_t i = 0; i < result->capability_count; i++) {
        free(result->capabilities[i]);
    }
    free(result->capabilities);
    memset(result, 0, sizeof *result);
}

static bool put_changed(cJSON *json, uint64_t file_id, const struct text *outcome, bool dry_run)
{
    return (file_id == 0 || tree_put_hex(json, "fileId", file_id)) &&
           message_put_text(json, "outcome", outcome) &&
           (!dry_run || tree_put_bool(json, "dryRun", true));
}

cJSON *create_result_write(const struct create_result *result)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !message_put_text(json, "link", &result->link) ||
        !message_put_text(json, "target", &result->target) ||
        !message_put_text(json, "substituteName", &result->substitute_name) ||
        !message_put_text(json, "printName", &result->print_name) ||
        !put_changed(json, result->file_id, &result->outcome, result->dry_run) ||
        !message_put_text(json, "previousTarget", &result->previous_target)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

int create_result_read(const cJSON *json, struct create_result *out)
{
    memset(out, 0, sizeof *out);
    if (!cJSON_IsObject(json) || message_get_text(json, "link", &out->link) != 1 ||
        message_get_text(json, "target", &out->target) != 1 ||
        message_get_text(json, "substituteName", &out->substitute_name) < 0 ||
        message_get_text(json, "printName", &out->print_name) < 0 ||
        tree_get_hex(json, "fileId", &out->file_id) < 0 ||
        message_get_text(json, "outcome", &out->outcome) != 1 ||
        tree_get_bool(json, "dryRun", &out->dry_run) < 0 ||
        message_get_text(json, "previousTarget", &out->previous_target) < 0) {
        create_result_clear(out);
        return -1;
    }
    return 0;
}

void create_result_clear(struct create_result *result)
{
    text_clear(&result->link);
    text_clear(&result->target);
    text_clear(&result->substitute_name);
    text_clear(&result->print_name);
    text_clear(&result->outcome);
    text_clear(&result->previous_target);
    memset(result, 0, sizeof *result);
}

cJSON *delete_result_write(const struct delete_result *result)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !message_put_text(json, "link", &result->link) ||
        !message_put_text(json, "target", &result->target) ||
        !put_changed(json, result->file_id, &result->outcome, result->dry_run)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

int delete_result_read(const cJSON *json, struct delete_result *out)
{
    memset(out, 0, sizeof *out);
    if (!cJSON_IsObject(json) || message_get_text(json, "link", &out->link) != 1 ||
        message_get_text(json, "target", &out->target) < 0 ||
        tree_get_hex(json, "fileId", &out->file_id) < 0 ||
        message_get_text(json, "outcome", &out->outcome) != 1 ||
        tree_get_bool(json, "dryRun", &out->dry_run) < 0) {
        delete_result_clear(out);
        return -1;
    }
    return 0;
}

void delete_result_clear(struct delete_result *result)
{
    text_clear(&result->link);
    text_clear(&result->target);
    text_clear(&result->outcome);
    memset(result, 0, sizeof *result);
}

cJSON *entries_write(const struct message_id *id, uint64_t seq, cJSON *entries)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !entries || !message_put_id(json, "id", id) ||
        !tree_put_number(json, "seq", seq)) {
        cJSON_Delete(entries);
        cJSON_Delete(json);
        return NULL;
    }
    if (!tree_put(json, "entries", entries)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

cJSON *progress_write(const struct message_id *id, uint64_t directories, uint64_t entries)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !message_put_id(json, "id", id) ||
        !tree_put_number(json, "directories", directories) ||
        !tree_put_number(json, "entries", entries)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

int progress_read(const cJSON *json, uint64_t *directories, uint64_t *entries)
{
    return cJSON_IsObject(json) && tree_get_number(json, "directories", directories) == 1 &&
                   tree_get_number(json, "entries", entries) == 1
               ? 0
               : -1;
}

cJSON *list_result_write(const struct list_result *result)
{
    cJSON *json = cJSON_CreateObject();
    if (!json || !tree_put_number(json, "count", result->count) ||
        !tree_put_number(json, "directories", result->directories) ||
        !tree_put_number(json, "skipped", result->skipped) ||
        !message_put_text(json, "source", &result->source) ||
        !tree_put_number(json, "elapsedMs", result->elapsed_ms) ||
        !tree_put_bool(json, "truncated", result->truncated)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

int list_result_read(const cJSON *json, struct list_result *out)
{
    memset(out, 0, sizeof *out);
    if (!cJSON_IsObject(json) || tree_get_number(json, "count", &out->count) != 1 ||
        tree_get_number(json, "directories", &out->directories) != 1 ||
        tree_get_number(json, "skipped", &out->skipped) != 1 ||
        message_get_text(json, "source", &out->source) < 0 ||
        tree_get_number(json, "elapsedMs", &out->elapsed_ms) < 0 ||
        tree_get_bool(json, "truncated", &out->truncated) < 0) {
        list_result_clear(out);
        return -1;
    }
    return 0;
}

void list_result_clear(struct list_result *result)
{
    text_clear(&result->source);
    memset(result, 0, sizeof *result);
}
