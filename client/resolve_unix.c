#include "resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct resolve_system resolve_system = {
    .slash_is_flag = false,
    .backslash_separates = false,
    .ignores_case = false,
    .line_end = "\n",
    .long_prefix = "",
};

/* "a/b" from "a" and "b"; NULL when memory is out. */
static char *join(const char *base, const char *rest, size_t rest_length)
{
    size_t base_length = strlen(base);
    bool slash = base_length > 0 && base[base_length - 1] != '/' && rest_length > 0;
    size_t size = base_length + rest_length + 2; /* a slash between, a NUL behind */
    char *path = size > base_length ? malloc(size) : NULL;

    if (!path)
        return NULL;
    memcpy(path, base, base_length);
    if (slash)
        path[base_length] = '/';
    memcpy(path + base_length + slash, rest, rest_length);
    path[base_length + slash + rest_length] = '\0';
    return path;
}

/* Takes `.` and `..` out of an absolute path by the text alone, in place. */
static void collapse(char *path)
{
    size_t to = 0;

    for (const char *from = path; *from;) {
        size_t length;
        while (*from == '/')
            from++;
        length = strcspn(from, "/");
        if (length == 2 && from[0] == '.' && from[1] == '.') {
            while (to > 0 && path[--to] != '/')
                ;
        } else if (length > 0 && !(length == 1 && from[0] == '.')) {
            path[to++] = '/';
            memmove(path + to, from, length);
            to += length;
        }
        from += length;
    }
    if (to == 0)
        path[to++] = '/';
    path[to] = '\0';
}

/* The real path of the deepest directory above `path` that is there, and the rest. Where nothing
 * can be resolved (no permission, too long, a loop) the name goes as it is: the service judges it
 * with the caller's rights. The rest of a target, which need not be there, is taken by its text;
 * that of a link stays what was typed. */
static char *real_as_far_as_possible(char *path, bool target)
{
    size_t length = strlen(path), end = length;

    for (;;) {
        char cut = path[end];
        char *real;
        size_t rest;

        path[end] = '\0';
        real = realpath(end > 0 ? path : "/", NULL);
        path[end] = cut;
        if (real) {
            char *joined;
            for (rest = end; path[rest] == '/'; rest++)
                ;
            joined = join(real, path + rest, length - rest);
            free(real);
            if (joined && target)
                collapse(joined);
            return joined;
        }
        if (errno == ENOMEM)
            return NULL;
        if (errno != ENOENT || end == 0)
            return join(path, "", 0);
        while (end > 0 && path[end - 1] != '/')
            end--;
        while (end > 0 && path[end - 1] == '/')
            end--;
    }
}

static char *absolute(const char *name)
{
    char *directory, *path;

    if (name[0] == '/')
        return strdup(name);
    directory = getcwd(NULL, 0);
    if (!directory)
        return NULL;
    path = join(directory, name, strlen(name));
    free(directory);
    return path;
}

static bool is_dots(const char *component)
{
    return strcmp(component, ".") == 0 || strcmp(component, "..") == 0;
}

/* Real path of the parent and the last component; of all where the last component is `.` or `..`.
 */
static char *resolved(const char *name, bool target)
{
    char *path, *parent = NULL, *result = NULL;
    size_t length, last;

    /* What the system calls the current directory is a real path: a look at a volume that may not
     * answer is spared. */
    if (strcmp(name, ".") == 0)
        return getcwd(NULL, 0);
    path = absolute(name);
    if (!path || (!strchr(name, '/') && !is_dots(name)))
        return path;
    for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
        path[length - 1] = '\0';
    for (last = length; path[last - 1] != '/'; last--)
        ;
    if (length == 1 || is_dots(path + last)) {
        result = real_as_far_as_possible(path, target);
        goto done;
    }
    parent = strndup(path, last > 1 ? last - 1 : 1);
    if (parent) {
        char *real = real_as_far_as_possible(parent, target);
        if (real)
            result = join(real, path + last, length - last);
        free(real);
    }
done:
    free(parent);
    free(path);
    return result;
}

static int resolve(const char *name, bool target, struct text *out, struct problem *problem)
{
    char *path;

    if (resolve_check(name, target, problem) != 0)
        return -1;
    errno = 0;
    path = resolved(name, target);
    if (!path) {
        if (errno == ENOMEM) {
            problem_no_memory(problem);
        } else {
            problem_set(problem, "NOT_FOUND", EXIT_NOT_FOUND,
                        "the current directory has no name to which this one could be relative");
            problem->os = errno;
        }
        return -1;
    }
    if (resolve_check(path, target, problem) != 0) {
        free(path);
        return -1;
    }
    out->bytes = path;
    out->length = strlen(path);
    return 0;
}

int resolve_path(const char *name, struct text *out, struct problem *problem)
{
    return resolve(name, false, out, problem);
}

int resolve_target(const char *name, struct text *out, struct problem *problem)
{
    bool letter = (name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z');

    if (!(letter && name[1] == ':') && name[0] != '\\')
        return resolve(name, true, out, problem);
    if (resolve_check(name, true, problem) != 0)
        return -1;
    if (text_set_string(out, name) != UTF_OK) {
        problem_no_memory(problem);
        return -1;
    }
    return 0;
}

bool resolve_exists(const char *name)
{
    struct stat status;

    return lstat(name, &status) == 0;
}

uint32_t resolve_fold(uint32_t character)
{
    return character;
}
