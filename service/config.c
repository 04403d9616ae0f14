#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "../protocol/guard.h"
#include "process.h"

static const struct config_limit_info limit_table[] = {
#define X(name, low, standard, high, meaning) \
    {#name, low, standard, high, offsetof(struct config_limits, name), meaning},
    CONFIG_LIMITS(X)
#undef X
};
#define LIMIT_COUNT (sizeof limit_table / sizeof limit_table[0])

const struct config_limit_info *config_limit_table(size_t *count)
{
    *count = LIMIT_COUNT;
    return limit_table;
}

static unsigned *limit_place(struct config_limits *limits, const struct config_limit_info *row)
{
    return (unsigned *)(void *)((char *)limits + row->offset);
}

unsigned config_limit_value(const struct config_limits *limits, const struct config_limit_info *row)
{
    return *(const unsigned *)(const void *)((const char *)limits + row->offset);
}

void config_defaults(struct config *config)
{
    memset(config, 0, sizeof *config);
    config->log_level = LOG_INFO;
    for (size_t i = 0; i < LIMIT_COUNT; i++) {
        *limit_place(&config->limits, &limit_table[i]) = limit_table[i].standard;
    }
}

void config_clear(struct config *config)
{
    for (size_t i = 0; i < config->drive_count; i++) {
        free((char *)config->drives[i].mount);
    }
    config->drive_count = 0;
}

static int read_limits(const cJSON *json, struct config_limits *limits, char why[512])
{
    if (!cJSON_IsObject(json)) {
        snprintf(why, 512, "limits: must be an object");
        return -1;
    }
    for (const cJSON *member = json->child; member != NULL; member = member->next) {
        const struct config_limit_info *row = NULL;
        for (size_t i = 0; i < LIMIT_COUNT && row == NULL; i++) {
            if (strcmp(member->string, limit_table[i].name) == 0) {
                row = &limit_table[i];
            }
        }
        if (row == NULL) {
            snprintf(why, 512, "limits.%.100s: there is no such limit", member->string);
            return -1;
        }
        double value = member->valuedouble;
        if (!cJSON_IsNumber(member) || !(value >= row->low && value <= row->high) ||
            value != (double)(unsigned)value) {
            snprintf(why, 512, "limits.%s: must be a whole number from %u to %u", row->name,
                     row->low, row->high);
            return -1;
        }
        *limit_place(limits, row) = (unsigned)value;
    }
    if (limits->shortWorkersPerIdentity >= limits->shortWorkers) {
        snprintf(why, 512,
                 "limits.shortWorkersPerIdentity: must be below shortWorkers, or one account could "
                 "hold up all others");
        return -1;
    }
    if (limits->listsPerIdentity > limits->lists) {
        snprintf(why, 512, "limits.listsPerIdentity: must not be above lists");
        return -1;
    }
    if (limits->connectionsPerIdentity > limits->connections) {
        snprintf(why, 512, "limits.connectionsPerIdentity: must not be above connections");
        return -1;
    }
    return 0;
}

static int read_drives(const cJSON *json, struct config *out, char why[512])
{
    if (!cJSON_IsObject(json)) {
        snprintf(why, 512, "drives: must be an object such as {\"C:\": \"/mnt/windows\"}");
        return -1;
    }
    for (const cJSON *member = json->child; member != NULL; member = member->next) {
        const char *name = member->string;
        char letter = name[0];
        if (letter >= 'a' && letter <= 'z') {
            letter = (char)(letter - 'a' + 'A');
        }
        if (!(letter >= 'A' && letter <= 'Z') || strcmp(name + 1, ":") != 0) {
            snprintf(why, 512, "drives.%.100s: must be a letter and a colon", name);
            return -1;
        }
        for (size_t i = 0; i < out->drive_count; i++) {
            if (out->drives[i].letter == letter) {
                snprintf(why, 512, "drives.%c: is given twice", letter);
                return -1;
            }
        }
        if (!cJSON_IsString(member) || member->valuestring[0] != '/' ||
            strstr(member->valuestring, "/../") != NULL) {
            snprintf(why, 512, "drives.%c: must be the absolute path of a mount point", letter);
            return -1;
        }
        size_t length = strlen(member->valuestring);
        char *mount = malloc(length + 1);
        if (mount == NULL) {
            snprintf(why, 512, "out of memory");
            return -1;
        }
        memcpy(mount, member->valuestring, length + 1);
        while (length > 1 && mount[length - 1] == '/') {
            mount[--length] = '\0';
        }
        out->drives[out->drive_count].letter = letter;
        out->drives[out->drive_count++].mount = mount;
    }
    return 0;
}

int config_parse(const char *text, size_t length, struct config *out, char why[512])
{
    const char *fault = NULL;
    cJSON *json = NULL;

    config_defaults(out);
    json = guard_parse_document(text, length, &fault);
    if (json == NULL) {
        snprintf(why, 512, "not acceptable JSON: %s", fault);
        return -1;
    }
    for (const cJSON *member = json->child; member != NULL; member = member->next) {
        if (strcmp(member->string, "limits") == 0) {
            if (read_limits(member, &out->limits, why) != 0) {
                goto error;
            }
        } else if (strcmp(member->string, "drives") == 0) {
            if (read_drives(member, out, why) != 0) {
                goto error;
            }
        } else if (strcmp(member->string, "logLevel") == 0) {
            int level = cJSON_IsString(member) ? log_level_find(member->valuestring) : -1;
            if (level < 0) {
                snprintf(why, 512, "logLevel: must be error, warning, info or debug");
                goto error;
            }
            out->log_level = (enum log_level)level;
        } else if (strcmp(member->string, "$schema") == 0) {
            if (!cJSON_IsString(member)) {
                snprintf(why, 512, "$schema: must be a string");
                goto error;
            }
        } else {
            snprintf(why, 512, "%.100s: there is no such member", member->string);
            goto error;
        }
    }
    cJSON_Delete(json);
    return 0;

error:
    cJSON_Delete(json);
    config_clear(out);
    return -1;
}

int config_load(const char *path, bool must_exist, struct config *out, char why[512])
{
    char *text = NULL;
    uv_file file = -1;
    uv_fs_t resolved, request;
    int result = -1;

    config_defaults(out);
    /* What is judged is what is opened: the name that is left when all links are followed. */
    int status = uv_fs_realpath(NULL, &resolved, path, NULL);
    if (status == UV_ENOENT && !must_exist) {
        uv_fs_req_cleanup(&resolved);
        return 0;
    }
    if (status != 0) {
        snprintf(why, 512, "cannot be opened: %s", uv_strerror(status));
        goto end;
    }
    if (process_check_trusted(resolved.ptr, why) != 0) {
        goto end;
    }
    /* Not by fopen, which on Windows takes names in the system's code page only. */
    file = uv_fs_open(NULL, &request, resolved.ptr, UV_FS_O_RDONLY, 0, NULL);
    uv_fs_req_cleanup(&request);
    if (file < 0) {
        snprintf(why, 512, "cannot be opened: %s", uv_strerror(file));
        goto end;
    }
    text = malloc(CONFIG_MAX_SIZE + 2);
    if (text == NULL) {
        snprintf(why, 512, "out of memory");
        goto end;
    }
    size_t length = 0;
    while (length <= CONFIG_MAX_SIZE) {
        uv_buf_t rest = uv_buf_init(text + length, (unsigned)(CONFIG_MAX_SIZE + 1 - length));
        int got = uv_fs_read(NULL, &request, file, &rest, 1, -1, NULL);
        uv_fs_req_cleanup(&request);
        if (got < 0) {
            snprintf(why, 512, "cannot be read: %s", uv_strerror(got));
            goto end;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    if (length > CONFIG_MAX_SIZE) {
        snprintf(why, 512, "is longer than %u bytes", (unsigned)CONFIG_MAX_SIZE);
        goto end;
    }
    text[length] = '\0';
    result = config_parse(text, length, out, why);

end:
    uv_fs_req_cleanup(&resolved);
    free(text);
    if (file >= 0) {
        uv_fs_close(NULL, &request, file, NULL);
        uv_fs_req_cleanup(&request);
    }
    return result;
}
