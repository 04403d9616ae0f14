/* The working threads: turns between shares, the limit of a share, stuck threads and their
 * replacement, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "service/pool.h"

/* A job that waits at a gate, and leaves its number in a list when it ran. */
struct gate {
    uv_mutex_t lock;
    uv_cond_t moved;
    bool open;
    int entered, released;
    int order[256];
    int ran;
};

struct test_job {
    struct pool_job job;
    struct gate *gate;
    int number;
    bool waits;
};

static void gate_init(struct gate *gate)
{
    memset(gate, 0, sizeof *gate);
    assert_int_equal(uv_mutex_init(&gate->lock), 0);
    assert_int_equal(uv_cond_init(&gate->moved), 0);
}

static void gate_open(struct gate *gate)
{
    uv_mutex_lock(&gate->lock);
    gate->open = true;
    uv_cond_broadcast(&gate->moved);
    uv_mutex_unlock(&gate->lock);
}

static void gate_await(struct gate *gate, const int *what, int value)
{
    uv_mutex_lock(&gate->lock);
    while (*what < value) {
        uv_cond_wait(&gate->moved, &gate->lock);
    }
    uv_mutex_unlock(&gate->lock);
}

static void gate_destroy(struct gate *gate)
{
    uv_cond_destroy(&gate->moved);
    uv_mutex_destroy(&gate->lock);
}

static void run(struct pool_job *job)
{
    struct test_job *self = (struct test_job *)job;
    uv_mutex_lock(&self->gate->lock);
    self->gate->entered++;
    uv_cond_broadcast(&self->gate->moved);
    while (self->waits && !self->gate->open) {
        uv_cond_wait(&self->gate->moved, &self->gate->lock);
    }
    self->gate->order[self->gate->ran++] = self->number;
    uv_mutex_unlock(&self->gate->lock);
}

static void release(struct pool_job *job)
{
    struct gate *gate = ((struct test_job *)job)->gate;
    uv_mutex_lock(&gate->lock);
    gate->released++;
    uv_cond_broadcast(&gate->moved);
    uv_mutex_unlock(&gate->lock);
}

static struct test_job make(struct gate *gate, int number, bool waits)
{
    struct test_job job;
    memset(&job, 0, sizeof job);
    job.job.run = run;
    job.job.release = release;
    job.gate = gate;
    job.number = number;
    job.waits = waits;
    return job;
}

static uint64_t soon(void)
{
    return uv_hrtime() + 20000000000u;
}

/* One account floods, another asks once: the other is second in turn, not last. */
static void test_turns(void **state)
{
    struct pool pool;
    struct gate gate;
    struct pool_share flood = {0};
    struct pool_share other = {0};
    struct test_job jobs[40];
    struct test_job single;
    (void)state;

    gate_init(&gate);
    assert_int_equal(pool_init(&pool, 1, 1), 0);
    for (int i = 0; i < 40; i++) {
        jobs[i] = make(&gate, i, i == 0);
        assert_int_equal(pool_submit(&pool, &flood, &jobs[i].job, false), 0);
    }
    gate_await(&gate, &gate.entered, 1);
    single = make(&gate, 1000, false);
    assert_int_equal(pool_submit(&pool, &other, &single.job, false), 0);
    gate_open(&gate);
    gate_await(&gate, &gate.released, 41);
    int place = -1;
    for (int i = 0; i < 41; i++) {
        if (gate.order[i] == 1000) {
            place = i;
        }
    }
    assert_in_range(place, 1, 2);
    assert_true(pool_stop(&pool, soon()));
    gate_destroy(&gate);
}

/* A share never has more than its limit running, and others get the rest. */
static void test_limit_of_a_share(void **state)
{
    struct pool pool;
    struct gate gate;
    struct gate free_gate;
    struct pool_share greedy = {0};
    struct pool_share other = {0};
    struct test_job jobs[6];
    struct test_job single;
    (void)state;

    gate_init(&gate);
    gate_init(&free_gate);
    assert_int_equal(pool_init(&pool, 4, 2), 0);
    for (int i = 0; i < 6; i++) {
        jobs[i] = make(&gate, i, true);
        assert_int_equal(pool_submit(&pool, &greedy, &jobs[i].job, false), 0);
    }
    gate_await(&gate, &gate.entered, 2);
    single = make(&free_gate, 0, false);
    assert_int_equal(pool_submit(&pool, &other, &single.job, false), 0);
    gate_await(&free_gate, &free_gate.released, 1);
    assert_int_equal(gate.entered, 2);
    assert_int_equal(pool_figures(&pool).waiting, 4);
    gate_open(&gate);
    gate_await(&gate, &gate.released, 6);
    assert_true(pool_share_is_empty(&pool, &greedy));
    assert_true(pool_stop(&pool, soon()));
    gate_destroy(&gate);
    gate_destroy(&free_gate);
}

