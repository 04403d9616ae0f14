/* One connection, one request, its notifications and its answer. */
#ifndef JUNCTION_SESSION_H
#define JUNCTION_SESSION_H

#include "../protocol/request.h"
#include "problem.h"

enum session_verdict {
    SESSION_GO_ON,
    SESSION_ENOUGH, /* nobody wants the rest: the request is cancelled */
    SESSION_GARBAGE /* not what the protocol says */
};

struct session_handler {
    /* A notification that belongs to the request. `params` is valid during the call only. NULL:
     * none are wanted. */
    enum session_verdict (*notify)(void *context, const char *method, const cJSON *params);
    void *context;
};

struct session_options {
    const char *pipe;    /* as for --pipe; NULL: the default names */
    unsigned timeout_ms; /* for connecting and the first answer together; 0: none */
};

struct session_outcome {
    enum { SESSION_RESULT, SESSION_PROBLEM, SESSION_STOPPED /* by the handler */ } kind;
    bool interrupted; /* the user wanted an end (Ctrl-C); there may be a result all the same */
    struct message_incoming answer; /* of SESSION_RESULT */
    struct problem problem;         /* of SESSION_PROBLEM */
};

/* Gives the request its id, sends it and waits. Never fails otherwise than through *outcome, which
 * session_outcome_clear frees. */
void session_run(const struct session_options *options, struct request *request,
                 const struct session_handler *handler, struct session_outcome *outcome);
void session_outcome_clear(struct session_outcome *outcome);

#endif
