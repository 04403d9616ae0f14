#include "host.h"

#include <stdio.h>
#include <string.h>

#include "../protocol/pipe_name.h"
#include "config.h"
#include "process.h"
#include "server.h"

const char *host_end_text(unsigned end)
{
    switch (end) {
    case HOST_DONE:
        return "it ended as it was told to";
    case HOST_UNPREPARED:
        return "its process could not be made safe to work in";
    case HOST_CONFIGURATION:
        return "its configuration is wrong or cannot be trusted; `junctiond check-config FILE` "
               "says how";
    case HOST_RESOURCES:
        return "the system gives it no memory or threads";
    case HOST_ENGINE:
        return "its engine could not begin";
    case HOST_PIPE:
        return "the place where it listens is taken or cannot be had";
    default:
        return "an unknown reason";
    }
}

enum host_end host_serve(const struct host *host, const struct log *log, const char *pipe_name,
                         const char *config_option, char why[512])
{
    struct config config;
    struct log own = *log;
    /* What a person is told by *why is no line of the log as well. */
    const struct log early = {LOG_ERROR, -1, log->sink};

    why[0] = '\0';
    if (process_prepare(why) != 0) {
        log_event(&early, LOG_ERROR, "failed", LOG_TEXT("what", "process"),
                  LOG_TEXT("reason", why));
        host->ended(host->context, HOST_UNPREPARED);
        return HOST_UNPREPARED;
    }
    const char *path = config_option != NULL ? config_option : process_config_path();
    char reason[512];
    if (config_load(path, config_option != NULL, &config, reason) != 0) {
        log_event(&early, LOG_ERROR, "configuration", LOG_TEXT("path", path),
                  LOG_TEXT("reason", reason));
        snprintf(why, 512, "configuration %.200s: %.280s", path, reason);
        host->ended(host->context, HOST_CONFIGURATION);
        return HOST_CONFIGURATION;
    }
    own.level = config.log_level;
    return server_run(&config, pipe_name, host, &own);
}

/* ---- the foreground ---- */

static void ignore_ready(void *context, struct server *server)
{
    (void)context;
    (void)server;
}

static void ignore(void *context)
{
    (void)context;
}

static void ignore_stopping(void *context, unsigned seconds)
{
    (void)context;
    (void)seconds;
}

static void ignore_ended(void *context, enum host_end end)
{
    (void)context;
    (void)end;
}

int host_foreground(const char *pipe_option, const char *config_option)
{
    static const struct host host = {
        .signals = true,
        .ready = ignore_ready,
        .started = ignore,
        .stopping = ignore_stopping,
        .ended = ignore_ended,
    };
    const struct log log = {LOG_ERROR, 2, NULL};
    char pipe_name[PIPE_NAME_SIZE];
    char why[512];

    if (pipe_option != NULL ? pipe_name_from_option(pipe_option, pipe_name) != 0
                            : pipe_name_for_service(pipe_name) != 0) {
        fprintf(stderr, "junctiond: %s%s\n",
                pipe_option != NULL ? "--pipe: the name is empty or too long: "
                                    : "there is no default place to listen here: give --pipe",
                pipe_option != NULL ? pipe_option : "");
        return 2;
    }
    enum host_end end = host_serve(&host, &log, pipe_name, config_option, why);
    if (why[0] != '\0') {
        fprintf(stderr, "junctiond: %s\n", why);
    }
    return end == HOST_DONE ? 0 : 1;
}
