/* What the service runs in: a terminal or a service manager that speaks in signals (host.c), or the
 * service control manager of Windows (host_win.c). The server tells its host how it is going. */
#ifndef JUNCTION_HOST_H
#define JUNCTION_HOST_H

#include <stdbool.h>

#include "log.h"

struct server;

/* How a run ended. The numbers are the service-specific exit codes that the service control manager
 * shows: they stay. */
enum host_end {
    HOST_DONE = 0,
    HOST_UNPREPARED = 1,    /* the process could not be made safe */
    HOST_CONFIGURATION = 2, /* wrong, unreadable, or not to be trusted */
    HOST_RESOURCES = 3,     /* memory, threads */
    HOST_ENGINE = 4,
    HOST_PIPE = 5 /* the name is taken, or cannot be had */
};

/* One sentence without its end, for people; never NULL. */
const char *host_end_text(unsigned end);

/* All functions are called on the thread that runs the server. */
struct host {
    /* Signals stop the server: Ctrl-C, SIGTERM. */
    bool signals;
    /* From here until the first `stopping` any thread may call server_stop. */
    void (*ready)(void *context, struct server *server);
    /* Callers are served. */
    void (*started)(void *context);
    /* At most that many seconds remain. Called again every second, and also (with 0) when the start
     * failed. */
    void (*stopping)(void *context, unsigned seconds);
    /* The very last, perhaps while threads are left behind that hang in the system: what tells
     * others that the service is gone tells it here. */
    void (*ended)(void *context, enum host_end end);
    void *context;
};

/* Reads the configuration (NULL: the default place, where none may be) and serves until it is told
 * to stop. `log` is complete but for its level, which the configuration sets; what goes wrong
 * before the server runs is told there, and as *why (empty when the server itself has told it). */
enum host_end host_serve(const struct host *host, const struct log *log, const char *pipe_name,
                         const char *config_option, char why[512]);

/* `junctiond run`: in the foreground, log on standard error. Exit status of the process. */
int host_foreground(const char *pipe_option, const char *config_option);

/* `junctiond service`: what the service control manager starts. `unprepared`: why process_harden
 * failed, which the manager is told, or NULL. Exit status of the process. */
int host_service(const char *unprepared);

#endif
