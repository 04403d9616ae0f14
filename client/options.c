#include "options.h"

#include <stdio.h>
#include <string.h>

struct complaint {
    char *text;
    size_t size;
};

static int take_format(struct options *options, const char *value, struct complaint *why)
{
    static const char *const names[] = {"text", "json", "jsonl", "csv"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(value, names[i]) == 0) {
            options->format = (enum options_format)i;
            options->format_given = true;
            return 0;
        }
    }
    if (strcmp(value, "html") == 0)
        (void)snprintf(why->text, why->size,
                       "--format html is reserved: it is not in this version");
    else
        (void)snprintf(why->text, why->size, "--format takes text, json, jsonl or csv, not '%.60s'",
                       value);
    return -1;
}

static int take_timeout(struct options *options, const char *value, struct complaint *why)
{
    unsigned milliseconds = 0, scale = 1000;
    const char *p = value;
    size_t digits = 0;

    for (; *p >= '0' && *p <= '9' && digits < 6; p++, digits++)
        milliseconds = milliseconds * 10 + (unsigned)(*p - '0') * 1000;
    if (*p == '.') {
        for (p++; *p >= '0' && *p <= '9'; p++, digits++) {
            scale /= 10;
            milliseconds += (unsigned)(*p - '0') * scale;
        }
    }
    if (digits == 0 || *p != '\0' || milliseconds > 86400u * 1000u) {
        (void)snprintf(why->text, why->size,
                       "--timeout takes seconds from 0 (no limit) to 86400, not '%.60s'", value);
        return -1;
    }
    /* A tiny but positive time must not turn into "no limit". */
    options->timeout_ms = milliseconds ? milliseconds : strpbrk(value, "123456789") ? 1 : 0;
    return 0;
}

static int take_pipe(struct options *options, const char *value, struct complaint *why)
{
    if (*value == '\0') {
        (void)snprintf(why->text, why->size, "--pipe takes a name that is not empty");
        return -1;
    }
    options->pipe = value;
    return 0;
}

static int take_expect(struct options *options, const char *value, struct complaint *why)
{
    if (*value == '\0') {
        (void)snprintf(why->text, why->size, "--expect takes a target that is not empty");
        return -1;
    }
    options->expect = value;
    return 0;
}

static int take_drive(struct options *options, const char *value, struct complaint *why)
{
    char letter = value[0];

    if (letter >= 'a' && letter <= 'z')
        letter = (char)(letter - 'a' + 'A');
    if (letter < 'A' || letter > 'Z' || (value[1] != '\0' && strcmp(value + 1, ":") != 0)) {
        (void)snprintf(why->text, why->size, "--drive takes a letter and a colon, not '%.60s'",
                       value);
        return -1;
    }
    options->drive = letter;
    return 0;
}

static int take_type(struct options *options, const char *value, struct complaint *why)
{
    int type = entry_type_find(value);
    size_t used;

    if (type >= 0) {
        options->types |= 1u << type;
        return 0;
    }
    used = (size_t)snprintf(why->text, why->size, "--type has no '%.60s'; it takes", value);
    for (int i = 0; i < ENTRY_TYPE_COUNT && used < why->size; i++)
        used += (size_t)snprintf(why->text + used, why->size - used, "%s %s", i ? "," : "",
                                 entry_type_name((enum entry_type)i));
    return -1;
}

static int take_source(struct options *options, const char *value, struct complaint *why)
{
    for (int i = LIST_SOURCE_AUTO; i <= LIST_SOURCE_SCAN; i++) {
        if (strcmp(value, list_source_name((enum list_source)i)) == 0) {
            options->source = (enum list_source)i;
            return 0;
        }
    }
    (void)snprintf(why->text, why->size, "--source takes auto, walk, index or scan, not '%.60s'",
                   value);
    return -1;
}

/* Exactly one of `flag` and `take` counts: a row with `take` has a value. */
struct option {
    const char *name;
    char letter;
    unsigned sets;
    size_t flag;
    int (*take)(struct options *options, const char *value, struct complaint *why);
};

#define FLAG(member) offsetof(struct options, member), NULL

