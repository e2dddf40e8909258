/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Jobs: tasks in the hands of a worker. Outcomes come in between, one address at a time;
 * what nobody said anything about when the job ends is tried again soon.
 */
#include "queue/state.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "mail/status.h"

#include "base/banned.h"

enum { JOB_INDEX_BITS = 20 };

/* --- numbers of jobs: a counter, and the slot --- */

static uint32_t
job_slot_new(struct queue *queue)
{
    uint32_t index = queue->job_free;

    if (index > 0) {
        queue->job_free = queue->jobs[index - 1].next_free;
        return index - 1;
    }
    if (queue->job_count == queue->job_room) {
        queue->job_room = queue->job_room * 2 + 16;
        queue->jobs = memory_grow(queue->jobs, queue->job_room * sizeof(*queue->jobs));
    }
    assert(queue->job_count < 1U << JOB_INDEX_BITS);
    return queue->job_count++;
}

static struct task *
job_find(const struct queue *queue, uint64_t job)
{
    uint64_t index = job & ((1U << JOB_INDEX_BITS) - 1);

    if (index >= queue->job_count || queue->jobs[index].job != job)
        return NULL;
    return queue->jobs[index].task;
}

static uint64_t
job_register(struct queue *queue, struct task *task)
{
    uint32_t index = job_slot_new(queue);
    uint64_t job = ++queue->job_serial << JOB_INDEX_BITS | index;

    task->job_index = index;
    queue->jobs[index] = (struct job_slot){.task = task, .job = job};
    queue->active_count++;
    return job;
}

/* --- the beginning --- */

/* The addresses of the job, their marks cleared. */
static uint32_t
job_numbers(struct queue *queue, struct task *task)
{
    uint32_t count = task_numbers(task, 0, queue->slice, JOB_ADDRESSES);

    for (uint32_t i = 0; i < count; i++)
        place_find(task->message, queue->slice[i])->marks = 0;
    return count;
}

/* Those of the message that still wait, for a warning. */
static uint32_t
open_numbers(struct queue *queue, const struct queued *message)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < message->place_count && count < JOB_ADDRESSES; i++)
        if (place_is_open(&message->places[i]))
            queue->slice[count++] = message->places[i].number;
    return count;
}

static enum queue_action_kind
job_kind(const struct task *task, const struct lane *lane)
{
    if (task->kind == TASK_BOUNCE)
        return QUEUE_BOUNCE;
    if (task->kind == TASK_WARNING)
        return QUEUE_WARN;
    return lane->kind == LANE_RESOLVE ? QUEUE_RESOLVE : QUEUE_DELIVER;
}

static size_t
job_fill_numbers(struct queue *queue, struct task *task)
{
    switch ((enum task_kind)task->kind) {
    case TASK_ADDRESSES:
        return job_numbers(queue, task);
    case TASK_WARNING:
        return open_numbers(queue, task->message);
    case TASK_BOUNCE:
        break;
    }
    return 0;
}

void
job_start(struct queue *queue, struct task *task, struct worker *worker,
          struct queue_action *action)
{
    struct lane *lane = lane_at(queue, task->lane);

    *action = (struct queue_action){.kind = job_kind(task, lane),
                                    .worker = worker->number,
                                    .class = worker->class,
                                    .user = lane->kind == LANE_USER ? lane->host : "",
                                    .id = task->message->id,
                                    .numbers = queue->slice};
    action->count = job_fill_numbers(queue, task);
    task->state = TASK_ACTIVE;
    task->result = 0;
    task->timer.due = queue->time;
    task->worker = worker;
    action->job = job_register(queue, task);
    if (task->kind == TASK_ADDRESSES)
        task->message->active++;
    if (lane->active++ == 0)
        lane->stirred = queue->time;
    lane->served = task->message;
    lane->last_try = queue->time;
    crew_job_started(queue, worker, task);
    lane_update(queue, lane);
}

/* --- outcomes --- */

