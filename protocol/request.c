#include "request.h"

#include "errors.h"
#include "guard.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A request has at most two dozen; more is somebody who wants memory. */
#define MAX_VALUES   256
#define MAX_CLIENT   128
#define MAX_PROTOCOL 1000000
#define QUOTED_SIZE  68

static const struct method_info methods[METHOD_COUNT] = {
    {METHOD_HELLO, "hello", false},
    {METHOD_SERVICE_STATUS, "service.status", false},
    {METHOD_JUNCTION_CREATE, "junction.create", false},
    {METHOD_JUNCTION_DELETE, "junction.delete", false},
    {METHOD_REPARSE_SHOW, "reparse.show", false},
    {METHOD_REPARSE_LIST, "reparse.list", false},
    {METHOD_CANCEL, "cancel", true},
};

static const char *const sources[] = {"auto", "walk", "index", "scan"};

static const char *const types[ENTRY_TYPE_COUNT] = {
    "junction",    "mountPoint", "symlink", "wslSymlink", "wslSpecial",
    "appExecLink", "cloud",      "other",   "unknown",
};

enum kind {
    PARAM_PATH,   /* struct text: a path, never empty */
    PARAM_TARGET, /* struct text: a target, never empty */
    PARAM_LABEL,  /* struct text of at most MAX_CLIENT bytes, no XUtf16 */
    PARAM_BOOL,
    PARAM_DRIVE,    /* char */
    PARAM_PROTOCOL, /* int */
    PARAM_TYPES,    /* unsigned */
    PARAM_SOURCE,   /* enum list_source */
    PARAM_ID,       /* struct message_id */
};

struct param {
    enum method method;
    const char *name;
    enum kind kind;
    bool required;
    size_t offset; /* in struct request */
};

#define AT(part, member) offsetof(struct request, params.part.member)

static const struct param params[] = {
    {METHOD_HELLO, "protocol", PARAM_PROTOCOL, false, AT(hello, protocol)},
    {METHOD_HELLO, "client", PARAM_LABEL, false, AT(hello, client)},
    {METHOD_JUNCTION_CREATE, "link", PARAM_PATH, true, AT(create, link)},
    {METHOD_JUNCTION_CREATE, "target", PARAM_TARGET, true, AT(create, target)},
    {METHOD_JUNCTION_CREATE, "drive", PARAM_DRIVE, false, AT(create, drive)},
    {METHOD_JUNCTION_CREATE, "replace", PARAM_BOOL, false, AT(create, replace)},
    {METHOD_JUNCTION_CREATE, "expectedTarget", PARAM_TARGET, false, AT(create, expected_target)},
    {METHOD_JUNCTION_CREATE, "parents", PARAM_BOOL, false, AT(create, parents)},
    {METHOD_JUNCTION_CREATE, "mustExist", PARAM_BOOL, false, AT(create, must_exist)},
    {METHOD_JUNCTION_CREATE, "dryRun", PARAM_BOOL, false, AT(create, dry_run)},
    {METHOD_JUNCTION_DELETE, "link", PARAM_PATH, true, AT(delete, link)},
    {METHOD_JUNCTION_DELETE, "expectedTarget", PARAM_TARGET, false, AT(delete, expected_target)},
    {METHOD_JUNCTION_DELETE, "keepDirectory", PARAM_BOOL, false, AT(delete, keep_directory)},
    {METHOD_JUNCTION_DELETE, "dryRun", PARAM_BOOL, false, AT(delete, dry_run)},
    {METHOD_REPARSE_SHOW, "path", PARAM_PATH, true, AT(show, path)},
    {METHOD_REPARSE_SHOW, "check", PARAM_BOOL, false, AT(show, check)},
    {METHOD_REPARSE_LIST, "path", PARAM_PATH, true, AT(list, path)},
    {METHOD_REPARSE_LIST, "recurse", PARAM_BOOL, false, AT(list, recurse)},
    {METHOD_REPARSE_LIST, "volume", PARAM_BOOL, false, AT(list, volume)},
    {METHOD_REPARSE_LIST, "verify", PARAM_BOOL, false, AT(list, verify)},
    {METHOD_REPARSE_LIST, "types", PARAM_TYPES, false, AT(list, types)},
    {METHOD_REPARSE_LIST, "check", PARAM_BOOL, false, AT(list, check)},
    {METHOD_REPARSE_LIST, "source", PARAM_SOURCE, false, AT(list, source)},
    {METHOD_CANCEL, "id", PARAM_ID, true, AT(cancel, id)},
};

