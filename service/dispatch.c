#include "dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "../protocol/errors.h"
#include "server.h"

/* Answers that may wait for the loop while a thread goes on with the next request of the
 * connection, and milliseconds after which the loop looks for them by itself. */
#define UNTOLD_MAX        16
#define UNTOLD_MS         2
#define UNTOLD_WAITING_MS 25 /* the same while the next one waits for a thread */

/* How long work whose system call was ended may take to come back with a result of its own, and how
 * often that is tried again with work that was left behind. */
#define INTERRUPT_GRACE_MS 2000
#define INTERRUPT_PAUSE_MS 1000

/* ---- the queue; all under the server's lock ---- */

static void append(struct connection *connection, struct item *item)
{
    item->next = NULL;
    if (connection->last == NULL) {
        connection->first = item;
    } else {
        connection->last->next = item;
    }
    connection->last = item;
    connection->queued++;
    connection->queued_bytes += item->bytes;
}

static void pop(struct connection *connection)
{
    struct item *item = connection->first;
    connection->first = item->next;
    if (connection->first == NULL) {
        connection->last = NULL;
    }
    item->next = NULL;
    connection->queued--;
    connection->queued_bytes -= item->bytes;
}

/* `now` false: the loop will look by itself soon enough, or be told with the next news. */
static void tell_loop(struct connection *connection, bool now)
{
    struct server *server = connection->server;
    if (!connection->in_news) {
        connection->in_news = true;
        connection->news_next = server->news;
        server->news = connection;
    }
    if (now) {
        connection->untold = 0;
        uv_async_send(&server->news_async);
    }
}

static enum work_class class_of(const struct item *item)
{
    return item->kind == ITEM_LONG ? WORK_LONG : WORK_SHORT;
}

static bool submit(struct connection *connection, struct item *item, bool by_worker)
{
    struct server *server = connection->server;
    enum work_class class = class_of(item);
    /* Before the pool has it: a thread may look at once. */
    item->state = ITEM_SUBMITTED;
    if (pool_submit(&server->pools[class], &connection->identity->shares[class], &item->job,
                    by_worker) != 0) {
        item->state = ITEM_WAITING;
        return false;
    }
    connection->taken++;
    return true;
}

/* A waiting item, or one that was taken back from the pool, becomes a refusal in its turn. */
static void turn_into_refusal(struct item *item, int code, const char *text)
{
    if (item->kind == ITEM_ANSWER) {
        return;
    }
    item->kind = ITEM_ANSWER;
    if (text != NULL) {
        message_error_setf(&item->failure, code, "%s", text);
    } else {
        message_error_set(&item->failure, code);
    }
}

static bool take_back(struct connection *connection, struct item *item)
{
    if (!pool_withdraw(&connection->server->pools[class_of(item)], &item->job)) {
        return false;
    }
    item->state = ITEM_WAITING;
    connection->taken--;
    return true;
}

/* ---- on working threads ---- */

static int push_line(void *context, char *line, size_t length)
{
    struct item *item = context;
    struct connection *connection = item->connection;
    struct server *server = connection->server;
    struct out *out = connection_line(line, length);
    int result = -1;

    if (out == NULL) {
        return -1;
    }
    uv_mutex_lock(&server->lock);
    if (connection->closing || item->abandoned) {
        connection_free_lines(out);
        goto end;
    }
    if (connection->outbox_last == NULL) {
        connection->outbox = out;
    } else {
        connection->outbox_last->next = out;
    }
    connection->outbox_last = out;
    connection->pending += length;
    tell_loop(connection, true);
    while (connection->pending > CONNECTION_PAUSE_LIST && !connection->closing &&
           !item->abandoned && atomic_load(&item->work.phase) == ENGINE_PHASE_WAITING) {
        atomic_store(&item->paused, true);
        uv_cond_wait(&connection->drained, &server->lock);
    }
    if (!connection->closing && !item->abandoned) {
        result = 0;
    }
    atomic_store(&item->paused, false);
end:
    uv_mutex_unlock(&server->lock);
    return result;
}

static void run(struct pool_job *job)
{
    struct item *item = (struct item *)job;
    struct connection *connection = item->connection;
    struct server *server = connection->server;
    struct operations_output output = {push_line, item};
    operations_run(server->engine, connection->peer, &server->log, item, &output);
}

