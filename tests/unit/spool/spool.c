/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a spool does for its callers. */
#include <errno.h>
#include <string.h>

#include "tests/unit/spool/fixture.h"

#include "base/banned.h"

START_TEST(a_message_is_there_after_its_commit_and_after_a_power_cut)
{
    struct envelope envelope;
    const struct spool_message *message = add(1, 2);

    for (int round = 0; round < 2; round++) {
        struct message_id id = id_of(1);
        struct address *addresses;
        char bytes[64];

        message = spool_find(spool, &id);
        ck_assert_ptr_nonnull(message);
        addresses = load(message, &envelope);
        ck_assert_str_eq(envelope.reverse_path, "sender@s.example");
        ck_assert_uint_eq(message->address_count, 2);
        ck_assert_uint_eq(addresses[1].number, 2);
        ck_assert_int_eq(addresses[1].state, ADDRESS_NEW);
        ck_assert_str_eq(addresses[1].text, "bob@b.example");
        ck_assert_str_eq(addresses[0].dsn_recipient, "rfc822;ann@old");
        ck_assert_uint_eq(addresses[0].notify, NOTIFY_NEVER);
        ck_assert_str_eq(addresses[0].transport, "");
        ck_assert_uint_eq(message->size, sizeof(content) - 1);
        ck_assert(
            spool_read_content(spool, message, 0, bytes, sizeof(content) - 1, &error));
        ck_assert_mem_eq(bytes, content, sizeof(content) - 1);
        ck_assert(!spool_read_content(spool, message, 1, bytes, sizeof(content), &error));
        restart();
    }
}
END_TEST

START_TEST(the_spool_has_one_owner)
{
    struct spool *other;
    bool busy;

    ck_assert(!spool_open(&disk, &options, start, &other, &busy, &error));
    ck_assert(busy);
}
END_TEST

START_TEST(an_id_is_used_once)
{
    struct message_id id = id_of(1);
    struct envelope envelope = envelope_of(1), nobody = envelope_of(0);

    add(1, 1);
    ck_assert(!spool_add_message(spool, &id, &envelope, SPAN("x"), &error));
    id = id_of(2);
    ck_assert(spool_add_message(spool, &id, &envelope, SPAN("x"), &error));
    ck_assert(!spool_add_message(spool, &id, &envelope, SPAN("x"), &error));
    id = id_of(3);
    ck_assert(!spool_add_message(spool, &id, &nobody, SPAN("x"), &error));
    ck_assert(commit());
    ck_assert_uint_eq(spool_count(spool), 2);
}
END_TEST

static void
count_removed(void *argument, const struct spool_message *message)
{
    ck_assert_uint_eq(message->pending_count, 0);
    ++*(int *)argument;
}

START_TEST(a_message_goes_when_all_its_addresses_are_done)
{
    const struct spool_message *message = add(1, 2);
    struct message_id id = message->id;
    int removed = 0;

    ck_assert(outcome(message, 1, OUTCOME_DELIVERED, NULL));
    ck_assert(spool_commit(spool, false, start, count_removed, &removed, &error));
    ck_assert_int_eq(removed, 0);
    ck_assert_uint_eq(message->pending_count, 1);
    ck_assert(!outcome(message, 3, OUTCOME_DELIVERED, NULL));
    ck_assert(outcome(message, 2, OUTCOME_RELAYED, NULL));
    ck_assert(spool_needs_sync(spool));
    ck_assert(spool_commit(spool, false, start, count_removed, &removed, &error));
    ck_assert_int_eq(removed, 1);
    ck_assert_ptr_null(spool_find(spool, &id));
    ck_assert(spool_sync(spool, start, &error));
    ck_assert(!spool_needs_sync(spool));
    restart();
    ck_assert_uint_eq(spool_count(spool), 0);
}
END_TEST

START_TEST(outcomes_without_a_sync_may_be_repeated_and_no_more)
{
    const struct spool_message *message = add(1, 1);

    ck_assert(outcome(message, 1, OUTCOME_DELIVERED, NULL));
    ck_assert(commit());
    ck_assert_uint_eq(spool_count(spool), 0);
    restart();
    ck_assert_uint_eq(spool_count(spool), 1);
}
END_TEST

