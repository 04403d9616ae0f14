#include "state.h"

const char *state_text(enum target_state state)
{
    static const char *const names[] = {
        [TARGET_UNCHECKED] = "it was not looked at",
        [TARGET_OK] = "it is there",
        [TARGET_DANGLING] = "nothing is there",
        [TARGET_NOT_DIRECTORY] = "it is a file",
        [TARGET_LOOP] = "it leads in a circle",
        [TARGET_INACCESSIBLE] = "it may not be looked at",
        [TARGET_REMOTE] = "it is on another machine",
        [TARGET_UNKNOWN_VOLUME] = "its volume is not known here",
    };
    return names[state];
}
