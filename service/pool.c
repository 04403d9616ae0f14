#include "pool.h"

#include <stdlib.h>
#include <string.h>

#define STACK_SIZE ((size_t)512 * 1024)

struct pool_thread {
    uv_thread_t thread;
    struct pool *pool;
    struct pool_thread *next; /* in the list of finished threads */
};

int pool_init(struct pool *pool, unsigned threads, unsigned per_share)
{
    int result;
    memset(pool, 0, sizeof *pool);
    pool->limit = threads;
    pool->per_share = per_share;
    result = uv_mutex_init(&pool->lock);
    if (result != 0) {
        return result;
    }
    result = uv_cond_init(&pool->wake);
    if (result != 0) {
        goto no_wake;
    }
    result = uv_cond_init(&pool->ended);
    if (result != 0) {
        goto no_ended;
    }
    return 0;

no_ended:
    uv_cond_destroy(&pool->wake);
no_wake:
    uv_mutex_destroy(&pool->lock);
    return result;
}

static void ring_add(struct pool *pool, struct pool_share *share)
{
    if (share->in_ring) {
        return;
    }
    share->in_ring = true;
    if (pool->ring == NULL) {
        share->ring_next = share;
    } else {
        share->ring_next = pool->ring->ring_next;
        pool->ring->ring_next = share;
    }
    pool->ring = share;
}

static void ring_remove(struct pool *pool, struct pool_share *share)
{
    struct pool_share *before = share;
    while (before->ring_next != share) {
        before = before->ring_next;
    }
    share->in_ring = false;
    if (before == share) {
        pool->ring = NULL;
    } else {
        before->ring_next = share->ring_next;
        if (pool->ring == share) {
            pool->ring = before;
        }
    }
    share->ring_next = NULL;
}

/* The first job of the next share in turn that may have another thread. */
static struct pool_job *take(struct pool *pool)
{
    struct pool_share *last = pool->ring;
    struct pool_share *share = last;
    if (last == NULL) {
        return NULL;
    }
    do {
        share = share->ring_next;
        if (share->running < pool->per_share) {
            struct pool_job *job = share->first;
            share->first = job->next;
            job->next = NULL;
            share->running++;
            job->state = POOL_RUNNING;
            pool->waiting--;
            pool->ring = share;
            if (share->first == NULL) {
                share->last = NULL;
                ring_remove(pool, share);
            }
            return job;
        }
    } while (share != last);
    return NULL;
}

static void thread_main(void *argument)
{
    struct pool_thread *self = argument;
    struct pool *pool = self->pool;

    uv_mutex_lock(&pool->lock);
    for (;;) {
        struct pool_job *job = take(pool);
        if (job != NULL) {
            job->thread = self;
            uv_mutex_unlock(&pool->lock);
            job->run(job);
            uv_mutex_lock(&pool->lock);
            job->thread = NULL;
            job->share->running--;
            if (job->state == POOL_STUCK) {
                job->share->stuck--;
                pool->stuck--;
            }
            job->state = POOL_OUTSIDE;
            uv_mutex_unlock(&pool->lock);
            job->release(job);
            uv_mutex_lock(&pool->lock);
            if (pool->threads - pool->stuck > pool->limit) {
                /* One was stuck and has been replaced. What this thread's end made room for in its
                 * share is for another. */
                if (pool->waiting > 0) {
                    uv_cond_signal(&pool->wake);
                }
                break;
            }
            continue;
        }
        if (pool->stopping) {
            break;
        }
        pool->idle++;
        uv_cond_wait(&pool->wake, &pool->lock);
        pool->idle--;
    }
    pool->threads--;
    self->next = pool->finished;
    pool->finished = self;
    uv_cond_broadcast(&pool->ended);
    uv_mutex_unlock(&pool->lock);
}

static void join_finished(struct pool *pool)
{
    while (pool->finished != NULL) {
        struct pool_thread *thread = pool->finished;
        pool->finished = thread->next;
        uv_thread_join(&thread->thread);
        free(thread);
    }
}

/* Called with the lock held. */
static void start_thread(struct pool *pool)
{
    uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_SIZE};
    struct pool_thread *thread;

    join_finished(pool);
    if (pool->threads - pool->stuck >= pool->limit || pool->stuck >= POOL_MAX_STUCK) {
        return;
    }
    thread = calloc(1, sizeof *thread);
    if (thread == NULL) {
        return;
    }
    thread->pool = pool;
    if (uv_thread_create_ex(&thread->thread, &options, thread_main, thread) != 0) {
        free(thread);
        return;
    }
    pool->threads++;
}

