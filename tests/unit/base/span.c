/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views of bytes: comparing, searching, cutting, splitting, numbers. */
#include "base/span.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct span none = {NULL, 0};

START_TEST(span_compares_ascii_case_only)
{
    static const struct {
        const char *a, *b;
        int order;
    } rows[] = {
        {"", "", 0},    {"a", "", 1},         {"Postmaster", "postMASTER", 0},
        {"a", "b", -1}, {"ab", "A", 1},       {"[", "{", -1},
        {"@", "`", -1}, {"\xc4", "\xe4", -1}, {"\xff", "a", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span a = span_of(rows[i].a), b = span_of(rows[i].b);

        ck_assert_int_eq(span_compare_nocase(a, b), rows[i].order);
        ck_assert_int_eq(span_compare_nocase(b, a), -rows[i].order);
        ck_assert_int_eq(span_equal_nocase(a, b), rows[i].order == 0);
        ck_assert_int_eq(span_is_nocase(a, rows[i].b), rows[i].order == 0);
        ck_assert_int_eq(span_equal(a, b), strcmp(rows[i].a, rows[i].b) == 0);
    }
    ck_assert(span_equal(none, span_of("")) && span_equal_nocase(none, none));
    ck_assert(span_is(none, "") && span_is(span_of(NULL), "") && !span_is(none, "a"));
    ck_assert(!span_equal(SPAN("a\0b"), SPAN("a\0c")));
}
END_TEST

START_TEST(span_knows_its_start_and_end)
{
    ck_assert(span_starts(SPAN("From "), "From ") && !span_starts(SPAN("From"), "From "));
    ck_assert(!span_starts(SPAN("FROM "), "From ") && span_starts(none, ""));
    ck_assert(span_starts_nocase(SPAN("MAIL from:<>"), "mail FROM:"));
    ck_assert(span_ends_nocase(SPAN("mail.Example.ORG"), ".example.org"));
    ck_assert(!span_ends_nocase(SPAN("g"), "org") && span_ends_nocase(none, ""));
}
END_TEST

START_TEST(span_finds)
{
    struct span path = SPAN("a!b!c@d");

    ck_assert_uint_eq(span_find(path, '!'), 1);
    ck_assert_uint_eq(span_find_last(path, '!'), 3);
    ck_assert_uint_eq(span_find(path, '?'), path.length);
    ck_assert_uint_eq(span_find_last(path, '?'), path.length);
    ck_assert_uint_eq(span_find_last(path, 'a'), 0);
    ck_assert_uint_eq(span_find(none, 'x'), 0);
    ck_assert_uint_eq(span_find_last(none, 'x'), 0);
    ck_assert_uint_eq(span_find(SPAN("a\0b"), 'b'), 2);
    ck_assert_uint_eq(span_search(SPAN("a\r\n\r\nb"), SPAN("\r\n\r\n")), 1);
    ck_assert_uint_eq(span_search(SPAN("aab"), SPAN("ab")), 1);
    ck_assert_uint_eq(span_search(SPAN("ab"), SPAN("abc")), 2);
    ck_assert_uint_eq(span_search(none, SPAN("a")), 0);
    ck_assert_uint_eq(span_search(SPAN("abc"), none), 0);
}
END_TEST

START_TEST(span_parts_stay_inside)
{
    struct span word = SPAN("word");

    ck_assert(span_is(span_from(word, 2), "rd") && span_is(span_first(word, 2), "wo"));
    ck_assert(span_is(span_from(word, 9), "") && span_is(span_first(word, 9), "word"));
    ck_assert_ptr_eq(span_from(word, 9).bytes, word.bytes + 4);
    ck_assert_uint_eq(span_from(none, 3).length, 0);
    ck_assert_uint_eq(span_first(none, 3).length, 0);
}
END_TEST

START_TEST(span_trim_takes_blanks_and_line_ends)
{
    ck_assert(span_is(span_trim(SPAN(" \t\r\n a b \r\n")), "a b"));
    ck_assert(span_is(span_trim(SPAN("   ")), ""));
    ck_assert(span_is(span_trim(SPAN("\va\f")), "\va\f"));
    ck_assert(span_is(span_trim(none), ""));
}
END_TEST

START_TEST(span_next_gives_the_pieces)
{
    static const struct {
        const char *text, *pieces; /* each piece in brackets */
    } rows[] = {
        {"", ""},        {"a", "[a]"},         {"a:b", "[a][b]"}, {"a:", "[a]"},
        {":a", "[][a]"}, {"a::b", "[a][][b]"}, {":", "[]"},       {"::", "[][]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span rest = span_of(rows[i].text), piece;
        char found[32] = "";
        size_t length = 0;

        while (span_next(&rest, ':', &piece)) {
            ck_assert_uint_lt(length + piece.length + 3, sizeof(found));
            found[length++] = '[';
            memcpy(found + length, piece.bytes, piece.length);
            length += piece.length;
            found[length++] = ']';
        }
        found[length] = '\0';
        ck_assert_str_eq(found, rows[i].pieces);
        ck_assert_ptr_null(rest.bytes);
        ck_assert(!span_next(&rest, ':', &piece));
    }
}
END_TEST

START_TEST(span_number_takes_digits_up_to_a_limit)
{
    static const struct {
        const char *text;
        uint64_t limit;
        bool good;
        uint64_t number;
    } rows[] = {
        {"0", 0, true, 0},
        {"65535", 65535, true, 65535},
        {"65536", 65535, false, 0},
        {"000000000000000000000000000025", 99, true, 25},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 9, false, 0},
        {"1e1", 99, false, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t number = 0;

        ck_assert_msg(span_number(span_of(rows[i].text), rows[i].limit, &number) ==
                          rows[i].good,
                      "%s", rows[i].text);
        ck_assert_uint_eq(number, rows[i].number);
    }
}
END_TEST

START_TEST(bytes_are_classed_as_ascii)
{
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        bool upper = i >= 65 && i <= 90, lower = i >= 97 && i <= 122;

        ck_assert(byte_is_digit(byte) == (i >= 48 && i <= 57));
        ck_assert(byte_is_letter(byte) == (upper || lower));
        ck_assert(byte_is_control(byte) == (i < 32 || i == 127));
        ck_assert(byte_is_blank(byte) == (i == 32 || i == 9));
        ck_assert(byte_is_space(byte) == (i == 32 || (i >= 9 && i <= 13)));
        ck_assert_int_eq((unsigned char)byte_lower(byte), upper ? i + 32 : i);
        ck_assert_int_eq((unsigned char)byte_upper(byte), lower ? i - 32 : i);
    }
}
END_TEST

TCase *
base_span_case(void)
{
    TCase *tcase = tcase_create("base_span");

    tcase_add_test(tcase, span_compares_ascii_case_only);
    tcase_add_test(tcase, span_knows_its_start_and_end);
    tcase_add_test(tcase, span_finds);
    tcase_add_test(tcase, span_parts_stay_inside);
    tcase_add_test(tcase, span_trim_takes_blanks_and_line_ends);
    tcase_add_test(tcase, span_next_gives_the_pieces);
    tcase_add_test(tcase, span_number_takes_digits_up_to_a_limit);
    tcase_add_test(tcase, bytes_are_classed_as_ascii);
    return tcase;
}
