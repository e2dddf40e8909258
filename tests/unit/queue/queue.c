/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue/queue.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/status.h"
#include "tests/unit/queue/fixture.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(an_empty_queue_sleeps_and_a_waiting_one_looks_at_the_clock_each_minute)
{
    struct fixture fixture = fixture_new();

    ck_assert(!fixture_next(&fixture));
    ck_assert_int_eq(queue_wake(fixture.queue, fixture.now), INT64_MAX);
    fixture_mail_to(&fixture, 1, "a.example");
    ck_assert_int_eq(queue_wake(fixture.queue, fixture.now), fixture.now);
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_DEFERRED, ERR_SMTP_TEMPORARY, "451");
    while (fixture_next(&fixture))
        ;
    ck_assert_int_gt(queue_wake(fixture.queue, fixture.now), fixture.now);
    ck_assert_int_le(queue_wake(fixture.queue, fixture.now), fixture.now + 60000);
    fixture_free(&fixture);
}
END_TEST

START_TEST(extreme_times_of_the_wall_do_no_harm)
{
    static const int64_t walls[] = {0, INT64_MIN, INT64_MAX, -1, 1, INT64_MAX, 0};
    struct fixture fixture = fixture_new();
    struct message_id id = fixture_mail_to(&fixture, 1, "a.example");
    struct text why = text_new(fixture.arena);
    int64_t next;

    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_DEFERRED, ERR_SMTP_TEMPORARY, "451");
    for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
        fixture.now = walls[i];
        while (fixture_next(&fixture))
            ;
        queue_wake(fixture.queue, fixture.now);
        ck_assert(queue_explain(fixture.queue, &id, fixture.now, &next, &why));
    }
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_deferred_message_costs_at_most_400_octets)
{
    enum { MESSAGES = 20000 };
    struct fixture fixture = fixture_new();
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, each;

    for (int i = 0; i < MESSAGES; i++)
        fixture_mail_to(&fixture, 1, "destination.example");
    each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / MESSAGES;
    if (each > 0)
        each -= 24;               /* the fixture's own text of the address */
    ck_assert_uint_le(each, 400); /* 0 where a sanitizer has another malloc */
    ck_assert_uint_eq(queue_counts(fixture.queue, fixture.now).messages, MESSAGES);
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_queue_in_which_all_was_tried_is_not_busy)
{
    struct fixture fixture = fixture_new();
    struct message_id id;

    fixture.configuration->settings.retry_interval.seconds = 1;
    fixture_configure(&fixture);
    ck_assert(!queue_is_busy(fixture.queue, fixture.now));
    id = fixture_mail_to(&fixture, 1, "a.example");
    ck_assert(queue_is_busy(fixture.queue, fixture.now));
    fixture_expect(&fixture, QUEUE_DELIVER);
    queue_job_lost(fixture.queue, fixture.action.job, fixture.now);
    ck_assert(!fixture_next(&fixture));
    ck_assert(queue_is_busy(fixture.queue, fixture.now)); /* lost: in a second */
    ck_assert(queue_message_is_busy(fixture.queue, &id, fixture.now));
    fixture.now += 1000;
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_DEFERRED, ERR_SMTP_CONNECT, "no");
    ck_assert(!fixture_next(&fixture));
    ck_assert(!queue_is_busy(fixture.queue, fixture.now)); /* though it is tried soon */
    ck_assert(!queue_message_is_busy(fixture.queue, &id, fixture.now));
    fixture.now += 2000;
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_FAILED, ERR_SMTP_RECIPIENT, "no");
    ck_assert(queue_is_busy(fixture.queue, fixture.now)); /* a bounce is due */
    ck_assert(queue_message_is_busy(fixture.queue, &id, fixture.now));
    fixture_free(&fixture);
}
END_TEST

/* --- a random life --- */

enum { LIVES = 12, STEPS = 3000, JOBS_MOST = 256 };

