/* What the service answers, typed on both sides: results, entries and the notifications of a list.
 *
 * *_write builds a cJSON tree (NULL when memory is out); *_read fills a struct from one, ignores
 * what it does not know, and answers -1 when what is required is missing or of the wrong kind. What
 * a *_read fills is owned and freed by *_clear. */
#ifndef JUNCTION_ANSWER_H
#define JUNCTION_ANSWER_H

#include "request.h"

/* One reparse point, or one place that could not be read (error.code != 0; then only path and error
 * count). */
struct entry {
    struct text path;
    bool directory;   /* kind: directory or file */
    struct text type; /* entry_type_name(), or what a newer service says */
    uint32_t tag;
    struct text tag_name; /* "IO_REPARSE_TAG_MOUNT_POINT"; absent when unknown */
    struct text target;   /* from the substitute name; absent where the tag has none */
    struct text substitute_name, print_name;
    uint64_t file_id;  /* 0: not known */
    uint64_t created;  /* 100 ns since 1601-01-01 UTC; 0: not known. On the wire RFC 3339 with 7
                          decimals */
    int relative;      /* symlinks: 0 or 1; -1: does not apply */
    struct text state; /* ok, dangling, notDirectory, loop, inaccessible, remote, unknownVolume;
                          absent: not checked */
    bool malformed;
    struct message_error error;
};
cJSON *entry_write(const struct entry *entry);
int entry_read(const cJSON *json, struct entry *out);
void entry_clear(struct entry *entry);

/* FILETIME <-> "2026-01-02T03:04:05.1234567Z". Reading takes 0 to 7 decimals and refuses what is no
 * date, is before 1601 or does not fit. */
#define ANSWER_TIME_SIZE 48
void answer_time_format(uint64_t filetime, char out[ANSWER_TIME_SIZE]);
int answer_time_parse(const char *text, uint64_t *filetime); /* 0, or -1 */

struct hello_result {
    int protocol;
    struct text server, platform; /* "junctiond 0.1.0"; "linux" or "windows" */
    char **capabilities;          /* method names and features; capability_count of them */
    size_t capability_count;
    unsigned max_line,
        max_waiting; /* limits: bytes a line; requests that may wait on a connection */
};
cJSON *hello_result_write(const struct hello_result *result);
int hello_result_read(const cJSON *json, struct hello_result *out);
void hello_result_clear(struct hello_result *result);

struct create_result {
    struct text link, target, substitute_name, print_name;
    uint64_t file_id;            /* 0 on a dry run that would make the directory */
    struct text outcome;         /* created, converted, replaced, unchanged */
    struct text previous_target; /* of a replaced link */
    bool dry_run;
};
cJSON *create_result_write(const struct create_result *result);
int create_result_read(const cJSON *json, struct create_result *out);
void create_result_clear(struct create_result *result);

struct delete_result {
    struct text link, target;
    uint64_t file_id;
    struct text outcome; /* deleted, or cleared with keepDirectory */
    bool dry_run;
};
cJSON *delete_result_write(const struct delete_result *result);
int delete_result_read(const cJSON *json, struct delete_result *out);
void delete_result_clear(struct delete_result *result);

/* service.status stays a tree on both sides: a list of figures that grows, which the client prints
 * as it comes. */

/* reparse.entries {id, seq, entries}: takes the array. */
cJSON *entries_write(const struct message_id *id, uint64_t seq, cJSON *entries);
/* progress {id, directories, entries} */
cJSON *progress_write(const struct message_id *id, uint64_t directories, uint64_t entries);
int progress_read(const cJSON *json, uint64_t *directories, uint64_t *entries);

struct list_result {
    uint64_t count, directories, skipped, elapsed_ms;
    struct text source; /* walk, index, scan */
    bool truncated;
};
cJSON *list_result_write(const struct list_result *result);
int list_result_read(const cJSON *json, struct list_result *out);
void list_result_clear(struct list_result *result);

#endif
