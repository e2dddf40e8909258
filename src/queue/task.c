/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tasks: some addresses of one message that go to one lane together. A task is always in
 * exactly one place (its state), and moves by task_detach() and one of the others.
 */
#include "queue/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

struct task *
task_new(struct queue *queue, struct queued *message, uint32_t lane, enum task_kind kind,
         uint32_t room)
{
    struct task *task = memory_alloc(sizeof(*task) + room * sizeof(task->numbers[0]));

    task->message = message;
    task->timer.kind = TIMER_TASK;
    task->lane = lane;
    task->kind = (uint8_t)kind;
    task->state = TASK_HELD;
    task->is_bounce = message->is_bounce && lane_at(queue, lane)->kind == LANE_REMOTE;
    lane_at(queue, lane)->tasks++;
    return task;
}

void
task_free(struct queue *queue, struct task *task)
{
    struct lane *lane = lane_at(queue, task->lane);

    task_detach(queue, task);
    free(task);
    lane->tasks--;
    lane_release(queue, lane);
}

void
task_forget(struct queue *queue, struct task *task)
{
    assert(task->live > 0);
    task->live--;
    if (task->live > 0)
        return;
    if (task->state != TASK_ACTIVE) {
        task_free(queue, task);
    } else {
        /* All is done but the worker's word that it is free; the message may go. */
        task->message->active--;
        task->message = NULL;
    }
}

/* --- the bands of a lane --- */

struct band *
stream_band(struct stream *stream, char grade)
{
    struct band **at = &stream->bands, *band;

    while (*at != NULL && (*at)->grade < grade)
        at = &(*at)->next;
    if (*at != NULL && (*at)->grade == grade)
        return *at;
    band = memory_alloc(sizeof(*band));
    band->grade = grade;
    band->next = *at;
    *at = band;
    return band;
}

static void
band_drop_empty(struct stream *stream, struct band *band)
{
    struct band **at = &stream->bands;

    if (band->first != NULL)
        return;
    while (*at != band)
        at = &(*at)->next;
    *at = band->next;
    free(band);
}

bool
task_is_deferred(const struct task *task)
{
    return task->tries > 0 || task->is_bounce;
}

static struct stream *
task_stream(const struct queue *queue, const struct task *task)
{
    return &lane_at(queue, task->lane)
                ->streams[task_is_deferred(task) ? STREAM_DEFERRED : STREAM_NEW];
}

static void
count_ready(struct queue *queue, struct lane *lane, int change)
{
    size_t *count = lane->closed ? &queue->closed_count : &queue->ready_count;

    *count = change > 0 ? *count + 1 : *count - 1;
    lane->ready = change > 0 ? lane->ready + 1 : lane->ready - 1;
}

void
task_ready(struct queue *queue, struct task *task, char grade)
{
    struct stream *stream = task_stream(queue, task);
    struct band *band = stream_band(stream, grade);

    task->grade = grade;
    task->state = TASK_READY;
    task->next = NULL;
    task->previous = band->last;
    if (band->last != NULL)
        band->last->next = task;
    else
        band->first = task;
    band->last = task;
    if (task->message->born < stream->lane->oldest)
        stream->lane->oldest = task->message->born;
    count_ready(queue, stream->lane, 1);
    lane_update(queue, stream->lane);
}

/* From the head of its band to the end. */
static void
band_rotate(struct band *band)
{
    struct task *task = band->first;

    band->first = task->next;
    band->first->previous = NULL;
    task->next = NULL;
    task->previous = band->last;
    band->last->next = task;
    band->last = task;
}

struct task *
stream_first(struct stream *stream, bool odd_turn)
{
    struct band *band = stream->bands;

    while (odd_turn && band->next != NULL)
        band = band->next;
    for (int i = 0; i < TURNS_MOST && band->first != band->last &&
                    band->first->message == stream->lane->served;
         i++)
        band_rotate(band);
    return band->first;
}

static void
task_leave_lane(struct queue *queue, struct task *task)
{
    struct stream *stream = task_stream(queue, task);
    struct band *band = stream_band(stream, task->grade);

    if (task->previous != NULL)
        task->previous->next = task->next;
    else
        band->first = task->next;
    if (task->next != NULL)
        task->next->previous = task->previous;
    else
        band->last = task->previous;
    band_drop_empty(stream, band);
    count_ready(queue, stream->lane, -1);
    if (stream->lane->ready == 0)
        stream->lane->oldest = INT64_MAX;
    lane_update(queue, stream->lane);
}