static void release(struct pool_job *job)
{
    struct item *item = (struct item *)job;
    struct connection *connection = item->connection;
    struct server *server = connection->server;
    struct item *next;
    bool goes_on = false;

    uv_mutex_lock(&server->lock);
    item->state = ITEM_DONE;
    if (!item->abandoned) {
        pop(connection);
        /* The next one need not wait for the loop. A thread of the short pool is about to look for
         * work itself; one of the long pool has to wake one. */
        next = connection->first;
        if (next != NULL && next->kind == ITEM_SHORT && !connection->closing) {
            /* Refused: the loop will see and say so. */
            goes_on = submit(connection, next, item->kind == ITEM_SHORT);
        }
    }
    item->next = NULL;
    if (connection->done_last == NULL) {
        connection->done = item;
    } else {
        connection->done_last->next = item;
    }
    connection->done_last = item;
    /* Waking the loop costs as much as a short operation: pipelined answers go out by the handful.
     */
    tell_loop(connection, !goes_on || ++connection->untold >= UNTOLD_MAX);
    uv_mutex_unlock(&server->lock);
}

/* ---- on the loop ---- */

void dispatch_enqueue(struct connection *connection, struct item *item)
{
    item->job.run = run;
    item->job.release = release;
    if (item->kind == ITEM_SHORT || item->kind == ITEM_LONG) {
        engine_work_init(&item->work, peer_scope(connection->peer));
    }
    uv_mutex_lock(&connection->server->lock);
    append(connection, item);
    uv_mutex_unlock(&connection->server->lock);
}

/* Under the lock. */
static struct item *find(struct connection *connection, const struct message_id *id)
{
    for (struct item *item = connection->first; item != NULL; item = item->next) {
        if (item->has_request && message_id_equal(&item->id, id)) {
            return item;
        }
    }
    return NULL;
}

struct item *dispatch_find(struct connection *connection, const struct message_id *id)
{
    uv_mutex_lock(&connection->server->lock);
    struct item *item = find(connection, id);
    uv_mutex_unlock(&connection->server->lock);
    return item;
}

struct item *dispatch_next(struct connection *connection)
{
    struct server *server = connection->server;
    struct item *item;

    uv_mutex_lock(&server->lock);
    item = connection->first;
    if (item == NULL || item->state == ITEM_SUBMITTED || connection->done != NULL) {
        item = NULL; /* with `done` the loop has news of its own coming, which goes out first */
        goto end;
    }
    if (item->kind == ITEM_SHORT || item->kind == ITEM_LONG) {
        if (submit(connection, item, false)) {
            item = NULL;
            goto end;
        }
        turn_into_refusal(item, JERR_BUSY,
                          pool_share_is_stuck(&server->pools[class_of(item)],
                                              &connection->identity->shares[class_of(item)])
                              ? "too many operations of this account wait for a volume that does "
                                "not answer"
                              : NULL);
    }
    pop(connection);
end:
    uv_mutex_unlock(&server->lock);
    return item;
}

void dispatch_cancel(struct connection *connection, const struct message_id *id)
{
    struct server *server = connection->server;
    uv_mutex_lock(&server->lock);
    struct item *item = find(connection, id);
    if (item != NULL) {
        if (item->state == ITEM_SUBMITTED && !take_back(connection, item)) {
            (void)engine_work_cancel(&item->work, false); /* a change that has begun goes on */
            uv_cond_broadcast(&connection->drained);
        } else {
            turn_into_refusal(item, JERR_CANCELLED, NULL);
        }
    }
    uv_mutex_unlock(&server->lock);
}

void dispatch_cancel_all(struct connection *connection, bool silently)
{
    struct server *server = connection->server;
    int code = server->stop_by != 0 ? JERR_STOPPING : JERR_CANCELLED;

    uv_mutex_lock(&server->lock);
    for (struct item *item = connection->first; item != NULL; item = item->next) {
        if (item->state == ITEM_SUBMITTED && !take_back(connection, item)) {
            (void)engine_work_cancel(&item->work, false);
        } else if (!silently) {
            turn_into_refusal(item, code, NULL);
        }
    }
    uv_cond_broadcast(&connection->drained);
    uv_mutex_unlock(&server->lock);
}

