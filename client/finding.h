/* What --check may find. */
#ifndef JUNCTION_FINDING_H
#define JUNCTION_FINDING_H

#include "../protocol/answer.h"

/* True for a target that is known to be bad: dangling, notDirectory or loop. What could not be
 * looked at is no finding. */
bool finding_is_bad(const struct entry *entry);

#endif
