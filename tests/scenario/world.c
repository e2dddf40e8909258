/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scheduler's world: spool, workers and hosts, each in a few lines. */
#include "tests/scenario/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "config/configuration.h"
#include "mail/status.h"
#include "tests/scenario/agenda.h"

#include "base/banned.h"

enum {
    START_TIME = 20,   /* ms until a worker is ready */
    RESOLVE_TIME = 1,  /* for one job */
    NAMES_TIME = 5000, /* until a name server is given up */
    LOCAL_TIME = 5,
    SESSION_TIME = 200,
    FIRST_DAY = 1600000000, /* seconds since 1970 */
};

const char *const happening_names[HAPPENED_KINDS] = {
    "attempt", "delivered", "relayed", "deferred",
    "failed",  "expired",   "bounced", "warned",
};

/* --- making --- */

struct world *
world_new(void)
{
    struct world *world = memory_alloc(sizeof(*world));
    struct configuration *configuration = memory_alloc(sizeof(*configuration));

    world->arena = arena_new();
    world->offset = (int64_t)FIRST_DAY * 1000;
    world->configuration = configuration;
    configuration->arena = world->arena;
    attributes_default(settings_attributes, &configuration->settings, world->arena);
    configuration->default_retry.interval = configuration->settings.retry_interval;
    configuration->default_retry.duration = configuration->settings.retry_duration;
    world->last_letter = &world->letters;
    world->letters_by_id = table_new();
    world->agenda = memory_alloc(sizeof(*world->agenda));
    world->queue = queue_new(configuration, world_now(world));
    return world;
}

void
world_free(struct world *world)
{
    queue_free(world->queue);
    for (size_t i = 0; i < world->agenda->count; i++)
        free(world->agenda->list[i].numbers);
    free(world->agenda->list);
    free(world->agenda);
    table_free(world->letters_by_id);
    free(world->configuration);
    arena_free(world->arena);
    free(world);
}

bool
world_set(struct world *world, const char *name, const char *value, struct error *error)
{
    struct setting setting = {.form = SETTING_VALUE, .name = name, .value = value};
    struct configuration *configuration = world->configuration;

    if (strcmp(value, "on") == 0)
        setting.form = SETTING_ON;
    if (!attribute_apply(settings_attributes, &configuration->settings, &setting,
                         "scenario", world->arena, NULL, error))
        return false;
    configuration->default_retry.interval = configuration->settings.retry_interval;
    configuration->default_retry.duration = configuration->settings.retry_duration;
    queue_configure(world->queue, configuration, world_now(world));
    return true;
}

bool
world_retry(struct world *world, const char *domain, const char *interval,
            const char *duration, struct error *error)
{
    struct configuration *configuration = world->configuration;
    struct retry_rule *rules =
        arena_grow(world->arena, configuration->retry, configuration->retry_count,
                   configuration->retry_count + 1, sizeof(*rules));
    struct retry_rule *rule = &rules[configuration->retry_count];

    if (!list_parse(span_of(domain), world->arena, &rule->domains, error) ||
        !duration_parse(span_of(interval), &rule->interval, error) ||
        !duration_parse(span_of(duration), &rule->duration, error))
        return false;
    configuration->retry = rules;
    configuration->retry_count++;
    queue_configure(world->queue, configuration, world_now(world));
    return true;
}

int64_t
world_now(const struct world *world)
{
    return world->time + world->offset;
}

struct host *
world_host(struct world *world, const char *name)
{
    struct host *host;

    for (host = world->hosts; host != NULL; host = host->next)
        if (strcmp(host->name, name) == 0)
            return host;
    host = arena_alloc(world->arena, sizeof(*host));
    host->name = arena_string(world->arena, name);
    host->time = SESSION_TIME;
    host->next = world->hosts;
    world->hosts = host;
    return host;
}

struct login *
world_user(struct world *world, const char *name)
{
    struct login *user;

    for (user = world->users; user != NULL; user = user->next)
        if (strcmp(user->name, name) == 0)
            return user;
    user = arena_alloc(world->arena, sizeof(*user));
    user->name = arena_string(world->arena, name);
    user->next = world->users;
    world->users = user;
    return user;
}

struct letter *
world_letter(const struct world *world, const char *name)
{
    for (struct letter *letter = world->letters; letter != NULL; letter = letter->next)
        if (strcmp(letter->name, name) == 0)
            return letter;
    return NULL;
}

static void
happen(struct world *world, struct letter *letter, enum happening kind, uint32_t count,
       const char *text)
{
    struct event *event = arena_alloc(world->arena, sizeof(*event));

    *event =
        (struct event){world->time, kind, count, arena_string(world->arena, text), NULL};
    *letter->last_event = event;
    letter->last_event = &event->next;
}

