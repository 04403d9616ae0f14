/* The texts of `junction help` and the pieces that all texts share. */
#ifndef JUNCTION_HELP_H
#define JUNCTION_HELP_H

#define HELP_COMMON                                                                            \
    "Common options:\n"                                                                        \
    "  --format FORMAT    text (for people; control characters in names are escaped),\n"       \
    "                     json (one document, an error too: {\"error\":{...}}),\n"             \
    "                     jsonl (one object a line, results only), csv (raw data, RFC 4180)\n" \
    "  --pipe NAME        the service's pipe or socket: a path, or a short name\n"             \
    "  --timeout SECONDS  for connecting and the first answer; 30 unless given, 0: no limit\n" \
    "  -q, --quiet        no summaries, no reports of unreadable places, no \"created\"\n"     \
    "  --no-progress      no progress line, even at a terminal\n"                              \
    "  --version          print the version\n"                                                 \
    "  -h, --help         print this text\n"                                                   \
    "  --                 what follows is a name, even if it begins with '-'\n"                \
    "\n"                                                                                       \
    "Results go to standard output, everything else to standard error.\n"

#define HELP_EXIT_CODES                                                           \
    "Exit codes:\n"                                                               \
    "   0  done\n"                                                                \
    "   1  a negative finding: no reparse point; a bad target found by --check\n" \
    "   2  wrong usage\n"                                                         \
    "   3  no service\n"                                                          \
    "   4  refused\n"                                                             \
    "   5  not found\n"                                                           \
    "   6  conflict: exists, not empty, changed, not a junction\n"                \
    "   7  invalid path or target\n"                                              \
    "   8  the file system cannot do it\n"                                        \
    "   9  timed out, cancelled, or the outcome is unknown\n"                     \
    "  10  a service that cannot be trusted; nothing was sent to it\n"            \
    "  11  done in part: some places could not be read\n"                         \
    "  12  anything else\n"

/* What `junction help` and `junction --help` print. */
extern const char help_general[];

/* What the classic grammar prints when it is not understood; a line a string, NULL at the end. */
extern const char *const help_classic[];

/* Text of the five-line banner of the classic grammar, lines 2 to 4. */
extern const char *const help_banner[3];

#endif
