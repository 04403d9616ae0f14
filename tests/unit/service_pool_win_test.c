/* A thread of the pool that waits in a system call: the call is ended, also one after another, and
 * no other thread's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <windows.h>

#include <string.h>

#include "service/pool.h"

#define TURNS 5

struct reading {
    struct pool_job job;
    HANDLE from; /* nobody writes */
    int turns;   /* reads, one after another */
    volatile LONG ended;
    DWORD errors[TURNS];
    HANDLE begun, released;
};

static void read_on(struct pool_job *job)
{
    struct reading *reading = (struct reading *)job;
    SetEvent(reading->begun);
    for (int i = 0; i < reading->turns; i++) {
        char byte;
        DWORD got;
        reading->errors[i] =
            ReadFile(reading->from, &byte, 1, &got, NULL) ? ERROR_SUCCESS : GetLastError();
        InterlockedIncrement(&reading->ended);
    }
}

static void released(struct pool_job *job)
{
    SetEvent(((struct reading *)job)->released);
}

static void reading_init(struct reading *reading, HANDLE from, int turns)
{
    memset(reading, 0, sizeof *reading);
    reading->job.run = read_on;
    reading->job.release = released;
    reading->from = from;
    reading->turns = turns;
    reading->begun = CreateEventW(NULL, TRUE, FALSE, NULL);
    reading->released = CreateEventW(NULL, TRUE, FALSE, NULL);
    assert_true(reading->begun != NULL && reading->released != NULL);
}

static void reading_clear(struct reading *reading)
{
    CloseHandle(reading->begun);
    CloseHandle(reading->released);
}

/* Until it has returned from this many reads; it may not be in the next one yet. */
static void interrupt_until(struct pool *pool, struct reading *reading, int count)
{
    while (reading->ended < count) {
        (void)pool_interrupt(pool, &reading->job);
        Sleep(1);
    }
}

static void test_interrupt(void **state)
{
    struct pool pool;
    struct pool_share one = {0}, other = {0};
    struct reading stuck, beside, late;
    HANDLE from[2], to[2];
    char byte = 'x';
    DWORD written;
    (void)state;

    for (int i = 0; i < 2; i++) {
        assert_true(CreatePipe(&from[i], &to[i], NULL, 0));
    }
    assert_int_equal(pool_init(&pool, 2, 1), 0);
    reading_init(&stuck, from[0], TURNS);
    reading_init(&beside, from[1], 1);
    reading_init(&late, from[0], 1);
    /* Not one that waits for its turn, and not one that was never given. */
    assert_false(pool_interrupt(&pool, &stuck.job));
    assert_int_equal(pool_submit(&pool, &one, &stuck.job, false), 0);
    assert_int_equal(pool_submit(&pool, &other, &beside.job, false), 0);
    assert_int_equal(pool_submit(&pool, &one, &late.job, false), 0);
    WaitForSingleObject(stuck.begun, INFINITE);
    WaitForSingleObject(beside.begun, INFINITE);
    assert_false(pool_interrupt(&pool, &late.job));

    interrupt_until(&pool, &stuck, 2);
    assert_true(pool_mark_stuck(&pool, &stuck.job));
    interrupt_until(&pool, &stuck, TURNS);
    WaitForSingleObject(stuck.released, INFINITE);
    for (int i = 0; i < TURNS; i++) {
        assert_int_equal(stuck.errors[i], ERROR_OPERATION_ABORTED);
    }

    /* Its thread may have the next job now, which is not the one that is asked for. */
    WaitForSingleObject(late.begun, INFINITE);
    for (int i = 0; i < 100; i++) {
        assert_false(pool_interrupt(&pool, &stuck.job));
    }
    assert_int_equal(late.ended, 0);
    assert_int_equal(beside.ended, 0);
    for (int i = 0; i < 2; i++) {
        assert_true(WriteFile(to[i], &byte, 1, &written, NULL));
    }
    WaitForSingleObject(late.released, INFINITE);
    WaitForSingleObject(beside.released, INFINITE);
    assert_int_equal(late.errors[0], ERROR_SUCCESS);
    assert_int_equal(beside.errors[0], ERROR_SUCCESS);

    assert_true(pool_stop(&pool, uv_hrtime() + 20000000000u));
    for (int i = 0; i < 2; i++) {
        CloseHandle(from[i]);
        CloseHandle(to[i]);
    }
    reading_clear(&stuck);
    reading_clear(&beside);
    reading_clear(&late);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_interrupt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
