#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const bool terminal_codes_are_win32 = false;
const int terminal_error_exists = EEXIST;
const int terminal_error_memory = ENOMEM;

/* A standard stream that the parent closed would be the number of the next descriptor that is
 * opened: results would be written into the connection. What stands in for it is open the wrong way
 * round, so that its use fails as that of a closed one. */
static void occupy(int fd, int mode)
{
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
        (void)open("/dev/null", mode);
}

void terminal_prepare(void)
{
    occupy(STDIN_FILENO, O_WRONLY);
    occupy(STDOUT_FILENO, O_RDONLY);
    occupy(STDERR_FILENO, O_RDONLY);
    signal(SIGPIPE, SIG_IGN);
}

static int descriptor(enum terminal_stream stream)
{
    return stream == TERMINAL_OUT ? STDOUT_FILENO : STDERR_FILENO;
}

bool terminal_is_interactive(enum terminal_stream stream)
{
    return isatty(descriptor(stream)) == 1;
}

unsigned terminal_width(enum terminal_stream stream)
{
    struct winsize size;

    if (ioctl(descriptor(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

enum terminal_result terminal_write(enum terminal_stream stream, bool code_page, const char *bytes,
                                    size_t length, int *os)
{
    int fd = descriptor(stream);

    (void)code_page;
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) {
            /* A parent may have left the descriptor non-blocking. */
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            (void)poll(&ready, 1, -1);
            continue;
        }
        if (written < 0) {
            *os = errno;
            return errno == EPIPE ? TERMINAL_CLOSED : TERMINAL_FAILED;
        }
        bytes += written;
        length -= (size_t)written;
    }
    return TERMINAL_WRITTEN;
}

void terminal_error_text(int code, bool is_win32, char *out, size_t size)
{
    char text[128];

    if (is_win32)
        (void)snprintf(out, size, "Win32 error %d", code);
    else
        (void)snprintf(out, size, "%s", strerror_r(code, text, sizeof text));
}
