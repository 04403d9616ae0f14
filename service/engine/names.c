#include "names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reparse.h"
#include "upcase.h"

#define MAX_COMPONENT  255u
#define MAX_PATH_UNITS 32767u
#define NT_PREFIX      "\\??\\"
#define WIN32_PREFIX   "\\\\?\\"
#define PREFIX_LENGTH  4u
#define GUID_LENGTH    38u               /* with its braces */
#define VOLUME_LENGTH  (6 + GUID_LENGTH) /* "Volume" and the GUID */

/* ---- one component
 * ------------------------------------------------------------------------------------------ */

static bool ascii_equal(const char *text, size_t length, const char *word)
{
    if (length != strlen(word))
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c != word[i])
            return false;
    }
    return true;
}

/* What Win32 takes for a device in whatever directory: the part before the first dot, blanks at its
 * end aside. */
static bool is_device(const char *name, size_t length)
{
    static const char *const words[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    static const char *const superscripts[] = {"\xC2\xB9", "\xC2\xB2", "\xC2\xB3"};

    const char *dot = memchr(name, '.', length);
    if (dot)
        length = (size_t)(dot - name);
    while (length > 0 && name[length - 1] == ' ')
        length--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (ascii_equal(name, length, words[i]))
            return true;
    if (length < 4 || (!ascii_equal(name, 3, "COM") && !ascii_equal(name, 3, "LPT")))
        return false;
    if (length == 4)
        return name[3] >= '1' && name[3] <= '9';
    for (size_t i = 0; i < sizeof superscripts / sizeof superscripts[0]; i++)
        if (length == 5 && memcmp(name + 3, superscripts[i], 2) == 0)
            return true;
    return false;
}

static bool is_dots(const char *name, size_t length)
{
    return (length == 1 && name[0] == '.') || (length == 2 && name[0] == '.' && name[1] == '.');
}

/* What NTFS itself refuses from Windows, also behind `\\?\`. */
static bool check_characters(const char *name, size_t length, const char **why)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < 0x20) {
            *why = "a name holds a control character";
            return false;
        }
        if (c == ':') {
            *why = "a name holds ':', which would name a stream";
            return false;
        }
        if (strchr("<>\"/\\|?*", c)) {
            *why = "a name holds one of the characters < > \" / \\ | ? *";
            return false;
        }
    }
    return true;
}

/* literal: as behind `\\?\`, where Win32 does not read anything into the name. */
static bool check_component(const char *name, size_t length, bool literal, const char **why)
{
    size_t units = wtf8_utf16_length(name, length);
    if (units == SIZE_MAX)
        *why = "a name is not valid text";
    else if (units == 0)
        *why = "a name is empty";
    else if (is_dots(name, length))
        *why = "'.' and '..' are not names";
    else if (units > MAX_COMPONENT)
        *why = "a name is longer than 255 characters";
    else if (!check_characters(name, length, why))
        return false;
    else if (!literal && (name[length - 1] == '.' || name[length - 1] == ' '))
        *why = "a name ends with a dot or a space, which Windows programs cannot open";
    else if (!literal && is_device(name, length))
        *why = "a name is that of a DOS device";
    else
        return true;
    return false;
}

int names_check_new(const char *name, size_t length, const char **why)
{
    return check_component(name, length, false, why) ? NAMES_OK : NAMES_INVALID;
}

bool names_can_exist(const char *name, size_t length)
{
    size_t units = wtf8_utf16_length(name, length);
    if (units == SIZE_MAX || units == 0 || units > MAX_COMPONENT || is_dots(name, length))
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] == '/' || name[i] == '\\' || name[i] == '\0')
            return false;
    return true;
}

/* ---- whole names
 * ------------------------------------------------------------------------------------------- */

static bool starts(const char *text, size_t length, const char *prefix)
{
    size_t size = strlen(prefix);
    return length >= size && memcmp(text, prefix, size) == 0;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static char to_upper(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    return c;
}

static char to_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    return c;
}

/* The text goes on with a separator or ends at `at`. */
static bool ends_word(const char *text, size_t length, size_t at)
{
    return length == at || (length > at && text[at] == '\\');
}

