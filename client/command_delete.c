#include "command.h"

#include "../protocol/answer.h"
#include "help.h"
#include "resolve.h"
#include "session.h"

static const char help[] =
    "usage: junction delete [OPTIONS] LINK\n"
    "\n"
    "Removes the junction LINK. What it leads to stays as it is. Volume mount points, symbolic\n"
    "links, other reparse points and ordinary directories are refused.\n"
    "\n"
    "Options:\n"
    "  --expect TARGET    only if it leads to TARGET\n"
    "  --keep-directory   leave an empty ordinary directory in its place\n"
    "  --dry-run          check everything, change nothing\n"
    "\n"
    "Example:\n"
    "  junction delete --expect C:\\app\\v1 /mnt/c/app/current\n"
    "\n" HELP_COMMON;

static int answer(struct output *output, const char *link, const struct session_outcome *outcome)
{
    struct delete_result result;

    if (outcome->kind != SESSION_RESULT)
        return command_failed(output, link, outcome);
    if (delete_result_read(outcome->answer.body, &result) != 0)
        return command_bad_answer(output, link);
    output_deleted(output, &result, outcome->answer.body);
    delete_result_clear(&result);
    return outcome->interrupted ? EXIT_UNFINISHED : EXIT_DONE;
}

static int run(const struct options *options, struct output *output)
{
    const struct session_options session = {options->pipe, options->timeout_ms};
    const char *link = options->names[0];
    struct request request = {.method = METHOD_JUNCTION_DELETE};
    struct delete_params *params = &request.params.delete;
    struct session_outcome outcome = {0};
    struct problem problem = {0};
    int exit;

    params->keep_directory = options->keep_directory;
    params->dry_run = options->dry_run;
    if (resolve_path(link, &params->link, &problem) != 0) {
        exit = output_failed(output, link, &problem);
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

const struct command command_delete = {"delete", help, OPTIONS_DELETE, 1, 1, run};
