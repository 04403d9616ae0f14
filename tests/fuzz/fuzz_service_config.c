/* Any bytes as a configuration file: refused with a reason, or read; never a crash, a leak or a
 * value out of range. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config config;
    char why[512];
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    why[0] = '\0';
    if (config_parse(text, size, &config, why) == 0) {
        size_t count;
        const struct config_limit_info *rows = config_limit_table(&count);
        for (size_t i = 0; i < count; i++) {
            unsigned value = config_limit_value(&config.limits, &rows[i]);
            if (value < rows[i].low || value > rows[i].high) {
                abort();
            }
        }
        config_clear(&config);
    } else if (why[0] == '\0') {
        abort();
    }
    free(text);
    return 0;
}
