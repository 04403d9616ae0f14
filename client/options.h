/* What the command line of a subcommand says. */
#ifndef JUNCTION_OPTIONS_H
#define JUNCTION_OPTIONS_H

#include "../protocol/request.h"

enum options_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

/* Which options a subcommand has; every one has the common ones. */
enum options_set {
    OPTIONS_COMMON = 1,
    OPTIONS_CREATE = 2,
    OPTIONS_DELETE = 4,
    OPTIONS_SHOW = 8,
    OPTIONS_LIST = 16
};

#define OPTIONS_MAX_NAMES 2

struct options {
    enum options_format format;
    bool format_given;
    const char *pipe;    /* NULL: the default names */
    unsigned timeout_ms; /* 0: for ever */
    bool quiet, no_progress, help, version;

    bool replace, parents, must_exist, dry_run, keep_directory;
    const char *expect; /* NULL when not given */
    char drive;         /* 'A'..'Z', or 0 */

    bool check, recurse, volume, verify;
    unsigned types; /* as in struct list_params */
    enum list_source source;

    /* Borrowed from the arguments, as all strings here. name_count may exceed what is kept. */
    const char *names[OPTIONS_MAX_NAMES];
    int name_count;
    bool names_only; /* a `--` was seen */
};

void options_init(struct options *options);

/* Reads arguments[0..count). With `prefix` it stops before the first argument that does not begin
 * with `--`, or behind a lone `--`. Returns how many arguments were read, or -1 with `why` filled,
 * one sentence without its end. */
int options_parse(struct options *options, unsigned sets, bool prefix, int count,
                  const char *const arguments[], char *why, size_t why_size);

#endif
