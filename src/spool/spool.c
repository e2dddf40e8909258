/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing a spool, and walking its index. */
#include "spool/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/inside.h"
#include "spool/recover.h"

#include "base/banned.h"

static bool
spool_prepare(struct spool *spool, bool *busy, struct error *error)
{
    const struct disk *disk = &spool->disk;
    int result = disk->make_directory(disk->context, "input", 0700);

    if (result < 0)
        return segment_error(error, "input", result);
    /* Where it is missing nothing damaged can be set aside, and then nothing is lost. */
    disk->make_directory(disk->context, "error", 0700);
    result = disk->lock(disk->context, "input/lock");
    if (result == -EWOULDBLOCK) {
        *busy = true;
        return fail_temporary(error, "4.3.0", "spool: another process has the lock");
    }
    return result < 0 ? segment_error(error, "input/lock", result) : true;
}

bool
spool_open(const struct disk *disk, const struct spool_options *options, int64_t now,
           struct spool **opened, bool *busy, struct error *error)
{
    struct spool *spool = memory_alloc(sizeof(*spool));
    int reason = 0;

    *busy = false;
    spool->disk = *disk;
    spool->options = *options;
    spool->segments.disk = &spool->disk;
    spool->segments.next_serial = 1;
    spool->scratch = arena_new();
    group_init(&spool->group);
    group_init(&spool->unsynced);
    if (!spool_prepare(spool, busy, error) || !recovery_begin(spool, error) ||
        !spool_ensure_current(spool, now, &reason, error)) {
        spool_close(spool);
        return false;
    }
    reserve_fill(spool);
    *opened = spool;
    return true;
}

void
spool_close(struct spool *spool)
{
    if (spool == NULL)
        return;
    /* A courtesy: what this loses is repeated, as after any other end. */
    spool_write_last(spool);
    recovery_free(spool);
    group_free(&spool->group);
    group_free(&spool->unsynced);
    segments_free(&spool->segments);
    index_free(&spool->index);
    free(spool->closures);
    arena_free(spool->scratch);
    free(spool);
}

struct spool_message *
spool_find(const struct spool *spool, const struct message_id *id)
{
    struct entry *entry = index_find(&spool->index, id);

    return entry != NULL ? &entry->message : NULL;
}

size_t
spool_count(const struct spool *spool)
{
    return spool->index.entries;
}

struct spool_message *
spool_next(const struct spool *spool, const struct message_id *after)
{
    struct entry *entry = index_next(&spool->index, after);

    return entry != NULL ? &entry->message : NULL;
}

int64_t
spool_message_waited(const struct spool_message *message, int64_t now)
{
    return message->waited + waited_between(message->waited_at, now);
}

struct spool_statistics
spool_statistics(const struct spool *spool)
{
    struct spool_statistics statistics = spool->statistics;

    for (uint32_t i = 0; i < spool->segments.room; i++) {
        const struct segment *segment = spool->segments.slots[i];

        if (segment == NULL)
            continue;
        statistics.segments++;
        statistics.bytes += segment->size;
        statistics.live_bytes += segment->live_bytes;
    }
    statistics.messages = spool->index.entries;
    return statistics;
}
