/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { TIMERS = 5000 };

START_TEST(what_is_due_comes_in_the_order_of_time)
{
    static const int64_t dues[] = {50, 10, 40, 10, 30, -5, 1000};
    struct schedule schedule = {0};
    struct timer timers[7] = {0};
    int64_t last = INT64_MIN;
    size_t count = 0;

    ck_assert_int_eq(schedule_next(&schedule), INT64_MAX);
    ck_assert_ptr_null(schedule_take(&schedule, INT64_MAX));
    for (size_t i = 0; i < 7; i++)
        schedule_set(&schedule, &timers[i], dues[i]);
    ck_assert_int_eq(schedule_next(&schedule), -5);
    for (const struct timer *timer; (timer = schedule_take(&schedule, 50)) != NULL;
         count++) {
        ck_assert_int_ge(timer->due, last);
        ck_assert_uint_eq(timer->place, 0);
        last = timer->due;
    }
    ck_assert_uint_eq(count, 6);
    ck_assert_int_eq(schedule_next(&schedule), 1000);
    schedule_free(&schedule);
}
END_TEST

/* Set, moved and stopped at random, against a look at all of them. */
START_TEST(timers_move_and_stop_anywhere)
{
    struct schedule schedule = {0};
    struct timer *timers = memory_alloc(TIMERS * sizeof(*timers));
    int64_t now = 0;
    size_t running = 0, fired = 0;

    srandom(1);
    for (int round = 0; round < 20 * TIMERS; round++) {
        struct timer *timer = &timers[random() % TIMERS], *due;

        if (random() % 3 == 0)
            schedule_clear(&schedule, timer);
        else
            schedule_set(&schedule, timer, now + random() % 1000);
        now += random() % 2;
        while ((due = schedule_take(&schedule, now)) != NULL) {
            ck_assert_int_le(due->due, now);
            fired++;
        }
        ck_assert_int_gt(schedule_next(&schedule), now);
    }
    for (size_t i = 0; i < TIMERS; i++)
        running += timers[i].place != 0;
    ck_assert_uint_eq(running, schedule.count);
    ck_assert_uint_gt(fired, TIMERS);
    schedule_free(&schedule);
    free(timers);
}
END_TEST

TCase *
queue_schedule_case(void)
{
    TCase *tcase = tcase_create("queue/schedule");

    tcase_add_test(tcase, what_is_due_comes_in_the_order_of_time);
    tcase_add_test(tcase, timers_move_and_stop_anywhere);
    return tcase;
}
