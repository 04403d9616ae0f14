#include "pipe_name.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_PATH "/run/junction/junction.sock"

/* -1 when what comes out has no room in sun_path with its NUL. */
__attribute__((format(printf, 2, 3))) static int put(char out[PIPE_NAME_SIZE], const char *format,
                                                     ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(out, PIPE_NAME_SIZE, format, arguments);
    va_end(arguments);
    size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path;
    if (length < 1 || (size_t)length >= room) {
        out[0] = 0;
        return -1;
    }
    return 0;
}

static int put_own(char out[PIPE_NAME_SIZE])
{
    const char *directory = getenv("XDG_RUNTIME_DIR");
    /* Its specification says: a relative path is to be ignored. */
    if (!directory || directory[0] != '/') {
        out[0] = 0;
        return -1;
    }
    return put(out, "%s/junction/junction.sock", directory);
}

int pipe_name_from_option(const char *option, char out[PIPE_NAME_SIZE])
{
    if (option[0] == 0) {
        out[0] = 0;
        return -1;
    }
    if (strchr(option, '/')) {
        return put(out, "%s", option);
    }
    return put(out, "/run/junction/%s.sock", option);
}

size_t pipe_name_defaults(char out[2][PIPE_NAME_SIZE])
{
    size_t count = 0;
    if (put(out[count], "%s", DEFAULT_PATH) == 0) {
        count++;
    }
    if (put_own(out[count]) == 0) {
        count++;
    }
    return count;
}

int pipe_name_for_service(char out[PIPE_NAME_SIZE])
{
    return geteuid() == 0 ? put(out, "%s", DEFAULT_PATH) : put_own(out);
}
