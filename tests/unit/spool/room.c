/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Large content, full and failing disks, and that the room held follows what lives. */
#include <errno.h>
#include <string.h>

#include "tests/unit/spool/fixture.h"

#include "base/banned.h"

/* ------------------------------------------------------------ large content */

enum { LARGE = 100 * 1000 };

static const struct spool_message *
stream(uint64_t counter, const char *bytes)
{
    struct message_id id = id_of(counter);
    struct envelope envelope = envelope_of(1);
    struct spool_stream *begun;

    ck_assert(spool_stream_begin(spool, &id, &begun, &error));
    for (size_t at = 0; at < LARGE; at += 3000)
        ck_assert(spool_stream_add(
            begun, span_first((struct span){bytes + at, LARGE - at}, 3000), &error));
    ck_assert_msg(spool_stream_end(begun, &envelope, &error), "%s", error.text);
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    return spool_find(spool, &id);
}

/* Read in pieces of `piece` octets; the error of the last one. */
static bool
read_in_pieces(const struct spool_message *message, char *bytes, size_t piece)
{
    bool good = true;

    for (size_t at = 0; at < message->size; at += piece)
        good = spool_read_content(
            spool, message, at, bytes + at,
            message->size - at < piece ? (size_t)message->size - at : piece, &error);
    return good;
}

START_TEST(streamed_content_comes_back_and_is_checked)
{
    char *bytes = arena_alloc(arena, LARGE), *back = arena_alloc(arena, LARGE), *stored;
    struct message_id id;
    size_t length;

    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 7);
    id = stream(1, bytes)->id;
    for (size_t piece = 977; piece < 2 * LARGE; piece *= 17) {
        ck_assert(read_in_pieces(spool_find(spool, &id), back, piece));
        ck_assert_mem_eq(bytes, back, LARGE);
    }
    restart();
    ck_assert(read_in_pieces(spool_find(spool, &id), back, 65536));
    ck_assert_mem_eq(bytes, back, LARGE);
    stored = simulated_disk_content(simulated, "input/00000002.content", &length);
    ck_assert_ptr_nonnull(stored);
    stored[50000] ^= 4;
    ck_assert(!read_in_pieces(spool_find(spool, &id), back, 65536));
    ck_assert(!read_in_pieces(spool_find(spool, &id), back, LARGE));
    /* Somebody who begins in the middle is told as well. */
    ck_assert(
        !spool_read_content(spool, spool_find(spool, &id), LARGE - 10, back, 10, &error));
}
END_TEST

static void
count_names(void *argument, const char *name)
{
    (void)name;
    ++*(int *)argument;
}

static int
files_in_input(void)
{
    int count = 0;

    simulated_disk_names(simulated, "input/0", count_names, &count);
    simulated_disk_names(simulated, "input/new", count_names, &count);
    return count;
}

START_TEST(nothing_stays_of_streams_that_do_not_become_messages)
{
    struct message_id id = id_of(1);
    struct envelope nobody = envelope_of(0);
    struct spool_stream *begun;

    ck_assert(spool_stream_begin(spool, &id, &begun, &error));
    ck_assert(spool_stream_add(begun, SPAN("x"), &error));
    spool_stream_abort(begun);
    ck_assert_int_eq(files_in_input(), 1);
    ck_assert(spool_stream_begin(spool, &id, &begun, &error));
    ck_assert(!spool_stream_end(begun, &nobody, &error));
    while (spool_compact(spool, 1 << 20, start, &error))
        ;
    ck_assert_int_eq(files_in_input(), 1);
    ck_assert(spool_stream_begin(spool, &id, &begun, &error));
    ck_assert(spool_stream_add(begun, SPAN("x"), &error));
    simulated_disk_plan(simulated, FAULT_ERROR, -ENOSPC, false, 0, 1);
    ck_assert(!spool_stream_add(begun, SPAN("y"), &error));
    ck_assert_str_eq(error.status, "4.3.1");
    ck_assert(!spool_stream_end(begun, &nobody, &error));
    ck_assert_int_eq(files_in_input(), 1);
}
END_TEST

/* ------------------------------------------------------------ faults, room */

START_TEST(a_failed_write_refuses_messages_and_keeps_outcomes)
{
    static const int errors[] = {-EIO, -ENOSPC};

    for (int i = 0; i < 4; i++) {
        const struct spool_message *message = add(10 + (uint64_t)i * 2, 1);
        struct message_id old = message->id, id = id_of(11 + (uint64_t)i * 2);
        struct envelope envelope = envelope_of(1);

        ck_assert(spool_add_message(spool, &id, &envelope, SPAN("x"), &error));
        ck_assert(outcome(message, 1, OUTCOME_DELIVERED, NULL));
        simulated_disk_plan(simulated, FAULT_ERROR, errors[i % 2], false, (uint64_t)i / 2,
                            1);
        ck_assert(!commit());
        ck_assert(!error.permanent);
        ck_assert_ptr_null(spool_find(spool, &id));
        /* Done is done, but it goes only when that is written; a full disk uses the
         * reserve. */
        message = spool_find(spool, &old);
        ck_assert(message == NULL || message->pending_count == 0);
        ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
        restart();
        ck_assert_uint_eq(spool_count(spool), 0);
    }
    ck_assert_uint_eq(spool_statistics(spool).failures, 0);
}
END_TEST

