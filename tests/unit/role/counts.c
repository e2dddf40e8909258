/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session counts that processes share: each has its part, and the sum is of all parts. */
#include "role/counts.h"

#include <unistd.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static struct counts *first, *second;
static int file;

static void
begin(void)
{
    struct error error;

    file = counts_create(&error);
    ck_assert_int_ge(file, 0);
    first = counts_open(file, 1, &error);
    second = counts_open(file, 2, &error);
    ck_assert(first && second);
}

static void
end(void)
{
    counts_free(first);
    counts_free(second);
    close(file);
}

START_TEST(sessions_of_all_processes_are_counted)
{
    counts_change(first, "192.0.2.1", 1);
    counts_change(second, "192.0.2.1", 1);
    counts_change(second, "192.0.2.2", 1);
    ck_assert_uint_eq(counts_get(first, "192.0.2.1"), 2);
    ck_assert_uint_eq(counts_get(second, "192.0.2.2"), 1);
    ck_assert_uint_eq(counts_get(first, ""), 3);
    counts_change(first, "192.0.2.1", -1);
    ck_assert_uint_eq(counts_get(second, "192.0.2.1"), 1);
    ck_assert_uint_eq(counts_get(second, ""), 2);
}
END_TEST

START_TEST(an_ipv6_client_is_its_network)
{
    counts_change(first, "2001:db8:1:2::1", 1);
    counts_change(first, "2001:db8:1:2:ffff::9", 1);
    ck_assert_uint_eq(counts_get(first, "2001:db8:1:2::5"), 2);
    ck_assert_uint_eq(counts_get(first, "2001:db8:1:3::1"), 0);
}
END_TEST

START_TEST(a_successor_and_one_that_still_drains_do_not_meet)
{
    counts_change(first, "192.0.2.1", 1);
    counts_clear(second); /* the successor begins */
    counts_change(second, "192.0.2.1", 1);
    counts_change(first, "192.0.2.1", -1);
    ck_assert_uint_eq(counts_get(second, "192.0.2.1"), 1);
    ck_assert_uint_eq(counts_get(second, ""), 1);
}
END_TEST

START_TEST(what_a_dead_process_counted_is_void)
{
    counts_change(first, "192.0.2.1", 1);
    counts_change(second, "192.0.2.1", 1);
    counts_clear(first);
    ck_assert_uint_eq(counts_get(second, "192.0.2.1"), 1);
    ck_assert_uint_eq(counts_get(second, ""), 1);
}
END_TEST

TCase *
role_counts_case(void)
{
    TCase *tcase = tcase_create("role/counts");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, sessions_of_all_processes_are_counted);
    tcase_add_test(tcase, an_ipv6_client_is_its_network);
    tcase_add_test(tcase, a_successor_and_one_that_still_drains_do_not_meet);
    tcase_add_test(tcase, what_a_dead_process_counted_is_void);
    return tcase;
}
