/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Packing: what goes in comes out, and nothing that is cut or false is taken. */
#include "base/pack.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static struct span
packed_sample(struct arena *arena)
{
    struct pack pack = pack_new(arena);

    pack_u8(&pack, 0xfe);
    pack_u32(&pack, 0xdeadbeef);
    pack_u64(&pack, UINT64_C(0x0123456789abcdef));
    pack_i64(&pack, INT64_MIN);
    pack_bool(&pack, true);
    pack_bool(&pack, false);
    pack_span(&pack, SPAN("a\0b"));
    pack_span(&pack, (struct span){NULL, 0});
    pack_string(&pack, "user@example.org");
    pack_string(&pack, "");
    pack_string(&pack, NULL);
    return text_span(&pack.text);
}

START_TEST(unpacking_gives_what_was_packed)
{
    struct arena *arena = arena_new();
    struct unpack unpack = unpack_new(packed_sample(arena));

    ck_assert_uint_eq(unpack_u8(&unpack), 0xfe);
    ck_assert_uint_eq(unpack_u32(&unpack), 0xdeadbeef);
    ck_assert_uint_eq(unpack_u64(&unpack), UINT64_C(0x0123456789abcdef));
    ck_assert_int_eq(unpack_i64(&unpack), INT64_MIN);
    ck_assert(unpack_bool(&unpack));
    ck_assert(!unpack_bool(&unpack));
    ck_assert(span_equal(unpack_span(&unpack), SPAN("a\0b")));
    ck_assert(span_equal(unpack_span(&unpack), SPAN("")));
    ck_assert_str_eq(unpack_string(&unpack, arena), "user@example.org");
    ck_assert_str_eq(unpack_string(&unpack, arena), "");
    ck_assert(!unpack_done(&unpack));
    ck_assert_ptr_null(unpack_string(&unpack, arena));
    ck_assert(unpack_done(&unpack));
    arena_free(arena);
}
END_TEST

START_TEST(numbers_are_little_endian)
{
    struct arena *arena = arena_new();
    struct pack pack = pack_new(arena);

    pack_u32(&pack, 0x04030201);
    pack_string(&pack, "x");
    ck_assert(span_equal(text_span(&pack.text), SPAN("\1\2\3\4\1\0\0\0x")));
    arena_free(arena);
}
END_TEST

/* All fields of the sample, whatever they are. */
static void
unpack_sample(struct unpack *unpack, struct arena *arena)
{
    unpack_u8(unpack);
    unpack_u32(unpack);
    unpack_u64(unpack);
    unpack_i64(unpack);
    unpack_bool(unpack);
    unpack_bool(unpack);
    unpack_span(unpack);
    unpack_span(unpack);
    unpack_string(unpack, arena);
    unpack_string(unpack, arena);
    unpack_string(unpack, arena);
}

START_TEST(every_cut_is_noticed)
{
    struct arena *arena = arena_new();
    struct span whole = packed_sample(arena);
    struct unpack unpack;

    for (size_t length = 0; length < whole.length; length++) {
        /* A block of exactly this size, for the sanitizer to watch over its end. */
        unpack = unpack_new((struct span){
            memcpy(arena_alloc(arena, length), whole.bytes, length), length});
        unpack_sample(&unpack, arena);
        ck_assert(unpack.failed);
        ck_assert(!unpack_done(&unpack));
    }
    unpack = unpack_new(whole);
    unpack_sample(&unpack, arena);
    ck_assert(unpack_done(&unpack));
    unpack_u8(&unpack);
    ck_assert(!unpack_done(&unpack));
    arena_free(arena);
}
END_TEST

START_TEST(after_a_failure_everything_is_empty)
{
    struct arena *arena = arena_new();
    struct unpack unpack = unpack_new(SPAN("\2\1\1\1\1\1\1\1\1\1"));

    ck_assert(!unpack_bool(&unpack)); /* 2 is neither true nor false */
    ck_assert(unpack.failed);
    ck_assert_uint_eq(unpack_u8(&unpack), 0);
    ck_assert_uint_eq(unpack_u32(&unpack), 0);
    ck_assert_uint_eq(unpack_u64(&unpack), 0);
    ck_assert_int_eq(unpack_i64(&unpack), 0);
    ck_assert(!unpack_bool(&unpack));
    ck_assert_uint_eq(unpack_span(&unpack).length, 0);
    ck_assert_ptr_null(unpack_string(&unpack, arena));
    ck_assert_uint_eq(unpack_count(&unpack, 1), 0);
    ck_assert(!unpack_done(&unpack));
    unpack = unpack_new((struct span){NULL, 0});
    ck_assert(unpack_done(&unpack));
    ck_assert_uint_eq(unpack_u8(&unpack), 0);
    ck_assert(unpack.failed);
    arena_free(arena);
}
END_TEST

START_TEST(false_strings_and_counts_are_refused)
{
    struct arena *arena = arena_new();
    struct unpack unpack = unpack_new(SPAN("\3\0\0\0a\0b"));

    ck_assert_ptr_null(unpack_string(&unpack, arena)); /* NUL inside */
    ck_assert(unpack.failed);
    unpack = unpack_new(SPAN("\xff\xff\xff\xff"));
    ck_assert_uint_eq(unpack_span(&unpack).length, 0); /* NULL is no span */
    ck_assert(unpack.failed);
    unpack = unpack_new(SPAN("\xfe\xff\xff\xff"
                             "abc"));
    ck_assert_ptr_null(unpack_string(&unpack, arena));
    ck_assert(unpack.failed);

    unpack = unpack_new(SPAN("\2\0\0\0abcdefgh"));
    ck_assert_uint_eq(unpack_count(&unpack, 4), 2);
    unpack = unpack_new(SPAN("\2\0\0\0abcdefgh"));
    ck_assert_uint_eq(unpack_count(&unpack, 5), 0);
    ck_assert(unpack.failed);
    unpack = unpack_new(SPAN("\0\0\0\0"));
    ck_assert_uint_eq(unpack_count(&unpack, 5), 0);
    ck_assert(unpack_done(&unpack));
    arena_free(arena);
}
END_TEST

TCase *
base_pack_case(void)
{
    TCase *tcase = tcase_create("base_pack");

    tcase_add_test(tcase, unpacking_gives_what_was_packed);
    tcase_add_test(tcase, numbers_are_little_endian);
    tcase_add_test(tcase, every_cut_is_noticed);
    tcase_add_test(tcase, after_a_failure_everything_is_empty);
    tcase_add_test(tcase, false_strings_and_counts_are_refused);
    return tcase;
}
