#include "classic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classic_record.h"
#include "help.h"
#include "listing.h"
#include "output.h"
#include "wildcard.h"

/* ---- grammar
 * ------------------------------------------------------------------------------------------------
 */

static bool is_word(const char *text, const char *word)
{
    for (; *text && *word; text++, word++) {
        char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (c != *word)
            return false;
    }
    return *text == *word;
}

void classic_parse(int count, const char *const arguments[], bool names_only,
                   const struct resolve_system *system, struct classic *out)
{
    bool remove = false, licence = false, bad = false;
    int names = 0, others = 0;

    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];

        if (names_only || !(argument[0] == '-' || (argument[0] == '/' && system->slash_is_flag))) {
            if (names < 2)
                out->names[names] = argument;
            names++;
            continue;
        }
        argument++;
        if (is_word(argument, "accepteula")) {
            licence = true;
            continue;
        }
        if (is_word(argument, "nobanner")) {
            out->no_banner = true;
            continue;
        }
        others++;
        if (is_word(argument, "s"))
            out->recurse = true;
        else if (is_word(argument, "q"))
            out->quiet = true;
        else if (is_word(argument, "d"))
            remove = true;
        else
            bad = true;
    }
    if (count == 0 || bad || names > 2)
        out->action = CLASSIC_USAGE;
    else if (remove)
        out->action = names == 1 && !out->recurse && !out->quiet ? CLASSIC_DELETE : CLASSIC_USAGE;
    else if (names == 2)
        out->action = CLASSIC_CREATE;
    else if (licence && names == 0 && others == 0)
        out->action = CLASSIC_NOTHING;
    else
        out->action = CLASSIC_SHOW;
}

size_t classic_leaf(const char *name, const struct resolve_system *system)
{
    size_t leaf = 0;

    for (size_t i = 0; name[i]; i++) {
        if (name[i] == '/' || (system->backslash_separates && name[i] == '\\') ||
            (system->backslash_separates && name[i] == ':' && i == 1))
            leaf = i + 1;
    }
    return leaf;
}

/* ---- output
 * -------------------------------------------------------------------------------------------------
 */

struct run {
    const struct classic *classic;
    struct session_options session;
    bool no_progress;
    struct stream *out, *err;
    const struct resolve_system *system;

    /* Of a query with a wildcard. */
    const char *pattern;
    size_t parent_length; /* of the resolved directory, which every path begins with */
    uint64_t printed;
};

static void line(struct run *run, const char *text)
{
    stream_string(run->out, text);
    stream_string(run->out, run->system->line_end);
}

static void banner(struct run *run)
{
    if (run->classic->no_banner)
        return;
    line(run, "");
    for (size_t i = 0; i < sizeof help_banner / sizeof *help_banner; i++)
        line(run, help_banner[i]);
    line(run, "");
}

/* What the classic tool had from the system; where no system call failed, our own words. */
static void message(struct stream *out, const struct problem *problem)
{
    char words[256];
    int os = problem->os;
    bool win32 = problem->os_is_win32;

    if (os == 0 && problem->code == JERR_ALREADY_EXISTS) {
        os = terminal_error_exists;
        win32 = terminal_codes_are_win32;
    }
    if (os == 0) {
        stream_name(out, problem->text, strlen(problem->text));
        return;
    }
    terminal_error_text(os, win32, words, sizeof words);
    stream_name(out, words, strlen(words));
}

/* True when the service could not be asked at all, or did not do its part: scripts must not take
 * that for an answer about the disk. */
static bool is_about_service(const struct problem *problem)
{
    return problem->code != JERR_ACCESS_DENIED && problem->code < 1200;
}

static int service_failed(struct run *run, const struct problem *problem)
{
    (void)stream_flush(run->out);
    output_complain(run->err, NULL, problem);
    return CLASSIC_FAILURE;
}

static bool is_missing(const struct problem *problem)
{
    return problem->code == JERR_NOT_FOUND || problem->code == JERR_PARENT_NOT_FOUND ||
           problem->code == JERR_NOT_A_DIRECTORY;
}

static void open_failed(struct run *run, const char *path, size_t length,
                        const struct problem *problem)
{
    stream_string(run->out, "Failed to open ");
    stream_name(run->out, path, length);
    stream_string(run->out, ": ");
    message(run->out, problem);
    line(run, "");
}

/* ---- show
 * ---------------------------------------------------------------------------------------------------
 */

static int show_failed(struct run *run, const struct text *path, const struct problem *problem)
{
    if (problem->code == JERR_NOT_A_REPARSE_POINT) {
        line(run, "No reparse points found.");
        line(run, "");
    } else if (is_missing(problem)) {
        line(run, "No matching files were found.");
        line(run, "");
    } else if (is_about_service(problem)) {
        return service_failed(run, problem);
    } else if (!run->classic->quiet) {
        open_failed(run, path->bytes, path->length, problem);
        line(run, "");
    } else {
        /* Silence would read as "no reparse point". */
        (void)stream_flush(run->out);
        output_complain(run->err, path->bytes, problem);
    }
    return CLASSIC_SUCCESS;
}

