/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the records of old segments to living messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/recover.h"

#include "base/banned.h"

void
recovering_free(struct recovering *recovering)
{
    for (size_t i = 0; i < recovering->count; i++) {
        free(recovering->operations[i].changes);
        free(recovering->operations[i].numbers);
    }
    free(recovering->operations);
    if (recovering->entry != NULL)
        entry_free(recovering->entry);
    free(recovering);
}

static struct recovering *
recovering_get(struct recovery *recovery, const struct message_id *id)
{
    struct span key = {id->text, MESSAGE_ID_LENGTH};
    struct recovering *recovering = table_get(recovery->messages, key);

    if (recovering == NULL) {
        recovering = memory_alloc(sizeof(*recovering));
        recovering->id = *id;
        table_put(recovery->messages, key, recovering);
    }
    return recovering;
}

/* ------------------------------------------------------------ records */

/* The entry of a copy. What this version does not understand is held, not dropped. */
static struct entry *
replay_entry(struct recovery *recovery, const struct scanned *scanned)
{
    const struct record *record = &scanned->record;
    struct envelope envelope;
    struct error error = {0};
    struct entry *entry;
    uint32_t count;

    if (envelope_read(scanned->text, recovery->arena, &envelope, &error) &&
        envelope.recipient_count == record->recipients)
        return spool_message_entry(&record->id, &envelope, record);
    envelope = envelope_new();
    envelope.reverse_path = "?"; /* not known to be a bounce */
    entry = spool_message_entry(&record->id, &envelope, record);
    count = record->recipients < ENTRY_ADDRESSES_MOST ? record->recipients
                                                      : ENTRY_ADDRESSES_MOST;
    entry_reserve(entry, count);
    entry->message.address_count = entry->message.pending_count = count;
    entry->message.held = true;
    return entry;
}

/* Is the copy that was found now better than the one that is known? */
static bool
copy_is_better(const struct recovering *recovering, const struct record *record)
{
    return recovering->entry == NULL ||
           record->generation >= recovering->entry->generation;
}

static void
replay_message(struct spool *spool, struct segment *segment,
               const struct scanned *scanned)
{
    struct recovery *recovery = spool->recovery;
    struct recovering *recovering = recovering_get(recovery, &scanned->record.id);

    if (recovering->decided) {
        /* The newer copy, and what became of it, must be there as long as this one. */
        segment_outlast(segment, spool->segments.slots[place_slot(recovering->home)]);
        return;
    }
    if (!copy_is_better(recovering, &scanned->record))
        return;
    if (recovering->entry != NULL) {
        entry_free(recovering->entry);
    } else {
        recovering->next = recovery->fresh;
        recovery->fresh = recovering;
    }
    recovering->entry = replay_entry(recovery, scanned);
    recovering->home = place_make(segment->slot, PLACE_MESSAGE, scanned->offset);
    recovering->content_segment = scanned->record.content_segment;
}

static struct operation *
replay_operation(struct spool *spool, const struct segment *segment,
                 const struct scanned *scanned, enum operation_kind kind)
{
    const struct record *record = &scanned->record;
    struct recovering *recovering = recovering_get(spool->recovery, &record->id);
    struct operation *operation;

    if (recovering->count == recovering->room) {
        recovering->room = recovering->room > 0 ? 2 * recovering->room : 1;
        recovering->operations = memory_grow(
            recovering->operations, recovering->room * sizeof(*recovering->operations));
    }
    operation = &recovering->operations[recovering->count++];
    *operation = (struct operation){.kind = kind,
                                    .at = segment->header.serial,
                                    .number = record->number,
                                    .outcome = record->outcome,
                                    .note = record->note,
                                    .time = record->time,
                                    .waited = record->waited,
                                    .attempts = record->attempts};
    operation->place_kind = kind == OPERATION_EXPAND    ? PLACE_EXPANDED
                            : kind == OPERATION_OUTCOME ? PLACE_OUTCOME
                                                        : PLACE_NOTE;
    operation->old_place =
        place_make(segment->slot, operation->place_kind, scanned->offset);
    return operation;
}

