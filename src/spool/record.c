/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The headings of records: written, sealed with their sums, read back. */
#include "spool/record.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/banned.h"

/* What a sum is about goes into it, so that no part can stand for another. */
enum sum_part { SUM_HEADING = 1, SUM_TEXT, SUM_CONTENT, SUM_CHAIN };

enum word_type { WORD_U32, WORD_U64, WORD_I64, WORD_SUM, WORD_NAME, WORD_ID };

/* One row for each word of a heading; the order is the order on disk. */
struct word {
    const char *name;
    enum word_type type;
    size_t offset;
    unsigned kinds; /* bits of the kinds that have it */
    const char *(*name_of)(unsigned value);
};

static const char *const kind_names[] = {
    NULL,   "message", "expanded", "outcome", "reported",
    "note", "removed", "closed",   "commit",
};
static const char *const note_names[] = {"hold", "release", "warned", "retry"};

enum {
    IN_MESSAGE = 1 << RECORD_MESSAGE,
    IN_EXPANDED = 1 << RECORD_EXPANDED,
    IN_OUTCOME = 1 << RECORD_OUTCOME,
    IN_REPORTED = 1 << RECORD_REPORTED,
    IN_NOTE = 1 << RECORD_NOTE,
    IN_REMOVED = 1 << RECORD_REMOVED,
    IN_CLOSED = 1 << RECORD_CLOSED,
    IN_COMMIT = 1 << RECORD_COMMIT,
    IN_ANY = IN_MESSAGE | IN_EXPANDED | IN_OUTCOME | IN_REPORTED | IN_NOTE | IN_REMOVED,
    LAST_NAME = 8 /* more than any enum of names has */
};

static const char *
outcome_word(unsigned value)
{
    return value <= OUTCOME_FAILED ? outcome_name((enum outcome)value) : NULL;
}

static const char *
report_word(unsigned value)
{
    return value <= REPORT_CONFIG ? report_class_name((enum report_class)value) : NULL;
}

static const char *
note_word(unsigned value)
{
    return value <= NOTE_RETRY ? note_names[value] : NULL;
}

#define WORD(name, type, member, kinds, names)                                           \
    {                                                                                    \
        name, type, offsetof(struct record, member), kinds, names                        \
    }

static const struct word words[] = {
    WORD("generation", WORD_U32, generation, IN_ANY, NULL),
    WORD("time", WORD_I64, time, IN_ANY, NULL),
    WORD("recipients", WORD_U32, recipients, IN_MESSAGE, NULL),
    WORD("first", WORD_U32, first, IN_EXPANDED, NULL),
    WORD("number", WORD_U32, number, IN_OUTCOME, NULL),
    WORD("outcome", WORD_NAME, outcome, IN_OUTCOME, outcome_word),
    WORD("report", WORD_NAME, report, IN_OUTCOME, report_word),
    WORD("waited", WORD_I64, waited, IN_OUTCOME, NULL),
    WORD("attempts", WORD_U32, attempts, IN_OUTCOME, NULL),
    WORD("note", WORD_NAME, note, IN_NOTE, note_word),
    WORD("bounce", WORD_ID, bounce, IN_REPORTED, NULL),
    WORD("segment", WORD_U64, segment, IN_CLOSED, NULL),
    WORD("length", WORD_U64, length, IN_CLOSED, NULL),
    WORD("sequence", WORD_U64, sequence, IN_COMMIT, NULL),
    WORD("start", WORD_U64, start, IN_COMMIT, NULL),
    WORD("count", WORD_U64, count, IN_COMMIT, NULL),
    WORD("chain", WORD_SUM, chain, IN_COMMIT, NULL),
    WORD("in", WORD_U64, content_segment, IN_MESSAGE, NULL),
    WORD("at", WORD_U64, content_at, IN_MESSAGE, NULL),
};

/* ------------------------------------------------------------ writing */

static char *
put_string(char *at, const char *string)
{
    while (*string != '\0')
        *at++ = *string++;
    return at;
}

static char *
put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

static char *
put_sum(char *at, uint64_t sum)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[sum >> shift & 15];
    return at;
}

/* Is there anything to say? Numbers that are 0 and empty ids are left out. */
static bool
word_is_set(const struct word *word, const struct record *record)
{
    const void *member = (const char *)record + word->offset;

    switch (word->type) {
    case WORD_U32:
        return *(const uint32_t *)member != 0;
    case WORD_U64:
        return *(const uint64_t *)member != 0;
    case WORD_I64:
        return *(const int64_t *)member > 0;
    case WORD_ID:
        return ((const struct message_id *)member)->text[0] != '\0';
    case WORD_SUM:
    case WORD_NAME:
        break;
    }
    return true;
}

