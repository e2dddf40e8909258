/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What follows a commit: sessions get their 250, workers their acknowledgement, the queue
 * hears what is to be done, and the log says what happened. Here alone.
 */
#include "role/keeper.h"

#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

static void
acknowledge(struct keeper *keeper, uint32_t worker, uint64_t job)
{
    struct wire_job_end end = {job};

    for (struct worker_link *link = keeper->workers; link; link = link->next)
        if (link->number == worker)
            wire_send(link->channel, WIRE_ACK, &end, -1);
}

static void
received_log(struct keeper *keeper, const struct after *after)
{
    struct log_record record = log_record_new(EVENT_RECEIVED);

    record.id = after->id.text;
    record.envelope = after->envelope;
    log_write(keeper->role->log, &record);
}

/* A session's message is durable, or is not. */
static void
submitted_tell(struct keeper *keeper, const struct after *after,
               const struct error *error)
{
    struct wire_committed committed = {
        .token = after->token, .id = after->id, .committed = error == NULL};
    struct spool_message *message;

    if (error)
        committed.error = *error;
    else
        received_log(keeper, after);
    message = error ? NULL : spool_find(keeper->spool, &after->id);
    if (message && after->receiver && after->envelope->mode == DELIVERY_FOREGROUND) {
        struct follower *follower = memory_alloc(sizeof *follower);

        follower->receiver = after->receiver;
        follower->token = after->token;
        follower->id = after->id;
        follower->next = keeper->followers;
        keeper->followers = follower;
    }
    if (after->receiver)
        wire_send(after->receiver->channel, WIRE_COMMITTED, &committed, -1);
    if (message)
        queue_tell_new(keeper, message, after->envelope);
}

static void
settle_send(struct keeper *keeper, const struct message_id *id)
{
    struct wire_message_id settle = {*id};

    queue_send(keeper, WIRE_SETTLE, &settle);
}

static void
address_send(struct keeper *keeper, const struct message_id *id,
             const struct address *address, bool is_local)
{
    struct wire_address frame = {*id, *address, is_local};

    queue_send(keeper, WIRE_ADDRESS, &frame);
}

/* An address that failed while it was resolved: no attempt says so. */
static void
failed_tell(struct keeper *keeper, const struct after *after,
            const struct address *address)
{
    struct log_record record = log_record_new(EVENT_FAILED);

    record.id = after->id.text;
    record.outcome = OUTCOME_FAILED;
    record.address = address->text;
    record.error = &address->error;
    record.director = address->director;
    record.router = address->router;
    log_write(keeper->role->log, &record);
    if (keeper->followers)
        follow_outcome(keeper, &after->id,
                       arena_format(keeper->group, "%s <%s> failed: %s",
                                    address->error.status, address->text,
                                    address->error.text),
                       true);
}

static void
addresses_tell(struct keeper *keeper, const struct after *after)
{
    for (size_t i = 0; i < after->count; i++)
        if (after->addresses[i].state == ADDRESS_FAILED)
            failed_tell(keeper, after, &after->addresses[i]);
    for (size_t i = 0; i < after->count; i++)
        address_send(keeper, &after->id, &after->addresses[i],
                     after->transports_are_local && after->transports_are_local[i]);
    /* The outcomes of the same job follow: only then may they be scheduled. */
    if (!job_find(keeper, after->job))
        settle_send(keeper, &after->id);
}

/* The recipient in the envelope that an address stems from. */
static const char *
original_of(const struct keeper *keeper, const struct after *after)
{
    struct job_state *state = job_find((struct keeper *)(uintptr_t)keeper, after->job);
    const struct address *address = after->address;

    while (state && address && address->parent != 0 &&
           address->parent <= state->address_count)
        address = &state->addresses[address->parent - 1];
    return address ? address->text : "";
}

static void
outcome_log(struct keeper *keeper, const struct after *after)
{
    static const enum log_event events[] = {[OUTCOME_DEFERRED] = EVENT_DEFERRED,
                                            [OUTCOME_DELIVERED] = EVENT_DELIVERED,
                                            [OUTCOME_RELAYED] = EVENT_DELIVERED,
                                            [OUTCOME_FAILED] = EVENT_FAILED};
    const struct spool_outcome *outcome = after->outcome;
    const struct address *address = after->address;
    struct job_state *state = job_find(keeper, after->job);
    struct log_record record = log_record_new(events[outcome->outcome]);

    record.id = after->id.text;
    record.outcome = outcome->outcome;
    record.error = outcome->error.status[0] ? &outcome->error : NULL;
    record.remote = outcome->remote;
    record.diagnostic = outcome->diagnostic;
    if (address) {
        record.address = address->text;
        record.original = original_of(keeper, after);
        record.director = address->director;
        record.router = address->router;
        record.transport = address->transport;
        record.next_hop = address->next_hop;
        record.user = address->user;
    }
    if (after->envelope)
        record.delay = clock_milliseconds() - after->envelope->received;
    if (state)
        record.attempt = clock_milliseconds() - state->begun;
    log_write(keeper->role->log, &record);
}

