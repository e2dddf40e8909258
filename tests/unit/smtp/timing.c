/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a peer may take: for a command, for a text, and when the clock is ours. */
#include "smtp/session_state.h"

#include <string.h>

#include "base/clock.h"
#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

#define OPEN "MAIL FROM:<>\r\nRCPT TO:<u@local.test>\r\n"

static int64_t now;

static int64_t
fake_clock(void)
{
    return now;
}

static void
fake_setup(void)
{
    now = 1000000;
    clock_replace(fake_clock, fake_clock);
}

static void
fake_teardown(void)
{
    clock_replace(NULL, NULL);
}

static int64_t
left(const struct dialogue *dialogue)
{
    return smtp_session_deadline(dialogue->session) - now;
}

START_TEST(a_command_has_one_deadline_however_slowly_it_comes)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    ck_assert_int_eq(left(dialogue), 300000);
    for (int i = 0; i < 5; i++) {
        now += 50000;
        dialogue_send(dialogue, SPAN("N"), 0);
    }
    ck_assert_int_eq(left(dialogue), 50000);
    dialogue_send(dialogue, SPAN("\r\n"), 0);
    ck_assert_int_eq(left(dialogue), 300000);
    now += 300000;
    smtp_session_timeout(dialogue->session);
    dialogue_send(dialogue, SPAN("NOOP\r\n"), 0);
    ck_assert_str_eq(dialogue_codes(dialogue), "220 500 421");
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_text_has_a_rate_and_an_end)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    char block[5000];

    memset(block, 'x', sizeof(block));
    dialogue_send(dialogue, SPAN(OPEN "DATA\r\n"), 0);
    ck_assert_int_eq(left(dialogue), 60000);
    now += 50000;
    dialogue_send(dialogue, (struct span){block, sizeof(block)}, 0);
    ck_assert_int_eq(left(dialogue), 20000);
    dialogue->options.minimum_rate = 0;
    ck_assert_int_eq(left(dialogue), 300000); /* silence */
    for (int i = 0; i < 70; i++) {
        now += 100000;
        dialogue_send(dialogue, SPAN("x"), 0);
    }
    ck_assert_int_eq(left(dialogue), 7200000 - 7050000);
    smtp_session_timeout(dialogue->session);
    ck_assert_int_eq(dialogue->aborted, 1);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(chunks_share_the_time_of_the_message)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue_send(dialogue, SPAN(OPEN), 0);
    for (int i = 0; i < 71; i++) {
        dialogue_send(dialogue, SPAN("BDAT 1\r\nx"), 0);
        now += 100000;
    }
    ck_assert_int_eq(left(dialogue), 100000);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_chunk_without_a_place_has_its_time_as_well)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue_send(dialogue, SPAN("BDAT 10\r\nx"), 0);
    ck_assert_int_eq(left(dialogue), 60000);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(time_that_is_ours_does_not_count)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue_send(dialogue, SPAN(OPEN "DATA\r\n"), 0);
    now += 10000;
    smtp_session_hold(dialogue->session, true);
    ck_assert(smtp_session_deadline(dialogue->session) == INT64_MAX);
    ck_assert_uint_eq(dialogue_send(dialogue, SPAN("x"), 0), 0);
    now += 1000000;
    smtp_session_hold(dialogue->session, false);
    ck_assert_int_eq(left(dialogue), 50000);
    dialogue->answer_later = true;
    smtp_session_input(dialogue->session, SPAN("x\r\n.\r\n"));
    ck_assert(smtp_session_is_waiting(dialogue->session));
    ck_assert(smtp_session_deadline(dialogue->session) == INT64_MAX);
    smtp_session_timeout(dialogue->session);
    ck_assert(!smtp_session_is_over(dialogue->session));
    now += 1000000;
    smtp_answer_commit(dialogue->session, NULL);
    ck_assert_int_eq(left(dialogue), 300000);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_host_may_shut_the_session_from_inside_a_call)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue->shut_in_begin = true;
    dialogue_send(dialogue, SPAN(OPEN "DATA\r\nx\r\n.\r\nNOOP\r\n"), 0);
    ck_assert_str_eq(dialogue_codes(dialogue), "220 250 250 354 250 421");
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_server_that_stops_says_so_at_the_next_chance)
{
    static const struct {
        const char *before, *after, *codes;
        int messages;
    } rows[] = {
        {"", "", "421", 0}, /* instead of the greeting */
        {"EHLO c.test\r\n", "", "220 250 421", 0},
        {"NOO", "", "220 421", 0},
        {OPEN "DATA\r\nx\r\n", ".\r\n", "220 250 250 354 250 421", 1},
        {OPEN "BDAT 5\r\nx", "y: z", "220 250 250 250 421", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

        if (rows[i].before[0] != '\0')
            dialogue_send(dialogue, span_of(rows[i].before), 0);
        smtp_session_shut(dialogue->session, "4.3.2", "going\r\ndown");
        dialogue_send(dialogue, span_of(rows[i].after), 0);
        ck_assert_str_eq(dialogue_codes(dialogue), rows[i].codes);
        ck_assert_uint_eq(dialogue->message_count, (size_t)rows[i].messages);
        ck_assert(smtp_session_is_over(dialogue->session));
        dialogue_free(dialogue);
    }
}
END_TEST

TCase *
smtp_timing_case(void)
{
    TCase *tcase = tcase_create("smtp/timing");

    tcase_add_checked_fixture(tcase, fake_setup, fake_teardown);
    tcase_add_test(tcase, a_command_has_one_deadline_however_slowly_it_comes);
    tcase_add_test(tcase, a_text_has_a_rate_and_an_end);
    tcase_add_test(tcase, chunks_share_the_time_of_the_message);
    tcase_add_test(tcase, a_chunk_without_a_place_has_its_time_as_well);
    tcase_add_test(tcase, time_that_is_ours_does_not_count);
    tcase_add_test(tcase, a_host_may_shut_the_session_from_inside_a_call);
    tcase_add_test(tcase, a_server_that_stops_says_so_at_the_next_chance);
    return tcase;
}
