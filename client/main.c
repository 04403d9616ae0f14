/* junction: the client. The first word chooses a subcommand; everything else is the classic
 * grammar. */
#include <stdio.h>
#include <string.h>

#include "../protocol/arguments.h"
#include "classic.h"
#include "command.h"
#include "help.h"

static const struct command command_later = {NULL, NULL, 0, 0, 0, NULL};

static const struct {
    const char *word;
    const struct command *command;
} command_table[] = {
    {"create", &command_create}, {"delete", &command_delete},  {"list", &command_list},
    {"show", &command_show},     {"status", &command_status},  {"history", &command_later},
    {"undo", &command_later},    {"retarget", &command_later}, {"prune", &command_later},
    {"export", &command_later},  {"import", &command_later},   {"audit", &command_later},
};

static const struct command *find(const char *word)
{
    for (size_t i = 0; i < sizeof command_table / sizeof *command_table; i++) {
        if (strcmp(command_table[i].word, word) == 0)
            return command_table[i].command;
    }
    return NULL;
}

/* The streams live in main: they are large, and needed to the very end. */
struct console {
    struct stream out, err;
    int lost; /* exit code when the results cannot be written */
};

static int usage_error(struct console *console, const char *command, const char *why)
{
    stream_string(&console->err, "junction: ");
    stream_name(&console->err, why, strlen(why));
    stream_format(&console->err, "\nTry: junction help%s%s\n", command ? " " : "",
                  command ? command : "");
    return EXIT_USAGE;
}

static int later(struct console *console, const char *word)
{
    stream_format(&console->err, "junction: '%s' is not in this version\n", word);
    return EXIT_USAGE;
}

static int print(struct console *console, const char *text)
{
    stream_string(&console->out, text);
    return EXIT_DONE;
}

static int help(struct console *console, int count, const char *const words[])
{
    const struct command *command = count > 0 ? find(words[0]) : NULL;
    char why[128];

    if (count == 0 || (count == 1 && strcmp(words[0], "--help") == 0))
        return print(console, help_general);
    if (count > 1)
        return usage_error(console, NULL, "help takes one command");
    if (command && !command->run)
        return later(console, words[0]);
    if (command)
        return print(console, command->help);
    if (strcmp(words[0], "help") == 0 || strcmp(words[0], "version") == 0)
        return print(console, help_general);
    (void)snprintf(why, sizeof why, "there is no command '%.60s'", words[0]);
    return usage_error(console, NULL, why);
}

static int run_command(struct console *console, const struct command *command,
                       struct options *options, int count, const char *const arguments[])
{
    struct output output;
    char why[256];

    if (options_parse(options, command->options, false, count, arguments, why, sizeof why) < 0)
        return usage_error(console, command->name, why);
    if (options->help)
        return print(console, command->help);
    if (options->version)
        return print(console, "junction " JUNCTION_VERSION "\n");
    if (options->name_count < command->least || options->name_count > command->most) {
        (void)snprintf(why, sizeof why, "%s takes %s%d name%s, not %d", command->name,
                       command->least < command->most ? "at most " : "", command->most,
                       command->most == 1 ? "" : "s", options->name_count);
        return usage_error(console, command->name, why);
    }
    output_init(&output, options->format, &console->out, &console->err, options->quiet);
    return command->run(options, &output);
}

static int run_classic(struct console *console, const struct options *options, int count,
                       const char *const arguments[])
{
    struct classic classic;

    if (options->format_given)
        return usage_error(console, NULL,
                           "--format belongs to the commands: the classic grammar has one output");
    console->lost = CLASSIC_FAILURE;
    stream_standard(&console->out, TERMINAL_OUT, true);
    classic_parse(count, arguments, options->names_only, &resolve_system, &classic);
    return classic_run(&classic, options, &console->out, &console->err);
}

static int run(struct console *console, int count, const char *const arguments[])
{
    const struct command *command;
    struct options options;
    char why[256];
    int used;

    options_init(&options);
    used = options_parse(&options, OPTIONS_COMMON, true, count, arguments, why, sizeof why);
    if (used < 0)
        return usage_error(console, NULL, why);
    count -= used;
    arguments += used;
    if (count == 0 && options.help)
        return print(console, help_general);
    if (options.version ||
        (count == 1 && !options.names_only && strcmp(*arguments, "version") == 0))
        return print(console, "junction " JUNCTION_VERSION "\n");
    if (count == 0 || options.names_only)
        return run_classic(console, &options, count, arguments);
    if (strcmp(*arguments, "help") == 0)
        return help(console, count - 1, arguments + 1);
    if (strcmp(*arguments, "version") == 0)
        return usage_error(console, NULL, "version takes no name");
    command = find(*arguments);
    if (command && !command->run)
        return later(console, *arguments);
    if (command)
        return run_command(console, command, &options, count - 1, arguments + 1);
    if (options.help)
        return print(console, help_general);
    return run_classic(console, &options, count, arguments);
}

int main(int argc, char **argv)
{
    struct console console;
    int exit;

    terminal_prepare();
    if (arguments_prepare(&argc, &argv) != 0)
        return EXIT_OTHER;
    stream_standard(&console.out, TERMINAL_OUT, false);
    stream_standard(&console.err, TERMINAL_ERR, false);
    console.lost = EXIT_OTHER;
    exit = run(&console, argc > 0 ? argc - 1 : 0, (const char *const *)argv + 1);
    return output_finish(&console.out, &console.err, exit, console.lost);
}
