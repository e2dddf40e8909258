/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-8 by RFC 3629, with its forbidden forms. */
#include "base/utf8.h"

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(characters_are_read_or_refused)
{
    static const struct {
        const char *text;
        size_t length;
        uint32_t code;
    } rows[] = {
        {"a", 1, 'a'},
        {"\302\200", 2, 0x80},
        {"\337\277", 2, 0x7ff},
        {"\340\240\200x", 3, 0x800},
        {"\355\237\277", 3, 0xd7ff},
        {"\356\200\200", 3, 0xe000},
        {"\357\277\277", 3, 0xffff},
        {"\360\220\200\200", 4, 0x10000},
        {"\364\217\277\277", 4, 0x10ffff},
        {"\200", 0, 0},
        {"\277", 0, 0},
        {"\300\200", 0, 0},
        {"\301\277", 0, 0},
        {"\340\237\277", 0, 0},
        {"\355\240\200", 0, 0},
        {"\355\277\277", 0, 0},
        {"\360\217\277\277", 0, 0},
        {"\364\220\200\200", 0, 0},
        {"\365\200\200\200", 0, 0},
        {"\377", 0, 0},
        {"\303", 0, 0},
        {"\303a", 0, 0},
        {"\342\202", 0, 0},
        {"\360\237\230", 0, 0},
        {"\342\202\303", 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t code = 0;

        ck_assert_uint_eq(utf8_character(span_of(rows[i].text), &code), rows[i].length);
        ck_assert_uint_eq(code, rows[i].code);
        ck_assert_int_eq(utf8_is_valid(span_of(rows[i].text)), rows[i].length > 0);
    }
    ck_assert_uint_eq(utf8_character(SPAN(""), NULL), 0);
    ck_assert_uint_eq(utf8_character(SPAN("\0"), NULL), 1);
    ck_assert(utf8_is_valid(SPAN("")) && utf8_is_valid(SPAN("12345678\303\266")));
    ck_assert(!utf8_is_valid(SPAN("12345678\303\266\303")));
}
END_TEST

START_TEST(ascii_is_seen_at_every_place)
{
    char text[41];

    for (size_t at = 0; at < sizeof(text); at++) {
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = 'a';
        for (size_t begin = 0; begin < 9; begin++)
            ck_assert(utf8_is_ascii((struct span){text + begin, sizeof(text) - begin}));
        text[at] = '\200';
        for (size_t begin = 0; begin < 9; begin++)
            ck_assert_int_eq(
                utf8_is_ascii((struct span){text + begin, sizeof(text) - begin}),
                begin > at);
    }
    ck_assert(utf8_is_ascii(SPAN("")));
}
END_TEST

TCase *
base_utf8_case(void)
{
    TCase *tcase = tcase_create("base_utf8");

    tcase_add_test(tcase, characters_are_read_or_refused);
    tcase_add_test(tcase, ascii_is_seen_at_every_place);
    return tcase;
}
