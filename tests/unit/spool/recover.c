/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recovery from what the disk should not have done, and from what others wrote. */
#include <stdio.h>
#include <string.h>

#include "spool/record.h"
#include "spool/segment.h"
#include "tests/crash/spool_walk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { SEGMENT = 1 };

static const char segment_one[] = "input/00000001";

static void
count_each(void *argument, const char *name)
{
    (void)name;
    ++*(int *)argument;
}

static int
set_aside(struct walk *walk)
{
    int count = 0;

    simulated_disk_names(walk->simulated, "error/", count_each, &count);
    return count;
}

/* How many of the first `count` messages are there, each of them unaltered. */
static int
whole_messages(struct walk *walk, int count)
{
    int whole = 0;

    for (int i = 0; i < count; i++) {
        const struct walk_message *expected = &walk->messages[i];
        const struct spool_message *message = spool_find(walk->spool, &expected->id);
        struct arena *arena = arena_new();
        struct envelope envelope;
        struct address *addresses;
        struct error error;
        char content[WALK_CONTENT];

        if (message != NULL) {
            ck_assert(
                spool_load(walk->spool, message, arena, &envelope, &addresses, &error));
            ck_assert_uint_eq(envelope.recipient_count, expected->recipients);
            ck_assert_uint_eq(message->size, expected->size);
            ck_assert(spool_read_content(walk->spool, message, 0, content, expected->size,
                                         &error));
            ck_assert_mem_eq(content, expected->content, expected->size);
            whole++;
        }
        arena_free(arena);
    }
    return whole;
}

/* Twenty messages, closed; *content is the only segment that holds any. */
static void
begin_twenty(struct walk *walk, char **content, size_t *length)
{
    spool_walk_begin(walk, 7);
    spool_walk_twenty(walk);
    ck_assert_uint_eq(walk->refusals, 0);
    spool_walk_close(walk);
    *content = simulated_disk_content(walk->simulated, segment_one, length);
    ck_assert_ptr_nonnull(*content);
}

START_TEST(one_flipped_bit_costs_at_most_the_message_it_is_in)
{
    static struct walk walk;
    size_t length, damaged = 0;
    char *content;

    begin_twenty(&walk, &content, &length);
    spool_walk_end(&walk);
    for (size_t i = 0; i < 500; i++) {
        size_t bit = i * (8 * length / 500) + i * 13 % 8;
        int whole;

        begin_twenty(&walk, &content, &length);
        content[bit / 8] = (char)(content[bit / 8] ^ 1 << bit % 8);
        simulated_disk_settle(walk.simulated, segment_one);
        ck_assert(spool_walk_open(&walk));
        whole = whole_messages(&walk, 20);
        ck_assert_msg(whole >= 19, "bit %zu: %d messages", bit, whole);
        ck_assert_str_eq(walk.problem, "");
        if (whole == 19) {
            /* It is set aside, and the administrator is told, once. */
            damaged++;
            ck_assert_uint_eq(walk.damages, 1);
            ck_assert_int_eq(set_aside(&walk), 1);
            spool_walk_close(&walk);
            ck_assert(spool_walk_open(&walk));
            ck_assert_uint_eq(walk.damages, 1);
        }
        spool_walk_end(&walk);
    }
    ck_assert_uint_gt(damaged, 100);
}
END_TEST

START_TEST(a_segment_that_was_cut_keeps_its_whole_commits)
{
    static struct walk walk;
    size_t length;
    char *content;
    int last = 20;

    begin_twenty(&walk, &content, &length);
    spool_walk_end(&walk);
    for (size_t cut = length; cut + 1 > 0; cut -= cut < 613 ? cut + 1 : 613) {
        int whole;

        begin_twenty(&walk, &content, &length);
        simulated_disk_resize(walk.simulated, segment_one, cut);
        ck_assert(spool_walk_open(&walk));
        whole = whole_messages(&walk, 20);
        ck_assert_int_le(whole, last);
        ck_assert(whole == 20 || whole == 12 || whole == 5 || whole == 0);
        ck_assert_str_eq(walk.problem, "");
        last = whole;
        spool_walk_end(&walk);
    }
    ck_assert_int_eq(last, 0);
}
END_TEST

START_TEST(zeros_and_old_text_behind_the_end_are_nothing)
{
    static struct walk walk;
    size_t length, longer;
    char *content;

    begin_twenty(&walk, &content, &length);
    simulated_disk_resize(walk.simulated, segment_one, 3 * length);
    content = simulated_disk_content(walk.simulated, segment_one, &longer);
    memcpy(content + 2 * length, content, length); /* blocks of another place */
    simulated_disk_settle(walk.simulated, segment_one);
    ck_assert(spool_walk_open(&walk));
    ck_assert_int_eq(whole_messages(&walk, 20), 20);
    ck_assert_uint_eq(walk.damages, 0);
    spool_walk_end(&walk);
}
END_TEST

