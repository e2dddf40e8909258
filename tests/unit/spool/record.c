/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records: what is written is read, and nothing else passes for one. */
#include "spool/record.h"

#include <string.h>

#include "base/arena.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct siphash_key key = {{0x0123456789abcdef, 0xfedcba9876543210}};
static const struct siphash_key other_key = {{0x0123456789abcdef, 0xfedcba9876543211}};

static const char text[] = "!reverse-path: a@b\n";
static const char content[] = "Subject: x\r\n\r\n@message m0puwU8-00023UB sum=0\n";

enum { ROOM = 1024, OFFSET = 8192 };

/* A whole record at OFFSET; returns its size. */
static size_t
record_make(struct record *record, bool with_text, char bytes[ROOM])
{
    size_t length;

    record->layout.text = with_text ? sizeof(text) - 1 : 0;
    if (record->kind == RECORD_MESSAGE && record->content_segment == 0)
        record->content_size = sizeof(content) - 1;
    length = record_write(record, bytes);
    memcpy(bytes + length, text, record->layout.text);
    length += record->layout.text;
    memcpy(bytes + length, content, record->layout.content);
    length += record->layout.content;
    bytes[length++] = '\n';
    ck_assert_uint_eq(length, record_size(&record->layout));
    record_seal(&key, OFFSET, bytes, &record->layout);
    return length;
}

static struct record
sample(enum record_kind kind)
{
    struct record record = {.kind = kind,
                            .id = {"m0puwU8-00023UB"},
                            .generation = 3,
                            .time = INT64_C(1800000000000)};

    switch (kind) {
    case RECORD_MESSAGE:
        record.recipients = 2;
        break;
    case RECORD_EXPANDED:
        record.first = 7;
        break;
    case RECORD_OUTCOME:
        record.number = 4000000000;
        record.outcome = OUTCOME_FAILED;
        record.report = REPORT_POSTMASTER;
        record.waited = 86400000;
        break;
    case RECORD_REPORTED:
        record.bounce = (struct message_id){"m0pvB1r-00023UB"};
        break;
    case RECORD_NOTE:
        record.note = NOTE_WARNED;
        break;
    case RECORD_CLOSED:
        record = (struct record){.kind = kind, .segment = 12, .length = 40960};
        break;
    case RECORD_COMMIT:
        record = (struct record){
            .kind = kind, .sequence = 9, .start = 4096, .count = 20, .chain = ~0ULL};
        break;
    default:
        break;
    }
    return record;
}

START_TEST(every_kind_comes_back_as_it_was)
{
    for (int kind = RECORD_MESSAGE; kind <= RECORD_COMMIT; kind++) {
        struct record record = sample((enum record_kind)kind), back;
        char bytes[ROOM];
        size_t length = record_make(&record, kind != RECORD_REMOVED, bytes);
        const char *parts;

        ck_assert(record_read(&key, OFFSET, (struct span){bytes, length}, &back));
        ck_assert_int_eq(back.kind, kind);
        ck_assert_str_eq(back.id.text, record.id.text);
        ck_assert_uint_eq(back.generation, record.generation);
        ck_assert_uint_eq(back.recipients, record.recipients);
        ck_assert_uint_eq(back.content_size, record.content_size);
        ck_assert_uint_eq(back.first, record.first);
        ck_assert_uint_eq(back.number, record.number);
        ck_assert_int_eq(back.outcome, record.outcome);
        ck_assert_int_eq(back.report, record.report);
        ck_assert_int_eq(back.note, record.note);
        ck_assert_str_eq(back.bounce.text, record.bounce.text);
        ck_assert_int_eq(back.time, record.time);
        ck_assert_int_eq(back.waited, record.waited);
        ck_assert_uint_eq(back.segment, record.segment);
        ck_assert_uint_eq(back.length, record.length);
        ck_assert_uint_eq(back.sequence, record.sequence);
        ck_assert_uint_eq(back.start, record.start);
        ck_assert_uint_eq(back.count, record.count);
        ck_assert_uint_eq(back.chain, record.chain);
        ck_assert_uint_eq(record_size(&back.layout), length);
        parts = bytes + back.layout.heading;
        ck_assert(record_text_is_whole(&key, OFFSET, &back, parts));
        ck_assert(record_content_is_whole(&key, OFFSET, &back, parts + back.layout.text));
    }
}
END_TEST

START_TEST(content_elsewhere_is_not_looked_for_behind_the_text)
{
    struct record record = sample(RECORD_MESSAGE), back;
    char bytes[ROOM];
    size_t length;

    record.content_segment = 17;
    record.content_at = 4096;
    record.content_size = 1 << 30;
    record.content_sum = 0x1122334455667788;
    length = record_make(&record, true, bytes);
    ck_assert(record_read(&key, OFFSET, (struct span){bytes, length}, &back));
    ck_assert_uint_eq(back.content_segment, 17);
    ck_assert_uint_eq(back.content_at, 4096);
    ck_assert_uint_eq(back.content_size, 1 << 30);
    ck_assert_uint_eq(back.content_sum, 0x1122334455667788);
    ck_assert_uint_eq(record_size(&back.layout), length);
}
END_TEST

