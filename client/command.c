#include "command.h"

#include "session.h"

int command_failed(struct output *output, const char *subject,
                   const struct session_outcome *outcome)
{
    if (outcome->kind == SESSION_STOPPED)
        return EXIT_OTHER; /* output_finish knows why nothing more could be written */
    return output_failed(output, subject, &outcome->problem);
}

int command_bad_answer(struct output *output, const char *subject)
{
    struct problem problem = {0};

    problem_set(&problem, PROBLEM_BAD_ANSWER, EXIT_OTHER,
                "the service sent a result that cannot be understood");
    return output_failed(output, subject, &problem);
}
