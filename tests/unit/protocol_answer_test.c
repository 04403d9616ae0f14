/* Results, entries and times: written and read, and what an odd service could send. */
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

static struct text text_of(const char *string)
{
    struct text text;
    assert_int_equal(text_set_string(&text, string), UTF_OK);
    return text;
}

/* Takes the tree, which must print as expected; gives it back as a reader gets it. */
static cJSON *through_the_wire(cJSON *json, const char *expected)
{
    assert_non_null(json);
    char *printed = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    assert_string_equal(printed, expected);
    cJSON *back = cJSON_Parse(printed);
    assert_non_null(back);
    free(printed);
    return back;
}

static struct entry full_entry(void)
{
    struct entry entry = {
        .path = text_of("/v/\xED\xA0\x80"),
        .directory = true,
        .type = text_of("junction"),
        .tag = 0xA0000003,
        .tag_name = text_of("IO_REPARSE_TAG_MOUNT_POINT"),
        .target = text_of("C:\\t"),
        .substitute_name = text_of("\\??\\C:\\t"),
        .file_id = 0x000500000000002A,
        .created = 133000000001234567,
        .relative = -1,
        .state = text_of("ok"),
    };
    assert_int_equal(text_set(&entry.print_name, "a\0b", 3), UTF_OK);
    return entry;
}

static const char full_json[] =
    "{\"path\":\"/v/\xEF\xBF\xBD\",\"pathUtf16\":\"2f0076002f0000d8\",\"kind\":\"directory\","
    "\"type\":\"junction\",\"tag\":\"0xA0000003\",\"tagName\":\"IO_REPARSE_TAG_MOUNT_POINT\","
    "\"target\":\"C:\\\\t\",\"substituteName\":\"\\\\??\\\\C:\\\\t\",\"printName\":\"a\xEF\xBF\xBD"
    "b\",\"printNameUtf16\":\"610000006200\",\"fileId\":\"000500000000002a\","
    "\"created\":\"2022-06-18T04:26:40.1234567Z\",\"state\":\"ok\"}";

static void test_entry(void **state)
{
    (void)state;
    struct entry entry = full_entry();
    cJSON *json = through_the_wire(entry_write(&entry), full_json);
    struct entry back;
    assert_int_equal(entry_read(json, &back), 0);
    assert_true(text_equal(&back.path, &entry.path));
    assert_true(text_equal(&back.type, &entry.type));
    assert_true(text_equal(&back.tag_name, &entry.tag_name));
    assert_true(text_equal(&back.target, &entry.target));
    assert_true(text_equal(&back.substitute_name, &entry.substitute_name));
    assert_true(text_equal(&back.print_name, &entry.print_name));
    assert_true(text_equal(&back.state, &entry.state));
    assert_true(back.directory && back.tag == entry.tag && back.file_id == entry.file_id);
    assert_true(back.created == entry.created);
    assert_int_equal(back.relative, -1);
    assert_false(back.malformed);
    assert_int_equal(back.error.code, 0);
    entry_clear(&back);
    cJSON_Delete(json);
    entry_clear(&entry);

    entry.path = text_of("/v/f");
    entry.type = text_of("unknown");
    entry.tag = 0x12;
    entry.relative = 0;
    entry.malformed = true;
    json = through_the_wire(entry_write(&entry),
                            "{\"path\":\"/v/f\",\"kind\":\"file\",\"type\":\"unknown\","
                            "\"tag\":\"0x00000012\",\"relative\":false,\"malformed\":true}");
    assert_int_equal(entry_read(json, &back), 0);
    assert_int_equal(back.relative, 0);
    assert_true(back.malformed && !back.directory && back.tag == 0x12);
    assert_null(back.target.bytes);
    entry_clear(&back);
    cJSON_Delete(json);

    message_error_set(&entry.error, JERR_ACCESS_DENIED);
    entry.error.os = 13;
    json = through_the_wire(entry_write(&entry),
                            "{\"path\":\"/v/f\",\"error\":{\"code\":1100,\"message\":"
                            "\"access denied\",\"data\":{\"name\":\"ACCESS_DENIED\",\"os\":{"
                            "\"errno\":13}}}}");
    assert_int_equal(entry_read(json, &back), 0);
    assert_int_equal(back.error.code, JERR_ACCESS_DENIED);
    assert_int_equal(back.error.os, 13);
    assert_string_equal(back.path.bytes, "/v/f");
    entry_clear(&back);
    cJSON_Delete(json);
    entry_clear(&entry);
}