void dispatch_drop_waiting(struct connection *connection)
{
    struct server *server = connection->server;
    struct item *waiting;

    uv_mutex_lock(&server->lock);
    if (connection->first != NULL && connection->first->state == ITEM_SUBMITTED) {
        struct item *head = connection->first;
        waiting = head->next;
        head->next = NULL;
        connection->last = head;
        connection->queued = 1;
        connection->queued_bytes = head->bytes;
    } else {
        waiting = connection->first;
        connection->first = connection->last = NULL;
        connection->queued = 0;
        connection->queued_bytes = 0;
    }
    uv_mutex_unlock(&server->lock);
    while (waiting != NULL) {
        struct item *next = waiting->next;
        item_free(waiting);
        waiting = next;
    }
}

/* Under the lock: the running head is answered by an item made for it, and is nobody's any more
 * when its thread comes back. */
static void leave_behind(struct connection *connection, struct item *item, struct item *answer)
{
    (void)engine_work_cancel(&item->work, true);
    int phase = atomic_load(&item->work.phase);
    bool stopping = connection->server->stop_by != 0;

    answer->connection = connection;
    answer->kind = ITEM_ANSWER;
    answer->id = item->id;
    answer->bytes = item->bytes;
    answer->received = item->received;
    if (phase == ENGINE_PHASE_CHANGING) {
        message_error_set(&answer->failure, JERR_OUTCOME_UNKNOWN);
    } else if (stopping) {
        message_error_set(&answer->failure, JERR_STOPPING);
    } else if (phase == ENGINE_PHASE_CANCELLED) {
        message_error_set(&answer->failure, JERR_CANCELLED);
    } else {
        message_error_setf(&answer->failure, JERR_TIMED_OUT,
                           "the volume did not answer within %u s",
                           connection->server->config.limits.operationSeconds);
    }
    item->abandoned = true;
    answer->next = item->next;
    connection->first = answer;
    if (connection->last == item) {
        connection->last = answer;
    }
    item->next = NULL;
    uv_cond_broadcast(&connection->drained);
}

/* `moving`: the operation took too long, but its volume answers: that is nobody else's trouble. */
static void mark_volume(struct server *server, struct item *item, bool moving)
{
    item->stuck_volume = moving ? 0 : atomic_load(&item->work.volume);
    if (item->stuck_volume != 0) {
        engine_volume_stuck(server->engine, item->stuck_volume, true);
    }
    log_event(&server->log, LOG_WARNING, "stuck",
              LOG_TEXT("method", method_info(item->request.method)->name),
              LOG_TEXT("identity", item->connection->identity->key),
              LOG_NUMBER("volume", item->stuck_volume));
}

/* Milliseconds until the loop looks again without being told. Answers before the running one may
 * wait untold: not for long, but one that has been running for a while is not looked at hundreds
 * of times a second either. Often enough in any case to see whether it moves. */
static uint64_t next_look(const struct connection *connection, uint64_t running, uint64_t limit)
{
    uint64_t pause = limit / 8;
    if (connection->queued > 1 && running / 8 < pause) {
        pause = running / 8 > UNTOLD_MS ? running / 8 : UNTOLD_MS;
    }
    return pause;
}

/* Under the lock, when the running item is late and does not move: the call that it waits in is
 * ended, where the system can do that, so that it comes back and says itself how far it got.
 * Returns until when it may do so; 0: it is not to be waited for. */
static uint64_t interrupt_late(struct pool *pool, struct item *item, unsigned beats, uint64_t now)
{
    if (item->interrupt_due == 0) {
        (void)engine_work_cancel(&item->work, true);
        item->interrupt_beats = beats;
        item->interrupt_due = pool_interrupt(pool, &item->job) ? now + INTERRUPT_GRACE_MS : now;
    }
    return item->interrupt_due > now ? item->interrupt_due : 0;
}

/* What was left behind is interrupted again as long as it does not move: it may have gone from one
 * call that waits into the next. Returns the time of the next look, 0: none. */
static uint64_t check_left(struct connection *connection, uint64_t now)
{
    uint64_t result = 0;
    for (struct item *item = connection->left; item != NULL; item = item->left_next) {
        if (item->interrupt_due <= now) {
            unsigned beats = atomic_load(&item->work.beats);
            if (beats == item->interrupt_beats) {
                (void)pool_interrupt(&connection->server->pools[class_of(item)], &item->job);
            }
            item->interrupt_beats = beats;
            item->interrupt_due = now + INTERRUPT_PAUSE_MS;
        }
        if (result == 0 || item->interrupt_due < result) {
            result = item->interrupt_due;
        }
    }
    return result;
}

