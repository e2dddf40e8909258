/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Room: may new mail be taken, and the preallocated file whose room is for outcomes and
 * removals alone, so that "delivered" can be written when the disk is full.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "spool/inside.h"

#include "base/banned.h"

enum { RESERVE_PIECE = 64 * 1024, RESERVE_INTERVAL = 10 * 1000 };

static const char reserve_name[] = "input/reserve";

static bool
reserve_is_full(const struct spool *spool)
{
    const struct disk *disk = &spool->disk;
    int fd = disk->open(disk->context, reserve_name);
    int64_t size;

    if (fd < 0)
        return false;
    size = disk->size(disk->context, fd);
    disk->close(disk->context, fd);
    return size >= 0 && (uint64_t)size >= spool->options.reserve;
}

/* For file systems that cannot reserve: write it. */
static int
reserve_write(const struct spool *spool, int fd)
{
    static const char zeros[RESERVE_PIECE];
    uint64_t left = spool->options.reserve;

    while (left > 0) {
        size_t piece = left < sizeof(zeros) ? (size_t)left : sizeof(zeros);
        ssize_t written = spool->disk.write(spool->disk.context, fd, zeros, piece);

        if (written < 0)
            return (int)written;
        left -= piece;
    }
    return 0;
}

static bool
reserve_make(const struct spool *spool)
{
    const struct disk *disk = &spool->disk;
    uint64_t bytes, inodes;
    int fd, result;

    if (disk->free_space(disk->context, &bytes, &inodes) < 0 ||
        bytes < spool->options.reserve + spool->options.free_minimum)
        return false;
    disk->unlink(disk->context, reserve_name);
    fd = disk->create(disk->context, reserve_name, spool->options.mode);
    if (fd < 0)
        return false;
    result = disk->allocate(disk->context, fd, spool->options.reserve);
    if (result == -EOPNOTSUPP)
        result = reserve_write(spool, fd);
    if (result == 0)
        result = disk->sync(disk->context, fd);
    disk->close(disk->context, fd);
    if (result < 0)
        disk->unlink(disk->context, reserve_name);
    return result == 0;
}

void
reserve_fill(struct spool *spool)
{
    spool->reserve_tried = clock_monotonic();
    spool->reserve_touched =
        spool->options.reserve > 0 && !reserve_is_full(spool) && !reserve_make(spool);
}

bool
reserve_free(struct spool *spool)
{
    if (spool->options.reserve == 0 || spool->reserve_touched)
        return false;
    spool->reserve_touched = true;
    spool->create_after = 0;
    spool->reserve_tried = clock_monotonic();
    return spool->disk.unlink(spool->disk.context, reserve_name) == 0;
}

bool
spool_has_room(struct spool *spool, struct error *error)
{
    const struct disk *disk = &spool->disk;
    uint64_t bytes = 0, inodes = 0;
    int result;

    if (spool->reserve_touched &&
        clock_monotonic() - spool->reserve_tried >= RESERVE_INTERVAL)
        reserve_fill(spool);
    if (spool->reserve_touched)
        return fail_temporary(error, "4.3.1", "the spool's reserve is in use");
    result = disk->free_space(disk->context, &bytes, &inodes);
    if (result < 0)
        return fail_temporary(error, "4.3.1", "spool: %s", strerror(-result));
    if (bytes < spool->options.free_minimum || inodes < FREE_INODES_LEAST)
        return fail_temporary(error, "4.3.1", "the spool's file system is full");
    return true;
}

bool
spool_reserve_is_touched(const struct spool *spool)
{
    return spool->reserve_touched;
}