static void test_odd_entries(void **state)
{
#define BASE "\"path\":\"p\",\"kind\":\"directory\",\"type\":\"junction\",\"tag\":\"0xa0000003\""
    static const struct {
        const char *json;
        int got;
    } rows[] = {
        {"[]", -1},
        {"null", -1},
        {"\"p\"", -1},
        {"{}", -1},
        {"{\"path\":1}", -1},
        {"{\"path\":\"p\"}", -1},
        {"{\"Path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":\"0x00000001\"}", -1},
        {"{\"path\":\"p\",\"kind\":1,\"type\":\"x\",\"tag\":\"0x00000001\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"tag\":\"0x00000001\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":1}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":\"\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":\"0x\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":\"0x0000000g\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":\"0x-0000001\"}", -1},
        {"{\"path\":\"p\",\"kind\":\"file\",\"type\":\"x\",\"tag\":\"0x000000001\"}", -1},
        {"{\"path\":\"p\",\"error\":{}}", -1},
        {"{\"path\":\"p\",\"error\":7}", -1},
        {"{" BASE ",\"fileId\":5}", -1},
        {"{" BASE ",\"fileId\":\"\"}", -1},
        {"{" BASE ",\"fileId\":\"x\"}", -1},
        {"{" BASE ",\"fileId\":\"00000000000000001\"}", -1},
        {"{" BASE ",\"created\":5}", -1},
        {"{" BASE ",\"created\":\"yesterday\"}", -1},
        {"{" BASE ",\"relative\":1}", -1},
        {"{" BASE ",\"malformed\":\"no\"}", -1},
        {"{" BASE ",\"target\":null}", -1},
        {"{" BASE ",\"targetUtf16\":\"1\"}", -1},
        {"{" BASE ",\"state\":true}", -1},
        {"{" BASE "}", 0},
        {"{" BASE ",\"new\":{\"x\":1},\"state\":\"somethingNew\"}", 0},
        {"{\"path\":\"p\",\"kind\":\"stream\",\"type\":\"new\",\"tag\":\"0x00000001\"}", 0},
        {"{\"path\":\"p\",\"error\":{\"code\":4711},\"kind\":7}", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cJSON *json = cJSON_Parse(rows[i].json);
        assert_non_null(json);
        struct entry entry;
        if (entry_read(json, &entry) != rows[i].got) {
            fail_msg("%s", rows[i].json);
        }
        if (rows[i].got != 0) {
            assert_null(entry.path.bytes);
        }
        entry_clear(&entry);
        cJSON_Delete(json);
    }
}

static void test_time(void **state)
{
    static const struct {
        uint64_t filetime;
        const char *text;
    } rows[] = {
        {0, "1601-01-01T00:00:00.0000000Z"},
        {1, "1601-01-01T00:00:00.0000001Z"},
        {864000000000u - 1, "1601-01-01T23:59:59.9999999Z"},
        {116444736000000000u, "1970-01-01T00:00:00.0000000Z"},
        {125962560000000000u, "2000-02-29T00:00:00.0000000Z"},
        {94354848000000000u, "1900-01-01T00:00:00.0000000Z"},
        {133801210450000000u, "2024-12-31T12:17:25.0000000Z"},
        {UINT64_MAX, "60056-05-28T05:36:10.9551615Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[ANSWER_TIME_SIZE];
        uint64_t back = 7;
        answer_time_format(rows[i].filetime, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(answer_time_parse(text, &back), 0);
        assert_true(back == rows[i].filetime);
    }
    /* A prime step goes through all hours, months and leap years. */
    char before[ANSWER_TIME_SIZE] = "";
    for (uint64_t time = 0; time < UINT64_C(0x0400000000000000); time += UINT64_C(9999999999971)) {
        char text[ANSWER_TIME_SIZE];
        uint64_t back = 7;
        answer_time_format(time, text);
        assert_int_equal(answer_time_parse(text, &back), 0);
        assert_true(back == time);
        assert_true(strcmp(before, text) < 0);
        strcpy(before, text);
    }
}

static void test_no_times(void **state)
{
    static const char *const refused[] = {
        "",
        "Z",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.12345678Z",
        "2026-01-01T00:00:00+01:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00Zx",
        "2026-1-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "1600-12-31T23:59:59Z",
        "-2026-01-01T00:00:00Z",
        "99999-12-31T23:59:59Z",
        "60056-05-28T05:36:10.9551616Z",
        "999999-01-01T00:00:00Z",
    };
    static const char *const accepted[] = {
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "2024-02-29T23:59:59.9999999Z",
    };
    (void)state;
    uint64_t time = 7;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (answer_time_parse(refused[i], &time) != -1) {
            fail_msg("%s", refused[i]);
        }
        assert_true(time == 7);
    }
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        assert_int_equal(answer_time_parse(accepted[i], &time), 0);
    }
}

