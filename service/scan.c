#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../protocol/display.h"
#include "engine/ntfs_list.h"
#include "engine/source.h"
#include "translate.h"

enum scan_exit {
    SCAN_DONE = 0,
    SCAN_USAGE = 2,
    SCAN_REFUSED = 4,
    SCAN_NOT_FOUND = 5,
    SCAN_NO_NTFS = 8,
    SCAN_PART = 11,
    SCAN_FAILED = 12
};

struct scan {
    const char *path;
    uint64_t offset;
    bool text;        /* --format text */
    bool whole;       /* --source scan */
    bool interrupted; /* standard output takes no more */
};

static int complain(const char *what, const char *value)
{
    fprintf(stderr, "junctiond: scan: %s%s%s\n", what, value != NULL ? ": " : "",
            value != NULL ? value : "");
    return SCAN_USAGE;
}

static int parse_offset(const char *text, uint64_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9' || strlen(text) > 18) {
        return -1;
    }
    *out = strtoull(text, &end, 10);
    return *end == '\0' ? 0 : -1;
}

static int parse(int count, char **arguments, struct scan *scan)
{
    bool options = true;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i];
        const char *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (options && strcmp(argument, "--") == 0) {
            options = false;
        } else if (!options || argument[0] != '-') {
            if (scan->path != NULL) {
                return complain("one image or device at a time", argument);
            }
            scan->path = argument;
        } else if (strcmp(argument, "--offset") != 0 && strcmp(argument, "--source") != 0 &&
                   strcmp(argument, "--format") != 0) {
            return complain("unknown argument", argument);
        } else if (value == NULL) {
            return complain("a value is missing behind", argument);
        } else {
            i++;
            if (strcmp(argument, "--offset") == 0) {
                if (parse_offset(value, &scan->offset) != 0) {
                    return complain("--offset takes a number of bytes", value);
                }
            } else if (strcmp(argument, "--source") == 0) {
                if (strcmp(value, "index") != 0 && strcmp(value, "scan") != 0) {
                    return complain("--source takes index or scan", value);
                }
                scan->whole = strcmp(value, "scan") == 0;
            } else {
                if (strcmp(value, "jsonl") != 0 && strcmp(value, "text") != 0) {
                    return complain("--format takes jsonl or text", value);
                }
                scan->text = strcmp(value, "text") == 0;
            }
        }
    }
    return scan->path != NULL ? SCAN_DONE : complain("an image or a device is missing", NULL);
}

/* ---- output ---- */

/* A name from a foreign disk must not steer a terminal. */
static void print_name(const char *bytes, size_t length)
{
    for (size_t i = 0, size; i < length; i += size) {
        int32_t c = display_next(bytes + i, length - i, &size);
        if (c < 0 || (c < 0x80 && display_is_control(c))) {
            printf("\\x%02X", (unsigned)(unsigned char)bytes[i]);
        } else if (display_is_control(c) || display_is_deceptive(c)) {
            printf("\\u{%X}", (unsigned)c);
        } else {
            fwrite(bytes + i, 1, size, stdout);
        }
    }
}

static void print_text(const struct reparse_entry *entry)
{
    if (entry->error.code != ENGINE_OK) {
        fputs("unreadable  ", stdout);
        print_name(entry->path.bytes, entry->path.length);
        printf("  (%s)\n", entry->error.detail);
        return;
    }
    printf("%-11s ", entry_type_name((enum entry_type)entry->type));
    print_name(entry->path.bytes, entry->path.length);
    if (entry->target.bytes != NULL) {
        fputs(" -> ", stdout);
        print_name(entry->target.bytes, entry->target.length);
    } else {
        const char *name = engine_tag_name(entry->tag);
        if (name != NULL) {
            printf("  (%s)", name);
        } else {
            printf("  (tag 0x%08X)", (unsigned)entry->tag);
        }
    }
    puts(entry->malformed ? "  (malformed)" : "");
}