/* --- the spool --- */

struct letter *
world_mail(struct world *world, const char *name, const struct queue_message *model,
           const char *const *recipients, uint32_t count)
{
    struct letter *letter = arena_alloc(world->arena, sizeof(*letter));
    int64_t now = world_now(world);

    letter->name = arena_string(world->arena, name);
    letter->submitted = world->time;
    letter->id = message_id_make(FIRST_DAY, ++world->serial, model->grade);
    letter->told = *model;
    letter->told.id = letter->id;
    letter->addresses = arena_array(world->arena, count, sizeof(*letter->addresses));
    letter->count = letter->open = count;
    letter->last_event = &letter->events;
    *world->last_letter = letter;
    world->last_letter = &letter->next;
    table_put(world->letters_by_id, span_of(letter->id.text), letter);
    queue_message(world->queue, &letter->told, now);
    for (uint32_t i = 0; i < count; i++) {
        letter->addresses[i] = (struct address){.number = i + 1,
                                                .text = recipients[i],
                                                .transport = "",
                                                .next_hop = "",
                                                .user = ""};
        queue_address(world->queue, &letter->id, &letter->addresses[i], false, now);
    }
    queue_settle(world->queue, &letter->id, now);
    return letter;
}

static struct letter *
letter_find(const struct world *world, const struct message_id *id)
{
    struct letter *letter = table_get(world->letters_by_id, span_of(id->text));

    assert(letter != NULL && !letter->gone);
    return letter;
}

/* Write down what an address became, and tell the scheduler. */
static void
address_change(struct world *world, struct letter *letter, uint32_t number,
               enum address_state state)
{
    struct address *address = &letter->addresses[number - 1];

    address->state = state;
    queue_address(world->queue, &letter->id, address, address->user[0] != '\0',
                  world_now(world));
    if (address_state_done(state) && --letter->open == 0) {
        letter->gone = true;
        queue_removed(world->queue, &letter->id);
    }
}

static void
letter_settle(struct world *world, struct letter *letter)
{
    queue_settle(world->queue, &letter->id, world_now(world));
}

/* --- work --- */

static void
outcome_tell(struct world *world, const struct work *work, uint32_t number,
             enum outcome outcome, int error_number, const char *text)
{
    struct queue_outcome told = {
        .number = number, .outcome = outcome, .text = text, .error_number = error_number};

    queue_outcome(world->queue, work->job, &work->letter->id, &told, world_now(world));
}

static void
defer_all(struct world *world, const struct work *work, int number, const char *text)
{
    happen(world, work->letter, HAPPENED_DEFERRED, work->count, text);
    for (uint32_t i = 0; i < work->count; i++)
        outcome_tell(world, work, work->numbers[i], OUTCOME_DEFERRED, number, text);
}

static void
finish_all(struct world *world, const struct work *work, enum outcome outcome,
           enum address_state state, enum happening kind, const char *text)
{
    happen(world, work->letter, kind, work->count, text);
    for (uint32_t i = 0; i < work->count; i++) {
        outcome_tell(world, work, work->numbers[i], outcome,
                     outcome == OUTCOME_FAILED ? ERR_SMTP_RECIPIENT : 0, text);
        address_change(world, work->letter, work->numbers[i], state);
    }
}

static void
end_resolve(struct world *world, const struct work *work)
{
    if (world->names_down) {
        defer_all(world, work, ERR_DNS_FAILURE, "name server failure");
        return;
    }
    for (uint32_t i = 0; i < work->count; i++) {
        struct address *address = &work->letter->addresses[work->numbers[i] - 1];
        struct span text = span_of(address->text);
        struct span domain = span_from(text, span_find(text, '@') + 1);

        if (span_is(domain, "here"))
            address->user =
                span_string(span_first(text, span_find(text, '@')), world->arena);
        address->transport = address->user[0] != '\0' ? "local" : "smtp";
        address->next_hop =
            address->user[0] != '\0' ? "" : span_string(domain, world->arena);
        address_change(world, work->letter, address->number, ADDRESS_ASSIGNED);
    }
    letter_settle(world, work->letter);
}

