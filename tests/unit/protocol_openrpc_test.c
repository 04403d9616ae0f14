/* openrpc.json and protocol.md against the code: what they list is what there is, and the other way
 * round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/answer.h"
#include "protocol/errors.h"
#include "protocol/request.h"

struct documents {
    char *manual; /* protocol.md */
    cJSON *rpc;
};

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s cannot be opened", path);
        return NULL;
    }
    size_t size = 1u << 20;
    char *text = malloc(size);
    assert_non_null(text);
    size_t length = fread(text, 1, size - 1, file);
    assert_true(length > 0 && length < size - 1);
    text[length] = 0;
    fclose(file);
    return text;
}

static int setup(void **state)
{
    static struct documents documents;
    char *text = slurp(JUNCTION_SOURCE_DIR "/protocol/openrpc.json");
    documents.rpc = cJSON_ParseWithOpts(text, NULL, 1);
    free(text);
    assert_non_null(documents.rpc);
    documents.manual = slurp(JUNCTION_SOURCE_DIR "/protocol/protocol.md");
    *state = &documents;
    return 0;
}

static int teardown(void **state)
{
    struct documents *documents = *state;
    cJSON_Delete(documents->rpc);
    free(documents->manual);
    return 0;
}

/* A member that must be there. */
static const cJSON *at(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    if (!item) {
        fail_msg("\"%s\" is missing", name);
    }
    return item;
}

static const char *string_at(const cJSON *json, const char *name)
{
    const cJSON *item = at(json, name);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

/* The element of an array whose "name" is this, or NULL. */
static const cJSON *named(const cJSON *array, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (strcmp(string_at(item, "name"), name) == 0) {
            return item;
        }
    }
    return NULL;
}

static bool holds_string(const cJSON *array, const char *string)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, string) == 0) {
            return true;
        }
    }
    return false;
}

