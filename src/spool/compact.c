/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cleaning up: segments in which nothing lives are unlinked, and what lives in mostly
 * dead ones (or in one that failed) is copied together into the current one, with a
 * higher generation; so the room held stays within a constant factor of the mail that
 * lives.
 */
#include <stdlib.h>
#include <string.h>

#include "spool/inside.h"

#include "base/banned.h"

enum {
    UNLINK_MOST = 32,    /* in one step: they share one sync of the directory */
    VISIT_COST = 64,     /* what looking at a message counts for */
    COPY_MOST = 8 << 20, /* octets in one group */
    SMALL_MOST = 128, /* small segments, as many starts leave, before they are joined */
    SMALL_PART = 16   /* small: under this part of a full one */
};

/* ------------------------------------------------------------ unlinking */

static bool
segment_is_dead(const struct spool *spool, const struct segment *segment)
{
    return segment != spool->current && segment->live == 0 && segment->waits == 0 &&
           !segment->pinned && !(spool->foreign && segment->old);
}

static size_t
dead_find(const struct spool *spool, struct segment *dead[static UNLINK_MOST])
{
    size_t count = 0;

    for (uint32_t i = 0; i < spool->segments.room && count < UNLINK_MOST; i++) {
        struct segment *segment = spool->segments.slots[i];

        if (segment != NULL && segment_is_dead(spool, segment))
            dead[count++] = segment;
    }
    return count;
}

/* True when there may be more. What says that they are finished must be durable before.
 */
static bool
compact_unlink(struct spool *spool, int64_t now, struct error *error)
{
    struct segment *dead[UNLINK_MOST];
    size_t count = dead_find(spool, dead);

    if (count == 0)
        return false;
    if (!spool_sync(spool, now, error))
        return true;
    return segments_unlink(&spool->segments, dead, count, error);
}

/* ------------------------------------------------------------ choosing */

struct tally {
    uint64_t live, dead; /* octets in segments in which something lives */
    uint64_t waiting;    /* octets of dead ones that must outlast such a segment */
    size_t small, failed;
    bool stuck; /* they wait for one that cannot be emptied */
};

static bool
segment_may_move(const struct spool *spool, const struct segment *segment)
{
    return segment != NULL && segment != spool->current && segment->live > 0 &&
           segment->header.kind == SEGMENT_RECORDS && !segment->pinned;
}

static bool
segment_is_small(const struct spool *spool, const struct segment *segment)
{
    return segment->size < spool->options.segment_size / SMALL_PART;
}

static struct tally
compact_tally(const struct spool *spool)
{
    struct tally tally = {0};

    for (uint32_t i = 0; i < spool->segments.room; i++) {
        const struct segment *segment = spool->segments.slots[i];

        if (segment != NULL && segment != spool->current && segment->live == 0 &&
            segment->waits > 0)
            tally.waiting += segment->size;
        if (segment != NULL && segment->pinned && segment->outlasts_count > 0)
            tally.stuck = true;
        if (!segment_may_move(spool, segment))
            continue;
        tally.live += segment->live_bytes;
        tally.dead +=
            segment->size > segment->live_bytes ? segment->size - segment->live_bytes : 0;
        tally.small += segment_is_small(spool, segment);
        tally.failed += segment->failed;
    }
    return tally;
}

/* Mark the segments to be emptied; false when there is no need. */
static bool
compact_choose(struct spool *spool)
{
    struct tally tally = compact_tally(spool);
    uint64_t waste = tally.dead + tally.waiting;
    bool sparse = waste > tally.live && waste > spool->options.segment_size;
    /* One old message can keep a whole chain of dead segments. */
    bool chained = sparse && tally.waiting > tally.dead && !tally.stuck;
    bool small = tally.small > SMALL_MOST, any = false;

    for (uint32_t i = 0; i < spool->segments.room; i++) {
        struct segment *segment = spool->segments.slots[i];

        if (!segment_may_move(spool, segment))
            continue;
        segment->victim = segment->failed ||
                          (sparse && segment->live_bytes < segment->size / 2) ||
                          (chained && segment->outlasts_count > 0) ||
                          (small && segment_is_small(spool, segment));
        any |= segment->victim;
    }
    return any;
}

