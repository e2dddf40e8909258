/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "tests/unit/queue/fixture.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(grades_are_a_range_or_a_row)
{
    static const struct {
        const char *grades;
        char grade;
        bool has;
    } rows[] = {
        {NULL, 'C', true},   {"", 'a', true},     {"9-C", '9', true},  {"9-C", 'A', true},
        {"9-C", 'C', true},  {"9-C", 'D', false}, {"9-C", 'a', false}, {"C", 'C', true},
        {"C", 'c', false},   {"AC", 'C', true},   {"AC", 'B', false},  {"*-C", '0', true},
        {"*-C", 'n', false}, {"a-*", 'z', true},  {"a-*", 'Z', false}, {"*", 'q', true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(grades_have(rows[i].grades, rows[i].grade) == rows[i].has,
                      "\"%s\" and '%c'", rows[i].grades, rows[i].grade);
}
END_TEST

/* One message from Joe@Here.example to ann@there.example, held or not, an hour old. */
static struct message_id
message_for_selection(struct fixture *fixture)
{
    struct queue_message message = {.id = message_id_make(1600000000, 1, 'C'),
                                    .grade = 'C',
                                    .waited = 3600000,
                                    .held = true,
                                    .reverse_path = "Joe@Here.example"};
    struct address address = {.number = 1,
                              .state = ADDRESS_ASSIGNED,
                              .text = "ann@there.example",
                              .transport = "smtp",
                              .next_hop = "mx.there.example",
                              .user = ""};

    queue_message(fixture->queue, &message, fixture->now);
    queue_address(fixture->queue, &message.id, &address, false, fixture->now);
    queue_settle(fixture->queue, &message.id, fixture->now);
    return message.id;
}

START_TEST(all_that_a_selection_says_must_fit)
{
    static const struct {
        struct queue_selection selection;
        bool fits;
    } rows[] = {
        {{.sender = "joe@here"}, true},
        {{.sender = "ann"}, false},
        {{.recipient = "ANN"}, true},
        {{.recipient = "bob"}, false},
        {{.host = "mx.THERE"}, true},
        {{.host = "smtp"}, false},
        {{.recipient = "ann", .host = "mx.there.example"}, true},
        {{.recipient = "ann", .host = "else"}, false},
        {{.older_than = 3600000}, true},
        {{.older_than = 3700000}, false},
        {{.grades = "9-C"}, true},
        {{.grades = "a-n"}, false},
        {{.held_only = true}, true},
        {{.bounces_only = true}, false},
        {{0}, true},
    };
    struct fixture fixture = fixture_new();
    struct message_id id = message_for_selection(&fixture), other = id;
    struct queue_selection by_id = {.ids = &id, .id_count = 1};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(queue_selects(fixture.queue, &rows[i].selection, &id,
                                    fixture.now) == rows[i].fits,
                      "row %zu", i);
    ck_assert(queue_selects(fixture.queue, &by_id, &id, fixture.now));
    other.text[2] = 'z';
    by_id.ids = &other;
    ck_assert(!queue_selects(fixture.queue, &by_id, &id, fixture.now));
    ck_assert(!queue_selects(fixture.queue, &rows[14].selection, &other, fixture.now));
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_run_counts_what_it_made_due)
{
    struct fixture fixture = fixture_new();
    struct queue_selection all = {0};

    fixture.configuration->settings.queue_only = true;
    for (int i = 0; i < 5; i++)
        fixture_mail_to(&fixture, 1, "a.example");
    message_for_selection(&fixture); /* held */
    ck_assert(!fixture_next(&fixture));
    ck_assert(!queue_is_busy(fixture.queue, fixture.now));
    ck_assert_uint_eq(queue_run(fixture.queue, &all, fixture.now), 5);
    ck_assert(queue_is_busy(fixture.queue, fixture.now));
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_free(&fixture);
}
END_TEST

static void
check_explanation(struct fixture *fixture, const struct message_id *id, int64_t next,
                  const char *why)
{
    struct text text = text_new(fixture->arena);
    int64_t at;

    ck_assert(queue_explain(fixture->queue, id, fixture->now, &at, &text));
    ck_assert_str_eq(text_string(&text), why);
    ck_assert_int_eq(at, next);
}

START_TEST(why_a_message_waits_is_told)
{
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail_to(&fixture, 1, "a.example"), unknown = id;
    struct text text = text_new(fixture.arena);
    int64_t next;

    unknown.text[3] = 'z';
    ck_assert(!queue_explain(fixture.queue, &unknown, fixture.now, &next, &text));
    check_explanation(&fixture, &id, fixture.now, "waits for its turn");
    fixture_expect(&fixture, QUEUE_DELIVER);
    check_explanation(&fixture, &id, fixture.now, "is being worked on");
    fixture_end(&fixture, &fixture.action, OUTCOME_DEFERRED, 148, "connection refused");
    check_explanation(&fixture, &id, fixture.now + 600000,
                      "a.example: connection refused");
    queue_suspend(fixture.queue, true, "disk full", fixture.now);
    check_explanation(&fixture, &id, fixture.now + 600000,
                      "deliveries are stopped: disk full");
    queue_hold(fixture.queue, &id, true, fixture.now);
    check_explanation(&fixture, &id, INT64_MAX, "held");
    fixture_free(&fixture);
}
END_TEST

TCase *
queue_select_case(void)
{
    TCase *tcase = tcase_create("queue/select");

    tcase_add_test(tcase, grades_are_a_range_or_a_row);
    tcase_add_test(tcase, all_that_a_selection_says_must_fit);
    tcase_add_test(tcase, a_run_counts_what_it_made_due);
    tcase_add_test(tcase, why_a_message_waits_is_told);
    return tcase;
}
