/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One job of a worker: resolving, delivering, finishing for a user, reporting. */
#include "deliver/deliver.h"

#include <string.h>

#include "base/clock.h"
#include "resolve/resolve.h"

#include "base/banned.h"

/* --- outcomes --- */

static void
outcome_add(struct job_result *result, struct arena *arena, size_t *room,
            const struct spool_outcome *outcome, struct job_mark mark)
{
    if (result->outcome_count == *room) {
        size_t wanted = *room ? 2 * *room : 16;

        result->outcomes =
            arena_grow(arena, result->outcomes, *room, wanted, sizeof(*result->outcomes));
        result->marks =
            arena_grow(arena, result->marks, *room, wanted, sizeof(*result->marks));
        *room = wanted;
    }
    result->outcomes[result->outcome_count] = *outcome;
    result->marks[result->outcome_count++] = mark;
}

/* A job in progress: what it makes, and the addresses under the numbers of its outcomes.
 */
struct attempt {
    const struct job_context *context;
    const struct job *job;
    struct job_result *result;
    size_t outcome_room;
    struct job numbered;             /* the job, its `known` with what was made in it */
    const struct address **assigned; /* to be delivered now */
    size_t assigned_count;
};

static void
attempt_defer(struct attempt *attempt, uint32_t number, const struct error *error,
              enum report_class report)
{
    struct spool_outcome outcome = {.number = number,
                                    .outcome = OUTCOME_DEFERRED,
                                    .report = report,
                                    .error = *error,
                                    .remote = "",
                                    .diagnostic = "",
                                    .time = clock_milliseconds()};

    outcome_add(attempt->result, attempt->context->arena, &attempt->outcome_room,
                &outcome, (struct job_mark){0});
}

/* --- delivering --- */

static bool
is_one_delivery(const struct address *a, const struct address *b)
{
    return strcmp(a->transport, b->transport) == 0 &&
           strcmp(a->next_hop, b->next_hop) == 0 && strcmp(a->user, b->user) == 0;
}

static void
outcomes_take(struct attempt *attempt, const struct delivery_address *results,
              size_t count, bool owed)
{
    for (size_t i = 0; i < count; i++) {
        struct spool_outcome outcome = {
            .number = results[i].address->number,
            .outcome = results[i].outcome,
            .report = results[i].report,
            .remote = results[i].remote,
            .diagnostic = results[i].diagnostic,
            .time = clock_milliseconds(),
        };
        struct job_mark mark;

        if (outcome.outcome == OUTCOME_DEFERRED || outcome.outcome == OUTCOME_FAILED)
            outcome.error = results[i].error;
        mark.owed = owed && (outcome.outcome == OUTCOME_DELIVERED ||
                             outcome.outcome == OUTCOME_RELAYED);
        mark.report_passed = results[i].report_passed;
        outcome_add(attempt->result, attempt->context->arena, &attempt->outcome_room,
                    &outcome, mark);
    }
}

static bool
is_command(const struct configuration *configuration, const char *transport)
{
    const struct entry *entry =
        transport ? entry_find(&configuration->transports, transport) : NULL;

    return entry && strcmp(entry->driver->name, "pipe") == 0;
}

/* May delivering it run a command, here or behind it? */
static bool
runs_command(const struct configuration *configuration, const struct address *address)
{
    const struct entry *entry =
        entry_find(&configuration->transports, address->transport);

    return entry && (is_command(configuration, entry->name) ||
                     is_command(configuration, entry->transport->shadow) ||
                     is_command(configuration, entry->transport->error_transport));
}

/* Deliver what shares transport, next hop and user with the first that is left. */
static void
deliver_group(struct attempt *attempt, size_t first)
{
    const struct job_context *context = attempt->context;
    const struct address **list = attempt->assigned, *leader = list[first];
    const struct address **group =
        arena_array(context->arena, attempt->assigned_count - first, sizeof(*group));
    struct delivery_address *results;
    uint64_t owed = connection_cache_owed(context->connections);
    size_t count = 0;

    for (size_t i = first; i < attempt->assigned_count; i++) {
        if (!list[i] || !is_one_delivery(list[i], leader))
            continue;
        group[count++] = list[i];
        list[i] = NULL;
    }
    results = arena_array(context->arena, count, sizeof(*results));
    if (runs_command(context->configuration, leader))
        attempt->result->ran_command = true;
    deliver_addresses(context, &attempt->numbered, group, count, results);
    outcomes_take(attempt, results, count,
                  connection_cache_owed(context->connections) != owed);
}

