#include "errors.h"

#include <string.h>

static const struct error_info rows[] = {
#define X(name, number, exit, text) {number, #name, exit, text},
    ERROR_TABLE(X)
#undef X
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

const struct error_info *error_find(int code)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct error_info *error_find_name(const char *name)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct error_info *error_all(size_t *count)
{
    *count = ROW_COUNT;
    return rows;
}