struct job {
    struct queue_action action;
    uint32_t numbers[1000];
};

struct life {
    struct fixture fixture;
    struct job *jobs;
    size_t job_count;
    struct message_id ids[STEPS];
    uint32_t counts[STEPS];
    size_t id_count;
};

static uint64_t seed;

/* Of our own, so that a failure can be repeated. */
static uint32_t
chance(uint32_t limit)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(seed >> 33) % limit;
}

static const char *
some_host(void)
{
    static const char *const hosts[] = {"a.example", "b.example", "c.example",
                                        "d.example"};

    return hosts[chance(4)];
}

/* An outcome or a new state for one address, or silence. */
static void
live_address(struct life *life, const struct queue_action *job, uint32_t number)
{
    static const int errors[] = {0, ERR_SMTP_CONNECT, ERR_SMTP_TEMPORARY,
                                 ERR_DNS_FAILURE};
    struct fixture *fixture = &life->fixture;
    struct queue_outcome told = {.number = number, .text = "words"};
    struct address reported = {.number = number, .text = "x", .state = ADDRESS_REPORTED};

    if (job->kind == QUEUE_BOUNCE || chance(20) == 0)
        return;
    if (job->kind == QUEUE_RESOLVE && chance(4) > 0) {
        if (chance(3) == 0)
            fixture_assign_user(fixture, &job->id, number, "joe");
        else
            fixture_assign(fixture, &job->id, &number, 1, some_host());
        return;
    }
    told.outcome = (enum outcome)chance(4);
    told.error_number = errors[chance(4)];
    queue_outcome(fixture->queue, job->job, &job->id, &told, fixture->now);
    if (told.outcome == OUTCOME_FAILED && chance(3) == 0)
        queue_address(fixture->queue, &job->id, &reported, false, fixture->now);
}

static void
live_end_job(struct life *life)
{
    struct fixture *fixture = &life->fixture;
    struct job *job = &life->jobs[chance((uint32_t)life->job_count)];
    uint64_t number = job->action.job;

    for (size_t i = 0; i < job->action.count; i++)
        live_address(life, &job->action, job->numbers[i]);
    if (job->action.kind == QUEUE_BOUNCE)
        for (uint32_t i = 1; i <= 10; i++) {
            struct address reported = {
                .number = i, .text = "", .state = ADDRESS_REPORTED};

            queue_address(fixture->queue, &job->action.id, &reported, false,
                          fixture->now);
        }
    *job = life->jobs[--life->job_count];
    job->action.numbers = job->numbers;
    life->jobs[life->job_count].action.numbers = life->jobs[life->job_count].numbers;
    if (chance(15) == 0)
        queue_job_lost(fixture->queue, number, fixture->now);
    else
        queue_job_done(fixture->queue, number, fixture->now);
}

static void
live_take(struct life *life)
{
    struct fixture *fixture = &life->fixture;

    while (life->job_count < JOBS_MOST && fixture_next(fixture)) {
        struct job *job = &life->jobs[life->job_count];

        if (fixture->action.kind == QUEUE_EXPIRE) {
            for (size_t i = 0; i < fixture->action.count && chance(5) > 0; i++) {
                struct address failed = {.number = fixture->action.numbers[i],
                                         .text = "",
                                         .state = ADDRESS_FAILED};

                queue_address(fixture->queue, &fixture->action.id, &failed, false,
                              fixture->now);
            }
            queue_settle(fixture->queue, &fixture->action.id, fixture->now);
            continue;
        }
        job->action = fixture->action;
        ck_assert_uint_le(job->action.count, 1000);
        memcpy(job->numbers, job->action.numbers,
               job->action.count * sizeof(job->numbers[0]));
        job->action.numbers = job->numbers;
        life->job_count++;
    }
}

