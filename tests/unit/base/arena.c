/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arenas: zeros, alignment, reset, growth; and the end of the process on exhaustion. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static bool
is_filled(const void *bytes, char byte, size_t length)
{
    const char *at = bytes;

    for (size_t i = 0; i < length; i++)
        if (at[i] != byte)
            return false;
    return true;
}

START_TEST(arena_gives_aligned_zeros_that_do_not_overlap)
{
    enum { PIECES = 1000 };
    struct arena *arena = arena_new();
    char *pieces[PIECES];

    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < PIECES; i++) {
            size_t size = i * i % 701;

            pieces[i] = arena_alloc(arena, size);
            ck_assert((uintptr_t)pieces[i] % _Alignof(max_align_t) == 0 &&
                      is_filled(pieces[i], 0, size));
            memset(pieces[i], (char)(i % 100 + 1), size);
        }
        for (size_t i = 0; i < PIECES; i++)
            ck_assert(is_filled(pieces[i], (char)(i % 100 + 1), i * i % 701));
        arena_reset(arena);
    }
    arena_free(arena);
}
END_TEST

START_TEST(arena_takes_large_pieces_between_small_ones)
{
    struct arena *arena = arena_new();

    for (size_t size = 1; size < 8 * 1024 * 1024; size *= 3) {
        char *small = arena_alloc(arena, 1);
        char *large = arena_alloc(arena, size);

        ck_assert(is_filled(large, 0, size));
        memset(large, 'x', size);
        ck_assert_int_eq(*small, 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(arena_is_small_at_first_and_after_a_reset)
{
    struct arena *arena = arena_new();

    ck_assert_uint_lt(arena_size(arena), 128);
    arena_alloc(arena, 100);
    ck_assert_uint_le(arena_size(arena), 1100);
    for (int i = 0; i < 100000; i++)
        arena_alloc(arena, 30);
    ck_assert_uint_ge(arena_size(arena), 3000000);
#ifndef __SANITIZE_ADDRESS__
    ck_assert_uint_le(arena_size(arena), 7000000);
#endif
    arena_reset(arena);
    ck_assert_uint_le(arena_size(arena), 17 * 1024);
    arena_free(arena);
    arena_reset(NULL);
    arena_free(NULL);
}
END_TEST

START_TEST(arena_does_not_grow_when_used_the_same_way_after_each_reset)
{
    struct arena *arena = arena_new();
    size_t first = 0;

    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 20; i++)
            arena_alloc(arena, 100);
        if (round == 5) /* by then the block that is kept holds a round */
            first = arena_size(arena);
        if (round > 5)
            ck_assert_uint_eq(arena_size(arena), first);
        arena_reset(arena);
    }
    arena_free(arena);
}
END_TEST

START_TEST(arena_grow_copies_and_clears_the_rest)
{
    struct arena *arena = arena_new();
    int numbers[] = {1, 2, 3};
    int *grown = arena_grow(arena, numbers, 3, 6, sizeof(numbers[0]));

    ck_assert_int_eq(grown[0] + grown[1] * 10 + grown[2] * 100, 321);
    ck_assert(is_filled(grown + 3, 0, 3 * sizeof(int)));
    ck_assert_ptr_nonnull(arena_grow(arena, NULL, 0, 4, sizeof(int)));
    arena_free(arena);
}
END_TEST

START_TEST(arena_copies_end_in_nul)
{
    struct arena *arena = arena_new();
    char long_text[3000];

    ck_assert_str_eq(arena_string(arena, "abc"), "abc");
    ck_assert_str_eq(arena_bytes(arena, "abcdef", 3), "abc");
    ck_assert_str_eq(arena_bytes(arena, NULL, 0), "");
    ck_assert_int_eq(arena_bytes(arena, "a\0b", 3)[2], 'b');
    memset(long_text, 'y', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    ck_assert_uint_eq(strlen(arena_format(arena, "%s%d", long_text, 42)), 3001);
    arena_free(arena);
}
END_TEST

/* How a process ends that asks for too much in one of several ways. */
static int
status_of_asking(int way)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        struct arena *arena = arena_new();

        close(STDERR_FILENO);
        if (way == 0)
            arena_alloc(arena, SIZE_MAX - 8);
        else if (way == 1)
            arena_array(arena, SIZE_MAX / 4 + 2, 4);
        else if (way == 2)
            arena_grow(arena, "", 0, SIZE_MAX / 2, 3);
        else
            arena_bytes(arena, "", SIZE_MAX);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(exhaustion_ends_the_process_with_tempfail)
{
    for (int way = 0; way < 4; way++)
        ck_assert_int_eq(status_of_asking(way), EX_TEMPFAIL);
}
END_TEST

TCase *
base_arena_case(void)
{
    TCase *tcase = tcase_create("base_arena");

    tcase_add_test(tcase, arena_gives_aligned_zeros_that_do_not_overlap);
    tcase_add_test(tcase, arena_takes_large_pieces_between_small_ones);
    tcase_add_test(tcase, arena_is_small_at_first_and_after_a_reset);
    tcase_add_test(tcase, arena_does_not_grow_when_used_the_same_way_after_each_reset);
    tcase_add_test(tcase, arena_grow_copies_and_clears_the_rest);
    tcase_add_test(tcase, arena_copies_end_in_nul);
    tcase_add_test(tcase, exhaustion_ends_the_process_with_tempfail);
    return tcase;
}
