/* Output compared with a file under tests/golden/. With JUNCTION_GOLDEN=write in the environment
 * the files are written instead, and the test fails, so that nobody takes that for a pass. */
#ifndef CLIENT_GOLDEN_H
#define CLIENT_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/stream.h"

struct golden {
    char bytes[65536];
    size_t length;
};

static enum terminal_result golden_write(void *context, const char *bytes, size_t length, int *os)
{
    struct golden *golden = context;

    (void)os;
    assert_true(golden->length + length < sizeof golden->bytes);
    memcpy(golden->bytes + golden->length, bytes, length);
    golden->length += length;
    golden->bytes[golden->length] = '\0';
    return TERMINAL_WRITTEN;
}

static void golden_compare(const struct golden *golden, const char *name)
{
    static char expected[65536];
    const char *mode = getenv("JUNCTION_GOLDEN");
    bool rewrite = mode && strcmp(mode, "write") == 0;
    char path[1024];
    size_t length;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", JUNCTION_SOURCE_DIR, name);
    file = fopen(path, rewrite ? "wb" : "rb");
    if (!file)
        fail_msg("%s cannot be opened", path);
    if (rewrite) {
        length = fwrite(golden->bytes, 1, golden->length, file);
        (void)fclose(file);
        assert_int_equal(length, golden->length);
        print_error("%s was written, not compared\n", name);
        return;
    }
    length = fread(expected, 1, sizeof expected, file);
    (void)fclose(file);
    if (length != golden->length || memcmp(expected, golden->bytes, length) != 0)
        fail_msg("%s differs; this came out:\n%s", name, golden->bytes);
}

/* Puts a placeholder where the version stands, which is not what a golden file is about. */
static inline void golden_hide_version(struct golden *golden)
{
    char *at = strstr(golden->bytes, JUNCTION_VERSION);
    size_t length = strlen(JUNCTION_VERSION);

    if (!at)
        return;
    memmove(at + 1, at + length, strlen(at + length) + 1);
    *at = '@';
    golden->length -= length - 1;
}

static bool golden_is_written(void)
{
    const char *mode = getenv("JUNCTION_GOLDEN");

    return mode && strcmp(mode, "write") == 0;
}

#endif
