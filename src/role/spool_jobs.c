/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs that workers have, and what comes back from them. */
#include "role/keeper.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum { MADE_LIMIT = 1 << 20 }; /* new addresses of one job */

static struct span
job_key(const uint64_t *number)
{
    return (struct span){(const char *)number, sizeof *number};
}

struct job_state *
job_find(struct keeper *keeper, uint64_t number)
{
    return table_get(keeper->jobs, job_key(&number));
}

void
job_put(struct keeper *keeper, struct job_state *state)
{
    table_put(keeper->jobs, job_key(&state->number), state);
}

void
jobs_orphan(struct keeper *keeper)
{
    size_t at = 0;
    struct span key;
    void *value;

    while (table_next(keeper->jobs, &at, &key, &value))
        ((struct job_state *)value)->orphan = true;
}

bool
message_has_orphan(const struct keeper *keeper, const struct message_id *id)
{
    size_t at = 0;
    struct span key;
    void *value;

    while (table_next(keeper->jobs, &at, &key, &value)) {
        const struct job_state *state = value;

        if (state->orphan && strcmp(state->id.text, id->text) == 0)
            return true;
    }
    return false;
}

/* The last job of a queue that died is over: now the new one may schedule the message. */
static void
orphan_end(struct keeper *keeper, const struct message_id *id)
{
    struct spool_message *message = spool_find(keeper->spool, id);

    if (message && !message_has_orphan(keeper, id))
        queue_tell_message(keeper, message, true);
}

void
job_end(struct keeper *keeper, uint64_t number)
{
    struct job_state *state = table_remove(keeper->jobs, job_key(&number));

    if (!state)
        return;
    if (state->orphan)
        orphan_end(keeper, &state->id);
    free(state->made);
    arena_free(state->arena);
    free(state);
}

/*
 * A worker reports to a spool process that did not give out the job (that one died): it
 * is taken up as if it had. That comes before everything else it says.
 */
static struct job_state *
job_adopt(struct worker_link *worker, uint64_t number, const struct message_id *id)
{
    struct keeper *keeper = worker->keeper;
    struct spool_message *message = spool_find(keeper->spool, id);
    struct job_state *state;
    struct error error = {0};

    if (!message || worker->spoken)
        return NULL;
    state = memory_alloc(sizeof *state);
    memset(state, 0, sizeof *state);
    state->number = number;
    state->id = *id;
    state->worker = worker;
    state->arena = arena_new();
    state->address_count = message->address_count;
    state->begun = clock_milliseconds();
    state->orphan = state->adopted = true;
    if (!spool_load(keeper->spool, message, state->arena, &state->envelope,
                    &state->addresses, &error)) {
        log_panic(keeper->role->log, id->text, "%s", error.text);
        arena_free(state->arena);
        free(state);
        return NULL;
    }
    job_put(keeper, state);
    return state;
}

/* The job that a worker speaks of, if it is one of its own and of that message. */
static struct job_state *
job_of(struct worker_link *worker, uint64_t number, const struct message_id *id)
{
    struct job_state *state = job_find(worker->keeper, number);

    if (!state)
        return job_adopt(worker, number, id);
    if (strcmp(state->id.text, id->text) != 0) {
        log_panic(worker->keeper->role->log, id->text,
                  "worker %u spoke of a message that it was not given", worker->number);
        return NULL;
    }
    return state;
}

/*
 * May the worker say what became of this address? Only if it was given it (what it made
 * itself it calls by position). Of a job that was adopted, a user's worker may speak of
 * its user's alone.
 */
static bool
address_is_its(const struct worker_link *worker, const struct job_state *state,
               uint32_t number)
{
    if (number == 0 || number > state->address_count)
        return false;
    for (uint32_t i = 0; i < state->given_count; i++)
        if (state->given[i] == number)
            return true;
    if (state->adopted && (worker->class != WORKER_USER ||
                           strcmp(state->addresses[number - 1].user, worker->user) == 0))
        return true;
    log_panic(worker->keeper->role->log, state->id.text,
              "worker %u spoke of an address that it was not given", worker->number);
    return false;
}

struct worker_link *
worker_find(struct keeper *keeper, uint32_t number)
{
    for (struct worker_link *worker = keeper->workers; worker; worker = worker->next)
        if (worker->number == number)
            return worker;
    return NULL;
}