/* Without `\\?\` for a single query, with it for -s, where the system knows it. */
static void record(struct run *run, const struct entry *entry, const struct text *path)
{
    const char *prefix = run->system->long_prefix, *bytes = path->bytes;
    size_t length = path->length, prefix_length = strlen(prefix);
    bool has =
        prefix_length > 0 && length >= prefix_length && memcmp(bytes, prefix, prefix_length) == 0;

    if (run->classic->recurse && !has) {
        stream_string(run->out, prefix);
    } else if (has && !run->classic->recurse && length > prefix_length + 1 &&
               bytes[prefix_length + 1] == ':' && run->pattern) {
        bytes += prefix_length;
        length -= prefix_length;
    }
    classic_record_print(run->out, run->system, bytes, length, entry);
    run->printed++;
}

static int show_one(struct run *run, struct request *request)
{
    struct session_outcome outcome;
    struct entry entry;
    int exit = CLASSIC_SUCCESS;

    session_run(&run->session, request, NULL, &outcome);
    if (outcome.kind == SESSION_RESULT && entry_read(outcome.answer.body, &entry) != 0) {
        outcome.kind = SESSION_PROBLEM;
        problem_set(&outcome.problem, PROBLEM_BAD_ANSWER, EXIT_OTHER,
                    "the service sent a result that cannot be understood");
    }
    if (outcome.kind == SESSION_RESULT) {
        record(run, &entry, &request->params.show.path);
        entry_clear(&entry);
    } else {
        exit = show_failed(run, &request->params.show.path, &outcome.problem);
    }
    session_outcome_clear(&outcome);
    return exit;
}

/* True when the first component below the place asked about fits the pattern. */
static bool fits(const struct run *run, const struct text *path)
{
    const char *rest, *end;
    size_t begin = run->parent_length;
    size_t prefix = strlen(run->system->long_prefix);

    if (!run->pattern)
        return true;
    /* The service may answer with the long form of a path that was asked in the short one. */
    if (prefix > 0 && path->length > prefix &&
        memcmp(path->bytes, run->system->long_prefix, prefix) == 0)
        begin += prefix;
    if (path->length <= begin)
        return false;
    rest = path->bytes + begin;
    while (*rest == '/' || (run->system->backslash_separates && *rest == '\\'))
        rest++;
    for (end = rest; *end && *end != '/' && !(run->system->backslash_separates && *end == '\\');)
        end++;
    return wildcard_match(run->pattern, rest, (size_t)(end - rest), resolve_fold);
}

static void take_entry(void *context, const struct entry *entry, const cJSON *tree)
{
    struct run *run = context;
    struct problem problem = {0};

    (void)tree;
    if (!fits(run, &entry->path))
        return;
    if (entry->error.code == 0) {
        record(run, entry, &entry->path);
    } else if (!run->classic->quiet) {
        problem_from_error(&problem, &entry->error);
        open_failed(run, entry->path.bytes ? entry->path.bytes : "", entry->path.length, &problem);
        line(run, "");
        problem_clear(&problem);
    }
}

static int show_many(struct run *run, struct request *request)
{
    struct listing listing = {.out = run->out, .entry = take_entry, .context = run};
    struct session_outcome outcome;
    int exit = CLASSIC_SUCCESS;

    progress_init(&listing.progress, run->err, !run->no_progress && !run->classic->quiet);
    listing_run(&listing, &run->session, request, &outcome);
    if (outcome.kind == SESSION_PROBLEM) {
        exit = show_failed(run, &request->params.list.path, &outcome.problem);
    } else if (outcome.kind == SESSION_RESULT && run->printed == 0) {
        line(run, "No reparse points found.");
        line(run, "");
    }
    session_outcome_clear(&outcome);
    return exit;
}

static int show(struct run *run)
{
    const char *name = run->classic->names[0] ? run->classic->names[0] : ".";
    size_t leaf = classic_leaf(name, run->system);
    struct request request = {.method = METHOD_REPARSE_SHOW};
    struct text *path = &request.params.show.path;
    struct problem problem = {0};
    char *parent = NULL;
    int exit;

    if (wildcard_is_in(name + leaf) && !resolve_exists(name)) {
        run->pattern = name + leaf;
        if (run->system->ignores_case && strcmp(run->pattern, "*.*") == 0)
            run->pattern = "*"; /* there it has always meant everything */
        parent = malloc(leaf + 2);
        if (!parent) {
            problem_no_memory(&problem);
            exit = service_failed(run, &problem);
            goto done;
        }
        memcpy(parent, leaf ? name : ".", leaf ? leaf : 1);
        parent[leaf ? leaf : 1] = '\0';
        name = parent;
    }
    if (run->pattern || run->classic->recurse) {
        request.method = METHOD_REPARSE_LIST;
        request.params.list.recurse = run->classic->recurse;
        path = &request.params.list.path;
    }
    if (resolve_path(name, path, &problem) != 0) {
        if (problem.code != JERR_OUT_OF_MEMORY) {
            struct text typed = {NULL, 0};
            (void)text_set_string(&typed, name);
            exit = show_failed(run, &typed, &problem);
            text_clear(&typed);
        } else {
            exit = service_failed(run, &problem);
        }
        goto done;
    }
    run->parent_length = path->length;
    exit =
        request.method == METHOD_REPARSE_LIST ? show_many(run, &request) : show_one(run, &request);
done:
    problem_clear(&problem);
    request_clear(&request);
    free(parent);
    return exit;
}

