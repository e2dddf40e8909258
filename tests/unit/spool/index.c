/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The index: sorted whatever comes and goes, small, and right about states. */
#include "spool/index.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static struct entry *
put(struct index *index, int64_t seconds, uint64_t counter)
{
    struct message_id id = message_id_make(seconds, counter, 'C');
    struct entry *entry = entry_new(&id, 1);

    if (index_insert(index, entry))
        return entry;
    entry_free(entry);
    return NULL;
}

static void
check_order(const struct index *index, size_t count)
{
    const struct entry *entry = index_next(index, NULL);
    size_t seen = 0;

    while (entry != NULL) {
        const struct entry *next = index_next(index, &entry->message.id);

        seen++;
        ck_assert_ptr_eq(index_find(index, &entry->message.id), entry);
        if (next != NULL)
            ck_assert_int_lt(strcmp(entry->message.id.text, next->message.id.text), 0);
        entry = next;
    }
    ck_assert_uint_eq(seen, count);
    ck_assert_uint_eq(index->entries, count);
}

START_TEST(order_holds_in_whatever_order_they_come)
{
    static const int64_t steps[] = {1, -1, 7919, -7919};

    for (size_t i = 0; i < 4; i++) {
        struct index index = {0};

        for (int64_t n = 0; n < 5000; n++)
            ck_assert_ptr_nonnull(
                put(&index, 1000000 + (n * steps[i] % 10007 + 10007) % 10007, 1));
        ck_assert_ptr_null(put(&index, 1000000, 1));
        check_order(&index, 5000);
        index_free(&index);
    }
}
END_TEST

START_TEST(a_walk_goes_on_when_entries_come_and_go)
{
    struct index index = {0};
    uint64_t random = 1;
    size_t count = 0;

    for (int64_t n = 0; n < 20000; n++) {
        struct message_id id;
        struct entry *entry;

        random = random * UINT64_C(6364136223846793005) + 1;
        id = message_id_make((int64_t)(random >> 52), 1, 'C');
        entry = index_find(&index, &id);
        if (entry == NULL) {
            ck_assert_ptr_nonnull(put(&index, (int64_t)(random >> 52), 1));
            count++;
        } else if (random >> 40 & 1) {
            index_remove(&index, entry);
            entry_free(entry);
            count--;
            ck_assert_ptr_null(index_find(&index, &id));
            entry = index_next(&index, &id);
            if (entry != NULL)
                ck_assert_int_gt(strcmp(entry->message.id.text, id.text), 0);
        }
    }
    check_order(&index, count);
    for (struct entry *entry = index_next(&index, NULL); entry != NULL;
         entry = index_next(&index, NULL)) {
        index_remove(&index, entry);
        entry_free(entry);
    }
    ck_assert_uint_eq(index.count, 0);
    index_free(&index);
}
END_TEST

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_COUNTED 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_COUNTED 0
#elif !defined(MEMORY_IS_COUNTED)
#define MEMORY_IS_COUNTED 1
#endif

/* A message that waits: its record, one deferred recipient, one outcome. */
START_TEST(a_waiting_message_takes_at_most_250_octets)
{
    enum { COUNT = 20000 };
    struct index index = {0};
    size_t before = mallinfo2().uordblks, after;

    for (int64_t n = 0; n < COUNT; n++) {
        struct entry *entry = put(&index, 1000000 + n / 10, (uint64_t)n);

        entry_add_place(entry, place_make(1, PLACE_MESSAGE, 4096));
        entry_add_place(entry, place_make(1, PLACE_OUTCOME, 8192));
        entry_outcome(entry, 1, OUTCOME_DEFERRED, 1, 1);
    }
    after = mallinfo2().uordblks;
    if (MEMORY_IS_COUNTED)
        ck_assert_uint_le((after - before) / COUNT, 250);
    index_free(&index);
}
END_TEST