START_TEST(records_inside_a_message_are_text)
{
    static struct walk walk;
    size_t length;
    char *content, body[WALK_CONTENT];
    struct error error = {0};
    struct envelope envelope = envelope_new();
    struct recipient recipient = {.text = "eve@c.example", .original = ""};
    struct walk_message *message;

    begin_twenty(&walk, &content, &length);
    ck_assert_uint_gt(length, sizeof(body));
    memcpy(body, content + SEGMENT_BLOCK, sizeof(body)); /* real records of this spool */
    for (size_t i = 0; i + 9 < sizeof(body); i++)
        if (memcmp(body + i, "@message ", 9) == 0)
            memcpy(body + i, "@removed ", 9);
    ck_assert(spool_walk_open(&walk));
    message = &walk.messages[walk.count++];
    message->id = message_id_make(1800000000, 99, 'C');
    message->size = sizeof(body);
    message->recipients = 1;
    memcpy(message->content, body, sizeof(body));
    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    ck_assert(spool_add_message(walk.spool, &message->id, &envelope,
                                (struct span){body, sizeof(body)}, &error));
    ck_assert(spool_commit(walk.spool, true, walk.now, NULL, NULL, &error));
    ck_assert_uint_eq(spool_count(walk.spool), 21);
    spool_walk_close(&walk);
    /* Damage its heading, so that recovery looks for records inside it. */
    content = simulated_disk_content(walk.simulated, "input/00000002", &length);
    content[SEGMENT_BLOCK + 3] ^= 1;
    simulated_disk_settle(walk.simulated, "input/00000002");
    ck_assert(spool_walk_open(&walk));
    ck_assert_int_eq(whole_messages(&walk, 21), 20);
    ck_assert_uint_eq(walk.damages, 1);
    ck_assert_str_eq(walk.problem, "");
    spool_walk_end(&walk);
}
END_TEST

START_TEST(swapped_files_are_read_by_what_they_say)
{
    static struct walk walk;
    size_t length;
    char *content;
    struct error error = {0};
    struct disk disk;

    begin_twenty(&walk, &content, &length);
    ck_assert(spool_walk_open(&walk));
    for (int i = 0; i < 5; i++) {
        struct spool_outcome outcome = {
            .number = 1, .outcome = OUTCOME_DELIVERED, .time = walk.now};

        ck_assert(
            spool_add_outcome(walk.spool, &walk.messages[3 * i].id, &outcome, &error));
    }
    ck_assert(spool_commit(walk.spool, true, walk.now, NULL, NULL, &error));
    ck_assert_uint_eq(spool_count(walk.spool), 15);
    spool_walk_close(&walk);
    disk = simulated_disk_table(walk.simulated);
    disk.rename(disk.context, segment_one, "input/x");
    disk.rename(disk.context, "input/00000002", segment_one);
    disk.rename(disk.context, "input/x", "input/00000002");
    ck_assert(spool_walk_open(&walk));
    ck_assert_uint_eq(walk.damages, 0);
    ck_assert_uint_eq(spool_count(walk.spool), 15);
    spool_walk_end(&walk);
}
END_TEST

START_TEST(another_major_version_is_refused_and_not_touched)
{
    static const char foreign[] = "smail-spool 2.0\nwho knows\n";
    static struct walk walk;
    size_t length, stored;
    char *content;
    struct error error = {0};

    begin_twenty(&walk, &content, &length);
    simulated_disk_put(walk.simulated, "input/00000005", foreign, sizeof(foreign) - 1);
    simulated_disk_put(walk.simulated, "input/00000006.content", foreign,
                       sizeof(foreign) - 1);
    ck_assert(spool_walk_open(&walk));
    ck_assert_uint_eq(walk.damages, 2);
    ck_assert_int_eq(whole_messages(&walk, 20), 20);
    for (int i = 0; i < 20; i++)
        ck_assert(spool_add_removed(walk.spool, &walk.messages[i].id, &error));
    ck_assert(spool_commit(walk.spool, true, walk.now, NULL, NULL, &error));
    while (spool_compact(walk.spool, 1 << 20, walk.now, &error))
        ;
    /* The old segment may say what became of a message in the foreign one. */
    ck_assert_ptr_nonnull(simulated_disk_content(walk.simulated, segment_one, &length));
    content = simulated_disk_content(walk.simulated, "input/00000005", &stored);
    ck_assert_uint_eq(stored, sizeof(foreign) - 1);
    ck_assert_mem_eq(content, foreign, stored);
    ck_assert_int_eq(set_aside(&walk), 0);
    spool_walk_end(&walk);
}
END_TEST

