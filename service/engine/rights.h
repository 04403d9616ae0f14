/* What the caller may do at a place, as the thread that has his fsuid sees it: usual mounts do not
 * check who changes the reparse attribute. */
#ifndef JUNCTION_RIGHTS_H
#define JUNCTION_RIGHTS_H

#include "place.h"

/* To add, turn or remove names in the parent. */
int rights_may_change(const struct place *place, struct engine_error *error);
/* To retarget or delete the leaf: the above, and in a sticky parent ownership of leaf or parent. */
int rights_may_change_leaf(const struct place *place, struct engine_error *error);
/* To turn the leaf, a directory, into a junction: the first, and ownership of the leaf or write
 * permission on it. */
int rights_may_turn(const struct place *place, struct engine_error *error);
/* As the kernel's protected_symlinks: in sticky directories that anybody may write only links of
 * one's own or the directory's owner are followed. */
bool rights_may_follow(const struct statx *directory, const struct statx *link);

#endif
