#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void problem_set(struct problem *problem, const char *name, enum exit_code exit, const char *format,
                 ...)
{
    const struct error_info *info = error_find_name(name);
    va_list arguments;

    problem_clear(problem);
    problem->name = name;
    problem->code = info ? info->code : 0;
    problem->exit = exit;
    va_start(arguments, format);
    (void)vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
}

void problem_no_memory(struct problem *problem)
{
    problem_set(problem, "OUT_OF_MEMORY", EXIT_OTHER, "out of memory");
}

void problem_from_error(struct problem *problem, const struct message_error *error)
{
    const struct error_info *info = error_find(error->code);

    problem_clear(problem);
    problem->name = info ? info->name : NULL;
    problem->code = error->code;
    problem->exit = info ? info->exit : EXIT_OTHER;
    problem->os = error->os;
    problem->os_is_win32 = error->os_is_win32;
    (void)text_copy(&problem->path, &error->path);
    (void)snprintf(problem->text, sizeof problem->text, "%s", error->text);
}

void problem_clear(struct problem *problem)
{
    text_clear(&problem->path);
    memset(problem, 0, sizeof *problem);
}
