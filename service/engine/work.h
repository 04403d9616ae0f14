/* One piece of work from the inside: its phase, its sign of life, and how it fails. */
#ifndef JUNCTION_WORK_H
#define JUNCTION_WORK_H

#include "engine.h"

#if defined(__MINGW_PRINTF_FORMAT)
#define WORK_PRINTF(text, first) __attribute__((format(__MINGW_PRINTF_FORMAT, text, first)))
#elif defined(__GNUC__)
#define WORK_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WORK_PRINTF(text, first)
#endif

/* WAITING -> CHANGING, right before the first system call that changes the disk. True also when the
 * work is CHANGING already; false when it was cancelled or expired, and then nothing may be
 * changed. */
bool work_begin_change(struct engine_work *work);

/* Cancelled or expired. */
bool work_is_cancelled(const struct engine_work *work);

/* A system call came back. */
void work_beat(struct engine_work *work);

/* Fills *error and returns -1. `format` may be NULL: the code alone says it. A detail that does not
 * fit is cut between characters. */
int work_fail(struct engine_error *error, enum engine_code code, int os, const char *format, ...)
    WORK_PRINTF(4, 5);

/* Fills CANCELLED, or TIMED_OUT when a deadline ended the work; returns -1. */
int work_cancelled(const struct engine_work *work, struct engine_error *error);

#endif