static void test_hello(void **state)
{
    (void)state;
    char first[] = "hello", second[] = "reparse.list:recurse";
    char *capabilities[] = {first, second};
    struct hello_result result = {
        .protocol = 1,
        .server = text_of("junctiond 0.1.0"),
        .platform = text_of("linux"),
        .capabilities = capabilities,
        .capability_count = 2,
        .max_line = 1048576,
        .max_waiting = 64,
    };
    cJSON *json = through_the_wire(
        hello_result_write(&result),
        "{\"protocol\":1,\"server\":\"junctiond 0.1.0\",\"platform\":\"linux\",\"capabilities\":["
        "\"hello\",\"reparse.list:recurse\"],\"limits\":{\"maxLine\":1048576,\"maxWaiting\":64}}");
    struct hello_result back;
    assert_int_equal(hello_result_read(json, &back), 0);
    assert_int_equal(back.capability_count, 2);
    assert_string_equal(back.capabilities[1], "reparse.list:recurse");
    assert_int_equal(back.max_line, 1048576);
    assert_int_equal(back.max_waiting, 64);
    assert_true(text_equal(&back.server, &result.server));
    hello_result_clear(&back);
    cJSON_Delete(json);
    text_clear(&result.server);
    text_clear(&result.platform);

    static const struct {
        const char *json;
        int got;
    } rows[] = {
        {"{}", -1},
        {"[]", -1},
        {"{\"protocol\":1}", -1},
        {"{\"protocol\":0,\"server\":\"s\"}", -1},
        {"{\"protocol\":\"1\",\"server\":\"s\"}", -1},
        {"{\"protocol\":1,\"server\":\"s\",\"capabilities\":{}}", -1},
        {"{\"protocol\":1,\"server\":\"s\",\"capabilities\":[\"a\",1]}", -1},
        {"{\"protocol\":1,\"server\":\"s\",\"limits\":{\"maxLine\":-1}}", -1},
        {"{\"protocol\":1,\"server\":\"s\"}", 0},
        {"{\"protocol\":3,\"server\":\"s\",\"limits\":7,\"capabilities\":[],\"new\":1}", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json = cJSON_Parse(rows[i].json);
        if (hello_result_read(json, &back) != rows[i].got) {
            fail_msg("%s", rows[i].json);
        }
        hello_result_clear(&back);
        cJSON_Delete(json);
    }
}

static void test_changes(void **state)
{
    (void)state;
    struct create_result created = {
        .link = text_of("/v/l"),
        .target = text_of("C:\\t"),
        .substitute_name = text_of("\\??\\C:\\t"),
        .print_name = text_of("C:\\t"),
        .file_id = 0x40,
        .outcome = text_of("replaced"),
        .previous_target = text_of("C:\\o"),
        .dry_run = true,
    };
    cJSON *json = through_the_wire(
        create_result_write(&created),
        "{\"link\":\"/v/l\",\"target\":\"C:\\\\t\",\"substituteName\":\"\\\\??\\\\C:\\\\t\","
        "\"printName\":\"C:\\\\t\",\"fileId\":\"0000000000000040\",\"outcome\":\"replaced\","
        "\"dryRun\":true,\"previousTarget\":\"C:\\\\o\"}");
    struct create_result created_back;
    assert_int_equal(create_result_read(json, &created_back), 0);
    assert_true(text_equal(&created_back.previous_target, &created.previous_target));
    assert_true(text_equal(&created_back.outcome, &created.outcome));
    assert_true(created_back.dry_run);
    assert_true(created_back.file_id == 0x40);
    cJSON_DeleteItemFromObjectCaseSensitive(json, "outcome");
    create_result_clear(&created_back);
    assert_int_equal(create_result_read(json, &created_back), -1);
    cJSON_Delete(json);
    create_result_clear(&created);

    struct delete_result deleted = {.link = text_of("/v/l"), .outcome = text_of("deleted")};
    json = through_the_wire(delete_result_write(&deleted),
                            "{\"link\":\"/v/l\",\"outcome\":\"deleted\"}");
    struct delete_result deleted_back;
    assert_int_equal(delete_result_read(json, &deleted_back), 0);
    assert_true(text_equal(&deleted_back.link, &deleted.link));
    assert_null(deleted_back.target.bytes);
    assert_false(deleted_back.dry_run);
    cJSON_DeleteItemFromObjectCaseSensitive(json, "link");
    delete_result_clear(&deleted_back);
    assert_int_equal(delete_result_read(json, &deleted_back), -1);
    cJSON_Delete(json);
    delete_result_clear(&deleted);
}

static void test_list(void **state)
{
    (void)state;
    struct list_result result = {
        .count = 3,
        .directories = 5000000000,
        .skipped = UINT64_MAX,
        .elapsed_ms = 1,
        .source = text_of("walk"),
        .truncated = true,
    };
    cJSON *json = through_the_wire(
        list_result_write(&result),
        "{\"count\":3,\"directories\":5000000000,\"skipped\":9007199254740992,\"source\":\"walk\","
        "\"elapsedMs\":1,\"truncated\":true}");
    struct list_result back;
    assert_int_equal(list_result_read(json, &back), 0);
    assert_true(back.count == 3 && back.directories == 5000000000 && back.truncated);
    assert_true(back.skipped == UINT64_C(9007199254740992));
    list_result_clear(&back);
    cJSON_ReplaceItemInObjectCaseSensitive(json, "count", cJSON_CreateNumber(-1));
    assert_int_equal(list_result_read(json, &back), -1);
    cJSON_Delete(json);
    list_result_clear(&result);

    struct message_id id = {.kind = MESSAGE_ID_STRING, .string = "x"};
    json = through_the_wire(progress_write(&id, 7, 9),
                            "{\"id\":\"x\",\"directories\":7,\"entries\":9}");
    uint64_t directories = 0, entries = 0;
    assert_int_equal(progress_read(json, &directories, &entries), 0);
    assert_true(directories == 7 && entries == 9);
    cJSON_DeleteItemFromObjectCaseSensitive(json, "entries");
    assert_int_equal(progress_read(json, &directories, &entries), -1);
    cJSON_Delete(json);

    id.kind = MESSAGE_ID_NUMBER;
    id.number = 4;
    cJSON_Delete(through_the_wire(entries_write(&id, 2, cJSON_CreateArray()),
                                  "{\"id\":4,\"seq\":2,\"entries\":[]}"));
    assert_null(entries_write(&id, 2, NULL));
}

static int allowed;

static void *scarce(size_t size)
{
    return allowed-- > 0 ? malloc(size) : NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    struct entry entry = full_entry();
    char first[] = "hello";
    char *capabilities[] = {first};
    struct hello_result hello = {.protocol = 1,
                                 .server = text_of("s"),
                                 .platform = text_of("p"),
                                 .capabilities = capabilities,
                                 .capability_count = 1};
    cJSON_Hooks hooks = {scarce, free};
    cJSON_InitHooks(&hooks);
    int failures = 0;
    cJSON *json;
    for (; allowed = failures, !(json = entry_write(&entry)); failures++) {
    }
    cJSON_Delete(json);
    assert_true(failures > 15);
    for (failures = 0; allowed = failures, !(json = hello_result_write(&hello)); failures++) {
    }
    cJSON_Delete(json);
    assert_true(failures > 8);
    struct message_id id = {.kind = MESSAGE_ID_NUMBER, .number = 1};
    for (failures = 0;; failures++) {
        allowed = 1;
        cJSON *array = cJSON_CreateArray();
        allowed = failures;
        json = entries_write(&id, 1, array);
        if (json) {
            break;
        }
    }
    cJSON_Delete(json);
    assert_true(failures > 2);
    cJSON_InitHooks(NULL);
    text_clear(&hello.server);
    text_clear(&hello.platform);
    entry_clear(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry), cmocka_unit_test(test_odd_entries),
        cmocka_unit_test(test_time),  cmocka_unit_test(test_no_times),
        cmocka_unit_test(test_hello), cmocka_unit_test(test_changes),
        cmocka_unit_test(test_list),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
