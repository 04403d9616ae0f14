#include "message.h"

#include "errors.h"
#include "guard.h"
#include "tree.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX "Utf16"
/* "nameUtf16" with its NUL. */
#define NAME_SIZE 48

bool message_id_equal(const struct message_id *a, const struct message_id *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case MESSAGE_ID_NUMBER:
        return a->number == b->number;
    case MESSAGE_ID_STRING:
        return strcmp(a->string, b->string) == 0;
    default:
        return true;
    }
}

void message_error_set(struct message_error *error, int code)
{
    const struct error_info *info = error_find(code);
    memset(error, 0, sizeof *error);
    error->code = code;
    snprintf(error->text, sizeof error->text, "%s", info ? info->text : "unknown error");
}

void message_error_setf(struct message_error *error, int code, const char *format, ...)
{
    char text[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* Only now: the arguments may point into *error. */
    message_error_set(error, code);
    if (length <= 0) {
        return;
    }
    size_t end = strlen(text);
    if ((size_t)length > end) {
        while (end > 0 && ((unsigned char)text[end - 1] & 0xC0) == 0x80) {
            end--;
        }
        if (end > 0 && ((unsigned char)text[end - 1] & 0x80) != 0) {
            end--;
        }
        text[end] = 0;
    }
    memcpy(error->text, text, end + 1);
}

void message_error_clear(struct message_error *error)
{
    text_clear(&error->path);
}

static cJSON *lossy_string(const char *bytes, size_t length)
{
    struct text copy;
    if (utf8_lossy(bytes, length, &copy) != UTF_OK) {
        return NULL;
    }
    cJSON *item = cJSON_CreateString(copy.bytes);
    text_clear(&copy);
    return item;
}

cJSON *message_error_write(const struct message_error *error)
{
    const struct error_info *info = error_find(error->code);
    cJSON *json = cJSON_CreateObject();
    cJSON *data = cJSON_CreateObject();
    if (!json || !data || !tree_put(json, "code", tree_number(error->code)) ||
        !tree_put(json, "message", lossy_string(error->text, strlen(error->text)))) {
        goto fail;
    }
    if (info && !tree_put_string(data, "name", info->name)) {
        goto fail;
    }
    if (error->os != 0) {
        cJSON *os = cJSON_CreateObject();
        if (!tree_put(data, "os", os) ||
            !tree_put(os, error->os_is_win32 ? "win32" : "errno", tree_number(error->os))) {
            goto fail;
        }
    }
    if (!message_put_text(data, "path", &error->path)) {
        goto fail;
    }
    if (!tree_put(json, "data", data)) {
        data = NULL;
        goto fail;
    }
    return json;
fail:
    cJSON_Delete(data);
    cJSON_Delete(json);
    return NULL;
}

/* 0, or -1 when a member that is there is not what it has to be. */
static int read_os(const cJSON *data, struct message_error *out)
{
    const cJSON *os = tree_get(data, "os");
    if (!os) {
        return 0;
    }
    const cJSON *number = tree_get(os, "win32");
    out->os_is_win32 = number != NULL;
    if (!number) {
        number = tree_get(os, "errno");
    }
    int64_t value;
    if (!number) {
        return 0;
    }
    if (!tree_whole(number, &value) || value < INT_MIN || value > INT_MAX) {
        return -1;
    }
    out->os = (int)value;
    return 0;
}

int message_error_read(const cJSON *json, struct message_error *out)
{
    int64_t code;
    memset(out, 0, sizeof *out);
    if (!tree_whole(tree_get(json, "code"), &code) || code < INT_MIN || code > INT_MAX ||
        code == 0) {
        return -1;
    }
    const char *text = NULL;
    if (tree_get_string(json, "message", &text) < 0) {
        return -1;
    }
    if (text && text[0]) {
        message_error_setf(out, (int)code, "%s", text);
    } else {
        message_error_set(out, (int)code);
    }
    const cJSON *data = tree_get(json, "data");
    if (!cJSON_IsObject(data)) {
        return 0;
    }
    if (read_os(data, out) != 0) {
        return -1;
    }
    int got = message_get_text(data, "path", &out->path);
    return got < 0 ? got : 0;
}

/* Takes the tree. */
static char *print(cJSON *tree, size_t *length)
{
    char *text = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    if (!text) {
        return NULL;
    }
    size_t size = strlen(text);
    char *line = realloc(text, size + 2);
    if (!line) {
        free(text);
        return NULL;
    }
    line[size] = '\n';
    line[size + 1] = 0;
    *length = size + 1;
    return line;
}

/* Takes the body, which becomes the member `name`. */
static char *answer(const struct message_id *id, const char *name, cJSON *body, size_t *length)
{
    cJSON *root = cJSON_CreateObject();
    if (!body || !root || !tree_put_string(root, "jsonrpc", "2.0") ||
        !message_put_id(root, "id", id)) {
        cJSON_Delete(body);
        cJSON_Delete(root);
        return NULL;
    }
    if (!tree_put(root, name, body)) {
        cJSON_Delete(root);
        return NULL;
    }
    return print(root, length);
}

char *message_result(const struct message_id *id, cJSON *result, size_t *length)
{
    return answer(id, "result", result, length);
}

char *message_failure(const struct message_id *id, const struct message_error *error,
                      size_t *length)
{
    return answer(id, "error", message_error_write(error), length);
}

char *message_call(const struct message_id *id, const char *method, cJSON *params, size_t *length)
{
    cJSON *root = cJSON_CreateObject();
    if (!root || !tree_put_string(root, "jsonrpc", "2.0") ||
        (id && id->kind != MESSAGE_ID_NONE && !message_put_id(root, "id", id)) ||
        !tree_put_string(root, "method", method)) {
        cJSON_Delete(params);
        cJSON_Delete(root);
        return NULL;
    }
    if (params && !tree_put(root, "params", params)) {
        cJSON_Delete(root);
        return NULL;
    }
    return print(root, length);
}

static int read_answer(struct message_incoming *out, const char **why)
{
    const cJSON *result = tree_get(out->tree, "result");
    const cJSON *error = tree_get(out->tree, "error");
    if (message_get_id(out->tree, "id", &out->id) < 0) {
        *why = "the id is neither a whole number nor a string of 1 to 64 bytes";
        return -1;
    }
    if ((result != NULL) == (error != NULL)) {
        *why = "neither a result nor an error, or both";
        return -1;
    }
    if (result) {
        if (out->id.kind == MESSAGE_ID_NONE) {
            *why = "a result without an id";
            return -1;
        }
        out->kind = MESSAGE_RESULT;
        out->body = result;
        return 0;
    }
    out->kind = MESSAGE_FAILURE;
    int got = message_error_read(error, &out->error);
    if (got != 0) {
        *why = got == -2 ? GUARD_NO_MEMORY : "an error that is none";
        return -1;
    }
    return 0;
}

int message_read(const char *line, size_t length, struct message_incoming *out, const char **why)
{
    memset(out, 0, sizeof *out);
    out->tree = guard_parse(line, length, why);
    if (!out->tree) {
        return -1;
    }
    const char *version = NULL;
    const cJSON *method = tree_get(out->tree, "method");
    if (tree_get_string(out->tree, "jsonrpc", &version) != 1 || strcmp(version, "2.0") != 0) {
        *why = "not JSON-RPC 2.0";
        goto fail;
    }
    if (!method) {
        if (read_answer(out, why) != 0) {
            goto fail;
        }
        return 0;
    }
    if (!cJSON_IsString(method) || tree_get(out->tree, "id")) {
        *why = "neither an answer nor a notification";
        goto fail;
    }
    out->kind = MESSAGE_NOTIFICATION;
    out->method = method->valuestring;
    out->body = tree_get(out->tree, "params");
    if (out->body && !cJSON_IsObject(out->body)) {
        *why = "the params of a notification are no object";
        goto fail;
    }
    return 0;
fail:
    message_incoming_clear(out);
    return -1;
}

void message_incoming_clear(struct message_incoming *incoming)
{
    message_error_clear(&incoming->error);
    cJSON_Delete(incoming->tree);
    memset(incoming, 0, sizeof *incoming);
}

static bool add_copy(cJSON *object, const char *name, cJSON *item)
{
    if (!item || !cJSON_AddItemToObject(object, name, item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

/* The hex form of valid WTF-8; NULL when memory is out. */
static cJSON *utf16_item(const struct text *text)
{
    static const char digits[] = "0123456789abcdef";
    uint16_t *units;
    size_t count;
    if (wtf8_to_utf16(text->bytes, text->length, &units, &count) != UTF_OK) {
        return NULL;
    }
    cJSON *item = NULL;
    char *hex = count < SIZE_MAX / 4 ? malloc(count * 4 + 1) : NULL;
    if (hex) {
        char *at = hex;
        for (size_t i = 0; i < count; i++) {
            *at++ = digits[units[i] >> 4 & 15];
            *at++ = digits[units[i] & 15];
            *at++ = digits[units[i] >> 12];
            *at++ = digits[units[i] >> 8 & 15];
        }
        *at = 0;
        item = cJSON_CreateString(hex);
    }
    free(hex);
    free(units);
    return item;
}

bool message_put_text(cJSON *object, const char *name, const struct text *text)
{
    if (!text->bytes) {
        return true;
    }
    if (utf8_is_valid(text->bytes, text->length) && !memchr(text->bytes, 0, text->length)) {
        return add_copy(object, name, cJSON_CreateString(text->bytes));
    }
    if (!add_copy(object, name, lossy_string(text->bytes, text->length))) {
        return false;
    }
    if (!wtf8_is_valid(text->bytes, text->length)) {
        return true;
    }
    char true_name[NAME_SIZE];
    snprintf(true_name, sizeof true_name, "%.*s" SUFFIX, (int)(NAME_SIZE - sizeof SUFFIX), name);
    return add_copy(object, true_name, utf16_item(text));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int read_utf16(const char *hex, struct text *out)
{
    size_t length = strlen(hex);
    if (length % 4 != 0) {
        return -1;
    }
    size_t count = length / 4;
    uint16_t *units = malloc((count + 1) * sizeof *units);
    if (!units) {
        return -2;
    }
    for (size_t i = 0; i < length; i += 4) {
        int part[4];
        for (int j = 0; j < 4; j++) {
            part[j] = hex_digit(hex[i + (size_t)j]);
            if (part[j] < 0) {
                free(units);
                return -1;
            }
        }
        units[i / 4] = (uint16_t)(part[2] << 12 | part[3] << 8 | part[0] << 4 | part[1]);
    }
    int made = utf16_to_wtf8(units, count, out);
    free(units);
    return made == UTF_OK ? 1 : -2;
}

int message_get_text(const cJSON *object, const char *name, struct text *out)
{
    char true_name[NAME_SIZE];
    const char *value = NULL;
    memset(out, 0, sizeof *out);
    snprintf(true_name, sizeof true_name, "%.*s" SUFFIX, (int)(NAME_SIZE - sizeof SUFFIX), name);
    int got = tree_get_string(object, true_name, &value);
    if (got < 0) {
        return -1;
    }
    if (got > 0) {
        return read_utf16(value, out);
    }
    got = tree_get_string(object, name, &value);
    if (got <= 0) {
        return got;
    }
    return text_set_string(out, value) == UTF_OK ? 1 : -2;
}

bool message_put_id(cJSON *object, const char *name, const struct message_id *id)
{
    switch (id->kind) {
    case MESSAGE_ID_NUMBER:
        return add_copy(object, name, tree_number(id->number));
    case MESSAGE_ID_STRING:
        return add_copy(object, name, cJSON_CreateString(id->string));
    default:
        return add_copy(object, name, cJSON_CreateNull());
    }
}

int message_get_id(const cJSON *object, const char *name, struct message_id *out)
{
    const cJSON *item = tree_get(object, name);
    memset(out, 0, sizeof *out);
    if (!item || cJSON_IsNull(item)) {
        return 0;
    }
    if (cJSON_IsString(item)) {
        size_t length = strlen(item->valuestring);
        if (length < 1 || length > MESSAGE_ID_MAX) {
            return -1;
        }
        out->kind = MESSAGE_ID_STRING;
        memcpy(out->string, item->valuestring, length + 1);
        return 1;
    }
    if (!tree_whole(item, &out->number)) {
        return -1;
    }
    out->kind = MESSAGE_ID_NUMBER;
    return 1;
}
