#include "ntfs_paths.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define NAME_HEADER   0x42u
#define NAMESPACE_DOS 2u

#define KNOWN_MAX \
    ((size_t)64 * 1024) /* directories; they are forgotten beyond, between two loads */
#define BYTES_MAX ((size_t)96 * 1024) /* of a path: what 32767 units can take in WTF-8 */

/* NODE_DEAD: gone, damaged, or its parents lead in a ring. NODE_FAR: its path is too long. */
enum node_state { NODE_FREE, NODE_KNOWN, NODE_DEAD, NODE_FAR };

struct node {
    uint64_t record, parent;
    size_t name; /* in `names` */
    uint32_t length;
    uint32_t way; /* bytes of its path; 0: not measured, UINT32_MAX: being measured */
    uint16_t sequence;
    uint8_t state;
};

struct ntfs_paths {
    const struct ntfs_volume *volume;
    struct node *nodes; /* open addressing, a power of two of them */
    size_t capacity, count;
    char *names;
    size_t names_length, names_capacity;
    size_t *chain; /* where in `nodes`: a directory that is being measured, and those above it */
    size_t chain_capacity;
};

/* ---- names
 * ---------------------------------------------------------------------------------------------- */

int ntfs_name_read(const uint8_t *value, size_t length, struct ntfs_name *out)
{
    if (length < NAME_HEADER)
        return NTFS_CORRUPT;
    out->parent = bytes_get64(value);
    out->count = value[0x40];
    out->dos = value[0x41] == NAMESPACE_DOS;
    out->units = value + NAME_HEADER;
    return out->count > 0 && 2 * out->count <= length - NAME_HEADER ? NTFS_OK : NTFS_CORRUPT;
}

int ntfs_name_text(const struct ntfs_name *name, struct text *out)
{
    uint16_t units[256];
    for (size_t i = 0; i < name->count; i++)
        units[i] = bytes_get16(name->units + 2 * i);
    return utf16_to_wtf8(units, name->count, out) == UTF_OK ? NTFS_OK : NTFS_NO_MEMORY;
}

/* ---- the table
 * ------------------------------------------------------------------------------------------ */

static struct node *table_slot(struct node *nodes, size_t capacity, uint64_t record)
{
    size_t at = (size_t)(record * 0x9E3779B97F4A7C15u >> 20) & (capacity - 1);
    while (nodes[at].state != NODE_FREE && nodes[at].record != record)
        at = (at + 1) & (capacity - 1);
    return &nodes[at];
}

static int table_grow(struct ntfs_paths *paths)
{
    size_t more = paths->capacity ? paths->capacity * 2 : 1024;
    struct node *nodes = calloc(more, sizeof *nodes);
    if (!nodes)
        return NTFS_NO_MEMORY;
    for (size_t i = 0; i < paths->capacity; i++)
        if (paths->nodes[i].state != NODE_FREE)
            *table_slot(nodes, more, paths->nodes[i].record) = paths->nodes[i];
    free(paths->nodes);
    paths->nodes = nodes;
    paths->capacity = more;
    return NTFS_OK;
}

static struct node *table_find(const struct ntfs_paths *paths, uint64_t record)
{
    struct node *node = table_slot(paths->nodes, paths->capacity, record);
    return node->state == NODE_FREE ? NULL : node;
}

static int table_add(struct ntfs_paths *paths, const struct node *node)
{
    if (2 * (paths->count + 1) > paths->capacity) {
        int result = table_grow(paths);
        if (result != NTFS_OK)
            return result;
    }
    struct node *slot = table_slot(paths->nodes, paths->capacity, node->record);
    paths->count += slot->state == NODE_FREE;
    *slot = *node;
    return NTFS_OK;
}

static void table_forget(struct ntfs_paths *paths)
{
    memset(paths->nodes, 0, paths->capacity * sizeof *paths->nodes);
    paths->count = 0;
    paths->names_length = 0;
}

