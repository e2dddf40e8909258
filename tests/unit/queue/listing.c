/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listings: the classic text of the Guide, JSON, and which messages are selected. */
#include "queue/listing.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static struct arena *arena;
static struct envelope envelope;
static struct address addresses[40];
static struct listed_message message;

static struct address
address_make(uint32_t number, const char *text, const char *next_hop)
{
    struct address bare = {.number = number, .text = text, .next_hop = next_hop};

    return *address_copy(&bare, arena);
}

static void
begin(void)
{
    arena = arena_new();
    envelope = envelope_new();
    envelope.reverse_path = "root@vlager.vbrew.com";
    envelope.program = "sendmail";
    envelope.submitter_uid = 1000;
    addresses[0] = address_make(1, "root@vstout.vbrew.com", "vstout");
    addresses[1] = address_make(2, "done@elsewhere.example", "mx.elsewhere.example");
    addresses[1].state = ADDRESS_RELAYED;
    message = (struct listed_message){.id = "m0pvB1r-00023UB",
                                      .directory = "/var/spool/smail/input",
                                      .envelope = &envelope,
                                      .addresses = addresses,
                                      .address_count = 2,
                                      .waited = 90 * 1000};
}

static void
end(void)
{
    arena_free(arena);
}

static const char *
shown(void)
{
    struct text text = text_new(arena);

    listing_text(&message, &text);
    return text_string(&text);
}

START_TEST(the_text_is_that_of_the_guide)
{
    const char *text;

    message.log = "Xdefer: <root@vstout.vbrew.com> reason: (ERR_148) refused\n";
    text = shown();
    ck_assert_ptr_eq(strstr(text, "m0pvB1r-00023UB\tFrom: root@vlager.vbrew.com  "
                                  "(in /var/spool/smail/input)\n\t\tDate: "),
                     text);
    ck_assert_ptr_nonnull(
        strstr(text, "\n\t\tArgs: -oem -oMP sendmail root@vstout.vbrew.com\n"));
    ck_assert_ptr_nonnull(strstr(text, "\n\t\tLog of transactions:\n Xdefer: <root@"));
    ck_assert_str_eq(text + strlen(text) - 2, "\n\n");
}
END_TEST

START_TEST(what_is_done_is_not_shown)
{
    ck_assert_ptr_null(strstr(shown(), "elsewhere"));
}
END_TEST

START_TEST(many_recipients_are_wrapped)
{
    struct span rest, line;

    for (uint32_t i = 0; i < 40; i++)
        addresses[i] = address_make(i + 1, "somebody@somewhere.example", "");
    message.address_count = 40;
    rest = span_of(shown());
    while (span_next(&rest, '\n', &line))
        ck_assert_uint_le(line.length, 80);
}
END_TEST

START_TEST(the_null_reverse_path_and_held_are_seen)
{
    envelope.reverse_path = "";
    message.held = true;
    ck_assert_ptr_nonnull(strstr(shown(), "From: <>  (in"));
    ck_assert_ptr_nonnull(strstr(shown(), "  held\n"));
}
END_TEST

START_TEST(json_is_one_line_whatever_the_sender_wrote)
{
    struct text text = text_new(arena);

    envelope.reverse_path = "\"a\\\"b\n\"@x.example";
    listing_json(&message, &text);
    ck_assert_ptr_null(strchr(text_string(&text), '\n'));
    ck_assert_ptr_nonnull(strstr(text_string(&text), "\"id\":\"m0pvB1r-00023UB\""));
    ck_assert_ptr_nonnull(strstr(text_string(&text), "\"waited_seconds\":90"));
    ck_assert_ptr_null(strstr(text_string(&text), "elsewhere"));
}
END_TEST

static const struct {
    const char *words[3];
    int64_t uid;
    bool parsed, selected;
} selections[] = {
    {{NULL}, -1, true, true},
    {{"id=m0pvB1r-00023UB"}, -1, true, true},
    {{"id=0pvB1r-00023UB"}, -1, true, true}, /* without the m */
    {{"id=m0pvB1r-00023UC"}, -1, true, false},
    {{"id=m0pvB1r-00023UC", "id=m0pvB1r-00023UB"}, -1, true, true},
    {{"sender=ROOT@vlager"}, -1, true, true},
    {{"sender=nobody"}, -1, true, false},
    {{"recipient=vstout"}, -1, true, true},
    {{"recipient=elsewhere"}, -1, true, false}, /* done */
    {{"host=vstout"}, -1, true, true},
    {{"host=elsewhere"}, -1, true, false},
    {{"older=90"}, -1, true, true},
    {{"older=91"}, -1, true, false},
    {{"older=-1"}, -1, false, false},
    {{"older=99999999999"}, -1, false, false},
    {{"older="}, -1, false, false},
    {{"held"}, -1, true, false},
    {{"sender=root", "older=91"}, -1, true, false}, /* all must fit */
    {{"everything"}, -1, false, false},
    {{"ids=m0pvB1r-00023UB"}, -1, false, false},
    {{NULL}, 1000, true, true},
    {{NULL}, 1001, true, false}, /* somebody else's */
    {{"id=m0pvB1r-00023UB"}, 1001, true, false},
};

START_TEST(messages_are_selected)
{
    for (size_t i = 0; i < sizeof selections / sizeof selections[0]; i++) {
        struct list_selection selection;
        const char *odd = NULL;
        size_t count = 0;

        while (count < 3 && selections[i].words[count])
            count++;
        ck_assert_msg(selection_parse(selections[i].words, count, arena, &selection,
                                      &odd) == selections[i].parsed,
                      "row %zu", i);
        if (!selections[i].parsed) {
            ck_assert_str_eq(odd, selections[i].words[0]);
            continue;
        }
        selection.uid = selections[i].uid;
        ck_assert_msg(listing_selects(&selection, &message) == selections[i].selected,
                      "row %zu", i);
    }
}
END_TEST

TCase *
queue_listing_case(void)
{
    TCase *tcase = tcase_create("queue/listing");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, the_text_is_that_of_the_guide);
    tcase_add_test(tcase, what_is_done_is_not_shown);
    tcase_add_test(tcase, many_recipients_are_wrapped);
    tcase_add_test(tcase, the_null_reverse_path_and_held_are_seen);
    tcase_add_test(tcase, json_is_one_line_whatever_the_sender_wrote);
    tcase_add_test(tcase, messages_are_selected);
    return tcase;
}