static void
replay_expanded(struct spool *spool, const struct segment *segment,
                const struct scanned *scanned)
{
    struct operation *operation =
        replay_operation(spool, segment, scanned, OPERATION_EXPAND);
    struct span rest = scanned->text;
    struct address address;
    struct error error = {0};
    uint64_t key;
    size_t room = 1;

    for (size_t i = 0; i < rest.length; i++)
        room += rest.bytes[i] == '\n';
    operation->changes = memory_alloc(room * sizeof(*operation->changes));
    while (operation->count < room &&
           expansion_next(&rest, spool->recovery->arena, &key, &address, &error)) {
        bool is_new =
            scanned->record.first != 0 && address.number >= scanned->record.first;

        operation->changes[operation->count++] =
            (struct change){.number = address.number,
                            .parent = is_new ? address.parent : 0,
                            .key = is_new ? key : 0,
                            .state = address.state};
    }
    if (error.status[0] != '\0')
        replay_operation(spool, segment, scanned, OPERATION_NOTE)->note = NOTE_HOLD;
}

static void
replay_reported(struct spool *spool, const struct segment *segment,
                const struct scanned *scanned)
{
    struct operation *operation =
        replay_operation(spool, segment, scanned, OPERATION_REPORT);
    uint32_t *numbers;

    operation->count = numbers_read(scanned->text, spool->recovery->arena, &numbers);
    operation->numbers = memory_alloc(operation->count * sizeof(*numbers));
    if (operation->count > 0)
        memcpy(operation->numbers, numbers, operation->count * sizeof(*numbers));
}

static void
replay_closed(struct recovery *recovery, const struct record *record)
{
    recovery->closures = memory_grow(recovery->closures, (recovery->closure_count + 1) *
                                                             sizeof(*recovery->closures));
    recovery->closures[recovery->closure_count++] =
        (struct closure){.serial = record->segment, .length = record->length};
}

void
recovery_record(struct spool *spool, struct segment *segment,
                const struct scanned *scanned)
{
    arena_reset(spool->recovery->arena);
    if (scanned->record.kind == RECORD_CLOSED) {
        replay_closed(spool->recovery, &scanned->record);
        return;
    }
    if (scanned->record.id.text[0] == '\0')
        return;
    switch (scanned->record.kind) {
    case RECORD_MESSAGE:
        replay_message(spool, segment, scanned);
        break;
    case RECORD_EXPANDED:
        replay_expanded(spool, segment, scanned);
        break;
    case RECORD_OUTCOME:
        replay_operation(spool, segment, scanned, OPERATION_OUTCOME);
        break;
    case RECORD_REPORTED:
        replay_reported(spool, segment, scanned);
        break;
    case RECORD_NOTE:
        replay_operation(spool, segment, scanned, OPERATION_NOTE);
        break;
    case RECORD_REMOVED:
        replay_operation(spool, segment, scanned, OPERATION_REMOVE);
        break;
    default:
        if (scanned->record.needed)
            replay_operation(spool, segment, scanned, OPERATION_NOTE)->note = NOTE_HOLD;
        break;
    }
}

/* ------------------------------------------------------------ deciding */

static int
operation_compare(const void *left, const void *right)
{
    const struct operation *a = left, *b = right;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (place_offset(a->old_place) != place_offset(b->old_place))
        return place_offset(a->old_place) < place_offset(b->old_place) ? -1 : 1;
    return 0;
}

/* What stands before the copy is in the copy already. */
static bool
operation_is_later(const struct spool *spool, const struct recovering *recovering,
                   const struct operation *operation)
{
    uint64_t serial = spool->segments.slots[place_slot(recovering->home)]->header.serial;

    return operation->at > serial ||
           (operation->at == serial &&
            place_offset(operation->old_place) > place_offset(recovering->home));
}

/* An outcome of an address that a lost expansion made: a gap, so its number is not
 * reused. */
static void
replay_gap(struct entry *entry, const struct operation *operation)
{
    struct change gap = {.number = operation->number, .state = ADDRESS_DUPLICATE};

    if (operation->kind == OPERATION_OUTCOME &&
        operation->number > entry->message.address_count)
        entry_expand(entry, &gap, 1);
}

