/* The command line of either program as WTF-8 (utf.h): on Windows the system's own is UTF-16, and
 * what `main` is given has lost the names that the code page lacks. */
#ifndef JUNCTION_ARGUMENTS_H
#define JUNCTION_ARGUMENTS_H

/* To be called first, once. Replaces the arguments where the system's are wide. Returns 0, or -1
 * when memory is out. What it allocates lives as long as the process. */
int arguments_prepare(int *count, char ***arguments);

#endif