void
job_lost(struct keeper *keeper, uint64_t number)
{
    struct wire_job_end end = {number};

    queue_send(keeper, WIRE_JOB_LOST, &end);
}

/* --- what workers report --- */

/* The number of an address in a worker's words: its own, or a position in its result. */
static uint32_t
number_resolve(const struct job_state *state, uint32_t number)
{
    if ((number & ADDRESS_PARENT_IN_ARRAY) == 0)
        return number;
    number &= ~ADDRESS_PARENT_IN_ARRAY;
    return number < state->made_count ? state->made[number] : 0;
}

static bool
made_add(struct job_state *state, uint32_t number)
{
    if (state->made_count == MADE_LIMIT)
        return false;
    if (state->made_count == state->made_room) {
        state->made_room = state->made_room ? state->made_room * 2 : 16;
        state->made = memory_grow(state->made, state->made_room * sizeof *state->made);
    }
    state->made[state->made_count++] = number;
    return true;
}

/* Remember new addresses for the log and for outcomes that follow. */
static void
addresses_remember(struct job_state *state, const struct address *addresses,
                   uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = addresses[i].number;

        if (number > state->address_count) {
            state->addresses =
                arena_grow(state->arena, state->addresses, state->address_count,
                           number + 64, sizeof *state->addresses);
            state->address_count = number;
        }
        if (number > 0)
            state->addresses[number - 1] = *address_copy(&addresses[i], state->arena);
    }
}

static bool
same_user(const char *name, const char *user)
{
    return name && strcmp(name, user) == 0;
}

/*
 * A user's worker may not have anything done as somebody else, but for those whom the
 * configuration names for what stands in files of users.
 */
static bool
user_is_its(const struct worker_link *worker, const char *user)
{
    const struct configuration *configuration = worker->keeper->role->configuration;

    if (worker->class != WORKER_USER || user[0] == '\0' ||
        strcmp(user, worker->user) == 0 ||
        same_user(configuration->settings.nobody, user))
        return true;
    for (size_t i = 0; i < configuration->directors.count; i++) {
        const struct director_generic *generic =
            configuration->directors.list[i].director;

        if (same_user(generic->set_user, user) || same_user(generic->default_user, user))
            return true;
    }
    log_panic(worker->keeper->role->log, NULL,
              "worker %u of %s wanted something done as %s", worker->number, worker->user,
              user);
    return false;
}

/* Addresses that were there must be the worker's; those that are new have no number. */
static bool
expansion_is_its(const struct worker_link *worker, const struct job_state *state,
                 const struct wire_expanded *expanded)
{
    for (uint32_t i = 0; i < expanded->count; i++) {
        const struct address *address = &expanded->addresses[i];

        if (address->number != 0 && !address_is_its(worker, state, address->number))
            return false;
        if (address->number == 0 && (address->parent & ADDRESS_PARENT_IN_ARRAY) == 0 &&
            !address_is_its(worker, state, address->parent))
            return false;
        if (!user_is_its(worker, address->user))
            return false;
    }
    return true;
}

static void
expanded_take(struct worker_link *worker, struct frame *frame)
{
    struct keeper *keeper = worker->keeper;
    struct wire_expanded expanded;
    struct job_state *state;
    struct error error = {0};
    struct after *after;
    uint32_t before;

    if (!wire_read(frame, WIRE_EXPANDED, keeper->group, &expanded))
        return;
    state = job_of(worker, expanded.job, &expanded.id);
    if (!state || !expansion_is_its(worker, state, &expanded))
        return;
    /* Positions count over all slices of the job; what came in earlier ones has numbers.
     */
    before = state->made_count;
    for (uint32_t i = 0; i < expanded.count; i++) {
        uint32_t *parent = &expanded.addresses[i].parent;

        if ((*parent & ADDRESS_PARENT_IN_ARRAY) == 0)
            continue;
        if ((*parent & ~ADDRESS_PARENT_IN_ARRAY) < before)
            *parent = number_resolve(state, *parent);
        else
            *parent -= before;
    }
    if (!spool_add_expanded(keeper->spool, &state->id, expanded.addresses, expanded.keys,
                            expanded.count, &error)) {
        log_panic(keeper->role->log, state->id.text, "%s", error.text);
        return;
    }
    for (uint32_t i = 0; i < expanded.count; i++)
        if (!made_add(state, expanded.addresses[i].number))
            return;
    addresses_remember(state, expanded.addresses, expanded.count);
    after = after_add(keeper, AFTER_ADDRESSES, &state->id);
    after->addresses = expanded.addresses;
    after->transports_are_local = expanded.transports_are_local;
    after->count = expanded.count;
    after->job = expanded.job;
}

