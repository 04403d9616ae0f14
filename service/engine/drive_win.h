/* What drive letters stand for, asked of the object manager only: GetDriveType would open the
 * device, and so call another machine. */
#ifndef JUNCTION_DRIVE_H
#define JUNCTION_DRIVE_H

#include "engine_win.h"

enum drive_kind { DRIVE_IS_ABSENT, DRIVE_IS_VOLUME, DRIVE_IS_NETWORK };

/* Where the letter leads for whoever the thread is, `subst` followed. */
enum drive_kind drive_kind(const struct engine *engine, wchar_t letter);

/* May a junction lead to the letter? INVALID_TARGET when it is substituted or mapped, for the
 * caller or for everybody: where links are followed, such a letter may mean nothing, or something
 * else. */
int drive_is_target(const struct engine *engine, wchar_t letter, struct engine_error *error);

#endif
