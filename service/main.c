#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/arguments.h"
#include "../protocol/pipe_name.h"
#include "config.h"
#include "process.h"
#include "scan.h"
#include "server.h"

static const char usage[] =
    "junctiond " JUNCTION_VERSION
    ": makes, shows, lists and deletes NTFS junctions for its callers\n"
    "\n"
    "  junctiond run [--pipe NAME] [--config FILE]   serve in the foreground, log to standard "
    "error\n"
    "  junctiond check-config FILE                   judge a configuration file and say what is "
    "wrong\n"
    "  junctiond scan [--offset BYTES] [--source index|scan] [--format jsonl|text] IMAGE|DEVICE\n"
    "                                                every reparse point of an NTFS volume, read\n"
    "                                                from its own structures by whoever runs this\n"
    "  junctiond version | help\n"
    "\n"
    "--pipe NAME    a name with a '/' (Windows: beginning with \\\\.\\pipe\\) is taken as it is; "
    "otherwise it is\n"
    "               /run/junction/NAME.sock (Windows: \\\\.\\pipe\\NAME)\n"
    "--config FILE  default: /etc/junction/junction.json (Windows: "
    "%ProgramData%\\Junction\\junction.json), which may be\n"
    "               missing; it must belong to an account that is trusted, and nobody else may be "
    "able to change it\n"
    "\n"
    "SIGTERM, SIGINT or Ctrl-C stop the service: what was begun is finished and answered first.\n";

static int complain(const char *text, const char *what)
{
    fprintf(stderr, "junctiond: %s%s%s\n", text, what != NULL ? ": " : "",
            what != NULL ? what : "");
    return 2;
}

static int check_config(const char *path)
{
    struct config config;
    char why[512];
    if (config_load(path, true, &config, why) != 0) {
        fprintf(stderr, "junctiond: %s: %s\n", path, why);
        return 1;
    }
    config_clear(&config);
    printf("%s: ok\n", path);
    return 0;
}

static int run(int count, char **arguments)
{
    const char *config_path = NULL;
    const char *pipe_option = NULL;
    char pipe_name[PIPE_NAME_SIZE];
    char why[512];
    struct config config;

    for (int i = 0; i < count; i++) {
        const char **value = NULL;
        if (strcmp(arguments[i], "--config") == 0) {
            value = &config_path;
        } else if (strcmp(arguments[i], "--pipe") == 0) {
            value = &pipe_option;
        } else {
            return complain("run: unknown argument", arguments[i]);
        }
        if (i + 1 == count) {
            return complain("a value is missing behind", arguments[i]);
        }
        *value = arguments[++i];
    }
    if (process_prepare(why) != 0) {
        complain("cannot start", why);
        return 1;
    }
    if (pipe_option != NULL ? pipe_name_from_option(pipe_option, pipe_name) != 0
                            : pipe_name_for_service(pipe_name) != 0) {
        return complain(pipe_option != NULL
                            ? "--pipe: the name is empty or too long"
                            : "there is no default place to listen here: give --pipe",
                        pipe_option);
    }
    const char *path = config_path != NULL ? config_path : process_config_path();
    if (config_load(path, config_path != NULL, &config, why) != 0) {
        fprintf(stderr, "junctiond: configuration %s: %s\n", path, why);
        return 1;
    }
    return server_run(&config, pipe_name);
}

int main(int count, char **arguments)
{
    if (arguments_prepare(&count, &arguments) != 0) {
        return 1;
    }
    const char *verb = count > 1 ? arguments[1] : "help";
    if (strcmp(verb, "run") == 0) {
        return run(count - 2, arguments + 2);
    }
    if (strcmp(verb, "check-config") == 0) {
        if (count != 3) {
            return complain("check-config takes one file", NULL);
        }
        return check_config(arguments[2]);
    }
    if (strcmp(verb, "scan") == 0) {
        return scan_run(count - 2, arguments + 2);
    }
    if (strcmp(verb, "version") == 0 || strcmp(verb, "--version") == 0) {
        puts("junctiond " JUNCTION_VERSION);
        return 0;
    }
    if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        fputs(usage, stdout);
        return count > 1 ? 0 : 2;
    }
    complain("unknown command", verb);
    fputs(usage, stderr);
    return 2;
}