static void
end_session(struct world *world, const struct work *work)
{
    work->host->sessions--;
    switch (work->mood) {
    case HOST_UP:
        finish_all(world, work, OUTCOME_RELAYED, ADDRESS_RELAYED, HAPPENED_RELAYED,
                   "250");
        break;
    case HOST_DOWN:
        defer_all(world, work, ERR_SMTP_CONNECT, "connection refused");
        break;
    case HOST_SILENT:
        defer_all(world, work, ERR_SMTP_SILENT, "no greeting");
        break;
    case HOST_TARPIT:
        defer_all(world, work, ERR_SMTP_TEMPORARY, "timeout while waiting for a reply");
        break;
    case HOST_BUSY:
        defer_all(world, work, ERR_SMTP_HELLO, "421 too many connections");
        break;
    case HOST_PUTS_OFF:
        defer_all(world, work, ERR_SMTP_TEMPORARY, "451 come again");
        break;
    case HOST_REFUSES:
        finish_all(world, work, OUTCOME_FAILED, ADDRESS_FAILED, HAPPENED_FAILED,
                   "550 no");
        letter_settle(world, work->letter);
        break;
    }
}

static void
end_bounce(struct world *world, const struct work *work)
{
    struct letter *letter = work->letter;
    uint32_t count = 0;

    for (uint32_t i = 0; i < letter->count; i++)
        count += letter->addresses[i].state == ADDRESS_FAILED;
    world->bounces++;
    happen(world, letter, HAPPENED_BOUNCED, count, "");
    for (uint32_t i = 0; i < letter->count; i++)
        if (letter->addresses[i].state == ADDRESS_FAILED)
            address_change(world, letter, i + 1, ADDRESS_REPORTED);
}

static void
worker_idle(struct world *world, uint32_t worker, enum worker_class class)
{
    struct work *idle = agenda_add(world->agenda, AGENDA_NEVER);

    idle->kind = QUEUE_START_WORKER;
    idle->worker = worker;
    idle->class = class;
}

static void
end_start(struct world *world, const struct work *work)
{
    const struct login *user = world_user(world, work->user);
    int64_t now = world_now(world);

    if (work->class == WORKER_USER && user->mood != USER_STARTS) {
        queue_worker_failed(
            world->queue, work->class, work->user, user->mood == USER_UNKNOWN,
            user->mood == USER_UNKNOWN ? "no such user" : "fork failed", now);
        return;
    }
    worker_idle(world, work->worker, work->class);
    queue_worker_ready(world->queue, work->worker, work->class, work->user, now);
}

static void
work_end(struct world *world, const struct work *work)
{
    switch (work->kind) {
    case QUEUE_START_WORKER:
        end_start(world, work);
        return;
    case QUEUE_RESOLVE:
        end_resolve(world, work);
        break;
    case QUEUE_DELIVER:
        if (work->host != NULL)
            end_session(world, work);
        else
            finish_all(world, work, OUTCOME_DELIVERED, ADDRESS_DELIVERED,
                       HAPPENED_DELIVERED, "");
        break;
    case QUEUE_BOUNCE:
        end_bounce(world, work);
        break;
    case QUEUE_WARN:
        work->letter->told.warned = true;
        world->warnings++;
        happen(world, work->letter, HAPPENED_WARNED, work->count, "");
        break;
    case QUEUE_STOP_WORKER:
    case QUEUE_EXPIRE:
        assert(false);
    }
    queue_job_done(world->queue, work->job, world_now(world));
}

/* --- carrying out what the scheduler says --- */

/* How long a session takes, and how it will end. */
static int64_t
session_begin(struct work *work, struct host *host)
{
    work->host = host;
    work->mood = host->mood;
    if (host->mood == HOST_BUSY && host->sessions < host->most)
        work->mood = HOST_UP;
    host->attempts++;
    host->sessions++;
    if (host->sessions > host->sessions_most)
        host->sessions_most = host->sessions;
    return host->time;
}

static void
carry_out_job(struct world *world, const struct queue_action *action)
{
    struct letter *letter = letter_find(world, &action->id);
    struct work *work = agenda_add(world->agenda, world->time);

    work->kind = action->kind;
    work->class = action->class;
    work->worker = action->worker;
    work->job = action->job;
    work->letter = letter;
    work->count = (uint32_t)action->count;
    work->numbers = memory_alloc(action->count * sizeof(work->numbers[0]));
    memcpy(work->numbers, action->numbers, action->count * sizeof(work->numbers[0]));
    if (action->kind == QUEUE_DELIVER)
        happen(world, letter, HAPPENED_ATTEMPT, work->count, "");
    if (action->kind == QUEUE_DELIVER && action->class == WORKER_REMOTE)
        work->time += session_begin(
            work, world_host(world, letter->addresses[work->numbers[0] - 1].next_hop));
    else if (action->kind == QUEUE_DELIVER)
        work->time += LOCAL_TIME;
    else
        work->time += world->names_down && action->kind == QUEUE_RESOLVE ? NAMES_TIME
                                                                         : RESOLVE_TIME;
}

