/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a message back: envelope and addresses from its records, content by parts. A
 * record that no longer agrees with its sum is an error, never mail.
 */
#include <assert.h>
#include <string.h>

#include "spool/inside.h"

#include "base/banned.h"

/* One read brings the heading and, nearly always, the whole text part. */
enum { READ_FIRST = 2048 };

static bool
record_damaged(const struct segment *segment, uint64_t offset, struct error *error)
{
    char name[SEGMENT_NAME_LIMIT];

    segment_name(segment->file, segment->header.kind, name);
    return fail_temporary(error, "4.3.0", "spool %s: damaged record at %llu", name,
                          (unsigned long long)offset);
}

static bool
segment_read_all(struct spool *spool, struct segment *segment, uint64_t offset,
                 void *bytes, size_t length, struct error *error)
{
    char name[SEGMENT_NAME_LIMIT];
    int result = segment_read(&spool->segments, segment, offset, bytes, length);

    if (result == 0)
        return true;
    segment_name(segment->file, segment->header.kind, name);
    return segment_error(error, name, result);
}

bool
spool_read_record(struct spool *spool, uint64_t place, struct arena *arena,
                  struct record *record, struct span *text, struct error *error)
{
    struct segment *segment = spool->segments.slots[place_slot(place)];
    uint64_t offset = place_offset(place), left = segment->size - offset;
    size_t first = left < READ_FIRST ? (size_t)left : READ_FIRST;
    const struct siphash_key *key = &segment->header.key;
    char *bytes = arena_alloc(arena, first), *all;
    size_t whole;

    if (!segment_read_all(spool, segment, offset, bytes, first, error))
        return false;
    if (!record_read(key, offset, (struct span){bytes, first}, record) ||
        record->layout.text > left)
        return record_damaged(segment, offset, error);
    whole = record->layout.heading + (size_t)record->layout.text;
    all = bytes;
    if (whole > first) {
        all = arena_alloc(arena, whole);
        memcpy(all, bytes, first);
        if (!segment_read_all(spool, segment, offset + first, all + first, whole - first,
                              error))
            return false;
    }
    *text = (struct span){all + record->layout.heading, record->layout.text};
    return record_text_is_whole(key, offset, record, text->bytes) ||
           record_damaged(segment, offset, error);
}

/* ------------------------------------------------------------ parts of records */

static const struct key outcome_keys[] = {
    {"permanent", KEY_FLAG, false, false, offsetof(struct spool_outcome, error.permanent),
     0, NULL},
    {"error-number", KEY_U32, false, false, offsetof(struct spool_outcome, error.number),
     0, NULL},
    {"status", KEY_CHARS, false, false, offsetof(struct spool_outcome, error.status),
     sizeof(((struct error *)0)->status), NULL},
    {"error", KEY_CHARS, false, false, offsetof(struct spool_outcome, error.text),
     sizeof(((struct error *)0)->text), NULL},
    {"remote", KEY_STRING, false, false, offsetof(struct spool_outcome, remote), 0, NULL},
    {"diagnostic", KEY_STRING, false, false, offsetof(struct spool_outcome, diagnostic),
     0, NULL},
    {0},
};

void
outcome_write(const struct spool_outcome *outcome, struct text *text)
{
    struct spool_outcome complete = *outcome;

    keys_copy_strings(outcome_keys, &complete, NULL);
    for (const struct key *key = outcome_keys; key->name != NULL; key++) {
        if (!key_is_set(key, &complete))
            continue;
        if (text->length > 0)
            text_add_byte(text, ' ');
        text_add(text, key->name);
        text_add_byte(text, '=');
        key_write(key, &complete, true, text);
    }
}

bool
outcome_read_text(struct span text, struct arena *arena, struct spool_outcome *outcome)
{
    struct span word;
    size_t at = 0;

    keys_copy_strings(outcome_keys, outcome, NULL);
    while (span_next(&text, ' ', &word)) {
        size_t equals = span_find(word, '=');
        const struct key *key = key_find(outcome_keys, span_first(word, equals), &at);

        if (equals == word.length)
            return false;
        if (key == NULL)
            continue; /* of a later minor version */
        at++;
        if (!key_read(key, outcome, span_from(word, equals + 1), arena))
            return false;
    }
    return true;
}

