#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work.h"

struct source {
    int file;
    uint64_t offset;
    struct ntfs_source reader;
};

static int source_read(void *context, uint64_t offset, void *buffer, size_t length)
{
    const struct source *source = context;
    char *to = buffer;
    if (offset > (uint64_t)INT64_MAX - source->offset - length)
        return EINVAL;
    offset += source->offset;
    while (length > 0) {
        ssize_t got = pread(source->file, to, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? errno : ENODATA; /* a source that ends too early */
        to += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return 0;
}

static void source_ahead(void *context, uint64_t offset, uint64_t length)
{
    const struct source *source = context;
    if (offset > (uint64_t)INT64_MAX - source->offset - length)
        return;
    (void)posix_fadvise(source->file, (off_t)(offset + source->offset), (off_t)length,
                        POSIX_FADV_WILLNEED);
}

int source_open(const char *path, uint64_t offset, struct source **out, struct engine_error *error)
{
    struct stat stat;
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return work_fail(error, ENGINE_OUT_OF_MEMORY, 0, NULL);
    /* Not blocking: a FIFO must not keep anybody waiting. */
    source->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (source->file < 0) {
        int os = errno;
        free(source);
        return work_fail(error,
                         os == EACCES || os == EPERM     ? ENGINE_ACCESS_DENIED
                         : os == ENOENT || os == ENOTDIR ? ENGINE_NOT_FOUND
                                                         : ENGINE_IO_ERROR,
                         os, NULL);
    }
    if (fstat(source->file, &stat) != 0 || (!S_ISREG(stat.st_mode) && !S_ISBLK(stat.st_mode))) {
        close(source->file);
        free(source);
        return work_fail(error, ENGINE_UNSUPPORTED, 0, "it is neither a file nor a block device");
    }
    off_t end = lseek(source->file, 0, SEEK_END); /* of a device, too */
    uint64_t size = end > 0 ? (uint64_t)end : 0;
    source->offset = offset;
    /* Reads are small and far apart; what is wanted beforehand is told by source_ahead. */
    (void)posix_fadvise(source->file, 0, 0, POSIX_FADV_RANDOM);
    source->reader = (struct ntfs_source){.read = source_read,
                                          .ahead = source_ahead,
                                          .context = source,
                                          .size = size > offset ? size - offset : 0};
    *out = source;
    return 0;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    close(source->file);
    free(source);
}

struct ntfs_source *source_reader(struct source *source)
{
    return &source->reader;
}
