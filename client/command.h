/* A subcommand: one file each, one table in main.c. */
#ifndef JUNCTION_COMMAND_H
#define JUNCTION_COMMAND_H

#include "options.h"
#include "output.h"

struct command {
    const char *name;
    const char *help; /* what --help prints */
    unsigned options; /* enum options_set */
    int least, most;  /* names */
    /* Returns the exit code; results and problems have gone to *output. NULL: a word that is kept
     * for later. */
    int (*run)(const struct options *options, struct output *output);
};

extern const struct command command_create, command_delete, command_show, command_list,
    command_status;

/* What every subcommand does with an outcome that is no result: tells it and returns the exit code.
 */
struct session_outcome;
int command_failed(struct output *output, const char *subject,
                   const struct session_outcome *outcome);

/* The same for a result that cannot be understood. */
int command_bad_answer(struct output *output, const char *subject);

#endif
