/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index in memory: each living message, in the order of ids, with the places of its
 * records and how its addresses stand. Some 200 octets for a message with one recipient.
 */
#ifndef SPOOL_INDEX_H
#define SPOOL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/segment.h"
#include "spool/spool.h"

/* Where a record is: slot of its segment, what it is, offset. 0 is no place. */
enum place_kind { PLACE_NONE, PLACE_MESSAGE, PLACE_EXPANDED, PLACE_OUTCOME, PLACE_NOTE };
static inline uint64_t
place_make(uint32_t slot, enum place_kind kind, uint64_t offset)
{
    return (uint64_t)slot << 43 | (uint64_t)kind << 40 | offset;
}
static inline uint32_t
place_slot(uint64_t place)
{
    return (uint32_t)(place >> 43);
}
static inline enum place_kind
place_kind(uint64_t place)
{
    return (enum place_kind)(place >> 40 & 7);
}
static inline uint64_t
place_offset(uint64_t place)
{
    return place & ((UINT64_C(1) << 40) - 1);
}

/* The places of one message's records, the message's own first, then in order. */
struct places {
    uint32_t count, room;
    uint64_t place[];
};

/* Addresses of one message; whatever has a higher number is not ours. */
enum { ENTRY_ADDRESSES_MOST = 1 << 22 };

struct entry {
    struct spool_message message; /* what others see; `private` is its struct places */
    uint32_t generation;
    uint32_t address_room;  /* elements of message.addresses */
    uint32_t address_added; /* behind address_count, by the open group */
    uint32_t operations;    /* of the open group that are about it */
    uint32_t deferrals;     /* of these outcomes that do not count yet */
    uint32_t content_at;    /* from the beginning of the record, or in its own segment */
    uint32_t content_slot;  /* of its own segment, + 1; 0: it is in the record */
    bool indexed;
    bool dropped;  /* removed by the operator */
    bool finished; /* about to be freed */
};

/* One address of an expansion, as far as the index cares. */
struct change {
    uint32_t number, parent;
    uint64_t key;
    enum address_state state;
};

/* A new entry with `count` addresses, numbered from 1, state new, without keys. */
struct entry *entry_new(const struct message_id *id, uint32_t count);
void entry_free(struct entry *entry);

static inline struct places *
entry_places(const struct entry *entry)
{
    return entry->message.private;
}

/* Room for `count` addresses behind address_count. */
void entry_reserve(struct entry *entry, uint32_t count);
void entry_add_place(struct entry *entry, uint64_t place);
/*
 * The place of an outcome of address `number`. Once a message has a history, the one
 * before of the same address is forgotten, and returned, else 0: what it said no longer
 * matters, and an address that is tried for days takes no more memory each time.
 */
uint64_t entry_add_outcome_place(struct entry *entry, uint32_t number, uint64_t place);

/*
 * What records do to an entry; each bounds-checked, for recovery. An address that is done
 * stays so, whatever a late or repeated outcome says.
 */
void entry_expand(struct entry *entry, const struct change *changes, size_t count);
void entry_outcome(struct entry *entry, uint32_t number, enum outcome outcome,
                   int64_t waited, int64_t time);
void entry_report(struct entry *entry, const uint32_t *numbers, size_t count);
void entry_note(struct entry *entry, enum spool_note note);
void entry_set_state(struct entry *entry, uint32_t number, enum address_state state);

/* Milliseconds to add for the time from `then` to `now`: a jumping clock adds little. */
int64_t waited_between(int64_t then, int64_t now);

/* Entries sorted by id, in chunks. */
struct index {
    struct chunk **chunks;
    size_t count, room; /* of chunks */
    size_t entries;
};

struct entry *index_find(const struct index *index, const struct message_id *id);
/* False when there is one with that id. */
bool index_insert(struct index *index, struct entry *entry);
void index_remove(struct index *index, const struct entry *entry);
/* The first one behind `after`, or of all when that is NULL. */
struct entry *index_next(const struct index *index, const struct message_id *after);
/* Frees the entries as well. */
void index_free(struct index *index);

#endif
