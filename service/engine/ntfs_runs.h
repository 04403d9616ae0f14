/* Which clusters hold the content of an attribute: mapping pairs, decoded. */
#ifndef JUNCTION_NTFS_RUNS_H
#define JUNCTION_NTFS_RUNS_H

#include "ntfs.h"

struct ntfs_run {
    uint64_t vcn, lcn;
    uint64_t length; /* clusters; > 0 */
};

/* In order of VCN, without gaps from VCN 0 on. Zeroed at first; ntfs_runs_clear. */
struct ntfs_runs {
    struct ntfs_run *run;
    size_t count, capacity;
};

/* Appends what the mapping pairs of a piece say, which must go on at `lowest` where the last piece
 * ended. No run leaves the volume of `clusters` clusters, and none is a hole: NTFS keeps nothing
 * sparse of what is read here, and a hole would let a few forged bytes stand for any length.
 * NTFS_OK, NTFS_CORRUPT, NTFS_NO_MEMORY; when it fails the runs are as before. */
int ntfs_runs_add(struct ntfs_runs *runs, uint64_t lowest, const uint8_t *pairs, size_t length,
                  uint64_t clusters);

/* The run that holds the cluster; NULL beyond the end. */
const struct ntfs_run *ntfs_runs_find(const struct ntfs_runs *runs, uint64_t vcn);

/* True when no cluster of the volume holds two parts of the content. Only a forged volume has such
 * runs: with them a small one could keep a reader busy for as long as it likes. */
bool ntfs_runs_are_apart(const struct ntfs_runs *runs, bool *no_memory);

/* The VCN behind the last one. */
uint64_t ntfs_runs_end(const struct ntfs_runs *runs);

void ntfs_runs_clear(struct ntfs_runs *runs);

#endif
