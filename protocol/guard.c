#include "guard.h"

#include "utf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char GUARD_NO_MEMORY[] = "out of memory";

#define MAX_EXACT 9007199254740992.0 /* 2^53 */

/* The name of a member, with the quotes left out, still escaped. */
struct member {
    uint32_t hash;
    uint32_t length;
    const char *name;
};

struct cursor {
    const char *at, *end;
    const char *why; /* the first fault */
};

struct scanner {
    struct cursor in;
    bool lines; /* tab, CR and LF may stand between tokens */
    size_t values_left;
    size_t member_count; /* of all objects that are open */
    struct member members[GUARD_MAX_DEPTH * GUARD_MAX_MEMBERS];
};

static bool fail(struct cursor *in, const char *why)
{
    if (!in->why) {
        in->why = why;
    }
    return false;
}

static void skip_space(struct scanner *scanner)
{
    while (scanner->in.at < scanner->in.end &&
           (*scanner->in.at == ' ' ||
            (scanner->lines &&
             (*scanner->in.at == '\t' || *scanner->in.at == '\n' || *scanner->in.at == '\r')))) {
        scanner->in.at++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Four hex digits, or -1. */
static int hex4(const char *at, const char *end)
{
    if (end - at < 4) {
        return -1;
    }
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = is_digit(c)            ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* One escape at the backslash; the code point that it stands for, or -1. */
static int32_t escape(struct cursor *in)
{
    const char *at = in->at + 1;
    if (at >= in->end) {
        fail(in, "a string has no end");
        return -1;
    }
    in->at = at + 1;
    switch (*at) {
    case '"':
    case '\\':
    case '/':
        return *at;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        break;
    default:
        fail(in, "a string has an unknown escape");
        return -1;
    }
    int unit = hex4(at + 1, in->end);
    if (unit < 0) {
        fail(in, "a \\u escape has not four hex digits");
        return -1;
    }
    in->at = at + 5;
    if (unit == 0) {
        fail(in, "a string holds \\u0000");
        return -1;
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
        return unit;
    }
    int low = -1;
    if (unit <= 0xDBFF && in->end - in->at >= 6 && in->at[0] == '\\' && in->at[1] == 'u') {
        low = hex4(in->at + 2, in->end);
    }
    if (low < 0xDC00 || low > 0xDFFF) {
        fail(in, "a \\u escape is half of a surrogate pair");
        return -1;
    }
    in->at += 6;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* One code point of a string, escaped or not; the bytes were found to be UTF-8 before. -1: its end,
 * or a fault. */
static int32_t next_point(struct cursor *in)
{
    if (in->at >= in->end) {
        fail(in, "a string has no end");
        return -1;
    }
    unsigned char first = (unsigned char)*in->at;
    if (first == '"') {
        return -1;
    }
    if (first == '\\') {
        return escape(in);
    }
    if (first < 0x20) {
        fail(in, "a string holds a raw control character");
        return -1;
    }
    in->at++;
    if (first < 0x80) {
        return first;
    }
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    int32_t point = first & (0x3F >> more);
    while (more-- > 0) {
        point = point << 6 | ((unsigned char)*in->at++ & 0x3F);
    }
    return point;
}

/* At the opening quote; leaves behind the closing one. */
static bool scan_string(struct scanner *scanner, struct member *name)
{
    scanner->in.at++;
    const char *from = scanner->in.at;
    uint32_t hash = 2166136261u;
    int32_t point;
    while ((point = next_point(&scanner->in)) >= 0) {
        hash = (hash ^ (uint32_t)point) * 16777619u;
    }
    if (scanner->in.why) {
        return false;
    }
    if (name) {
        name->hash = hash;
        name->name = from;
        name->length = (uint32_t)(scanner->in.at - from);
    }
    scanner->in.at++;
    return true;
}

static bool same_name(const struct member *a, const struct member *b)
{
    struct cursor left = {.at = a->name, .end = a->name + a->length + 1};
    struct cursor right = {.at = b->name, .end = b->name + b->length + 1};
    for (;;) {
        int32_t one = next_point(&left);
        int32_t other = next_point(&right);
        if (one != other) {
            return false;
        }
        if (one < 0) {
            return true;
        }
    }
}

/* `"name" :` of a member of the innermost object, whose names begin at `first`. */
static bool scan_name(struct scanner *scanner, size_t first)
{
    struct member name;
    if (scanner->in.at >= scanner->in.end || *scanner->in.at != '"') {
        return fail(&scanner->in, "a member's name is missing");
    }
    if (!scan_string(scanner, &name)) {
        return false;
    }
    if (name.length > GUARD_MAX_NAME) {
        return fail(&scanner->in, "a member's name is too long");
    }
    for (size_t i = first; i < scanner->member_count; i++) {
        if (scanner->members[i].hash == name.hash && same_name(&scanner->members[i], &name)) {
            return fail(&scanner->in, "a member is given twice");
        }
    }
    if (scanner->member_count - first >= GUARD_MAX_MEMBERS) {
        return fail(&scanner->in, "an object has too many members");
    }
    scanner->members[scanner->member_count++] = name;
    skip_space(scanner);
    if (scanner->in.at >= scanner->in.end || *scanner->in.at != ':') {
        return fail(&scanner->in, "a ':' is missing");
    }
    scanner->in.at++;
    skip_space(scanner);
    return true;
}

static bool scan_digits(struct scanner *scanner)
{
    const char *from = scanner->in.at;
    while (scanner->in.at < scanner->in.end && is_digit(*scanner->in.at)) {
        scanner->in.at++;
    }
    return scanner->in.at > from || fail(&scanner->in, "not a number as JSON writes them");
}

static bool scan_number(struct scanner *scanner)
{
    const char *from = scanner->in.at;
    bool whole = true;
    if (*scanner->in.at == '-') {
        scanner->in.at++;
    }
    if (scanner->in.at < scanner->in.end && *scanner->in.at == '0') {
        scanner->in.at++;
        if (scanner->in.at < scanner->in.end && is_digit(*scanner->in.at)) {
            return fail(&scanner->in, "not a number as JSON writes them");
        }
    } else if (!scan_digits(scanner)) {
        return false;
    }
    if (scanner->in.at < scanner->in.end && *scanner->in.at == '.') {
        whole = false;
        scanner->in.at++;
        if (!scan_digits(scanner)) {
            return false;
        }
    }
    if (scanner->in.at < scanner->in.end && (*scanner->in.at == 'e' || *scanner->in.at == 'E')) {
        whole = false;
        scanner->in.at++;
        if (scanner->in.at < scanner->in.end &&
            (*scanner->in.at == '+' || *scanner->in.at == '-')) {
            scanner->in.at++;
        }
        if (!scan_digits(scanner)) {
            return false;
        }
    }
    size_t length = (size_t)(scanner->in.at - from);
    if (length > GUARD_MAX_NUMBER) {
        return fail(&scanner->in, "a number is too long");
    }
    char copy[GUARD_MAX_NUMBER + 1];
    memcpy(copy, from, length);
    copy[length] = 0;
    /* Integers are judged by their digits: 2^53 + 1 would be rounded to 2^53 and pass. */
    bool fits;
    if (whole) {
        const char *digits = copy[0] == '-' ? copy + 1 : copy;
        size_t count = strlen(digits);
        fits = count < 16 || (count == 16 && strcmp(digits, "9007199254740992") <= 0);
    } else {
        double value = strtod(copy, NULL);
        fits = value < MAX_EXACT && value > -MAX_EXACT;
    }
    return fits || fail(&scanner->in, "a number is too large");
}

static bool scan_word(struct scanner *scanner, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scanner->in.end - scanner->in.at) < length ||
        memcmp(scanner->in.at, word, length) != 0) {
        return fail(&scanner->in, "not JSON");
    }
    scanner->in.at += length;
    return true;
}

static bool scan_value(struct scanner *scanner, unsigned depth);

/* An object or an array at its opening bracket; `depth` are open around it. */
static bool scan_container(struct scanner *scanner, unsigned depth)
{
    if (depth == GUARD_MAX_DEPTH) {
        return fail(&scanner->in, "nested too deeply");
    }
    bool is_object = *scanner->in.at == '{';
    char close = is_object ? '}' : ']';
    size_t first_member = scanner->member_count;
    scanner->in.at++;
    skip_space(scanner);
    if (scanner->in.at < scanner->in.end && *scanner->in.at == close) {
        scanner->in.at++;
        return true;
    }
    for (;;) {
        if (is_object && !scan_name(scanner, first_member)) {
            return false;
        }
        if (!scan_value(scanner, depth + 1)) {
            return false;
        }
        skip_space(scanner);
        if (scanner->in.at >= scanner->in.end) {
            return fail(&scanner->in, "the text ends too early");
        }
        char next = *scanner->in.at++;
        if (next == close) {
            scanner->member_count = first_member;
            return true;
        }
        if (next != ',') {
            return fail(&scanner->in, "a ',' or a closing bracket is missing");
        }
        skip_space(scanner);
    }
}

/* Recursion ends at GUARD_MAX_DEPTH. */
static bool scan_value(struct scanner *scanner, unsigned depth)
{
    if (scanner->in.at >= scanner->in.end) {
        return fail(&scanner->in, "the text ends too early");
    }
    if (scanner->values_left == 0) {
        return fail(&scanner->in, "too many values");
    }
    scanner->values_left--;
    switch (*scanner->in.at) {
    case '{':
    case '[':
        return scan_container(scanner, depth);
    case '"':
        return scan_string(scanner, NULL);
    case 't':
        return scan_word(scanner, "true");
    case 'f':
        return scan_word(scanner, "false");
    case 'n':
        return scan_word(scanner, "null");
    default:
        if (*scanner->in.at == '-' || is_digit(*scanner->in.at)) {
            return scan_number(scanner);
        }
        return fail(&scanner->in, "not JSON");
    }
}

static bool scan(struct scanner *scanner)
{
    skip_space(scanner);
    if (scanner->in.at >= scanner->in.end || *scanner->in.at != '{') {
        return fail(&scanner->in, "not a JSON object");
    }
    if (!scan_value(scanner, 0)) {
        return false;
    }
    skip_space(scanner);
    return scanner->in.at == scanner->in.end || fail(&scanner->in, "something follows the object");
}

static cJSON *parse(const char *text, size_t length, bool lines, size_t max_values,
                    const char **why)
{
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        *why = "begins with a byte order mark";
        return NULL;
    }
    if (memchr(text, 0, length)) {
        *why = "holds a NUL byte";
        return NULL;
    }
    if (!utf8_is_valid(text, length)) {
        *why = "not UTF-8";
        return NULL;
    }
    if (length > UINT32_MAX) {
        *why = "too long";
        return NULL;
    }
    struct scanner *scanner = malloc(sizeof *scanner);
    if (!scanner) {
        *why = GUARD_NO_MEMORY;
        return NULL;
    }
    scanner->in.at = text;
    scanner->in.end = text + length;
    scanner->lines = lines;
    scanner->values_left = max_values;
    scanner->in.why = NULL;
    scanner->member_count = 0;
    bool good = scan(scanner);
    *why = good ? NULL : scanner->in.why;
    free(scanner);
    if (!good) {
        return NULL;
    }
    const char *end;
    cJSON *tree = cJSON_ParseWithLengthOpts(text, length + 1, &end, 1);
    if (!tree) {
        *why = GUARD_NO_MEMORY;
    }
    return tree;
}

cJSON *guard_parse(const char *text, size_t length, const char **why)
{
    return parse(text, length, false, GUARD_MAX_VALUES, why);
}

cJSON *guard_parse_bounded(const char *text, size_t length, size_t max_values, const char **why)
{
    return parse(text, length, false, max_values, why);
}

cJSON *guard_parse_document(const char *text, size_t length, const char **why)
{
    return parse(text, length, true, GUARD_MAX_VALUES, why);
}