void
expansion_write(const struct address *addresses, const uint64_t *keys, size_t count,
                struct text *text)
{
    for (size_t i = 0; i < count; i++) {
        text_add_format(text, "%016llx ", (unsigned long long)keys[i]);
        address_write(&addresses[i], text);
        text_add_byte(text, '\n');
    }
}

bool
expansion_next(struct span *rest, struct arena *arena, uint64_t *key,
               struct address *address, struct error *error)
{
    struct span line, word;

    if (!span_next(rest, '\n', &line) || line.length == 0)
        return false;
    if (!span_next(&line, ' ', &word) || !record_sum_read(word, key))
        return fail_temporary(error, "4.3.0", "damaged expansion");
    return address_read(line, arena, address, error);
}

size_t
numbers_read(struct span text, struct arena *arena, uint32_t **numbers)
{
    size_t count = 0, room = 1;
    struct span word;

    for (size_t i = 0; i < text.length; i++)
        room += text.bytes[i] == ' ';
    *numbers = arena_array(arena, room, sizeof(**numbers));
    while (span_next(&text, ' ', &word)) {
        uint64_t number;

        if (span_number(word, UINT32_MAX, &number))
            (*numbers)[count++] = (uint32_t)number;
    }
    return count;
}

/* ------------------------------------------------------------ loading */

static const struct address address_empty = {.text = "",
                                             .source = "",
                                             .owner = "",
                                             .director = "",
                                             .router = "",
                                             .transport = "",
                                             .next_hop = "",
                                             .next_address = "",
                                             .user = "",
                                             .group = "",
                                             .home = "",
                                             .dsn_recipient = ""};

static void
load_recipients(const struct envelope *envelope, struct address *addresses, size_t count)
{
    for (size_t i = 0; i < count && i < envelope->recipient_count; i++) {
        const struct recipient *recipient = &envelope->recipients[i];

        addresses[i].text = recipient->text;
        addresses[i].notify = recipient->notify;
        addresses[i].dsn_recipient = recipient->original;
    }
}

static bool
load_expansion(struct spool *spool, uint64_t place, struct arena *arena,
               struct address *addresses, size_t count, struct error *error)
{
    struct error failed = {0};
    struct record record;
    struct address address;
    struct span text;
    uint64_t key;

    if (!spool_read_record(spool, place, arena, &record, &text, error))
        return false;
    while (expansion_next(&text, arena, &key, &address, &failed))
        if (address.number > 0 && address.number <= count)
            addresses[address.number - 1] = address;
    if (failed.status[0] == '\0')
        return true;
    if (error != NULL)
        *error = failed;
    return false;
}

bool
spool_load_outcome(struct spool *spool, const struct spool_message *message,
                   uint32_t number, struct arena *arena, struct spool_outcome *outcome,
                   struct error *error)
{
    struct record record;
    struct span text;

    *outcome = (struct spool_outcome){.remote = "", .diagnostic = ""};
    if (number == 0 || number > message->address_count ||
        message->addresses[number - 1].outcome == 0)
        return fail_temporary(error, "4.3.0", "message %s: address %u was never tried",
                              message->id.text, number);
    if (!spool_read_record(spool, message->addresses[number - 1].outcome, arena, &record,
                           &text, error))
        return false;
    outcome->number = record.number;
    outcome->outcome = record.outcome;
    outcome->report = record.report;
    outcome->time = record.time;
    return outcome_read_text(text, arena, outcome) ||
           fail_temporary(error, "4.3.0", "message %s: damaged outcome",
                          message->id.text);
}

/* What the last outcome said of an address that is not done. */
static bool
load_error(struct spool *spool, const struct spool_message *message, uint32_t number,
           struct arena *arena, struct address *address, struct error *error)
{
    struct spool_outcome outcome;

    if (message->addresses[number - 1].outcome == 0 ||
        address_state_done((enum address_state)message->addresses[number - 1].state))
        return true;
    if (!spool_load_outcome(spool, message, number, arena, &outcome, error))
        return false;
    address->error = outcome.error;
    address->report = outcome.report;
    return true;
}

bool
spool_load(struct spool *spool, const struct spool_message *message, struct arena *arena,
           struct envelope *envelope, struct address **addresses, struct error *error)
{
    const struct places *places = message->private;
    struct record record;
    struct span text;

