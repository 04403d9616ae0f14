/* The process itself: what it sets up before anything else, and what it is. */
#ifndef JUNCTION_PROCESS_H
#define JUNCTION_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* umask 022, SIGPIPE ignored, descriptors 0..2 open, the limit of open descriptors raised (POSIX);
 * DLL search and UTF-8 (Windows). 0, or -1 with *why. */
int process_prepare(char why[256]);

/* Runs with rights that its callers lack: root, or an elevated token. */
bool process_is_privileged(void);

/* Memory of the process that is in RAM, in bytes; 0 when the system does not tell. */
size_t process_resident(void);

/* "linux" or "windows", and whether system error codes are Win32 codes. */
const char *process_platform(void);
bool process_has_win32_errors(void);

/* Default place of the configuration file. */
const char *process_config_path(void);

/* 0 when only trusted accounts (root or the service's own; SYSTEM and Administrators) can change
 * the file, its directory or replace either by way of the directories above; -1 with *why
 * otherwise. A file that does not exist is -2. */
int process_check_trusted(const char *path, char why[512]);

/* POSIX: the same for a directory and those above it; in a sticky one others may add, but not
 * replace. */
int process_check_directory(const char *path, char why[512]);

/* Ends at once, without waiting for threads that are stuck in the kernel. */
void process_exit_now(int status);

#endif
