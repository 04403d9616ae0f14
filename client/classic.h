/* The grammar and the output of the classic tool, for the scripts that call it. */
#ifndef JUNCTION_CLASSIC_H
#define JUNCTION_CLASSIC_H

#include "options.h"
#include "resolve.h"
#include "stream.h"

#define CLASSIC_SUCCESS 0
#define CLASSIC_FAILURE (-1) /* 255 in a POSIX shell */

enum classic_action {
    CLASSIC_USAGE,
    CLASSIC_NOTHING, /* -accepteula alone */
    CLASSIC_SHOW,
    CLASSIC_CREATE,
    CLASSIC_DELETE
};

struct classic {
    enum classic_action action;
    bool recurse, quiet, no_banner;
    const char *names[2]; /* borrowed; the second for CLASSIC_CREATE only, the first NULL for the
                             current directory */
};

/* `names_only`: nothing is a flag. What is not understood is CLASSIC_USAGE. */
void classic_parse(int count, const char *const arguments[], bool names_only,
                   const struct resolve_system *system, struct classic *out);

/* Where the last component of a query begins; everything before it is the place to look at. */
size_t classic_leaf(const char *name, const struct resolve_system *system);

/* Does it and prints it; returns the exit code. `options` gives pipe, timeout and the wish for no
 * progress. */
int classic_run(const struct classic *classic, const struct options *options, struct stream *out,
                struct stream *err);

#endif