    if (!spool_read_record(spool, places->place[0], arena, &record, &text, error) ||
        !envelope_read(text, arena, envelope, error))
        return false;
    *addresses = arena_array(arena, message->address_count, sizeof(**addresses));
    for (uint32_t i = 0; i < message->address_count; i++)
        (*addresses)[i] = address_empty;
    load_recipients(envelope, *addresses, message->address_count);
    for (uint32_t i = 1; i < places->count; i++)
        if (place_kind(places->place[i]) == PLACE_EXPANDED &&
            !load_expansion(spool, places->place[i], arena, *addresses,
                            message->address_count, error))
            return false;
    for (uint32_t i = 0; i < message->address_count; i++) {
        (*addresses)[i].number = i + 1;
        (*addresses)[i].state = (enum address_state)message->addresses[i].state;
        if (!load_error(spool, message, i + 1, arena, &(*addresses)[i], error))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------ content */

/* Where the content is: its segment, offset, sum, and the offset that the sum covers. */
struct content {
    struct segment *segment;
    uint64_t at, sum, sum_at;
};

static bool
content_find(struct spool *spool, const struct entry *entry, struct content *content,
             struct error *error)
{
    uint64_t place = entry_places(entry)->place[0], offset = place_offset(place);
    struct segment *home = spool->segments.slots[place_slot(place)];
    char bytes[RECORD_HEADING_LIMIT];
    uint64_t left = home->size - offset;
    size_t first = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
    struct record record;

    if (!segment_read_all(spool, home, offset, bytes, first, error))
        return false;
    if (!record_read(&home->header.key, offset, (struct span){bytes, first}, &record))
        return record_damaged(home, offset, error);
    if (entry->content_slot != 0)
        *content =
            (struct content){spool->segments.slots[entry->content_slot - 1],
                             entry->content_at, record.content_sum, entry->content_at};
    else
        *content = (struct content){home, offset + entry->content_at, record.content_sum,
                                    offset};
    return true;
}

/* The running check that has come to `offset`, a new one for 0, or NULL. */
static struct content_check *
check_find(struct spool *spool, uint64_t place, uint64_t offset,
           const struct content *content)
{
    struct content_check *check;

    for (size_t i = 0; i < CONTENT_CHECKS && offset > 0; i++)
        if (spool->checks[i].place == place && spool->checks[i].offset == offset)
            return &spool->checks[i];
    if (offset > 0)
        return NULL;
    check = &spool->checks[spool->next_check++ % CONTENT_CHECKS];
    *check = (struct content_check){.place = place};
    record_content_begin(&check->state, &content->segment->header.key, content->sum_at);
    return check;
}

/* Nobody followed the reading from its beginning: read all of it once more. */
static bool
content_check_whole(struct spool *spool, const struct content *content, uint64_t size,
                    struct error *error)
{
    struct siphash state;
    char bytes[64 * 1024];

    record_content_begin(&state, &content->segment->header.key, content->sum_at);
    for (uint64_t at = 0; at < size;) {
        size_t piece = size - at < sizeof(bytes) ? (size_t)(size - at) : sizeof(bytes);

        if (!segment_read_all(spool, content->segment, content->at + at, bytes, piece,
                              error))
            return false;
        siphash_add(&state, bytes, piece);
        at += piece;
    }
    return siphash_end(&state) == content->sum ||
           record_damaged(content->segment, content->at, error);
}

static bool
content_check_piece(struct spool *spool, const struct entry *entry,
                    const struct content *content, uint64_t offset, const void *bytes,
                    size_t length, struct error *error)
{
    struct content_check *check =
        check_find(spool, entry_places(entry)->place[0], offset, content);
    bool is_last = offset + length == entry->message.size;

    if (check == NULL)
        return !is_last ||
               content_check_whole(spool, content, entry->message.size, error);
    siphash_add(&check->state, bytes, length);
    check->offset = offset + length;
    if (!is_last)
        return true;
    check->place = 0;
    return siphash_end(&check->state) == content->sum ||
           record_damaged(content->segment, content->at, error);
}

bool
spool_read_content(struct spool *spool, const struct spool_message *message,
                   uint64_t offset, void *bytes, size_t length, struct error *error)
{
    const struct entry *entry = (const struct entry *)message;
    struct content content;

    if (offset > message->size || length > message->size - offset)
        return fail_temporary(error, "4.3.0", "message %s has %llu octets",
                              message->id.text, (unsigned long long)message->size);
    return content_find(spool, entry, &content, error) &&
           segment_read_all(spool, content.segment, content.at + offset, bytes, length,
                            error) &&
           content_check_piece(spool, entry, &content, offset, bytes, length, error);
}
