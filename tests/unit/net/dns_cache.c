/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers are kept for their time, in bounds, and failures never. */
#include "net/dns_cache.h"

#include <string.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static int64_t now;

static int64_t
fake_clock(void)
{
    return now;
}

static void
clock_setup(void)
{
    now = 1000000;
    clock_replace(fake_clock, fake_clock);
}

static void
clock_teardown(void)
{
    clock_replace(NULL, NULL);
}

static struct dns_answer
answer_make(enum dns_result result, uint32_t ttl)
{
    static struct dns_record record = {.name = "", .address = "192.0.2.1"};

    return (struct dns_answer){.result = result,
                               .canonical = "a.example",
                               .records = &record,
                               .count = result == DNS_FOUND,
                               .ttl = ttl};
}

START_TEST(answer_lives_as_long_as_it_may)
{
    static const struct {
        enum dns_result result;
        uint32_t ttl;
        int64_t seconds; /* it is known so long */
    } rows[] = {
        {DNS_FOUND, 60, 60},     {DNS_FOUND, 86400, 300}, {DNS_FOUND, 0, 0},
        {DNS_NO_DATA, 3600, 60}, {DNS_NO_NAME, 30, 30},   {DNS_FAILURE, 60, 0},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_answer answer = answer_make(rows[i].result, rows[i].ttl), known;
        struct dns_cache *cache = dns_cache_new(10);
        struct arena *arena = arena_new();

        dns_cache_put(cache, "A.example", DNS_A, &answer);
        ck_assert(dns_cache_get(cache, "a.EXAMPLE", DNS_A, arena, &known) ==
                  (rows[i].seconds > 0));
        ck_assert(!dns_cache_get(cache, "a.example", DNS_AAAA, arena, &known));
        ck_assert(!dns_cache_get(cache, "b.example", DNS_A, arena, &known));
        if (rows[i].seconds > 0) {
            now += rows[i].seconds * 1000 - 1000;
            ck_assert(dns_cache_get(cache, "a.example", DNS_A, arena, &known));
            ck_assert(known.result == rows[i].result && known.count == answer.count);
            ck_assert_uint_eq(known.ttl, 1);
            now += 1000;
            ck_assert(!dns_cache_get(cache, "a.example", DNS_A, arena, &known));
        }
        arena_free(arena);
        dns_cache_free(cache);
    }
}
END_TEST

START_TEST(cache_stays_within_its_limit)
{
    struct dns_answer answer = answer_make(DNS_FOUND, 60), known;
    struct dns_cache *cache = dns_cache_new(10);
    struct arena *arena = arena_new();
    size_t kept = 0;

    for (size_t i = 0; i < 25; i++)
        dns_cache_put(cache, arena_format(arena, "n%zu.example", i), DNS_A, &answer);
    for (size_t i = 0; i < 25; i++)
        kept += dns_cache_get(cache, arena_format(arena, "n%zu.example", i), DNS_A, arena,
                              &known);
    ck_assert(kept > 0 && kept <= 10);
    arena_free(arena);
    dns_cache_free(cache);
}
END_TEST

TCase *
net_dns_cache_case(void)
{
    TCase *tests = tcase_create("net_dns_cache");

    tcase_add_checked_fixture(tests, clock_setup, clock_teardown);
    tcase_add_test(tests, answer_lives_as_long_as_it_may);
    tcase_add_test(tests, cache_stays_within_its_limit);
    return tests;
}
