#include "command.h"

#include "../protocol/answer.h"
#include "finding.h"
#include "help.h"
#include "resolve.h"
#include "session.h"

static const char help[] =
    "usage: junction show [OPTIONS] PATH\n"
    "\n"
    "Prints what is known about the reparse point PATH, of whatever kind: its tag, where it leads\n"
    "to, both names as they are stored, and when it was made. Ends with exit code 1 when PATH is\n"
    "there and no reparse point.\n"
    "\n"
    "Options:\n"
    "  --check            also look where it leads to: State is ok, dangling, notDirectory, loop,\n"
    "                     inaccessible, remote or unknownVolume; exit code 1 for a dangling one,\n"
    "                     one that leads to no directory, and a loop\n"
    "\n"
    "Example:\n"
    "  junction show --check --format json /mnt/c/app/current\n"
    "\n" HELP_COMMON;

static int answer(struct output *output, const char *path, const struct session_outcome *outcome)
{
    struct entry entry;
    int exit;

    if (outcome->kind != SESSION_RESULT)
        return command_failed(output, path, outcome);
    if (entry_read(outcome->answer.body, &entry) != 0)
        return command_bad_answer(output, path);
    output_entry(output, &entry, outcome->answer.body);
    exit = finding_is_bad(&entry) ? EXIT_FINDING : EXIT_DONE;
    entry_clear(&entry);
    return outcome->interrupted ? EXIT_UNFINISHED : exit;
}

static int run(const struct options *options, struct output *output)
{
    const struct session_options session = {options->pipe, options->timeout_ms};
    const char *path = options->names[0];
    struct request request = {.method = METHOD_REPARSE_SHOW};
    struct session_outcome outcome = {0};
    struct problem problem = {0};
    int exit;

    request.params.show.check = options->check;
    if (resolve_path(path, &request.params.show.path, &problem) != 0) {
        exit = output_failed(output, path, &problem);
        problem_clear(&problem);
        return exit;
    }
    session_run(&session, &request, NULL, &outcome);
    exit = answer(output, path, &outcome);
    session_outcome_clear(&outcome);
    request_clear(&request);
    return exit;
}

const struct command command_show = {"show", help, OPTIONS_SHOW, 1, 1, run};