static int names_add(struct ntfs_paths *paths, const struct text *name, struct node *node)
{
    if (name->length > paths->names_capacity - paths->names_length) {
        size_t more = paths->names_capacity ? paths->names_capacity * 2 : 65536;
        char *grown = realloc(paths->names, more);
        if (!grown)
            return NTFS_NO_MEMORY;
        paths->names = grown;
        paths->names_capacity = more;
    }
    memcpy(paths->names + paths->names_length, name->bytes, name->length);
    node->name = paths->names_length;
    node->length = (uint32_t)name->length;
    paths->names_length += name->length;
    return NTFS_OK;
}

int ntfs_paths_open(const struct ntfs_volume *volume, struct ntfs_paths **out)
{
    struct ntfs_paths *paths = calloc(1, sizeof *paths);
    *out = paths;
    if (!paths)
        return NTFS_NO_MEMORY;
    paths->volume = volume;
    int result = table_grow(paths);
    if (result != NTFS_OK) {
        ntfs_paths_close(paths);
        *out = NULL;
    }
    return result;
}

void ntfs_paths_close(struct ntfs_paths *paths)
{
    if (!paths)
        return;
    free(paths->nodes);
    free(paths->names);
    free(paths->chain);
    free(paths);
}

/* ---- reading
 * -------------------------------------------------------------------------------------------- */

/* The long name of a directory, or the short one when it has no other. */
static int node_name(struct ntfs_paths *paths, const struct ntfs_file *file, struct node *node)
{
    struct ntfs_attribute attribute;
    struct ntfs_cursor cursor = {0, 0};
    struct ntfs_name name, best;
    bool found = false;
    int more;
    while ((more = ntfs_file_next(file, &cursor, &attribute)) == 1) {
        if (attribute.type != NTFS_FILE_NAME || !attribute.resident)
            continue;
        int result = ntfs_name_read(attribute.value, attribute.length, &name);
        if (result != NTFS_OK)
            return result;
        if (!found || (best.dos && !name.dos))
            best = name;
        found = true;
    }
    if (more < 0 || !found)
        return NTFS_CORRUPT;
    struct text text = {NULL, 0};
    int result = ntfs_name_text(&best, &text);
    if (result == NTFS_OK)
        result = names_add(paths, &text, node);
    text_clear(&text);
    node->parent = best.parent;
    return result;
}

static int node_read(struct ntfs_paths *paths, uint64_t record, struct node *node)
{
    struct ntfs_file file;
    *node = (struct node){.record = record, .state = NODE_DEAD};
    int result = ntfs_file_open(paths->volume, record, NTFS_WANT(NTFS_FILE_NAME), &file);
    if (result == NTFS_OK) {
        node->sequence = NTFS_REFERENCE_SEQUENCE(file.reference);
        if (file.records[0].directory)
            result = node_name(paths, &file, node);
        else
            result = NTFS_CORRUPT;
        ntfs_file_close(&file);
    }
    if (result == NTFS_OK)
        node->state = NODE_KNOWN;
    return result == NTFS_NO_MEMORY ? result : NTFS_OK;
}

static int record_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Sorted, each once, without those that are known. */
static size_t records_unknown(const struct ntfs_paths *paths, uint64_t *records, size_t count)
{
    size_t kept = 0;
    if (count > 0)
        qsort(records, count, sizeof *records, record_compare);
    for (size_t i = 0; i < count; i++)
        if ((kept == 0 || records[kept - 1] != records[i]) && !table_find(paths, records[i]))
            records[kept++] = records[i];
    return kept;
}