/* As after days of trying: the memory stays, and the last outcome of each is known. */
START_TEST(a_long_history_takes_no_more_memory)
{
    struct message_id id = message_id_make(1, 1, 'C');
    struct entry *entry = entry_new(&id, 2);
    uint64_t forgotten = 0;

    entry_add_place(entry, place_make(1, PLACE_MESSAGE, 4096));
    for (uint64_t i = 1; i <= 1000; i++) {
        uint64_t place = place_make(2, PLACE_OUTCOME, 10 * i);
        uint64_t before = entry_add_outcome_place(entry, 1 + i % 2, place);

        ck_assert_uint_eq(entry->message.addresses[i % 2].outcome, place);
        ck_assert(before == 0 || before == place_make(2, PLACE_OUTCOME, 10 * (i - 2)));
        forgotten += before != 0;
    }
    ck_assert_uint_eq(entry_places(entry)->count + forgotten, 1001);
    ck_assert_uint_le(entry_places(entry)->count, 16);
    ck_assert_uint_eq(entry_places(entry)->place[0], place_make(1, PLACE_MESSAGE, 4096));
    entry_free(entry);
}
END_TEST

START_TEST(counts_follow_the_states)
{
    static const struct change changes[] = {
        {.number = 1, .state = ADDRESS_EXPANDED},
        {.number = 3, .parent = 1, .key = 5, .state = ADDRESS_ASSIGNED},
        {.number = 4, .parent = 1, .key = 6, .state = ADDRESS_DUPLICATE},
        {.number = 5, .parent = 1, .key = 7, .state = ADDRESS_FAILED},
    };
    static const uint32_t reported[] = {5, 3, 0, 77};
    struct message_id id = message_id_make(1, 1, 'C');
    struct entry *entry = entry_new(&id, 2);
    const struct spool_message *message = &entry->message;

    ck_assert_uint_eq(message->pending_count, 2);
    entry_expand(entry, changes, 4);
    ck_assert_uint_eq(message->address_count, 5);
    ck_assert_uint_eq(message->pending_count, 3);
    ck_assert_uint_eq(message->unreported_count, 1);
    entry_outcome(entry, 2, OUTCOME_RELAYED, 10, 20);
    entry_outcome(entry, 3, OUTCOME_DEFERRED, 30, 40);
    ck_assert_uint_eq(message->pending_count, 2);
    ck_assert_uint_eq(message->attempts, 1);
    ck_assert_int_eq(message->waited, 30);
    entry_report(entry, reported, 4);
    ck_assert_uint_eq(message->unreported_count, 0);
    ck_assert_uint_eq(message->pending_count, 1);
    entry_outcome(entry, 99, OUTCOME_DELIVERED, 30, 40);
    entry_outcome(entry, 3, OUTCOME_DELIVERED, 30, 40);
    entry_outcome(entry, 3, OUTCOME_FAILED, 30, 40); /* too late */
    ck_assert_uint_eq(message->pending_count, 0);
    entry_free(entry);
}
END_TEST

START_TEST(a_jumping_clock_adds_a_day_at_most)
{
    static const int64_t day = INT64_C(86400000), year = 365 * INT64_C(86400000);

    ck_assert_int_eq(waited_between(1000, 61000), 60000);
    ck_assert_int_eq(waited_between(1000, 1000 + 10 * year), day);
    ck_assert_int_eq(waited_between(10 * year, 1000), 0);
    ck_assert_int_eq(waited_between(INT64_MIN, INT64_MAX), day);
    ck_assert_int_eq(waited_between(INT64_MAX, INT64_MIN), 0);
}
END_TEST

TCase *
spool_index_case(void)
{
    TCase *tests = tcase_create("spool_index");

    tcase_add_test(tests, order_holds_in_whatever_order_they_come);
    tcase_add_test(tests, a_walk_goes_on_when_entries_come_and_go);
    tcase_add_test(tests, a_waiting_message_takes_at_most_250_octets);
    tcase_add_test(tests, a_long_history_takes_no_more_memory);
    tcase_add_test(tests, counts_follow_the_states);
    tcase_add_test(tests, a_jumping_clock_adds_a_day_at_most);
    return tests;
}
