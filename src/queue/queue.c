/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The scheduler as a whole: its clock, what is to be done next, and when to ask again.
 */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"

#include "base/banned.h"

enum { TIMERS_AT_ONCE = 256, JOB_SERIAL_BITS = 36 };

/* --- making --- */

struct queue *
queue_new(const struct configuration *configuration, int64_t now)
{
    struct queue *queue = memory_alloc(sizeof(*queue));

    queue->configuration = configuration;
    queue->time = queue->wall = now;
    queue->worker_numbers = table_new();
    queue->scratch = arena_new();
    random_bytes(queue->key, sizeof(queue->key));
    /* So that a worker's late word on a job of an earlier queue meets none of ours. */
    queue->job_serial = random_below(UINT64_C(1) << JOB_SERIAL_BITS);
    for (int class = 0; class < WORKER_CLASSES; class ++)
        queue->crews[class].start_after = now;
    lanes_new(queue);
    return queue;
}

void
queue_free(struct queue *queue)
{
    size_t bucket = 0;
    struct queued *message;

    if (queue == NULL)
        return;
    while ((message = id_index_next(queue, &bucket, NULL)) != NULL)
        message_free(queue, message);
    jobs_free(queue);
    lanes_free(queue);
    crews_free(queue);
    expiries_free(queue);
    schedule_free(&queue->schedule);
    arena_free(queue->scratch);
    free(queue->suspended_why);
    free(queue->buckets);
    free(queue);
}

void
queue_configure(struct queue *queue, const struct configuration *configuration,
                int64_t now)
{
    bool replace = queue->configuration->generation != configuration->generation;

    queue_tick(queue, now);
    queue->configuration = configuration;
    for (uint32_t i = 0; i < queue->lane_count; i++)
        if (queue->lanes[i] != NULL)
            lane_configure(queue, queue->lanes[i]);
    crews_configure(queue, replace);
}

void
queue_suspend(struct queue *queue, bool suspended, const char *why, int64_t now)
{
    queue_tick(queue, now);
    queue->suspended = suspended;
    free(queue->suspended_why);
    queue->suspended_why = suspended && why != NULL ? memory_string(why) : NULL;
    queue->changed = true;
}

/* --- the clock --- */

int64_t
queue_time_at(const struct queue *queue, int64_t now)
{
    int64_t step;

    if (now < queue->wall || __builtin_sub_overflow(now, queue->wall, &step))
        return queue->time;
    return step < TICK_MOST ? queue->time + step : queue->time;
}

void
queue_tick(struct queue *queue, int64_t now)
{
    queue->time = queue_time_at(queue, now);
    queue->wall = now;
}

/* A sum that stays within what there is: the wall's time may be anything. */
static int64_t
time_after(int64_t time, int64_t wait)
{
    int64_t sum;

    if (__builtin_add_overflow(time, wait, &sum))
        return wait > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

int64_t
queue_wall(const struct queue *queue, int64_t time, int64_t now)
{
    return time_after(now, time - queue_time_at(queue, now));
}

/* --- what is to be done --- */

static void
timer_fire(struct queue *queue, struct timer *timer)
{
    char *at = (char *)timer;

    switch ((enum timer_kind)timer->kind) {
    case TIMER_TASK: {
        struct task *task = (struct task *)(void *)(at - offsetof(struct task, timer));

        task_wake(queue, task);
        task_ready(queue, task, task->message->grade);
        break;
    }
    case TIMER_MESSAGE:
        message_timer(queue,
                      (struct queued *)(void *)(at - offsetof(struct queued, timer)));
        break;
    case TIMER_LANE:
        lane_timer(queue, (struct lane *)(void *)(at - offsetof(struct lane, timer)));
        break;
    }
}

/* Some of what is due; true if there is more. */
static bool
timers_fire(struct queue *queue)
{
    for (int i = 0; i < TIMERS_AT_ONCE; i++) {
        struct timer *timer = schedule_take(&queue->schedule, queue->time);

        if (timer == NULL)
            return false;
        timer_fire(queue, timer);
    }
    return true;
}

bool
queue_next(struct queue *queue, int64_t now, struct queue_action *action)
{
    bool more;

    queue_tick(queue, now);
    do {
        more = timers_fire(queue);
        if (!queue->suspended && expiry_take(queue, action))
            return true;
        if (pool_next(queue, action))
            return true;
    } while (more);
    queue->changed = false;
    return false;
}

int64_t
queue_wake(const struct queue *queue, int64_t now)
{
    int64_t time = queue_time_at(queue, now), due = schedule_next(&queue->schedule);
    int64_t pool = pool_wake(queue), wait;

    if (queue->changed)
        return now;
    if (pool < due)
        due = pool;
    if (due == INT64_MAX && queue->message_count == 0)
        return INT64_MAX;
    wait = due <= time ? 0 : due - time;
    return time_after(now, wait < WAKE_MOST ? wait : WAKE_MOST);
}

bool
queue_is_busy(const struct queue *queue, int64_t now)
{
    bool is_due = queue->ready_count > 0 || queue->lost_count > 0 ||
                  queue->unreported_count > 0 || queue->unsettled_count > 0 ||
                  queue->expiry_first != NULL ||
                  schedule_next(&queue->schedule) <= queue_time_at(queue, now);

    return queue->active_count > 0 || (!queue->suspended && is_due);
}

struct queue_counts
queue_counts(const struct queue *queue, int64_t now)
{
    struct queue_counts counts = {
        .messages = queue->message_count,
        .held = queue->held_count,
        .active = queue->active_count,
        .due = queue->ready_count,
        .deferred = queue->waiting_count + queue->closed_count,
        .lanes = queue->lanes_in_use,
    };

    (void)now;
    for (int class = 0; class < WORKER_CLASSES; class ++)
        counts.workers += queue->crews[class].count;
    return counts;
}