/* Does this error mean that the host cannot be reached at all? */
static bool
error_is_of_host(int number)
{
    switch (number) {
    case ERR_SMTP_CONNECT:
    case ERR_SMTP_GREETING:
    case ERR_SMTP_HELLO:
    case ERR_SMTP_SILENT:
    case ERR_DNS_LOST:
    case ERR_DNS_FAILURE:
    case ERR_DNS_PACKET:
    case ERR_NO_USABLE_MX:
        return true;
    default:
        return false;
    }
}

/* Or that somebody is there and said no, or not now? */
static bool
error_is_an_answer(int number)
{
    switch (number) {
    case ERR_SMTP_TEMPORARY:
    case ERR_SMTP_PERMANENT:
    case ERR_SMTP_STORAGE:
    case ERR_SMTP_RECIPIENT:
        return true;
    default:
        return false;
    }
}

/* Has it taken so long that the host does not work, if no address gets through? */
bool
job_is_slow(const struct queue *queue, const struct task *task)
{
    return queue->time - task->timer.due >= SLOW_JOB;
}

static void
job_learn(struct queue *queue, struct task *task, const struct queue_outcome *outcome)
{
    if (outcome->outcome == OUTCOME_DELIVERED || outcome->outcome == OUTCOME_RELAYED) {
        task->result |= RESULT_SUCCESS;
    } else if (error_is_of_host(outcome->error_number) &&
               outcome->outcome == OUTCOME_DEFERRED) {
        task->result |= RESULT_NO_HOST;
        lane_error(lane_at(queue, task->lane), outcome->error_number, outcome->text);
    } else if (error_is_an_answer(outcome->error_number)) {
        task->result |= RESULT_ANSWER;
        if (job_is_slow(queue, task))
            lane_error(lane_at(queue, task->lane), outcome->error_number, outcome->text);
    }
}

static void
place_deferred(struct queue *queue, struct queued *message, struct place *place,
               const struct task *task, const char *text)
{
    const struct lane *lane = lane_at(queue, task->lane);

    if ((place->marks & PLACE_TOLD) != 0)
        return;
    place->marks |= PLACE_TOLD;
    if (retry_is_over(queue, message, lane))
        expiry_add(queue, message, lane, &place->number, 1, text);
}

void
queue_outcome(struct queue *queue, uint64_t job, const struct message_id *id,
              const struct queue_outcome *outcome, int64_t now)
{
    struct queued *message = id_index_get(queue, id);
    struct task *task = job_find(queue, job);
    struct place *place;

    queue_tick(queue, now);
    if (task != NULL)
        job_learn(queue, task, outcome);
    if (task != NULL && task->worker != NULL)
        task->worker->stirred = queue->time;
    place = message != NULL ? place_find(message, outcome->number) : NULL;
    if (place == NULL)
        return;
    switch (outcome->outcome) {
    case OUTCOME_DELIVERED:
    case OUTCOME_RELAYED:
        place_finish(queue, message, place);
        break;
    case OUTCOME_FAILED:
        place_fail(queue, message, place);
        break;
    case OUTCOME_DEFERRED:
        if (task != NULL && place->task == task)
            place_deferred(queue, message, place, task, outcome->text);
        else if ((place->marks & PLACE_FRESH) != 0)
            place->marks |= PLACE_TRIED;
        return;
    }
    message_check(queue, message);
}

/* --- the end --- */

/* The job is out of all accounts; what was in it is for the caller. */
static void
job_release(struct queue *queue, struct task *task)
{
    struct job_slot *slot = &queue->jobs[task->job_index];
    struct lane *lane = lane_at(queue, task->lane);

    slot->task = NULL;
    slot->job = 0;
    slot->next_free = queue->job_free;
    queue->job_free = task->job_index + 1;
    queue->active_count--;
    if (task->worker != NULL)
        crew_job_ended(queue, task->worker, task);
    task->worker = NULL;
    lane->active--;
    if (task->message != NULL && task->kind == TASK_ADDRESSES)
        task->message->active--;
    task->state = TASK_HELD;
}

static void
task_count_try(struct task *task)
{
    task->losses = 0;
    if (task->tries < UINT16_MAX)
        task->tries++;
}

/* By its own time: as its host's rule says, or soon if it was only one too many at once.
 */
