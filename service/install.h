/* The service as the service control manager of Windows knows it: registered, started, stopped,
 * removed. Each says on standard output what was done, on standard error what went wrong, and
 * returns the exit status of the process: 0 done (also when there was nothing to do), 1 failed, 2
 * not on this system. */
#ifndef JUNCTION_INSTALL_H
#define JUNCTION_INSTALL_H

#include <stdbool.h>

/* Registers this very program, its event source and its data directory, or brings an older
 * registration up to date. A failure leaves things as they were. With `start` it also runs
 * afterwards, restarted if it did: that it does not start is a failure, but leaves it registered.
 */
int install_add(bool start);

/* Stops it, and removes what install_add made; the data directory only when it is empty. */
int install_remove(void);

/* Until it runs, or is told not to. */
int install_start(void);
int install_stop(void);

/* 0 running, 3 installed and not running, 4 not installed; 1 and 2 as above. */
int install_status(bool json);

#endif
