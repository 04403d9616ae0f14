#include "pipe_name.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "utf.h"

#define PREFIX "\\\\.\\pipe\\"
/* Only administrators can create a pipe under this prefix; anybody whom the pipe admits can
 * connect. */
#define DEFAULT_NAME PREFIX "ProtectedPrefix\\Administrators\\Junction"
#define CONSOLE_NAME PREFIX "Junction.Console"

/* CreateNamedPipe: "the entire pipe name string can be up to 256 characters long". */
#define MAX_UNITS 256

static int put(char out[PIPE_NAME_SIZE], const char *before, const char *name)
{
    out[0] = 0;
    size_t length = strlen(name);
    if (length == 0 || strlen(before) + length >= PIPE_NAME_SIZE) {
        return -1;
    }
    size_t units = wtf8_utf16_length(name, length);
    if (units == SIZE_MAX || strlen(before) + units > MAX_UNITS) {
        return -1;
    }
    snprintf(out, PIPE_NAME_SIZE, "%s%s", before, name);
    return 0;
}

/* The object manager does not care for the case of the prefix either. */
static int has_prefix(const char *name)
{
    const char *prefix = PREFIX;
    for (; *prefix; prefix++, name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        if (c != *prefix) {
            return 0;
        }
    }
    return *name != 0;
}

int pipe_name_from_option(const char *option, char out[PIPE_NAME_SIZE])
{
    if (has_prefix(option)) {
        return put(out, "", option);
    }
    /* Any other path would be taken for a file by CreateFile. */
    if (option[0] == '\\') {
        out[0] = 0;
        return -1;
    }
    return put(out, PREFIX, option);
}

size_t pipe_name_defaults(char out[2][PIPE_NAME_SIZE])
{
    return put(out[0], "", DEFAULT_NAME) == 0 ? 1 : 0;
}

int pipe_name_for_service(char out[PIPE_NAME_SIZE])
{
    return put(out, "", CONSOLE_NAME);
}
