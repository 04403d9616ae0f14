#include <windows.h>

#include "monitor.h"

#include <stdlib.h>

#define SLICE_MS 50

struct monitor {
    SRWLOCK lock;
    CONDITION_VARIABLE condition;
};

struct monitor *monitor_new(void)
{
    struct monitor *monitor = malloc(sizeof *monitor);
    if (!monitor)
        return NULL;
    InitializeSRWLock(&monitor->lock);
    InitializeConditionVariable(&monitor->condition);
    return monitor;
}

void monitor_free(struct monitor *monitor)
{
    free(monitor);
}

void monitor_enter(struct monitor *monitor)
{
    AcquireSRWLockExclusive(&monitor->lock);
}

void monitor_leave(struct monitor *monitor)
{
    ReleaseSRWLockExclusive(&monitor->lock);
}

void monitor_wait(struct monitor *monitor)
{
    SleepConditionVariableSRW(&monitor->condition, &monitor->lock, SLICE_MS, 0);
}

void monitor_wake_all(struct monitor *monitor)
{
    WakeAllConditionVariable(&monitor->condition);
}
