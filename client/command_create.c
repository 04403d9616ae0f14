#include "command.h"

#include "../protocol/answer.h"
#include "help.h"
#include "resolve.h"
#include "session.h"

static const char help[] =
    "usage: junction create [OPTIONS] LINK TARGET\n"
    "\n"
    "Makes LINK a junction that leads to the directory TARGET. LINK must not be there yet, or be "
    "an\n"
    "empty directory (which becomes the junction), or be a junction: one that leads to TARGET\n"
    "already is left alone and is a success, any other is changed with --replace only, in one "
    "step.\n"
    "\n"
    "TARGET is a Windows path (X:\\dir, \\\\?\\X:\\dir or \\\\?\\Volume{...}\\dir). On Linux it "
    "may also be a\n"
    "path on the same mount, which is stored with the drive letter that the service's "
    "configuration\n"
    "or --drive gives. It need not exist.\n"
    "\n"
    "Options:\n"
    "  --replace          let an existing junction lead to TARGET from now on\n"
    "  --expect OLD       with --replace: only if it leads to OLD now\n"
    "  --parents          make missing directories above LINK\n"
    "  --must-exist       only if TARGET leads to a directory\n"
    "  --dry-run          check everything, change nothing\n"
    "  --drive X:         the letter of LINK's volume, where TARGET is a Linux path\n"
    "\n"
    "Example:\n"
    "  junction create --replace --expect C:\\app\\v1 /mnt/c/app/current C:\\app\\v2\n"
    "\n" HELP_COMMON;

static int answer(struct output *output, const char *link, const struct session_outcome *outcome)
{
    struct create_result result;

    if (outcome->kind != SESSION_RESULT)
        return command_failed(output, link, outcome);
    if (create_result_read(outcome->answer.body, &result) != 0)
        return command_bad_answer(output, link);
    output_created(output, &result, outcome->answer.body);
    create_result_clear(&result);
    return outcome->interrupted ? EXIT_UNFINISHED : EXIT_DONE;
}

static int run(const struct options *options, struct output *output)
{
    const struct session_options session = {options->pipe, options->timeout_ms};
    const char *link = options->names[0];
    struct request request = {.method = METHOD_JUNCTION_CREATE};
    struct create_params *params = &request.params.create;
    struct session_outcome outcome = {0};
    struct problem problem = {0};
    int exit;

    params->replace = options->replace;
    params->parents = options->parents;
    params->must_exist = options->must_exist;
    params->dry_run = options->dry_run;
    params->drive = options->drive;
    if (resolve_path(link, &params->link, &problem) != 0) {
        exit = output_failed(output, link, &problem);
        goto done;
    }
    if (resolve_target(options->names[1], &params->target, &problem) != 0) {
        exit = output_failed(output, options->names[1], &problem);
        goto done;
    }
    if (options->expect &&
        resolve_target(options->expect, &params->expected_target, &problem) != 0) {
        exit = output_failed(output, options->expect, &problem);
        goto done;
    }
    session_run(&session, &request, NULL, &outcome);
    exit = answer(output, link, &outcome);
    session_outcome_clear(&outcome);
done:
    problem_clear(&problem);
    request_clear(&request);
    return exit;
}

const struct command command_create = {"create", help, OPTIONS_CREATE, 2, 2, run};
