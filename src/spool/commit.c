/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing the open group: one write, one sync, and only then the index has it.
 *
 * A synced group ends at a block's end, so no durable block is written again; its commit
 * record stands at both ends of the filling, so that one damaged octet does not undo it.
 * What a failed write or sync leaves in a segment does not count: the segment is closed,
 * the next one says so, and whatever was written to it since its last sync, kept in
 * memory until then, is written again.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "spool/inside.h"

#include "base/banned.h"

/* ------------------------------------------------------------ the segment written to */

static void
current_retire(struct spool *spool)
{
    if (spool->current == NULL)
        return;
    segment_retire(&spool->segments, spool->current);
    spool->current = NULL;
}

bool
spool_ensure_current(struct spool *spool, int64_t now, int *reason, struct error *error)
{
    struct segment *segment = spool->current;

    if (segment != NULL && segment->size >= spool->options.segment_size) {
        if (!spool_sync(spool, now, error)) {
            *reason = -EIO;
            return false;
        }
        current_retire(spool);
    }
    if (spool->current != NULL)
        return true;
    /* Whoever comes while a disk is bad gets his answer at once. */
    if (clock_monotonic() < spool->create_after) {
        *reason = spool->create_reason;
        return segment_error(error, "new segment", *reason);
    }
    segment = segment_create(&spool->segments, SEGMENT_RECORDS, spool->options.mode, now,
                             reason, error);
    if (segment == NULL || !segment_publish(&spool->segments, segment, reason, error)) {
        spool->create_after = clock_monotonic() + CREATE_INTERVAL;
        spool->create_reason = *reason;
        return false;
    }
    spool->current = segment;
    spool->sequence = 0;
    return true;
}

/* What the segment before the current one lost is to be written again, and before the
 * rest. */
static void
group_take_unsynced(struct spool *spool)
{
    struct group group;

    if (spool->unsynced.count == 0)
        return;
    group_init(&group);
    for (size_t i = 0; i < spool->unsynced.count; i++)
        group_take(&group, &spool->unsynced, &spool->unsynced.operations[i]);
    for (size_t i = 0; i < spool->group.count; i++)
        group_take(&group, &spool->group, &spool->group.operations[i]);
    group_free(&spool->group);
    spool->group = group;
    group_reset(&spool->unsynced);
}

void
spool_segment_failed(struct spool *spool)
{
    struct segment *segment = spool->current;

    spool->statistics.failures++;
    for (size_t i = 0; i < spool->closure_count; i++)
        if (spool->closures[i].noted_in == segment->slot + 1)
            spool->closures[i].noted_in = 0;
    spool->closures = memory_grow(spool->closures,
                                  (spool->closure_count + 1) * sizeof(*spool->closures));
    spool->closures[spool->closure_count++] =
        (struct closure){.serial = segment->header.serial, .length = segment->synced};
    segment->failed = true;
    spool->current = NULL;
    group_take_unsynced(spool);
}

/* ------------------------------------------------------------ commit records */

/*
 * How much filling makes `size` octets, the decimal digits of the length of the filling,
 * and the filling itself end at a block's end. At least one octet.
 */
static uint64_t
commit_filling(uint64_t size)
{
    uint64_t filling = 0, least = 1;

    for (unsigned digits = 1; digits <= 4; digits++, least *= 10) {
        filling = SEGMENT_BLOCK - (size + digits) % SEGMENT_BLOCK;
        if (filling >= least && filling < least * 10)
            return filling;
    }
    return filling + SEGMENT_BLOCK;
}

static void
commit_put(struct spool *spool, struct group *group, struct record *record)
{
    const struct segment *segment = spool->current;
    char heading[RECORD_HEADING_LIMIT], *at;
    uint64_t offset = segment->size + group->length;

    record_write(record, heading);
    at = group_room(group, record_size(&record->layout));
    memcpy(at, heading, record->layout.heading);
    memset(at + record->layout.heading, '.', record->layout.text);
    at[record->layout.heading + record->layout.text] = '\n';
    record_seal(&segment->header.key, offset, at, &record->layout);
}

