#include "output.h"

#include <stdio.h>
#include <string.h>

void output_init(struct output *output, enum options_format format, struct stream *out,
                 struct stream *err, bool quiet)
{
    static const struct output_format *const formats[] = {
        [FORMAT_TEXT] = &output_text,
        [FORMAT_JSON] = &output_json,
        [FORMAT_JSONL] = &output_jsonl,
        [FORMAT_CSV] = &output_csv,
    };

    memset(output, 0, sizeof *output);
    output->format = formats[format];
    output->out = out;
    output->err = err;
    output->quiet = quiet;
}

void output_entry(struct output *output, const struct entry *entry, const cJSON *tree)
{
    output->format->entry(output, entry, tree);
    output->entries++;
    if (entry->error.code != 0 && !output->quiet) {
        struct problem problem = {0};
        problem_from_error(&problem, &entry->error);
        if (!problem.path.bytes)
            (void)text_copy(&problem.path, &entry->path);
        output_complain(output->err, NULL, &problem);
        problem_clear(&problem);
    }
}

static void summary(struct output *output, const struct list_result *result)
{
    struct stream *err = output->err;

    stream_format(err, "junction: %llu reparse point%s", (unsigned long long)result->count,
                  result->count == 1 ? "" : "s");
    stream_format(err, " in %llu director%s", (unsigned long long)result->directories,
                  result->directories == 1 ? "y" : "ies");
    if (result->skipped > 0)
        stream_format(err, ", %llu place%s could not be read", (unsigned long long)result->skipped,
                      result->skipped == 1 ? "" : "s");
    if (result->truncated)
        stream_string(err, ", ended early");
    stream_string(err, " (");
    if (result->source.bytes) {
        stream_name(err, result->source.bytes, result->source.length);
        stream_string(err, ", ");
    }
    stream_format(err, "%llu ms)\n", (unsigned long long)result->elapsed_ms);
}

void output_listed(struct output *output, const struct list_result *result, const cJSON *tree)
{
    output->format->listed(output, result, tree);
    if (!output->quiet && output->format != &output_json) {
        /* The results first, where both go to one terminal. */
        (void)stream_flush(output->out);
        summary(output, result);
    }
}

void output_created(struct output *output, const struct create_result *result, const cJSON *tree)
{
    output->format->created(output, result, tree);
}

void output_deleted(struct output *output, const struct delete_result *result, const cJSON *tree)
{
    output->format->deleted(output, result, tree);
}

void output_status(struct output *output, const cJSON *tree)
{
    output->format->status(output, tree);
}

/* Does the text begin with these words, capitals aside? Then they need not be said twice. */
static bool says(const char *text, const char *words)
{
    for (; *words; text++, words++) {
        char a = *text >= 'A' && *text <= 'Z' ? (char)(*text | 0x20) : *text;
        char b = *words >= 'A' && *words <= 'Z' ? (char)(*words | 0x20) : *words;
        if (a != b)
            return false;
    }
    return true;
}

void output_complain(struct stream *err, const char *subject, const struct problem *problem)
{
    stream_string(err, "junction: ");
    if (problem->path.bytes) {
        stream_name(err, problem->path.bytes, problem->path.length);
        stream_string(err, ": ");
    } else if (subject &&
               problem->code != 0) { /* what only the client found is about the service */
        stream_name(err, subject, strlen(subject));
        stream_string(err, ": ");
    }
    stream_name(err, problem->text, strlen(problem->text));
    stream_string(err, " (");
    if (problem->name)
        stream_string(err, problem->name);
    else
        stream_format(err, "error %d", problem->code);
    if (problem->os != 0) {
        char words[256];
        terminal_error_text(problem->os, problem->os_is_win32, words, sizeof words);
        if (!says(problem->text, words)) {
            stream_string(err, ", ");
            stream_name(err, words, strlen(words));
        }
    }
    stream_string(err, ")\n");
}

int output_failed(struct output *output, const char *subject, const struct problem *problem)
{
    if (output->format->failed)
        output->format->failed(output, problem);
    (void)stream_flush(output->out);
    output_complain(output->err, subject, problem);
    return (int)problem->exit;
}

int output_finish(struct stream *out, struct stream *err, int exit, int lost)
{
    if (!stream_flush(out)) {
        if (out->result == TERMINAL_FAILED) {
            char words[256];
            terminal_error_text(out->os, terminal_codes_are_win32, words, sizeof words);
            stream_format(err,
                          "junction: the results could not be written: %s (" PROBLEM_OUTPUT ")\n",
                          words);
        }
        exit = lost;
    }
    (void)stream_flush(err);
    return exit;
}

void output_number(double value, char out[OUTPUT_NUMBER_SIZE])
{
    const double exact = 9007199254740992.0; /* 2^53 */
    bool whole = value > -exact && value < exact && value == (double)(long long)value;

    (void)snprintf(out, OUTPUT_NUMBER_SIZE, whole ? "%.0f" : "%.15g", value);
}

cJSON *output_problem_tree(const struct problem *problem)
{
    cJSON *tree = cJSON_CreateObject(), *os = NULL;
    struct text message = {NULL, 0};
    bool good = tree != NULL;

    if (problem->code != 0)
        good = good && cJSON_AddNumberToObject(tree, "code", problem->code);
    if (problem->name)
        good = good && cJSON_AddStringToObject(tree, "name", problem->name);
    good = good && utf8_lossy(problem->text, strlen(problem->text), &message) == UTF_OK &&
           cJSON_AddStringToObject(tree, "message", message.bytes);
    if (good && problem->os != 0) {
        os = cJSON_AddObjectToObject(tree, "os");
        good = os &&
               cJSON_AddNumberToObject(os, problem->os_is_win32 ? "win32" : "errno", problem->os);
    }
    good = good && message_put_text(tree, "path", &problem->path) &&
           cJSON_AddNumberToObject(tree, "exit", (double)problem->exit);
    text_clear(&message);
    if (!good) {
        cJSON_Delete(tree);
        return NULL;
    }
    return tree;
}
