#include "ntfs_volume.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define TORN_ATTEMPTS 4
#define AHEAD_GAP     16384u /* reading over a gap costs less than another request */

#define LIST_MAX        ((size_t)256 * 1024) /* NTFS' own limit */
#define LIST_ENTRY      0x1Au
#define EXTENSION_BYTES ((size_t)16 << 20) /* of one file */

/* ---- bytes
 * ---------------------------------------------------------------------------------------------- */

int ntfs_source_read(struct ntfs_source *source, uint64_t offset, void *buffer, size_t length)
{
    source->requests++;
    source->bytes += length;
    int os = source->read(source->context, offset, buffer, length);
    if (os == 0)
        return NTFS_OK;
    source->os = os;
    return NTFS_IO;
}

void ntfs_content_clear(struct ntfs_content *content)
{
    free(content->value);
    ntfs_runs_clear(&content->runs);
    memset(content, 0, sizeof *content);
}

int ntfs_content_read(const struct ntfs_volume *volume, const struct ntfs_content *content,
                      uint64_t offset, void *buffer, size_t length)
{
    uint8_t *to = buffer;
    uint32_t cluster = volume->geometry.cluster;
    if (offset > content->size || length > content->size - offset)
        return NTFS_CORRUPT;
    if (content->value) {
        memcpy(to, content->value + offset, length);
        return NTFS_OK;
    }
    while (length > 0) {
        const struct ntfs_run *run = ntfs_runs_find(&content->runs, offset / cluster);
        if (!run)
            return NTFS_CORRUPT;
        uint64_t into = offset - run->vcn * cluster, left = run->length * cluster - into;
        size_t part = left < length ? (size_t)left : length;
        bool stored = offset < content->initialized;
        if (stored && part > content->initialized - offset)
            part = (size_t)(content->initialized - offset);
        if (stored) {
            int result = ntfs_source_read(volume->source, run->lcn * cluster + into, to, part);
            if (result != NTFS_OK)
                return result;
        } else {
            memset(to, 0, part);
        }
        to += part;
        offset += part;
        length -= part;
    }
    return NTFS_OK;
}

bool ntfs_content_position(const struct ntfs_volume *volume, const struct ntfs_content *content,
                           uint64_t offset, uint64_t *position)
{
    uint32_t cluster = volume->geometry.cluster;
    const struct ntfs_run *run = ntfs_runs_find(&content->runs, offset / cluster);
    if (!run)
        return false;
    *position = run->lcn * cluster + (offset - run->vcn * cluster);
    return true;
}

/* ---- records
 * -------------------------------------------------------------------------------------------- */

int ntfs_volume_record(const struct ntfs_volume *volume, uint64_t number, uint8_t *block,
                       struct ntfs_record *out)
{
    uint32_t size = volume->geometry.record;
    if (number >= volume->records)
        return NTFS_ABSENT;
    int result = NTFS_TORN;
    for (int attempt = 0; attempt < TORN_ATTEMPTS && result == NTFS_TORN; attempt++) {
        result = ntfs_content_read(volume, &volume->mft, number * size, block, size);
        if (result == NTFS_OK)
            result = ntfs_record_parse(block, size, out);
    }
    return result;
}

void ntfs_volume_ahead(const struct ntfs_volume *volume, const uint64_t *numbers, size_t count)
{
    const struct ntfs_source *source = volume->source;
    uint64_t from = 0, to = 0, position;
    if (!source->ahead || count < 2)
        return;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] >= volume->records ||
            !ntfs_content_position(volume, &volume->mft, numbers[i] * volume->geometry.record,
                                   &position))
            continue;
        if (to > 0 && position >= from && position <= to + AHEAD_GAP) {
            to = position + volume->geometry.record;
            continue;
        }
        if (to > 0)
            source->ahead(source->context, from, to - from);
        from = position;
        to = position + volume->geometry.record;
    }
    if (to > 0)
        source->ahead(source->context, from, to - from);
}

/* ---- attribute lists
 * ------------------------------------------------------------------------------------ */

