#include "command.h"

#include "../protocol/answer.h"
#include "finding.h"
#include "help.h"
#include "listing.h"
#include "resolve.h"

static const char help[] =
    "usage: junction list [OPTIONS] [PATH]\n"
    "\n"
    "Lists the reparse points in the directory PATH (the current one unless given). Links are\n"
    "listed, never entered; other volumes are not entered either. Places that could not be read\n"
    "are reported on standard error, are entries with \"error\" in json and jsonl and rows with "
    "an\n"
    "error in csv, and make the exit code 11. With --check, exit code 1 tells that a target is\n"
    "dangling, no directory, or a loop; 11 goes before 1.\n"
    "\n"
    "json is {\"entries\":[...],\"summary\":{...}}; jsonl holds entries only. Both are written as "
    "the\n"
    "entries come.\n"
    "\n"
    "Options:\n"
    "  -s, --recurse      everything below PATH\n"
    "  --volume           the whole volume that PATH is on\n"
    "  --verify           with --volume: compare two sources (not in this version)\n"
    "  --type TYPE        only junction, mountPoint, symlink, wslSymlink, ...; may be repeated\n"
    "  --check            also look where each one leads to\n"
    "  --source SOURCE    auto or walk (index and scan: not in this version)\n"
    "\n"
    "Example:\n"
    "  junction list -s --type junction --check --format jsonl /mnt/c/Users\n"
    "\n" HELP_COMMON;

struct list {
    struct output *output;
    bool found_bad;
};

static void take_entry(void *context, const struct entry *entry, const cJSON *tree)
{
    struct list *list = context;

    list->found_bad = list->found_bad || finding_is_bad(entry);
    output_entry(list->output, entry, tree);
    if (entry->error.code != 0)
        (void)stream_flush(list->output->err);
}

static int answer(struct list *list, const struct listing *listing, const char *path,
                  const struct session_outcome *outcome)
{
    struct list_result result;
    int exit;

    if (outcome->kind != SESSION_RESULT)
        return command_failed(list->output, path, outcome);
    if (list_result_read(outcome->answer.body, &result) != 0)
        return command_bad_answer(list->output, path);
    output_listed(list->output, &result, outcome->answer.body);
    if (outcome->interrupted)
        exit = EXIT_UNFINISHED;
    else if (result.skipped > 0 || listing->unreadable > 0 || result.truncated)
        exit = EXIT_PARTIAL;
    else
        exit = list->found_bad ? EXIT_FINDING : EXIT_DONE;
    list_result_clear(&result);
    return exit;
}

static int run(const struct options *options, struct output *output)
{
    const struct session_options session = {options->pipe, options->timeout_ms};
    const char *path = options->name_count > 0 ? options->names[0] : ".";
    struct request request = {.method = METHOD_REPARSE_LIST};
    struct list_params *params = &request.params.list;
    struct session_outcome outcome = {0};
    struct problem problem = {0};
    struct list list = {output, false};
    struct listing listing = {.out = output->out, .entry = take_entry, .context = &list};
    int exit;

    output->list = true;
    progress_init(&listing.progress, output->err, !options->quiet && !options->no_progress);
    params->recurse = options->recurse;
    params->volume = options->volume;
    params->verify = options->verify;
    params->check = options->check;
    params->types = options->types;
    params->source = options->source;
    if (resolve_path(path, &params->path, &problem) != 0) {
        exit = output_failed(output, path, &problem);
        problem_clear(&problem);
        return exit;
    }
    listing_run(&listing, &session, &request, &outcome);
    exit = answer(&list, &listing, path, &outcome);
    session_outcome_clear(&outcome);
    request_clear(&request);
    return exit;
}

const struct command command_list = {"list", help, OPTIONS_LIST, 0, 1, run};
