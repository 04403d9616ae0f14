/* The one table of errors: number on the wire, name for programs, exit code of the client, short
 * text.
 *
 * Numbers below zero are JSON-RPC's own. Ours are grouped so that each area can grow:
 * 1000 service, 1100 identity and authority, 1200 names and targets, 1300 what is on the disk, 1400
 * volumes. */
#ifndef JUNCTION_ERRORS_H
#define JUNCTION_ERRORS_H

#include <stddef.h>

/* Exit codes of the client's subcommands. */
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FINDING = 1,
    EXIT_USAGE = 2,
    EXIT_NO_SERVICE = 3,
    EXIT_REFUSED = 4,
    EXIT_NOT_FOUND = 5,
    EXIT_CONFLICT = 6,
    EXIT_INVALID_NAME = 7,
    EXIT_FILE_SYSTEM = 8,
    EXIT_UNFINISHED = 9,
    EXIT_UNTRUSTED_SERVICE = 10,
    EXIT_PARTIAL = 11,
    EXIT_OTHER = 12
};

/* X(NAME, number, exit code, text) */
#define ERROR_TABLE(X)                                                                             \
    X(PARSE_ERROR, -32700, EXIT_OTHER, "the line is not acceptable JSON")                          \
    X(INVALID_REQUEST, -32600, EXIT_OTHER, "the message is not a valid request")                   \
    X(METHOD_NOT_FOUND, -32601, EXIT_OTHER, "the service has no such method")                      \
    X(INVALID_PARAMS, -32602, EXIT_OTHER, "the parameters do not fit the method")                  \
    X(INTERNAL_ERROR, -32603, EXIT_OTHER, "the service failed inside")                             \
    X(BUSY, 1000, EXIT_OTHER, "too much work is waiting; try again later")                         \
    X(CANCELLED, 1001, EXIT_UNFINISHED, "the request was cancelled")                               \
    X(TIMED_OUT, 1002, EXIT_UNFINISHED, "the time allowed for this passed")                        \
    X(OUTCOME_UNKNOWN, 1003, EXIT_UNFINISHED,                                                      \
      "the change was begun and its end was not seen; look at the link before trying again")       \
    X(TOO_MANY_CONNECTIONS, 1004, EXIT_OTHER, "too many connections")                              \
    X(MESSAGE_TOO_LARGE, 1005, EXIT_OTHER, "a line is longer than the limit")                      \
    X(STOPPING, 1006, EXIT_NO_SERVICE, "the service is stopping")                                  \
    X(UNSUPPORTED, 1007, EXIT_OTHER, "this service does not do that")                              \
    X(OUT_OF_MEMORY, 1008, EXIT_OTHER, "out of memory")                                            \
    X(ACCESS_DENIED, 1100, EXIT_REFUSED, "access denied")                                          \
    X(IDENTITY_LEVEL, 1101, EXIT_REFUSED,                                                          \
      "the caller connected below the Impersonation level, so the service cannot act as the "      \
      "caller")                                                                                    \
    X(IDENTITY_REFUSED, 1102, EXIT_REFUSED, "the service does not serve this account")             \
    X(INVALID_PATH, 1200, EXIT_INVALID_NAME, "the path is not one that can be used here")          \
    X(INVALID_TARGET, 1201, EXIT_INVALID_NAME, "the target is not one that a junction can have")   \
    X(NO_DRIVE_LETTER, 1202, EXIT_INVALID_NAME,                                                    \
      "no drive letter is known for the target's volume")                                          \
    X(TARGET_TOO_LONG, 1203, EXIT_INVALID_NAME, "the target does not fit into a reparse point")    \
    X(OTHER_VOLUME, 1204, EXIT_INVALID_NAME, "the target is on another volume than the link")      \
    X(VOLUME_ROOT, 1205, EXIT_INVALID_NAME, "the root of a volume cannot be a link")               \
    X(NOT_FOUND, 1300, EXIT_NOT_FOUND, "no such file or directory")                                \
    X(PARENT_NOT_FOUND, 1301, EXIT_NOT_FOUND, "the directory that would hold the link is missing") \
    X(TARGET_NOT_FOUND, 1302, EXIT_NOT_FOUND, "the target does not lead to a directory")           \
    X(ALREADY_EXISTS, 1303, EXIT_CONFLICT, "a junction with another target is already there")      \
    X(NOT_EMPTY, 1304, EXIT_CONFLICT, "the directory is not empty")                                \
    X(NOT_A_DIRECTORY, 1305, EXIT_CONFLICT, "not a directory")                                     \
    X(NOT_A_REPARSE_POINT, 1306, EXIT_FINDING, "not a reparse point")                              \
    X(NOT_A_JUNCTION, 1307, EXIT_CONFLICT, "not a junction")                                       \
    X(TARGET_CHANGED, 1308, EXIT_CONFLICT, "the target is not the expected one")                   \
    X(CHANGED_MEANWHILE, 1309, EXIT_CONFLICT, "somebody else changed the link at the same time")   \
    X(IN_USE, 1310, EXIT_CONFLICT, "in use by another program")                                    \
    X(UNSUPPORTED_FILE_SYSTEM, 1400, EXIT_FILE_SYSTEM, "the file system has no reparse points")    \
    X(NTFS3_DRIVER, 1401, EXIT_FILE_SYSTEM,                                                        \
      "the kernel's ntfs3 driver does not give access to reparse points: mount it with ntfs-3g")   \
    X(READ_ONLY, 1402, EXIT_FILE_SYSTEM, "the volume is mounted read-only")                        \
    X(VOLUME_FULL, 1403, EXIT_FILE_SYSTEM, "the volume is full")                                   \
    X(VOLUME_NOT_RESPONDING, 1404, EXIT_UNFINISHED, "the volume does not answer")                  \
    X(VOLUME_GONE, 1405, EXIT_FILE_SYSTEM, "the volume went away")                                 \
    X(UNTRUSTED_VOLUME, 1406, EXIT_REFUSED,                                                        \
      "the volume was mounted by an account that is not trusted")                                  \
    X(UNTRUSTED_MOUNT_POINT, 1407, EXIT_REFUSED, "the path crosses an untrusted mount point")      \
    X(TOO_MANY_LINKS, 1408, EXIT_INVALID_NAME, "the path passes too many links")                   \
    X(IO_ERROR, 1409, EXIT_OTHER, "the volume answered with an error")

enum error_code {
    JERR_NONE = 0,
#define X(name, number, exit, text) JERR_##name = (number),
    ERROR_TABLE(X)
#undef X
};

struct error_info {
    int code;
    const char *name;
    enum exit_code exit;
    const char *text;
};

/* The row of a code, or NULL for a number that this version does not know. */
const struct error_info *error_find(int code);

/* The row of a NAME, or NULL. */
const struct error_info *error_find_name(const char *name);

/* All rows, for tests and documentation. */
const struct error_info *error_all(size_t *count);

#endif