START_TEST(a_segment_without_a_first_block_is_set_aside)
{
    static struct walk walk;
    size_t length;
    char *content;

    begin_twenty(&walk, &content, &length);
    memset(content, 'x', SEGMENT_BLOCK);
    simulated_disk_settle(walk.simulated, segment_one);
    ck_assert(spool_walk_open(&walk));
    ck_assert_uint_eq(walk.damages, 1);
    ck_assert_uint_eq(spool_count(walk.spool), 0);
    ck_assert_ptr_nonnull(
        simulated_disk_content(walk.simulated, "error/00000001", &length));
    spool_walk_check(&walk); /* the model finds them lost, and so they are */
    ck_assert_str_ne(walk.problem, "");
    spool_walk_end(&walk);
}
END_TEST

/* ------------------------------------------------------------ records of a later version
 */

/* A segment by hand: its records are put one behind the other, then a commit. */
struct forge {
    struct segment_header header;
    char bytes[8 * SEGMENT_BLOCK];
    size_t length, count;
    struct siphash chain;
};

static void
forge_begin(struct forge *forge)
{
    memset(forge, 0, sizeof(*forge));
    forge->header = (struct segment_header){.serial = SEGMENT, .key = {{1, 2}}};
    segment_header_write(&forge->header, forge->bytes);
    forge->length = SEGMENT_BLOCK;
    record_chain_begin(&forge->chain, &forge->header.key, SEGMENT_BLOCK);
}

static void
forge_record(struct forge *forge, struct record record, const char *text,
             const char *content)
{
    char *at = forge->bytes + forge->length;
    uint64_t sum;

    record.layout.text = strlen(text);
    record.content_size = strlen(content);
    record_write(&record, at);
    at += record.layout.heading;
    memcpy(at, text, strlen(text));
    memcpy(at + strlen(text), content, strlen(content));
    at[strlen(text) + strlen(content)] = '\n';
    sum = record_seal(&forge->header.key, forge->length, forge->bytes + forge->length,
                      &record.layout);
    forge->length += record_size(&record.layout);
    if (record.kind == RECORD_COMMIT)
        return;
    record_chain_add(&forge->chain, sum);
    forge->count++;
}

static void
forge_end(struct forge *forge, struct walk *walk)
{
    struct siphash chain = forge->chain;
    struct record record = {.kind = RECORD_COMMIT,
                            .sequence = 1,
                            .start = SEGMENT_BLOCK,
                            .count = forge->count,
                            .chain = siphash_end(&chain)};

    forge_record(forge, record, "", "");
    simulated_disk_put(walk->simulated, segment_one, forge->bytes, forge->length);
    walk->count = 1;
    walk->messages[0].id = message_id_make(5, 5, 'C');
}

static struct record
forged(enum record_kind kind)
{
    return (struct record){
        .kind = kind, .id = message_id_make(5, 5, 'C'), .recipients = 1};
}

START_TEST(an_envelope_that_asks_for_the_unknown_is_held)
{
    static struct walk walk;
    static struct forge forge;
    const struct spool_message *message;
    struct arena *arena = arena_new();
    struct envelope envelope;
    struct address *addresses;
    struct error error = {0};

    spool_walk_begin(&walk, 3);
    forge_begin(&forge);
    forge_record(&forge, forged(RECORD_MESSAGE),
                 "!reverse-path: a@b\n!recipient: c@d\n!deliver-by: tomorrow\n", "body");
    forge_end(&forge, &walk);
    ck_assert(spool_walk_open(&walk));
    message = spool_next(walk.spool, NULL);
    ck_assert_ptr_nonnull(message);
    ck_assert(message->held);
    ck_assert_uint_eq(message->pending_count, 1);
    ck_assert(!spool_load(walk.spool, message, arena, &envelope, &addresses, &error));
    ck_assert(!error.permanent);
    ck_assert_str_eq(error.status, "4.3.5");
    ck_assert_uint_eq(walk.damages, 0);
    spool_walk_end(&walk);
    arena_free(arena);
}
END_TEST