/* `X:`, then a separator or the end. */
static bool is_drive(const char *text, size_t length)
{
    return length >= 2 && is_letter(text[0]) && text[1] == ':' && ends_word(text, length, 2);
}

/* `Volume{8-4-4-4-12}`, then a separator or the end. */
static bool is_volume(const char *text, size_t length)
{
    static const char shape[] = "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}";
    if (length < VOLUME_LENGTH || !ascii_equal(text, 6, "VOLUME"))
        return false;
    for (size_t i = 0; i < GUID_LENGTH; i++) {
        char c = to_lower(text[6 + i]);
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (shape[i] == 'x' ? !hex : c != shape[i])
            return false;
    }
    return ends_word(text, length, VOLUME_LENGTH);
}

static bool is_unc(const char *text, size_t length)
{
    return length >= 3 && ascii_equal(text, 3, "UNC") && ends_word(text, length, 3);
}

/* A target on its way from what was written to its two names. */
struct target {
    char *text; /* with `\` for `/` */
    size_t length;
    size_t root; /* where `X:` or `Volume{...}` begins */
    size_t rest; /* behind it */
    bool literal;
    bool volume;
};

/* Finds the root, or says why there is none that a junction can lead to. */
static bool target_root(struct target *target, const char **why)
{
    const char *text = target->text;
    size_t length = target->length;
    if (starts(text, length, WIN32_PREFIX) || starts(text, length, NT_PREFIX)) {
        target->literal = true;
        target->root = PREFIX_LENGTH;
        text += PREFIX_LENGTH;
        length -= PREFIX_LENGTH;
        if (is_unc(text, length))
            *why = "a junction cannot lead to a network share";
        else if (is_volume(text, length))
            target->volume = true;
        else if (!is_drive(text, length))
            *why = "a junction can lead to a drive (X:\\) or a volume (\\\\?\\Volume{...}\\) only";
    } else if (starts(text, length, "\\\\.\\")) {
        *why = "a junction cannot lead to a device";
    } else if (starts(text, length, "\\\\")) {
        *why = "a junction cannot lead to a network share";
    } else if (starts(text, length, "\\")) {
        *why = "the target has no drive letter";
    } else if (length < 2 || !is_letter(text[0]) || text[1] != ':') {
        *why = "the target is relative; a junction needs a whole path (X:\\...)";
    } else if (!is_drive(text, length)) {
        *why = "the target is relative to the current directory of its drive; write X:\\...";
    }
    if (*why)
        return false;
    target->rest = target->root + (target->volume ? VOLUME_LENGTH : 2);
    if (target->rest == target->length) {
        *why = target->volume ? "that is a whole volume: a mount point, not a junction"
                              : "the target names a drive, not a directory; write X:\\";
        return false;
    }
    return true;
}

/* Checks the components and closes up what is between them; the text gets shorter or stays. */
static bool target_components(struct target *target, const char **why)
{
    char *text = target->text;
    size_t from = target->rest, to = target->rest;
    while (from < target->length) {
        while (from < target->length && text[from] == '\\')
            from++;
        size_t end = from;
        while (end < target->length && text[end] != '\\')
            end++;
        if (end == from)
            break;
        if (!check_component(text + from, end - from, target->literal, why))
            return false;
        text[to++] = '\\';
        memmove(text + to, text + from, end - from);
        to += end - from;
        from = end;
    }
    if (to == target->rest) {
        if (target->volume) {
            *why = "that is a whole volume: a mount point, not a junction";
            return false;
        }
        text[to++] = '\\';
    }
    target->length = to;
    text[to] = '\0';
    return true;
}

/* The one spelling of the root: two ways to write the same volume give the same bytes on disk. */
static void target_spell(struct target *target)
{
    char *root = target->text + target->root;
    if (!target->volume) {
        root[0] = to_upper(root[0]);
        return;
    }
    for (size_t i = 0; i < VOLUME_LENGTH; i++)
        root[i] = to_lower(root[i]);
    root[0] = 'V';
}