static void
deliver_assigned(struct attempt *attempt)
{
    for (size_t i = 0; i < attempt->assigned_count; i++)
        if (attempt->assigned[i])
            deliver_group(attempt, i);
}

/* --- resolving --- */

static bool
transport_is_local(const struct configuration *configuration,
                   const struct address *address)
{
    const struct entry *entry;

    if (address->state != ADDRESS_ASSIGNED)
        return false;
    entry = entry_find(&configuration->transports, address->transport);
    return entry && ((const struct transport_driver *)entry->driver)->identity ==
                        IDENTITY_RECIPIENT;
}

static bool
is_deferred(const struct address *address)
{
    return (address->state == ADDRESS_NEW || address->state == ADDRESS_USER) &&
           address->error.status[0] != '\0' && !address->error.permanent;
}

/* Would the very same question be asked again? A driver's mistake must not turn in a
 * circle. */
static bool
is_stuck(const struct address *before, const struct address *after)
{
    return before->state == after->state && before->director_at == after->director_at &&
           strcmp(before->user, after->user) == 0;
}

/* An input that waits is not told as a state; everything else is. */
static bool
input_waits(struct attempt *attempt, const struct address *before,
            const struct address *after)
{
    struct error error;

    if (is_deferred(after)) {
        attempt_defer(attempt, after->number, &after->error, after->report);
        return true;
    }
    if ((after->state != ADDRESS_USER && after->state != ADDRESS_NEW) ||
        !is_stuck(before, after))
        return false;
    fail_temporary(&error, "4.3.5", "director %s does not come to an end",
                   after->director);
    attempt_defer(attempt, after->number, &error, REPORT_POSTMASTER);
    return true;
}

/* The resolution in the form of spool_add_expanded(). */
static void
take_resolution(struct attempt *attempt, const struct address *inputs, size_t count,
                const struct resolution *resolution)
{
    const struct job_context *context = attempt->context;
    struct job_result *result = attempt->result;
    uint32_t *positions =
        arena_array(context->arena, resolution->count + 1, sizeof(*positions));

    result->expanded =
        arena_array(context->arena, resolution->count + 1, sizeof(*result->expanded));
    result->keys =
        arena_array(context->arena, resolution->count + 1, sizeof(*result->keys));
    result->transports_are_local = arena_array(context->arena, resolution->count + 1,
                                               sizeof(*result->transports_are_local));
    for (size_t i = 0; i < resolution->count; i++) {
        const struct resolved *resolved = &resolution->list[i];
        struct address address = resolved->address;
        size_t at = result->expanded_count;

        if (i < count && input_waits(attempt, &inputs[i], &address))
            continue;
        positions[i] = (uint32_t)at;
        if (address.number == 0 && resolved->parent_at < i) {
            uint32_t number = resolution->list[resolved->parent_at].address.number;

            address.parent =
                number ? number
                       : ADDRESS_PARENT_IN_ARRAY + positions[resolved->parent_at];
        }
        if (address.number == 0 && is_deferred(&address))
            attempt_defer(attempt, ADDRESS_PARENT_IN_ARRAY + (uint32_t)at, &address.error,
                          address.report);
        address.next = NULL;
        result->expanded[at] = address;
        result->keys[at] = resolved->key;
        result->transports_are_local[at] =
            transport_is_local(context->configuration, &address);
        result->expanded_count++;
    }
}

static void
resolve_inputs(struct attempt *attempt, const struct address *inputs, size_t count)
{
    const struct job_context *context = attempt->context;
    const struct job *job = attempt->job;
    const struct address **known =
        arena_array(context->arena, job->known_count + 1, sizeof(*known));
    struct resolving resolving = {
        .configuration = context->configuration,
        .services = context->services,
        .envelope = &job->envelope,
        .message_id = job->id.text,
        .known = known,
        .known_count = job->known_count,
        .arena = context->arena,
    };
    struct resolution resolution = {0};

    for (uint32_t i = 0; i < job->known_count; i++)
        known[i] = &job->known[i];
    resolve(&resolving, inputs, count, &resolution);
    take_resolution(attempt, inputs, count, &resolution);
}

/* --- finishing for a user --- */

/*
 * Give what this job made the numbers that its outcomes have, so that ancestors of the
 * new addresses are found as those of all others are.
 */
