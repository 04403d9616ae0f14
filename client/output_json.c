/* For programs: `json` is one document whatever happens, `jsonl` one object a line. Both hand the
 * service's members on. */
#include "output.h"

#include <stdlib.h>

static void print(struct output *output, const cJSON *tree)
{
    char *text = tree ? cJSON_PrintUnformatted(tree) : NULL;

    if (text) {
        stream_json(output->out, text);
    } else if (output->out->result == TERMINAL_WRITTEN) {
        output->out->result = TERMINAL_FAILED;
        output->out->os = terminal_error_memory;
    }
    cJSON_free(text);
}

static void print_line(struct output *output, const cJSON *tree)
{
    print(output, tree);
    stream_string(output->out, "\n");
}

static void json_entry(struct output *output, const struct entry *entry, const cJSON *tree)
{
    (void)entry;
    if (!output->list) {
        print_line(output, tree);
        return;
    }
    stream_string(output->out, output->opened ? ",\n" : "{\"entries\":[\n");
    output->opened = true;
    print(output, tree);
}

static void json_listed(struct output *output, const struct list_result *result, const cJSON *tree)
{
    (void)result;
    stream_string(output->out,
                  output->opened ? "\n],\"summary\":" : "{\"entries\":[],\"summary\":");
    print(output, tree);
    stream_string(output->out, "}\n");
    output->opened = false;
}

static void json_created(struct output *output, const struct create_result *result,
                         const cJSON *tree)
{
    (void)result;
    print_line(output, tree);
}

static void json_deleted(struct output *output, const struct delete_result *result,
                         const cJSON *tree)
{
    (void)result;
    print_line(output, tree);
}

static void json_failed(struct output *output, const struct problem *problem)
{
    cJSON *tree = output_problem_tree(problem);

    stream_string(output->out, output->opened ? "\n],\"error\":" : "{\"error\":");
    print(output, tree);
    stream_string(output->out, "}\n");
    output->opened = false;
    cJSON_Delete(tree);
}

static void jsonl_entry(struct output *output, const struct entry *entry, const cJSON *tree)
{
    (void)entry;
    print_line(output, tree);
}

static void jsonl_listed(struct output *output, const struct list_result *result, const cJSON *tree)
{
    (void)output;
    (void)result;
    (void)tree;
}

const struct output_format output_json = {
    json_entry, json_listed, json_created, json_deleted, print_line, json_failed,
};

const struct output_format output_jsonl = {
    jsonl_entry, jsonl_listed, json_created, json_deleted, print_line, NULL,
};
