#include "identity.h"

#include <stdlib.h>
#include <string.h>

struct identity *identity_find(struct identity **list, const char *key)
{
    for (struct identity *at = *list; at != NULL; at = at->next) {
        if (strcmp(at->key, key) == 0) {
            return at;
        }
    }
    size_t size = strlen(key) + 1;
    struct identity *made = calloc(1, sizeof *made + size);
    if (made == NULL) {
        return NULL;
    }
    memcpy(made->key, key, size);
    made->next = *list;
    *list = made;
    return made;
}

void identity_drop_if_unused(struct identity **list, struct identity *identity)
{
    if (identity->connections > 0) {
        return;
    }
    while (*list != identity) {
        list = &(*list)->next;
    }
    *list = identity->next;
    free(identity);
}
