/* RFC 4180: a header line, raw data, lines that end with CRLF. Only a terminal sees escaped names.
 */
#include "output.h"

#include <stdio.h>
#include <string.h>

static void field(struct output *output, bool first, const char *bytes, size_t length)
{
    struct stream *out = output->out;
    const char *rest = bytes, *end = bytes + length;
    bool quoted = false;

    if (!first)
        stream_string(out, ",");
    for (size_t i = 0; i < length && !quoted; i++)
        quoted = bytes[i] == ',' || bytes[i] == '"' || bytes[i] == '\r' || bytes[i] == '\n';
    if (quoted)
        stream_string(out, "\"");
    while (rest < end) {
        const char *quote = memchr(rest, '"', (size_t)(end - rest));
        const char *stop = quote ? quote + 1 : end;
        if (out->interactive)
            stream_name(out, rest, (size_t)(stop - rest));
        else
            stream_put(out, rest, (size_t)(stop - rest));
        if (quote)
            stream_string(out, "\"");
        rest = stop;
    }
    if (quoted)
        stream_string(out, "\"");
}

static void text_field(struct output *output, bool first, const struct text *text)
{
    field(output, first, text->bytes ? text->bytes : "", text->length);
}

static void string_field(struct output *output, const char *string)
{
    field(output, false, string, strlen(string));
}

static void id_field(struct output *output, uint64_t id)
{
    char text[17] = "";

    if (id != 0)
        (void)snprintf(text, sizeof text, "%016llx", (unsigned long long)id);
    string_field(output, text);
}

static void end(struct output *output)
{
    stream_string(output->out, "\r\n");
}

static void header(struct output *output)
{
    if (output->opened)
        return;
    output->opened = true;
    stream_string(output->out, "path,kind,type,tag,tagName,target,substituteName,printName,fileId,"
                               "created,relative,state,malformed,error\r\n");
}

static void csv_entry(struct output *output, const struct entry *entry, const cJSON *tree)
{
    char text[ANSWER_TIME_SIZE] = "";
    const struct error_info *info;

    (void)tree;
    header(output);
    text_field(output, true, &entry->path);
    if (entry->error.code != 0) {
        info = error_find(entry->error.code);
        (void)snprintf(text, sizeof text, "%d", entry->error.code);
        stream_string(output->out, ",,,,,,,,,,,,");
        string_field(output, info ? info->name : text);
        end(output);
        return;
    }
    string_field(output, entry->directory ? "directory" : "file");
    text_field(output, false, &entry->type);
    (void)snprintf(text, sizeof text, "0x%08X", (unsigned)entry->tag);
    string_field(output, text);
    text_field(output, false, &entry->tag_name);
    text_field(output, false, &entry->target);
    text_field(output, false, &entry->substitute_name);
    text_field(output, false, &entry->print_name);
    id_field(output, entry->file_id);
    text[0] = '\0';
    if (entry->created != 0)
        answer_time_format(entry->created, text);
    string_field(output, text);
    string_field(output, entry->relative < 0 ? "" : entry->relative ? "true" : "false");
    text_field(output, false, &entry->state);
    string_field(output, entry->malformed ? "true" : "false");
    string_field(output, "");
    end(output);
}

static void csv_listed(struct output *output, const struct list_result *result, const cJSON *tree)
{
    (void)result;
    (void)tree;
    header(output);
}

static void csv_created(struct output *output, const struct create_result *result,
                        const cJSON *tree)
{
    (void)tree;
    stream_string(output->out, "link,target,substituteName,printName,fileId,outcome,"
                               "previousTarget,dryRun\r\n");
    text_field(output, true, &result->link);
    text_field(output, false, &result->target);
    text_field(output, false, &result->substitute_name);
    text_field(output, false, &result->print_name);
    id_field(output, result->file_id);
    text_field(output, false, &result->outcome);
    text_field(output, false, &result->previous_target);
    string_field(output, result->dry_run ? "true" : "false");
    end(output);
}

static void csv_deleted(struct output *output, const struct delete_result *result,
                        const cJSON *tree)
{
    (void)tree;
    stream_string(output->out, "link,target,fileId,outcome,dryRun\r\n");
    text_field(output, true, &result->link);
    text_field(output, false, &result->target);
    id_field(output, result->file_id);
    text_field(output, false, &result->outcome);
    string_field(output, result->dry_run ? "true" : "false");
    end(output);
}

/* Names of members on the way down, joined by dots. */
static void branch(struct output *output, const cJSON *tree, const char *prefix, int depth)
{
    const cJSON *child;
    unsigned index = 0;

    cJSON_ArrayForEach(child, tree)
    {
        char name[256], number[16], value[OUTPUT_NUMBER_SIZE];
        (void)snprintf(number, sizeof number, "%u", index++);
        (void)snprintf(name, sizeof name, "%s%s%.60s", prefix, *prefix ? "." : "",
                       child->string ? child->string : number);
        if ((cJSON_IsObject(child) || cJSON_IsArray(child)) && depth < 8) {
            branch(output, child, name, depth + 1);
            continue;
        }
        field(output, true, name, strlen(name));
        output_number(child->valuedouble, value);
        string_field(output, cJSON_IsString(child)   ? child->valuestring
                             : cJSON_IsNumber(child) ? value
                             : cJSON_IsTrue(child)   ? "true"
                             : cJSON_IsFalse(child)  ? "false"
                                                     : "");
        end(output);
    }
}

static void csv_status(struct output *output, const cJSON *tree)
{
    stream_string(output->out, "name,value\r\n");
    branch(output, tree, "", 0);
}

const struct output_format output_csv = {
    csv_entry, csv_listed, csv_created, csv_deleted, csv_status, NULL,
};