static uint64_t check_running(struct connection *connection, uint64_t now)
{
    struct server *server = connection->server;
    uint64_t limit = server->config.limits.operationSeconds * 1000ull;
    uint64_t result = 0;
    uint64_t since;
    uint64_t elapsed;
    uint64_t pause;
    bool moving = false;
    struct item *answer = NULL;
    struct item *left = NULL;

    uv_mutex_lock(&server->lock);
    struct item *item = connection->first;
    if (item == NULL || item->state != ITEM_SUBMITTED) {
        goto end;
    }
    struct pool *pool = &server->pools[class_of(item)];
    since = atomic_load(&item->started);
    if (since == 0) {
        if (pool_share_is_stuck(pool, &connection->identity->shares[class_of(item)]) &&
            take_back(connection, item)) {
            turn_into_refusal(item, JERR_BUSY,
                              "too many operations of this account wait for a volume that does "
                              "not answer");
            result = now; /* its turn has come: look again at once */
        } else {
            result = now + next_look(connection, UNTOLD_WAITING_MS * 8ull, limit);
        }
        goto end;
    }
    unsigned beats = atomic_load(&item->work.beats);
    if (item->beats_time == 0 && item->kind == ITEM_SHORT) {
        item->beats_time = since;
        item->beats_seen = beats;
    } else if (beats != item->beats_seen || item->beats_time == 0 || atomic_load(&item->paused)) {
        item->beats_seen = beats;
        item->beats_time = uv_hrtime();
    }
    elapsed = (uv_hrtime() - since) / 1000000;
    pause = next_look(connection, elapsed, limit);
    if (item->kind == ITEM_LONG) {
        elapsed = (uv_hrtime() - item->beats_time) / 1000000;
    }
    if (elapsed < limit) {
        result = now + (pause < limit - elapsed ? pause : limit - elapsed);
        goto end;
    }
    moving = (uv_hrtime() - item->beats_time) / 1000000 < limit / 4;
    /* What was interrupted moves because of that: it has its time to come back all the same. */
    result = moving && item->interrupt_due == 0 ? 0 : interrupt_late(pool, item, beats, now);
    if (result != 0) {
        goto end;
    }
    result = now + 10; /* when the thread is just coming back */
    answer = calloc(1, sizeof *answer);
    if (answer != NULL && pool_mark_stuck(pool, &item->job)) {
        leave_behind(connection, item, answer);
        left = item;
        left->interrupt_beats = beats;
        left->interrupt_due = now + INTERRUPT_PAUSE_MS;
        left->left_next = connection->left;
        connection->left = left;
        answer = NULL;
        result = now;
    }
end:
    if (left != NULL) {
        mark_volume(server, left, moving);
    }
    uv_mutex_unlock(&server->lock);
    free(answer);
    return result;
}

uint64_t dispatch_check(struct connection *connection, uint64_t now)
{
    uint64_t running = check_running(connection, now);
    uint64_t left = check_left(connection, now);
    return running == 0 || (left != 0 && left < running) ? left : running;
}

void dispatch_abandon_running(struct connection *connection)
{
    struct server *server = connection->server;
    struct item *answer = calloc(1, sizeof *answer);

    uv_mutex_lock(&server->lock);
    struct item *item = connection->first;
    if (answer != NULL && item != NULL && item->state == ITEM_SUBMITTED) {
        leave_behind(connection, item, answer);
        answer = NULL;
    }
    uv_mutex_unlock(&server->lock);
    free(answer);
}

void dispatch_released(struct connection *connection, struct item *item)
{
    uv_mutex_lock(&connection->server->lock);
    connection->taken--;
    uv_mutex_unlock(&connection->server->lock);
    for (struct item **at = &connection->left; *at != NULL; at = &(*at)->left_next) {
        if (*at == item) {
            *at = item->left_next;
            break;
        }
    }
    if (item->stuck_volume != 0) {
        engine_volume_stuck(connection->server->engine, item->stuck_volume, false);
        log_event(&connection->server->log, LOG_WARNING, "stuck.ended",
                  LOG_TEXT("identity", connection->identity->key),
                  LOG_NUMBER("volume", item->stuck_volume));
    }
}
