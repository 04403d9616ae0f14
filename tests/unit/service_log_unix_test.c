/* The log: every line is one JSON object, whatever the names in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/log.h"

static char line[16384];

static cJSON *written(int reader)
{
    ssize_t length = read(reader, line, sizeof line - 1);
    assert_true(length > 0);
    line[length] = '\0';
    assert_int_equal(line[length - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    cJSON *json = cJSON_Parse(line);
    if (json == NULL) {
        fail_msg("no JSON: %s", line);
    }
    return json;
}

static void test_names(void **state)
{
    static const char *const names[] = {
        "/plain",
        "quote\"back\\slash",
        "new\nline\ttab",
        "\x7f\x01",
        "\xff\xfe not UTF-8",
        "\xed\xa0\x80",
        "\xf0\x9f\x98\x80",
        "",
    };
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log log = {LOG_INFO, ends[1], NULL};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        log_event(&log, LOG_WARNING, "test", LOG_TEXT("path", names[i]), LOG_NUMBER("n", -5));
        cJSON *json = written(ends[0]);
        assert_string_equal(cJSON_GetObjectItem(json, "event")->valuestring, "test");
        assert_string_equal(cJSON_GetObjectItem(json, "level")->valuestring, "warning");
        assert_true(cJSON_IsString(cJSON_GetObjectItem(json, "path")));
        assert_int_equal(cJSON_GetObjectItem(json, "n")->valueint, -5);
        assert_int_equal(strlen(cJSON_GetObjectItem(json, "time")->valuestring), 24);
        cJSON_Delete(json);
    }
    close(ends[0]);
    close(ends[1]);
}

static void test_too_long(void **state)
{
    int ends[2];
    char *huge = malloc(100000);
    (void)state;
    assert_non_null(huge);
    memset(huge, '"', 99999);
    huge[99999] = '\0';
    assert_int_equal(pipe(ends), 0);
    struct log log = {LOG_DEBUG, ends[1], NULL};
    log_event(&log, LOG_DEBUG, "test", LOG_TEXT("kept", "yes"), LOG_TEXT("path", huge));
    cJSON *json = written(ends[0]);
    assert_string_equal(cJSON_GetObjectItem(json, "kept")->valuestring, "yes");
    assert_null(cJSON_GetObjectItem(json, "path"));
    cJSON_Delete(json);
    free(huge);
    close(ends[0]);
    close(ends[1]);
}

static void test_levels(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log log = {LOG_WARNING, ends[1], NULL};
    log_event(&log, LOG_INFO, "silent", LOG_NUMBER("n", 1));
    log_event(&log, LOG_ERROR, "loud", LOG_NUMBER("n", 1));
    cJSON *json = written(ends[0]);
    assert_string_equal(cJSON_GetObjectItem(json, "event")->valuestring, "loud");
    cJSON_Delete(json);
    for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
        assert_int_equal(log_level_find(log_level_name((enum log_level)level)), level);
    }
    assert_int_equal(log_level_find("INFO"), -1);
    close(ends[0]);
    close(ends[1]);
}

struct heard {
    int count;
    enum log_level level;
    char event[32], name[32];
};

static void hear(void *context, enum log_level level, const char *event,
                 const struct log_field *fields)
{
    struct heard *heard = context;
    heard->count++;
    heard->level = level;
    snprintf(heard->event, sizeof heard->event, "%s", event);
    snprintf(heard->name, sizeof heard->name, "%s", fields[0].name);
}

static void test_sink(void **state)
{
    int ends[2];
    struct heard heard = {0, LOG_ERROR, "", ""};
    struct log_sink sink = {hear, NULL, &heard};
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log log = {LOG_WARNING, ends[1], &sink};
    assert_true(log_wants(&log, LOG_DEBUG));
    log_event(&log, LOG_DEBUG, "no line", LOG_NUMBER("first", 1));
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.level, LOG_DEBUG);
    assert_string_equal(heard.event, "no line");
    assert_string_equal(heard.name, "first");
    log_event(&log, LOG_ERROR, "both", LOG_NUMBER("n", 1));
    assert_int_equal(heard.count, 2);
    cJSON *json = written(ends[0]);
    assert_string_equal(cJSON_GetObjectItem(json, "event")->valuestring, "both");
    cJSON_Delete(json);

    /* Without a descriptor there are no lines; with neither there is nothing. */
    log.descriptor = -1;
    log_event(&log, LOG_ERROR, "sink alone", LOG_NUMBER("n", 1));
    assert_int_equal(heard.count, 3);
    log.sink = NULL;
    assert_false(log_wants(&log, LOG_ERROR));
    log_event(&log, LOG_ERROR, "nowhere", LOG_NUMBER("n", 1));
    assert_int_equal(heard.count, 3);
    log.descriptor = ends[1];
    assert_true(log_wants(&log, LOG_WARNING));
    assert_false(log_wants(&log, LOG_INFO));
    log_event(&log, LOG_ERROR, "last", LOG_NUMBER("n", 1));
    json = written(ends[0]);
    assert_string_equal(cJSON_GetObjectItem(json, "event")->valuestring, "last");
    cJSON_Delete(json);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_sink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
