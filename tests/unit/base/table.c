/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hash table, beside a plain array that says what it should hold. */
#include "base/table.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

enum { KEYS = 3000 };

static int values[KEYS];

static struct span
key_of(size_t number)
{
    static char text[32];

    snprintf(text, sizeof(text), "host%zu.example", number);
    return span_of(text);
}

START_TEST(table_sets_replaces_and_removes)
{
    struct table *table = table_new();
    char key[] = "a\0b";
    int one, two;

    ck_assert_ptr_null(table_get(table, SPAN("x")));
    ck_assert_ptr_null(table_remove(table, SPAN("x")));
    ck_assert_ptr_null(table_put(table, (struct span){key, 3}, &one));
    key[0] = 'z'; /* the table has its own copy */
    ck_assert_ptr_eq(table_get(table, SPAN("a\0b")), &one);
    ck_assert_ptr_null(table_get(table, SPAN("a\0c")));
    ck_assert_ptr_null(table_get(table, SPAN("A\0b")));
    ck_assert_ptr_eq(table_put(table, SPAN("a\0b"), &two), &one);
    ck_assert_uint_eq(table_count(table), 1);
    ck_assert_ptr_null(table_put(table, (struct span){NULL, 0}, &one));
    ck_assert_ptr_eq(table_get(table, SPAN("")), &one);
    ck_assert_ptr_eq(table_remove(table, SPAN("a\0b")), &two);
    ck_assert_ptr_null(table_get(table, SPAN("a\0b")));
    ck_assert_uint_eq(table_count(table), 1);
    table_free(table);
    table_free(NULL);
}
END_TEST

START_TEST(table_agrees_with_an_array_through_long_use)
{
    struct table *table = table_new();
    void *held[KEYS] = {NULL};
    size_t count = 0;
    int wrong = 0; /* counted, as an assertion for each step is slow */
    uint32_t state = 1;

    for (int step = 0; step < 60000; step++) {
        /* Phases of filling and emptying, so it grows, fills up with graves, shrinks. */
        bool filling = step / 10000 % 2 == 0;
        void *before;
        size_t i;

        state = state * 1664525 + 1013904223;
        i = (state >> 8) % KEYS;
        count -= held[i] != NULL;
        if ((state >> 28 < 12) == filling) {
            before = table_put(table, key_of(i), &values[i]);
            wrong += before != held[i];
            held[i] = &values[i];
        } else {
            before = table_remove(table, key_of(i));
            wrong += before != held[i];
            held[i] = NULL;
        }
        count += held[i] != NULL;
        wrong += table_count(table) != count;
    }
    for (size_t i = 0; i < KEYS; i++)
        wrong += table_get(table, key_of(i)) != held[i];
    ck_assert_int_eq(wrong, 0);
    table_free(table);
}
END_TEST

START_TEST(table_walk_meets_each_entry_once_even_when_removing)
{
    struct table *table = table_new();
    int met[KEYS] = {0}, wrong = 0;
    struct span key;
    void *value;
    size_t at = 0;

    ck_assert(!table_next(table, &at, &key, &value));
    for (size_t i = 0; i < KEYS; i++)
        table_put(table, key_of(i), &values[i]);
    while (table_next(table, &at, &key, &value)) {
        size_t i = (size_t)((int *)value - values);

        wrong += !span_equal(key, key_of(i));
        met[i]++;
        if (i % 3 != 0)
            wrong += table_remove(table, key) != value;
    }
    for (size_t i = 0; i < KEYS; i++)
        wrong += met[i] != 1;
    ck_assert_int_eq(wrong, 0);
    ck_assert_uint_eq(table_count(table), KEYS / 3);
    ck_assert_ptr_eq(table_get(table, key_of(3)), &values[3]);
    ck_assert_ptr_null(table_get(table, key_of(4)));
    table_free(table);
}
END_TEST

TCase *
base_table_case(void)
{
    TCase *tcase = tcase_create("base_table");

    tcase_add_test(tcase, table_sets_replaces_and_removes);
    tcase_add_test(tcase, table_agrees_with_an_array_through_long_use);
    tcase_add_test(tcase, table_walk_meets_each_entry_once_even_when_removing);
    return tcase;
}