/* A worker ends, with all that it has in its hands. */
static void
worker_end(struct world *world, uint32_t worker)
{
    struct agenda *agenda = world->agenda;

    for (size_t i = agenda->count; i-- > 0;) {
        struct work work = agenda->list[i];

        if (work.worker != worker)
            continue;
        if (work.host != NULL)
            work.host->sessions--;
        free(work.numbers);
        agenda_take(agenda, i);
    }
    queue_worker_gone(world->queue, worker, world_now(world));
}

static void
carry_out_expiry(struct world *world, const struct queue_action *action)
{
    struct letter *letter = letter_find(world, &action->id);

    happen(world, letter, HAPPENED_EXPIRED, (uint32_t)action->count,
           arena_format(world->arena, "ERR_%d %s", action->error.number,
                        action->error.text));
    for (size_t i = 0; i < action->count; i++)
        address_change(world, letter, action->numbers[i], ADDRESS_FAILED);
    letter_settle(world, letter);
}

static void
carry_out(struct world *world, const struct queue_action *action)
{
    struct work *work;

    switch (action->kind) {
    case QUEUE_START_WORKER:
        world->starts++;
        work = agenda_add(world->agenda, world->time + START_TIME);
        work->kind = QUEUE_START_WORKER;
        work->class = action->class;
        work->worker = ++world->workers;
        work->user = arena_string(world->arena, action->user);
        break;
    case QUEUE_STOP_WORKER:
        world->stops++;
        worker_end(world, action->worker);
        break;
    case QUEUE_EXPIRE:
        carry_out_expiry(world, action);
        break;
    case QUEUE_RESOLVE:
    case QUEUE_DELIVER:
    case QUEUE_BOUNCE:
    case QUEUE_WARN:
        carry_out_job(world, action);
        break;
    }
}

static void
carry_out_all(struct world *world)
{
    struct queue_action action;

    while (queue_next(world->queue, world_now(world), &action))
        carry_out(world, &action);
}

/* --- time --- */

/* One step, not beyond `time`; false when there is nothing before it. */
static bool
world_step(struct world *world, int64_t time)
{
    int64_t wake, next;
    size_t first;

    carry_out_all(world);
    first = agenda_first(world->agenda);
    next = first != SIZE_MAX ? world->agenda->list[first].time : AGENDA_NEVER;
    wake = queue_wake(world->queue, world_now(world));
    if (wake != INT64_MAX && wake - world->offset < next)
        next = wake - world->offset;
    if (next > time)
        return false;
    if (next > world->time)
        world->time = next;
    if (first != SIZE_MAX && world->agenda->list[first].time <= world->time) {
        struct work work = agenda_take(world->agenda, first);

        work_end(world, &work);
        free(work.numbers);
    }
    return true;
}

void
world_until(struct world *world, int64_t time)
{
    while (world_step(world, time))
        ;
    world->time = time;
    carry_out_all(world);
}

void
world_until_idle(struct world *world)
{
    carry_out_all(world);
    while (agenda_first(world->agenda) != SIZE_MAX ||
           queue_is_busy(world->queue, world_now(world)))
        if (!world_step(world, INT64_MAX))
            break;
}

/* --- accidents --- */

void
world_kill(struct world *world, enum worker_class class, const struct letter *letter)
{
    struct agenda *agenda = world->agenda;

    for (size_t i = 0; i < agenda->count;) {
        const struct work *work = &agenda->list[i];
        bool starting = work->kind == QUEUE_START_WORKER && work->time != AGENDA_NEVER;

        if (work->class != class || starting ||
            (letter != NULL && work->letter != letter)) {
            i++;
            continue;
        }
        worker_end(world, work->worker);
        i = 0;
    }
}

static void
letter_refill(struct world *world, struct letter *letter)
{
    struct queue_message told = letter->told;
    int64_t now = world_now(world);

    told.waited = world->time - letter->submitted;
    told.recovered = true;
    for (const struct event *event = letter->events; event != NULL; event = event->next)
        told.attempts += event->kind == HAPPENED_DEFERRED ? event->count : 0;
    queue_message(world->queue, &told, now);
    for (uint32_t i = 0; i < letter->count; i++)
        queue_address(world->queue, &letter->id, &letter->addresses[i],
                      letter->addresses[i].user[0] != '\0', now);
    queue_settle(world->queue, &letter->id, now);
}

void
world_restart(struct world *world)
{
    queue_free(world->queue);
    for (size_t i = 0; i < world->agenda->count; i++) {
        if (world->agenda->list[i].host != NULL)
            world->agenda->list[i].host->sessions--;
        free(world->agenda->list[i].numbers);
    }
    world->agenda->count = 0;
    world->queue = queue_new(world->configuration, world_now(world));
    for (struct letter *letter = world->letters; letter != NULL; letter = letter->next)
        if (!letter->gone)
            letter_refill(world, letter);
}