static int join(struct text *out, const char *prefix, const char *text, size_t length)
{
    size_t size = strlen(prefix);
    char *bytes = malloc(size + length + 1);
    if (!bytes)
        return UTF_NO_MEMORY;
    memcpy(bytes, prefix, size);
    memcpy(bytes + size, text, length);
    bytes[size + length] = '\0';
    *out = (struct text){bytes, size + length};
    return UTF_OK;
}

int names_junction(const char *target, size_t length, struct text *substitute_name,
                   struct text *print_name, const char **why)
{
    *substitute_name = (struct text){NULL, 0};
    *print_name = (struct text){NULL, 0};
    *why = NULL;
    if (length == 0) {
        *why = "the target is empty";
        return NAMES_INVALID;
    }
    if (!wtf8_is_valid(target, length)) {
        *why = "the target is not valid text";
        return NAMES_INVALID;
    }
    int result = NAMES_NO_MEMORY;
    struct target work = {.text = malloc(length + 2), .length = length};
    if (!work.text)
        return NAMES_NO_MEMORY;
    memcpy(work.text, target, length);
    work.text[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (work.text[i] == '/')
            work.text[i] = '\\';

    result = NAMES_INVALID;
    if (!target_root(&work, why) || !target_components(&work, why))
        goto done;
    target_spell(&work);

    const char *root = work.text + work.root;
    size_t root_length = work.length - work.root;
    const char *print_prefix = work.volume ? WIN32_PREFIX : "";
    size_t units = wtf8_utf16_length(root, root_length);
    size_t substitute_units = units + PREFIX_LENGTH;
    size_t print_units = units + strlen(print_prefix);
    /* 20: header, the four fields and both NULs. */
    if (substitute_units > MAX_PATH_UNITS ||
        20 + 2 * (substitute_units + print_units) > REPARSE_MAX_SIZE) {
        *why = "the target does not fit into a reparse point";
        result = NAMES_TOO_LONG;
        goto done;
    }
    result = NAMES_NO_MEMORY;
    if (join(substitute_name, NT_PREFIX, root, root_length) != UTF_OK)
        goto done;
    if (join(print_name, print_prefix, root, root_length) != UTF_OK) {
        text_clear(substitute_name);
        goto done;
    }
    result = NAMES_OK;

done:
    free(work.text);
    return result;
}

int names_win32(const struct text *substitute_name, struct text *out)
{
    const char *name = substitute_name->bytes;
    size_t length = substitute_name->length;
    if (name && starts(name, length, NT_PREFIX)) {
        const char *rest = name + PREFIX_LENGTH;
        size_t left = length - PREFIX_LENGTH;
        if (is_drive(rest, left))
            return join(out, "", rest, left);
        if (is_unc(rest, left) && left > 3)
            return join(out, "\\", rest + 3, left - 3);
        return join(out, WIN32_PREFIX, rest, left);
    }
    return text_copy(out, substitute_name);
}

bool names_same_target(const struct text *a, const struct text *b)
{
    if (!a->bytes || !b->bytes)
        return false;
    size_t a_length = a->length, b_length = b->length;
    if (a_length > 0 && a->bytes[a_length - 1] == '\\')
        a_length--;
    if (b_length > 0 && b->bytes[b_length - 1] == '\\')
        b_length--;
    return upcase_equal(a->bytes, a_length, b->bytes, b_length);
}

enum names_place names_place(const struct text *substitute_name, char *letter, const char **rest)
{
    const char *name = substitute_name->bytes;
    size_t length = substitute_name->length;
    *letter = '\0';
    *rest = NULL;
    if (!name)
        return NAMES_OTHER;
    if (starts(name, length, NT_PREFIX)) {
        const char *root = name + PREFIX_LENGTH;
        size_t left = length - PREFIX_LENGTH;
        if (is_drive(root, left)) {
            *letter = to_upper(root[0]);
            *rest = root + 2;
            return NAMES_DRIVE;
        }
        if (is_volume(root, left)) {
            *rest = root + VOLUME_LENGTH;
            return NAMES_VOLUME;
        }
        return is_unc(root, left) ? NAMES_REMOTE : NAMES_OTHER;
    }
    if (starts(name, length, "\\\\") && length > 2 && !strchr("\\?.", name[2]))
        return NAMES_REMOTE;
    return NAMES_OTHER;
}