/* Every thread stuck: they are replaced and others are served; the account that is stuck is
 * refused; all comes back in the end. */
static void test_stuck(void **state)
{
    struct pool pool;
    struct gate gate;
    struct gate free_gate;
    struct pool_share stuck[2] = {{0}, {0}};
    struct pool_share other = {0};
    struct test_job jobs[4];
    struct test_job late;
    struct test_job single;
    (void)state;

    gate_init(&gate);
    gate_init(&free_gate);
    assert_int_equal(pool_init(&pool, 4, 2), 0);
    for (int i = 0; i < 4; i++) {
        jobs[i] = make(&gate, i, true);
        assert_int_equal(pool_submit(&pool, &stuck[i / 2], &jobs[i].job, false), 0);
    }
    gate_await(&gate, &gate.entered, 4);
    single = make(&free_gate, 0, false);
    assert_int_equal(pool_submit(&pool, &other, &single.job, false), 0);
    for (int i = 0; i < 4; i++) {
        assert_true(pool_mark_stuck(&pool, &jobs[i].job));
        assert_false(pool_mark_stuck(&pool, &jobs[i].job));
    }
    gate_await(&free_gate, &free_gate.released, 1);
    assert_true(pool_share_is_stuck(&pool, &stuck[0]));
    assert_false(pool_share_is_stuck(&pool, &other));
    late = make(&gate, 9, false);
    assert_int_equal(pool_submit(&pool, &stuck[0], &late.job, false), -1);
    assert_int_equal(pool_figures(&pool).stuck, 4);
    gate_open(&gate);
    gate_await(&gate, &gate.released, 4);
    assert_int_equal(pool_figures(&pool).stuck, 0);
    assert_int_equal(pool_submit(&pool, &stuck[0], &late.job, false), 0);
    gate_await(&gate, &gate.released, 5);
    assert_true(pool_stop(&pool, soon()));
    gate_destroy(&gate);
    gate_destroy(&free_gate);
}

static void test_withdraw(void **state)
{
    struct pool pool;
    struct gate gate;
    struct pool_share share = {0};
    struct test_job jobs[4];
    (void)state;

    gate_init(&gate);
    assert_int_equal(pool_init(&pool, 2, 1), 0);
    for (int i = 0; i < 4; i++) {
        jobs[i] = make(&gate, i, i == 0);
        assert_int_equal(pool_submit(&pool, &share, &jobs[i].job, false), 0);
    }
    gate_await(&gate, &gate.entered, 1);
    assert_false(pool_withdraw(&pool, &jobs[0].job));
    assert_true(pool_withdraw(&pool, &jobs[3].job));
    assert_true(pool_withdraw(&pool, &jobs[1].job));
    assert_false(pool_withdraw(&pool, &jobs[1].job));
    gate_open(&gate);
    gate_await(&gate, &gate.released, 2);
    assert_int_equal(gate.order[0], 0);
    assert_int_equal(gate.order[1], 2);
    assert_true(pool_stop(&pool, soon()));
    gate_destroy(&gate);
}

/* A pool whose work does not end says so in time, instead of waiting for it. */
static void test_stop_does_not_wait_for_ever(void **state)
{
    struct pool pool;
    struct gate gate;
    struct pool_share share = {0};
    struct test_job job;
    (void)state;

    gate_init(&gate);
    assert_int_equal(pool_init(&pool, 2, 1), 0);
    job = make(&gate, 0, true);
    assert_int_equal(pool_submit(&pool, &share, &job.job, false), 0);
    gate_await(&gate, &gate.entered, 1);
    assert_false(pool_stop(&pool, uv_hrtime() + 1000000));
    gate_open(&gate);
    assert_true(pool_stop(&pool, soon()));
    gate_destroy(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_limit_of_a_share),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_withdraw),
        cmocka_unit_test(test_stop_does_not_wait_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
