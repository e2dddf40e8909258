/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The clocks, real and replaced. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static int64_t fake_wall;

static int64_t
wall(void)
{
    return fake_wall;
}

static int64_t
monotonic(void)
{
    return 42;
}

static void
real_clock_again(void)
{
    clock_replace(NULL, NULL);
}

START_TEST(clock_is_the_systems)
{
    int64_t before = clock_monotonic();
    int64_t now = (int64_t)time(NULL);

    ck_assert_int_ge(clock_seconds(), now);
    ck_assert_int_le(clock_seconds(), now + 2);
    ck_assert_int_ge(clock_milliseconds(), now * 1000);
    for (int i = 0; i < 1000; i++) {
        int64_t after = clock_monotonic();

        ck_assert_int_ge(after, before);
        before = after;
    }
}
END_TEST

START_TEST(clock_can_be_replaced)
{
    static const struct {
        int64_t milliseconds, seconds;
    } rows[] = {{0, 0},   {999, 0},    {1000, 1},  {767164324999, 767164324},
                {-1, -1}, {-1000, -1}, {-1001, -2}};

    clock_replace(wall, monotonic);
    ck_assert_int_eq(clock_monotonic(), 42);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake_wall = rows[i].milliseconds;
        ck_assert_int_eq(clock_milliseconds(), rows[i].milliseconds);
        ck_assert_int_eq(clock_seconds(), rows[i].seconds);
    }
    clock_replace(NULL, NULL);
    ck_assert_int_gt(clock_seconds(), 767164324);
}
END_TEST

TCase *
base_clock_case(void)
{
    TCase *tcase = tcase_create("base_clock");

    tcase_add_checked_fixture(tcase, NULL, real_clock_again);
    tcase_add_test(tcase, clock_is_the_systems);
    tcase_add_test(tcase, clock_can_be_replaced);
    return tcase;
}
