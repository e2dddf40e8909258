/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue role: carries what the spool says to the scheduler and what the scheduler
 * wants to the spool and the master; answers operators; keeps the hints over restarts.
 */
#include "role/schedule_role.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/snapshot.h"
#include "role/sandbox.h"

#include "base/banned.h"

enum { HINTS_EVERY = 60, WAKE_MOST = 60000, ACTIONS_AT_ONCE = 2000 };

static const char *
hints_path(const struct scheduler *scheduler, struct arena *arena)
{
    return arena_format(arena, "%s/hints/hosts", scheduler->role->hello.spool_directory);
}

static void
hints_keep(struct scheduler *scheduler)
{
    struct arena *arena = arena_new();
    struct error error = {0};

    if (!hints_save(scheduler->queue, hints_path(scheduler, arena), &error) &&
        !scheduler->hints_failed) {
        scheduler->hints_failed = true;
        log_panic(scheduler->role->log, NULL, "hints: %s", error.text);
    }
    arena_free(arena);
}

/* A fresh scheduler; what is known of hosts is taken over. */
static void
queue_begin(struct scheduler *scheduler)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    int64_t now = clock_milliseconds();

    if (scheduler->queue) {
        hints_keep(scheduler);
        queue_free(scheduler->queue);
    }
    scheduler->queue = queue_new(scheduler->role->configuration, now);
    if (!hints_load(scheduler->queue, hints_path(scheduler, arena), now, &error))
        log_say(scheduler->role->log, "no hints: %s", error.text);
    if (configuration_is_broken(scheduler->role->configuration))
        queue_suspend(scheduler->queue, true, "the configuration has errors", now);
    scheduler->recovered = false;
    arena_free(arena);
}

/* --- actions --- */

static void
worker_start(struct scheduler *scheduler, const struct queue_action *action)
{
    struct wire_start_worker start = {action->class, action->user};

    wire_send(scheduler->role->control, WIRE_START_WORKER, &start, -1);
}

static void
expire_send(struct scheduler *scheduler, const struct queue_action *action)
{
    struct wire_expire expire = {.id = action->id,
                                 .numbers = action->numbers,
                                 .count = (uint32_t)action->count,
                                 .error = action->error};

    wire_send(scheduler->spool, WIRE_EXPIRE, &expire, -1);
}

static void
dispatch_send(struct scheduler *scheduler, const struct queue_action *action)
{
    struct wire_dispatch dispatch = {.kind = action->kind,
                                     .job = action->job,
                                     .worker = action->worker,
                                     .id = action->id,
                                     .numbers = action->numbers,
                                     .count = (uint32_t)action->count};

    wire_send(scheduler->spool, WIRE_DISPATCH, &dispatch, -1);
}

static void
action_do(struct scheduler *scheduler, const struct queue_action *action)
{
    struct wire_worker stop = {action->worker, action->class, ""};

    switch (action->kind) {
    case QUEUE_START_WORKER:
        worker_start(scheduler, action);
        break;
    case QUEUE_STOP_WORKER:
        if (action->forced)
            wire_send(scheduler->role->control, WIRE_KILL_WORKER, &stop, -1);
        else
            wire_send(scheduler->spool, WIRE_STOP_WORKER, &stop, -1);
        break;
    case QUEUE_EXPIRE:
        expire_send(scheduler, action);
        break;
    default:
        dispatch_send(scheduler, action);
        break;
    }
}

static void
wake_set(struct scheduler *scheduler, int64_t now)
{
    int64_t wait = queue_wake(scheduler->queue, now);
    struct timeval delay;

    wait = wait == INT64_MAX ? WAKE_MOST : wait - now;
    if (wait > WAKE_MOST)
        wait = WAKE_MOST;
    if (wait < 1)
        wait = 1;
    delay.tv_sec = wait / 1000;
    delay.tv_usec = (wait % 1000) * 1000;
    event_add(scheduler->wake, &delay);
}

/* An owner that ends when nothing is left tells the master whether that is so. */
static void
busy_tell(struct scheduler *scheduler, int64_t now)
{
    struct wire_busy busy = {true};

    if (!scheduler->role->hello.transient && !scheduler->role->hello.once)
        return;
    busy.busy = !scheduler->recovered || queue_is_busy(scheduler->queue, now) ||
                scheduler->waiters != NULL;
    if (scheduler->busy_told && busy.busy == scheduler->was_busy)
        return;
    scheduler->busy_told = true;
    scheduler->was_busy = busy.busy;
    wire_send(scheduler->role->control, WIRE_IDLE_OWNER, &busy, -1);
}