static void
live_operator(struct life *life)
{
    struct fixture *fixture = &life->fixture;
    size_t which = chance((uint32_t)life->id_count);
    struct queue_selection selection = {.ids = &life->ids[which], .id_count = 1};

    switch (chance(9)) {
    case 0:
        queue_hold(fixture->queue, &life->ids[which], chance(2) == 0, fixture->now);
        break;
    case 1:
        queue_removed(fixture->queue, &life->ids[which]);
        break;
    case 2:
        queue_run(fixture->queue, &selection, fixture->now);
        break;
    case 3:
        selection.ids = NULL;
        selection.recipient = "r1";
        queue_run(fixture->queue, &selection, fixture->now);
        break;
    case 4:
        queue_suspend(fixture->queue, chance(4) == 0, "why", fixture->now);
        break;
    case 5:
        queue_worker_gone(fixture->queue, chance(fixture->workers + 1), fixture->now);
        break;
    case 6:
        fixture->configuration->generation++;
        queue_configure(fixture->queue, fixture->configuration, fixture->now);
        break;
    case 7:
        queue_hints_clear(fixture->queue, chance(2) == 0 ? NULL : "smtp:a.example");
        break;
    case 8:
        fixture->configuration->settings.queue_only = chance(3) == 0;
        queue_interval_run(fixture->queue, fixture->now);
        break;
    }
}

static void
live_step(struct life *life)
{
    struct fixture *fixture = &life->fixture;
    uint32_t count = 1 + chance(chance(50) == 0 ? 2500 : 5);

    switch (chance(8)) {
    case 0:
        life->ids[life->id_count++] = chance(2) == 0
                                          ? fixture_mail(fixture, count)
                                          : fixture_mail_to(fixture, count, some_host());
        break;
    case 1:
    case 2:
    case 3:
    case 4:
        if (life->job_count > 0)
            live_end_job(life);
        break;
    case 5:
        live_take(life);
        break;
    case 6:
        fixture->now += chance(4) == 0 ? chance(500000) : chance(3000);
        break;
    case 7:
        if (life->id_count > 0 && chance(3) == 0)
            live_operator(life);
        break;
    }
}

START_TEST(any_order_of_events_ends_with_an_empty_queue)
{
    struct life life = {.fixture = fixture_new()};
    struct queue_counts counts;

    seed = (uint64_t)_i + 1;
    life.jobs = memory_alloc(JOBS_MOST * sizeof(*life.jobs));
    for (int i = 0; i < STEPS; i++)
        live_step(&life);
    queue_suspend(life.fixture.queue, false, NULL, life.fixture.now);
    while (life.job_count > 0)
        live_end_job(&life);
    for (size_t i = 0; i < life.id_count; i++)
        queue_removed(life.fixture.queue, &life.ids[i]);
    while (fixture_next(&life.fixture))
        ;
    counts = queue_counts(life.fixture.queue, life.fixture.now);
    ck_assert_uint_eq(counts.messages, 0);
    ck_assert_uint_eq(counts.held, 0);
    ck_assert_uint_eq(counts.active, 0);
    ck_assert_uint_eq(counts.due, 0);
    ck_assert_uint_eq(counts.deferred, 0);
    ck_assert(!queue_is_busy(life.fixture.queue, life.fixture.now));
    free(life.jobs);
    fixture_free(&life.fixture);
}
END_TEST

TCase *
queue_queue_case(void)
{
    TCase *tcase = tcase_create("queue/queue");

    tcase_add_test(
        tcase, an_empty_queue_sleeps_and_a_waiting_one_looks_at_the_clock_each_minute);
    tcase_add_test(tcase, extreme_times_of_the_wall_do_no_harm);
    tcase_add_test(tcase, a_queue_in_which_all_was_tried_is_not_busy);
    tcase_add_test(tcase, a_deferred_message_costs_at_most_400_octets);
    tcase_add_loop_test(tcase, any_order_of_events_ends_with_an_empty_queue, 0, LIVES);
    return tcase;
}
