/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Base 62 as in message ids. */
#include "base/base62.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

/* From ids that old logs and manuals show, m0puwU8-00023UB and so on. */
static const struct {
    const char *text;
    uint64_t number;
} rows[] = {
    {"0puwU8", 767164324}, {"0pvB1r", 767220231}, {"00023U", 7904},
    {"0c87zK", 563438102}, {"007zXp", 1904877},   {"000000", 0},
    {"00000z", 61},        {"000010", 62},        {"zzzzzz", UINT64_C(56800235583)},
};

START_TEST(base62_reads_and_writes_the_parts_of_ids)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t number = 1;
        char out[7] = "";

        ck_assert_msg(base62_read(span_of(rows[i].text), &number), "%s", rows[i].text);
        ck_assert_uint_eq(number, rows[i].number);
        base62_write(rows[i].number, out, 6);
        ck_assert_str_eq(out, rows[i].text);
    }
}
END_TEST

START_TEST(base62_keeps_the_last_digits_when_the_number_is_wider)
{
    char out[4] = "...";

    base62_write(62 * 62 + 1, out, 2);
    ck_assert_str_eq(out, "01.");
    base62_write(UINT64_MAX, out, 0);
    ck_assert_str_eq(out, "01.");
}
END_TEST

START_TEST(base62_refuses_what_is_no_number)
{
    static const char *const bad[] = {"",    "-1",       "0 ", " 0",
                                      "a_b", "\xc3\xa9", "0.", "00000000000"};
    uint64_t number = 7;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!base62_read(span_of(bad[i]), &number), "%s", bad[i]);
    ck_assert(!base62_read(SPAN("0\0"
                                "1"),
                           &number));
    ck_assert_uint_eq(number, 7);
    ck_assert(base62_read(SPAN("zzzzzzzzzz"), &number));
    ck_assert_uint_eq(number, UINT64_C(839299365868340223));
}
END_TEST

TCase *
base_base62_case(void)
{
    TCase *tcase = tcase_create("base_base62");

    tcase_add_test(tcase, base62_reads_and_writes_the_parts_of_ids);
    tcase_add_test(tcase, base62_keeps_the_last_digits_when_the_number_is_wider);
    tcase_add_test(tcase, base62_refuses_what_is_no_number);
    return tcase;
}
