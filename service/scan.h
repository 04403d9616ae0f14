/* `junctiond scan`: the NTFS reader as a program. No service: it works with the rights of whoever
 * runs it, on an image, a partition in one, or a device that he may read. */
#ifndef JUNCTION_SCAN_H
#define JUNCTION_SCAN_H

/* Arguments behind `scan`. Returns the exit status: 0 done, 2 usage, 4 refused, 5 not found, 8 no
 * NTFS volume, 11 done in part, 12 anything else. */
int scan_run(int count, char **arguments);

#endif