static char *
put_word(char *at, const struct word *word, const struct record *record)
{
    const void *member = (const char *)record + word->offset;

    *at++ = ' ';
    at = put_string(at, word->name);
    *at++ = '=';
    switch (word->type) {
    case WORD_U32:
        return put_number(at, *(const uint32_t *)member);
    case WORD_U64:
    case WORD_I64:
        return put_number(at, *(const uint64_t *)member);
    case WORD_SUM:
        return put_sum(at, *(const uint64_t *)member);
    case WORD_NAME:
        return put_string(at, word->name_of(*(const unsigned *)member));
    case WORD_ID:
        break;
    }
    return put_string(at, ((const struct message_id *)member)->text);
}

/* " NAME=LENGTH:SUM"; *sum_at becomes the place of the sum in the heading. */
static char *
put_part(char *at, const char *name, uint64_t length, uint64_t sum, const char *heading,
         uint32_t *sum_at)
{
    *at++ = ' ';
    at = put_string(at, name);
    *at++ = '=';
    at = put_number(at, length);
    *at++ = ':';
    *sum_at = (uint32_t)(at - heading);
    return put_sum(at, sum);
}

size_t
record_write(struct record *record, char heading[static RECORD_HEADING_LIMIT])
{
    struct record_layout *layout = &record->layout;
    bool elsewhere = record->content_segment != 0;
    char *at = heading;

    assert(record->kind > RECORD_UNKNOWN && record->kind <= RECORD_COMMIT);
    *at++ = '@';
    at = put_string(at, kind_names[record->kind]);
    *at++ = ' ';
    at = put_string(at, record->id.text[0] != '\0' ? record->id.text : "-");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if ((words[i].kinds >> record->kind & 1) != 0 && word_is_set(&words[i], record))
            at = put_word(at, &words[i], record);
    *layout = (struct record_layout){.text = layout->text};
    if (layout->text > 0)
        at = put_part(at, "text", layout->text, 0, heading, &layout->text_sum_at);
    if (record->kind == RECORD_MESSAGE)
        at = put_part(at, "content", record->content_size,
                      elsewhere ? record->content_sum : 0, heading,
                      &layout->content_sum_at);
    if (elsewhere)
        layout->content_sum_at = 0;
    else
        layout->content = record->content_size;
    at = put_string(at, " sum=");
    at = put_sum(at, 0);
    *at++ = '\n';
    layout->heading = (uint32_t)(at - heading);
    return layout->heading;
}

uint64_t
record_size(const struct record_layout *layout)
{
    return layout->heading + layout->text + layout->content + 1;
}

/* ------------------------------------------------------------ sums */

static void
sum_begin(struct siphash *state, const struct siphash_key *key, uint64_t offset,
          enum sum_part part)
{
    uint8_t about[16] = {0};

    for (int i = 0; i < 8; i++)
        about[i] = (uint8_t)(offset >> 8 * i);
    about[8] = (uint8_t)part;
    siphash_begin(state, key);
    siphash_add(state, about, sizeof(about));
}

static uint64_t
sum_of(const struct siphash_key *key, uint64_t offset, enum sum_part part,
       const void *bytes, size_t length)
{
    struct siphash state;

    sum_begin(&state, key, offset, part);
    siphash_add(&state, bytes, length);
    return siphash_end(&state);
}

void
record_content_begin(struct siphash *state, const struct siphash_key *key,
                     uint64_t offset)
{
    sum_begin(state, key, offset, SUM_CONTENT);
}

void
record_chain_begin(struct siphash *state, const struct siphash_key *key, uint64_t offset)
{
    sum_begin(state, key, offset, SUM_CHAIN);
}

void
record_chain_add(struct siphash *state, uint64_t sum)
{
    uint8_t bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(sum >> 8 * i);
    siphash_add(state, bytes, sizeof(bytes));
}

uint64_t
record_seal(const struct siphash_key *key, uint64_t offset, char *record,
            const struct record_layout *layout)
{
    char *text = record + layout->heading, *content = text + layout->text;
    size_t end = layout->heading - RECORD_SUM_WIDTH - 1;
    uint64_t sum;

    if (layout->text_sum_at > 0)
        put_sum(record + layout->text_sum_at,
                sum_of(key, offset, SUM_TEXT, text, layout->text));
    if (layout->content_sum_at > 0)
        put_sum(record + layout->content_sum_at,
                sum_of(key, offset, SUM_CONTENT, content, layout->content));
    sum = sum_of(key, offset, SUM_HEADING, record, end);
    put_sum(record + end, sum);
    return sum;
}

bool
record_text_is_whole(const struct siphash_key *key, uint64_t offset,
                     const struct record *record, const void *text)
{
    return record->layout.text == 0 ||
           record->text_sum == sum_of(key, offset, SUM_TEXT, text, record->layout.text);
}

bool
record_content_is_whole(const struct siphash_key *key, uint64_t offset,
                        const struct record *record, const void *content)
{
    return record->kind != RECORD_MESSAGE || record->content_segment != 0 ||
           record->content_sum ==
               sum_of(key, offset, SUM_CONTENT, content, record->layout.content);
}

