/* The methods and their parameters: one line from the wire becomes one typed request, and back.
 *
 * openrpc.json describes the same; a test holds the two together. */
#ifndef JUNCTION_REQUEST_H
#define JUNCTION_REQUEST_H

#include "message.h"

#define PROTOCOL_VERSION 1

enum method {
    METHOD_HELLO,
    METHOD_SERVICE_STATUS,
    METHOD_JUNCTION_CREATE,
    METHOD_JUNCTION_DELETE,
    METHOD_REPARSE_SHOW,
    METHOD_REPARSE_LIST,
    METHOD_CANCEL, /* the only notification a client may send */
    METHOD_COUNT
};

struct method_info {
    enum method method;
    const char *name;
    bool notification;
};
const struct method_info *method_info(enum method method); /* never NULL for a valid method */

/* The names of a method's parameters, one by one; NULL after the last. *has_utf16 tells whether
 * `nameUtf16` may stand in its place. */
const char *request_parameter(enum method method, size_t index, bool *has_utf16);

enum list_source { LIST_SOURCE_AUTO, LIST_SOURCE_WALK, LIST_SOURCE_INDEX, LIST_SOURCE_SCAN };
const char *list_source_name(enum list_source source);

/* Types of reparse points as `type` and `types` name them, in this order. */
enum entry_type {
    ENTRY_JUNCTION,
    ENTRY_MOUNT_POINT,
    ENTRY_SYMLINK,
    ENTRY_WSL_SYMLINK,
    ENTRY_WSL_SPECIAL, /* WSL's sockets, FIFOs and devices */
    ENTRY_APP_EXEC_LINK,
    ENTRY_CLOUD,
    ENTRY_OTHER, /* a tag that has a name and no special meaning here */
    ENTRY_UNKNOWN,
    ENTRY_TYPE_COUNT
};
const char *entry_type_name(enum entry_type type); /* "junction", "mountPoint", ... */
int entry_type_find(const char *name);             /* -1: no such type */

struct hello_params {
    int protocol;       /* 1 when not given */
    struct text client; /* free text, at most 128 bytes */
};
struct create_params {
    struct text link, target;
    char drive; /* 'A'..'Z', or 0 when not given */
    bool replace, parents, must_exist, dry_run;
    struct text expected_target; /* absent when not given */
};
struct delete_params {
    struct text link, expected_target;
    bool keep_directory, dry_run;
};
struct show_params {
    struct text path;
    bool check;
};
struct list_params {
    struct text path;
    bool recurse, volume, verify, check;
    unsigned types; /* bit 1u << enum entry_type; 0 means all */
    enum list_source source;
};
struct cancel_params {
    struct message_id id;
};

struct request {
    enum method method;
    struct message_id id; /* NONE for `cancel` */
    union {
        struct hello_params hello;
        struct create_params create;
        struct delete_params delete;
        struct show_params show;
        struct list_params list;
        struct cancel_params cancel;
    } params;
};

/* Longest path or target that is accepted, in UTF-16 units (NTFS' own limit). */
#define REQUEST_MAX_PATH_UNITS 32767

/* One line (NUL at line[length]) into a request. 0: *out is filled and owned. -1: *error says why
 * and *id is what the answer must carry (NONE when the id itself could not be read). Every path and
 * target is checked to be non-empty, without NUL and not longer than REQUEST_MAX_PATH_UNITS
 * (INVALID_PATH, INVALID_TARGET, TARGET_TOO_LONG); nothing else about them is judged here. After -1
 * *out holds nothing to clear. */
int request_read(const char *line, size_t length, struct request *out, struct message_id *id,
                 struct message_error *error);
/* The line for a request; members at their default are left out. A name that is no valid Unicode
 * goes out as XUtf16 alone. NULL when memory is out, and for a name that is no WTF-8
 * (wtf8_is_valid): JSON cannot carry it, and what it could carry is another name. */
char *request_write(const struct request *request, size_t *length);
void request_clear(struct request *request);

#endif
