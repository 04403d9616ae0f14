/* A hostile byte stream through framing, guard, request and answer readers. The first byte chooses
 * how it is cut into chunks. Beyond the sanitizers it holds: what was read can be written, and
 * reads the same again; error texts are UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/answer.h"
#include "protocol/errors.h"
#include "protocol/framing.h"
#include "protocol/guard.h"
#include "protocol/message.h"
#include "protocol/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(int truth)
{
    if (!truth) {
        abort();
    }
}

static void check_request(const char *line, size_t length)
{
    struct request request, again;
    struct message_id id;
    struct message_error error;
    if (request_read(line, length, &request, &id, &error) != 0) {
        insist(error_find(error.code) != NULL);
        insist(error.text[0] != 0 && utf8_is_valid(error.text, strlen(error.text)));
        size_t answer_length;
        char *answer = message_failure(&id, &error, &answer_length);
        insist(answer != NULL);
        answer[answer_length - 1] = 0;
        struct message_incoming incoming;
        const char *why;
        insist(message_read(answer, answer_length - 1, &incoming, &why) == 0);
        insist(incoming.kind == MESSAGE_FAILURE && incoming.error.code == error.code);
        insist(message_id_equal(&incoming.id, &id));
        message_incoming_clear(&incoming);
        free(answer);
        message_error_clear(&error);
        return;
    }
    size_t first, second;
    char *one = request_write(&request, &first);
    insist(one != NULL);
    one[first - 1] = 0;
    insist(request_read(one, first - 1, &again, &id, &error) == 0);
    char *two = request_write(&again, &second);
    insist(two != NULL);
    two[second - 1] = 0;
    insist(first == second && memcmp(one, two, first) == 0);
    request_clear(&again);
    request_clear(&request);
    free(one);
    free(two);
}

static void check_entry(const cJSON *json)
{
    struct entry entry, again;
    if (entry_read(json, &entry) != 0) {
        return;
    }
    cJSON *written = entry_write(&entry);
    insist(written != NULL);
    insist(entry_read(written, &again) == 0);
    insist(text_equal(&entry.path, &again.path) && text_equal(&entry.target, &again.target));
    insist(entry.created == again.created && entry.file_id == again.file_id);
    cJSON_Delete(written);
    entry_clear(&again);
    entry_clear(&entry);
}

static void check_answer(const char *line, size_t length)
{
    struct message_incoming incoming;
    const char *why = NULL;
    if (message_read(line, length, &incoming, &why) != 0) {
        insist(why != NULL);
        return;
    }
    union {
        struct hello_result hello;
        struct create_result create;
        struct delete_result delete;
        struct list_result list;
    } out;
    uint64_t directories, entries;
    check_entry(incoming.body);
    if (hello_result_read(incoming.body, &out.hello) == 0) {
        hello_result_clear(&out.hello);
    }
    if (create_result_read(incoming.body, &out.create) == 0) {
        create_result_clear(&out.create);
    }
    if (delete_result_read(incoming.body, &out.delete) == 0) {
        delete_result_clear(&out.delete);
    }
    if (list_result_read(incoming.body, &out.list) == 0) {
        list_result_clear(&out.list);
    }
    (void)progress_read(incoming.body, &directories, &entries);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(incoming.body, "entries"))
    {
        check_entry(entry);
    }
    message_incoming_clear(&incoming);
}

static void check_line(char *line, size_t length)
{
    const char *why = NULL;
    insist(length > 0 && line[length] == 0 && !memchr(line, '\n', length));
    cJSON *tree = guard_parse(line, length, &why);
    insist((tree == NULL) == (why != NULL));
    if (tree) {
        /* The gate is narrower than the parser: what it lets through is the same text to both. */
        insist(cJSON_IsObject(tree) && why != GUARD_NO_MEMORY);
        cJSON_Delete(tree);
        tree = guard_parse_document(line, length, &why);
        insist(tree != NULL);
        cJSON_Delete(tree);
    } else {
        insist(why != GUARD_NO_MEMORY);
    }
    check_request(line, length);
    check_answer(line, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    size_t step = data[0] % 64 + 1;
    struct framing framing;
    framing_init(&framing);
    for (size_t at = 1; at < size; at += step) {
        size_t now = size - at < step ? size - at : step;
        insist(framing_add(&framing, (const char *)data + at, now) == 0);
        char *line;
        size_t length;
        while (framing_next(&framing, &line, &length) == FRAMING_LINE) {
            check_line(line, length);
        }
    }
    framing_clear(&framing);
    return 0;
}