static void
replay_apply(struct spool *spool, struct recovering *recovering)
{
    struct entry *entry = recovering->entry;

    if (recovering->count > 1)
        qsort(recovering->operations, recovering->count, sizeof(*recovering->operations),
              operation_compare);
    entry_add_place(entry, recovering->home);
    for (size_t i = 0; i < recovering->count; i++) {
        struct operation *operation = &recovering->operations[i];

        if (!operation_is_later(spool, recovering, operation))
            continue;
        replay_gap(entry, operation);
        operation->entry = entry;
        spool_apply_state(operation);
        if (operation->kind == OPERATION_OUTCOME && operation->number > 0 &&
            operation->number <= entry->message.address_count)
            entry_add_outcome_place(entry, operation->number, operation->old_place);
        else
            entry_add_place(entry, operation->old_place);
    }
}

static int
content_compare(const void *left, const void *right)
{
    uint64_t serial = *(const uint64_t *)left;
    const struct segment *segment = *(struct segment *const *)right;

    if (serial == segment->header.serial)
        return 0;
    return serial < segment->header.serial ? -1 : 1;
}

/* A living message whose content is in a segment of its own: which one? */
static void
replay_content(struct spool *spool, struct recovering *recovering)
{
    struct recovery *recovery = spool->recovery;
    struct entry *entry = recovering->entry;
    struct segment **content;
    char text[160];

    if (recovering->content_segment == 0)
        return;
    content =
        recovery->content_count > 0
            ? bsearch(&recovering->content_segment, recovery->contents,
                      recovery->content_count, sizeof(struct segment *), content_compare)
            : NULL;
    if (content != NULL && (*content)->size >= entry->content_at + entry->message.size) {
        entry->content_slot = (*content)->slot + 1;
        return;
    }
    entry->message.held = true;
    snprintf(text, sizeof(text), "message %s: its content, segment %llu, is missing",
             entry->message.id.text, (unsigned long long)recovering->content_segment);
    recovery->damage(recovery->argument, text);
}

/* The end of it is recorded elsewhere: that must stay as long as the message's record. */
static void
replay_finished(struct spool *spool, const struct recovering *recovering)
{
    const struct places *places = entry_places(recovering->entry);
    struct segment *home = spool->segments.slots[place_slot(recovering->home)];

    for (uint32_t i = 1; i < places->count; i++)
        segment_outlast(home, spool->segments.slots[place_slot(places->place[i])]);
}

static void
replay_living(struct spool *spool, struct recovering *recovering)
{
    struct entry *entry = recovering->entry;
    const struct places *places = entry_places(entry);

    replay_content(spool, recovering);
    if (!index_insert(&spool->index, entry))
        return;
    for (uint32_t i = 0; i < places->count; i++)
        spool_place_added(spool, entry, places->place[i]);
    recovering->entry = NULL;
    spool->recovery->found(spool->recovery->argument, &entry->message);
}

/* Forget what it took to decide; of a copy, remember that older ones do not count. */
static void
replay_forget(struct recovery *recovery, struct recovering *recovering,
              uint32_t generation)
{
    struct span key = {recovering->id.text, MESSAGE_ID_LENGTH};
    struct recovering *left;

    table_remove(recovery->messages, key);
    if (generation > 0) {
        left = memory_alloc(sizeof(*left));
        left->id = recovering->id;
        left->home = recovering->home;
        left->decided = true;
        table_put(recovery->messages, key, left);
    }
    recovering_free(recovering);
}

void
recovery_decide(struct spool *spool)
{
    struct recovery *recovery = spool->recovery;

    while (recovery->fresh != NULL) {
        struct recovering *recovering = recovery->fresh;
        uint32_t generation = recovering->entry->generation;

        recovery->fresh = recovering->next;
        replay_apply(spool, recovering);
        if (recovering->entry->dropped || recovering->entry->message.pending_count == 0)
            replay_finished(spool, recovering);
        else
            replay_living(spool, recovering);
        replay_forget(recovery, recovering, generation);
    }
}