START_TEST(why_an_address_waits_is_remembered)
{
    const struct spool_message *message = add(1, 2);
    struct envelope envelope;
    struct spool_outcome last;

    ck_assert(outcome(message, 1, OUTCOME_DEFERRED, "first"));
    ck_assert(commit());
    ck_assert(outcome(message, 1, OUTCOME_DEFERRED, "second % \n \"x\""));
    ck_assert(outcome(message, 2, OUTCOME_FAILED, "never"));
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    restart();
    message = spool_next(spool, NULL);
    ck_assert_str_eq(load(message, &envelope)[0].error.text, "second % ? \"x\"");
    ck_assert_int_eq(load(message, &envelope)[0].error.number, 151);
    ck_assert_str_eq(load(message, &envelope)[1].error.text, "never");
    ck_assert_uint_eq(message->attempts, 2);
    ck_assert_uint_eq(message->unreported_count, 1);
    ck_assert_int_eq(message->waited, 60000);
    ck_assert_int_eq(spool_message_waited(message, start + 90000), 90000);
    ck_assert(spool_load_outcome(spool, message, 1, arena, &last, &error));
    ck_assert_str_eq(last.diagnostic, "450 4.2.1 not now");
    ck_assert_str_eq(last.remote, "mx.a.example");
    ck_assert_int_eq(last.outcome, OUTCOME_DEFERRED);
}
END_TEST

START_TEST(attempts_are_counted_over_days_and_copies)
{
    struct message_id id = add(1, 2)->id;
    struct envelope envelope;

    for (int i = 0; i < 40; i++) {
        ck_assert(outcome(spool_find(spool, &id), 1, OUTCOME_DEFERRED,
                          arena_format(arena, "attempt %d", i)));
        ck_assert(outcome(spool_find(spool, &id), 2, OUTCOME_DEFERRED, "no"));
        if (i == 20) /* kept through a failure, written again */
            simulated_disk_plan(simulated, FAULT_ERROR, -EIO, false, 0, 1);
        ck_assert_int_eq(commit(), i != 20);
        ck_assert_uint_eq(spool_find(spool, &id)->attempts, 2 * (uint32_t)i + 2);
        if (i % 10 != 9)
            continue;
        ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
        while (spool_compact(spool, 1 << 20, start, &error))
            ;
        restart();
        ck_assert_uint_eq(spool_find(spool, &id)->attempts, 2 * (uint32_t)i + 2);
        ck_assert_str_eq(load(spool_find(spool, &id), &envelope)[0].error.text,
                         arena_format(arena, "attempt %d", i));
    }
}
END_TEST

/* ------------------------------------------------------------ expansions */

static struct address
address_of(uint32_t parent, const char *text)
{
    return (struct address){.parent = parent,
                            .state = ADDRESS_ASSIGNED,
                            .text = text,
                            .source = "/etc/aliases:7",
                            .owner = "",
                            .director = "aliases",
                            .router = "",
                            .transport = "smtp",
                            .next_hop = "x.example",
                            .next_address = "",
                            .user = "",
                            .group = "",
                            .home = "",
                            .dsn_recipient = ""};
}

START_TEST(an_expansion_is_kept_and_never_doubles)
{
    const struct spool_message *message = add(1, 2);
    struct address addresses[5];
    uint64_t keys[5] = {0};
    struct envelope envelope;

    addresses[0] = address_of(0, "ann@a.example");
    addresses[0].number = 1;
    addresses[0].state = ADDRESS_EXPANDED;
    addresses[1] = address_of(1, "new@x.example");
    addresses[2] = address_of(ADDRESS_PARENT_IN_ARRAY + 1, "deep@x.example");
    addresses[3] = address_of(1, "bob@b.example"); /* a recipient already */
    addresses[4] = address_of(1, "NEW@X.example"); /* other local part */
    for (int i = 0; i < 5; i++)
        keys[i] = address_key(&addresses[i], false);
    ck_assert(spool_add_expanded(spool, &message->id, addresses, keys, 5, &error));
    ck_assert_uint_eq(addresses[1].number, 3);
    ck_assert_uint_eq(addresses[2].parent, 3);
    ck_assert_int_eq(addresses[3].state, ADDRESS_DUPLICATE);
    ck_assert_int_eq(addresses[4].state, ADDRESS_ASSIGNED);
    ck_assert_uint_eq(message->address_count, 2); /* not before the commit */
    addresses[1].number = 0;
    ck_assert(
        spool_add_expanded(spool, &message->id, &addresses[1], &keys[1], 1, &error));
    ck_assert_int_eq(addresses[1].state, ADDRESS_DUPLICATE);
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    restart();
    message = spool_next(spool, NULL);
    ck_assert_uint_eq(message->address_count, 7);
    ck_assert_uint_eq(message->pending_count, 4);
    ck_assert_str_eq(load(message, &envelope)[3].text, "deep@x.example");
    ck_assert_uint_eq(load(message, &envelope)[3].parent, 3);
    ck_assert_str_eq(load(message, &envelope)[2].source, "/etc/aliases:7");
    ck_assert_int_eq(load(message, &envelope)[0].state, ADDRESS_EXPANDED);
    addresses[1].number = 0;
    ck_assert(
        spool_add_expanded(spool, &message->id, &addresses[1], &keys[1], 1, &error));
    ck_assert_int_eq(addresses[1].state, ADDRESS_DUPLICATE);
    ck_assert(commit());
}
END_TEST

