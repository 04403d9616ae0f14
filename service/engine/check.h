/* Targets on Linux: the names a target is stored under, and what state the target of a link is in.
 */
#ifndef JUNCTION_CHECK_H
#define JUNCTION_CHECK_H

#include "place.h"
#include "reparse.h"

/* The two names for what a user wrote as the target of a link on `volume`: a Windows path (a letter
 * and `:`, or `\`), or a path of this system on the same volume, for which `drive` or the
 * configuration gives a letter. INVALID_TARGET, OTHER_VOLUME, NO_DRIVE_LETTER, TARGET_TOO_LONG. */
int check_names(struct engine *engine, const struct volume *volume, const char *target, char drive,
                struct text *substitute_name, struct text *print_name, struct engine_error *error);

/* Is `present` what the caller expects? Text that no rule accepts is compared with the stored names
 * as it is. 0, or -1 with TARGET_CHANGED. */
int check_expected(struct engine *engine, const struct volume *volume, const char *expected,
                   char drive, const struct reparse_data *present, struct engine_error *error);

/* Where the link leads, with the rights that the thread has. `parent` is the pinned directory that
 * holds it: a target that is this directory or one above it is a loop; `ancestors` false leaves
 * that question out. UNCHECKED for what is no junction, volume mount point or symbolic link. 0, or
 * -1 for want of memory or because the work was cancelled. */
int check_state(struct engine *engine, struct engine_work *work, const struct volume *volume,
                int parent, bool ancestors, const struct reparse_data *link, bool directory,
                enum target_state *state, struct engine_error *error);

/* "dangling", as the protocol names it. */
const char *check_state_name(enum target_state state);

#endif