/* One piece of an attribute, and the record that it lies in. */
struct listed {
    uint32_t type;
    uint64_t lowest, reference;
};

static int listed_compare(const void *a, const void *b)
{
    const struct listed *left = a, *right = b;
    if (left->type != right->type)
        return left->type < right->type ? -1 : 1;
    if (left->lowest != right->lowest)
        return left->lowest < right->lowest ? -1 : 1;
    return 0;
}

/* The bytes of the list, malloc'ed. */
static int list_bytes(const struct ntfs_volume *volume, const struct ntfs_attribute *attribute,
                      uint8_t **out, size_t *length)
{
    uint64_t size = attribute->resident ? attribute->length : attribute->size;
    if (size > LIST_MAX || attribute->scrambled || (!attribute->resident && attribute->lowest != 0))
        return NTFS_CORRUPT;
    uint8_t *bytes = malloc(size > 0 ? (size_t)size : 1);
    if (!bytes)
        return NTFS_NO_MEMORY;
    int result = NTFS_OK;
    if (attribute->resident) {
        memcpy(bytes, attribute->value, (size_t)size);
    } else {
        struct ntfs_content content = {.size = size, .initialized = attribute->initialized};
        result = ntfs_runs_add(&content.runs, 0, attribute->value, attribute->length,
                               volume->geometry.clusters);
        if (result == NTFS_OK)
            result = ntfs_content_read(volume, &content, 0, bytes, (size_t)size);
        ntfs_content_clear(&content);
    }
    if (result != NTFS_OK) {
        free(bytes);
        return result;
    }
    *out = bytes;
    *length = (size_t)size;
    return NTFS_OK;
}

/* What the list says about the wanted types, sorted by type and VCN. Malloc'ed. */
static int list_read(const struct ntfs_volume *volume, const struct ntfs_attribute *attribute,
                     unsigned wanted, struct listed **out, size_t *count)
{
    uint8_t *bytes;
    size_t length, found = 0;
    int result = list_bytes(volume, attribute, &bytes, &length);
    if (result != NTFS_OK)
        return result;
    struct listed *rows = malloc((length / LIST_ENTRY + 1) * sizeof *rows);
    if (!rows) {
        free(bytes);
        return NTFS_NO_MEMORY;
    }
    for (size_t at = 0; length - at >= LIST_ENTRY;) {
        const uint8_t *entry = bytes + at;
        size_t size = bytes_get16(entry + 4);
        struct listed row = {bytes_get32(entry), bytes_get64(entry + 8), bytes_get64(entry + 16)};
        if (size < LIST_ENTRY || size > length - at) {
            result = NTFS_CORRUPT;
            break;
        }
        if (row.type <= 0x100 && (wanted & NTFS_WANT(row.type)))
            rows[found++] = row;
        at += size;
    }
    free(bytes);
    if (result != NTFS_OK) {
        free(rows);
        return result;
    }
    qsort(rows, found, sizeof *rows, listed_compare);
    *out = rows;
    *count = found;
    return NTFS_OK;
}

/* Reads a record that must extend the file `base`. */
static int extension_read(const struct ntfs_volume *volume, uint64_t base, uint64_t reference,
                          uint8_t *block, struct ntfs_record *out)
{
    int result = ntfs_volume_record(volume, NTFS_REFERENCE_RECORD(reference), block, out);
    if (result != NTFS_OK)
        return result == NTFS_ABSENT ? NTFS_CORRUPT : result;
    if (!out->in_use || out->base != base || out->sequence != NTFS_REFERENCE_SEQUENCE(reference))
        return NTFS_CORRUPT;
    return NTFS_OK;
}

/* ---- files
 * ---------------------------------------------------------------------------------------------- */

void ntfs_file_close(struct ntfs_file *file)
{
    free(file->blocks);
    free(file->records);
    memset(file, 0, sizeof *file);
}