/* --- the other states --- */

void
task_wait(struct queue *queue, struct task *task, int64_t due)
{
    task->state = TASK_WAITING;
    schedule_set(&queue->schedule, &task->timer, due);
    queue->waiting_count++;
    queue->lost_count += task->losses > 0;
}

void
task_wake(struct queue *queue, struct task *task)
{
    schedule_clear(&queue->schedule, &task->timer);
    queue->waiting_count--;
    queue->lost_count -= task->losses > 0;
}

void
task_keep(struct queue *queue, struct task *task)
{
    task->state = TASK_KEPT;
    task->next = NULL;
    task->previous = queue->kept_last;
    if (queue->kept_last != NULL)
        queue->kept_last->next = task;
    else
        queue->kept_first = task;
    queue->kept_last = task;
}

static void
task_leave_kept(struct queue *queue, struct task *task)
{
    if (task->previous != NULL)
        task->previous->next = task->next;
    else
        queue->kept_first = task->next;
    if (task->next != NULL)
        task->next->previous = task->previous;
    else
        queue->kept_last = task->previous;
}

void
task_hold(struct queue *queue, struct task *task)
{
    (void)queue;
    task->state = TASK_HELD;
}

void
task_detach(struct queue *queue, struct task *task)
{
    switch ((enum task_state)task->state) {
    case TASK_READY:
        task_leave_lane(queue, task);
        break;
    case TASK_WAITING:
        task_wake(queue, task);
        break;
    case TASK_KEPT:
        task_leave_kept(queue, task);
        break;
    case TASK_HELD:
    case TASK_ACTIVE: /* only job.c ends a job, and it did */
        break;
    }
    task->state = TASK_HELD;
}

/* --- numbers --- */

/* The place of a number if it still belongs to the task. */
static struct place *
task_place(const struct task *task, uint32_t at)
{
    struct place *place;

    if (task->message == NULL)
        return NULL;
    place = place_find(task->message, task->numbers[at]);
    return place != NULL && place->task == task ? place : NULL;
}

uint32_t
task_numbers(struct task *task, uint8_t marks, uint32_t *numbers, uint32_t most)
{
    uint32_t count = 0;

    for (uint32_t i = task->first; i < task->count && count < most; i++) {
        const struct place *place = task_place(task, i);

        if (place != NULL && (marks == 0 || (place->marks & marks) != 0))
            numbers[count++] = task->numbers[i];
    }
    return count;
}

static struct task *
task_sibling(struct queue *queue, const struct task *task, uint32_t room)
{
    struct task *sibling = task_new(queue, task->message, task->lane, task->kind, room);

    sibling->tries = task->tries;
    sibling->losses = task->losses;
    sibling->result = task->result;
    return sibling;
}

static void
task_move(struct task *from, struct task *to, struct place *place)
{
    to->numbers[to->count++] = place->number;
    to->live++;
    from->live--;
    place->task = to;
}

struct task *
task_cut(struct queue *queue, struct task *task)
{
    char grade = task->grade;
    struct task *piece;

    if (task->live <= JOB_ADDRESSES)
        return task;
    piece = task_sibling(queue, task, JOB_ADDRESSES);
    while (piece->live < JOB_ADDRESSES) {
        struct place *place = task_place(task, task->first++);

        if (place != NULL)
            task_move(task, piece, place);
    }
    task_ready(queue, task, grade);
    return piece;
}

struct task *
task_split(struct queue *queue, struct task *task, uint8_t marks)
{
    uint32_t marked = 0;
    struct task *rest;

    for (uint32_t i = task->first; i < task->count; i++) {
        const struct place *place = task_place(task, i);

        marked += place != NULL && (place->marks & marks) != 0;
    }
    if (marked == task->live)
        return NULL;
    rest = task_sibling(queue, task, task->live - marked);
    for (uint32_t i = task->first; i < task->count; i++) {
        struct place *place = task_place(task, i);

        if (place != NULL && (place->marks & marks) == 0)
            task_move(task, rest, place);
    }
    return rest;
}
