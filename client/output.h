/* Results and problems on their way to the user: one renderer for each format behind one set of
 * functions.
 *
 * Renderers get both the typed result and the tree as the service sent it: those for programs hand
 * the tree on, so that members of a newer service are not lost. Nothing here fails by itself; what
 * happened to the output is in the streams. */
#ifndef JUNCTION_OUTPUT_H
#define JUNCTION_OUTPUT_H

#include "../protocol/answer.h"
#include "options.h"
#include "problem.h"
#include "stream.h"

struct output_format;

struct output {
    const struct output_format *format;
    struct stream *out, *err;
    bool quiet;
    bool list;        /* many entries are coming */
    bool opened;      /* something was written that must be closed */
    uint64_t entries; /* given so far */
};

struct output_format {
    void (*entry)(struct output *output, const struct entry *entry, const cJSON *tree);
    void (*listed)(struct output *output, const struct list_result *result, const cJSON *tree);
    void (*created)(struct output *output, const struct create_result *result, const cJSON *tree);
    void (*deleted)(struct output *output, const struct delete_result *result, const cJSON *tree);
    void (*status)(struct output *output, const cJSON *tree);
    void (*failed)(struct output *output,
                   const struct problem *problem); /* besides the text on stderr; NULL: nothing */
};

extern const struct output_format output_text, output_json, output_jsonl, output_csv;

void output_init(struct output *output, enum options_format format, struct stream *out,
                 struct stream *err, bool quiet);

void output_entry(struct output *output, const struct entry *entry, const cJSON *tree);
void output_listed(struct output *output, const struct list_result *result, const cJSON *tree);
void output_created(struct output *output, const struct create_result *result, const cJSON *tree);
void output_deleted(struct output *output, const struct delete_result *result, const cJSON *tree);
void output_status(struct output *output, const cJSON *tree);

/* "junction: SUBJECT: text (NAME, the system's words)" on stderr, and in the document where the
 * format has one. The problem's own path goes before `subject` (which may be NULL). Returns
 * problem->exit. */
int output_failed(struct output *output, const char *subject, const struct problem *problem);

/* The line of output_failed alone. */
void output_complain(struct stream *err, const char *subject, const struct problem *problem);

/* Flushes both. `exit` when every result was written; otherwise `lost`, with a text unless it was a
 * reader that went away. */
int output_finish(struct stream *out, struct stream *err, int exit, int lost);

/* A figure of the service's status: whole numbers without an exponent. */
#define OUTPUT_NUMBER_SIZE 32
void output_number(double value, char out[OUTPUT_NUMBER_SIZE]);

/* {"code", "name", "message", "os", "path", "exit"}; NULL when memory is out. */
cJSON *output_problem_tree(const struct problem *problem);

#endif
