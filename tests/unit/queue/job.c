/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue/queue.h"

#include <stdlib.h>
#include <string.h>

#include "mail/status.h"
#include "tests/unit/queue/fixture.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(a_large_message_is_cut_into_jobs_that_share_nothing)
{
    struct fixture fixture = fixture_new();
    static const size_t sizes[] = {1000, 1000, 500};
    bool seen[2501] = {false};

    fixture_mail(&fixture, 2500);
    for (int i = 0; i < 3; i++) {
        const struct queue_action *action = fixture_expect(&fixture, QUEUE_RESOLVE);

        ck_assert_uint_eq(action->count, sizes[i]);
        for (size_t j = 0; j < action->count; j++) {
            ck_assert_uint_le(action->numbers[j], 2500);
            ck_assert(!seen[action->numbers[j]]);
            seen[action->numbers[j]] = true;
        }
    }
    ck_assert(!fixture_next(&fixture));
    fixture_free(&fixture);
}
END_TEST

START_TEST(addresses_nobody_spoke_of_are_tried_again_soon_and_deferred_ones_later)
{
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail_to(&fixture, 3, "a.example");
    struct queue_action job = *fixture_expect(&fixture, QUEUE_DELIVER);
    struct queue_outcome told = {.number = 2,
                                 .outcome = OUTCOME_DEFERRED,
                                 .error_number = ERR_SMTP_TEMPORARY,
                                 .text = "451"};

    ck_assert_uint_eq(job.count, 3);
    queue_outcome(fixture.queue, job.job, &id, &told, fixture.now);
    told.number = 3;
    told.outcome = OUTCOME_RELAYED;
    queue_outcome(fixture.queue, job.job, &id, &told, fixture.now);
    queue_job_done(fixture.queue, job.job, fixture.now);
    ck_assert(!fixture_next(&fixture));

    fixture.now += 1000;
    job = *fixture_expect(&fixture, QUEUE_DELIVER);
    ck_assert_uint_eq(job.count, 1);
    ck_assert_uint_eq(job.numbers[0], 1);
    fixture_end(&fixture, &job, OUTCOME_RELAYED, 0, "");

    for (int i = 0; i < 9; i++, fixture.now += 60000)
        ck_assert(!fixture_next(&fixture));
    fixture.now += 60000;
    job = *fixture_expect(&fixture, QUEUE_DELIVER);
    ck_assert_uint_eq(job.count, 1);
    ck_assert_uint_eq(job.numbers[0], 2);
    fixture_free(&fixture);
}
END_TEST

START_TEST(late_and_odd_words_change_nothing)
{
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail_to(&fixture, 1, "a.example");
    struct message_id unknown = message_id_make(1, 1, 'C');
    struct queue_action job = *fixture_expect(&fixture, QUEUE_DELIVER);
    struct queue_outcome told = {.number = 99, .outcome = OUTCOME_RELAYED, .text = ""};
    struct address address = {.number = 1, .state = ADDRESS_NEW, .text = "x"};

    queue_outcome(fixture.queue, job.job, &id, &told, fixture.now); /* no such address */
    queue_outcome(fixture.queue, 12345, &unknown, &told, fixture.now);
    queue_address(fixture.queue, &unknown, &address, false, fixture.now);
    queue_settle(fixture.queue, &unknown, fixture.now);
    queue_removed(fixture.queue, &unknown);
    queue_hold(fixture.queue, &unknown, true, fixture.now);
    queue_job_done(fixture.queue, 12345, fixture.now);
    queue_job_lost(fixture.queue, 0, fixture.now);
    queue_worker_gone(fixture.queue, 12345, fixture.now);

    /* The message is removed while it is delivered; then the worker is free again. */
    queue_removed(fixture.queue, &id);
    told.number = 1;
    queue_outcome(fixture.queue, job.job, &id, &told, fixture.now);
    ck_assert(queue_is_busy(fixture.queue, fixture.now));
    queue_job_done(fixture.queue, job.job, fixture.now);
    queue_job_done(fixture.queue, job.job, fixture.now);
    ck_assert_uint_eq(queue_counts(fixture.queue, fixture.now).messages, 0);
    ck_assert_uint_eq(queue_counts(fixture.queue, fixture.now).active, 0);
    ck_assert(!queue_is_busy(fixture.queue, fixture.now));

    /* The same worker takes the next. */
    fixture_mail_to(&fixture, 1, "a.example");
    ck_assert_uint_eq(fixture_expect(&fixture, QUEUE_DELIVER)->worker, job.worker);
    fixture_free(&fixture);
}
END_TEST

