#include "lock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "upcase.h"
#include "work.h"

#define LOCK_BUCKETS  64
#define LOCK_SLICE_NS 50000000L

struct lock_table {
    pthread_mutex_t mutex;
    pthread_cond_t released;
    struct lock *held[LOCK_BUCKETS];
};

int lock_table_open(struct lock_table **out, struct engine_error *error)
{
    struct lock_table *locks = calloc(1, sizeof *locks);
    if (!locks)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&locks->released, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&locks->mutex, NULL);
    *out = locks;
    return 0;
}

void lock_table_close(struct lock_table *locks)
{
    if (!locks)
        return;
    pthread_mutex_destroy(&locks->mutex);
    pthread_cond_destroy(&locks->released);
    free(locks);
}

static struct lock **bucket_of(struct lock_table *locks, const struct lock *lock)
{
    uint64_t mix = (lock->device * 31 + lock->inode) * 0x9E3779B97F4A7C15u ^ lock->name;
    return &locks->held[(mix ^ mix >> 32) % LOCK_BUCKETS];
}

static bool is_taken(struct lock *const *bucket, const struct lock *lock)
{
    for (const struct lock *other = *bucket; other; other = other->next) {
        if (other->device == lock->device && other->inode == lock->inode &&
            other->name == lock->name)
            return true;
    }
    return false;
}

/* Whoever holds it may be stuck in the kernel for ever: the wait looks at its own work again and
 * again. */
static int lock_take(struct engine *engine, struct engine_work *work, struct lock *lock,
                     struct engine_error *error)
{
    struct lock_table *locks = engine->locks;
    struct lock **bucket = bucket_of(locks, lock);
    int result = 0;
    pthread_mutex_lock(&locks->mutex);
    while (is_taken(bucket, lock)) {
        if (work_is_cancelled(work)) {
            result = work_cancelled(work, error);
            break;
        }
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOCK_SLICE_NS;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_nsec -= 1000000000L;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&locks->released, &locks->mutex, &until);
        work_beat(work);
    }
    if (result == 0) {
        lock->next = *bucket;
        *bucket = lock;
        lock->held = true;
    }
    pthread_mutex_unlock(&locks->mutex);
    return result;
}

int lock_name(struct engine *engine, struct engine_work *work, const struct place *place,
              struct lock *lock, struct engine_error *error)
{
    uint16_t *units;
    size_t count;
    if (wtf8_to_utf16(place->name, strlen(place->name), &units, &count) != UTF_OK)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    /* Without regard to case, since some mounts have none; names that share a hash only wait for
     * each other. */
    uint64_t hash = 0xCBF29CE484222325u;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ upcase_unit(units[i])) * 0x100000001B3u;
    free(units);
    lock->device = place_device(&place->parent_stat);
    lock->inode = place->parent_stat.stx_ino;
    lock->name = hash | 1;
    return lock_take(engine, work, lock, error);
}

int lock_file(struct engine *engine, struct engine_work *work, const struct place *place,
              struct lock *lock, struct engine_error *error)
{
    lock->device = place_device(&place->leaf_stat);
    lock->inode = place->leaf_stat.stx_ino;
    lock->name = 0;
    return lock_take(engine, work, lock, error);
}

void lock_release(struct engine *engine, struct lock *lock)
{
    struct lock_table *locks = engine->locks;
    if (!lock->held)
        return;
    pthread_mutex_lock(&locks->mutex);
    struct lock **at = bucket_of(locks, lock);
    while (*at != lock)
        at = &(*at)->next;
    *at = lock->next;
    lock->held = false;
    pthread_cond_broadcast(&locks->released);
    pthread_mutex_unlock(&locks->mutex);
}