static void
scheduler_turn(struct role *role)
{
    struct scheduler *scheduler = role->context;
    struct queue_action action;
    int64_t now = clock_milliseconds();

    for (int i = 0; scheduler->spool && i < ACTIONS_AT_ONCE &&
                    queue_next(scheduler->queue, now, &action);
         i++)
        action_do(scheduler, &action);
    waiters_check(scheduler, now);
    followed_check(scheduler, now);
    busy_tell(scheduler, now);
    wake_set(scheduler, now);
    arena_reset(scheduler->turn);
}

/* --- what the spool says --- */

static void
message_take(struct scheduler *scheduler, struct frame *frame, struct arena *arena,
             int64_t now)
{
    struct wire_message message;

    if (!wire_read(frame, WIRE_MESSAGE, arena, &message))
        return;
    queue_message(scheduler->queue, &message.message, now);
    if (message.follow && !message.message.recovered)
        followed_add(scheduler, &message.message.id);
}

/* Frames about messages. */
static void
message_frame(struct scheduler *scheduler, struct frame *frame, struct arena *arena,
              int64_t now)
{
    struct queue *queue = scheduler->queue;
    union {
        struct wire_address address;
        struct wire_message_id id;
        struct wire_outcome_seen outcome;
        struct wire_job_end end;
        struct wire_note note;
    } m;

    if (frame->type == WIRE_MESSAGE) {
        message_take(scheduler, frame, arena, now);
    } else if (frame->type == WIRE_ADDRESS && wire_read(frame, WIRE_ADDRESS, arena, &m)) {
        queue_address(queue, &m.address.id, &m.address.address,
                      m.address.transport_is_local, now);
    } else if (frame->type == WIRE_SETTLE && wire_read(frame, WIRE_SETTLE, arena, &m)) {
        queue_settle(queue, &m.id.id, now);
    } else if (frame->type == WIRE_REMOVED && wire_read(frame, WIRE_REMOVED, arena, &m)) {
        queue_removed(queue, &m.id.id);
    } else if (frame->type == WIRE_NOTE && wire_read(frame, WIRE_NOTE, arena, &m)) {
        queue_hold(queue, &m.note.id, m.note.note == NOTE_HOLD, now);
    } else if (frame->type == WIRE_OUTCOME_SEEN &&
               wire_read(frame, WIRE_OUTCOME_SEEN, arena, &m)) {
        queue_outcome(queue, m.outcome.job, &m.outcome.id, &m.outcome.outcome, now);
    } else if (frame->type == WIRE_JOB_DONE &&
               wire_read(frame, WIRE_JOB_DONE, arena, &m)) {
        queue_job_done(queue, m.end.job, now);
    } else if (frame->type == WIRE_JOB_LOST &&
               wire_read(frame, WIRE_JOB_LOST, arena, &m)) {
        queue_job_lost(queue, m.end.job, now);
    }
}

static void
spool_frame(struct scheduler *scheduler, struct frame *frame, struct arena *arena)
{
    int64_t now = clock_milliseconds();
    union {
        struct wire_worker worker;
        struct wire_suspend suspend;
        struct wire_control control;
        struct wire_token token;
    } m;

    switch (frame->type) {
    case WIRE_WORKER_READY:
        if (wire_read(frame, WIRE_WORKER_READY, arena, &m))
            queue_worker_ready(scheduler->queue, m.worker.worker,
                               (enum worker_class)m.worker.class, m.worker.user, now);
        break;
    case WIRE_WORKER_GONE:
        if (wire_read(frame, WIRE_WORKER_GONE, arena, &m))
            queue_worker_gone(scheduler->queue, m.worker.worker, now);
        break;
    case WIRE_SUSPEND:
        if (wire_read(frame, WIRE_SUSPEND, arena, &m) &&
            !configuration_is_broken(scheduler->role->configuration))
            queue_suspend(scheduler->queue, m.suspend.suspended, m.suspend.why, now);
        break;
    case WIRE_RECOVERED:
        scheduler->recovered = true;
        if (scheduler->role->hello.once && !scheduler->ran_once) {
            scheduler->ran_once = true;
            queue_run(scheduler->queue,
                      &(struct queue_selection){
                          .grades = scheduler->role->configuration->settings.runq_grades},
                      now);
        }
        break;
    case WIRE_CONTROL:
        if (wire_read(frame, WIRE_CONTROL, arena, &m))
            control_answer(scheduler, &m.control, now);
        break;
    case WIRE_CONTROL_CANCEL:
        if (wire_read(frame, WIRE_CONTROL_CANCEL, arena, &m))
            waiter_forget(scheduler, m.token.token);
        break;
    default:
        message_frame(scheduler, frame, arena, now);
        break;
    }
}

