/* cJSON without its traps: members are found by their exact name, what cannot be added is freed,
 * and numbers beyond 15 digits are not rounded. */
#ifndef JUNCTION_TREE_H
#define JUNCTION_TREE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define TREE_MAX_EXACT \
    9007199254740992 /* 2^53: the largest size of a number that is exact for every reader */

/* Adders return false when memory is out. `name` must be a constant: it is not copied. */
bool tree_put(cJSON *object, const char *name,
              cJSON *item); /* takes the item, also on failure; NULL fails */
bool tree_put_string(cJSON *object, const char *name, const char *value);
bool tree_put_bool(cJSON *object, const char *name, bool value);
bool tree_put_number(cJSON *object, const char *name, uint64_t value); /* beyond 2^53: 2^53 */
bool tree_put_hex(cJSON *object, const char *name, uint64_t value);    /* "00000000deadbeef" */

cJSON *tree_number(int64_t value); /* |value| <= 2^53 */

/* Getters: 1 read, 0 absent (the output is left as it was), -1 of another kind or out of range. */
int tree_get_string(const cJSON *object, const char *name, const char **value); /* borrowed */
int tree_get_bool(const cJSON *object, const char *name, bool *value);
int tree_get_number(const cJSON *object, const char *name, uint64_t *value);
int tree_get_hex(const cJSON *object, const char *name, uint64_t *value); /* 1 to 16 hex digits */
const cJSON *tree_get(const cJSON *object, const char *name);             /* NULL: absent */

/* True when the item is a whole number of at most 2^53 in size. */
bool tree_whole(const cJSON *item, int64_t *value);

#endif
