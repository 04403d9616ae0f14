/* The lexical rules for Windows names, the same on every platform. Pure: nothing here looks at a
 * disk. WTF-8 throughout. */
#ifndef JUNCTION_NAMES_H
#define JUNCTION_NAMES_H

#include "engine.h"

enum names_result {
    NAMES_OK = 0,
    NAMES_NO_MEMORY = -1,
    NAMES_INVALID = -2, /* `why` says in words what is wrong */
    NAMES_TOO_LONG = -3
};

/* May a *new* directory entry have this name (one component)? Refused: empty, `.`, `..`, more than
 * 255 units, characters below 0x20 or one of
 * `<>:"/\|?*`, a trailing dot or space, DOS device names (CON, PRN, AUX, NUL, COM1-9, LPT1-9, also
 * with superscript digits and with an extension, CONIN$, CONOUT$). Lone surrogates are allowed:
 * NTFS allows them. *why: constant text. */
int names_check_new(const char *name, size_t length, const char **why);

/* Could NTFS hold this name (one component)? What an existing entry may be called: 1..255 units, no
 * `/`, `\` or NUL. */
bool names_can_exist(const char *name, size_t length);

/* The two names of a junction from what a user wrote as its target, a Windows path: `X:\dir`,
 * `X:/dir`, `X:\`, `\\?\X:\dir`, `\??\X:\dir` (as other tools print it),
 * `\\?\Volume{guid}\dir`. Refused: UNC (also `\\?\UNC\`), devices (`\\.\`, GLOBALROOT,
 * HarddiskVolume...), relative (`dir`, `X:dir`, `\dir`), the bare `\\?\Volume{guid}\` (that is a
 * volume mount point), `.` and `..` components, characters NTFS cannot hold, streams (`:` after the
 * drive), components over 255 units, trailing dots or spaces and DOS device names of components
 * unless written behind `\\?\` (or `\??\`). The spelling of the root is made one: `Volume{` and a
 * GUID in lower case.
 * `/` becomes `\`, repeated separators become one, a trailing `\` goes except at a volume's root;
 * the drive letter becomes upper case. On success both texts are owned by the caller. TOO_LONG: the
 * buffer would pass 16384 bytes or the path 32767 units. */
int names_junction(const char *target, size_t length, struct text *substitute_name,
                   struct text *print_name, const char **why);

/* Win32 form of an NT name as stored in a substitute name (see struct reparse_data.target); any
 * other `\??\name` becomes `\\?\name`, and what does not begin with `\??\` stays as it is. UTF_OK
 * or UTF_NO_MEMORY. */
int names_win32(const struct text *substitute_name, struct text *out);

/* Substitute names equal: as NTFS compares, a trailing `\` aside. Absent texts equal nothing. */
bool names_same_target(const struct text *a, const struct text *b);

/* Where a substitute name leads. */
enum names_place {
    NAMES_DRIVE,  /* `\??\X:\...`: *letter, and *rest points behind `X:` (at `\` or at the end) */
    NAMES_VOLUME, /* `\??\Volume{guid}\...`: *rest points behind `}` */
    NAMES_REMOTE, /* `\??\UNC\...` or `\\server\...` */
    NAMES_OTHER   /* anything else: leads nowhere */
};
enum names_place names_place(const struct text *substitute_name, char *letter, const char **rest);

#endif