static void
outcomes_take(struct worker_link *worker, struct frame *frame)
{
    struct keeper *keeper = worker->keeper;
    struct wire_outcomes outcomes;
    struct job_state *state;

    if (!wire_read(frame, WIRE_OUTCOMES, keeper->group, &outcomes))
        return;
    state = job_of(worker, outcomes.job, &outcomes.id);
    if (!state)
        return;
    for (uint32_t i = 0; i < outcomes.count; i++) {
        struct spool_outcome *outcome = &outcomes.outcomes[i];
        struct error error = {0};
        struct after *after;
        bool is_made;

        /* A report that outlived the spool process: its numbers are those of the message.
         */
        is_made = (outcome->number & ADDRESS_PARENT_IN_ARRAY) != 0;
        outcome->number = number_resolve(state, outcome->number);
        if (is_made ? outcome->number == 0 || outcome->number > state->address_count
                    : !address_is_its(worker, state, outcome->number))
            continue;
        if (!spool_add_outcome(keeper->spool, &outcomes.id, outcome, &error)) {
            log_panic(keeper->role->log, outcomes.id.text, "%s", error.text);
            continue;
        }
        after = after_add(keeper, AFTER_OUTCOME, &outcomes.id);
        after->outcome = outcome;
        after->job = outcomes.job;
        after->address =
            address_copy(&state->addresses[outcome->number - 1], keeper->group);
        after->envelope = arena_alloc(keeper->group, sizeof *after->envelope);
        *after->envelope = state->envelope;
    }
}

static void
report_take(struct worker_link *worker, struct frame *frame)
{
    struct keeper *keeper = worker->keeper;
    struct wire_report report;
    struct error error = {0};
    struct message_id id;
    struct after *after;
    bool fine = true;

    if (!wire_read(frame, WIRE_REPORT, keeper->group, &report) ||
        !job_of(worker, report.job, &report.id) || !spool_find(keeper->spool, &report.id))
        return;
    /* A user's worker tells of success alone; bounces and warnings are made by others. */
    if (worker->class == WORKER_USER && report.kind != REPORT_SUCCESS)
        return;
    if (report.has_message) {
        id = keeper_id(keeper, report.envelope.grade);
        fine = spool_add_message(keeper->spool, &id, &report.envelope, report.content,
                                 &error);
        if (fine) {
            after = after_add(keeper, AFTER_REPORT, &id);
            after->envelope = arena_alloc(keeper->group, sizeof report.envelope);
            *after->envelope = report.envelope;
        }
    }
    if (fine && report.kind == REPORT_FAILED)
        fine = spool_add_reported(keeper->spool, &report.id, report.numbers, report.count,
                                  report.has_message ? &id : NULL, &error);
    else if (fine && report.kind == REPORT_DELAYED)
        fine = spool_add_note(keeper->spool, &report.id, NOTE_WARNED, report.log, &error);
    if (!fine) {
        log_panic(keeper->role->log, report.id.text, "report: %s", error.text);
        return;
    }
    after = after_add(keeper, AFTER_REPORTED, &report.id);
    after->numbers = report.kind == REPORT_FAILED ? report.numbers : NULL;
    after->count = report.kind == REPORT_FAILED ? report.count : 0;
    after->text = report.log;
    after->job = report.job;
}

/* --- workers --- */

static void
hello_take(struct worker_link *worker, struct frame *frame)
{
    struct keeper *keeper = worker->keeper;
    struct wire_worker hello;

    if (!wire_read(frame, WIRE_WORKER_HELLO, keeper->group, &hello))
        return;
    /* Number and user are the master's word, not the worker's. */
    worker->ready = true;
    hello.worker = worker->number;
    hello.class = worker->class;
    hello.user = worker->user;
    queue_send(keeper, WIRE_WORKER_READY, &hello);
}

