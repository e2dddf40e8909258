/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index: a sorted array of sorted arrays. Ids grow with time, so almost every
 * insertion is at the end and fills chunks wholly; finding is two binary searches, and
 * nothing moves more than a chunk or the array of chunks, however many messages there
 * are.
 */
#include "spool/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

enum { CHUNK_ENTRIES = 254, DAY = 24 * 60 * 60 * 1000, HISTORY_MOST = 14 };

struct chunk {
    size_t count;
    struct entry *entries[CHUNK_ENTRIES];
};

/* ------------------------------------------------------------ entries */

struct entry *
entry_new(const struct message_id *id, uint32_t count)
{
    struct entry *entry = memory_alloc(sizeof(*entry));

    entry->message.id = *id;
    entry_reserve(entry, count);
    entry->message.address_count = count;
    entry->message.pending_count = count;
    return entry;
}

void
entry_free(struct entry *entry)
{
    free(entry->message.addresses);
    free(entry->message.private);
    free(entry);
}

void
entry_reserve(struct entry *entry, uint32_t count)
{
    struct spool_message *message = &entry->message;
    size_t wanted = (size_t)message->address_count + entry->address_added + count;
    size_t size = sizeof(*message->addresses);

    if (wanted <= entry->address_room)
        return;
    /* The first ones to the element, as most messages never get more. */
    if (entry->address_room > 0 && wanted < (size_t)entry->address_room * 2)
        wanted = (size_t)entry->address_room * 2;
    message->addresses = memory_grow(message->addresses, wanted * size);
    memset(message->addresses + entry->address_room, 0,
           (wanted - entry->address_room) * size);
    entry->address_room = (uint32_t)wanted;
}

void
entry_add_place(struct entry *entry, uint64_t place)
{
    struct places *places = entry->message.private;
    uint32_t count = places != NULL ? places->count : 0;

    if (places == NULL || count == places->room) {
        /* With the head these fill 24, 56, 120 octets: what malloc gives anyway. */
        uint32_t room = places == NULL ? 2 : 2 * places->room + 2;

        places = memory_grow(places, sizeof(*places) + room * sizeof(places->place[0]));
        places->room = room;
        entry->message.private = places;
    }
    places->count = count + 1;
    places->place[count] = place;
}

uint64_t
entry_add_outcome_place(struct entry *entry, uint32_t number, uint64_t place)
{
    uint64_t *last = &entry->message.addresses[number - 1].outcome, before = *last;
    struct places *places = entry_places(entry);
    uint32_t at = places->count;

    *last = place;
    if (before == 0 || places->count < HISTORY_MOST) {
        entry_add_place(entry, place);
        return 0;
    }
    while (at > 0 && places->place[at - 1] != before)
        at--;
    if (at == 0) {
        entry_add_place(entry, place);
        return 0;
    }
    memmove(&places->place[at - 1], &places->place[at],
            (places->count - at) * sizeof(places->place[0]));
    places->place[places->count - 1] = place;
    return before;
}

void
entry_set_state(struct entry *entry, uint32_t number, enum address_state state)
{
    struct spool_message *message = &entry->message;
    enum address_state old;

    if (number == 0 || number > message->address_count)
        return;
    old = (enum address_state)message->addresses[number - 1].state;
    if (old == ADDRESS_FAILED)
        message->unreported_count--;
    if (!address_state_done(old))
        message->pending_count--;
    message->addresses[number - 1].state = (uint8_t)state;
    if (state == ADDRESS_FAILED)
        message->unreported_count++;
    if (!address_state_done(state))
        message->pending_count++;
}

static void
entry_change(struct entry *entry, const struct change *change)
{
    struct spool_message *message = &entry->message;

    while (message->address_count < change->number) {
        /* A gap is what a damaged record leaves; its parents will be looked at again. */
        struct spool_address *gap = &message->addresses[message->address_count++];

        *gap = (struct spool_address){.state = ADDRESS_DUPLICATE};
    }
    if (change->key != 0 || change->parent != 0) {
        message->addresses[change->number - 1].key = change->key;
        message->addresses[change->number - 1].parent = change->parent;
    }
    entry_set_state(entry, change->number, change->state);
}

void
entry_expand(struct entry *entry, const struct change *changes, size_t count)
{
    uint32_t last = 0;

    for (size_t i = 0; i < count; i++)
        if (changes[i].number > last && changes[i].number <= ENTRY_ADDRESSES_MOST)
            last = changes[i].number;
    if (last > entry->message.address_count + entry->address_added)
        entry_reserve(entry, last - entry->message.address_count - entry->address_added);
    for (size_t i = 0; i < count; i++)
        if (changes[i].number > 0 && changes[i].number <= ENTRY_ADDRESSES_MOST)
            entry_change(entry, &changes[i]);
}

int64_t
waited_between(int64_t then, int64_t now)
{
    int64_t between;

    if (__builtin_sub_overflow(now, then, &between) || between < 0)
        return now < then ? 0 : DAY;
    return between < DAY ? between : DAY;
}

void
entry_outcome(struct entry *entry, uint32_t number, enum outcome outcome, int64_t waited,
              int64_t time)
{
    static const enum address_state states[] = {[OUTCOME_DELIVERED] = ADDRESS_DELIVERED,
                                                [OUTCOME_RELAYED] = ADDRESS_RELAYED,
                                                [OUTCOME_FAILED] = ADDRESS_FAILED};
    struct spool_message *message = &entry->message;

    message->waited = waited;
    message->waited_at = time;
    if (outcome == OUTCOME_DEFERRED)
        message->attempts++;
    else if (number > 0 && number <= message->address_count &&
             !address_state_done(
                 (enum address_state)message->addresses[number - 1].state))
        entry_set_state(entry, number, states[outcome]);
}