static int find_method(const char *name)
{
    for (int i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(method_info((enum method)i)->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static void test_methods(void **state)
{
    struct documents *documents = *state;
    const cJSON *methods = at(documents->rpc, "methods");
    assert_int_equal(cJSON_GetArraySize(methods), METHOD_COUNT);
    for (int i = 0; i < METHOD_COUNT; i++) {
        const struct method_info *info = method_info((enum method)i);
        const cJSON *method = named(methods, info->name);
        if (!method) {
            fail_msg("%s is not in openrpc.json", info->name);
        }
        assert_string_equal(string_at(method, "paramStructure"), "by-name");
        bool answered = cJSON_HasObjectItem(method, "result");
        assert_int_equal(answered, !info->notification);
        char heading[64];
        snprintf(heading, sizeof heading, "### %s\n", info->name);
        if (!strstr(documents->manual, heading)) {
            fail_msg("protocol.md has no heading for %s", info->name);
        }
        const cJSON *params = at(method, "params");
        const char *name;
        bool has_utf16;
        int count = 0;
        for (size_t p = 0; (name = request_parameter((enum method)i, p, &has_utf16)); p++) {
            char utf16[64];
            snprintf(utf16, sizeof utf16, "%sUtf16", name);
            if (!named(params, name) || (named(params, utf16) != NULL) != has_utf16) {
                fail_msg("%s: parameter %s", info->name, name);
            }
            count += 1 + has_utf16;
        }
        assert_int_equal(cJSON_GetArraySize(params), count);
    }
}

/* The request with the parameters, through the reader. */
static int offer(const char *method, cJSON *params, int *code)
{
    struct message_id id = {.kind = MESSAGE_ID_NUMBER, .number = 1};
    int found = find_method(method);
    assert_true(found >= 0);
    size_t length;
    char *line = message_call(method_info((enum method)found)->notification ? NULL : &id, method,
                              params, &length);
    assert_non_null(line);
    struct request request;
    struct message_error error;
    line[length - 1] = 0;
    int got = request_read(line, length - 1, &request, &id, &error);
    *code = got == 0 ? 0 : error.code;
    if (got == 0) {
        request_clear(&request);
    }
    free(line);
    return got;
}

/* The group of the method's parameters of this kind that holds the name, or NULL. */
static const cJSON *group_of(const cJSON *method, const char *kind, const char *name)
{
    const cJSON *group;
    cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(method, kind))
    {
        if (holds_string(group, name)) {
            return group;
        }
    }
    return NULL;
}

/* What must be there, without what `except` is an alternative of. */
static cJSON *least(const cJSON *method, const char *except)
{
    cJSON *params = cJSON_CreateObject();
    const cJSON *list = at(method, "params");
    const cJSON *param;
    cJSON_ArrayForEach(param, list)
    {
        if (cJSON_IsTrue(at(param, "required")) &&
            (!except || strcmp(string_at(param, "name"), except) != 0)) {
            cJSON_AddItemToObject(params, string_at(param, "name"),
                                  cJSON_Duplicate(at(param, "x-example"), 1));
        }
    }
    const cJSON *group;
    cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(method, "x-exactlyOne"))
    {
        if (!except || !holds_string(group, except)) {
            const char *name = cJSON_GetArrayItem(group, 0)->valuestring;
            cJSON_AddItemToObject(params, name,
                                  cJSON_Duplicate(at(named(list, name), "x-example"), 1));
        }
    }
    return params;
}

static void test_parameters(void **state)
{
    struct documents *documents = *state;
    const cJSON *method;
    cJSON_ArrayForEach(method, at(documents->rpc, "methods"))
    {
        const char *name = string_at(method, "name");
        int code;
        if (offer(name, least(method, NULL), &code) != 0) {
            fail_msg("%s with the least: %d", name, code);
        }
        cJSON *more = least(method, NULL);
        cJSON_AddTrueToObject(more, "unknownOne");
        assert_int_equal(offer(name, more, &code), -1);
        assert_int_equal(code, JERR_INVALID_PARAMS);

        const cJSON *param;
        cJSON_ArrayForEach(param, at(method, "params"))
        {
            const char *given = string_at(param, "name");
            const cJSON *group = group_of(method, "x-exactlyOne", given);
            bool exactly = group != NULL;
            cJSON *params = least(method, given);
            if (exactly || cJSON_IsTrue(at(param, "required"))) {
                assert_int_equal(offer(name, cJSON_Duplicate(params, 1), &code), -1);
                assert_int_equal(code, JERR_INVALID_PARAMS);
            }
            cJSON_AddItemToObject(params, given, cJSON_Duplicate(at(param, "x-example"), 1));
            if (offer(name, cJSON_Duplicate(params, 1), &code) != 0) {
                fail_msg("%s with %s: %d", name, given, code);
            }
            if (!group) {
                group = group_of(method, "x-atMostOne", given);
            }
            if (group) {
                const cJSON *other;
                cJSON_ArrayForEach(other, group)
                {
                    if (strcmp(other->valuestring, given) != 0) {
                        const cJSON *example =
                            at(named(at(method, "params"), other->valuestring), "x-example");
                        cJSON_AddItemToObject(params, other->valuestring,
                                              cJSON_Duplicate(example, 1));
                    }
                }
                assert_int_equal(offer(name, cJSON_Duplicate(params, 1), &code), -1);
                assert_int_equal(code, JERR_INVALID_PARAMS);
            }
            cJSON_Delete(params);
            /* No parameter takes a value of any kind. */
            params = least(method, given);
            cJSON_AddItemToObject(params, given, cJSON_CreateObject());
            assert_int_equal(offer(name, params, &code), -1);
            assert_int_equal(code, JERR_INVALID_PARAMS);
        }
    }
}

static void test_examples(void **state)
{
    struct documents *documents = *state;
    const cJSON *method;
    cJSON_ArrayForEach(method, at(documents->rpc, "methods"))
    {
        const cJSON *example;
        assert_true(cJSON_GetArraySize(at(method, "examples")) > 0);
        cJSON_ArrayForEach(example, at(method, "examples"))
        {
            cJSON *params = cJSON_CreateObject();
            const cJSON *param;
            cJSON_ArrayForEach(param, at(example, "params"))
            {
                cJSON_AddItemToObject(params, string_at(param, "name"),
                                      cJSON_Duplicate(at(param, "value"), 1));
            }
            int code;
            if (offer(string_at(method, "name"), params, &code) != 0) {
                fail_msg("the example of %s: %d", string_at(method, "name"), code);
            }
        }
    }
}

/* The results of the examples are what the client's readers take. */
static void test_example_results(void **state)
{
    struct documents *documents = *state;
    const cJSON *method;
    int read = 0;
    cJSON_ArrayForEach(method, at(documents->rpc, "methods"))
    {
        int found = find_method(string_at(method, "name"));
        if (found == METHOD_CANCEL) {
            continue;
        }
        const cJSON *example = cJSON_GetArrayItem(at(method, "examples"), 0);
        const cJSON *value = at(at(example, "result"), "value");
        union {
            struct hello_result hello;
            struct create_result create;
            struct delete_result delete;
            struct entry entry;
            struct list_result list;
        } out;
        switch (found) {
        case METHOD_HELLO:
            assert_int_equal(hello_result_read(value, &out.hello), 0);
            hello_result_clear(&out.hello);
            read++;
            break;
        case METHOD_JUNCTION_CREATE:
            assert_int_equal(create_result_read(value, &out.create), 0);
            create_result_clear(&out.create);
            read++;
            break;
        case METHOD_JUNCTION_DELETE:
            assert_int_equal(delete_result_read(value, &out.delete), 0);
            delete_result_clear(&out.delete);
            read++;
            break;
        case METHOD_REPARSE_SHOW:
            assert_int_equal(entry_read(value, &out.entry), 0);
            entry_clear(&out.entry);
            read++;
            break;
        case METHOD_REPARSE_LIST:
            assert_int_equal(list_result_read(value, &out.list), 0);
            list_result_clear(&out.list);
            read++;
            break;
        default:
            break;
        }
    }
    assert_int_equal(read, 5);
}

static void test_errors(void **state)
{
    struct documents *documents = *state;
    const cJSON *errors = at(at(documents->rpc, "components"), "errors");
    size_t count;
    const struct error_info *rows = error_all(&count);
    assert_int_equal(cJSON_GetArraySize(errors), count);
    for (size_t i = 0; i < count; i++) {
        const struct error_info *row = &rows[i];
        assert_ptr_equal(error_find(row->code), row);
        assert_ptr_equal(error_find_name(row->name), row);
        const cJSON *error = at(errors, row->name);
        assert_int_equal(at(error, "code")->valueint, row->code);
        assert_int_equal(at(error, "x-exitCode")->valueint, row->exit);
        assert_string_equal(string_at(error, "message"), row->text);
        assert_string_equal(string_at(at(error, "data"), "name"), row->name);
        char line[512];
        snprintf(line, sizeof line, "\n| %d | %s | %d | %s |\n", row->code, row->name, row->exit,
                 row->text);
        if (!strstr(documents->manual, line)) {
            fail_msg("protocol.md has no row for %s", row->name);
        }
    }
    assert_null(error_find(0));
    assert_null(error_find(4711));
    assert_null(error_find_name("NOT_found"));
    size_t in_manual = 0;
    for (const char *row = documents->manual; (row = strstr(row, "\n| ")); row++) {
        int code;
        in_manual += sscanf(row, "\n| %d | ", &code) == 1;
    }
    assert_int_equal(in_manual, count);

    const cJSON *method;
    cJSON_ArrayForEach(method, at(documents->rpc, "methods"))
    {
        const cJSON *reference;
        cJSON_ArrayForEach(reference, cJSON_GetObjectItemCaseSensitive(method, "errors"))
        {
            const char *path = string_at(reference, "$ref");
            static const char prefix[] = "#/components/errors/";
            assert_int_equal(strncmp(path, prefix, sizeof prefix - 1), 0);
            assert_non_null(error_find_name(path + sizeof prefix - 1));
        }
    }
}

static const cJSON *schema_of(const cJSON *rpc, const char *name)
{
    return at(at(at(rpc, "components"), "schemas"), name);
}

static void check_references(const cJSON *rpc, const cJSON *json)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        if (item->string && strcmp(item->string, "$ref") == 0) {
            char path[128];
            snprintf(path, sizeof path, "%s", item->valuestring + 2);
            const cJSON *found = rpc;
            for (char *part = strtok(path, "/"); part; part = strtok(NULL, "/")) {
                found = at(found, part);
            }
        }
        check_references(rpc, item);
    }
}

