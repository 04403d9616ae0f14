#include "finding.h"

#include <string.h>

bool finding_is_bad(const struct entry *entry)
{
    static const char *const bad[] = {"dangling", "notDirectory", "loop"};

    for (size_t i = 0; entry->state.bytes && i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(entry->state.bytes, bad[i]) == 0)
            return true;
    }
    return false;
}
