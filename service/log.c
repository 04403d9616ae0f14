#include "log.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "../protocol/utf.h"

#define LINE_SIZE 8192

static const char *const level_names[] = {"error", "warning", "info", "debug"};

int log_level_find(const char *name)
{
    for (int i = 0; i <= LOG_DEBUG; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

struct line {
    char bytes[LINE_SIZE];
    size_t length;
    bool full;
};

/* Room for the closing "}\n" is always kept. */
static void put(struct line *line, const char *bytes, size_t length)
{
    if (line->full || length > sizeof line->bytes - 4 - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->bytes + line->length, bytes, length);
    line->length += length;
}

static void put_string(struct line *line, const char *text)
{
    size_t length = strlen(text);
    bool valid = utf8_is_valid(text, length);
    put(line, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char escaped[8];
        if (c == '"' || c == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)c;
            put(line, escaped, 2);
        } else if (c < 0x20 || c == 0x7f || (c >= 0x80 && !valid)) {
            /* Bytes that are no UTF-8 appear as the Latin-1 character of the same number: the line
             * stays JSON. */
            int n = snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put(line, escaped, (size_t)n);
        } else {
            put(line, text + i, 1);
        }
    }
    put(line, "\"", 1);
}

static void put_time(struct line *line)
{
    uv_timeval64_t now;
    char text[64];
    if (uv_gettimeofday(&now) != 0) {
        return;
    }
    int64_t days = now.tv_sec / 86400;
    int64_t rest = now.tv_sec % 86400;
    /* Civil date from days since 1970 (proleptic Gregorian, eras of 400 years). */
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t mp = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * mp + 2) / 5 + 1;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    int n = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year,
                     (int)month, (int)day, (int)(rest / 3600), (int)(rest / 60 % 60),
                     (int)(rest % 60), (int)(now.tv_usec / 1000));
    if (n > 0 && (size_t)n < sizeof text) {
        put(line, "{\"time\":\"", 9);
        put(line, text, (size_t)n);
        put(line, "\",", 2);
    }
}

bool log_wants(const struct log *log, enum log_level level)
{
    return log->sink != NULL || (log->descriptor >= 0 && level <= log->level);
}

void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields)
{
    struct line line;
    if (log->sink != NULL) {
        log->sink->write(log->sink->context, level, event, fields);
    }
    if (log->descriptor < 0 || level > log->level) {
        return;
    }
    line.length = 0;
    line.full = false;
    put_time(&line);
    put(&line, "\"level\":", 8);
    put_string(&line, level_names[level]);
    put(&line, ",\"event\":", 9);
    put_string(&line, event);
    for (; fields->name != NULL; fields++) {
        size_t before = line.length;
        put(&line, ",", 1);
        put_string(&line, fields->name);
        put(&line, ":", 1);
        if (fields->text != NULL) {
            put_string(&line, fields->text);
        } else {
            char number[24];
            int n = snprintf(number, sizeof number, "%lld", (long long)fields->number);
            put(&line, number, (size_t)n);
        }
        if (line.full) {
            line.length = before;
            break;
        }
    }
    memcpy(line.bytes + line.length, "}\n", 2);
    line.length += 2;

    /* One write: lines of several threads never mix. A log that cannot be written must not stop the
     * service. */
    uv_buf_t buffer = uv_buf_init(line.bytes, (unsigned)line.length);
    uv_fs_t request;
    (void)uv_fs_write(NULL, &request, log->descriptor, &buffer, 1, -1, NULL);
    uv_fs_req_cleanup(&request);
}
