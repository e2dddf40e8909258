/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adding to the open group. Nothing is written and nothing in the index changes, but what
 * is added later in the same group is checked against what is there already.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "spool/inside.h"

#include "base/banned.h"

/* The living message, or the one that the open group makes. */
static struct entry *
append_find(const struct spool *spool, const struct message_id *id)
{
    struct entry *entry = index_find(&spool->index, id);

    if (entry != NULL || spool->group.messages == 0)
        return entry;
    for (size_t i = spool->group.count; i > 0; i--) {
        const struct operation *operation = &spool->group.operations[i - 1];

        if (operation->kind == OPERATION_MESSAGE &&
            memcmp(operation->id.text, id->text, sizeof(id->text)) == 0)
            return operation->entry;
    }
    return NULL;
}

static struct entry *
append_entry(const struct spool *spool, const struct message_id *id, struct error *error)
{
    struct entry *entry = append_find(spool, id);

    if (entry == NULL)
        fail_temporary(error, "4.3.0", "message %s is not in the spool", id->text);
    return entry;
}

/* A record about `entry`, with what all of them say. */
static struct operation *
append_record(struct spool *spool, struct entry *entry, struct record *record,
              struct span text, enum operation_kind kind)
{
    struct operation *operation;

    record->id = entry->message.id;
    record->generation = entry->generation;
    operation = group_add(&spool->group, record, text, (struct span){0});
    operation->kind = kind;
    operation->entry = entry;
    operation->place_kind = kind == OPERATION_OUTCOME ? PLACE_OUTCOME : PLACE_NOTE;
    operation->time = record->time;
    entry->operations++;
    return operation;
}

/* ------------------------------------------------------------ messages */

/* What spool_add_message() and spool_stream_end() share: `record` says where the content
 * is. */
static bool
append_message(struct spool *spool, struct record *record,
               const struct envelope *envelope, struct span content,
               uint32_t content_slot, struct error *error)
{
    struct operation *operation;
    struct entry *entry;
    struct text text;

    if (append_find(spool, &record->id) != NULL)
        return fail_temporary(error, "4.3.0", "message %s is there already",
                              record->id.text);
    if (envelope->recipient_count == 0 ||
        envelope->recipient_count > ENTRY_ADDRESSES_MOST)
        return fail_temporary(error, "4.3.0", "message %s has no recipients",
                              record->id.text);
    arena_reset(spool->scratch);
    text = text_new(spool->scratch);
    envelope_write(envelope, &text);
    record->time = envelope->received;
    record->recipients = (uint32_t)envelope->recipient_count;
    operation = group_add(&spool->group, record, text_span(&text), content);
    entry = spool_message_entry(&record->id, envelope, record);
    entry->content_slot = content_slot;
    entry->operations = 1;
    operation->kind = OPERATION_MESSAGE;
    operation->place_kind = PLACE_MESSAGE;
    operation->entry = entry;
    spool->group.messages++;
    return true;
}

bool
spool_add_message(struct spool *spool, const struct message_id *id,
                  const struct envelope *envelope, struct span content,
                  struct error *error)
{
    struct record record = {
        .kind = RECORD_MESSAGE, .id = *id, .content_size = content.length};

    return spool_has_room(spool, error) &&
           append_message(spool, &record, envelope, content, 0, error);
}

bool
spool_append_streamed(struct spool *spool, const struct message_id *id,
                      const struct envelope *envelope, const struct segment *segment,
                      uint64_t size, uint64_t sum, struct error *error)
{
    struct record record = {.kind = RECORD_MESSAGE,
                            .id = *id,
                            .content_size = size,
                            .content_sum = sum,
                            .content_segment = segment->header.serial,
                            .content_at = SEGMENT_BLOCK};

    return append_message(spool, &record, envelope, (struct span){0}, segment->slot + 1,
                          error);
}

/* ------------------------------------------------------------ expansions */

/* A set of the addresses that a message has, by their keys. */
struct key_set {
    uint32_t *numbers; /* open addressing; 0 is free */
    size_t mask;
};

static struct key_set
key_set_new(const struct entry *entry, size_t more, struct arena *arena)
{
    size_t count = entry->message.address_count + entry->address_added;
    size_t size = 16;
    struct key_set set;

    while (size < 2 * (count + more))
        size *= 2;
    set = (struct key_set){arena_array(arena, size, sizeof(*set.numbers)), size - 1};
    for (size_t i = 0; i < count; i++) {
        size_t at = entry->message.addresses[i].key & set.mask;

        while (set.numbers[at] != 0)
            at = (at + 1) & set.mask;
        set.numbers[at] = (uint32_t)i + 1;
    }
    return set;
}

