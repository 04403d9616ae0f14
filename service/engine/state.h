/* The state of a target in words. */
#ifndef JUNCTION_STATE_H
#define JUNCTION_STATE_H

#include "engine.h"

/* "nothing is there": for messages. */
const char *state_text(enum target_state state);

#endif
