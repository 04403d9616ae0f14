/* A mutex and its one condition: what work on the same file waits for each other with. */
#ifndef JUNCTION_MONITOR_H
#define JUNCTION_MONITOR_H

struct monitor;

struct monitor *monitor_new(void); /* NULL: no memory */
void monitor_free(struct monitor *monitor);
void monitor_enter(struct monitor *monitor);
void monitor_leave(struct monitor *monitor);

/* Inside. Waits for monitor_wake_all, but not long: also returns for no reason. */
void monitor_wait(struct monitor *monitor);
void monitor_wake_all(struct monitor *monitor);

#endif