#define PARAM_COUNT (sizeof params / sizeof params[0])

const struct method_info *method_info(enum method method)
{
    return &methods[method];
}

const char *request_parameter(enum method method, size_t index, bool *has_utf16)
{
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        if (params[i].method == method && index-- == 0) {
            *has_utf16 = params[i].kind == PARAM_PATH || params[i].kind == PARAM_TARGET;
            return params[i].name;
        }
    }
    return NULL;
}

const char *list_source_name(enum list_source source)
{
    return sources[source];
}

const char *entry_type_name(enum entry_type type)
{
    return types[type];
}

int entry_type_find(const char *name)
{
    for (int i = 0; i < ENTRY_TYPE_COUNT; i++) {
        if (strcmp(types[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool is_text(enum kind kind)
{
    return kind == PARAM_PATH || kind == PARAM_TARGET || kind == PARAM_LABEL;
}

/* What somebody sent, short enough to stand in an error text and cut between characters. */
static const char *quoted(const char *name, char out[QUOTED_SIZE])
{
    size_t length = strlen(name);
    if (length < QUOTED_SIZE) {
        memcpy(out, name, length + 1);
        return out;
    }
    length = QUOTED_SIZE - 4;
    while (length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80) {
        length--;
    }
    snprintf(out, QUOTED_SIZE, "%.*s...", (int)length, name);
    return out;
}

static int out_of_memory(struct message_error *error)
{
    message_error_set(error, JERR_OUT_OF_MEMORY);
    return -1;
}

static bool is_utf16_of(const char *member, const struct param *param)
{
    size_t length = strlen(param->name);
    return (param->kind == PARAM_PATH || param->kind == PARAM_TARGET) &&
           strncmp(member, param->name, length) == 0 && strcmp(member + length, "Utf16") == 0;
}

static int check_members(const cJSON *given, enum method method, struct message_error *error)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, given)
    {
        bool known = false;
        for (size_t i = 0; i < PARAM_COUNT && !known; i++) {
            known = params[i].method == method && (strcmp(params[i].name, item->string) == 0 ||
                                                   is_utf16_of(item->string, &params[i]));
        }
        if (!known) {
            char name[QUOTED_SIZE];
            message_error_setf(error, JERR_INVALID_PARAMS, "%s has no parameter \"%s\"",
                               methods[method].name, quoted(item->string, name));
            return -1;
        }
    }
    return 0;
}

/* The names that the disk is asked for: the codes are those that a path or target of any other
 * fault gets. */
static int check_name(const struct param *param, const struct text *text,
                      struct message_error *error)
{
    bool target = param->kind == PARAM_TARGET;
    int code = target ? JERR_INVALID_TARGET : JERR_INVALID_PATH;
    if (text->length == 0) {
        message_error_setf(error, code, "\"%s\" is empty", param->name);
        return -1;
    }
    if (memchr(text->bytes, 0, text->length)) {
        message_error_setf(error, code, "\"%s\" holds a NUL character", param->name);
        return -1;
    }
    if (wtf8_utf16_length(text->bytes, text->length) > REQUEST_MAX_PATH_UNITS) {
        message_error_setf(error, target ? JERR_TARGET_TOO_LONG : JERR_INVALID_PATH,
                           "\"%s\" is longer than %d UTF-16 units", param->name,
                           REQUEST_MAX_PATH_UNITS);
        return -1;
    }
    return 0;
}

static int read_name(const cJSON *given, const struct param *param, struct text *out,
                     struct message_error *error)
{
    char utf16[32];
    snprintf(utf16, sizeof utf16, "%sUtf16", param->name);
    if (tree_get(given, param->name) && tree_get(given, utf16)) {
        message_error_setf(error, JERR_INVALID_PARAMS, "\"%s\" and \"%s\" exclude each other",
                           param->name, utf16);
        return -1;
    }
    int got = message_get_text(given, param->name, out);
    if (got == -2) {
        return out_of_memory(error);
    }
    if (got == -1 && tree_get(given, utf16)) {
        message_error_setf(error, JERR_INVALID_PARAMS,
                           "\"%s\" must be a string of hex digits, four for each UTF-16 unit",
                           utf16);
        return -1;
    }
    if (got == -1) {
        message_error_setf(error, JERR_INVALID_PARAMS, "\"%s\" must be a string", param->name);
        return -1;
    }
    if (got == 0) {
        if (param->required) {
            message_error_setf(error, JERR_INVALID_PARAMS, "\"%s\" is missing", param->name);
            return -1;
        }
        return 0;
    }
    return check_name(param, out, error);
}

static int read_types(const cJSON *item, unsigned *out, struct message_error *error)
{
    if (!cJSON_IsArray(item) || !item->child) {
        message_error_setf(error, JERR_INVALID_PARAMS,
                           "\"types\" must be a list of one type or more");
        return -1;
    }
    const cJSON *type;
    cJSON_ArrayForEach(type, item)
    {
        int found = cJSON_IsString(type) ? entry_type_find(type->valuestring) : -1;
        if (found < 0) {
            char name[QUOTED_SIZE];
            message_error_setf(error, JERR_INVALID_PARAMS,
                               "\"types\" holds %s%s%s, which is no type",
                               cJSON_IsString(type) ? "\"" : "something",
                               cJSON_IsString(type) ? quoted(type->valuestring, name) : "",
                               cJSON_IsString(type) ? "\"" : "");
            return -1;
        }
        *out |= 1u << found;
    }
    return 0;
}

static int read_source(const cJSON *item, enum list_source *out, struct message_error *error)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, sources[i]) == 0) {
            *out = (enum list_source)i;
            return 0;
        }
    }
    message_error_setf(error, JERR_INVALID_PARAMS,
                       "\"source\" must be \"auto\", \"walk\", \"index\" or \"scan\"");
    return -1;
}

