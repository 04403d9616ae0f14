/* Any bytes as a reparse buffer: nothing is read beyond them, and a junction that decodes encodes
 * to the same names. */
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "reparse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool has_nul(const struct text *text)
{
    return memchr(text->bytes, '\0', text->length) != NULL;
}

static void check_again(const struct reparse_data *data)
{
    uint8_t out[REPARSE_MAX_SIZE];
    struct reparse_data again;
    size_t length =
        reparse_encode_junction(data->substitute_name.bytes, data->print_name.bytes, out);
    if (length == 0)
        return; /* the names overlapped, so that both together are too long */
    check(reparse_decode(out, length, &again) == UTF_OK && !again.malformed);
    check(again.type == data->type);
    check(text_equal(&again.substitute_name, &data->substitute_name));
    check(text_equal(&again.print_name, &data->print_name));
    check(text_equal(&again.target, &data->target));
    check(names_same_target(&again.substitute_name, &data->substitute_name));
    reparse_data_clear(&again);
}

static void check_text(const struct text *text)
{
    check(text->bytes ? text->bytes[text->length] == '\0' : text->length == 0);
    check(!text->bytes || wtf8_is_valid(text->bytes, text->length));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reparse_data data;
    if (reparse_decode(bytes, length, &data) != UTF_OK)
        return 0;
    check_text(&data.substitute_name);
    check_text(&data.print_name);
    check_text(&data.target);
    check_text(&data.app_package);
    check_text(&data.app_entry);
    check(!data.malformed || (!data.substitute_name.bytes && !data.target.bytes));
    if (data.tag == REPARSE_TAG_MOUNT_POINT && !data.malformed && !has_nul(&data.substitute_name) &&
        !has_nul(&data.print_name))
        check_again(&data);
    reparse_data_clear(&data);
    return 0;
}
