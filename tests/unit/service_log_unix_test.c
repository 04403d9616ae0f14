/* The log: every line is one JSON object, whatever the names in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
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
    struct log log = {LOG_INFO, ends[1]};
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
    struct log log = {LOG_DEBUG, ends[1]};
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
    struct log log = {LOG_WARNING, ends[1]};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
