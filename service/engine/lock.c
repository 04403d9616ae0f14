#include "lock.h"

#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "upcase.h"
#include "work.h"

#define LOCK_BUCKETS 64

struct lock_table {
    struct monitor *monitor;
    struct lock *held[LOCK_BUCKETS];
};

int lock_table_open(struct lock_table **out, struct engine_error *error)
{
    struct lock_table *locks = calloc(1, sizeof *locks);
    if (locks)
        locks->monitor = monitor_new();
    if (!locks || !locks->monitor) {
        free(locks);
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    }
    *out = locks;
    return 0;
}

void lock_table_close(struct lock_table *locks)
{
    if (!locks)
        return;
    monitor_free(locks->monitor);
    free(locks);
}

static struct lock **bucket_of(struct lock_table *locks, const struct lock *lock)
{
    uint64_t mix = (lock->volume * 31 + lock->file) * 0x9E3779B97F4A7C15u ^ lock->name;
    return &locks->held[(mix ^ mix >> 32) % LOCK_BUCKETS];
}

static bool is_taken(struct lock *const *bucket, const struct lock *lock)
{
    for (const struct lock *other = *bucket; other; other = other->next) {
        if (other->volume == lock->volume && other->file == lock->file && other->name == lock->name)
            return true;
    }
    return false;
}

/* Whoever holds it may be stuck in the kernel for ever: the wait looks at its own work again and
 * again. */
static int lock_take(struct lock_table *locks, struct engine_work *work, struct lock *lock,
                     struct engine_error *error)
{
    struct lock **bucket = bucket_of(locks, lock);
    int result = 0;
    monitor_enter(locks->monitor);
    while (is_taken(bucket, lock)) {
        if (work_is_cancelled(work)) {
            result = work_cancelled(work, error);
            break;
        }
        monitor_wait(locks->monitor);
        work_beat(work);
    }
    if (result == 0) {
        lock->next = *bucket;
        *bucket = lock;
        lock->held = true;
    }
    monitor_leave(locks->monitor);
    return result;
}

int lock_name(struct lock_table *locks, struct engine_work *work, uint64_t volume,
              uint64_t directory, const char *name, struct lock *lock, struct engine_error *error)
{
    uint16_t *units;
    size_t count;
    if (wtf8_to_utf16(name, strlen(name), &units, &count) != UTF_OK)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    /* Without regard to case, since some mounts have none; names that share a hash only wait for
     * each other. */
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ upcase_unit(units[i])) * 0x100000001B3u;
    free(units);
    lock->volume = volume;
    lock->file = directory;
    lock->name = hash | 1;
    return lock_take(locks, work, lock, error);
}

int lock_file(struct lock_table *locks, struct engine_work *work, uint64_t volume, uint64_t file,
              struct lock *lock, struct engine_error *error)
{
    lock->volume = volume;
    lock->file = file;
    lock->name = 0;
    return lock_take(locks, work, lock, error);
}

void lock_release(struct lock_table *locks, struct lock *lock)
{
    if (!lock->held)
        return;
    monitor_enter(locks->monitor);
    struct lock **at = bucket_of(locks, lock);
    while (*at != lock)
        at = &(*at)->next;
    *at = lock->next;
    lock->held = false;
    monitor_wake_all(locks->monitor);
    monitor_leave(locks->monitor);
}
