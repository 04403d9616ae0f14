/* What state the target of a link is in (Windows). */
#ifndef JUNCTION_CHECK_WIN_H
#define JUNCTION_CHECK_WIN_H

#include "place_win.h"

/* Where the entry's target leads, with the rights that the thread has. `path` is that of the link;
 * `link` its handle: a target that holds the link is a loop, or NULL, which leaves that question
 * out. UNCHECKED for what is no junction, volume mount point or symbolic link, and for want of
 * memory. */
enum target_state check_state(const struct engine *engine, struct engine_work *work,
                              const struct path *path, HANDLE link,
                              const struct reparse_entry *entry);

/* Reads and decodes the reparse point behind the handle into the entry, whose path is left to the
 * caller. */
int check_entry(const struct engine *engine, struct engine_work *work, HANDLE file,
                const struct place_facts *facts, struct reparse_entry *out,
                struct engine_error *error);

#endif
