/* Targets on Linux: the names that what a user wrote is stored under. */
#ifndef JUNCTION_TARGET_H
#define JUNCTION_TARGET_H

#include "reparse.h"
#include "volume.h"

/* The two names for what a user wrote as the target of a link on `volume`: a Windows path (a letter
 * and `:`, or `\`), or a path of this system on the same volume, for which `drive` or the
 * configuration gives a letter. INVALID_TARGET, OTHER_VOLUME, NO_DRIVE_LETTER, TARGET_TOO_LONG. */
int target_names(struct engine *engine, const struct volume *volume, const char *target, char drive,
                 struct text *substitute_name, struct text *print_name, struct engine_error *error);

/* Is `present` what the caller expects? Text that no rule accepts is compared with the stored names
 * as it is. 0, or -1 with TARGET_CHANGED. */
int target_expected(struct engine *engine, const struct volume *volume, const char *expected,
                    char drive, const struct reparse_data *present, struct engine_error *error);

#endif
