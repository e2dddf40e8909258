/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A job on its way to a worker: its addresses with their ancestors, its content; and what
 * is too old for one.
 */
#include "role/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/banned.h"

enum {
    INLINE_LIMIT = 256 << 10, /* content over this goes as a memory file */
    COPY_STEP = 1 << 20,
    REPORT_LIMIT = 1000, /* addresses of one report */
    RECIPIENT_LIMIT = 100,
    OUTCOMES_OCTETS = 1 << 20, /* about as much of what was said of them */
};

/* All of a large content in a sealed memory file; -1 with an error. */
static int
content_file(struct keeper *keeper, const struct spool_message *message,
             struct error *error)
{
    int fd = memfd_create("smail-content", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char *buffer = memory_alloc(COPY_STEP);

    if (fd < 0)
        fail_temporary(error, "4.3.0", "memory file: %s", strerror(errno));
    for (uint64_t at = 0; fd >= 0 && at < message->size;) {
        size_t step =
            message->size - at < COPY_STEP ? (size_t)(message->size - at) : COPY_STEP;

        if (!spool_read_content(keeper->spool, message, at, buffer, step, error) ||
            pwrite(fd, buffer, step, (off_t)at) != (ssize_t)step) {
            if (!error->status[0])
                fail_temporary(error, "4.3.1", "memory file: %s", strerror(errno));
            close(fd);
            fd = -1;
        }
        at += step;
    }
    free(buffer);
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS,
                         F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        fail_temporary(error, "4.3.0", "memory file: %s", strerror(errno));
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Content for a job: in the frame when it is small, else its header and a memory file. */
static bool
content_attach(struct keeper *keeper, const struct spool_message *message,
               struct job *job, struct arena *arena, int *fd, struct error *error)
{
    uint64_t inline_size = message->size;
    char *bytes;

    job->content_size = message->size;
    *fd = -1;
    if (message->size > INLINE_LIMIT) {
        inline_size =
            job->envelope.header_size < message->size ? job->envelope.header_size : 0;
        *fd = content_file(keeper, message, error);
        if (*fd < 0)
            return false;
    }
    bytes = arena_alloc(arena, inline_size + 1);
    job->content = (struct span){bytes, inline_size};
    return spool_read_content(keeper->spool, message, 0, bytes, inline_size, error);
}

/* What another job finished meanwhile is not done again. */
static bool
is_due(enum address_state state, enum job_kind kind)
{
    return !address_state_done(state) &&
           (state == ADDRESS_FAILED) == (kind == JOB_BOUNCE);
}

/* The addresses of the job and, behind each other, all their ancestors. */
static void
addresses_attach(struct job_state *state, const struct wire_dispatch *dispatch,
                 struct job *job, struct arena *arena)
{
    bool *taken = arena_array(arena, state->address_count + 1, sizeof *taken);
    uint32_t *given = arena_array(state->arena, dispatch->count, sizeof *given);

    job->addresses = arena_array(arena, dispatch->count, sizeof *job->addresses);
    job->known = arena_array(arena, state->address_count, sizeof *job->known);
    state->given = given;
    for (uint32_t i = 0; i < dispatch->count; i++) {
        uint32_t number = dispatch->numbers[i];

        if (number == 0 || number > state->address_count ||
            !is_due(state->addresses[number - 1].state, job->kind))
            continue;
        given[state->given_count++] = number;
        job->addresses[job->address_count++] = state->addresses[number - 1];
        for (number = state->addresses[number - 1].parent;
             number != 0 && number <= state->address_count && !taken[number];
             number = state->addresses[number - 1].parent) {
            taken[number] = true;
            job->known[job->known_count++] = state->addresses[number - 1];
        }
    }
}

/* A bounce tells of all failed addresses that are not reported yet. */
static void
failed_attach(struct job_state *state, struct job *job, struct arena *arena)
{
    struct wire_dispatch failed = {0};
    uint32_t *numbers = arena_array(arena, state->address_count, sizeof *numbers);

    /* What does not fit is still due when these are reported. */
    for (uint32_t i = 0; i < state->address_count && failed.count < REPORT_LIMIT; i++)
        if (state->addresses[i].state == ADDRESS_FAILED)
            numbers[failed.count++] = i + 1;
    failed.numbers = numbers;
    addresses_attach(state, &failed, job, arena);
}

/* What was said of the addresses last, as far as it fits into the frame. */
static void
outcomes_attach(struct keeper *keeper, const struct spool_message *message,
                struct job *job, struct arena *arena)
{
    size_t octets = 0;

    job->outcomes = arena_array(arena, job->address_count + 1, sizeof *job->outcomes);
    for (uint32_t i = 0; i < job->address_count && octets < OUTCOMES_OCTETS; i++) {
        struct spool_outcome *outcome = &job->outcomes[job->outcome_count];
        struct error error;

        /* One that was never tried has none, and the report does without. */
        if (!spool_load_outcome(keeper->spool, message, job->addresses[i].number, arena,
                                outcome, &error))
            continue;
        octets += strlen(outcome->diagnostic) + strlen(outcome->remote) + 400;
        job->outcome_count++;
    }
}

static enum job_kind
job_kind_of(uint32_t action)
{
    switch (action) {
    case QUEUE_RESOLVE:
        return JOB_RESOLVE;
    case QUEUE_BOUNCE:
        return JOB_BOUNCE;
    case QUEUE_WARN:
        return JOB_WARN;
    default:
        return JOB_DELIVER;
    }
}

/* Make the job and send it. False: it could not be read. */
static bool
job_send(struct keeper *keeper, const struct spool_message *message,
         struct job_state *state, const struct wire_dispatch *dispatch,
         struct error *error)
{
    struct arena *arena = arena_new();
    struct wire_job frame = {0};
    struct job *job = &frame.job;
    int fd = -1;
    bool fine;

    job->number = dispatch->job;
    job->kind = job_kind_of(dispatch->kind);
    job->generation = keeper->role->configuration->generation;
    job->id = dispatch->id;
    job->envelope = state->envelope;
    if (job->envelope.recipient_count > RECIPIENT_LIMIT)
        job->envelope.recipient_count = 0; /* a job is not told of a whole list */
    job->waited = spool_message_waited(message, clock_milliseconds());
    if (job->kind == JOB_BOUNCE)
        failed_attach(state, job, arena);
    else
        addresses_attach(state, dispatch, job, arena);
    if (job->address_count == 0) {
        struct after *after = after_add(keeper, AFTER_DONE, NULL);

        after->job = dispatch->job;
        arena_free(arena);
        return true;
    }
    if (job->kind == JOB_BOUNCE || job->kind == JOB_WARN)
        outcomes_attach(keeper, message, job, arena);
    fine = job->kind == JOB_RESOLVE ||
           content_attach(keeper, message, job, arena, &fd, error);
    if (fine)
        wire_send(state->worker->channel, WIRE_JOB, &frame, fd);
    if (fd >= 0)
        close(fd);
    arena_free(arena);
    return fine;
}

void
job_dispatch(struct keeper *keeper, const struct wire_dispatch *dispatch)
{
    struct spool_message *message = spool_find(keeper->spool, &dispatch->id);
    struct worker_link *worker = worker_find(keeper, dispatch->worker);
    struct job_state *state;
    struct error error = {0};

    if (!message || !worker || !worker->ready) {
        job_lost(keeper, dispatch->job);
        return;
    }
    state = memory_alloc(sizeof *state);
    memset(state, 0, sizeof *state);
    state->number = dispatch->job;
    state->kind = dispatch->kind;
    state->id = dispatch->id;
    state->worker = worker;
    state->arena = arena_new();
    state->address_count = message->address_count;
    state->begun = clock_milliseconds();
    job_put(keeper, state);
    if (!spool_load(keeper->spool, message, state->arena, &state->envelope,
                    &state->addresses, &error) ||
        !job_send(keeper, message, state, dispatch, &error)) {
        log_panic(keeper->role->log, dispatch->id.text, "%s", error.text);
        /* Held rather than tried for ever: a human must look at it. */
        if (spool_add_note(keeper->spool, &dispatch->id, NOTE_HOLD, error.text, &error)) {
            struct after *after = after_add(keeper, AFTER_NOTE, &dispatch->id);

            after->note = NOTE_HOLD;
            after->text = arena_string(keeper->group, error.text);
        }
        job_end(keeper, dispatch->job);
        job_lost(keeper, dispatch->job);
    }
}

/* They waited too long: failed, as if an attempt had said so. */
void
job_expire(struct keeper *keeper, const struct wire_expire *expire)
{
    struct spool_message *message = spool_find(keeper->spool, &expire->id);
    struct envelope envelope;
    struct address *addresses;
    struct error error = {0};

    if (!message ||
        !spool_load(keeper->spool, message, keeper->group, &envelope, &addresses, &error))
        return;
    for (uint32_t i = 0; i < expire->count; i++) {
        struct spool_outcome *outcome = arena_alloc(keeper->group, sizeof *outcome);
        struct after *after;

        if (expire->numbers[i] == 0 || expire->numbers[i] > message->address_count)
            continue;
        *outcome = (struct spool_outcome){.number = expire->numbers[i],
                                          .outcome = OUTCOME_FAILED,
                                          .report = REPORT_SENDER,
                                          .error = expire->error,
                                          .remote = "",
                                          .diagnostic = "",
                                          .time = clock_milliseconds()};
        outcome->error.permanent = true;
        if (!spool_add_outcome(keeper->spool, &expire->id, outcome, &error)) {
            log_panic(keeper->role->log, expire->id.text, "%s", error.text);
            continue;
        }
        after = after_add(keeper, AFTER_OUTCOME, &expire->id);
        after->outcome = outcome;
        after->address = &addresses[expire->numbers[i] - 1];
        after->envelope = arena_alloc(keeper->group, sizeof envelope);
        *after->envelope = envelope;
    }
}
