/* What state the target of a link is in (Linux). */
#ifndef JUNCTION_CHECK_H
#define JUNCTION_CHECK_H

#include "place.h"
#include "reparse.h"

/* Where the link leads, with the rights that the thread has. `parent` is the pinned directory that
 * holds it: a target that is this directory or one above it is a loop; `ancestors` false leaves
 * that question out. UNCHECKED for what is no junction, volume mount point or symbolic link. 0, or
 * -1 for want of memory or because the work was cancelled. */
int check_state(struct engine *engine, struct engine_work *work, const struct volume *volume,
                int parent, bool ancestors, const struct reparse_data *link, bool directory,
                enum target_state *state, struct engine_error *error);

#endif
