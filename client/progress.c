#include "progress.h"

#include <stdio.h>
#include <string.h>

#define INTERVAL_NS 100000000u

void progress_init(struct progress *progress, struct stream *err, bool wanted)
{
    memset(progress, 0, sizeof *progress);
    if (wanted && err->interactive)
        progress->err = err;
}

void progress_show(struct progress *progress, uint64_t now, uint64_t directories, uint64_t entries)
{
    char text[80];
    unsigned columns;
    int length;

    if (!progress->err)
        return;
    if (progress->shown_at == 0)
        progress->shown_at = now; /* a list that is done at once shows none */
    if (now - progress->shown_at < INTERVAL_NS)
        return;
    progress->shown_at = now;
    length = snprintf(text, sizeof text, "%llu directories, %llu reparse points",
                      (unsigned long long)directories, (unsigned long long)entries);
    columns = terminal_width(progress->err->standard);
    if (length < 0)
        return;
    if ((unsigned)length >= columns) /* a line that wraps cannot be taken back */
        length = (int)columns - 1;
    progress_hide(progress);
    stream_put(progress->err, text, (size_t)length);
    (void)stream_flush(progress->err);
    progress->width = (unsigned)length;
}

void progress_hide(struct progress *progress)
{
    if (!progress->err || progress->width == 0)
        return;
    /* Blanks rather than an escape sequence: old consoles know none. */
    stream_format(progress->err, "\r%*s\r", (int)progress->width, "");
    (void)stream_flush(progress->err);
    progress->width = 0;
}
