/* A block source for the NTFS reader: a file, a partition in the image of a disk, or a device. */
#ifndef JUNCTION_SOURCE_H
#define JUNCTION_SOURCE_H

#include "engine.h"
#include "ntfs.h"

struct source;

/* Opens a regular file or a block device for reading, with the rights of whoever runs this.
 * `offset`: where the volume begins, in bytes. Windows: a file or `\\.\X:`. -1 with *error. */
int source_open(const char *path, uint64_t offset, struct source **out, struct engine_error *error);
void source_close(struct source *source);

/* What the reader takes; valid until source_close. */
struct ntfs_source *source_reader(struct source *source);

#endif