static void
number_expanded(struct attempt *attempt)
{
    const struct job *job = attempt->job;
    const struct job_result *result = attempt->result;
    struct job *numbered = &attempt->numbered;
    size_t count = job->known_count + result->expanded_count;

    numbered->known =
        arena_array(attempt->context->arena, count + 1, sizeof(*numbered->known));
    if (job->known_count > 0)
        memcpy(numbered->known, job->known, job->known_count * sizeof(*job->known));
    for (size_t i = 0; i < result->expanded_count; i++) {
        struct address *address = &numbered->known[job->known_count + i];

        *address = result->expanded[i];
        if (address->number == 0)
            address->number = ADDRESS_PARENT_IN_ARRAY + (uint32_t)i;
    }
    numbered->known_count = (uint32_t)count;
}

/* Of what the user's addresses became, what goes into his own mailbox, files and
 * commands. */
static void
assign_own(struct attempt *attempt)
{
    const struct job_result *result = attempt->result;
    const struct user *user = attempt->context->user;

    for (size_t i = 0; i < result->expanded_count; i++) {
        const struct address *address =
            &attempt->numbered.known[attempt->job->known_count + i];

        if (user && result->transports_are_local[i] &&
            strcmp(address->user, user->name) == 0)
            attempt->assigned[attempt->assigned_count++] = address;
    }
}

static void
finish_for_user(struct attempt *attempt, const struct address *inputs, size_t count)
{
    if (count == 0)
        return;
    resolve_inputs(attempt, inputs, count);
    number_expanded(attempt);
    attempt->assigned =
        arena_grow(attempt->context->arena, attempt->assigned, attempt->assigned_count,
                   attempt->assigned_count + attempt->result->expanded_count,
                   sizeof(*attempt->assigned));
    assign_own(attempt);
}

/* An address in a state that no delivery can do anything with: said, never dropped. */
static void
refuse_state(struct attempt *attempt, const struct address *address)
{
    struct error error;

    fail_temporary(&error, "4.3.0", "address is %s, not ready for delivery",
                   address_state_name(address->state));
    attempt_defer(attempt, address->number, &error, REPORT_POSTMASTER);
}

static void
deliver_job(struct attempt *attempt)
{
    const struct job *job = attempt->job;
    struct arena *arena = attempt->context->arena;
    struct address *users = arena_array(arena, job->address_count + 1, sizeof(*users));
    size_t user_count = 0;

    attempt->assigned =
        arena_array(arena, job->address_count + 1, sizeof(*attempt->assigned));
    for (uint32_t i = 0; i < job->address_count; i++) {
        const struct address *address = &job->addresses[i];

        if (address->state == ADDRESS_ASSIGNED)
            attempt->assigned[attempt->assigned_count++] = address;
        else if (address->state == ADDRESS_USER)
            users[user_count++] = *address;
        else
            refuse_state(attempt, address);
    }
    finish_for_user(attempt, users, user_count);
    deliver_assigned(attempt);
}

/* --- the job --- */

void
job_attempt(const struct job_context *context, const struct job *job,
            struct job_result *result)
{
    struct attempt attempt = {
        .context = context, .job = job, .result = result, .numbered = *job};

    *result = (struct job_result){0};
    switch (job->kind) {
    case JOB_RESOLVE:
        resolve_inputs(&attempt, job->addresses, job->address_count);
        break;
    case JOB_DELIVER:
        deliver_job(&attempt);
        break;
    case JOB_BOUNCE:
        bounce_compose(context, job, result);
        break;
    case JOB_WARN:
        warning_compose(context, job, result);
        break;
    }
}

void
job_conclude(const struct job_context *context, const struct job *job,
             const struct error *failure, struct job_result *result)
{
    for (size_t i = 0; i < result->outcome_count && failure; i++) {
        struct spool_outcome *outcome = &result->outcomes[i];

        if (!result->marks[i].owed)
            continue;
        outcome->outcome = OUTCOME_DEFERRED;
        outcome->error = *failure;
        outcome->report = REPORT_POSTMASTER;
    }
    if (job->kind == JOB_DELIVER)
        success_compose(context, job, result);
}

void
job_run(const struct job_context *context, const struct job *job,
        struct job_result *result)
{
    struct error failure = {0};
    bool settled = true;

    job_attempt(context, job, result);
    if (connection_cache_owes(context->connections))
        settled = connection_cache_settle(context->connections, &failure);
    job_conclude(context, job, settled ? NULL : &failure, result);
}