/* Sees to it that `more` jobs beyond those that wait would find a thread: an idle one that was
 * woken but has not run yet counts once. True: somebody is to be woken, after the lock was given
 * up, or he would only run into it. */
static bool find_thread(struct pool *pool, unsigned more)
{
    if (pool->idle < pool->waiting + more) {
        start_thread(pool);
    }
    return pool->idle > 0;
}

int pool_submit(struct pool *pool, struct pool_share *share, struct pool_job *job, bool by_worker)
{
    int result = 0;
    bool wake = false;
    uv_mutex_lock(&pool->lock);
    if (pool->stopping || share->stuck >= pool->per_share) {
        result = -1;
        goto end;
    }
    if (!by_worker) {
        wake = find_thread(pool, 1);
        if (pool->threads == pool->stuck) {
            result = -1; /* not one thread that could ever take it */
            goto end;
        }
    }
    job->share = share;
    job->next = NULL;
    job->state = POOL_WAITING;
    if (share->last == NULL) {
        share->first = job;
    } else {
        share->last->next = job;
    }
    share->last = job;
    pool->waiting++;
    ring_add(pool, share);
end:
    uv_mutex_unlock(&pool->lock);
    if (wake) {
        uv_cond_signal(&pool->wake);
    }
    return result;
}

bool pool_withdraw(struct pool *pool, struct pool_job *job)
{
    bool found = false;
    uv_mutex_lock(&pool->lock);
    if (job->state == POOL_WAITING) {
        struct pool_share *share = job->share;
        struct pool_job *before = NULL;
        struct pool_job *at = share->first;
        while (at != job) {
            before = at;
            at = at->next;
        }
        if (before == NULL) {
            share->first = job->next;
        } else {
            before->next = job->next;
        }
        if (share->last == job) {
            share->last = before;
        }
        if (share->first == NULL) {
            ring_remove(pool, share);
        }
        job->next = NULL;
        job->state = POOL_OUTSIDE;
        pool->waiting--;
        found = true;
    }
    uv_mutex_unlock(&pool->lock);
    return found;
}

bool pool_mark_stuck(struct pool *pool, struct pool_job *job)
{
    bool marked = false;
    uv_mutex_lock(&pool->lock);
    if (job->state == POOL_RUNNING) {
        job->state = POOL_STUCK;
        job->share->stuck++;
        pool->stuck++;
        marked = true;
        if (pool->waiting > 0 && find_thread(pool, 0)) {
            uv_cond_signal(&pool->wake);
        }
    }
    uv_mutex_unlock(&pool->lock);
    return marked;
}

bool pool_interrupt(struct pool *pool, const struct pool_job *job)
{
    /* Under the lock, without which no thread gives its job back. */
    uv_mutex_lock(&pool->lock);
    bool ended = job->thread != NULL && pool_interrupt_thread(&job->thread->thread);
    uv_mutex_unlock(&pool->lock);
    return ended;
}

bool pool_share_is_stuck(struct pool *pool, const struct pool_share *share)
{
    uv_mutex_lock(&pool->lock);
    bool stuck = share->stuck >= pool->per_share;
    uv_mutex_unlock(&pool->lock);
    return stuck;
}

bool pool_share_is_empty(struct pool *pool, const struct pool_share *share)
{
    uv_mutex_lock(&pool->lock);
    bool empty = share->first == NULL && share->running == 0;
    uv_mutex_unlock(&pool->lock);
    return empty;
}

struct pool_figures pool_figures(struct pool *pool)
{
    struct pool_figures figures;
    uv_mutex_lock(&pool->lock);
    figures.threads = pool->threads;
    figures.busy = pool->threads - pool->idle;
    figures.stuck = pool->stuck;
    figures.waiting = pool->waiting;
    figures.limit = pool->limit;
    uv_mutex_unlock(&pool->lock);
    return figures;
}

bool pool_stop(struct pool *pool, uint64_t until)
{
    uv_mutex_lock(&pool->lock);
    pool->stopping = true;
    uv_cond_broadcast(&pool->wake);
    while (pool->threads > 0) {
        uint64_t now = uv_hrtime();
        if (now >= until || uv_cond_timedwait(&pool->ended, &pool->lock, until - now) != 0) {
            if (pool->threads > 0) {
                uv_mutex_unlock(&pool->lock);
                return false;
            }
        }
    }
    join_finished(pool);
    uv_mutex_unlock(&pool->lock);
    uv_cond_destroy(&pool->ended);
    uv_cond_destroy(&pool->wake);
    uv_mutex_destroy(&pool->lock);
    return true;
}