static int64_t
retry_due(const struct queue *queue, const struct task *task, const struct lane *lane)
{
    int64_t least = queue->configuration->settings.min_queue_age.seconds * SECOND;
    int64_t wait = retry_wait(queue, lane, task->tries);
    int64_t due, soon = (int64_t)task->tries * MINUTE;

    if ((task->result & RESULT_NO_HOST) != 0 && lane->failures == 0 && soon < wait)
        wait = soon;
    due = queue->time + wait;
    return due > task->message->born + least ? due : task->message->born + least;
}

/* When a task whose attempt failed is tried again: by its own time, or with its lane. */
static void
task_put_off(struct queue *queue, struct task *task)
{
    struct queued *message = task->message;
    const struct lane *lane = lane_at(queue, task->lane);
    int64_t due;

    task_count_try(task);
    message->urgent = false;
    due = retry_due(queue, task, lane);
    if (message->held)
        task_hold(queue, task);
    else if (retry_is_over(queue, message, lane))
        task_wait(queue, task, queue->time + UNCONFIRMED_WAIT);
    else if (lane->closed)
        task_ready(queue, task, message->grade);
    else
        task_wait(queue, task, due);
}

static void
task_lost_too_often(struct queue *queue, struct task *task)
{
    static const char text[] = "the worker ended in the middle of it, each time";
    struct lane *lane = lane_at(queue, task->lane);
    uint32_t numbers[JOB_ADDRESSES];

    lane_error(lane, 0, text);
    if (retry_is_over(queue, task->message, lane))
        expiry_add(queue, task->message, lane, numbers,
                   task_numbers(task, 0, numbers, JOB_ADDRESSES), text);
    task_put_off(queue, task);
}

/* A task whose job was lost with its worker. */
static void
job_lose(struct queue *queue, struct task *task)
{
    bool is_report = task->kind != TASK_ADDRESSES;

    task->losses++;
    if (task->message->held) {
        task_hold(queue, task);
    } else if (task->losses < LOSSES_MOST) {
        task_wait(queue, task, queue->time + LOSS_WAIT);
    } else if (is_report) {
        task->losses = 0;
        task_wait(queue, task, queue->time + UNCONFIRMED_WAIT);
    } else {
        task_lost_too_often(queue, task);
    }
}

/* Addresses nobody spoke of are tried again soon, deferred ones later. */
static void
job_settle(struct queue *queue, struct task *task)
{
    struct task *untold = task_split(queue, task, PLACE_TOLD);

    if (untold != NULL)
        job_lose(queue, untold);
    if (task->live == 0)
        task_free(queue, task);
    else
        task_put_off(queue, task);
}

static void
job_end(struct queue *queue, struct task *task, bool lost)
{
    struct queued *message = task->message;
    struct lane *lane = lane_at(queue, task->lane);

    job_release(queue, task);
    if (!lost)
        lane_job_ended(queue, lane, task);
    lane_update(queue, lane);
    if (message == NULL)
        task_free(queue, task);
    else if (task->kind == TASK_ADDRESSES)
        job_settle(queue, task);
    else if (lost)
        job_lose(queue, task);
    else
        message_report_ended(queue, message, task);
    if (message != NULL)
        message_check(queue, message);
}

void
queue_job_done(struct queue *queue, uint64_t job, int64_t now)
{
    struct task *task = job_find(queue, job);

    queue_tick(queue, now);
    if (task != NULL)
        job_end(queue, task, false);
}

void
queue_job_lost(struct queue *queue, uint64_t job, int64_t now)
{
    struct task *task = job_find(queue, job);

    queue_tick(queue, now);
    if (task != NULL)
        job_end(queue, task, true);
}

void
jobs_lose_worker(struct queue *queue, const struct worker *worker)
{
    for (uint32_t i = 0; i < queue->job_count; i++) {
        struct task *task = queue->jobs[i].task;

        if (task != NULL && task->worker == worker)
            job_end(queue, task, true);
    }
}

void
jobs_free(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->job_count; i++) {
        struct task *task = queue->jobs[i].task;

        if (task == NULL)
            continue;
        job_release(queue, task);
        task_free(queue, task);
    }
    free(queue->jobs);
}
