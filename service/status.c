#include "status.h"

#include <string.h>

#include "process.h"
#include "server.h"

static cJSON *hello(const struct server *server)
{
    static char name[] = "junctiond " JUNCTION_VERSION;
    static const char *const features[] = {"reparse.list:recurse", "reparse.list:volume",
                                           "reparse.list:check", "reparse.show:check"};
    const char *capabilities[METHOD_COUNT + sizeof features / sizeof features[0]];
    const char *platform = process_platform();
    size_t count = 0;

    for (int i = 0; i < METHOD_COUNT; i++) {
        bool changes = i == METHOD_JUNCTION_CREATE || i == METHOD_JUNCTION_DELETE;
        if (!changes || peer_may_change()) {
            capabilities[count++] = method_info((enum method)i)->name;
        }
    }
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        capabilities[count++] = features[i];
    }
    struct hello_result result = {
        .protocol = PROTOCOL_VERSION,
        .server = {name, sizeof name - 1},
        .platform = {(char *)(uintptr_t)platform, strlen(platform)},
        .capabilities = (char **)(uintptr_t)capabilities,
        .capability_count = count,
        .max_line = FRAMING_MAX_LINE,
        .max_waiting = server->config.limits.waitingRequests,
    };
    return hello_result_write(&result);
}

static cJSON *workers(struct server *server, enum work_class class)
{
    struct pool_figures figures = pool_figures(&server->pools[class]);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "threads", figures.threads);
    cJSON_AddNumberToObject(json, "busy", figures.busy);
    cJSON_AddNumberToObject(json, "stuck", figures.stuck);
    cJSON_AddNumberToObject(json, "waiting", figures.waiting);
    cJSON_AddNumberToObject(json, "limit", figures.limit);
    return json;
}

static cJSON *connections(const struct connection *connection)
{
    const struct server *server = connection->server;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "open", server->connection_count);
    cJSON_AddNumberToObject(json, "limit", server->config.limits.connections);
    cJSON_AddNumberToObject(json, "ofYours", connection->identity->connections);
    cJSON_AddNumberToObject(json, "limitPerIdentity", server->config.limits.connectionsPerIdentity);
    cJSON_AddNumberToObject(json, "refused", (double)server->refused);
    return json;
}

static cJSON *requests(struct server *server)
{
    unsigned waiting = 0;
    unsigned running = 0;
    uv_mutex_lock(&server->lock);
    for (const struct connection *at = server->connections; at != NULL; at = at->next) {
        for (const struct item *item = at->first; item != NULL; item = item->next) {
            if (item->state == ITEM_SUBMITTED) {
                running++;
            } else {
                waiting++;
            }
        }
    }
    uv_mutex_unlock(&server->lock);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "served", (double)server->served);
    cJSON_AddNumberToObject(json, "failed", (double)server->failed);
    cJSON_AddNumberToObject(json, "waiting", waiting);
    cJSON_AddNumberToObject(json, "running", running);
    return json;
}

static cJSON *limits(const struct config_limits *values)
{
    size_t count;
    const struct config_limit_info *rows = config_limit_table(&count);
    cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; i < count; i++) {
        cJSON_AddNumberToObject(json, rows[i].name, config_limit_value(values, &rows[i]));
    }
    return json;
}

static cJSON *drives(const struct config *config)
{
    cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; i < config->drive_count; i++) {
        char name[3] = {config->drives[i].letter, ':', '\0'};
        cJSON_AddStringToObject(json, name, config->drives[i].mount);
    }
    return json;
}

static cJSON *status(struct connection *connection)
{
    struct server *server = connection->server;
    cJSON *json = cJSON_CreateObject();
    cJSON *both = cJSON_CreateObject();
    cJSON *memory = cJSON_CreateObject();

    cJSON_AddStringToObject(json, "server", "junctiond");
    cJSON_AddStringToObject(json, "version", JUNCTION_VERSION);
    cJSON_AddStringToObject(json, "platform", process_platform());
    cJSON_AddNumberToObject(json, "pid", uv_os_getpid());
    uint64_t uptime = (uv_hrtime() - server->started) / 1000000000u;
    cJSON_AddNumberToObject(json, "uptimeSeconds", (double)uptime);
    cJSON_AddBoolToObject(json, "privileged", process_is_privileged());
    cJSON_AddStringToObject(json, "identity", connection->identity->key);
    cJSON_AddBoolToObject(json, "mayChange", peer_may_change());
    cJSON_AddItemToObject(json, "connections", connections(connection));
    cJSON_AddItemToObject(json, "requests", requests(server));
    cJSON_AddItemToObject(both, "short", workers(server, WORK_SHORT));
    cJSON_AddItemToObject(both, "long", workers(server, WORK_LONG));
    cJSON_AddItemToObject(json, "workers", both);
    cJSON_AddItemToObject(json, "limits", limits(&server->config.limits));
    cJSON_AddItemToObject(json, "drives", drives(&server->config));
    cJSON_AddNumberToObject(memory, "residentBytes", (double)process_resident());
    cJSON_AddItemToObject(json, "memory", memory);
    return json;
}

cJSON *status_result(struct connection *connection, const struct item *item)
{
    return item->request.method == METHOD_HELLO ? hello(connection->server) : status(connection);
}
