#include "monitor.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SLICE_NS 50000000L

struct monitor {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
};

struct monitor *monitor_new(void)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);
    if (!monitor)
        return NULL;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&monitor->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&monitor->mutex, NULL);
    return monitor;
}

void monitor_free(struct monitor *monitor)
{
    if (!monitor)
        return;
    pthread_mutex_destroy(&monitor->mutex);
    pthread_cond_destroy(&monitor->condition);
    free(monitor);
}

void monitor_enter(struct monitor *monitor)
{
    pthread_mutex_lock(&monitor->mutex);
}

void monitor_leave(struct monitor *monitor)
{
    pthread_mutex_unlock(&monitor->mutex);
}

void monitor_wait(struct monitor *monitor)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += SLICE_NS;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&monitor->condition, &monitor->mutex, &until);
}

void monitor_wake_all(struct monitor *monitor)
{
    pthread_cond_broadcast(&monitor->condition);
}
