/* What only Windows has: the directory of the service, and who may change it. */
#ifndef JUNCTION_PROCESS_WIN_H
#define JUNCTION_PROCESS_WIN_H

#include <windows.h>

#include <stdbool.h>
#include <wchar.h>

/* Of a file or directory called `name`: whether only trusted accounts may change it (`strict`), or,
 * if it is one above, replace what it holds. 0, or -1 with *why. */
int process_judge(PSECURITY_DESCRIPTOR descriptor, const wchar_t *name, bool strict, char why[512]);

/* %ProgramData%\\Junction, asked of the system and not of the environment; never NULL. */
const wchar_t *process_data_path(void);

/* Makes that directory, with full access for SYSTEM and Administrators and nobody else; one that is
 * there must be a plain directory that only trusted accounts can change, as must those above it.
 * 0; 1 when this host keeps no owners, so that nothing could be judged (with *why); -1 with *why,
 * and then nothing was made. */
int process_data_make(bool *made, char why[512]);

/* Removes it when it is empty: 0 gone (or never there), 1 there is something in it, -1 with *why.
 */
int process_data_remove(char why[512]);

#endif