static const struct option option_table[] = {
    {"format", 0, OPTIONS_COMMON, 0, take_format},
    {"pipe", 0, OPTIONS_COMMON, 0, take_pipe},
    {"timeout", 0, OPTIONS_COMMON, 0, take_timeout},
    {"quiet", 'q', OPTIONS_COMMON, FLAG(quiet)},
    {"no-progress", 0, OPTIONS_COMMON, FLAG(no_progress)},
    {"help", 'h', OPTIONS_COMMON, FLAG(help)},
    {"version", 0, OPTIONS_COMMON, FLAG(version)},
    {"replace", 0, OPTIONS_CREATE, FLAG(replace)},
    {"parents", 0, OPTIONS_CREATE, FLAG(parents)},
    {"must-exist", 0, OPTIONS_CREATE, FLAG(must_exist)},
    {"drive", 0, OPTIONS_CREATE, 0, take_drive},
    {"expect", 0, OPTIONS_CREATE | OPTIONS_DELETE, 0, take_expect},
    {"dry-run", 0, OPTIONS_CREATE | OPTIONS_DELETE, FLAG(dry_run)},
    {"keep-directory", 0, OPTIONS_DELETE, FLAG(keep_directory)},
    {"check", 0, OPTIONS_SHOW | OPTIONS_LIST, FLAG(check)},
    {"recurse", 's', OPTIONS_LIST, FLAG(recurse)},
    {"volume", 0, OPTIONS_LIST, FLAG(volume)},
    {"verify", 0, OPTIONS_LIST, FLAG(verify)},
    {"type", 0, OPTIONS_LIST, 0, take_type},
    {"source", 0, OPTIONS_LIST, 0, take_source},
};

#define OPTION_COUNT (sizeof option_table / sizeof *option_table)

void options_init(struct options *options)
{
    memset(options, 0, sizeof *options);
    options->timeout_ms = 30000;
}

static const struct option *find_long(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (strlen(option_table[i].name) == length &&
            memcmp(option_table[i].name, name, length) == 0)
            return &option_table[i];
    }
    return NULL;
}

static const struct option *find_letter(const char *argument)
{
    if (argument[1] == '\0' || argument[2] != '\0')
        return NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (option_table[i].letter == argument[1])
            return &option_table[i];
    }
    return NULL;
}

int options_parse(struct options *options, unsigned sets, bool prefix, int count,
                  const char *const arguments[], char *why, size_t why_size)
{
    struct complaint complaint = {why, why_size};
    int i = 0;

    for (; i < count; i++) {
        const char *argument = arguments[i], *value = NULL;
        const struct option *option;

        if (options->names_only || argument[0] != '-' || argument[1] == '\0') {
            if (prefix)
                return i;
            if (options->name_count < OPTIONS_MAX_NAMES)
                options->names[options->name_count] = argument;
            options->name_count++;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            options->names_only = true;
            if (prefix)
                return i + 1;
            continue;
        }
        if (argument[1] != '-') {
            if (prefix)
                return i;
            option = find_letter(argument);
        } else {
            value = strchr(argument, '=');
            option = find_long(argument + 2,
                               value ? (size_t)(value - argument) - 2 : strlen(argument) - 2);
            if (value)
                value++;
        }
        if (!option) {
            (void)snprintf(why, why_size,
                           "there is no option %.60s (a name that begins with '-' goes behind --)",
                           argument);
            return -1;
        }
        if (!(option->sets & (sets | OPTIONS_COMMON))) {
            (void)snprintf(why, why_size, "--%s does not belong to this command", option->name);
            return -1;
        }
        if (!option->take) {
            if (value) {
                (void)snprintf(why, why_size, "--%s takes no value", option->name);
                return -1;
            }
            *(bool *)((char *)options + option->flag) = true;
            continue;
        }
        if (!value) {
            if (i + 1 >= count) {
                (void)snprintf(why, why_size, "--%s needs a value", option->name);
                return -1;
            }
            value = arguments[++i];
        }
        if (option->take(options, value, &complaint) != 0)
            return -1;
    }
    return i;
}
