/* For people: one line an entry in a list, a small table for a single one. */
#include "output.h"

#include <string.h>

static void name(struct output *output, const struct text *text)
{
    stream_name(output->out, text->bytes ? text->bytes : "", text->length);
}

static void note(struct output *output, const char *before, const struct text *text,
                 const char *after)
{
    stream_string(output->out, before);
    name(output, text);
    stream_string(output->out, after);
}

static bool is(const struct text *text, const char *what)
{
    return text->bytes && strcmp(text->bytes, what) == 0;
}

static void line(struct output *output, const struct entry *entry)
{
    struct stream *out = output->out;

    name(output, &entry->type);
    for (size_t i = entry->type.length; i < 12; i++)
        stream_string(out, " ");
    name(output, &entry->path);
    if (entry->target.bytes)
        note(output, " -> ", &entry->target, "");
    else if (entry->tag_name.bytes)
        note(output, "  (", &entry->tag_name, ")");
    else
        stream_format(out, "  (tag 0x%08X)", (unsigned)entry->tag);
    if (entry->malformed)
        stream_string(out, "  (malformed)");
    if (entry->state.bytes && !is(&entry->state, "ok"))
        note(output, "  (", &entry->state, ")");
    stream_string(out, "\n");
}

static void row(struct output *output, const char *label, const struct text *text)
{
    if (text->bytes)
        note(output, label, text, "\n");
}

static void table(struct output *output, const struct entry *entry)
{
    struct stream *out = output->out;
    char time[ANSWER_TIME_SIZE];

    row(output, "Path:            ", &entry->path);
    note(output, "Type:            ", &entry->type,
         entry->relative == 1   ? ", relative"
         : entry->relative == 0 ? ", absolute"
                                : "");
    stream_string(out, entry->directory ? " (directory)\n" : " (file)\n");
    stream_format(out, "Tag:             0x%08X", (unsigned)entry->tag);
    if (entry->tag_name.bytes)
        note(output, " ", &entry->tag_name, "");
    stream_string(out, "\n");
    if (entry->malformed)
        stream_string(out, "Content:         malformed\n");
    row(output, "Target:          ", &entry->target);
    row(output, "Substitute name: ", &entry->substitute_name);
    row(output, "Print name:      ", &entry->print_name);
    if (entry->file_id != 0)
        stream_format(out, "File id:         %016llx\n", (unsigned long long)entry->file_id);
    if (entry->created != 0) {
        answer_time_format(entry->created, time);
        stream_format(out, "Created:         %s\n", time);
    }
    row(output, "State:           ", &entry->state);
}

static void text_entry(struct output *output, const struct entry *entry, const cJSON *tree)
{
    (void)tree;
    if (entry->error.code != 0)
        return; /* said on stderr */
    if (output->list)
        line(output, entry);
    else
        table(output, entry);
}

static void text_listed(struct output *output, const struct list_result *result, const cJSON *tree)
{
    (void)output;
    (void)result;
    (void)tree;
}

static void text_created(struct output *output, const struct create_result *result,
                         const cJSON *tree)
{
    (void)tree;
    if (output->quiet)
        return;
    if (result->dry_run)
        stream_string(output->out, "would be ");
    name(output, &result->outcome);
    note(output, ": ", &result->link, " -> ");
    name(output, &result->target);
    if (result->previous_target.bytes)
        note(output, "  (was ", &result->previous_target, ")");
    stream_string(output->out, "\n");
}

static void text_deleted(struct output *output, const struct delete_result *result,
                         const cJSON *tree)
{
    (void)tree;
    if (output->quiet)
        return;
    if (result->dry_run)
        stream_string(output->out, "would be ");
    name(output, &result->outcome);
    note(output, ": ", &result->link, "");
    if (result->target.bytes)
        note(output, "  (was ", &result->target, ")");
    stream_string(output->out, "\n");
}

static void branch(struct output *output, const cJSON *tree, int depth)
{
    char number[OUTPUT_NUMBER_SIZE];
    const cJSON *child;

    cJSON_ArrayForEach(child, tree)
    {
        for (int i = 0; i < depth; i++)
            stream_string(output->out, "  ");
        if (child->string)
            stream_name(output->out, child->string, strlen(child->string));
        else
            stream_string(output->out, "-");
        /* A drive's name has its colon already. */
        if (!child->string || !strchr(child->string, ':'))
            stream_string(output->out, ":");
        if (cJSON_IsObject(child) || cJSON_IsArray(child)) {
            stream_string(output->out, child->child ? "\n" : " none\n");
            branch(output, child, depth + 1);
            continue;
        }
        stream_string(output->out, " ");
        if (cJSON_IsString(child))
            stream_name(output->out, child->valuestring, strlen(child->valuestring));
        else if (cJSON_IsNumber(child)) {
            output_number(child->valuedouble, number);
            stream_string(output->out, number);
        } else if (cJSON_IsBool(child))
            stream_string(output->out, cJSON_IsTrue(child) ? "yes" : "no");
        else
            stream_string(output->out, "none");
        stream_string(output->out, "\n");
    }
}

static void text_status(struct output *output, const cJSON *tree)
{
    branch(output, tree, 0);
}

const struct output_format output_text = {
    text_entry, text_listed, text_created, text_deleted, text_status, NULL,
};
