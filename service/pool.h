/* Working threads for one kind of work, shared fairly.
 *
 * Work waits in shares, one an identity; threads take from the shares in turn, and no share has
 * more than its limit running. Threads start when they are needed. A thread that a watcher found
 * stuck (in a system call on a volume that does not answer) goes on counting against its share, but
 * is replaced, so that others are served. */
#ifndef JUNCTION_POOL_H
#define JUNCTION_POOL_H

#include <stdbool.h>
#include <uv.h>

#define POOL_MAX_STUCK 64 /* replaced threads; beyond, the pool shrinks */

struct pool_share;
struct pool_thread;

struct pool_job {
    void (*run)(struct pool_job *job);     /* on a thread of the pool */
    void (*release)(struct pool_job *job); /* on the same thread afterwards: the last touch */
    struct pool_share *share;
    struct pool_job *next;
    struct pool_thread *thread; /* that has it, while RUNNING or STUCK; the pool's own */
    enum { POOL_OUTSIDE, POOL_WAITING, POOL_RUNNING, POOL_STUCK } state; /* the pool's own */
};

/* Zeroed by its owner; the fields are the pool's own. */
struct pool_share {
    struct pool_job *first, *last;
    struct pool_share *ring_next; /* in the ring while jobs wait */
    bool in_ring;
    unsigned running, stuck; /* running includes stuck */
};

struct pool_figures {
    unsigned threads, busy, stuck, waiting, limit;
};

struct pool {
    uv_mutex_t lock;
    uv_cond_t wake;          /* a job waits, or the pool stops */
    uv_cond_t ended;         /* a thread ended */
    struct pool_share *ring; /* last share served; its successor is next */
    struct pool_thread *finished;
    unsigned limit, per_share;
    unsigned threads, idle, stuck, waiting;
    bool stopping;
};

int pool_init(struct pool *pool, unsigned threads, unsigned per_share);

/* 0, or -1 when the share has all its threads stuck, or no thread could be had: the job was not
 * taken. `by_worker`: the caller is a thread of this pool that is about to look for work, so nobody
 * need be woken. */
int pool_submit(struct pool *pool, struct pool_share *share, struct pool_job *job, bool by_worker);

/* Takes a job back that still waits. False: it runs or is done. */
bool pool_withdraw(struct pool *pool, struct pool_job *job);

/* Marks a running job as stuck. False: it does not run (any more). */
bool pool_mark_stuck(struct pool *pool, struct pool_job *job);

/* Ends the system call that the job's thread waits in, if the system can: the call fails
 * (ERROR_OPERATION_ABORTED) and the job goes on from there. False: nothing was ended. A thread that
 * has gone on to another job is never hit; the job may be in its next call already, so this is for
 * one that has not moved for long. */
bool pool_interrupt(struct pool *pool, const struct pool_job *job);
/* The system's side of it: pool_interrupt_unix.c, pool_interrupt_win.c. */
bool pool_interrupt_thread(const uv_thread_t *thread);

/* True when every thread that the share may have is stuck. */
bool pool_share_is_stuck(struct pool *pool, const struct pool_share *share);
bool pool_share_is_empty(struct pool *pool, const struct pool_share *share);

struct pool_figures pool_figures(struct pool *pool);

/* No job may wait. Ends idle threads and waits for the busy ones until `until` (uv_hrtime); false
 * when some are still busy then: the pool's memory is in use and the process must end without it.
 */
bool pool_stop(struct pool *pool, uint64_t until);

#endif