static void
compact_end(struct spool *spool)
{
    spool->is_cleaning = false;
    for (uint32_t i = 0; i < spool->segments.room; i++)
        if (spool->segments.slots[i] != NULL)
            spool->segments.slots[i]->victim = false;
}

/* ------------------------------------------------------------ copying */

static bool
entry_must_move(const struct spool *spool, const struct entry *entry)
{
    const struct places *places = entry_places(entry);

    for (uint32_t i = 0; i < places->count; i++)
        if (spool->segments.slots[place_slot(places->place[i])]->victim)
            return true;
    return false;
}

/* Add a copy of one record, of the next generation, to the open group. */
static bool
copy_record(struct spool *spool, struct entry *entry, uint64_t place, struct error *error)
{
    struct segment *segment = spool->segments.slots[place_slot(place)];
    uint64_t offset = place_offset(place);
    struct span text, content = {0};
    struct operation *operation;
    struct record record;
    char *bytes = NULL;

    if (!spool_read_record(spool, place, spool->scratch, &record, &text, error))
        return false;
    if (record.layout.content > 0) {
        bytes = memory_alloc(record.layout.content);
        content = (struct span){bytes, record.layout.content};
        if (segment_read(&spool->segments, segment,
                         offset + record.layout.heading + record.layout.text, bytes,
                         record.layout.content) < 0 ||
            !record_content_is_whole(&segment->header.key, offset, &record, bytes)) {
            free(bytes);
            return fail_temporary(error, "4.3.0", "message %s: its content is damaged",
                                  entry->message.id.text);
        }
    }
    record.generation = entry->generation + 1;
    operation = group_add(&spool->group, &record, text, content);
    free(bytes);
    operation->kind = OPERATION_COPY;
    operation->entry = entry;
    operation->place_kind = place_kind(place);
    operation->old_place = place;
    operation->generation = record.generation;
    entry->operations++;
    return true;
}

/* All records of a message, or none. */
static bool
copy_message(struct spool *spool, struct entry *entry, struct error *error)
{
    const struct places *places = entry_places(entry);
    struct group *group = &spool->group;
    size_t count = group->count, length = group->length;

    arena_reset(spool->scratch);
    for (uint32_t i = 0; i < places->count; i++) {
        if (copy_record(spool, entry, places->place[i], error))
            continue;
        /* It cannot be moved, so where it is stays, for whoever can still make use of it.
         */
        spool->segments.slots[place_slot(places->place[i])]->pinned = true;
        entry->operations -= (uint32_t)(group->count - count);
        group->count = count;
        group->length = length;
        return false;
    }
    return true;
}

/* Go on through the index; false with `error` when something could not be moved. */
static bool
compact_copy(struct spool *spool, uint64_t budget, int64_t now, struct error *error)
{
    uint64_t spent = 0;
    bool whole = true;

    while (spent < budget && spool->group.length < COPY_MOST) {
        struct entry *entry = index_next(
            &spool->index, spool->cleaning.text[0] != '\0' ? &spool->cleaning : NULL);
        uint64_t length = spool->group.length;

        if (entry == NULL) {
            compact_end(spool);
            break;
        }
        spool->cleaning = entry->message.id;
        if (entry_must_move(spool, entry) && !copy_message(spool, entry, error))
            whole = false;
        spent += VISIT_COST + spool->group.length - length;
    }
    if (spool->group.count == 0)
        return whole;
    if (spool_commit(spool, true, now, NULL, NULL, error))
        return whole;
    compact_end(spool); /* what is left to move is chosen anew */
    return false;
}

bool
spool_compact(struct spool *spool, uint64_t budget, int64_t now, struct error *error)
{
    if (spool->recovery != NULL)
        return false;
    if (spool->group.count > 0)
        return true;
    if (compact_unlink(spool, now, error))
        return true;
    /* Copies need room, and must not take what is kept for outcomes. */
    if (!spool_has_room(spool, NULL))
        return false;
    if (!spool->is_cleaning) {
        spool->is_cleaning = compact_choose(spool);
        spool->cleaning = (struct message_id){0};
    }
    if (!spool->is_cleaning)
        return false;
    return compact_copy(spool, budget, now, error);
}
