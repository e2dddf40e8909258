/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What written records do to the index and to the accounts of the segments. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "spool/inside.h"

#include "base/banned.h"

enum { LOG_COST = 256 }; /* about an outcome's record, for the accounts */

struct entry *
spool_message_entry(const struct message_id *id, const struct envelope *envelope,
                    const struct record *record)
{
    struct entry *entry = entry_new(id, (uint32_t)envelope->recipient_count);
    struct spool_message *message = &entry->message;

    message->size = record->content_size;
    message->received = message->waited_at = record->time;
    message->is_bounce = envelope->reverse_path[0] == '\0';
    entry->generation = record->generation;
    entry->content_at = record->content_segment != 0
                            ? (uint32_t)record->content_at
                            : (uint32_t)(record->layout.heading + record->layout.text);
    for (size_t i = 0; i < envelope->recipient_count; i++) {
        struct address address = {.text = envelope->recipients[i].text, .user = ""};

        message->addresses[i].key = address_key(&address, false);
    }
    return entry;
}

/* ------------------------------------------------------------ accounts */

struct segment *
spool_home(const struct spool *spool, const struct entry *entry)
{
    return spool->segments.slots[place_slot(entry_places(entry)->place[0])];
}

uint64_t
place_cost(const struct entry *entry, uint64_t place)
{
    if (place_kind(place) != PLACE_MESSAGE)
        return LOG_COST;
    return entry->content_slot != 0 ? entry->content_at
                                    : entry->content_at + entry->message.size;
}

void
spool_place_added(struct spool *spool, const struct entry *entry, uint64_t place)
{
    struct segment *segment = spool->segments.slots[place_slot(place)];

    segment->live++;
    segment->live_bytes += place_cost(entry, place);
    if (place_kind(place) == PLACE_MESSAGE && entry->content_slot != 0) {
        segment = spool->segments.slots[entry->content_slot - 1];
        segment->live++;
        segment->live_bytes += entry->message.size;
    }
}

void
spool_place_gone(struct spool *spool, const struct entry *entry, uint64_t place)
{
    struct segment *segment = spool->segments.slots[place_slot(place)];

    segment->live--;
    segment->live_bytes -= place_cost(entry, place);
    if (place_kind(place) == PLACE_MESSAGE && entry->content_slot != 0) {
        segment = spool->segments.slots[entry->content_slot - 1];
        segment->live--;
        segment->live_bytes -= entry->message.size;
    }
}

void
spool_finish(struct spool *spool, struct entry *entry,
             void (*removed)(void *argument, const struct spool_message *message),
             void *argument)
{
    const struct places *places = entry_places(entry);
    struct segment *home = spool_home(spool, entry);

    /* Where the end of it is recorded must be there as long as the message is. */
    for (uint32_t i = 1; i < places->count; i++)
        segment_outlast(home, spool->segments.slots[place_slot(places->place[i])]);
    for (uint32_t i = 0; i < places->count; i++)
        spool_place_gone(spool, entry, places->place[i]);
    index_remove(&spool->index, entry);
    if (removed != NULL)
        removed(argument, &entry->message);
    entry_free(entry);
}

/* ------------------------------------------------------------ operations */

void
spool_apply_state(struct operation *operation)
{
    struct entry *entry = operation->entry;
    uint32_t before;

    if (operation->applied || entry == NULL)
        return;
    operation->applied = true;
    switch (operation->kind) {
    case OPERATION_EXPAND:
        before = entry->message.address_count;
        entry_expand(entry, operation->changes, operation->count);
        before = entry->message.address_count - before;
        entry->address_added -=
            before < entry->address_added ? before : entry->address_added;
        break;
    case OPERATION_OUTCOME:
        entry_outcome(entry, operation->number, operation->outcome, operation->waited,
                      operation->time);
        if (operation->outcome == OUTCOME_DEFERRED && entry->deferrals > 0)
            entry->deferrals--;
        if (operation->attempts > entry->message.attempts)
            entry->message.attempts = operation->attempts;
        break;
    case OPERATION_REPORT:
        entry_report(entry, operation->numbers, operation->count);
        break;
    case OPERATION_NOTE:
        entry_note(entry, operation->note);
        break;
    case OPERATION_REMOVE:
        entry->dropped = true;
        break;
    default:
        break;
    }
}

/* The record has a new place instead of the old one. */
static void
entry_move_place(struct spool *spool, struct entry *entry, uint64_t from, uint64_t to)
{
    struct places *places = entry_places(entry);

    for (uint32_t i = 0; i < places->count; i++)
        if (places->place[i] == from) {
            spool_place_gone(spool, entry, from);
            places->place[i] = to;
            spool_place_added(spool, entry, to);
        }
    for (uint32_t i = 0; i < entry->message.address_count; i++)
        if (entry->message.addresses[i].outcome == from)
            entry->message.addresses[i].outcome = to;
}

/* A record of a failed segment, written again. */
static void
apply_rewrite(struct spool *spool, struct operation *operation, uint64_t place)
{
    struct entry *entry = index_find(&spool->index, &operation->id);

    if (entry != NULL)
        entry_move_place(spool, entry, operation->old_place, place);
    else
        segment_outlast(spool->segments.slots[operation->home], spool->current);
    operation->old_place = place;
}

static void
apply_copy(struct spool *spool, struct operation *operation, uint64_t place)
{
    struct entry *entry = operation->entry;

    if (operation->place_kind == PLACE_MESSAGE) {
        segment_outlast(spool_home(spool, entry), spool->current);
        /* Where the content begins can change by the length of the generation. */
        spool_place_gone(spool, entry, operation->old_place);
        entry->generation = operation->generation;
        if (entry->content_slot == 0)
            entry->content_at =
                (uint32_t)(operation->layout.heading + operation->layout.text);
        entry_places(entry)->place[0] = place;
        spool_place_added(spool, entry, place);
    } else {
        entry_move_place(spool, entry, operation->old_place, place);
    }
}

void
spool_apply(struct spool *spool, struct operation *operation, uint64_t base)
{
    uint64_t place =
        place_make(spool->current->slot, operation->place_kind, base + operation->at);
    struct entry *entry = operation->entry;
    uint64_t before = 0;

    if (operation->kind == OPERATION_REWRITE) {
        apply_rewrite(spool, operation, place);
        return;
    }
    if (entry == NULL)
        return;
    spool_apply_state(operation);
    entry->operations--;
    if (operation->kind == OPERATION_COPY) {
        apply_copy(spool, operation, place);
        return;
    }
    if (operation->kind == OPERATION_MESSAGE) {
        bool is_new = index_insert(&spool->index, entry);

        assert(is_new);
        (void)is_new;
    }
    spool_place_added(spool, entry, place);
    if (operation->kind == OPERATION_OUTCOME)
        before = entry_add_outcome_place(entry, operation->number, place);
    else
        entry_add_place(entry, place);
    if (before != 0)
        spool_place_gone(spool, entry, before);
    operation->old_place = place;
}