static void
spool_ready(struct channel *channel, void *context)
{
    struct scheduler *scheduler = context;
    struct frame frame;

    while (channel_next(channel, &frame)) {
        spool_frame(scheduler, &frame, scheduler->turn);
        arena_reset(scheduler->turn);
        if (frame.fd >= 0)
            close(frame.fd);
    }
}

static void
spool_gone(struct channel *channel, void *context)
{
    struct scheduler *scheduler = context;

    if (scheduler->spool == channel)
        scheduler->spool = NULL;
    channel_free(channel);
}

/* A spool (a new one after a death): it tells everything that lives, so begin afresh. */
static void
spool_attach(struct scheduler *scheduler, int fd)
{
    channel_free(scheduler->spool);
    queue_begin(scheduler);
    scheduler->spool = channel_new(fd);
    channel_attach(scheduler->spool, scheduler->role->base, spool_ready, spool_gone,
                   scheduler);
}

/* --- life --- */

static void
scheduler_control(struct role *role, struct frame *frame)
{
    struct scheduler *scheduler = role->context;
    struct arena *arena = arena_new();
    struct wire_peer peer;
    struct wire_worker_failed failed;

    if (frame->type == WIRE_PEER && frame->fd >= 0 &&
        wire_read(frame, WIRE_PEER, arena, &peer) && peer.kind == ROLE_SPOOL) {
        spool_attach(scheduler, frame->fd);
        frame->fd = -1;
    } else if (frame->type == WIRE_WORKER_FAILED &&
               wire_read(frame, WIRE_WORKER_FAILED, arena, &failed)) {
        queue_worker_failed(scheduler->queue, (enum worker_class)failed.class,
                            failed.user, failed.permanent, failed.text,
                            clock_milliseconds());
    } else if (frame->type == WIRE_STATE) {
        state_say(scheduler);
    } else if (frame->type == WIRE_DRAIN) {
        role_end_loop(role);
    }
    if (frame->fd >= 0)
        close(frame->fd);
    arena_free(arena);
}

static void
scheduler_configured(struct role *role)
{
    struct scheduler *scheduler = role->context;
    int64_t now = clock_milliseconds();

    queue_configure(scheduler->queue, role->configuration, now);
    if (!configuration_is_broken(role->configuration))
        queue_suspend(scheduler->queue, false, "", now);
}

static void
on_wake(int fd, short what, void *argument)
{
    /* scheduler_turn() follows: it asks what is due. */
    (void)fd;
    (void)what;
    (void)argument;
}

static void
on_hints(int fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    hints_keep(argument);
}

static void
on_interval(int fd, short what, void *argument)
{
    struct scheduler *scheduler = argument;

    (void)fd;
    (void)what;
    queue_interval_run(scheduler->queue, clock_milliseconds());
}

int
queue_run_role(struct role *role)
{
    struct scheduler scheduler = {.role = role};
    struct timeval minute = {HINTS_EVERY, 0}, interval = {role->hello.interval, 0};
    struct error error = {0};

    scheduler.turn = arena_new();
    role->context = &scheduler;
    role->control_frame = scheduler_control;
    role->configured = scheduler_configured;
    role->turn = scheduler_turn;
    queue_begin(&scheduler);
    if (role->hello.privileged && !sandbox_enter(ROLE_QUEUE, &error)) {
        log_panic(role->log, NULL, "%s", error.text);
        return EX_OSERR;
    }
    scheduler.wake = event_new(role->base, -1, 0, on_wake, &scheduler);
    scheduler.hints = event_new(role->base, -1, EV_PERSIST, on_hints, &scheduler);
    scheduler.interval = event_new(role->base, -1, EV_PERSIST, on_interval, &scheduler);
    event_add(scheduler.hints, &minute);
    if (interval.tv_sec > 0)
        event_add(scheduler.interval, &interval);
    role_begin(role);
    role_loop(role);
    hints_keep(&scheduler);
    return EX_OK;
}
