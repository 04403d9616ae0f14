#include "tree.h"

#include <inttypes.h>
#include <stdio.h>

/* cJSON prints with 15 digits when that is "nearly" the number. */
#define CJSON_EXACT 999999999999999

bool tree_put(cJSON *object, const char *name, cJSON *item)
{
    if (!item || !object || !cJSON_AddItemToObjectCS(object, name, item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

bool tree_put_string(cJSON *object, const char *name, const char *value)
{
    return tree_put(object, name, cJSON_CreateString(value));
}

bool tree_put_bool(cJSON *object, const char *name, bool value)
{
    return tree_put(object, name, cJSON_CreateBool(value));
}

cJSON *tree_number(int64_t value)
{
    if (value >= -CJSON_EXACT && value <= CJSON_EXACT) {
        return cJSON_CreateNumber((double)value);
    }
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    return cJSON_CreateRaw(digits);
}

bool tree_put_number(cJSON *object, const char *name, uint64_t value)
{
    return tree_put(object, name,
                    tree_number(value < TREE_MAX_EXACT ? (int64_t)value : TREE_MAX_EXACT));
}

bool tree_put_hex(cJSON *object, const char *name, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%016" PRIx64, value);
    return tree_put_string(object, name, digits);
}

const cJSON *tree_get(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

int tree_get_string(const cJSON *object, const char *name, const char **value)
{
    const cJSON *item = tree_get(object, name);
    if (!item) {
        return 0;
    }
    if (!cJSON_IsString(item)) {
        return -1;
    }
    *value = item->valuestring;
    return 1;
}

int tree_get_bool(const cJSON *object, const char *name, bool *value)
{
    const cJSON *item = tree_get(object, name);
    if (!item) {
        return 0;
    }
    if (!cJSON_IsBool(item)) {
        return -1;
    }
    *value = cJSON_IsTrue(item);
    return 1;
}

bool tree_whole(const cJSON *item, int64_t *value)
{
    if (!cJSON_IsNumber(item)) {
        return false;
    }
    double number = item->valuedouble;
    if (!(number >= -(double)TREE_MAX_EXACT && number <= (double)TREE_MAX_EXACT)) {
        return false;
    }
    int64_t whole = (int64_t)number;
    if ((double)whole != number) {
        return false;
    }
    *value = whole;
    return true;
}

int tree_get_number(const cJSON *object, const char *name, uint64_t *value)
{
    const cJSON *item = tree_get(object, name);
    int64_t whole;
    if (!item) {
        return 0;
    }
    if (!tree_whole(item, &whole) || whole < 0) {
        return -1;
    }
    *value = (uint64_t)whole;
    return 1;
}

int tree_get_hex(const cJSON *object, const char *name, uint64_t *value)
{
    const char *text;
    int got = tree_get_string(object, name, &text);
    if (got <= 0) {
        return got;
    }
    uint64_t sum = 0;
    size_t count = 0;
    for (; text[count]; count++) {
        char c = text[count];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (digit == 16 || count == 16) {
            return -1;
        }
        sum = sum << 4 | digit;
    }
    if (count == 0) {
        return -1;
    }
    *value = sum;
    return 1;
}
