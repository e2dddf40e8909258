/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Message ids: Smail's look, in the order of time. */
#include <string.h>

#include "spool/spool.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

/* The Guide's and the manual's ids, as reference 9.2 reads them. */
static const struct {
    int64_t seconds;
    uint64_t counter;
    char grade;
    const char *id;
} ids[] = {
    {767164324, 7904, 'B', "m0puwU8-00023UB"},
    {767220231, 7904, 'B', "m0pvB1r-00023UB"},
    {563438102, 1904877, 'C', "m0c87zK-007zXpC"},
    {0, 0, '9', "m000000-0000009"},
};

START_TEST(ids_are_those_of_the_guide)
{
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct message_id id =
            message_id_make(ids[i].seconds, ids[i].counter, ids[i].grade);

        ck_assert_str_eq(id.text, ids[i].id);
    }
}
END_TEST

START_TEST(ids_are_read_with_and_without_their_m)
{
    struct message_id id;

    ck_assert(message_id_read(SPAN("m0puwU8-00023UB"), &id));
    ck_assert_str_eq(id.text, "m0puwU8-00023UB");
    ck_assert(message_id_read(SPAN("0puwU8-00023UB"), &id));
    ck_assert_str_eq(id.text, "m0puwU8-00023UB");
    ck_assert(message_id_read(SPAN("mpuwU8-000023U"), &id));
    ck_assert_str_eq(id.text, "mmpuwU8-000023U");
}
END_TEST

START_TEST(what_is_no_id_is_refused)
{
    static const char *const texts[] = {
        "",
        "m",
        "m0puwU8-00023U",
        "m0puwU8-00023UBB",
        "x0puwU8-00023UB",
        "m0puwU8_00023UB",
        "m0puw/8-00023UB",
        "../../etc/passw",
        "m0puwU8-00023U\n",
    };
    struct message_id id;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!message_id_read(span_of(texts[i]), &id), "%s", texts[i]);
}
END_TEST

START_TEST(later_ids_sort_behind_earlier_ones)
{
    struct message_id last = message_id_make(0, 0, 'C');

    for (int64_t seconds = 1; seconds < INT64_C(5000000000); seconds *= 3) {
        struct message_id id = message_id_make(seconds, 5, 'C');

        ck_assert_int_gt(strcmp(id.text, last.text), 0);
        last = id;
    }
}
END_TEST

TCase *
spool_message_id_case(void)
{
    TCase *tests = tcase_create("spool_message_id");

    tcase_add_test(tests, ids_are_those_of_the_guide);
    tcase_add_test(tests, ids_are_read_with_and_without_their_m);
    tcase_add_test(tests, what_is_no_id_is_refused);
    tcase_add_test(tests, later_ids_sort_behind_earlier_ones);
    return tests;
}
