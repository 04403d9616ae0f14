/* Targets on Windows: the names that what a user wrote is stored under. */
#ifndef JUNCTION_TARGET_WIN_H
#define JUNCTION_TARGET_WIN_H

#include "engine_win.h"
#include "reparse.h"

/* The two names for what a user wrote as a target; its letter is judged as the caller sees it.
 * INVALID_TARGET, TARGET_TOO_LONG. */
int target_names(const struct engine *engine, const char *target, struct text *substitute_name,
                 struct text *print_name, struct engine_error *error);

/* Is `present` what the caller expects? Text that no rule accepts is compared with the stored names
 * as it is. 0, or -1 with TARGET_CHANGED. */
int target_expected(const char *expected, const struct reparse_data *present,
                    struct engine_error *error);

#endif
