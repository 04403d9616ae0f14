/* UTF-8, UTF-16 and what lies between: the one file that every part of the project shares.
 *
 * NTFS names are sequences of 16-bit units that need not be valid UTF-16. Inside the programs such
 * a name is kept as WTF-8: UTF-8 in which a lone surrogate is encoded as if it were a code point
 * (three bytes, ED A0..BF xx). A surrogate *pair* is always written as one 4-byte sequence, so
 * every sequence of units has exactly one WTF-8 form and back. ntfs-3g shows names in the same
 * form. */
#ifndef JUNCTION_UTF_H
#define JUNCTION_UTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An owned piece of WTF-8. `length` in bytes; bytes[length] is 0; NUL bytes inside are possible
 * (hostile reparse buffers). Absent: bytes == NULL, length == 0. */
struct text {
    char *bytes;
    size_t length;
};

enum utf_result { UTF_OK = 0, UTF_INVALID = -1, UTF_NO_MEMORY = -2 };

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
 */
bool utf8_is_valid(const char *bytes, size_t length);

/* True when the bytes are well-formed WTF-8 (as above, lone surrogates allowed, no surrogate pair
 * written as two). */
bool wtf8_is_valid(const char *bytes, size_t length);

/* Number of UTF-16 units that valid WTF-8 takes; SIZE_MAX when the bytes are not WTF-8. */
size_t wtf8_utf16_length(const char *bytes, size_t length);

/* WTF-8 -> UTF-16 (host order). *units is malloc'ed (never NULL on success, one 0 unit behind the
 * last). */
int wtf8_to_utf16(const char *bytes, size_t length, uint16_t **units, size_t *count);

/* Any UTF-16 units (host order) -> WTF-8 in *out. UTF_OK or UTF_NO_MEMORY. */
int utf16_to_wtf8(const uint16_t *units, size_t count, struct text *out);

/* A copy in which everything that is not well-formed UTF-8, and every NUL, became U+FFFD. */
int utf8_lossy(const char *bytes, size_t length, struct text *out);

/* Copies; text_copy of an absent text gives an absent text. UTF_OK or UTF_NO_MEMORY. */
int text_set(struct text *out, const char *bytes, size_t length);
int text_set_string(struct text *out, const char *string);
int text_copy(struct text *out, const struct text *from);
bool text_equal(const struct text *a, const struct text *b);

/* Frees and makes absent; harmless on an absent text. */
void text_clear(struct text *text);

#endif
