/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The spool stopped at each operation of its script in turn, with the disk as it may be
 * afterwards, and each operation failing in turn. Without SMAIL_LONG_TESTS in the
 * environment only some of the points are tried, other ones for each way to end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/crash/spool_walk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { SHORT_STRIDE = 13, TORN_SEEDS = 5, ENDS = END_TORN + TORN_SEEDS };

static struct walk walk;

static uint64_t
stride(void)
{
    return getenv("SMAIL_LONG_TESTS") != NULL ? 1 : SHORT_STRIDE;
}

/* Operations of an undisturbed run. */
static void
count_operations(uint64_t *writes, uint64_t *reads)
{
    spool_walk_begin(&walk, 1);
    spool_walk_run(&walk);
    ck_assert_uint_eq(walk.refusals, 0);
    *writes = simulated_disk_writes(walk.simulated);
    *reads = simulated_disk_reads(walk.simulated);
    spool_walk_check(&walk);
    ck_assert_str_eq(walk.problem, "");
    spool_walk_end(&walk);
}

static void
end_in(uint64_t way, uint64_t seed)
{
    spool_walk_close(&walk);
    simulated_disk_seed(walk.simulated, seed * 977 + way);
    simulated_disk_restart(walk.simulated,
                           way < END_TORN ? (enum simulated_end)way : END_TORN);
}

START_TEST(nothing_promised_is_lost_wherever_it_stops)
{
    uint64_t writes, reads, points = 0;

    count_operations(&writes, &reads);
    for (uint64_t way = 0; way < ENDS; way++)
        for (uint64_t at = way % stride(); at < writes; at += stride(), points++) {
            spool_walk_begin(&walk, 1);
            simulated_disk_plan(walk.simulated, FAULT_STOP, 0, false, at, 1);
            spool_walk_run(&walk);
            end_in(way, at);
            spool_walk_check(&walk);
            ck_assert_msg(walk.problem[0] == '\0', "stopped at %llu, end %llu: %s",
                          (unsigned long long)at, (unsigned long long)way, walk.problem);
            /* Only sectors written out of order may look like damage. */
            ck_assert(way >= END_TORN || walk.damages == 0);
            end_in(END_DROPPED, at);
            spool_walk_check(&walk);
            ck_assert_msg(walk.problem[0] == '\0', "stopped at %llu, end %llu, again: %s",
                          (unsigned long long)at, (unsigned long long)way, walk.problem);
            spool_walk_end(&walk);
        }
    printf("spool: stopped at %llu points\n", (unsigned long long)points);
}
END_TEST

/* The second stop falls into the recovery from the first. */
START_TEST(recovery_can_be_stopped_too)
{
    uint64_t writes, reads, points = 0;

    count_operations(&writes, &reads);
    for (uint64_t at = 3; at < writes; at += 7)
        for (uint64_t second = at % stride(); second < 24; second += stride(), points++) {
            spool_walk_begin(&walk, 1);
            simulated_disk_plan(walk.simulated, FAULT_STOP, 0, false, at, 1);
            spool_walk_run(&walk);
            end_in(END_TORN, at);
            simulated_disk_plan(walk.simulated, FAULT_STOP, 0, second % 2 != 0,
                                second / 2, 1);
            spool_walk_open(&walk);
            end_in(END_TORN, second);
            walk.problem[0] = '\0';
            spool_walk_check(&walk);
            ck_assert_msg(walk.problem[0] == '\0', "stopped at %llu, then %llu: %s",
                          (unsigned long long)at, (unsigned long long)second,
                          walk.problem);
            spool_walk_end(&walk);
        }
    printf("spool: recovery stopped at %llu points\n", (unsigned long long)points);
}
END_TEST

/* One run with one operation, or `count` in a row, failing. */
static void
fail_at(uint64_t at, bool in_reads, int error, uint64_t count)
{
    spool_walk_begin(&walk, 1);
    simulated_disk_plan(walk.simulated, FAULT_ERROR, error, in_reads, at, count);
    spool_walk_run(&walk);
    simulated_disk_plan(walk.simulated, FAULT_NONE, 0, false, 0, 0);
    /* With reads failing, not all may be found before the next start. */
    if (walk.spool != NULL && !in_reads)
        spool_walk_check(&walk);
    if (walk.problem[0] == '\0') {
        end_in(at % ENDS, at);
        spool_walk_check(&walk);
    }
    ck_assert_msg(walk.problem[0] == '\0', "%s %llu (%llu) error %d: %s",
                  in_reads ? "read" : "write", (unsigned long long)at,
                  (unsigned long long)count, error, walk.problem);
    spool_walk_end(&walk);
}

START_TEST(nothing_promised_is_lost_whatever_fails)
{
    static const int errors[] = {-EIO, -ENOSPC};
    uint64_t writes, reads, points = 0;

    count_operations(&writes, &reads);
    for (uint64_t way = 0; way < 6; way++) {
        uint64_t count = way < 2 ? 1 : way < 4 ? 3 : 20;

        for (uint64_t at = way % stride(); at < writes; at += stride(), points++)
            fail_at(at, false, errors[way % 2], count);
        for (uint64_t at = way % stride(); at < reads && way % 2 == 0;
             at += stride(), points++)
            fail_at(at, true, -EIO, count);
    }
    printf("spool: failed at %llu points\n", (unsigned long long)points);
}
END_TEST

TCase *
crash_spool_points_case(void)
{
    TCase *tests = tcase_create("crash_spool_points");

    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, nothing_promised_is_lost_wherever_it_stops);
    tcase_add_test(tests, recovery_can_be_stopped_too);
    tcase_add_test(tests, nothing_promised_is_lost_whatever_fails);
    return tests;
}
