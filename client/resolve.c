#include "resolve.h"

#include <string.h>

#include "../protocol/request.h"

int resolve_check(const char *name, bool target, struct problem *problem)
{
    const char *code = target ? "INVALID_TARGET" : "INVALID_PATH";
    size_t length = strlen(name), units;

    if (length == 0) {
        problem_set(problem, code, EXIT_INVALID_NAME, "an empty name");
        return -1;
    }
    units = wtf8_utf16_length(name, length);
    if (units == SIZE_MAX) {
        problem_set(problem, code, EXIT_INVALID_NAME,
                    "the name is not UTF-8, so NTFS cannot hold it");
        return -1;
    }
    if (units > REQUEST_MAX_PATH_UNITS) {
        problem_set(problem, code, EXIT_INVALID_NAME, "the name is longer than %d UTF-16 units",
                    REQUEST_MAX_PATH_UNITS);
        return -1;
    }
    return 0;
}
