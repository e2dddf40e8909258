/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A queue with default settings, and short ways to tell it things. */
#include "tests/unit/queue/fixture.h"

#include <check.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

enum { FIRST_SECOND = 1600000000 };

struct fixture
fixture_new(void)
{
    struct fixture fixture = {.arena = arena_new(), .now = FIRST_SECOND * INT64_C(1000)};

    fixture.configuration = arena_alloc(fixture.arena, sizeof(*fixture.configuration));
    attributes_default(settings_attributes, &fixture.configuration->settings,
                       fixture.arena);
    fixture.queue = queue_new(fixture.configuration, fixture.now);
    fixture_configure(&fixture);
    return fixture;
}

void
fixture_configure(struct fixture *fixture)
{
    struct configuration *configuration = fixture->configuration;

    configuration->default_retry.interval = configuration->settings.retry_interval;
    configuration->default_retry.duration = configuration->settings.retry_duration;
    queue_configure(fixture->queue, configuration, fixture->now);
}

void
fixture_free(struct fixture *fixture)
{
    queue_free(fixture->queue);
    arena_free(fixture->arena);
}

static void
tell(struct fixture *fixture, const struct message_id *id, uint32_t number,
     enum address_state state, const char *host, const char *user)
{
    struct address address = {
        .number = number,
        .state = state,
        .text = arena_format(fixture->arena, "r%u@%s", number, host),
        .transport = "smtp",
        .next_hop = host,
        .user = user,
    };

    queue_address(fixture->queue, id, &address, user[0] != '\0', fixture->now);
}

static struct message_id
message_begin(struct fixture *fixture)
{
    struct queue_message message = {.grade = 'C', .reverse_path = "from@here.example"};

    message.id = message_id_make(FIRST_SECOND, ++fixture->messages, 'C');
    queue_message(fixture->queue, &message, fixture->now);
    return message.id;
}

struct message_id
fixture_mail(struct fixture *fixture, uint32_t count)
{
    struct message_id id = message_begin(fixture);

    for (uint32_t i = 1; i <= count; i++)
        tell(fixture, &id, i, ADDRESS_NEW, "somewhere", "");
    queue_settle(fixture->queue, &id, fixture->now);
    return id;
}

void
fixture_assign(struct fixture *fixture, const struct message_id *id,
               const uint32_t *numbers, size_t count, const char *host)
{
    for (size_t i = 0; i < count; i++)
        tell(fixture, id, numbers[i], ADDRESS_ASSIGNED, host, "");
    queue_settle(fixture->queue, id, fixture->now);
}

void
fixture_assign_user(struct fixture *fixture, const struct message_id *id, uint32_t number,
                    const char *user)
{
    tell(fixture, id, number, ADDRESS_ASSIGNED, "", user);
    queue_settle(fixture->queue, id, fixture->now);
}

struct message_id
fixture_mail_to(struct fixture *fixture, uint32_t count, const char *host)
{
    struct message_id id = message_begin(fixture);

    for (uint32_t i = 1; i <= count; i++)
        tell(fixture, &id, i, ADDRESS_ASSIGNED, host, "");
    queue_settle(fixture->queue, &id, fixture->now);
    return id;
}

bool
fixture_next(struct fixture *fixture)
{
    struct queue_action *action = &fixture->action;

    while (queue_next(fixture->queue, fixture->now, action)) {
        if (action->kind == QUEUE_START_WORKER)
            queue_worker_ready(fixture->queue, ++fixture->workers, action->class,
                               action->user, fixture->now);
        else if (action->kind == QUEUE_STOP_WORKER)
            queue_worker_gone(fixture->queue, action->worker, fixture->now);
        else
            return true;
    }
    return false;
}

const struct queue_action *
fixture_expect(struct fixture *fixture, enum queue_action_kind kind)
{
    ck_assert(fixture_next(fixture));
    ck_assert_int_eq(fixture->action.kind, kind);
    return &fixture->action;
}

void
fixture_end(struct fixture *fixture, const struct queue_action *action,
            enum outcome outcome, int error_number, const char *text)
{
    const struct queue_action job = *action;
    struct queue_outcome told = {
        .outcome = outcome, .text = text, .error_number = error_number};

    for (size_t i = 0; i < job.count; i++) {
        told.number = job.numbers[i];
        queue_outcome(fixture->queue, job.job, &job.id, &told, fixture->now);
    }
    queue_job_done(fixture->queue, job.job, fixture->now);
}