static int read_drive(const cJSON *item, char *out, struct message_error *error)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *found = text[0] ? strchr(letters, text[0]) : NULL;
    if (!found || (text[1] != 0 && strcmp(text + 1, ":") != 0)) {
        message_error_setf(error, JERR_INVALID_PARAMS,
                           "\"drive\" must be a drive letter such as \"C:\"");
        return -1;
    }
    *out = letters[(found - letters) % 26];
    return 0;
}

/* A member that is there and is no name. */
static int read_value(const cJSON *given, const struct param *param, void *out,
                      struct message_error *error)
{
    const cJSON *item = tree_get(given, param->name);
    int64_t number;
    switch (param->kind) {
    case PARAM_BOOL:
        if (tree_get_bool(given, param->name, out) == 1) {
            return 0;
        }
        message_error_setf(error, JERR_INVALID_PARAMS, "\"%s\" must be true or false", param->name);
        return -1;
    case PARAM_DRIVE:
        return read_drive(item, out, error);
    case PARAM_PROTOCOL:
        if (tree_whole(item, &number) && number >= 1 && number <= MAX_PROTOCOL) {
            *(int *)out = (int)number;
            return 0;
        }
        message_error_setf(error, JERR_INVALID_PARAMS, "\"%s\" must be a whole number from 1 to %d",
                           param->name, MAX_PROTOCOL);
        return -1;
    case PARAM_LABEL:
        if (cJSON_IsString(item) && strlen(item->valuestring) <= MAX_CLIENT) {
            return text_set_string(out, item->valuestring) == UTF_OK ? 0 : out_of_memory(error);
        }
        message_error_setf(error, JERR_INVALID_PARAMS,
                           "\"%s\" must be a string of at most %d bytes", param->name, MAX_CLIENT);
        return -1;
    case PARAM_TYPES:
        return read_types(item, out, error);
    case PARAM_SOURCE:
        return read_source(item, out, error);
    case PARAM_ID:
        if (message_get_id(given, param->name, out) == 1) {
            return 0;
        }
        message_error_setf(
            error, JERR_INVALID_PARAMS,
            "\"%s\" must be a whole number of at most 2^53 or a string of 1 to %d bytes",
            param->name, MESSAGE_ID_MAX);
        return -1;
    default:
        message_error_set(error, JERR_INTERNAL_ERROR);
        return -1;
    }
}

