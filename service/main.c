#include <stdio.h>
#include <string.h>

#include "../protocol/arguments.h"
#include "config.h"
#include "host.h"
#include "install.h"
#include "process.h"
#include "scan.h"

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
    "  junctiond install [--start] | uninstall       the Windows service: register it or bring it "
    "up to date; remove it\n"
    "  junctiond start | stop                        the same, until it runs, or has ended\n"
    "  junctiond status [--format text|json]         whether it is installed and runs\n"
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
    "Exit codes: 0 done, 1 failed, 2 wrong usage; status: 0 running, 3 installed and not running, "
    "4 not installed;\n"
    "scan: 4 refused, 5 not found, 8 no NTFS volume, 11 done in part, 12 anything else.\n"
    "install, uninstall, start and stop need an administrator's elevated prompt and can be "
    "repeated without harm.\n"
    "SIGTERM, SIGINT or Ctrl-C stop the service: what was begun is finished and answered first.\n";

static int complain(const char *text, const char *what)
{
    fprintf(stderr, "junctiond: %s%s%s\n", text, what != NULL ? ": " : "",
            what != NULL ? what : "");
    return 2;
}

static int check_config(int count, char **arguments)
{
    struct config config;
    char why[512];

    if (count != 1) {
        return complain("check-config takes one file", NULL);
    }
    if (config_load(arguments[0], true, &config, why) != 0) {
        fprintf(stderr, "junctiond: %s: %s\n", arguments[0], why);
        return 1;
    }
    config_clear(&config);
    printf("%s: ok\n", arguments[0]);
    return 0;
}

static int run(int count, char **arguments)
{
    const char *config_path = NULL;
    const char *pipe_option = NULL;

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
    return host_foreground(pipe_option, config_path);
}

static int install(int count, char **arguments)
{
    bool start = false;
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--start") != 0) {
            return complain("install: unknown argument", arguments[i]);
        }
        start = true;
    }
    return install_add(start);
}

static int status(int count, char **arguments)
{
    bool json = false;
    if (count == 2 && strcmp(arguments[0], "--format") == 0 &&
        (strcmp(arguments[1], "json") == 0 || strcmp(arguments[1], "text") == 0)) {
        json = arguments[1][0] == 'j';
    } else if (count > 0) {
        return complain("status takes --format text or --format json, not", arguments[0]);
    }
    return install_status(json);
}

static int uninstall(int count, char **arguments)
{
    return count > 0 ? complain("uninstall takes no argument", arguments[0]) : install_remove();
}

static int start(int count, char **arguments)
{
    return count > 0 ? complain("start takes no argument", arguments[0]) : install_start();
}

static int stop(int count, char **arguments)
{
    return count > 0 ? complain("stop takes no argument", arguments[0]) : install_stop();
}

static int service(int count, char **arguments)
{
    return count > 0 ? complain("service takes no argument", arguments[0]) : host_service(NULL);
}

static int version(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    puts("junctiond " JUNCTION_VERSION);
    return 0;
}

static int help(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    fputs(usage, stdout);
    return 0;
}

static const struct {
    const char *word;
    int (*run)(int count, char **arguments);
} verbs[] = {
    {"run", run},
    {"check-config", check_config},
    {"scan", scan_run},
    {"install", install},
    {"uninstall", uninstall},
    {"start", start},
    {"stop", stop},
    {"status", status},
    {"service", service},
    {"version", version},
    {"--version", version},
    {"help", help},
    {"--help", help},
    {"-h", help},
};

int main(int count, char **arguments)
{
    char why[256];
    bool hardened = process_harden(why) == 0;
    if (arguments_prepare(&count, &arguments) != 0) {
        return 1;
    }
    if (!hardened) {
        /* The service manager waits to hear why. */
        if (count == 2 && strcmp(arguments[1], "service") == 0) {
            return host_service(why);
        }
        complain("cannot start", why);
        return 1;
    }
    if (count < 2) {
        fputs(usage, stdout);
        return 2;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(arguments[1], verbs[i].word) == 0) {
            return verbs[i].run(count - 2, arguments + 2);
        }
    }
    complain("unknown command", arguments[1]);
    fputs(usage, stderr);
    return 2;
}
