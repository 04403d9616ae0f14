#include "ntfs_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "ntfs_paths.h"
#include "reparse.h"
#include "tags.h"
#include "work.h"

#define BATCH_HITS  2048u
#define BATCH_BYTES (4u << 20) /* of texts that wait for their paths */
#define ATTEMPTS    3

#define WANTED                                                          \
    (NTFS_WANT(NTFS_STANDARD_INFORMATION) | NTFS_WANT(NTFS_FILE_NAME) | \
     NTFS_WANT(NTFS_REPARSE_POINT))

/* One name of one reparse point. Several of one file have an entry each. */
struct found {
    struct reparse_entry entry;
    struct text name;
    uint64_t parent;
};

struct list {
    const struct ntfs_volume *volume;
    unsigned types;
    const struct engine_list_sink *sink;
    struct ntfs_listed *out;
    struct ntfs_paths *paths;
    struct found *found; /* of this batch */
    size_t count, capacity, bytes;
};

static void list_clear(struct list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        reparse_entry_clear(&list->found[i].entry);
        text_clear(&list->found[i].name);
    }
    list->count = 0;
    list->bytes = 0;
}

static struct found *list_add(struct list *list)
{
    if (list->count == list->capacity) {
        size_t more = list->capacity ? list->capacity * 2 : 256;
        struct found *grown = realloc(list->found, more * sizeof *grown);
        if (!grown)
            return NULL;
        list->found = grown;
        list->capacity = more;
    }
    struct found *found = &list->found[list->count++];
    *found = (struct found){.entry = {.relative = -1}};
    return found;
}

/* ---- one file
 * ------------------------------------------------------------------------------------------- */

/* The reparse buffer: its bytes, and their number. */
static int file_buffer(const struct ntfs_file *file, uint8_t buffer[REPARSE_MAX_SIZE],
                       size_t *length)
{
    struct ntfs_content content;
    int result = ntfs_file_content(file, NTFS_REPARSE_POINT, "", &content);
    if (result != NTFS_OK)
        return result;
    *length = content.size < REPARSE_MAX_SIZE ? (size_t)content.size : REPARSE_MAX_SIZE;
    result = ntfs_content_read(file->volume, &content, 0, buffer, *length);
    ntfs_content_clear(&content);
    return result;
}

static uint64_t file_created(const struct ntfs_file *file)
{
    struct ntfs_attribute attribute;
    struct ntfs_cursor cursor = {0, 0};
    while (ntfs_file_next(file, &cursor, &attribute) == 1)
        if (attribute.type == NTFS_STANDARD_INFORMATION && attribute.resident &&
            attribute.length >= 8)
            return bytes_get64(attribute.value);
    return 0;
}

static int entry_fill(struct reparse_entry *entry, const struct reparse_data *data)
{
    entry->type = data->type;
    entry->tag = data->tag;
    entry->malformed = data->malformed;
    entry->relative = data->relative;
    if (text_copy(&entry->target, &data->target) != UTF_OK ||
        text_copy(&entry->substitute_name, &data->substitute_name) != UTF_OK ||
        text_copy(&entry->print_name, &data->print_name) != UTF_OK)
        return NTFS_NO_MEMORY;
    return NTFS_OK;
}

static int found_fill(struct list *list, const struct ntfs_file *file, const struct ntfs_name *name,
                      const struct reparse_data *data)
{
    struct found *found = list_add(list);
    if (!found)
        return NTFS_NO_MEMORY;
    found->parent = name->parent;
    found->entry.directory = file->records[0].directory;
    found->entry.file_id = file->reference;
    found->entry.created = file_created(file);
    int result = ntfs_name_text(name, &found->name);
    if (result == NTFS_OK)
        result = entry_fill(&found->entry, data);
    list->bytes += sizeof *found + found->name.length + found->entry.target.length +
                   found->entry.substitute_name.length + found->entry.print_name.length;
    return result;
}

/* An entry for each name but the short ones, unless there is no other. */
static int file_names(struct list *list, const struct ntfs_file *file,
                      const struct reparse_data *data)
{
    struct ntfs_attribute attribute;
    struct ntfs_name name;
    size_t found = 0;
    for (int dos = 0; dos < 2 && found == 0; dos++) {
        struct ntfs_cursor cursor = {0, 0};
        int more;
        while ((more = ntfs_file_next(file, &cursor, &attribute)) == 1) {
            if (attribute.type != NTFS_FILE_NAME || !attribute.resident)
                continue;
            int result = ntfs_name_read(attribute.value, attribute.length, &name);
            if (result == NTFS_OK && name.dos == (dos != 0)) {
                result = found_fill(list, file, &name, data);
                found++;
            }
            if (result != NTFS_OK)
                return result;
        }
        if (more < 0)
            return more;
    }
    return found > 0 ? NTFS_OK : NTFS_CORRUPT;
}

