#include "pool.h"

#include <windows.h>

bool pool_interrupt_thread(const uv_thread_t *thread)
{
    /* ERROR_NOT_FOUND: it waits in no call that could be ended, or is not in one. */
    return CancelSynchronousIo(*thread) != FALSE;
}
