/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/status.h"
#include "tests/unit/queue/fixture.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

/* Actions of a kind until there are no more, without ending any job. */
static size_t
count_actions(struct fixture *fixture, enum queue_action_kind kind)
{
    size_t count = 0;

    while (fixture_next(fixture))
        count += fixture->action.kind == kind;
    return count;
}

START_TEST(a_resolve_worker_has_several_jobs_and_no_more_than_sixteen)
{
    struct fixture fixture = fixture_new();

    for (int i = 0; i < 100; i++)
        fixture_mail(&fixture, 1);
    ck_assert_uint_eq(count_actions(&fixture, QUEUE_RESOLVE), 2 * 16);
    ck_assert_uint_eq(fixture.workers, 2); /* resolve_workers */
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_new_destination_begins_with_two_and_opens_with_success)
{
    struct fixture fixture = fixture_new();
    struct queue_action job;

    for (int i = 0; i < 100; i++)
        fixture_mail_to(&fixture, 1, "a.example");
    job = *fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_expect(&fixture, QUEUE_DELIVER);
    ck_assert(!fixture_next(&fixture));
    for (size_t i = 1; i <= 30; i++) {
        static const uint32_t one[] = {1};
        size_t more;

        job.numbers = one;
        fixture_end(&fixture, &job, OUTCOME_RELAYED, 0, "");
        job = *fixture_expect(&fixture, QUEUE_DELIVER);
        more = count_actions(&fixture, QUEUE_DELIVER);
        ck_assert_uint_eq(more, i <= 18 ? 1 : 0); /* up to destination_concurrency, 20 */
    }
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_destination_keeps_its_worker)
{
    static const char *const hosts[] = {"a.example", "b.example", "c.example"};
    struct fixture fixture = fixture_new();
    uint32_t workers[3] = {0};

    for (int round = 0; round < 5; round++) {
        struct queue_action jobs[3];

        /* All three at once, so that each has a worker; in another order each time. */
        for (int i = 0; i < 3; i++)
            fixture_mail_to(&fixture, 1, hosts[(i + round) % 3]);
        for (int i = 0; i < 3; i++)
            jobs[i] = *fixture_expect(&fixture, QUEUE_DELIVER);
        for (int i = 0; i < 3; i++) {
            int host = (i + round) % 3;

            if (round > 0)
                ck_assert_uint_eq(jobs[i].worker, workers[host]);
            workers[host] = jobs[i].worker;
            jobs[i].numbers = (const uint32_t[]){1};
            fixture_end(&fixture, &jobs[i], OUTCOME_RELAYED, 0, "");
        }
    }
    ck_assert_uint_eq(fixture.workers, 3);
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_users_jobs_go_to_one_worker_one_behind_another)
{
    struct fixture fixture = fixture_new();

    for (int i = 0; i < 40; i++) {
        struct message_id id = fixture_mail(&fixture, 1);

        fixture_expect(&fixture, QUEUE_RESOLVE);
        fixture_assign_user(&fixture, &id, 1, "joe");
        queue_job_done(fixture.queue, fixture.action.job, fixture.now);
        if (i >= 32) {
            ck_assert(!fixture_next(&fixture));
            continue;
        }
        fixture_expect(&fixture, QUEUE_DELIVER);
        ck_assert_int_eq(fixture.action.class, WORKER_USER);
        ck_assert_str_eq(fixture.action.user, "joe");
    }
    ck_assert_uint_eq(fixture.workers, 2); /* one for resolving, one for joe */
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_user_without_a_worker_gets_the_place_of_an_idle_one)
{
    static const char *const users[] = {"a", "b", "c", "d"};
    struct fixture fixture = fixture_new();

    fixture.configuration->settings.user_workers = 2;
    fixture_configure(&fixture);
    for (int i = 0; i < 4; i++) {
        struct message_id id = fixture_mail(&fixture, 1);

        fixture_expect(&fixture, QUEUE_RESOLVE);
        fixture_assign_user(&fixture, &id, 1, users[i]);
        queue_job_done(fixture.queue, fixture.action.job, fixture.now);
        fixture_expect(&fixture, QUEUE_DELIVER);
        ck_assert_str_eq(fixture.action.user, users[i]);
        fixture_end(&fixture, &fixture.action, OUTCOME_DELIVERED, 0, "");
    }
    ck_assert_uint_le(queue_counts(fixture.queue, fixture.now).workers, 3);
    fixture_free(&fixture);
}
END_TEST

