/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random bytes and even choice. */
#include "base/random.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static uint64_t answers[4];
static size_t answer_at;

static void
fill_from_answers(void *bytes, size_t length)
{
    ck_assert_uint_eq(length, sizeof(answers[0]));
    memcpy(bytes, &answers[answer_at++], length);
}

static void
real_random_again(void)
{
    random_replace(NULL);
    answer_at = 0;
}

START_TEST(random_bytes_fill_all_of_it)
{
    unsigned char seen[1000] = {0}, bytes[1000];

    /* A byte that stays zero in 20 rounds has been left out (else 1 in 10^45). */
    for (int round = 0; round < 20; round++) {
        random_bytes(bytes, sizeof(bytes));
        for (size_t i = 0; i < sizeof(bytes); i++)
            seen[i] |= bytes[i];
    }
    for (size_t i = 0; i < sizeof(seen); i++)
        ck_assert_uint_ne(seen[i], 0);
    random_bytes(bytes, 0);
}
END_TEST

START_TEST(random_below_stays_below_and_reaches_all)
{
    unsigned seen = 0;

    for (int i = 0; i < 1000; i++) {
        uint64_t number = random_below(10);

        ck_assert_uint_lt(number, 10);
        seen |= 1U << number;
    }
    ck_assert_uint_eq(seen, 0x3ff);
    ck_assert_uint_eq(random_below(1), 0);
}
END_TEST

START_TEST(random_below_throws_away_what_would_be_uneven)
{
    /* 2^64 = 6 * 3074457345618258602 + 4: the top four values are one too many each. */
    answers[0] = UINT64_MAX;
    answers[1] = UINT64_MAX - 3;
    answers[2] = UINT64_MAX - 4;
    random_replace(fill_from_answers);
    ck_assert_uint_eq(random_below(6), 5);
    ck_assert_uint_eq(answer_at, 3);
    /* A power of two wastes nothing. */
    answers[3] = UINT64_MAX;
    ck_assert_uint_eq(random_below(UINT64_C(1) << 40), (UINT64_C(1) << 40) - 1);
}
END_TEST

TCase *
base_random_case(void)
{
    TCase *tcase = tcase_create("base_random");

    tcase_add_checked_fixture(tcase, NULL, real_random_again);
    tcase_add_test(tcase, random_bytes_fill_all_of_it);
    tcase_add_test(tcase, random_below_stays_below_and_reaches_all);
    tcase_add_test(tcase, random_below_throws_away_what_would_be_uneven);
    return tcase;
}