/* ---- create and delete
 * -------------------------------------------------------------------------------------- */

static int create_failed(struct run *run, const struct problem *problem)
{
    if (is_about_service(problem))
        return service_failed(run, problem);
    stream_string(run->out, "Error creating ");
    stream_name(run->out, run->classic->names[0], strlen(run->classic->names[0]));
    line(run, ":");
    message(run->out, problem);
    line(run, "");
    line(run, "");
    return CLASSIC_FAILURE;
}

static int created(struct run *run, const struct text *link, const struct cJSON *tree)
{
    struct create_result result;
    struct problem problem = {0};
    int exit = CLASSIC_SUCCESS;

    if (create_result_read(tree, &result) != 0) {
        problem_set(&problem, "OUTCOME_UNKNOWN", EXIT_UNFINISHED,
                    "the service sent a result that cannot be understood; look at the link");
        return service_failed(run, &problem);
    }
    if (result.outcome.bytes && strcmp(result.outcome.bytes, "unchanged") == 0) {
        problem_set(&problem, "ALREADY_EXISTS", EXIT_CONFLICT, "the junction is already there");
        exit = create_failed(run, &problem);
    } else {
        stream_string(run->out, "Created: ");
        stream_name(run->out, link->bytes, link->length);
        stream_string(run->out, run->system->line_end);
        stream_string(run->out, "Targetted at: ");
        stream_name(run->out, result.target.bytes ? result.target.bytes : "", result.target.length);
        line(run, "");
        line(run, "");
    }
    create_result_clear(&result);
    return exit;
}

static int create(struct run *run)
{
    struct request request = {.method = METHOD_JUNCTION_CREATE};
    struct create_params *params = &request.params.create;
    struct session_outcome outcome = {0};
    int exit;

    if (resolve_path(run->classic->names[0], &params->link, &outcome.problem) != 0 ||
        resolve_target(run->classic->names[1], &params->target, &outcome.problem) != 0) {
        exit = create_failed(run, &outcome.problem);
    } else {
        session_run(&run->session, &request, NULL, &outcome);
        exit = outcome.kind == SESSION_RESULT ? created(run, &params->link, outcome.answer.body)
                                              : create_failed(run, &outcome.problem);
    }
    session_outcome_clear(&outcome);
    request_clear(&request);
    return exit;
}

static int remove_link(struct run *run)
{
    const char *name = run->classic->names[0];
    struct request request = {.method = METHOD_JUNCTION_DELETE};
    struct session_outcome outcome = {0};
    int exit = CLASSIC_SUCCESS;

    outcome.kind = SESSION_PROBLEM;
    if (resolve_path(name, &request.params.delete.link, &outcome.problem) == 0)
        session_run(&run->session, &request, NULL, &outcome);
    if (outcome.kind == SESSION_RESULT) {
        stream_string(run->out, "Deleted ");
        stream_name(run->out, name, strlen(name));
        line(run, ".");
        line(run, "");
    } else if (is_about_service(&outcome.problem)) {
        exit = service_failed(run, &outcome.problem);
    } else {
        stream_string(run->out, "Error deleting ");
        stream_name(run->out, name, strlen(name));
        stream_string(run->out, ": ");
        message(run->out, &outcome.problem);
        line(run, "");
        line(run, "");
    }
    session_outcome_clear(&outcome);
    request_clear(&request);
    return exit;
}

int classic_run(const struct classic *classic, const struct options *options, struct stream *out,
                struct stream *err)
{
    struct run run = {
        .classic = classic,
        .session = {options->pipe, options->timeout_ms},
        .no_progress = options->no_progress || options->quiet,
        .out = out,
        .err = err,
        .system = &resolve_system,
    };

    banner(&run);
    switch (classic->action) {
    case CLASSIC_NOTHING:
        return CLASSIC_SUCCESS;
    case CLASSIC_SHOW:
        return show(&run);
    case CLASSIC_CREATE:
        return create(&run);
    case CLASSIC_DELETE:
        return remove_link(&run);
    case CLASSIC_USAGE:
        break;
    }
    for (size_t i = 0; help_classic[i]; i++)
        line(&run, help_classic[i]);
    line(&run, "");
    return CLASSIC_FAILURE;
}