static int reference_compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* The extension records that the rows name, each once. */
static int file_extend(struct ntfs_file *file, const struct listed *rows, size_t count)
{
    size_t size = file->volume->geometry.record, more = 0;
    uint64_t *references = malloc((count + 1) * sizeof *references);
    int result = references ? NTFS_OK : NTFS_NO_MEMORY;
    for (size_t i = 0; i < count && result == NTFS_OK; i++)
        if (rows[i].reference != file->reference)
            references[more++] = rows[i].reference;
    if (more > 0)
        qsort(references, more, sizeof *references, reference_compare);
    size_t distinct = 0;
    for (size_t i = 0; i < more; i++)
        if (distinct == 0 || references[distinct - 1] != references[i])
            references[distinct++] = references[i];
    if (distinct > EXTENSION_BYTES / size)
        result = NTFS_CORRUPT;
    if (result == NTFS_OK && distinct > 0) {
        uint8_t *blocks = realloc(file->blocks, (1 + distinct) * size);
        if (blocks)
            file->blocks = blocks;
        struct ntfs_record *records =
            blocks ? realloc(file->records, (1 + distinct) * sizeof *records) : NULL;
        if (records) {
            file->records = records;
            file->records[0].bytes = file->blocks;
        } else {
            result = NTFS_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < distinct && result == NTFS_OK; i++) {
        result = extension_read(file->volume, file->reference, references[i],
                                file->blocks + file->count * size, &file->records[file->count]);
        if (result == NTFS_OK)
            file->count++;
    }
    free(references);
    return result;
}

/* The file's own attribute list, which is always in the base record. 1, 0 none, NTFS_CORRUPT. */
static int find_list(const struct ntfs_record *record, struct ntfs_attribute *out)
{
    size_t position = 0;
    int found;
    while ((found = ntfs_attribute_next(record, &position, out)) == 1)
        if (out->type == NTFS_ATTRIBUTE_LIST)
            return 1;
    return found;
}

int ntfs_file_from(const struct ntfs_volume *volume, uint64_t number, const uint8_t *block,
                   const struct ntfs_record *record, unsigned wanted, struct ntfs_file *out)
{
    size_t size = volume->geometry.record;
    memset(out, 0, sizeof *out);
    if (!record->in_use || record->base != 0)
        return NTFS_ABSENT;
    out->volume = volume;
    out->reference = number | (uint64_t)record->sequence << 48;
    out->blocks = malloc(size);
    out->records = malloc(sizeof *out->records);
    if (!out->blocks || !out->records) {
        ntfs_file_close(out);
        return NTFS_NO_MEMORY;
    }
    memcpy(out->blocks, block, size);
    out->records[0] = *record;
    out->records[0].bytes = out->blocks;
    out->count = 1;

    struct ntfs_attribute list;
    struct listed *rows = NULL;
    size_t count = 0;
    int result = find_list(&out->records[0], &list);
    if (result == 1)
        result = list_read(volume, &list, wanted, &rows, &count);
    if (result == NTFS_OK && count > 0)
        result = file_extend(out, rows, count);
    free(rows);
    if (result != NTFS_OK)
        ntfs_file_close(out);
    return result;
}

int ntfs_file_open(const struct ntfs_volume *volume, uint64_t reference, unsigned wanted,
                   struct ntfs_file *out)
{
    uint64_t number = NTFS_REFERENCE_RECORD(reference);
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(reference);
    struct ntfs_record record;
    memset(out, 0, sizeof *out);
    uint8_t *block = malloc(volume->geometry.record);
    if (!block)
        return NTFS_NO_MEMORY;
    int result = ntfs_volume_record(volume, number, block, &record);
    if (result == NTFS_OK && sequence != 0 && record.sequence != sequence)
        result = NTFS_ABSENT;
    if (result == NTFS_OK)
        result = ntfs_file_from(volume, number, block, &record, wanted, out);
    free(block);
    return result;
}

int ntfs_file_next(const struct ntfs_file *file, struct ntfs_cursor *cursor,
                   struct ntfs_attribute *out)
{
    while (cursor->record < file->count) {
        int result = ntfs_attribute_next(&file->records[cursor->record], &cursor->position, out);
        if (result != 0)
            return result;
        cursor->record++;
        cursor->position = 0;
    }
    return 0;
}

/* ---- contents
 * ------------------------------------------------------------------------------------------- */

static int piece_compare(const void *a, const void *b)
{
    const struct ntfs_attribute *left = a, *right = b;
    return left->lowest < right->lowest ? -1 : left->lowest > right->lowest;
}

/* Pieces with the attribute's type and name, sorted by VCN. Malloc'ed. */
static int pieces_find(const struct ntfs_file *file, uint32_t type, const char *name,
                       struct ntfs_attribute **out, size_t *count)
{
    struct ntfs_attribute attribute, *pieces = NULL;
    struct ntfs_cursor cursor = {0, 0};
    size_t capacity = 0;
    int found;
    *count = 0;
    while ((found = ntfs_file_next(file, &cursor, &attribute)) == 1) {
        if (!ntfs_attribute_is(&attribute, type, name))
            continue;
        if (*count == capacity) {
            size_t more = capacity ? capacity * 2 : 4;
            struct ntfs_attribute *grown = realloc(pieces, more * sizeof *grown);
            if (!grown) {
                free(pieces);
                return NTFS_NO_MEMORY;
            }
            pieces = grown;
            capacity = more;
        }
        pieces[(*count)++] = attribute;
    }
    if (found < 0) {
        free(pieces);
        return found;
    }
    if (*count == 0)
        return NTFS_ABSENT;
    qsort(pieces, *count, sizeof *pieces, piece_compare);
    *out = pieces;
    return NTFS_OK;
}

static int content_begin(const struct ntfs_volume *volume, const struct ntfs_attribute *first,
                         struct ntfs_content *out)
{
    if (first->scrambled || first->lowest != 0)
        return NTFS_CORRUPT;
    out->size = first->size;
    out->initialized = first->initialized;
    return ntfs_runs_add(&out->runs, 0, first->value, first->length, volume->geometry.clusters);
}

/* Its clusters are there once, and all of its bytes lie in them: so it is no larger than the
 * volume, whatever it claims. */
static int content_end(const struct ntfs_volume *volume, const struct ntfs_content *content)
{
    bool no_memory;
    if (!ntfs_runs_are_apart(&content->runs, &no_memory))
        return no_memory ? NTFS_NO_MEMORY : NTFS_CORRUPT;
    return content->size <= ntfs_runs_end(&content->runs) * volume->geometry.cluster ? NTFS_OK
                                                                                     : NTFS_CORRUPT;
}

int ntfs_file_content(const struct ntfs_file *file, uint32_t type, const char *name,
                      struct ntfs_content *out)
{
    struct ntfs_attribute *pieces;
    size_t count;
    memset(out, 0, sizeof *out);
    int result = pieces_find(file, type, name, &pieces, &count);
    if (result != NTFS_OK)
        return result;
    if (pieces[0].resident) {
        out->size = out->initialized = pieces[0].length;
        out->value = malloc(pieces[0].length > 0 ? pieces[0].length : 1);
        if (out->value)
            memcpy(out->value, pieces[0].value, pieces[0].length);
        result = !out->value ? NTFS_NO_MEMORY : count == 1 ? NTFS_OK : NTFS_CORRUPT;
    } else {
        result = content_begin(file->volume, &pieces[0], out);
        for (size_t i = 1; i < count && result == NTFS_OK; i++)
            result = pieces[i].resident
                         ? NTFS_CORRUPT
                         : ntfs_runs_add(&out->runs, pieces[i].lowest, pieces[i].value,
                                         pieces[i].length, file->volume->geometry.clusters);
        if (result == NTFS_OK)
            result = content_end(file->volume, out);
    }
    free(pieces);
    if (result != NTFS_OK)
        ntfs_content_clear(out);
    return result;
}

/* ---- the MFT
 * -------------------------------------------------------------------------------------------- */

/* Record 0, which tells where the MFT lies, from the MFT itself or from its copy. */
static int mft_first_record(const struct ntfs_volume *volume, uint8_t *block,
                            struct ntfs_record *out)
{
    const struct ntfs_geometry *geometry = &volume->geometry;
    const uint64_t places[] = {geometry->mft, geometry->mirror};
    int result = NTFS_CORRUPT;
    for (size_t i = 0; i < (size_t)2 * TORN_ATTEMPTS; i++) {
        uint64_t place = places[i / TORN_ATTEMPTS];
        if (place >= geometry->clusters)
            continue;
        result =
            ntfs_source_read(volume->source, place * geometry->cluster, block, geometry->record);
        if (result == NTFS_OK)
            result = ntfs_record_parse(block, geometry->record, out);
        if (result == NTFS_OK)
            return out->in_use && out->base == 0 ? NTFS_OK : NTFS_CORRUPT;
        if (result == NTFS_IO)
            return result;
    }
    return result == NTFS_ABSENT ? NTFS_CORRUPT : result;
}

static int find_data(const struct ntfs_record *record, uint64_t lowest, struct ntfs_attribute *out)
{
    size_t position = 0;
    int found;
    while ((found = ntfs_attribute_next(record, &position, out)) == 1)
        if (ntfs_attribute_is(out, NTFS_DATA, "") && !out->resident && out->lowest == lowest)
            return NTFS_OK;
    return found < 0 ? found : NTFS_CORRUPT;
}

/* The other pieces of an MFT that lies in many places. Each record that is needed to go on must lie
 * in what is known by then: so it is written. */
static int mft_extend(struct ntfs_volume *volume, const struct ntfs_record *first,
                      const struct ntfs_attribute *list, uint8_t *block)
{
    struct listed *rows;
    size_t count;
    uint64_t base = (uint64_t)first->sequence << 48;
    int result = list_read(volume, list, NTFS_WANT(NTFS_DATA), &rows, &count);
    if (result != NTFS_OK)
        return result;
    for (size_t i = 0; i < count && result == NTFS_OK; i++) {
        struct ntfs_record record;
        struct ntfs_attribute piece;
        if (rows[i].lowest == 0)
            continue;
        result = extension_read(volume, base, rows[i].reference, block, &record);
        if (result == NTFS_OK)
            result = find_data(&record, rows[i].lowest, &piece);
        if (result == NTFS_OK)
            result = ntfs_runs_add(&volume->mft.runs, piece.lowest, piece.value, piece.length,
                                   volume->geometry.clusters);
    }
    free(rows);
    return result;
}

int ntfs_volume_open(struct ntfs_source *source, struct ntfs_volume *out)
{
    uint8_t boot[NTFS_BOOT_SIZE], *blocks = NULL;
    struct ntfs_record first;
    struct ntfs_attribute data, list;
    memset(out, 0, sizeof *out);
    out->source = source;
    int result =
        source->size < sizeof boot ? NTFS_NOT_NTFS : ntfs_source_read(source, 0, boot, sizeof boot);
    if (result == NTFS_OK)
        result = ntfs_geometry_read(boot, &out->geometry);
    if (result != NTFS_OK)
        return result;
    /* What a cut-off image or a forged boot sector tells of beyond the end is nowhere. */
    if (out->geometry.clusters > source->size / out->geometry.cluster)
        out->geometry.clusters = source->size / out->geometry.cluster;
    size_t size = out->geometry.record;
    blocks = malloc(2 * size);
    if (!blocks)
        return NTFS_NO_MEMORY;
    result = mft_first_record(out, blocks, &first);
    if (result == NTFS_OK)
        result = find_data(&first, 0, &data);
    if (result == NTFS_OK)
        result = content_begin(out, &data, &out->mft);
    if (result != NTFS_OK)
        goto done;
    out->records = out->mft.size / size;
    if (out->records > NTFS_RECORD_LIMIT)
        out->records = NTFS_RECORD_LIMIT;
    result = find_list(&first, &list);
    if (result == 1)
        result = mft_extend(out, &first, &list, blocks + size);
    if (result == NTFS_OK)
        result = content_end(out, &out->mft);

done:
    free(blocks);
    if (result != NTFS_OK)
        ntfs_volume_close(out);
    return result;
}

void ntfs_volume_close(struct ntfs_volume *volume)
{
    ntfs_content_clear(&volume->mft);
    memset(volume, 0, sizeof *volume);
}