static int read_params(const cJSON *given, struct request *out, struct message_error *error)
{
    if (given && !cJSON_IsObject(given)) {
        message_error_setf(error, JERR_INVALID_PARAMS,
                           "\"params\" must be an object: parameters go by name");
        return -1;
    }
    if (check_members(given, out->method, error) != 0) {
        return -1;
    }
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        const struct param *param = &params[i];
        if (param->method != out->method) {
            continue;
        }
        void *at = (char *)out + param->offset;
        if (param->kind == PARAM_PATH || param->kind == PARAM_TARGET) {
            if (read_name(given, param, at, error) != 0) {
                return -1;
            }
        } else if (tree_get(given, param->name)) {
            if (read_value(given, param, at, error) != 0) {
                return -1;
            }
        } else if (param->required) {
            message_error_setf(error, JERR_INVALID_PARAMS, "\"%s\" is missing", param->name);
            return -1;
        }
    }
    return 0;
}

static int invalid(struct message_error *error, const char *why)
{
    message_error_setf(error, JERR_INVALID_REQUEST, "not a valid request: %s", why);
    return -1;
}

/* The envelope: everything but the parameters. */
static int read_envelope(const cJSON *tree, struct request *out, struct message_id *id,
                         struct message_error *error)
{
    const cJSON *id_item = tree_get(tree, "id");
    /* First of all, so that every other fault can be answered to the one who asked. */
    if (id_item && message_get_id(tree, "id", id) != 1) {
        return invalid(error,
                       "\"id\" must be a whole number of at most 2^53 or a string of 1 to 64 "
                       "bytes");
    }
    const char *text = NULL;
    if (tree_get_string(tree, "jsonrpc", &text) != 1 || strcmp(text, "2.0") != 0) {
        return invalid(error, "\"jsonrpc\" must be \"2.0\"");
    }
    if (tree_get_string(tree, "method", &text) != 1) {
        return invalid(error, "\"method\" must be a string");
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, tree)
    {
        if (strcmp(item->string, "jsonrpc") != 0 && strcmp(item->string, "id") != 0 &&
            strcmp(item->string, "method") != 0 && strcmp(item->string, "params") != 0) {
            char name[QUOTED_SIZE];
            message_error_setf(error, JERR_INVALID_REQUEST,
                               "not a valid request: unknown member \"%s\"",
                               quoted(item->string, name));
            return -1;
        }
    }
    for (int i = 0; i < METHOD_COUNT; i++) {
        if (strcmp(text, methods[i].name) == 0) {
            out->method = methods[i].method;
            if (methods[i].notification && id_item) {
                return invalid(error, "\"cancel\" is a notification and has no \"id\" of its own");
            }
            if (!methods[i].notification && !id_item) {
                return invalid(error, "\"id\" is missing");
            }
            return 0;
        }
    }
    if (!id_item) {
        return invalid(error, "\"id\" is missing");
    }
    char name[QUOTED_SIZE];
    message_error_setf(error, JERR_METHOD_NOT_FOUND, "the service has no method \"%s\"",
                       quoted(text, name));
    return -1;
}