START_TEST(idle_workers_are_stopped)
{
    struct fixture fixture = fixture_new();

    fixture_mail_to(&fixture, 1, "a.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_RELAYED, 0, "");
    ck_assert(!fixture_next(&fixture));
    ck_assert_uint_eq(queue_counts(fixture.queue, fixture.now).workers, 1);
    ck_assert_int_eq(queue_wake(fixture.queue, fixture.now), fixture.now + 30000);
    fixture.now += 30000;
    ck_assert(!fixture_next(&fixture));
    ck_assert_uint_eq(queue_counts(fixture.queue, fixture.now).workers, 0);
    fixture_free(&fixture);
}
END_TEST

START_TEST(workers_end_after_their_jobs_and_with_their_configuration)
{
    struct fixture fixture = fixture_new();
    struct configuration next;
    uint32_t before;

    fixture.configuration->settings.worker_jobs = 10;
    fixture_configure(&fixture);
    for (int i = 0; i < 30; i++) {
        fixture_mail_to(&fixture, 1, "a.example");
        fixture_expect(&fixture, QUEUE_DELIVER);
        fixture_end(&fixture, &fixture.action, OUTCOME_RELAYED, 0, "");
    }
    ck_assert_uint_eq(fixture.workers, 3);

    fixture_mail_to(&fixture, 1, "a.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    before = fixture.action.worker;
    next = *fixture.configuration;
    next.generation++;
    queue_configure(fixture.queue, &next, fixture.now);
    fixture_end(&fixture, &fixture.action, OUTCOME_RELAYED, 0, "");
    fixture_mail_to(&fixture, 1, "a.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    ck_assert_uint_ne(fixture.action.worker, before);
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_worker_that_cannot_be_started_is_asked_for_with_growing_pauses)
{
    struct fixture fixture = fixture_new();
    int64_t end = fixture.now + 600000;
    int asked = 0;

    fixture_mail_to(&fixture, 1, "a.example");
    while (fixture.now < end) {
        struct queue_action action;

        while (queue_next(fixture.queue, fixture.now, &action)) {
            ck_assert_int_eq(action.kind, QUEUE_START_WORKER);
            asked++;
            queue_worker_failed(fixture.queue, action.class, "", false, "fork: no",
                                fixture.now);
        }
        ck_assert_int_gt(queue_wake(fixture.queue, fixture.now), fixture.now);
        fixture.now = queue_wake(fixture.queue, fixture.now);
    }
    ck_assert_int_ge(asked, 10);
    ck_assert_int_le(asked, 20);
    fixture_expect(&fixture, QUEUE_DELIVER); /* and when it can, the mail goes */
    fixture_free(&fixture);
}
END_TEST

START_TEST(deferred_mail_leaves_workers_to_new_mail)
{
    struct fixture fixture = fixture_new();
    size_t count = 0;

    fixture.configuration->settings.remote_workers = 8;
    fixture_configure(&fixture);
    for (int i = 0; i < 20; i++) {
        char host[32];

        snprintf(host, sizeof(host), "h%d.example", i);
        fixture_mail_to(&fixture, 1, host);
        fixture_expect(&fixture, QUEUE_DELIVER);
        fixture_end(&fixture, &fixture.action, OUTCOME_DEFERRED, ERR_SMTP_TEMPORARY,
                    "451");
    }
    for (int i = 0; i < 10; i++, fixture.now += 60000)
        ck_assert(!fixture_next(&fixture));
    count = count_actions(&fixture, QUEUE_DELIVER);
    ck_assert_uint_eq(count, 6); /* three quarters of 8 */
    fixture_mail_to(&fixture, 1, "new.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_worker_that_is_silent_for_an_hour_is_killed_and_its_job_done_by_another)
{
    struct fixture fixture = fixture_new();
    struct queue_action action = {0};
    struct message_id id = fixture_mail(&fixture, 1);
    uint32_t silent;
    int minutes = 0;

    fixture_expect(&fixture, QUEUE_RESOLVE);
    fixture_assign_user(&fixture, &id, 1, "joe");
    queue_job_done(fixture.queue, fixture.action.job, fixture.now);
    silent = fixture_expect(&fixture, QUEUE_DELIVER)->worker;
    while (action.kind != QUEUE_STOP_WORKER || action.worker != silent) {
        fixture.now += 60000;
        minutes++;
        while (queue_next(fixture.queue, fixture.now, &action) && action.worker != silent)
            queue_worker_gone(fixture.queue, action.worker, fixture.now); /* idle */
        ck_assert_int_lt(minutes, 200);
    }
    ck_assert(action.forced);
    ck_assert_int_ge(minutes, 60);
    ck_assert(!fixture_next(&fixture)); /* once */
    queue_worker_gone(fixture.queue, silent, fixture.now);
    fixture.now += 1000;
    ck_assert_uint_ne(fixture_expect(&fixture, QUEUE_DELIVER)->worker, silent);
    fixture_free(&fixture);
}
END_TEST

static void
mail_with_grade(struct fixture *fixture, uint32_t number, char grade)
{
    struct queue_message message = {.id = message_id_make(1500000000, number, grade),
                                    .grade = grade,
                                    .reverse_path = ""};

    queue_message(fixture->queue, &message, fixture->now);
    fixture_assign(fixture, &message.id, (const uint32_t[]){1}, 1, "a.example");
}

START_TEST(urgent_mail_goes_first_and_bulk_mail_goes_too)
{
    struct fixture fixture = fixture_new();
    int bulk = 0;

    mail_with_grade(&fixture, 1, 'n');
    mail_with_grade(&fixture, 2, '9');
    for (uint32_t i = 0; i < 80; i++) {
        char grade;

        mail_with_grade(&fixture, 2 * i + 3, i % 2 == 0 ? 'n' : 'A');
        mail_with_grade(&fixture, 2 * i + 4, 'A');
        fixture_expect(&fixture, QUEUE_DELIVER);
        grade = fixture.action.id.text[MESSAGE_ID_LENGTH - 1];
        ck_assert(i != 0 || grade == '9');
        bulk += grade == 'n';
        fixture_end(&fixture, &fixture.action, OUTCOME_RELAYED, 0, "");
    }
    ck_assert_int_ge(bulk, 8);
    ck_assert_int_le(bulk, 12);
    fixture_free(&fixture);
}
END_TEST

TCase *
queue_pool_case(void)
{
    TCase *tcase = tcase_create("queue/pool");

    tcase_add_test(tcase, a_resolve_worker_has_several_jobs_and_no_more_than_sixteen);
    tcase_add_test(tcase, a_new_destination_begins_with_two_and_opens_with_success);
    tcase_add_test(tcase, a_destination_keeps_its_worker);
    tcase_add_test(tcase, a_users_jobs_go_to_one_worker_one_behind_another);
    tcase_add_test(tcase, a_user_without_a_worker_gets_the_place_of_an_idle_one);
    tcase_add_test(tcase, idle_workers_are_stopped);
    tcase_add_test(tcase, workers_end_after_their_jobs_and_with_their_configuration);
    tcase_add_test(tcase,
                   a_worker_that_cannot_be_started_is_asked_for_with_growing_pauses);
    tcase_add_test(tcase, deferred_mail_leaves_workers_to_new_mail);
    tcase_add_test(
        tcase, a_worker_that_is_silent_for_an_hour_is_killed_and_its_job_done_by_another);
    tcase_add_test(tcase, urgent_mail_goes_first_and_bulk_mail_goes_too);
    return tcase;
}