static int on_entry(void *context, struct reparse_entry *entry)
{
    struct scan *scan = context;
    if (scan->text) {
        print_text(entry);
    } else {
        cJSON *tree = translate_entry(entry);
        char *line = tree != NULL ? cJSON_PrintUnformatted(tree) : NULL;
        if (line == NULL || puts(line) < 0) {
            scan->interrupted = true;
        }
        cJSON_free(line);
        cJSON_Delete(tree);
    }
    if (ferror(stdout)) {
        scan->interrupted = true;
    }
    return scan->interrupted ? -1 : 0;
}

/* ---- work ---- */

static int explain(const struct scan *scan, const struct ntfs_source *source, int result)
{
    switch (result) {
    case NTFS_NOT_NTFS:
        fprintf(stderr, "junctiond: scan: %s: there is no NTFS volume at byte %llu\n", scan->path,
                (unsigned long long)scan->offset);
        return SCAN_NO_NTFS;
    case NTFS_IO:
        fprintf(stderr, "junctiond: scan: %s: cannot be read (system error %d)\n", scan->path,
                source->os);
        return SCAN_FAILED;
    case NTFS_NO_MEMORY:
        fprintf(stderr, "junctiond: scan: out of memory\n");
        return SCAN_FAILED;
    case NTFS_STOPPED:
        return SCAN_FAILED;
    default:
        fprintf(stderr, "junctiond: scan: %s: the NTFS volume is damaged%s\n", scan->path,
                scan->whole ? "" : "; --source scan may find what its index does not tell");
        return SCAN_NO_NTFS;
    }
}

static int work(struct scan *scan, struct ntfs_source *source)
{
    struct ntfs_volume volume;
    struct ntfs_hits hits = {0};
    struct ntfs_listed listed = {0};
    const struct engine_list_sink sink = {.entry = on_entry, .context = scan};
    int result = ntfs_volume_open(source, &volume);
    if (result != NTFS_OK) {
        return explain(scan, source, result);
    }
    result = scan->whole ? ntfs_hits_from_scan(&volume, 0, &hits)
                         : ntfs_hits_from_index(&volume, 0, &hits);
    uint64_t bad = hits.bad;
    if (result == NTFS_OK) {
        result = ntfs_list(&volume, &hits, 0, &sink, &listed);
    }
    ntfs_hits_clear(&hits);
    ntfs_volume_close(&volume);
    if (fflush(stdout) != 0 || scan->interrupted) {
        fprintf(stderr, "junctiond: scan: standard output takes no more\n");
        return SCAN_FAILED;
    }
    if (result != NTFS_OK) {
        return explain(scan, source, result);
    }
    fprintf(stderr,
            "junctiond: scan: %llu reparse points (%s), %llu unreadable, %llu damaged %s; "
            "%llu reads, %llu KB\n",
            (unsigned long long)listed.count, scan->whole ? "scan" : "index",
            (unsigned long long)listed.skipped, (unsigned long long)bad,
            scan->whole ? "file records" : "index blocks", (unsigned long long)source->requests,
            (unsigned long long)(source->bytes / 1024));
    return listed.skipped > 0 || bad > 0 ? SCAN_PART : SCAN_DONE;
}

int scan_run(int count, char **arguments)
{
    struct scan scan = {0};
    struct source *source;
    struct engine_error error;
    int status = parse(count, arguments, &scan);
    if (status != SCAN_DONE) {
        return status;
    }
    if (source_open(scan.path, scan.offset, &source, &error) != 0) {
        fprintf(stderr, "junctiond: scan: %s: cannot be opened (system error %d)%s%s\n", scan.path,
                error.os, error.detail[0] != '\0' ? ": " : "", error.detail);
        return error.code == ENGINE_ACCESS_DENIED ? SCAN_REFUSED
               : error.code == ENGINE_NOT_FOUND   ? SCAN_NOT_FOUND
               : error.code == ENGINE_UNSUPPORTED ? SCAN_NO_NTFS
                                                  : SCAN_FAILED;
    }
    status = work(&scan, source_reader(source));
    source_close(source);
    return status;
}
