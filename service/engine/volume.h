/* Mounted volumes: what /proc/self/mountinfo says, and what may be done on each (Linux).
 *
 * The table is read with the service's own rights and read again only when the kernel says that it
 * changed. Nothing here touches the mounted file systems themselves, except volume_probe. */
#ifndef JUNCTION_VOLUME_H
#define JUNCTION_VOLUME_H

#include "engine.h"

struct volume_table;

/* One mount, copied out of the table. */
struct volume {
    int mount;       /* mount id */
    uint64_t device; /* st_dev of what lies on it */
    char *point;     /* where it is mounted; without a trailing `/` except for "/" itself */
    char *root; /* which directory of the volume is mounted there, "/" unless it is a bind mount */
    bool fuse, ntfs3, read_only;
    uint64_t owner; /* FUSE: the uid that mounted it */
};
void volume_clear(struct volume *volume);

int volume_table_open(const struct engine_options *options, struct volume_table **out,
                      struct engine_error *error);
void volume_table_close(struct volume_table *table);

/* All lookups: 1 found (*out owned), 0 there is none, -1 with *error. */
int volume_find_mount(struct volume_table *table, int mount, struct volume *out,
                      struct engine_error *error);
/* The mount that an absolute, normalised path lies on by its letters alone. */
int volume_find_path(struct volume_table *table, const char *path, struct volume *out,
                     struct engine_error *error);
/* The mount of a device that shows the most of it: its root if that is mounted anywhere. */
int volume_find_device(struct volume_table *table, uint64_t device, struct volume *out,
                       struct engine_error *error);
/* The mount that the configuration gives this letter, when it is mounted now. */
int volume_find_letter(struct volume_table *table, char letter, struct volume *out,
                       struct engine_error *error);

bool volume_letter_is_configured(const struct volume_table *table, char letter);
/* The configured letter of a device, 0 when it has none. */
char volume_letter(struct volume_table *table, uint64_t device);

/* What was judged of a path: the last mount that it leads through by its letters. */
struct volume_guarded {
    uint64_t device; /* 0: none */
    int mount;
    size_t length; /* of the part of the path that is the mount's point; 0: it is the root */
};

/* To be asked before a path is given to the kernel: every mount that it leads through by its
 * letters must be one whose server can be trusted to answer (UNTRUSTED_VOLUME) and does answer
 * (VOLUME_NOT_RESPONDING). Sets *last also when it refuses. */
int volume_guard(struct volume_table *table, const char *path, struct volume_guarded *last,
                 struct engine_error *error);

/* The same for one mount that is known. */
int volume_judge(struct volume_table *table, const struct volume *volume,
                 struct engine_error *error);

/* Does the volume keep reparse points? `directory` is any pinned directory on it; asked once for
 * each mount. UNSUPPORTED_FILE_SYSTEM, NTFS3_DRIVER, VOLUME_GONE. */
int volume_probe(struct volume_table *table, const struct volume *volume, int directory,
                 struct engine_error *error);

bool volume_is_mount_point(struct volume_table *table, const char *path);

void volume_stuck(struct volume_table *table, uint64_t device, bool stuck);

/* The length of the part of `path` that is `prefix`, when path is prefix itself or lies below it;
 * SIZE_MAX otherwise. */
size_t volume_prefix(const char *prefix, const char *path);

#endif