static void test_enumerations(void **state)
{
    struct documents *documents = *state;
    const cJSON *types = at(schema_of(documents->rpc, "TypeName"), "enum");
    assert_int_equal(cJSON_GetArraySize(types), ENTRY_TYPE_COUNT);
    for (int i = 0; i < ENTRY_TYPE_COUNT; i++) {
        assert_true(holds_string(types, entry_type_name((enum entry_type)i)));
    }
    const cJSON *list = named(at(documents->rpc, "methods"), "reparse.list");
    const cJSON *sources = at(at(named(at(list, "params"), "source"), "schema"), "enum");
    assert_int_equal(cJSON_GetArraySize(sources), 4);
    for (int i = LIST_SOURCE_AUTO; i <= LIST_SOURCE_SCAN; i++) {
        assert_true(holds_string(sources, list_source_name((enum list_source)i)));
    }
    check_references(documents->rpc, documents->rpc);
}

/* Every member that was written is described; the described ones that it left out are counted.
 * Takes the tree. */
static int check_members(const cJSON *rpc, const char *schema, cJSON *json)
{
    assert_non_null(json);
    const cJSON *properties = at(schema_of(rpc, schema), "properties");
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        if (!cJSON_GetObjectItemCaseSensitive(properties, item->string)) {
            fail_msg("%s does not describe \"%s\"", schema, item->string);
        }
    }
    int left_out = cJSON_GetArraySize(properties) - cJSON_GetArraySize(json);
    const cJSON *required;
    cJSON_ArrayForEach(required,
                       cJSON_GetObjectItemCaseSensitive(schema_of(rpc, schema), "required"))
    {
        assert_non_null(cJSON_GetObjectItemCaseSensitive(json, required->valuestring));
    }
    cJSON_Delete(json);
    return left_out;
}

