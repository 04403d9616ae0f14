/* The configuration: every member, every refusal with its reason, and the schema beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config.h"

static void refused(const char *text, const char *reason)
{
    struct config config;
    char why[512] = "";
    int result = config_parse(text, strlen(text), &config, why);
    if (result == 0) {
        config_clear(&config);
        fail_msg("accepted: %s", text);
    }
    if (strstr(why, reason) == NULL) {
        fail_msg("%s: the reason is '%s', not '%s'", text, why, reason);
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *text, *reason;
    } table[] = {
        {"", "JSON"},
        {"[]", "JSON"},
        {"{", "JSON"},
        {"{} {}", "JSON"},
        {"{\"logLevel\":\"info\",\"logLevel\":\"info\"}", "twice"},
        {"{\"logLevel\":\"loud\"}", "logLevel"},
        {"{\"logLevel\":3}", "logLevel"},
        {"{\"loglevel\":\"info\"}", "loglevel: there is no such member"},
        {"{\"delegations\":[]}", "no such member"},
        {"{\"limits\":[]}", "limits"},
        {"{\"limits\":{\"conections\":1}}", "limits.conections: there is no such limit"},
        {"{\"limits\":{\"connections\":0}}", "from 1 to 65536"},
        {"{\"limits\":{\"connections\":65537}}", "from 1 to 65536"},
        {"{\"limits\":{\"connections\":1.5}}", "whole number"},
        {"{\"limits\":{\"connections\":\"9\"}}", "whole number"},
        {"{\"limits\":{\"connections\":-1}}", "whole number"},
        {"{\"limits\":{\"connections\":1e300}}", "number"},
        {"{\"limits\":{\"connections\":true}}", "whole number"},
        {"{\"limits\":{\"shortWorkers\":4}}", "below shortWorkers"},
        {"{\"limits\":{\"lists\":2}}", "not be above lists"},
        {"{\"limits\":{\"connections\":63}}", "not be above connections"},
        {"{\"drives\":[]}", "drives"},
        {"{\"drives\":{\"C\":\"/mnt\"}}", "letter and a colon"},
        {"{\"drives\":{\"CC:\":\"/mnt\"}}", "letter and a colon"},
        {"{\"drives\":{\"1:\":\"/mnt\"}}", "letter and a colon"},
        {"{\"drives\":{\"\":\"/mnt\"}}", "letter and a colon"},
        {"{\"drives\":{\"C:\":\"mnt\"}}", "absolute path"},
        {"{\"drives\":{\"C:\":\"/a/../b\"}}", "absolute path"},
        {"{\"drives\":{\"C:\":1}}", "absolute path"},
        {"{\"drives\":{\"C:\":\"/a\",\"c:\":\"/b\"}}", "given twice"},
        {"{\"$schema\":1}", "$schema"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        refused(table[i].text, table[i].reason);
    }
}

static void test_defaults(void **state)
{
    struct config config;
    char why[512];
    (void)state;
    assert_int_equal(config_parse("{}", 2, &config, why), 0);
    assert_int_equal(config.limits.connections, 256);
    assert_int_equal(config.limits.connectionsPerIdentity, 64);
    assert_int_equal(config.limits.waitingRequests, 64);
    assert_int_equal(config.limits.firstLineSeconds, 5);
    assert_int_equal(config.limits.lineSeconds, 10);
    assert_int_equal(config.limits.idleSeconds, 60);
    assert_int_equal(config.limits.writeSeconds, 600);
    assert_int_equal(config.limits.operationSeconds, 15);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.drive_count, 0);
    config_clear(&config);
}

static void test_everything(void **state)
{
    static const char text[] = "{\r\n\t\"$schema\": \"config.schema.json\",\n"
                               "  \"logLevel\": \"debug\",\n"
                               "  \"drives\": {\"c:\": \"/mnt/windows/\", \"D:\": \"/\"},\n"
                               "  \"limits\": {\"idleSeconds\": 3, \"lists\": 4}\n}\n";
    struct config config;
    char why[512];
    (void)state;
    if (config_parse(text, sizeof text - 1, &config, why) != 0) {
        fail_msg("%s", why);
    }
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.drive_count, 2);
    assert_int_equal(config.drives[0].letter, 'C');
    assert_string_equal(config.drives[0].mount, "/mnt/windows");
    assert_int_equal(config.drives[1].letter, 'D');
    assert_string_equal(config.drives[1].mount, "/");
    assert_int_equal(config.limits.idleSeconds, 3);
    assert_int_equal(config.limits.lists, 4);
    assert_int_equal(config.limits.lineSeconds, 10);
    config_clear(&config);
}

static cJSON *read_schema(void)
{
    static char text[65536];
    FILE *file = fopen(JUNCTION_SOURCE_DIR "/service/config.schema.json", "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return cJSON_Parse(text);
}

/* Schema and table say the same, both ways. */
static void test_schema(void **state)
{
    size_t count;
    const struct config_limit_info *rows = config_limit_table(&count);
    cJSON *schema = read_schema();
    (void)state;
    assert_non_null(schema);
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(properties, "limits"), "properties");
    assert_int_equal(cJSON_GetArraySize(limits), count);
    for (size_t i = 0; i < count; i++) {
        const cJSON *row = cJSON_GetObjectItemCaseSensitive(limits, rows[i].name);
        assert_non_null(row);
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(row, "minimum")->valueint, rows[i].low);
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(row, "maximum")->valueint, rows[i].high);
        assert_int_equal(cJSON_GetObjectItemCaseSensitive(row, "default")->valueint,
                         rows[i].standard);
    }
    const cJSON *member;
    cJSON_ArrayForEach(member, properties)
    {
        static const char *const values[] = {"{}", "\"\"", "\"info\""};
        bool known = false;
        for (size_t i = 0; i < 3 && !known; i++) {
            char text[128];
            char why[512];
            struct config config;
            snprintf(text, sizeof text, "{\"%s\": %s}", member->string, values[i]);
            if (config_parse(text, strlen(text), &config, why) == 0) {
                known = true;
                config_clear(&config);
            }
        }
        if (!known) {
            fail_msg("%s stands in the schema and is not read", member->string);
        }
    }
    cJSON_Delete(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