/* Both commit records and the filling between them, or one record alone. */
static void
commit_write(struct spool *spool, struct group *group, const struct siphash *chain,
             bool fill)
{
    struct siphash end = *chain;
    struct record record = {.kind = RECORD_COMMIT,
                            .sequence = spool->sequence + 1,
                            .start = spool->current->size,
                            .count = group->count,
                            .chain = siphash_end(&end)};

    if (fill) {
        char heading[RECORD_HEADING_LIMIT];
        uint64_t size = spool->current->size + group->length;

        record_write(&record, heading);
        size += record_size(&record.layout);
        record.layout.text = 1;
        record_write(&record, heading);
        size += record_size(&record.layout) - 2; /* without the digit and the filling */
        record.layout.text = commit_filling(size);
        commit_put(spool, group, &record);
        record.layout.text = 0;
    }
    commit_put(spool, group, &record);
    assert(!fill || (spool->current->size + group->length) % SEGMENT_BLOCK == 0);
}

/* Fill in all sums of the group for its place behind the current segment's end. */
static struct siphash
group_seal(const struct spool *spool, struct group *group)
{
    const struct segment *segment = spool->current;
    struct siphash chain;

    record_chain_begin(&chain, &segment->header.key, segment->size);
    for (size_t i = 0; i < group->count; i++) {
        const struct operation *operation = &group->operations[i];

        record_chain_add(&chain,
                         record_seal(&segment->header.key, segment->size + operation->at,
                                     group->bytes + operation->at, &operation->layout));
    }
    return chain;
}

/* ------------------------------------------------------------ writing */

static int
timed_sync(struct spool *spool)
{
    int64_t before = clock_monotonic();
    int result = spool->disk.sync(spool->disk.context, spool->current->fd);

    spool->statistics.syncs++;
    spool->statistics.sync_milliseconds += (uint64_t)(clock_monotonic() - before);
    return result;
}

/* All that was noted in the current segment is durable. */
static void
current_synced(struct spool *spool)
{
    size_t kept = 0;

    spool->current->synced = spool->current->size;
    group_reset(&spool->unsynced);
    for (size_t i = 0; i < spool->closure_count; i++)
        if (spool->closures[i].noted_in == 0)
            spool->closures[kept++] = spool->closures[i];
    spool->closure_count = kept;
}

/* Commit records, write, sync; the bytes of the group are as before when it fails. */
static bool
group_write(struct spool *spool, struct group *group, bool sync, int *reason,
            struct error *error)
{
    struct segment *segment = spool->current;
    struct siphash chain = group_seal(spool, group);
    char name[SEGMENT_NAME_LIMIT];
    size_t length = group->length;
    ssize_t result;

    commit_write(spool, group, &chain, sync);
    result =
        spool->disk.write(spool->disk.context, segment->fd, group->bytes, group->length);
    if (result >= 0 && sync)
        result = timed_sync(spool);
    if (result < 0) {
        *reason = (int)result;
        group->length = length;
        segment_name(segment->file, SEGMENT_RECORDS, name);
        spool_segment_failed(spool);
        return segment_error(error, name, *reason);
    }
    spool->sequence++;
    segment->size += group->length;
    group->length = length;
    if (sync)
        current_synced(spool);
    return true;
}

/* Say in the current segment which earlier ones failed, and from where on. */
static void
group_note_closures(struct spool *spool)
{
    for (size_t i = 0; i < spool->closure_count; i++) {
        struct closure *closure = &spool->closures[i];
        struct record record = {
            .kind = RECORD_CLOSED, .segment = closure->serial, .length = closure->length};

        if (closure->noted_in != 0)
            continue;
        group_add(&spool->group, &record, (struct span){0}, (struct span){0})->kind =
            OPERATION_NONE;
        closure->noted_in = spool->current->slot + 1;
    }
}

/* The closing notes of a group that was not written are made anew for the next one. */
static bool
operation_stays(const struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_OUTCOME:
        return operation->applied || operation->entry->indexed;
    case OPERATION_REPORT:
        return operation->applied ||
               (operation->entry->indexed && !operation->with_bounce);
    case OPERATION_REWRITE:
        return true;
    default:
        return false;
    }
}

static void
operation_drop(struct operation *operation)
{
    struct entry *entry = operation->entry;

    if (entry == NULL || operation->kind == OPERATION_REWRITE)
        return;
    if (operation->kind == OPERATION_OUTCOME && operation->outcome == OUTCOME_DEFERRED &&
        entry->deferrals > 0)
        entry->deferrals--;
    if (--entry->operations == 0 && !entry->indexed)
        entry_free(entry);
    else
        entry->address_added = 0;
}

/*
 * The group was not written: what its senders are told is no, outcomes and reports stay
 * and count from now on. True when anything was dropped.
 */