START_TEST(an_outcome_finishes_an_address_though_its_job_is_of_an_earlier_queue)
{
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail_to(&fixture, 2, "a.example");
    struct queue_outcome told = {.number = 1, .outcome = OUTCOME_RELAYED, .text = ""};

    queue_outcome(fixture.queue, 77, &id, &told, fixture.now);
    told.number = 2;
    told.outcome = OUTCOME_DEFERRED;
    queue_outcome(fixture.queue, 77, &id, &told, fixture.now);
    fixture_expect(&fixture, QUEUE_DELIVER);
    ck_assert_uint_eq(fixture.action.count, 1);
    ck_assert_uint_eq(fixture.action.numbers[0], 2);
    fixture_free(&fixture);
}
END_TEST

START_TEST(what_an_address_became_is_grouped_by_destination)
{
    static const uint32_t odd[] = {1, 3, 5}, even[] = {2, 4};
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail(&fixture, 5);
    struct queue_action job = *fixture_expect(&fixture, QUEUE_RESOLVE);
    struct address done = {.number = 6, .state = ADDRESS_DUPLICATE, .text = "x"};

    fixture_assign(&fixture, &id, odd, 3, "odd.example");
    fixture_assign(&fixture, &id, even, 2, "even.example");
    queue_address(fixture.queue, &id, &done, false, fixture.now);
    queue_job_done(fixture.queue, job.job, fixture.now);
    for (int i = 0; i < 2; i++) {
        job = *fixture_expect(&fixture, QUEUE_DELIVER);
        ck_assert_uint_eq(job.count, job.numbers[0] == 1 ? 3 : 2);
        for (size_t j = 1; j < job.count; j++)
            ck_assert_uint_eq(job.numbers[j], job.numbers[0] + 2 * j);
    }
    ck_assert(!fixture_next(&fixture));
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_failure_is_reported_once_the_rest_was_tried)
{
    static const uint32_t one[] = {1}, two[] = {2};
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail(&fixture, 2);
    struct queue_action resolve = *fixture_expect(&fixture, QUEUE_RESOLVE), first, second;
    struct address reported = {.number = 1, .state = ADDRESS_REPORTED, .text = "x"};

    fixture_assign(&fixture, &id, one, 1, "a.example");
    fixture_assign(&fixture, &id, two, 1, "b.example");
    queue_job_done(fixture.queue, resolve.job, fixture.now);
    first = *fixture_expect(&fixture, QUEUE_DELIVER);
    second = *fixture_expect(&fixture, QUEUE_DELIVER);
    first.numbers = one;
    second.numbers = two;
    fixture_end(&fixture, &first, OUTCOME_FAILED, ERR_SMTP_RECIPIENT, "550");
    ck_assert(!fixture_next(&fixture));
    fixture_end(&fixture, &second, OUTCOME_DEFERRED, ERR_SMTP_TEMPORARY, "451");
    fixture_expect(&fixture, QUEUE_BOUNCE);

    /* It could not be composed: again after a while. Then it is told, and that is all. */
    queue_job_done(fixture.queue, fixture.action.job, fixture.now);
    ck_assert(!fixture_next(&fixture));
    fixture.now += 61000;
    fixture_expect(&fixture, QUEUE_BOUNCE);
    queue_address(fixture.queue, &id, &reported, false, fixture.now);
    queue_job_done(fixture.queue, fixture.action.job, fixture.now);
    fixture.now += 61000;
    ck_assert(!fixture_next(&fixture));
    fixture_free(&fixture);
}
END_TEST

TCase *
queue_job_case(void)
{
    TCase *tcase = tcase_create("queue/job");

    tcase_add_test(tcase, a_large_message_is_cut_into_jobs_that_share_nothing);
    tcase_add_test(
        tcase, addresses_nobody_spoke_of_are_tried_again_soon_and_deferred_ones_later);
    tcase_add_test(tcase, late_and_odd_words_change_nothing);
    tcase_add_test(tcase,
                   an_outcome_finishes_an_address_though_its_job_is_of_an_earlier_queue);
    tcase_add_test(tcase, what_an_address_became_is_grouped_by_destination);
    tcase_add_test(tcase, a_failure_is_reported_once_the_rest_was_tried);
    return tcase;
}