int ntfs_paths_load(struct ntfs_paths *paths, const uint64_t *references, size_t count)
{
    if (paths->count > KNOWN_MAX)
        table_forget(paths);
    uint64_t *records = malloc((count + 1) * sizeof *records);
    if (!records)
        return NTFS_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        records[i] = NTFS_REFERENCE_RECORD(references[i]);
    int result = NTFS_OK;
    /* Each round makes at least one more record known, so rings of parents end. */
    while (result == NTFS_OK && (count = records_unknown(paths, records, count)) > 0) {
        ntfs_volume_ahead(paths->volume, records, count);
        size_t next = 0;
        for (size_t i = 0; i < count && result == NTFS_OK; i++) {
            struct node node;
            result = node_read(paths, records[i], &node);
            if (result == NTFS_OK)
                result = table_add(paths, &node);
            /* Never more parents than records were read. */
            if (node.state == NODE_KNOWN && node.record != NTFS_RECORD_ROOT)
                records[next++] = NTFS_REFERENCE_RECORD(node.parent);
        }
        count = next;
    }
    free(records);
    return result;
}

/* ---- paths
 * ---------------------------------------------------------------------------------------------- */

/* The directory that a reference names, if that is the one that was read. */
static struct node *node_of(const struct ntfs_paths *paths, uint64_t reference)
{
    struct node *node = table_find(paths, NTFS_REFERENCE_RECORD(reference));
    return node && node->sequence == NTFS_REFERENCE_SEQUENCE(reference) ? node : NULL;
}

static bool is_settled(const struct node *node)
{
    return node->state != NODE_KNOWN || node->way != 0 || node->record == NTFS_RECORD_ROOT;
}

/* How long its path is, and whether it has one. Each directory is measured once, however many
 * things lie below it: forged parents cost no more than true ones. */
static int node_measure(struct ntfs_paths *paths, struct node *node)
{
    size_t count = 0;
    while (node && !is_settled(node)) {
        if (count == paths->chain_capacity) {
            size_t more = paths->chain_capacity ? paths->chain_capacity * 2 : 64;
            size_t *grown = realloc(paths->chain, more * sizeof *grown);
            if (!grown) {
                while (count > 0)
                    paths->nodes[paths->chain[--count]].way = 0;
                return NTFS_NO_MEMORY;
            }
            paths->chain = grown;
            paths->chain_capacity = more;
        }
        paths->chain[count++] = (size_t)(node - paths->nodes);
        node->way = UINT32_MAX;
        node = node_of(paths, node->parent);
    }
    /* What is being measured was met again: a ring. */
    uint8_t state = !node || node->way == UINT32_MAX ? NODE_DEAD : node->state;
    uint32_t way = state == NODE_KNOWN ? node->way : 0;
    while (count > 0) {
        struct node *below = &paths->nodes[paths->chain[--count]];
        if (state == NODE_KNOWN && way + 1 + below->length > BYTES_MAX)
            state = NODE_FAR;
        way += 1 + below->length;
        below->way = state == NODE_KNOWN ? way : 0;
        below->state = state;
    }
    return NTFS_OK;
}

int ntfs_paths_text(struct ntfs_paths *paths, uint64_t parent, const struct text *name,
                    struct text *out)
{
    struct node *node = node_of(paths, parent);
    int result = node ? node_measure(paths, node) : NTFS_ABSENT;
    if (result != NTFS_OK)
        return result;
    if (node->state != NODE_KNOWN)
        return node->state == NODE_FAR ? NTFS_CORRUPT : NTFS_ABSENT;
    size_t length = node->way + 1 + name->length, at = length - name->length;
    if (length > BYTES_MAX)
        return NTFS_CORRUPT;
    char *bytes = malloc(length + 1);
    if (!bytes)
        return NTFS_NO_MEMORY;
    bytes[length] = '\0';
    memcpy(bytes + at, name->bytes, name->length);
    bytes[--at] = '/';
    for (; at > 0; node = node_of(paths, node->parent)) {
        at -= node->length;
        memcpy(bytes + at, paths->names + node->name, node->length);
        bytes[--at] = '/';
    }
    *out = (struct text){bytes, length};
    return NTFS_OK;
}