START_TEST(a_full_disk_refuses_mail_and_takes_outcomes)
{
    const struct spool_message *message = add(1, 1);
    struct message_id id = id_of(2);
    struct envelope envelope = envelope_of(1);

    simulated_disk_set_free(simulated, 100, 1 << 20);
    ck_assert(!spool_add_message(spool, &id, &envelope, SPAN("x"), &error));
    ck_assert_str_eq(error.status, "4.3.1");
    ck_assert(!spool_reserve_is_touched(spool));
    ck_assert(outcome(message, 1, OUTCOME_DEFERRED, "later"));
    simulated_disk_plan(simulated, FAULT_ERROR, -ENOSPC, false, 0, 1);
    ck_assert(commit()); /* from the reserve */
    ck_assert(spool_reserve_is_touched(spool));
    simulated_disk_set_free(simulated, 1 << 30, 1 << 20);
    ck_assert(!spool_has_room(spool, &error)); /* not looked at again so soon */
    restart();
    ck_assert(!spool_reserve_is_touched(spool));
    ck_assert_uint_eq(spool_next(spool, NULL)->attempts, 1);
    simulated_disk_set_free(simulated, 1 << 30, 5);
    ck_assert(!spool_has_room(spool, &error));
    simulated_disk_set_free(simulated, 1 << 30, 1 << 20);
    ck_assert(spool_has_room(spool, &error));
}
END_TEST

/* Take mail until it is refused; how much was taken. */
static uint64_t
fill_up(uint64_t first)
{
    struct envelope envelope = envelope_of(1);
    char large[3000];
    uint64_t taken = 0;
    bool fine = true;

    memset(large, 'x', sizeof(large));
    for (uint64_t i = 0; i < 200; i++) {
        struct message_id id = id_of(first + i);

        fine = spool_add_message(spool, &id, &envelope,
                                 (struct span){large, sizeof(large)}, &error) &&
               spool_commit(spool, true, start, NULL, NULL, &error);
        ck_assert(fine || strcmp(error.status, "4.3.1") == 0);
        taken += fine;
    }
    ck_assert(!fine);
    return taken;
}

START_TEST(a_disk_without_any_room_is_emptied_by_deliveries)
{
    simulated_disk_set_room(simulated, 250 * 1000);
    for (uint64_t round = 1; round <= 3; round++) {
        struct spool_message *message;

        ck_assert_uint_gt(fill_up(1000 * round), 20);
        while ((message = spool_next(spool, NULL)) != NULL) {
            ck_assert(outcome(message, 1, OUTCOME_DELIVERED, NULL));
            ck_assert_msg(commit(), "%s", error.text);
            spool_compact(spool, 1 << 20, start, &error);
        }
        while (spool_compact(spool, 1 << 20, start, &error))
            ;
        passed += 20 * 1000;
        ck_assert(spool_has_room(spool, &error));
        ck_assert(!spool_reserve_is_touched(spool));
    }
}
END_TEST

START_TEST(what_lives_moves_out_of_a_segment_that_failed)
{
    const struct spool_message *message;
    struct message_id id = id_of(1);
    struct envelope envelope;
    int before;

    add(1, 1);
    ck_assert(outcome(spool_find(spool, &id), 1, OUTCOME_DEFERRED, "later"));
    ck_assert(commit());
    simulated_disk_plan(simulated, FAULT_ERROR, -EIO, false, 1, 1);
    ck_assert(!spool_sync(spool, start, &error));
    ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
    before = files_in_input();
    while (spool_compact(spool, 1 << 20, start, &error))
        ;
    ck_assert_int_lt(files_in_input(), before);
    restart();
    message = spool_find(spool, &id);
    ck_assert_ptr_nonnull(message);
    ck_assert_uint_eq(message->attempts, 1);
    ck_assert_str_eq(load(message, &envelope)[0].error.text, "later");
}
END_TEST

START_TEST(space_follows_what_lives)
{
    char large[8000];
    struct envelope envelope = envelope_of(1);

    memset(large, 'x', sizeof(large));
    for (uint64_t i = 1; i <= 400; i++) {
        struct message_id id = id_of(i);

        ck_assert(spool_add_message(spool, &id, &envelope,
                                    (struct span){large, sizeof(large)}, &error));
        ck_assert(spool_commit(spool, true, start, NULL, NULL, &error));
        if (i % 20 != 0) {
            ck_assert(outcome(spool_find(spool, &id), 1, OUTCOME_DELIVERED, NULL));
            ck_assert(commit());
        }
        for (int step = 0; step < 10 && spool_compact(spool, 20000, start, &error);
             step++)
            ;
    }
    ck_assert_uint_eq(spool_count(spool), 20);
    ck_assert_uint_lt(spool_statistics(spool).bytes,
                      3 * spool_statistics(spool).live_bytes + 4 * options.segment_size);
    restart();
    ck_assert_uint_eq(spool_count(spool), 20);
    for (const struct spool_message *message = spool_next(spool, NULL); message != NULL;
         message = spool_next(spool, &message->id)) {
        char back[sizeof(large)];

        ck_assert(spool_read_content(spool, message, 0, back, sizeof(back), &error));
        ck_assert_mem_eq(back, large, sizeof(large));
    }
}
END_TEST

TCase *
spool_room_case(void)
{
    TCase *tests = tcase_create("spool_room");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, streamed_content_comes_back_and_is_checked);
    tcase_add_test(tests, nothing_stays_of_streams_that_do_not_become_messages);
    tcase_add_test(tests, a_failed_write_refuses_messages_and_keeps_outcomes);
    tcase_add_test(tests, a_full_disk_refuses_mail_and_takes_outcomes);
    tcase_add_test(tests, a_disk_without_any_room_is_emptied_by_deliveries);
    tcase_add_test(tests, what_lives_moves_out_of_a_segment_that_failed);
    tcase_add_test(tests, space_follows_what_lives);
    return tests;
}