START_TEST(an_address_that_becomes_itself_is_no_duplicate)
{
    const struct spool_message *message = add(1, 1);
    struct address addresses[2];
    uint64_t keys[2];

    addresses[0] = address_of(0, "ann@a.example");
    addresses[0].number = 1;
    addresses[0].state = ADDRESS_EXPANDED;
    addresses[1] = address_of(1, "ann@a.example");
    keys[0] = keys[1] = address_key(&addresses[1], false);
    ck_assert(spool_add_expanded(spool, &message->id, addresses, keys, 2, &error));
    ck_assert_int_eq(addresses[1].state, ADDRESS_ASSIGNED);
    ck_assert(commit());
    ck_assert_uint_eq(message->pending_count, 1);
}
END_TEST

START_TEST(an_expansion_without_parents_is_refused_whole)
{
    const struct spool_message *message = add(1, 1);
    struct address addresses[2] = {address_of(1, "x@x.example"),
                                   address_of(9, "y@x.example")};
    uint64_t keys[2] = {1, 2};

    ck_assert(!spool_add_expanded(spool, &message->id, addresses, keys, 2, &error));
    addresses[1] = address_of(ADDRESS_PARENT_IN_ARRAY + 1, "y@x.example");
    addresses[0].number = 0;
    ck_assert(!spool_add_expanded(spool, &message->id, addresses, keys, 2, &error));
    ck_assert(!spool_group_is_open(spool));
    ck_assert_uint_eq(message->address_count, 1);
}
END_TEST

START_TEST(a_list_of_thousands_comes_in_slices)
{
    enum { SLICE = 500, SLICES = 20 };
    const struct spool_message *message = add(1, 1);
    struct envelope envelope;

    for (int slice = 0; slice < SLICES; slice++) {
        struct address addresses[SLICE];
        uint64_t keys[SLICE];

        for (int i = 0; i < SLICE; i++) {
            addresses[i] =
                address_of(1, arena_format(arena, "user%d@x.example", slice * SLICE + i));
            keys[i] = address_key(&addresses[i], false);
        }
        ck_assert(
            spool_add_expanded(spool, &message->id, addresses, keys, SLICE, &error));
        if (slice % 3 == 0)
            ck_assert(commit());
    }
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    restart();
    message = spool_next(spool, NULL);
    ck_assert_uint_eq(message->address_count, 1 + SLICE * SLICES);
    ck_assert_str_eq(load(message, &envelope)[SLICE * SLICES].text, "user9999@x.example");
}
END_TEST

/* ------------------------------------------------------------ bounces, notes, log */

START_TEST(a_failure_goes_with_its_bounce_or_stays)
{
    const struct spool_message *message = add(1, 1);
    struct message_id id = message->id, bounce = id_of(2);
    struct envelope envelope = envelope_of(1);
    uint32_t number = 1;

    envelope.reverse_path = "";
    for (int round = 0; round < 2; round++) {
        if (round == 0)
            simulated_disk_plan(simulated, FAULT_ERROR, -EIO, false, 1, 1); /* the sync */
        ck_assert(spool_add_message(spool, &bounce, &envelope, SPAN("b"), &error));
        if (round == 0)
            ck_assert(outcome(message, 1, OUTCOME_FAILED, "no such user"));
        ck_assert(spool_add_reported(spool, &id, &number, 1, &bounce, &error));
        ck_assert_int_eq(commit(), round == 1);
        ck_assert_int_eq(spool_find(spool, &bounce) != NULL, round == 1);
        ck_assert_int_eq(spool_find(spool, &id) == NULL, round == 1);
        if (round == 0)
            ck_assert_uint_eq(message->unreported_count, 1);
    }
    ck_assert(spool_find(spool, &bounce)->is_bounce);
    restart();
    ck_assert_uint_eq(spool_count(spool), 1);
    ck_assert_ptr_nonnull(spool_find(spool, &bounce));
}
END_TEST

