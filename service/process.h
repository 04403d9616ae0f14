/* The process itself: what it sets up before anything else, and what it is. */
#ifndef JUNCTION_PROCESS_H
#define JUNCTION_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

/* The first thing of all, whatever the process is to do: descriptors 0 to 2 are open, so that
 * nothing else can become standard error; on Windows DLLs come from the system only, and what the
 * system offers against misuse of the process is switched on. 0, or -1 with *why. */
int process_harden(char why[256]);

/* Before callers are served: umask 022, SIGPIPE ignored, the limit of open descriptors raised
 * (POSIX); UTF-8, no message boxes, and everything loaded that is later used while a thread is
 * somebody else (Windows). 0, or -1 with *why. */
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

/* The same for a directory and those above it; POSIX: in a sticky one others may add, but not
 * replace. */
int process_check_directory(const char *path, char why[512]);

/* Ends at once, without waiting for threads that are stuck in the kernel. */
void process_exit_now(int status);

#endif
