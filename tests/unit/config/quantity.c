/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, sizes, intervals, modes and lists, as reference 2.5 writes them. */
#include "config/quantity.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct {
    const char *text;
    bool good;
    int64_t number;
} numbers[] = {
    {"0", true, 0},
    {"20", true, 20},
    {"0x1f", true, 31},
    {"0X1F", true, 31},
    {"010", true, 8},
    {"10k", true, 10240},
    {"10K", true, 10240},
    {"2m", true, 2097152},
    {"2M", true, 2097152},
    {"1g", true, 1073741824},
    {"-1", true, -1},
    {"9223372036854775807", true, INT64_MAX},
    {"9223372036854775808", false, 0},
    {"99999999999999999999999", false, 0},
    {"9007199254740992k", false, 0},
    {"", false, 0},
    {"-", false, 0},
    {"k", false, 0},
    {"08", false, 0},
    {"0x", false, 0},
    {"10kk", false, 0},
    {"10 k", false, 0},
    {"ten", false, 0},
    {"+3", false, 0},
};

START_TEST(numbers_are_in_C_notation_with_suffixes)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t number = -99;
        bool good = number_parse(span_of(numbers[i].text), &number, NULL);

        ck_assert_msg(good == numbers[i].good, "%s", numbers[i].text);
        if (good)
            ck_assert_msg(number == numbers[i].number, "%s", numbers[i].text);
    }
}
END_TEST

static const struct {
    const char *text;
    bool good;
    uint64_t bytes;
    const char *printed;
} sizes[] = {
    {"0", true, 0, "0"},
    {"100k", true, 102400, "100k"},
    {"102400", true, 102400, "100k"},
    {"50m", true, 52428800, "50m"},
    {"3g", true, UINT64_C(3221225472), "3g"},
    {"1025", true, 1025, "1025"},
    {"-1", false, 0, NULL},
    {"9223372036854775808", false, 0, NULL},
    {"5x", false, 0, NULL},
};

START_TEST(sizes_print_with_the_largest_fitting_suffix)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct size size;
        bool good = size_parse(span_of(sizes[i].text), &size, NULL);

        ck_assert_msg(good == sizes[i].good, "%s", sizes[i].text);
        if (!good)
            continue;
        ck_assert_uint_eq(size.bytes, sizes[i].bytes);
        ck_assert_str_eq(size_print(size, arena), sizes[i].printed);
    }
    arena_free(arena);
}
END_TEST

static const struct {
    const char *text;
    bool good;
    int64_t seconds;
    const char *printed;
} durations[] = {
    {"0", true, 0, "0"},
    {"90", true, 90, "1m30s"},
    {"2h30m", true, 9000, "2h30m"},
    {"5m30s", true, 330, "5m30s"},
    {"1w", true, 604800, "1w"},
    {"1y", true, 31536000, "1y"},
    {"5d", true, 432000, "5d"},
    {"5D", true, 432000, "5d"},
    {"010", true, 10, "10s"}, /* intervals are decimal */
    {"-1", true, -1, "-1"},
    {"", false, 0, NULL},
    {"5x", false, 0, NULL},
    {"2h30", false, 0, NULL},
    {"h", false, 0, NULL},
    {"-5m", false, 0, NULL},
    {"99999999999999999y", false, 0, NULL},
    {"9223372036854775807s1s", false, 0, NULL},
};

START_TEST(intervals_are_seconds_or_numbers_with_units)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        struct duration duration;
        bool good = duration_parse(span_of(durations[i].text), &duration, NULL);

        ck_assert_msg(good == durations[i].good, "%s", durations[i].text);
        if (!good)
            continue;
        ck_assert_int_eq(duration.seconds, durations[i].seconds);
        ck_assert_str_eq(duration_print(duration, arena), durations[i].printed);
    }
    arena_free(arena);
}
END_TEST

START_TEST(modes_are_octal)
{
    struct arena *arena = arena_new();
    struct mode mode;

    ck_assert(mode_parse(SPAN("0644"), &mode, NULL));
    ck_assert_uint_eq(mode.bits, 0644);
    ck_assert(mode_parse(SPAN("22"), &mode, NULL));
    ck_assert_uint_eq(mode.bits, 022);
    ck_assert_str_eq(mode_print(mode, arena), "0022");
    ck_assert(mode_parse(SPAN("2775"), &mode, NULL));
    ck_assert_str_eq(mode_print(mode, arena), "02775");
    ck_assert(!mode_parse(SPAN("0689"), &mode, NULL));
    ck_assert(!mode_parse(SPAN("10000"), &mode, NULL));
    ck_assert(!mode_parse(SPAN("rw-"), &mode, NULL));
    ck_assert(!mode_parse(SPAN(""), &mode, NULL));
    arena_free(arena);
}
END_TEST

static const struct {
    const char *text;
    size_t count;
    const char *items[4];
} lists[] = {
    {"", 0, {0}},
    {":", 0, {0}},
    {"root", 1, {"root"}},
    {"root:uucp:daemon", 3, {"root", "uucp", "daemon"}},
    {" root : uucp ", 2, {"root", "uucp"}},
    {"a::b", 2, {"a", "b"}},
    {"127.0.0.0/8:[::1]/128", 2, {"127.0.0.0/8", "[::1]/128"}},
    {"[::1]:a", 2, {"[::1]", "a"}},
    {"0-10:~ftp:/tmp", 3, {"0-10", "~ftp", "/tmp"}},
    {"${lc:user}:b", 2, {"${lc:user}", "b"}},
    {"${if def:home :${lc:home}}:b", 2, {"${if def:home :${lc:home}}", "b"}},
};

START_TEST(colons_separate_items_but_not_in_brackets)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct list list;

        ck_assert_msg(list_parse(span_of(lists[i].text), arena, &list, NULL), "%s",
                      lists[i].text);
        ck_assert_msg(list.count == lists[i].count, "%s: %zu", lists[i].text, list.count);
        for (size_t j = 0; j < list.count; j++)
            ck_assert_str_eq(list.items[j], lists[i].items[j]);
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_bracket_that_is_not_closed_is_an_error)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    struct list list;

    ck_assert(!list_parse(SPAN("a:[::1"), arena, &list, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "bracket not closed"));
    ck_assert(!list_parse(SPAN("${lc:user"), arena, &list, &error));
    arena_free(arena);
}
END_TEST

START_TEST(lists_print_as_they_were_and_know_their_items_without_case)
{
    struct arena *arena = arena_new();
    struct list list;

    ck_assert(list_parse(SPAN("Root:uucp:[::1]/128"), arena, &list, NULL));
    ck_assert_str_eq(list_print(list, arena), "Root:uucp:[::1]/128");
    ck_assert(list_has(list, "root"));
    ck_assert(list_has(list, "UUCP"));
    ck_assert(!list_has(list, "uuc"));
    ck_assert(!list_has(list, ""));
    arena_free(arena);
}
END_TEST

TCase *
config_quantity_case(void)
{
    TCase *tests = tcase_create("config_quantity");

    tcase_add_test(tests, numbers_are_in_C_notation_with_suffixes);
    tcase_add_test(tests, sizes_print_with_the_largest_fitting_suffix);
    tcase_add_test(tests, intervals_are_seconds_or_numbers_with_units);
    tcase_add_test(tests, modes_are_octal);
    tcase_add_test(tests, colons_separate_items_but_not_in_brackets);
    tcase_add_test(tests, a_bracket_that_is_not_closed_is_an_error);
    tcase_add_test(tests, lists_print_as_they_were_and_know_their_items_without_case);
    return tests;
}