static void test_written(void **state)
{
    struct documents *documents = *state;
    const cJSON *rpc = documents->rpc;
    char odd_bytes[] = "\xED\xA0\x80", plain_bytes[] = "x";
    struct text odd = {odd_bytes, 3}, plain = {plain_bytes, 1};
    struct message_id id = {.kind = MESSAGE_ID_NUMBER, .number = 1};
    char *capabilities[] = {plain_bytes};

    struct entry entry = {.path = odd,
                          .type = plain,
                          .tag_name = plain,
                          .target = odd,
                          .substitute_name = odd,
                          .print_name = odd,
                          .file_id = 1,
                          .created = 1,
                          .state = plain,
                          .malformed = true};
    assert_int_equal(check_members(rpc, "Entry", entry_write(&entry)), 1); /* all but error */
    message_error_set(&entry.error, JERR_IO_ERROR);
    entry.error.os = 5;
    entry.error.path = odd;
    check_members(rpc, "Entry", entry_write(&entry));
    assert_int_equal(check_members(rpc, "Error", message_error_write(&entry.error)), 0);

    struct hello_result hello = {1, plain, plain, capabilities, 1, 2, 3};
    assert_int_equal(check_members(rpc, "HelloResult", hello_result_write(&hello)), 0);
    struct create_result created = {odd, odd, odd, odd, 1, plain, odd, true};
    assert_int_equal(check_members(rpc, "CreateResult", create_result_write(&created)), 0);
    struct delete_result deleted = {odd, odd, 1, plain, true};
    assert_int_equal(check_members(rpc, "DeleteResult", delete_result_write(&deleted)), 0);
    struct list_result listed = {.source = plain};
    assert_int_equal(check_members(rpc, "ListResult", list_result_write(&listed)), 0);

    const cJSON *notifications = at(rpc, "x-notifications");
    assert_int_equal(cJSON_GetArraySize(notifications), 2);
    assert_string_equal(string_at(at(named(notifications, "reparse.entries"), "schema"), "$ref"),
                        "#/components/schemas/EntriesParams");
    assert_string_equal(string_at(at(named(notifications, "progress"), "schema"), "$ref"),
                        "#/components/schemas/ProgressParams");
    assert_int_equal(
        check_members(rpc, "EntriesParams", entries_write(&id, 0, cJSON_CreateArray())), 0);
    assert_int_equal(check_members(rpc, "ProgressParams", progress_write(&id, 1, 2)), 0);
}

/* Every line of protocol.md that a client is shown to send is one that the service takes, and every
 * one that it is shown to get is one that a client can read. */
static void test_manual(void **state)
{
    struct documents *documents = *state;
    int sent = 0, received = 0;
    for (const char *line = documents->manual; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        bool out = strncmp(line, "--> {", 5) == 0;
        if (!out && strncmp(line, "<-- {", 5) != 0) {
            continue;
        }
        size_t length = strcspn(line + 4, "\n");
        char *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, line + 4, length);
        copy[length] = 0;
        struct request request;
        struct message_id id;
        struct message_error error;
        struct message_incoming incoming;
        const char *why;
        if (out) {
            if (request_read(copy, length, &request, &id, &error) != 0) {
                fail_msg("%s: %s", copy, error.text);
            }
            request_clear(&request);
            sent++;
        } else {
            if (message_read(copy, length, &incoming, &why) != 0) {
                fail_msg("%s: %s", copy, why);
            }
            message_incoming_clear(&incoming);
            received++;
        }
        free(copy);
    }
    assert_true(sent >= METHOD_COUNT);
    assert_true(received >= METHOD_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),  cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_examples), cmocka_unit_test(test_example_results),
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_enumerations),
        cmocka_unit_test(test_written),  cmocka_unit_test(test_manual),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