START_TEST(no_flipped_bit_goes_unnoticed)
{
    struct record record = sample(RECORD_MESSAGE), back;
    char bytes[ROOM];
    size_t length = record_make(&record, true, bytes);
    size_t parts = record.layout.heading;

    for (size_t bit = 0; bit < (length - 1) * 8; bit++) {
        bool passes;

        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        passes = record_read(&key, OFFSET, (struct span){bytes, length}, &back) &&
                 record_text_is_whole(&key, OFFSET, &back, bytes + parts) &&
                 record_content_is_whole(&key, OFFSET, &back,
                                         bytes + parts + back.layout.text);
        ck_assert_msg(!passes, "bit %zu", bit);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    ck_assert(record_read(&key, OFFSET, (struct span){bytes, length}, &back));
}
END_TEST

START_TEST(a_record_counts_only_where_it_was_written)
{
    struct record record = sample(RECORD_REMOVED), back;
    char bytes[ROOM];
    size_t length = record_make(&record, false, bytes);

    ck_assert(record_read(&key, OFFSET, (struct span){bytes, length}, &back));
    ck_assert(!record_read(&key, OFFSET + 1, (struct span){bytes, length}, &back));
    ck_assert(!record_read(&key, OFFSET + 4096, (struct span){bytes, length}, &back));
    ck_assert(!record_read(&other_key, OFFSET, (struct span){bytes, length}, &back));
    for (size_t cut = 0; cut < record.layout.heading; cut++)
        ck_assert(!record_read(&key, OFFSET, (struct span){bytes, cut}, &back));
}
END_TEST

/* Write and seal a heading that no writer of ours makes. */
static bool
read_by_hand(const char *begin, struct record *back)
{
    char bytes[ROOM];
    struct record_layout layout = {0};
    size_t length = strlen(begin);

    memcpy(bytes, begin, length);
    memcpy(bytes + length, " sum=0123456789abcdef\n", 22);
    layout.heading = (uint32_t)length + 22;
    record_seal(&key, OFFSET, bytes, &layout);
    return record_read(&key, OFFSET, (struct span){bytes, layout.heading}, back);
}

START_TEST(later_minor_versions_are_read)
{
    struct record back;

    ck_assert(read_by_hand("@removed m0puwU8-00023UB colour=red time=5", &back));
    ck_assert_int_eq(back.kind, RECORD_REMOVED);
    ck_assert_int_eq(back.time, 5);
    ck_assert(read_by_hand("@painted m0puwU8-00023UB", &back));
    ck_assert_int_eq(back.kind, RECORD_UNKNOWN);
    ck_assert(!back.needed);
    ck_assert(read_by_hand("@!painted m0puwU8-00023UB text=5:0123456789abcdef", &back));
    ck_assert_int_eq(back.kind, RECORD_UNKNOWN);
    ck_assert(back.needed);
    ck_assert_uint_eq(back.layout.text, 5);
}
END_TEST

START_TEST(nonsense_is_no_heading_even_with_a_good_sum)
{
    static const char *const headings[] = {
        "@",
        "@removed",
        "@removed m0puwU8",
        "@removed m0puwU8-00023UB time",
        "@removed m0puwU8-00023UB time=x",
        "@removed m0puwU8-00023UB time=99999999999999999999999",
        "@removed m0puwU8-00023UB text=5",
        "@removed m0puwU8-00023UB text=-5:0123456789abcdef",
        "@removed m0puwU8-00023UB text=5:0123456789ABCDEF",
        "@removed m0puwU8-00023UB text=9223372036854775807:0123456789abcdef",
        "@outcome m0puwU8-00023UB number=4294967296",
        "@outcome m0puwU8-00023UB outcome=eaten",
        "@note m0puwU8-00023UB note=",
        "@reported m0puwU8-00023UB bounce=x",
    };
    struct record back;

    for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++)
        ck_assert_msg(!read_by_hand(headings[i], &back), "%s", headings[i]);
}
END_TEST

TCase *
spool_record_case(void)
{
    TCase *tests = tcase_create("spool_record");

    tcase_add_test(tests, every_kind_comes_back_as_it_was);
    tcase_add_test(tests, content_elsewhere_is_not_looked_for_behind_the_text);
    tcase_add_test(tests, no_flipped_bit_goes_unnoticed);
    tcase_add_test(tests, a_record_counts_only_where_it_was_written);
    tcase_add_test(tests, later_minor_versions_are_read);
    tcase_add_test(tests, nonsense_is_no_heading_even_with_a_good_sum);
    return tests;
}