/* A worker is believed only for jobs that it was given. */
static bool
job_is_its(struct worker_link *worker, uint64_t number)
{
    struct job_state *state = job_find(worker->keeper, number);

    if (state && state->worker == worker && !state->adopted)
        worker->spoken = true;
    return !state || state->worker == worker;
}

static void
worker_frame(struct worker_link *worker, struct frame *frame)
{
    struct keeper *keeper = worker->keeper;
    struct wire_job_end end;
    struct unpack job = unpack_new(frame->payload);

    if (frame->type != WIRE_WORKER_HELLO && !job_is_its(worker, unpack_u64(&job))) {
        log_panic(keeper->role->log, NULL, "worker %u spoke of a job that is not its own",
                  worker->number);
        return;
    }
    switch (frame->type) {
    case WIRE_WORKER_HELLO:
        hello_take(worker, frame);
        break;
    case WIRE_EXPANDED:
        expanded_take(worker, frame);
        break;
    case WIRE_OUTCOMES:
        outcomes_take(worker, frame);
        break;
    case WIRE_REPORT:
        report_take(worker, frame);
        break;
    case WIRE_DONE:
        if (wire_read(frame, WIRE_DONE, keeper->group, &end)) {
            struct after *after = after_add(keeper, AFTER_DONE, NULL);

            after->job = end.job;
            after->token = worker->number;
        }
        break;
    default:
        break;
    }
}

static void
worker_ready(struct channel *channel, void *context)
{
    struct frame frame;

    while (channel_next(channel, &frame)) {
        worker_frame(context, &frame);
        if (frame.fd >= 0)
            close(frame.fd);
    }
}

/* Its jobs are done again by others; what it reported already counts. */
static void
worker_gone(struct channel *channel, void *context)
{
    struct worker_link *worker = context;
    struct keeper *keeper = worker->keeper;
    struct wire_worker gone = {worker->number, worker->class, worker->user};
    size_t at = 0;
    struct span key;
    void *value;

    while (table_next(keeper->jobs, &at, &key, &value))
        if (((struct job_state *)value)->worker == worker)
            ((struct job_state *)value)->worker = NULL;
    if (worker->ready)
        queue_send(keeper, WIRE_WORKER_GONE, &gone);
    for (struct worker_link **link = &keeper->workers; *link; link = &(*link)->next)
        if (*link == worker) {
            *link = worker->next;
            break;
        }
    channel_free(channel);
    at = 0;
    while (table_next(keeper->jobs, &at, &key, &value)) {
        struct job_state *state = value;
        struct after *after;
        bool ended = false;

        if (state->worker)
            continue;
        /* DONE may be in the open group already. */
        for (after = keeper->after; after; after = after->next)
            if (after->kind == AFTER_DONE && after->job == state->number)
                ended = true;
        if (!ended) {
            uint64_t number = state->number;

            job_end(keeper, number);
            job_lost(keeper, number);
        }
    }
    free(worker->user);
    free(worker);
}

static uint32_t
class_of_role(uint32_t kind)
{
    return kind == ROLE_USER     ? WORKER_USER
           : kind == ROLE_REMOTE ? WORKER_REMOTE
                                 : WORKER_RESOLVE;
}

void
worker_add(struct keeper *keeper, const struct wire_peer *peer, int fd)
{
    struct worker_link *worker = memory_alloc(sizeof *worker);

    worker->keeper = keeper;
    worker->number = peer->instance;
    worker->class = class_of_role(peer->kind);
    worker->user = memory_string(peer->user);
    worker->ready = worker->spoken = false;
    worker->channel = channel_new(fd);
    worker->next = keeper->workers;
    keeper->workers = worker;
    channel_attach(worker->channel, keeper->role->base, worker_ready, worker_gone,
                   worker);
}

void
worker_stop(struct keeper *keeper, uint32_t number)
{
    struct worker_link *worker = worker_find(keeper, number);

    if (worker)
        wire_send(worker->channel, WIRE_DRAIN, NULL, -1);
}

/* A new queue gives out jobs anew; those of the old one report, and then are forgotten.
 */
void
workers_tell(struct keeper *keeper)
{
    for (struct worker_link *worker = keeper->workers; worker; worker = worker->next) {
        struct wire_worker ready = {worker->number, worker->class, worker->user};

        if (worker->ready)
            queue_send(keeper, WIRE_WORKER_READY, &ready);
    }
}
