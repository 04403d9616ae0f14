#include "pool.h"

/* A system call that waits for a volume cannot be ended from outside: a signal does not reach it.
 */
bool pool_interrupt_thread(const uv_thread_t *thread)
{
    (void)thread;
    return false;
}
