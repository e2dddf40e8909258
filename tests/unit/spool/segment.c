/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first block of a segment, and the names of files. */
#include "spool/segment.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct segment_header header = {
    .kind = SEGMENT_CONTENT,
    .serial = 0x12345678,
    .key = {{0x0123456789abcdef, 0x1122334455667788}},
    .created = INT64_C(1800000000000)};

static bool
header_is_same(const struct segment_header *read)
{
    return read->kind == header.kind && read->serial == header.serial &&
           memcmp(&read->key, &header.key, sizeof(header.key)) == 0 &&
           read->created == header.created;
}

START_TEST(the_first_block_comes_back)
{
    char block[SEGMENT_BLOCK];
    struct segment_header read;

    segment_header_write(&header, block);
    ck_assert_int_eq(block[SEGMENT_BLOCK - 1], '\n');
    ck_assert_ptr_null(memchr(block, '\0', sizeof(block)));
    ck_assert_int_eq(segment_header_read(block, sizeof(block), &read), SEGMENT_GOOD);
    ck_assert(header_is_same(&read));
}
END_TEST

START_TEST(no_flipped_bit_costs_a_segment)
{
    char block[SEGMENT_BLOCK];

    segment_header_write(&header, block);
    for (size_t bit = 0; bit < 8 * sizeof(block); bit++) {
        struct segment_header read;

        block[bit / 8] = (char)(block[bit / 8] ^ 1 << bit % 8);
        ck_assert_int_eq(segment_header_read(block, sizeof(block), &read), SEGMENT_GOOD);
        ck_assert(header_is_same(&read));
        block[bit / 8] = (char)(block[bit / 8] ^ 1 << bit % 8);
    }
}
END_TEST

START_TEST(another_major_version_is_foreign)
{
    static const struct {
        const char *text;
        enum segment_verdict verdict;
    } blocks[] = {
        {"smail-spool 2.0\nwhatever\n", SEGMENT_FOREIGN},
        {"smail-spool 10.3\n", SEGMENT_FOREIGN},
        {"smail-spool 1.0\n", SEGMENT_DAMAGED},
        {"smail-spool 1.0\nkind: records\nsegment: 00000001\nid: 0\n", SEGMENT_DAMAGED},
        {"smail-spool x\n", SEGMENT_DAMAGED},
        {"smail-spool 1\n", SEGMENT_DAMAGED},
        {"", SEGMENT_DAMAGED},
        {"From someone\n", SEGMENT_DAMAGED},
    };
    struct segment_header read;

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        ck_assert_int_eq(
            segment_header_read(blocks[i].text, strlen(blocks[i].text), &read),
            blocks[i].verdict);
}
END_TEST

START_TEST(names_are_read_strictly)
{
    static const struct {
        const char *name;
        bool good;
        uint64_t file;
        enum segment_kind kind;
    } names[] = {
        {"00000001", true, 1, SEGMENT_RECORDS},
        {"0000002a.content", true, 42, SEGMENT_CONTENT},
        {"1234567890", true, 0x1234567890, SEGMENT_RECORDS},
        {"0000001", false, 0, SEGMENT_RECORDS},
        {"00000001.bak", false, 0, SEGMENT_RECORDS},
        {"0000000A", false, 0, SEGMENT_RECORDS},
        {"0000000000000000", false, 0, SEGMENT_RECORDS},
        {"lock", false, 0, SEGMENT_RECORDS},
        {"new.00000001", false, 0, SEGMENT_RECORDS},
        {"", false, 0, SEGMENT_RECORDS},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t file = 0;
        enum segment_kind kind = SEGMENT_RECORDS;
        char name[SEGMENT_NAME_LIMIT];

        ck_assert_int_eq(segment_name_read(names[i].name, &file, &kind), names[i].good);
        if (!names[i].good)
            continue;
        ck_assert_uint_eq(file, names[i].file);
        ck_assert_int_eq(kind, names[i].kind);
        segment_name(file, kind, name);
        ck_assert_str_eq(name + strlen("input/"), names[i].name);
    }
}
END_TEST

TCase *
spool_segment_case(void)
{
    TCase *tests = tcase_create("spool_segment");

    tcase_add_test(tests, the_first_block_comes_back);
    tcase_add_test(tests, no_flipped_bit_costs_a_segment);
    tcase_add_test(tests, another_major_version_is_foreign);
    tcase_add_test(tests, names_are_read_strictly);
    return tests;
}
