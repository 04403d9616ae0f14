#include "command.h"

#include "help.h"
#include "session.h"

static const char help[] =
    "usage: junction status [OPTIONS]\n"
    "\n"
    "Asks the service who it is, how long it has been running, how much is going on, and whom it\n"
    "takes you for. Ends with exit code 3 when there is no service.\n"
    "\n"
    "Example:\n"
    "  junction status --format json\n"
    "\n" HELP_COMMON;

static int run(const struct options *options, struct output *output)
{
    const struct session_options session = {options->pipe, options->timeout_ms};
    struct request request = {.method = METHOD_SERVICE_STATUS};
    struct session_outcome outcome;
    int exit = EXIT_DONE;

    session_run(&session, &request, NULL, &outcome);
    if (outcome.kind != SESSION_RESULT)
        exit = command_failed(output, NULL, &outcome);
    else
        output_status(output, outcome.answer.body);
    if (outcome.kind == SESSION_RESULT && outcome.interrupted)
        exit = EXIT_UNFINISHED;
    session_outcome_clear(&outcome);
    return exit;
}

const struct command command_status = {"status", help, OPTIONS_COMMON, 0, 0, run};