/* ------------------------------------------------------------ reading */

bool
record_sum_read(struct span text, uint64_t *sum)
{
    *sum = 0;
    if (text.length != RECORD_SUM_WIDTH)
        return false;
    for (size_t i = 0; i < RECORD_SUM_WIDTH; i++) {
        char byte = text.bytes[i];

        if (byte_is_digit(byte))
            *sum = *sum << 4 | (uint64_t)(byte - '0');
        else if (byte >= 'a' && byte <= 'f')
            *sum = *sum << 4 | (uint64_t)(byte - 'a' + 10);
        else
            return false;
    }
    return true;
}

static bool
read_id(struct span text, struct message_id *id)
{
    return text.length == MESSAGE_ID_LENGTH && message_id_read(text, id);
}

static bool
read_name(const struct word *word, struct span value, unsigned *number)
{
    for (*number = 0; *number < LAST_NAME; ++*number) {
        const char *name = word->name_of(*number);

        if (name != NULL && span_is(value, name))
            return true;
    }
    return false;
}

static bool
read_value(const struct word *word, struct span value, struct record *record)
{
    void *member = (char *)record + word->offset;
    uint64_t number = 0;

    switch (word->type) {
    case WORD_U32:
        if (!span_number(value, UINT32_MAX, &number))
            return false;
        *(uint32_t *)member = (uint32_t)number;
        return true;
    case WORD_U64:
        return span_number(value, INT64_MAX, member);
    case WORD_I64:
        if (!span_number(value, INT64_MAX, &number))
            return false;
        *(int64_t *)member = (int64_t)number;
        return true;
    case WORD_SUM:
        return record_sum_read(value, member);
    case WORD_NAME:
        return read_name(word, value, member);
    case WORD_ID:
        return read_id(value, member);
    }
    return false;
}

/* "LENGTH:SUM" */
static bool
read_part(struct span value, uint64_t *length, uint64_t *sum)
{
    size_t colon = span_find(value, ':');

    return colon < value.length &&
           span_number(span_first(value, colon), INT64_MAX / 4, length) &&
           record_sum_read(span_from(value, colon + 1), sum);
}

static bool
read_word(struct span word, struct record *record)
{
    size_t equals = span_find(word, '=');
    struct span name = span_first(word, equals), value = span_from(word, equals + 1);

    if (equals == word.length)
        return false;
    if (span_equal(name, SPAN("text")))
        return read_part(value, &record->layout.text, &record->text_sum);
    if (span_equal(name, SPAN("content")))
        return read_part(value, &record->content_size, &record->content_sum);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if ((words[i].kinds >> record->kind & 1) != 0 && span_is(name, words[i].name))
            return read_value(&words[i], value, record);
    return true; /* of a later minor version */
}

static void
read_kind(struct span word, struct record *record)
{
    for (unsigned kind = RECORD_MESSAGE; kind <= RECORD_COMMIT; kind++)
        if (span_is(word, kind_names[kind]))
            record->kind = (enum record_kind)kind;
    record->needed = span_starts(word, "!");
}

/* The heading's words, all of them verified already. */
static bool
read_heading(struct span heading, struct record *record)
{
    struct span rest = span_from(heading, 1), word;

    if (!span_next(&rest, ' ', &word))
        return false;
    read_kind(word, record);
    if (!span_next(&rest, ' ', &word) ||
        (!span_equal(word, SPAN("-")) && !read_id(word, &record->id)))
        return false;
    while (span_next(&rest, ' ', &word))
        if (!read_word(word, record))
            return false;
    record->layout.content = record->content_segment == 0 ? record->content_size : 0;
    return true;
}

bool
record_read(const struct siphash_key *key, uint64_t offset, struct span bytes,
            struct record *record)
{
    static const char last[] = " sum=";
    struct span line = span_first(bytes, RECORD_HEADING_LIMIT);
    size_t end = span_find(line, '\n'), tail = RECORD_SUM_WIDTH + sizeof(last) - 1;

    if (end == line.length || end < tail + 2 || line.bytes[0] != '@')
        return false;
    *record = (struct record){.layout.heading = (uint32_t)end + 1};
    line = span_first(line, end);
    if (memcmp(line.bytes + end - tail, last, sizeof(last) - 1) != 0 ||
        !record_sum_read(span_from(line, end - RECORD_SUM_WIDTH), &record->sum) ||
        record->sum !=
            sum_of(key, offset, SUM_HEADING, line.bytes, end - RECORD_SUM_WIDTH))
        return false;
    return read_heading(span_first(line, end - tail), record);
}

struct message_id
record_guess(struct span bytes)
{
    struct span rest = span_first(bytes, 80), word;
    struct message_id id = {0};

    while (span_next(&rest, ' ', &word))
        if (read_id(word, &id))
            return id;
    return (struct message_id){0};
}