START_TEST(a_failure_that_nobody_need_be_told_goes_by_itself)
{
    const struct spool_message *message = add(1, 1);
    uint32_t number = 1;

    ck_assert(outcome(message, 1, OUTCOME_FAILED, "no such user"));
    ck_assert(spool_add_reported(spool, &message->id, &number, 1, NULL, &error));
    ck_assert(commit());
    ck_assert_uint_eq(spool_count(spool), 0);
}
END_TEST

START_TEST(notes_are_kept)
{
    const struct spool_message *message = add(1, 1);
    struct message_id id = message->id;
    const char *reason;

    ck_assert(spool_add_note(spool, &id, NOTE_HOLD, "config \"x\" is broken\n", &error));
    ck_assert(spool_add_note(spool, &id, NOTE_WARNED, NULL, &error));
    ck_assert(!message->held);
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    restart();
    message = spool_find(spool, &id);
    ck_assert(message->held);
    ck_assert(message->warned);
    ck_assert(spool_hold_reason(spool, message, arena, &reason, &error));
    ck_assert_str_eq(reason, "config \"x\" is broken\n");
    ck_assert(spool_add_note(spool, &id, NOTE_RELEASE, NULL, &error));
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    ck_assert(!message->held);
    ck_assert(spool_add_removed(spool, &id, &error));
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    restart();
    ck_assert_uint_eq(spool_count(spool), 0);
}
END_TEST

START_TEST(the_log_has_the_shapes_of_msglog)
{
    const struct spool_message *message = add(1, 2);
    struct text log = text_new(arena);

    ck_assert(outcome(message, 1, OUTCOME_DEFERRED, "later"));
    ck_assert(outcome(message, 2, OUTCOME_DELIVERED, NULL));
    ck_assert(spool_add_note(spool, &message->id, NOTE_HOLD, "by hand", &error));
    ck_assert(commit());
    ck_assert(spool_read_log(spool, message, arena, &log, &error));
    ck_assert_str_eq(
        text_string(&log),
        "Xdefer: <ann@a.example> reason: (ERR_151) later status: 4.2.1 "
        "remote: mx.a.example said: 450 4.2.1 not now date: 2027-01-15T08:01:00.000Z\n"
        "Xsucceed: <bob@b.example> date: 2027-01-15T08:01:00.000Z\n"
        "Xhold: by hand date: 2027-01-15T08:00:00.000Z\n");
}
END_TEST

TCase *
spool_spool_case(void)
{
    TCase *tests = tcase_create("spool_spool");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_message_is_there_after_its_commit_and_after_a_power_cut);
    tcase_add_test(tests, the_spool_has_one_owner);
    tcase_add_test(tests, an_id_is_used_once);
    tcase_add_test(tests, a_message_goes_when_all_its_addresses_are_done);
    tcase_add_test(tests, outcomes_without_a_sync_may_be_repeated_and_no_more);
    tcase_add_test(tests, why_an_address_waits_is_remembered);
    tcase_add_test(tests, attempts_are_counted_over_days_and_copies);
    tcase_add_test(tests, an_expansion_is_kept_and_never_doubles);
    tcase_add_test(tests, an_address_that_becomes_itself_is_no_duplicate);
    tcase_add_test(tests, an_expansion_without_parents_is_refused_whole);
    tcase_add_test(tests, a_list_of_thousands_comes_in_slices);
    tcase_add_test(tests, a_failure_goes_with_its_bounce_or_stays);
    tcase_add_test(tests, a_failure_that_nobody_need_be_told_goes_by_itself);
    tcase_add_test(tests, notes_are_kept);
    tcase_add_test(tests, the_log_has_the_shapes_of_msglog);
    return tests;
}
