/* Names as typed -> absolute names as the service wants them, in the caller's own view of the file
 * system.
 *
 * The last component is never followed: it may be the very link that is asked about. */
#ifndef JUNCTION_RESOLVE_H
#define JUNCTION_RESOLVE_H

#include "problem.h"

/* What names look like on this system, for the classic grammar. */
struct resolve_system {
    bool slash_is_flag;       /* `/s` is a flag, not a path */
    bool backslash_separates; /* components end at '\' too */
    bool ignores_case;
    const char *line_end;
    const char *long_prefix; /* what the classic tool puts before the paths of `-s` */
};
extern const struct resolve_system resolve_system;

/* A link or a place to list. Missing directories above it are no error here. 0 with *out owned by
 * the caller, or -1 with *problem. */
int resolve_path(const char *name, struct text *out, struct problem *problem);

/* A target: Windows forms go as they are on Linux. */
int resolve_target(const char *name, struct text *out, struct problem *problem);

/* Whether something of exactly this name is there; the last component is not followed. */
bool resolve_exists(const char *name);

/* Upper case of a character as this system compares names; the character itself where case counts.
 */
uint32_t resolve_fold(uint32_t character);

/* ---- shared by the siblings
 * --------------------------------------------------------------------------------- */

/* Not empty, representable in UTF-16, not longer than NTFS takes. */
int resolve_check(const char *name, bool target, struct problem *problem);

#endif