/* For a submitter that waits: status, address, what became of it. */
static void
outcome_follow(struct keeper *keeper, const struct after *after)
{
    static const char *const words[] = {[OUTCOME_DEFERRED] = "deferred",
                                        [OUTCOME_DELIVERED] = "delivered",
                                        [OUTCOME_RELAYED] = "relayed",
                                        [OUTCOME_FAILED] = "failed"};
    const struct spool_outcome *outcome = after->outcome;
    const char *text;

    if (!keeper->followers || !after->address)
        return;
    text = arena_format(keeper->group, "%s <%s> %s%s%s",
                        outcome->error.status[0] ? outcome->error.status : "2.1.5",
                        after->address->text, words[outcome->outcome],
                        outcome->error.text[0] ? ": " : "", outcome->error.text);
    follow_outcome(keeper, &after->id, text, outcome->outcome == OUTCOME_FAILED);
}

static void
outcome_tell(struct keeper *keeper, const struct after *after)
{
    const struct spool_outcome *outcome = after->outcome;
    struct spool_message *message = spool_find(keeper->spool, &after->id);
    struct wire_outcome_seen seen = {
        .job = after->job,
        .id = after->id,
        .outcome = {.number = outcome->number,
                    .outcome = outcome->outcome,
                    .text = outcome->error.text,
                    .error_number = outcome->error.number},
    };

    outcome_log(keeper, after);
    outcome_follow(keeper, after);
    queue_send(keeper, WIRE_OUTCOME_SEEN, &seen);
    if (after->address && message && outcome->number <= message->address_count) {
        struct address address = *after->address;

        address.number = outcome->number;
        address.state = (enum address_state)message->addresses[outcome->number - 1].state;
        if (outcome->outcome != OUTCOME_DEFERRED)
            address_send(keeper, &after->id, &address, false);
    }
    if (outcome->report == REPORT_CONFIG && outcome->outcome != OUTCOME_DELIVERED)
        log_panic(keeper->role->log, after->id.text, "%s", outcome->error.text);
}

static void
reported_tell(struct keeper *keeper, const struct after *after)
{
    struct log_record record = log_record_new(EVENT_BOUNCED);

    for (size_t i = 0; i < after->count; i++) {
        struct address address;

        memset(&address, 0, sizeof address);
        address.number = after->numbers[i];
        address.state = ADDRESS_REPORTED;
        address_send(keeper, &after->id, address_copy(&address, keeper->group), false);
    }
    settle_send(keeper, &after->id);
    if (after->text && after->text[0]) {
        record.id = after->id.text;
        record.text = after->text;
        log_write(keeper->role->log, &record);
    }
}

static void
note_tell(struct keeper *keeper, const struct after *after)
{
    struct log_record record =
        log_record_new(after->note == NOTE_RELEASE ? EVENT_RELEASED : EVENT_HELD);
    struct wire_note note = {after->id, after->note, after->text};

    if (after->note != NOTE_HOLD && after->note != NOTE_RELEASE)
        return;
    record.id = after->id.text;
    record.text = after->text;
    log_write(keeper->role->log, &record);
    queue_send(keeper, WIRE_NOTE, &note);
}

static void
done_tell(struct keeper *keeper, const struct after *after)
{
    struct wire_job_end end = {after->job};
    struct job_state *state = job_find(keeper, after->job);

    if (state)
        settle_send(keeper, &state->id);
    if (!state || !state->orphan)
        queue_send(keeper, WIRE_JOB_DONE, &end);
    acknowledge(keeper, (uint32_t)after->token, after->job);
    job_end(keeper, after->job);
}

static void
removed_tell(struct keeper *keeper, const struct after *after)
{
    struct wire_message_id removed = {after->id};
    struct log_record record = log_record_new(EVENT_COMPLETED);

    record.id = after->id.text;
    log_write(keeper->role->log, &record);
    queue_send(keeper, WIRE_REMOVED, &removed);
    follow_end(keeper, &after->id);
}

/*
 * The commit succeeded, or failed with `error`. Outcomes and reports are in the index
 * either way (the spool keeps them until they can be written); messages and expansions
 * are not.
 */
void
after_run(struct keeper *keeper, const struct error *error)
{
    for (const struct after *after = keeper->after; after; after = after->next) {
        switch ((int)after->kind) {
        case AFTER_SUBMITTED:
            submitted_tell(keeper, after, error);
            break;
        case AFTER_REPORT:
            if (!error) {
                struct spool_message *message = spool_find(keeper->spool, &after->id);

                received_log(keeper, after);
                if (message)
                    queue_tell_new(keeper, message, after->envelope);
            }
            break;
        case AFTER_ADDRESSES:
            if (!error)
                addresses_tell(keeper, after);
            break;
        case AFTER_OUTCOME:
            outcome_tell(keeper, after);
            break;
        case AFTER_REPORTED:
            if (!error)
                reported_tell(keeper, after);
            break;
        case AFTER_NOTE:
            if (!error)
                note_tell(keeper, after);
            break;
        case AFTER_REMOVED:
            removed_tell(keeper, after);
            break;
        default:
            done_tell(keeper, after);
            break;
        }
    }
}

/* Called during the commit: told behind the outcomes that ended it. */
void
after_removed(void *argument, const struct spool_message *message)
{
    after_add(argument, AFTER_REMOVED, &message->id);
}