int request_read(const char *line, size_t length, struct request *out, struct message_id *id,
                 struct message_error *error)
{
    memset(out, 0, sizeof *out);
    memset(id, 0, sizeof *id);
    size_t first = 0;
    while (first < length && line[first] == ' ') {
        first++;
    }
    if (first < length && line[first] == '[') {
        return invalid(error, "batches are not served; send one request a line");
    }
    const char *why;
    cJSON *tree = guard_parse_bounded(line, length, MAX_VALUES, &why);
    if (!tree) {
        if (why == GUARD_NO_MEMORY) {
            return out_of_memory(error);
        }
        message_error_setf(error, JERR_PARSE_ERROR, "the line is not acceptable JSON: %s", why);
        return -1;
    }
    int result = read_envelope(tree, out, id, error);
    if (result == 0) {
        out->id = *id;
        if (out->method == METHOD_HELLO) {
            out->params.hello.protocol = 1;
        }
        result = read_params(tree_get(tree, "params"), out, error);
        if (result != 0) {
            request_clear(out);
        }
    }
    cJSON_Delete(tree);
    return result;
}

/* A request says a name once: as XUtf16 where X would not be the name. */
static bool write_name(cJSON *json, const struct param *param, const struct text *text)
{
    cJSON *both = cJSON_CreateObject();
    if (!both || !wtf8_is_valid(text->bytes, text->length) ||
        !message_put_text(both, param->name, text)) {
        cJSON_Delete(both);
        return false;
    }
    /* The last one is XUtf16 where there are two. */
    cJSON *item = cJSON_DetachItemViaPointer(both, both->child->prev);
    cJSON_Delete(both);
    char name[32];
    snprintf(name, sizeof name, "%s", item->string);
    if (!cJSON_AddItemToObject(json, name, item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

static bool write_types(cJSON *json, const char *name, unsigned chosen)
{
    cJSON *list = cJSON_CreateArray();
    if (!tree_put(json, name, list)) {
        return false;
    }
    for (unsigned i = 0; i < ENTRY_TYPE_COUNT; i++) {
        if (chosen & 1u << i) {
            cJSON *item = cJSON_CreateString(types[i]);
            if (!item || !cJSON_AddItemToArray(list, item)) {
                cJSON_Delete(item);
                return false;
            }
        }
    }
    return true;
}

static bool write_param(cJSON *json, const struct param *param, const struct request *request)
{
    const void *at = (const char *)request + param->offset;
    if (is_text(param->kind)) {
        const struct text *text = at;
        return !text->bytes || write_name(json, param, text);
    }
    switch (param->kind) {
    case PARAM_BOOL: {
        bool value = *(const bool *)at;
        return !value || tree_put_bool(json, param->name, true);
    }
    case PARAM_DRIVE: {
        char letter[] = {*(const char *)at, ':', 0};
        return letter[0] == 0 || tree_put_string(json, param->name, letter);
    }
    case PARAM_PROTOCOL: {
        int value = *(const int *)at;
        return value == 0 || value == 1 || tree_put(json, param->name, tree_number(value));
    }
    case PARAM_TYPES: {
        unsigned value = *(const unsigned *)at;
        return value == 0 || write_types(json, param->name, value);
    }
    case PARAM_SOURCE: {
        enum list_source value = *(const enum list_source *)at;
        return value == LIST_SOURCE_AUTO ||
               tree_put_string(json, param->name, list_source_name(value));
    }
    case PARAM_ID:
        return message_put_id(json, param->name, at);
    default:
        return false;
    }
}

char *request_write(const struct request *request, size_t *length)
{
    cJSON *json = cJSON_CreateObject();
    if (!json) {
        return NULL;
    }
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        if (params[i].method == request->method && !write_param(json, &params[i], request)) {
            cJSON_Delete(json);
            return NULL;
        }
    }
    if (!json->child) {
        cJSON_Delete(json);
        json = NULL;
    }
    const struct method_info *info = method_info(request->method);
    return message_call(info->notification ? NULL : &request->id, info->name, json, length);
}

void request_clear(struct request *request)
{
    for (size_t i = 0; i < PARAM_COUNT; i++) {
        if (params[i].method == request->method && is_text(params[i].kind)) {
            text_clear((struct text *)(void *)((char *)request + params[i].offset));
        }
    }
    memset(request, 0, sizeof *request);
}
