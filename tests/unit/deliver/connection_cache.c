/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what a worker keeps: connections by key, limits, what is owed. */
#include <string.h>

#include "base/clock.h"
#include "deliver/deliver.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static char closed[64], finished[64];
static bool finish_works;
static int64_t now;

static int64_t
clock_of_test(void)
{
    return now;
}

static void
close_it(void *held)
{
    closed[strlen(closed)] = *(const char *)held;
}

static bool
finish_it(void *held, struct error *error)
{
    finished[strlen(finished)] = *(const char *)held;
    return finish_works || fail_temporary(error, "4.2.0", "%c", *(const char *)held);
}

static struct connection_cache *
begin(void)
{
    memset(closed, 0, sizeof closed);
    memset(finished, 0, sizeof finished);
    finish_works = true;
    now = 1000;
    clock_replace(NULL, clock_of_test);
    return connection_cache_new(2);
}

static char a[] = "a", b[] = "b", c[] = "c";

START_TEST(what_is_kept_is_found_once_by_its_key)
{
    struct connection_cache *cache = begin();

    connection_cache_keep(cache, "x", a, close_it);
    connection_cache_keep(cache, "y", b, close_it);
    ck_assert_ptr_null(connection_cache_take(cache, "z"));
    ck_assert_ptr_eq(connection_cache_take(cache, "x"), a);
    ck_assert_ptr_null(connection_cache_take(cache, "x"));
    connection_cache_free(cache);
    ck_assert_str_eq(closed, "b");
}
END_TEST

START_TEST(the_one_idle_for_longest_makes_room)
{
    struct connection_cache *cache = begin();

    connection_cache_keep(cache, "x", a, close_it);
    connection_cache_keep(cache, "x", b, close_it);
    ck_assert_ptr_eq(connection_cache_take(cache, "x"), b);
    connection_cache_keep(cache, "x", b, close_it);
    connection_cache_keep(cache, "y", c, close_it);
    ck_assert_str_eq(closed, "a");
    now += 500;
    connection_cache_expire(cache, 1000);
    ck_assert(!connection_cache_is_empty(cache));
    now += 501;
    connection_cache_expire(cache, 1000);
    ck_assert(connection_cache_is_empty(cache));
    connection_cache_free(cache);
}
END_TEST

START_TEST(what_is_owed_is_finished_at_the_settling)
{
    struct connection_cache *cache = begin();
    struct error error = {0};

    ck_assert(!connection_cache_owes(cache));
    connection_cache_owe(cache, "x", a, finish_it);
    ck_assert(connection_cache_owes(cache));
    now += 100000;
    connection_cache_expire(cache, 0); /* never just dropped */
    ck_assert_ptr_eq(connection_cache_take(cache, "x"), a);
    connection_cache_owe(cache, "x", a, finish_it);
    ck_assert_str_eq(finished, "");
    ck_assert(connection_cache_settle(cache, &error));
    ck_assert_str_eq(finished, "a");
    ck_assert(!connection_cache_owes(cache));
    ck_assert_uint_eq(connection_cache_owed(cache), 2);
    connection_cache_free(cache);
}
END_TEST

START_TEST(one_thing_is_owed_at_a_time_and_a_failure_is_not_forgotten)
{
    struct connection_cache *cache = begin();
    struct error error = {0};

    finish_works = false;
    connection_cache_owe(cache, "x", a, finish_it);
    ck_assert_ptr_null(connection_cache_take(cache, "y"));
    ck_assert_str_eq(finished, "a");
    finish_works = true;
    connection_cache_owe(cache, "y", b, finish_it);
    ck_assert(connection_cache_owes(cache));
    ck_assert(!connection_cache_settle(cache, &error));
    ck_assert_str_eq(error.text, "a");
    ck_assert_str_eq(finished, "ab");
    ck_assert(!connection_cache_owes(cache));
    ck_assert(connection_cache_settle(cache, &error));
    connection_cache_free(cache);
}
END_TEST

TCase *
deliver_connection_cache_case(void)
{
    TCase *tcase = tcase_create("deliver/connection_cache");

    tcase_add_test(tcase, what_is_kept_is_found_once_by_its_key);
    tcase_add_test(tcase, the_one_idle_for_longest_makes_room);
    tcase_add_test(tcase, what_is_owed_is_finished_at_the_settling);
    tcase_add_test(tcase, one_thing_is_owed_at_a_time_and_a_failure_is_not_forgotten);
    return tcase;
}