void
entry_report(struct entry *entry, const uint32_t *numbers, size_t count)
{
    const struct spool_message *message = &entry->message;

    for (size_t i = 0; i < count; i++)
        if (numbers[i] > 0 && numbers[i] <= message->address_count &&
            message->addresses[numbers[i] - 1].state == ADDRESS_FAILED)
            entry_set_state(entry, numbers[i], ADDRESS_REPORTED);
}

void
entry_note(struct entry *entry, enum spool_note note)
{
    if (note == NOTE_HOLD)
        entry->message.held = true;
    else if (note == NOTE_RELEASE)
        entry->message.held = false;
    else if (note == NOTE_WARNED)
        entry->message.warned = true;
}

/* ------------------------------------------------------------ the sorted array */

static int
id_compare(const struct message_id *a, const struct message_id *b)
{
    return memcmp(a->text, b->text, MESSAGE_ID_LENGTH);
}

/* The last chunk that begins with `id` or before; 0 when all begin behind it. */
static size_t
index_chunk(const struct index *index, const struct message_id *id)
{
    size_t low = 0, high = index->count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (id_compare(&index->chunks[middle]->entries[0]->message.id, id) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Position of the first entry in the chunk that is not before `id`. */
static size_t
chunk_position(const struct chunk *chunk, const struct message_id *id)
{
    size_t low = 0, high = chunk->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (id_compare(&chunk->entries[middle]->message.id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool
chunk_has(const struct chunk *chunk, size_t position, const struct message_id *id)
{
    return position < chunk->count &&
           id_compare(&chunk->entries[position]->message.id, id) == 0;
}

struct entry *
index_find(const struct index *index, const struct message_id *id)
{
    const struct chunk *chunk;
    size_t position;

    if (index->count == 0)
        return NULL;
    chunk = index->chunks[index_chunk(index, id)];
    position = chunk_position(chunk, id);
    return chunk_has(chunk, position, id) ? chunk->entries[position] : NULL;
}

static struct chunk *
index_new_chunk(struct index *index, size_t at)
{
    struct chunk *chunk = memory_alloc(sizeof(*chunk));

    if (index->count == index->room) {
        index->room = index->room > 0 ? 2 * index->room : 8;
        index->chunks = memory_grow(index->chunks, index->room * sizeof(*index->chunks));
    }
    memmove(index->chunks + at + 1, index->chunks + at,
            (index->count - at) * sizeof(*index->chunks));
    index->chunks[at] = chunk;
    index->count++;
    return chunk;
}

/*
 * Make room in the full chunk `at` for an entry at *position: a new chunk at the ends,
 * where order of time puts almost all, a split otherwise. Returns the chunk to put it in.
 */
static struct chunk *
index_split(struct index *index, size_t at, size_t *position)
{
    struct chunk *full = index->chunks[at], *behind;
    size_t half = CHUNK_ENTRIES / 2;

    if (*position == 0 && at == 0)
        return index_new_chunk(index, 0);
    behind = index_new_chunk(index, at + 1);
    if (*position == CHUNK_ENTRIES) {
        *position = 0;
        return behind;
    }
    memcpy(behind->entries, full->entries + half,
           (CHUNK_ENTRIES - half) * sizeof(*full->entries));
    behind->count = CHUNK_ENTRIES - half;
    full->count = half;
    if (*position <= half)
        return full;
    *position -= half;
    return behind;
}

bool
index_insert(struct index *index, struct entry *entry)
{
    const struct message_id *id = &entry->message.id;
    struct chunk *chunk;
    size_t at, position;

    assert(!entry->indexed);
    if (index->count == 0)
        index_new_chunk(index, 0);
    at = index->chunks[0]->count > 0 ? index_chunk(index, id) : 0;
    chunk = index->chunks[at];
    position = chunk_position(chunk, id);
    if (chunk_has(chunk, position, id))
        return false;
    if (chunk->count == CHUNK_ENTRIES)
        chunk = index_split(index, at, &position);
    memmove(chunk->entries + position + 1, chunk->entries + position,
            (chunk->count - position) * sizeof(*chunk->entries));
    chunk->entries[position] = entry;
    chunk->count++;
    index->entries++;
    entry->indexed = true;
    return true;
}

void
index_remove(struct index *index, const struct entry *entry)
{
    size_t at = index_chunk(index, &entry->message.id);
    struct chunk *chunk = index->chunks[at];
    size_t position = chunk_position(chunk, &entry->message.id);

    assert(chunk_has(chunk, position, &entry->message.id));
    chunk->entries[position]->indexed = false;
    chunk->count--;
    memmove(chunk->entries + position, chunk->entries + position + 1,
            (chunk->count - position) * sizeof(*chunk->entries));
    index->entries--;
    if (chunk->count > 0)
        return;
    free(chunk);
    index->count--;
    memmove(index->chunks + at, index->chunks + at + 1,
            (index->count - at) * sizeof(*index->chunks));
}

struct entry *
index_next(const struct index *index, const struct message_id *after)
{
    const struct chunk *chunk;
    size_t at, position;

    if (index->count == 0)
        return NULL;
    if (after == NULL)
        return index->chunks[0]->entries[0];
    at = index_chunk(index, after);
    chunk = index->chunks[at];
    position = chunk_position(chunk, after);
    if (chunk_has(chunk, position, after))
        position++;
    if (position < chunk->count)
        return chunk->entries[position];
    return at + 1 < index->count ? index->chunks[at + 1]->entries[0] : NULL;
}

void
index_free(struct index *index)
{
    for (size_t at = 0; at < index->count; at++) {
        for (size_t i = 0; i < index->chunks[at]->count; i++)
            entry_free(index->chunks[at]->entries[i]);
        free(index->chunks[at]);
    }
    free(index->chunks);
}
