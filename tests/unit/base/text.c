/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text that grows, and copies of spans. */
#include "base/text.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(text_is_empty_at_first)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);

    ck_assert_str_eq(text_string(&text), "");
    ck_assert(span_is(text_span(&text), ""));
    ck_assert_ptr_nonnull(text_span(&text).bytes);
    text_cut(&text, 0);
    text_add(&text, "");
    text_add_span(&text, (struct span){NULL, 0});
    ck_assert_str_eq(text_string(&text), "");
    arena_free(arena);
}
END_TEST

START_TEST(text_ends_in_nul_after_every_addition)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);

    for (size_t i = 0; i < 1000; i++) {
        text_add_byte(&text, 'x');
        ck_assert_uint_eq(text.length, i + 1);
        ck_assert_int_eq(text.bytes[text.length], '\0');
    }
    text_cut(&text, 3);
    text_add(&text, "-abc");
    text_add_span(&text, SPAN("\0d"));
    text_add_format(&text, "%s%03d", "+", 7);
    ck_assert(span_equal(text_span(&text), SPAN("xxx-abc\0d+007")));
    text_cut(&text, 100);
    ck_assert_uint_eq(text.length, 13);
    arena_free(arena);
}
END_TEST

START_TEST(text_formats_at_every_fill)
{
    struct arena *arena = arena_new();

    for (size_t before = 0; before < 140; before++) {
        struct text text = text_new(arena);

        for (size_t i = 0; i < before; i++)
            text_add_byte(&text, '.');
        text_add_format(&text, "%d", 12345);
        ck_assert_uint_eq(strlen(text_string(&text)), before + 5);
        ck_assert_str_eq(text_string(&text) + before, "12345");
    }
    arena_free(arena);
}
END_TEST

START_TEST(text_can_be_added_to_itself)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);

    text_add(&text, "ab");
    for (int i = 0; i < 10; i++)
        text_add_span(&text, text_span(&text));
    ck_assert_uint_eq(text.length, 2048);
    ck_assert_uint_eq(strspn(text_string(&text), "ab"), 2048);
    ck_assert_ptr_null(strstr(text_string(&text), "aa"));
    ck_assert_ptr_null(strstr(text_string(&text), "bb"));
    arena_free(arena);
}
END_TEST

START_TEST(span_copies_end_in_nul)
{
    struct arena *arena = arena_new();
    struct span none = {NULL, 0};

    ck_assert_str_eq(span_string(span_first(SPAN("Example"), 4), arena), "Exam");
    ck_assert_str_eq(span_string(none, arena), "");
    ck_assert_str_eq(span_lower(SPAN("MX.Example\xc4"), arena), "mx.example\xc4");
    ck_assert_str_eq(span_printable(SPAN("a\r\n\0\x7f\xc3\xa9z"), 100, arena),
                     "a??????z");
    ck_assert_str_eq(span_printable(SPAN("abcdef"), 3, arena), "abc");
    ck_assert_str_eq(span_printable(none, 3, arena), "");
    arena_free(arena);
}
END_TEST

TCase *
base_text_case(void)
{
    TCase *tcase = tcase_create("base_text");

    tcase_add_test(tcase, text_is_empty_at_first);
    tcase_add_test(tcase, text_ends_in_nul_after_every_addition);
    tcase_add_test(tcase, text_formats_at_every_fill);
    tcase_add_test(tcase, text_can_be_added_to_itself);
    tcase_add_test(tcase, span_copies_end_in_nul);
    return tcase;
}