static bool
address_is_ancestor(const struct spool_address *addresses, uint32_t number,
                    uint32_t parent)
{
    /* A parent has a lower number than its children, so this ends. */
    while (parent != 0 && parent != number && addresses[parent - 1].parent < parent)
        parent = addresses[parent - 1].parent;
    return parent == number;
}

/*
 * Does the message go to an address with that key already? An ancestor does not count: it
 * became this address, so who is left out for its sake gets nothing at all. Gives the
 * place for a new one.
 */
static bool
key_set_has(const struct key_set *set, const struct spool_address *addresses,
            uint64_t key, uint32_t parent, size_t *free_at)
{
    size_t at = key & set->mask;

    for (; set->numbers[at] != 0; at = (at + 1) & set->mask) {
        uint32_t number = set->numbers[at];

        if (addresses[number - 1].key == key &&
            !address_is_ancestor(addresses, number, parent))
            return true;
    }
    *free_at = at;
    return false;
}

/* The number that `parent` means, 0 if none that is known. */
static uint32_t
expansion_parent(const struct entry *entry, const struct address *addresses, size_t at)
{
    uint32_t parent = addresses[at].parent;

    if ((parent & ADDRESS_PARENT_IN_ARRAY) != 0) {
        parent &= ~ADDRESS_PARENT_IN_ARRAY;
        return parent < at ? addresses[parent].number : 0;
    }
    return parent <= entry->message.address_count + entry->address_added ? parent : 0;
}

/* Number the new addresses, find duplicates, and put them behind those of the index. */
static bool
expansion_number(struct entry *entry, struct address *addresses, const uint64_t *keys,
                 size_t count, struct key_set *set, struct error *error)
{
    struct spool_message *message = &entry->message;
    uint32_t known = message->address_count + entry->address_added;

    for (size_t i = 0; i < count; i++) {
        uint32_t parent;
        size_t at = 0;

        if (addresses[i].number > known)
            return fail_temporary(error, "4.3.0", "message %s has no address %u",
                                  message->id.text, addresses[i].number);
        if (addresses[i].number != 0)
            continue;
        parent = expansion_parent(entry, addresses, i);
        if (parent == 0)
            return fail_temporary(error, "4.3.0", "message %s: address without parent",
                                  message->id.text);
        addresses[i].parent = parent;
        if (key_set_has(set, message->addresses, keys[i], parent, &at))
            addresses[i].state = ADDRESS_DUPLICATE;
        addresses[i].number = message->address_count + ++entry->address_added;
        message->addresses[addresses[i].number - 1] = (struct spool_address){
            .key = keys[i], .parent = parent, .state = (uint8_t)addresses[i].state};
        if (addresses[i].state != ADDRESS_DUPLICATE)
            set->numbers[at] = addresses[i].number;
    }
    return true;
}

static void
expansion_changes(struct spool *spool, struct operation *operation,
                  const struct address *addresses, const uint64_t *keys, size_t count,
                  uint32_t known)
{
    struct change *changes = arena_array(spool->group.arena, count, sizeof(*changes));

    for (size_t i = 0; i < count; i++) {
        bool is_new = addresses[i].number > known;

        changes[i] = (struct change){.number = addresses[i].number,
                                     .parent = is_new ? addresses[i].parent : 0,
                                     .key = is_new ? keys[i] : 0,
                                     .state = addresses[i].state};
    }
    operation->changes = changes;
    operation->count = count;
}

bool
spool_add_expanded(struct spool *spool, const struct message_id *id,
                   struct address *addresses, const uint64_t *keys, size_t count,
                   struct error *error)
{
    struct record record = {.kind = RECORD_EXPANDED, .time = clock_milliseconds()};
    struct entry *entry = append_entry(spool, id, error);
    struct operation *operation;
    struct key_set set;
    struct text text;
    uint32_t known, added;