static bool
group_keep(struct spool *spool)
{
    struct group kept;
    bool dropped = false;

    group_init(&kept);
    for (size_t i = 0; i < spool->group.count; i++) {
        struct operation *operation = &spool->group.operations[i];

        if (operation_stays(operation) &&
            (operation->kind != OPERATION_OUTCOME || operation->applied ||
             operation->number <= operation->entry->message.address_count)) {
            spool_apply_state(operation);
            group_take(&kept, &spool->group, operation);
            continue;
        }
        dropped |= operation->kind != OPERATION_NONE;
        operation_drop(operation);
    }
    group_free(&spool->group);
    spool->group = kept;
    return dropped;
}

/* Keep what was written without a sync, in case that never becomes durable. */
static void
group_retain(struct spool *spool)
{
    for (size_t i = 0; i < spool->group.count; i++) {
        const struct operation *operation = &spool->group.operations[i];
        struct operation *retained;

        if (operation->kind == OPERATION_NONE)
            continue;
        retained = group_take(&spool->unsynced, &spool->group, operation);
        retained->kind = OPERATION_REWRITE;
        if (retained->entry != NULL)
            retained->home = spool_home(spool, retained->entry)->slot;
        retained->entry = NULL;
        retained->changes = NULL;
        retained->numbers = NULL;
    }
}

/* ------------------------------------------------------------ committing */

/* Of the operations, leave one with its entry for each message that is finished now. */
static void
group_finish(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct operation *operation = &group->operations[i];
        struct entry *entry = operation->entry;

        if (entry == NULL)
            continue;
        if (entry->finished || (!entry->dropped && entry->message.pending_count > 0))
            operation->entry = NULL;
        else
            entry->finished = true;
    }
}

static void
group_apply(struct spool *spool, uint64_t base,
            void (*removed)(void *argument, const struct spool_message *message),
            void *argument)
{
    struct group *group = &spool->group;

    for (size_t i = 0; i < group->count; i++)
        spool_apply(spool, &group->operations[i], base);
    if (spool->current->synced != spool->current->size)
        group_retain(spool);
    group_finish(group);
    for (size_t i = 0; i < group->count; i++)
        if (group->operations[i].entry != NULL)
            spool_finish(spool, group->operations[i].entry, removed, argument);
    group_reset(group);
}

static bool
commit_try(struct spool *spool, bool sync, int64_t now,
           void (*removed)(void *argument, const struct spool_message *message),
           void *argument, int *reason, struct error *error)
{
    uint64_t base;

    if (!spool_ensure_current(spool, now, reason, error))
        return false;
    group_note_closures(spool);
    base = spool->current->size;
    if (!group_write(spool, &spool->group, sync, reason, error))
        return false;
    spool->statistics.commits++;
    group_apply(spool, base, removed, argument);
    return true;
}

bool
spool_commit(struct spool *spool, bool sync, int64_t now,
             void (*removed)(void *argument, const struct spool_message *message),
             void *argument, struct error *error)
{
    int reason = 0;
    bool dropped;

    if (spool->group.count == 0)
        return !sync || spool_sync(spool, now, error);
    sync = sync || spool->group.messages > 0;
    if (commit_try(spool, sync, now, removed, argument, &reason, error))
        return true;
    dropped = group_keep(spool);
    if ((reason != -ENOSPC && reason != -EDQUOT) || spool->group.count == 0 ||
        !reserve_free(spool))
        return false;
    return commit_try(spool, true, now, removed, argument, &reason,
                      dropped ? NULL : error) &&
           !dropped;
}

bool
spool_needs_sync(const struct spool *spool)
{
    return spool->current != NULL && spool->current->synced != spool->current->size;
}

bool
spool_sync(struct spool *spool, int64_t now, struct error *error)
{
    struct group filling;
    int reason = 0;
    bool written;

    (void)now;
    if (!spool_needs_sync(spool))
        return true;
    group_init(&filling);
    written = group_write(spool, &filling, true, &reason, error);
    group_free(&filling);
    return written;
}

void
spool_write_last(struct spool *spool)
{
    int reason;
    bool pending;

    group_keep(spool);
    pending = spool->group.count > 0;
    for (size_t i = 0; i < spool->closure_count; i++)
        pending |= spool->closures[i].noted_in == 0;
    if (!pending || !commit_try(spool, true, 0, NULL, NULL, &reason, NULL))
        spool_sync(spool, 0, NULL);
}
