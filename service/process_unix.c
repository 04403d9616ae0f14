#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int process_harden(char why[256])
{
    /* Descriptors 0 to 2 must be taken, or a socket could become standard error. */
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
            snprintf(why, 256, "/dev/null: %s", strerror(errno));
            return -1;
        }
    }
    return 0;
}

int process_prepare(char why[256])
{
    struct rlimit limit;

    umask(022);
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    /* The service's own supplementary groups would only be in the way of the callers'. */
    if (geteuid() == 0 && syscall(SYS_setgroups, 0, NULL) != 0) {
        snprintf(why, 256, "setgroups: %s (CAP_SETGID is needed)", strerror(errno));
        return -1;
    }
    return 0;
}

bool process_is_privileged(void)
{
    return geteuid() == 0;
}

size_t process_resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    char line[128];
    if (fgets(line, sizeof line, file) != NULL) {
        char *second;
        (void)strtoul(line, &second, 10);
        pages = strtoul(second, NULL, 10);
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

const char *process_platform(void)
{
    return "linux";
}

bool process_has_win32_errors(void)
{
    return false;
}

const char *process_config_path(void)
{
    return "/etc/junction/junction.json";
}

static int judge(const char *path, bool directory, char why[512])
{
    struct stat status;
    uid_t own = geteuid();

    if (lstat(path, &status) != 0) {
        int error = errno;
        snprintf(why, 512, "%.300s: %s", path, strerror(error));
        return error == ENOENT ? -2 : -1;
    }
    if (directory ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode)) {
        snprintf(why, 512, "%.300s: is not a %s", path, directory ? "directory" : "plain file");
        return -1;
    }
    if (status.st_uid != 0 && status.st_uid != own) {
        snprintf(why, 512, "%.300s: belongs to uid %lu, who could change the configuration", path,
                 (unsigned long)status.st_uid);
        return -1;
    }
    /* In a sticky directory others can add, but not replace what is there. */
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 &&
        !(directory && (status.st_mode & S_ISVTX) != 0)) {
        snprintf(why, 512, "%.300s: accounts other than its owner can write to it", path);
        return -1;
    }
    return 0;
}

int process_check_directory(const char *path, char why[512])
{
    char real[PATH_MAX];
    char *end;

    if (realpath(path, real) == NULL) {
        int error = errno;
        snprintf(why, 512, "%.300s: %s", path, strerror(error));
        return error == ENOENT || error == ENOTDIR ? -2 : -1;
    }
    while ((end = strrchr(real, '/')) != real && end != NULL) {
        if (judge(real, true, why) != 0) {
            return -1;
        }
        *end = '\0';
    }
    return judge(real, true, why) != 0 || judge("/", true, why) != 0 ? -1 : 0;
}

int process_check_trusted(const char *path, char why[512])
{
    char real[PATH_MAX];
    char *end;

    if (realpath(path, real) == NULL) {
        int error = errno;
        snprintf(why, 512, "%s", strerror(error));
        return error == ENOENT || error == ENOTDIR ? -2 : -1;
    }
    int result = judge(real, false, why);
    if (result != 0) {
        return result;
    }
    end = strrchr(real, '/');
    *(end == real ? end + 1 : end) = '\0';
    return process_check_directory(real, why);
}

void process_exit_now(int status)
{
    _exit(status);
}