    if (entry == NULL)
        return false;
    if (count == 0)
        return true;
    if (count >
        ENTRY_ADDRESSES_MOST - (entry->message.address_count + entry->address_added))
        return fail_temporary(error, "4.3.0", "message %s: too many addresses", id->text);
    arena_reset(spool->scratch);
    added = entry->address_added;
    known = entry->message.address_count + added;
    entry_reserve(entry, (uint32_t)count);
    set = key_set_new(entry, count, spool->scratch);
    if (!expansion_number(entry, addresses, keys, count, &set, error)) {
        entry->address_added = added;
        return false;
    }
    text = text_new(spool->scratch);
    expansion_write(addresses, keys, count, &text);
    record.first = entry->address_added > added ? known + 1 : 0;
    operation = append_record(spool, entry, &record, text_span(&text), OPERATION_EXPAND);
    operation->place_kind = PLACE_EXPANDED;
    expansion_changes(spool, operation, addresses, keys, count, known);
    return true;
}

/* ------------------------------------------------------------ outcomes and the rest */

bool
spool_add_outcome(struct spool *spool, const struct message_id *id,
                  const struct spool_outcome *outcome, struct error *error)
{
    struct entry *entry = append_entry(spool, id, error);
    struct record record = {.kind = RECORD_OUTCOME,
                            .number = outcome->number,
                            .outcome = outcome->outcome,
                            .report = outcome->report,
                            .time = outcome->time};
    struct operation *operation;
    struct text text;

    if (entry == NULL)
        return false;
    if (outcome->number == 0 ||
        outcome->number > entry->message.address_count + entry->address_added)
        return fail_temporary(error, "4.3.0", "message %s has no address %u", id->text,
                              outcome->number);
    record.waited =
        entry->message.waited + waited_between(entry->message.waited_at, outcome->time);
    if (outcome->outcome == OUTCOME_DEFERRED)
        record.attempts = entry->message.attempts + ++entry->deferrals;
    arena_reset(spool->scratch);
    text = text_new(spool->scratch);
    outcome_write(outcome, &text);
    operation = append_record(spool, entry, &record, text_span(&text), OPERATION_OUTCOME);
    operation->number = outcome->number;
    operation->outcome = outcome->outcome;
    operation->waited = record.waited;
    return true;
}

bool
spool_add_reported(struct spool *spool, const struct message_id *id,
                   const uint32_t *numbers, size_t count, const struct message_id *bounce,
                   struct error *error)
{
    struct record record = {.kind = RECORD_REPORTED, .time = clock_milliseconds()};
    struct entry *entry = append_entry(spool, id, error);
    struct operation *operation;
    struct text text;

    if (entry == NULL)
        return false;
    if (bounce != NULL && append_entry(spool, bounce, error) == NULL)
        return false;
    arena_reset(spool->scratch);
    text = text_new(spool->scratch);
    for (size_t i = 0; i < count; i++)
        text_add_format(&text, i == 0 ? "%u" : " %u", numbers[i]);
    if (bounce != NULL)
        record.bounce = *bounce;
    operation = append_record(spool, entry, &record, text_span(&text), OPERATION_REPORT);
    operation->with_bounce = bounce != NULL;
    operation->numbers =
        arena_array(spool->group.arena, count, sizeof(*operation->numbers));
    if (count > 0)
        memcpy(operation->numbers, numbers, count * sizeof(*numbers));
    operation->count = count;
    return true;
}

bool
spool_add_note(struct spool *spool, const struct message_id *id, enum spool_note note,
               const char *text, struct error *error)
{
    struct record record = {
        .kind = RECORD_NOTE, .note = note, .time = clock_milliseconds()};
    struct entry *entry = append_entry(spool, id, error);
    struct text coded;

    if (entry == NULL)
        return false;
    arena_reset(spool->scratch);
    coded = text_new(spool->scratch);
    if (text != NULL)
        key_escape(span_of(text), false, &coded);
    append_record(spool, entry, &record, text_span(&coded), OPERATION_NOTE)->note = note;
    return true;
}

bool
spool_add_removed(struct spool *spool, const struct message_id *id, struct error *error)
{
    struct record record = {.kind = RECORD_REMOVED, .time = clock_milliseconds()};
    struct entry *entry = append_entry(spool, id, error);

    if (entry == NULL)
        return false;
    append_record(spool, entry, &record, (struct span){0}, OPERATION_REMOVE);
    return true;
}

bool
spool_group_is_open(const struct spool *spool)
{
    return spool->group.count > 0;
}

bool
spool_group_needs_sync(const struct spool *spool)
{
    return spool->group.messages > 0;
}