START_TEST(a_lost_expansion_is_made_again_and_no_number_twice)
{
    static struct walk walk;
    static struct forge forge;
    const struct spool_message *message;
    struct record outcome = forged(RECORD_OUTCOME);

    spool_walk_begin(&walk, 3);
    forge_begin(&forge);
    forge_record(&forge, forged(RECORD_MESSAGE), "!reverse-path: a@b\n!recipient: c@d\n",
                 "body");
    outcome.number = 3; /* whatever made 2 and 3 is not there */
    outcome.outcome = OUTCOME_DELIVERED;
    forge_record(&forge, outcome, "", "");
    forge_end(&forge, &walk);
    ck_assert(spool_walk_open(&walk));
    message = spool_next(walk.spool, NULL);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(message->address_count, 3);
    ck_assert_uint_eq(message->pending_count, 1);
    ck_assert_int_eq(message->addresses[0].state, ADDRESS_NEW);
    spool_walk_end(&walk);
}
END_TEST

START_TEST(of_two_copies_the_higher_generation_counts)
{
    static struct walk walk;
    static struct forge forge;
    const struct spool_message *message;
    struct record copy = forged(RECORD_MESSAGE), outcome = forged(RECORD_OUTCOME);
    char content[8];
    struct error error;

    spool_walk_begin(&walk, 3);
    forge_begin(&forge);
    forge_record(&forge, forged(RECORD_MESSAGE), "!reverse-path: a@b\n!recipient: c@d\n",
                 "old");
    outcome.number = 1; /* in the copy already */
    outcome.waited = 5;
    forge_record(&forge, outcome, "", "");
    copy.generation = 1;
    forge_record(&forge, copy, "!reverse-path: a@b\n!recipient: c@d\n", "new");
    outcome.generation = 1;
    forge_record(&forge, outcome, "", "");
    forge_end(&forge, &walk);
    ck_assert(spool_walk_open(&walk));
    ck_assert_uint_eq(spool_count(walk.spool), 1);
    message = spool_next(walk.spool, NULL);
    ck_assert_uint_eq(message->attempts, 1);
    ck_assert(spool_read_content(walk.spool, message, 0, content, 3, &error));
    ck_assert_mem_eq(content, "new", 3);
    spool_walk_end(&walk);
}
END_TEST

START_TEST(a_failure_whose_bounce_is_damaged_is_reported_again)
{
    static struct walk walk;
    static struct forge forge;
    const struct spool_message *message;
    struct record outcome = forged(RECORD_OUTCOME), reported = forged(RECORD_REPORTED);
    struct record bounce = forged(RECORD_MESSAGE);

    for (int round = 0; round < 2; round++) {
        size_t at;

        spool_walk_begin(&walk, 3);
        forge_begin(&forge);
        forge_record(&forge, forged(RECORD_MESSAGE),
                     "!reverse-path: a@b\n!recipient: c@d\n", "body");
        at = forge.length;
        bounce.id = reported.bounce = message_id_make(6, 6, 'C');
        forge_record(&forge, bounce, "!reverse-path: \n!recipient: a@b\n", "bounce");
        outcome.number = 1;
        outcome.outcome = OUTCOME_FAILED;
        forge_record(&forge, outcome, "", "");
        forge_record(&forge, reported, "1", "");
        if (round == 1)
            forge.bytes[at + 20] ^= 1;
        forge_end(&forge, &walk);
        walk.messages[walk.count++].id = bounce.id;
        ck_assert(spool_walk_open(&walk));
        ck_assert_uint_eq(spool_count(walk.spool), 1);
        message = spool_next(walk.spool, NULL);
        ck_assert_int_eq(message->is_bounce, round == 0);
        ck_assert_uint_eq(message->unreported_count, (unsigned)round);
        spool_walk_end(&walk);
    }
}
END_TEST

TCase *
spool_recover_case(void)
{
    TCase *tests = tcase_create("spool_recover");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, one_flipped_bit_costs_at_most_the_message_it_is_in);
    tcase_add_test(tests, a_segment_that_was_cut_keeps_its_whole_commits);
    tcase_add_test(tests, zeros_and_old_text_behind_the_end_are_nothing);
    tcase_add_test(tests, records_inside_a_message_are_text);
    tcase_add_test(tests, swapped_files_are_read_by_what_they_say);
    tcase_add_test(tests, another_major_version_is_refused_and_not_touched);
    tcase_add_test(tests, a_segment_without_a_first_block_is_set_aside);
    tcase_add_test(tests, an_envelope_that_asks_for_the_unknown_is_held);
    tcase_add_test(tests, a_lost_expansion_is_made_again_and_no_number_twice);
    tcase_add_test(tests, a_failure_whose_bounce_is_damaged_is_reported_again);
    tcase_add_test(tests, of_two_copies_the_higher_generation_counts);
    return tests;
}
