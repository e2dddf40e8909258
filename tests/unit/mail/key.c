/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coding of values: any octets, on one line that a person can read. */
#include "mail/key.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(values_are_coded_to_be_read)
{
    static const struct {
        const char *value;
        bool blanks;
        const char *coded;
    } rows[] = {
        {"joe@example.org", true, "joe@example.org"},
        {"a b", false, "a b"},
        {"a b", true, "a%20b"},
        {"100%", false, "100%25"},
        {"a\"b", false, "a%22b"},
        {"a\nb\r\tc\177", false, "a%0Ab%0D%09c%7F"},
        {"J\303\266rg", true, "J\303\266rg"},
        {"J\366rg", true, "J%F6rg"},
        {"\302\233x", false, "%C2%9Bx"}, /* a C1 control */
        {"\303", false, "%C3"},
        {"", true, ""},
        {"a=b,c;d:e!f", true, "a=b,c;d:e!f"},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text text = text_new(arena);
        const char *value;

        key_escape(span_of(rows[i].value), rows[i].blanks, &text);
        ck_assert_str_eq(text_string(&text), rows[i].coded);
        ck_assert(key_unescape(text_span(&text), arena, &value));
        ck_assert_str_eq(value, rows[i].value);
    }
    arena_free(arena);
}
END_TEST

START_TEST(damaged_codes_are_refused)
{
    static const char *const rows[] = {"%",   "%4",   "%4x",  "a%",
                                       "%00", "a\nb", "\177", "%%41"};
    struct arena *arena = arena_new();
    const char *value;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(!key_unescape(span_of(rows[i]), arena, &value), "%s", rows[i]);
    ck_assert(key_unescape(SPAN("%41%4a"), arena, &value));
    ck_assert_str_eq(value, "AJ");
    arena_free(arena);
}
END_TEST

struct sample {
    uint64_t u64;
    int64_t i64;
    int64_t uid;
    uint32_t u32;
    char status[4];
};

static const struct key sample_keys[] = {
    {"u64", KEY_U64, false, false, offsetof(struct sample, u64), 0, NULL},
    {"i64", KEY_I64, false, false, offsetof(struct sample, i64), 0, NULL},
    {"uid", KEY_UID, false, false, offsetof(struct sample, uid), 0, NULL},
    {"u32", KEY_U32, false, false, offsetof(struct sample, u32), 0, NULL},
    {"status", KEY_CHARS, false, false, offsetof(struct sample, status), 4, NULL},
    {0},
};

START_TEST(numbers_keep_their_range)
{
    static const struct {
        const char *key, *value;
        bool fine;
    } rows[] = {
        {"u64", "18446744073709551615", true},
        {"u64", "18446744073709551616", false},
        {"u64", "-1", false},
        {"i64", "9223372036854775807", true},
        {"i64", "9223372036854775808", false},
        {"i64", "-9223372036854775808", true},
        {"i64", "-9223372036854775809", false},
        {"uid", "-1", true},
        {"u32", "4294967295", true},
        {"u32", "4294967296", false},
        {"u32", "", false},
        {"u32", " 1", false},
        {"u32", "0x1", false},
        {"i64", "-", false},
        {"i64", "--1", false},
        {"status", "abc", true},
        {"status", "abcd", false},
    };
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sample sample = {0};
        struct text text = text_new(arena);
        size_t at = i % 5;
        const struct key *key = key_find(sample_keys, span_of(rows[i].key), &at);

        ck_assert_ptr_nonnull(key);
        ck_assert_msg(key_read(key, &sample, span_of(rows[i].value), arena) ==
                          rows[i].fine,
                      "%s=%s", rows[i].key, rows[i].value);
        if (!rows[i].fine)
            continue;
        key_write(key, &sample, true, &text);
        ck_assert_str_eq(text_string(&text), rows[i].value);
    }
    arena_free(arena);
}
END_TEST

START_TEST(keys_are_found_from_anywhere)
{
    for (size_t from = 0; from < 5; from++) {
        size_t at = from;

        ck_assert_ptr_eq(key_find(sample_keys, SPAN("uid"), &at), &sample_keys[2]);
        ck_assert_uint_eq(at, 2);
        at = from;
        ck_assert_ptr_null(key_find(sample_keys, SPAN("ui"), &at));
        ck_assert_ptr_null(key_find(sample_keys, SPAN("uidx"), &at));
        ck_assert_ptr_null(key_find(sample_keys, SPAN(""), &at));
        ck_assert_ptr_null(key_find(sample_keys, SPAN("uid\0x"), &at));
        ck_assert_uint_eq(at, from);
    }
}
END_TEST

TCase *
mail_key_case(void)
{
    TCase *tcase = tcase_create("mail_key");

    tcase_add_test(tcase, values_are_coded_to_be_read);
    tcase_add_test(tcase, damaged_codes_are_refused);
    tcase_add_test(tcase, numbers_keep_their_range);
    tcase_add_test(tcase, keys_are_found_from_anywhere);
    return tcase;
}