/* NTFS_ABSENT: it is not what the hit says (any more). */
static int file_read(struct list *list, const struct ntfs_hit *hit,
                     uint8_t buffer[REPARSE_MAX_SIZE])
{
    struct ntfs_file file;
    size_t length = 0;
    int result = ntfs_file_open(list->volume, hit->reference, WANTED, &file);
    if (result != NTFS_OK)
        return result;
    result = file_buffer(&file, buffer, &length);
    if (result == NTFS_OK && (length < 4 || bytes_get32(buffer) != hit->tag))
        result = NTFS_ABSENT;
    if (result == NTFS_OK) {
        struct reparse_data data;
        result = reparse_decode(buffer, length, &data) == UTF_OK ? NTFS_OK : NTFS_NO_MEMORY;
        if (result == NTFS_OK && (list->types == 0 || (list->types & 1u << data.type)))
            result = file_names(list, &file, &data);
        if (result != NTFS_NO_MEMORY)
            reparse_data_clear(&data);
    }
    ntfs_file_close(&file);
    return result;
}

/* ---- entries
 * -------------------------------------------------------------------------------------------- */

static int entry_emit(struct list *list, struct reparse_entry *entry)
{
    if (entry->error.code != ENGINE_OK)
        list->out->skipped++;
    else
        list->out->count++;
    int result = list->sink->entry(list->sink->context, entry) == 0 ? NTFS_OK : NTFS_STOPPED;
    reparse_entry_clear(entry);
    return result;
}

/* A reparse point that cannot be read, or whose path cannot: named by its record. */
static int entry_emit_error(struct list *list, uint64_t reference, const char *why)
{
    struct reparse_entry entry = {.relative = -1, .file_id = reference};
    char path[64];
    snprintf(path, sizeof path, "/$MFT/%llu", (unsigned long long)NTFS_REFERENCE_RECORD(reference));
    work_fail(&entry.error, ENGINE_IO_ERROR, 0, "%s", why);
    if (text_set_string(&entry.path, path) != UTF_OK)
        return NTFS_NO_MEMORY;
    return entry_emit(list, &entry);
}

static int list_flush(struct list *list)
{
    uint64_t *parents = malloc((list->count + 1) * sizeof *parents);
    if (!parents)
        return NTFS_NO_MEMORY;
    for (size_t i = 0; i < list->count; i++)
        parents[i] = list->found[i].parent;
    int result = ntfs_paths_load(list->paths, parents, list->count);
    free(parents);
    for (size_t i = 0; i < list->count && result == NTFS_OK; i++) {
        struct found *found = &list->found[i];
        result = ntfs_paths_text(list->paths, found->parent, &found->name, &found->entry.path);
        if (result == NTFS_OK)
            result = entry_emit(list, &found->entry);
        else if (result != NTFS_NO_MEMORY)
            result = entry_emit_error(list, found->entry.file_id,
                                      "the directories above it cannot be found");
    }
    list_clear(list);
    return result;
}

static int list_hit(struct list *list, const struct ntfs_hit *hit, uint8_t buffer[REPARSE_MAX_SIZE])
{
    size_t before = list->count;
    int result = NTFS_OK;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        result = file_read(list, hit, buffer);
        if (result == NTFS_OK || result == NTFS_NO_MEMORY)
            return result;
        /* What was added of it before it failed. */
        while (list->count > before) {
            list->count--;
            reparse_entry_clear(&list->found[list->count].entry);
            text_clear(&list->found[list->count].name);
        }
    }
    if (result == NTFS_ABSENT) {
        list->out->stale++;
        return NTFS_OK;
    }
    return entry_emit_error(list, hit->reference,
                            result == NTFS_IO ? "its file record cannot be read"
                                              : "its file record is damaged");
}

static int list_batch(struct list *list, const struct ntfs_hit *hits, size_t count,
                      uint8_t buffer[REPARSE_MAX_SIZE])
{
    uint64_t *numbers = malloc(count * sizeof *numbers);
    if (!numbers)
        return NTFS_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        numbers[i] = NTFS_REFERENCE_RECORD(hits[i].reference);
    ntfs_volume_ahead(list->volume, numbers, count);
    free(numbers);
    int result = NTFS_OK;
    for (size_t i = 0; i < count && result == NTFS_OK; i++) {
        result = list_hit(list, &hits[i], buffer);
        if (result == NTFS_OK && list->bytes > BATCH_BYTES)
            result = list_flush(list);
    }
    return result == NTFS_OK ? list_flush(list) : result;
}

int ntfs_list(const struct ntfs_volume *volume, const struct ntfs_hits *hits, unsigned types,
              const struct engine_list_sink *sink, struct ntfs_listed *out)
{
    struct list list = {.volume = volume, .types = types, .sink = sink, .out = out};
    memset(out, 0, sizeof *out);
    uint8_t *buffer = malloc(REPARSE_MAX_SIZE);
    int result = buffer ? ntfs_paths_open(volume, &list.paths) : NTFS_NO_MEMORY;
    for (size_t at = 0; at < hits->count && result == NTFS_OK; at += BATCH_HITS) {
        size_t left = hits->count - at;
        result = list_batch(&list, hits->hit + at, left < BATCH_HITS ? left : BATCH_HITS, buffer);
    }
    list_clear(&list);
    free(list.found);
    free(buffer);
    ntfs_paths_close(list.paths);
    return result;
}
