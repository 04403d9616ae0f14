#include "ntfs_runs.h"

#include <stdlib.h>
#include <string.h>

/* Little endian, two's complement, 0 to 8 bytes. */
static int64_t get_signed(const uint8_t *at, unsigned size)
{
    uint64_t value = size > 0 && (at[size - 1] & 0x80) ? UINT64_MAX : 0;
    for (unsigned i = size; i > 0; i--)
        value = value << 8 | at[i - 1];
    return (int64_t)value;
}

static int append(struct ntfs_runs *runs, uint64_t vcn, uint64_t lcn, uint64_t length)
{
    struct ntfs_run *last = runs->count > 0 ? &runs->run[runs->count - 1] : NULL;
    if (last && last->lcn + last->length == lcn) {
        last->length += length;
        return NTFS_OK;
    }
    if (runs->count == runs->capacity) {
        size_t more = runs->capacity ? runs->capacity * 2 : 8;
        struct ntfs_run *grown = realloc(runs->run, more * sizeof *grown);
        if (!grown)
            return NTFS_NO_MEMORY;
        runs->run = grown;
        runs->capacity = more;
    }
    runs->run[runs->count++] = (struct ntfs_run){vcn, lcn, length};
    return NTFS_OK;
}

uint64_t ntfs_runs_end(const struct ntfs_runs *runs)
{
    if (runs->count == 0)
        return 0;
    const struct ntfs_run *last = &runs->run[runs->count - 1];
    return last->vcn + last->length;
}

int ntfs_runs_add(struct ntfs_runs *runs, uint64_t lowest, const uint8_t *pairs, size_t length,
                  uint64_t clusters)
{
    size_t count = runs->count;
    struct ntfs_run last = count > 0 ? runs->run[count - 1] : (struct ntfs_run){0, 0, 0};
    uint64_t vcn = lowest;
    int64_t lcn = 0;
    int result = lowest == ntfs_runs_end(runs) ? NTFS_OK : NTFS_CORRUPT;
    while (result == NTFS_OK && length > 0 && pairs[0] != 0) {
        unsigned size = pairs[0] & 0x0F, offset = pairs[0] >> 4;
        result = NTFS_CORRUPT;
        if (size == 0 || size > 8 || offset > 8 || 1u + size + offset > length)
            break;
        int64_t run = get_signed(pairs + 1, size);
        int64_t delta = get_signed(pairs + 1 + size, offset);
        if (run <= 0 || (uint64_t)run > (uint64_t)INT64_MAX - vcn)
            break;
        if (offset == 0 || delta < -lcn || delta > INT64_MAX - lcn)
            break;
        lcn += delta;
        if ((uint64_t)lcn >= clusters || (uint64_t)run > clusters - (uint64_t)lcn)
            break;
        result = append(runs, vcn, (uint64_t)lcn, (uint64_t)run);
        vcn += (uint64_t)run;
        pairs += 1 + size + offset;
        length -= 1 + size + offset;
    }
    if (result == NTFS_OK && length == 0)
        result = NTFS_CORRUPT; /* there is no end mark */
    if (result != NTFS_OK) {
        runs->count = count;
        if (count > 0)
            runs->run[count - 1] = last;
    }
    return result;
}

static int place_compare(const void *a, const void *b)
{
    const struct ntfs_run *left = a, *right = b;
    return left->lcn < right->lcn ? -1 : left->lcn > right->lcn;
}

bool ntfs_runs_are_apart(const struct ntfs_runs *runs, bool *no_memory)
{
    *no_memory = false;
    if (runs->count < 2)
        return true;
    struct ntfs_run *sorted = malloc(runs->count * sizeof *sorted);
    if (!sorted) {
        *no_memory = true;
        return false;
    }
    memcpy(sorted, runs->run, runs->count * sizeof *sorted);
    qsort(sorted, runs->count, sizeof *sorted, place_compare);
    bool apart = true;
    for (size_t i = 1; i < runs->count && apart; i++)
        apart = sorted[i].lcn - sorted[i - 1].lcn >= sorted[i - 1].length;
    free(sorted);
    return apart;
}

const struct ntfs_run *ntfs_runs_find(const struct ntfs_runs *runs, uint64_t vcn)
{
    size_t low = 0, high = runs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ntfs_run *run = &runs->run[middle];
        if (vcn < run->vcn)
            high = middle;
        else if (vcn - run->vcn >= run->length)
            low = middle + 1;
        else
            return run;
    }
    return NULL;
}

void ntfs_runs_clear(struct ntfs_runs *runs)
{
    free(runs->run);
    memset(runs, 0, sizeof *runs);
}
