/* The configuration: one JSON file, described by config.schema.json. Unknown members, wrong types
 * and values out of range are errors with the exact place; there is no half-read configuration. */
#ifndef JUNCTION_CONFIG_H
#define JUNCTION_CONFIG_H

#include <stddef.h>

#include "engine/engine.h"
#include "log.h"

/* X(member, lowest, default, highest, meaning) */
#define CONFIG_LIMITS(X)                                                                      \
    X(connections, 1, 256, 65536, "connections at a time; on Windows no more than 2000 work") \
    X(connectionsPerIdentity, 1, 64, 65536, "connections at a time of one identity")          \
    X(waitingRequests, 1, 64, 1024, "requests of one connection that may wait")               \
    X(firstLineSeconds, 1, 5, 3600, "from connecting to the end of the first line")           \
    X(lineSeconds, 1, 10, 3600, "from the first byte of a line to its end")                   \
    X(idleSeconds, 1, 60, 86400, "nothing waiting, running or being read")                    \
    X(writeSeconds, 1, 600, 86400, "a client that takes no byte of what waits for it")        \
    X(operationSeconds, 1, 15, 3600, "one operation on one path, or one step of a list")      \
    X(stopSeconds, 1, 15, 600, "from the order to stop to the end of the process")            \
    X(shortWorkers, 2, 8, 256, "threads for operations on one path")                          \
    X(shortWorkersPerIdentity, 1, 4, 256, "of these, busy for one identity at a time")        \
    X(lists, 1, 32, 1024, "lists running at a time")                                          \
    X(listsPerIdentity, 1, 4, 1024, "lists running at a time for one identity")

struct config_limits {
#define X(name, low, standard, high, meaning) unsigned name;
    CONFIG_LIMITS(X)
#undef X
};

struct config_limit_info {
    const char *name;
    unsigned low, standard, high;
    size_t offset; /* in struct config_limits */
    const char *meaning;
};
const struct config_limit_info *config_limit_table(size_t *count);
unsigned config_limit_value(const struct config_limits *limits,
                            const struct config_limit_info *row);

struct config {
    struct config_limits limits;
    enum log_level log_level;
    struct engine_drive drives[26]; /* mount strings are owned */
    size_t drive_count;
};

#define CONFIG_MAX_SIZE ((size_t)1024 * 1024)

void config_defaults(struct config *config);

/* Pure: text (NUL at text[length]) into *out. -1 with *why; *out then holds nothing to free. */
int config_parse(const char *text, size_t length, struct config *out, char why[512]);

/* Reads a file after process_check_trusted has found that only trusted accounts can change it. With
 * `must_exist` false a missing file gives the defaults. */
int config_load(const char *path, bool must_exist, struct config *out, char why[512]);

void config_clear(struct config *config);

#endif
