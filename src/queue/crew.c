/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Workers: they come, are idle or busy, and go. Who gets one is decided in pool.c.
 */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/status.h"

#include "base/banned.h"

enum { START_WAIT_MOST = MINUTE };

struct crew *
crew_of(struct queue *queue, const struct worker *worker)
{
    return &queue->crews[worker->class];
}

size_t
crew_most(const struct queue *queue, enum worker_class class)
{
    const struct settings *settings = &queue->configuration->settings;
    int64_t most = class == WORKER_RESOLVE  ? settings->resolve_workers
                   : class == WORKER_REMOTE ? settings->remote_workers
                                            : settings->user_workers;

    return most < 1 ? 1 : (size_t)most;
}

static struct worker *
worker_find(const struct queue *queue, uint32_t number)
{
    return table_get(queue->worker_numbers,
                     (struct span){(const char *)&number, sizeof(number)});
}

/* --- idle workers --- */

static void
worker_join_lane(struct worker *worker)
{
    struct lane *lane = worker->lane;

    if (worker->class != WORKER_REMOTE || lane == NULL)
        return;
    worker->lane_previous = NULL;
    worker->lane_next = lane->idle;
    if (lane->idle != NULL)
        lane->idle->lane_previous = worker;
    lane->idle = worker;
}

static void
worker_leave_lane(struct worker *worker)
{
    struct lane *lane = worker->lane;

    if (worker->class != WORKER_REMOTE || lane == NULL)
        return;
    if (worker->lane_previous != NULL)
        worker->lane_previous->lane_next = worker->lane_next;
    else
        lane->idle = worker->lane_next;
    if (worker->lane_next != NULL)
        worker->lane_next->lane_previous = worker->lane_previous;
}

void
crew_lane_gone(struct lane *lane)
{
    for (struct worker *worker = lane->idle; worker != NULL; worker = worker->lane_next)
        worker->lane = NULL;
    lane->idle = NULL;
}

static void
crew_idle_put(struct crew *crew, struct worker *worker, bool first)
{
    struct worker *next = first ? crew->idle_first : NULL;
    struct worker *previous = first ? NULL : crew->idle_last;

    worker->idle_next = next;
    worker->idle_previous = previous;
    *(next != NULL ? &next->idle_previous : &crew->idle_last) = worker;
    *(previous != NULL ? &previous->idle_next : &crew->idle_first) = worker;
}

/* The last used goes first; one that shall end goes last, where it is found at once. */
static void
worker_set_idle(struct queue *queue, struct worker *worker)
{
    worker->idle = true;
    worker->idle_since = worker->retired ? INT64_MIN : queue->time;
    crew_idle_put(crew_of(queue, worker), worker, !worker->retired);
    worker_join_lane(worker);
    queue->changed = true;
}

void
worker_set_busy(struct queue *queue, struct worker *worker)
{
    struct crew *crew = crew_of(queue, worker);

    if (!worker->idle)
        return;
    worker->idle = false;
    *(worker->idle_next != NULL ? &worker->idle_next->idle_previous : &crew->idle_last) =
        worker->idle_previous;
    *(worker->idle_previous != NULL ? &worker->idle_previous->idle_next
                                    : &crew->idle_first) = worker->idle_next;
    worker_leave_lane(worker);
}

static void
worker_retire(struct queue *queue, struct worker *worker)
{
    if (worker->retired || worker->stopping)
        return;
    worker->retired = true;
    if (worker->idle) {
        worker_set_busy(queue, worker);
        worker_set_idle(queue, worker);
    }
    if (worker->class == WORKER_USER)
        lane_update(queue, worker->lane);
}

/* --- workers come and go --- */

static void
worker_list(struct queue *queue, struct worker *worker)
{
    struct crew *crew = crew_of(queue, worker);

    worker->next = crew->first;
    if (crew->first != NULL)
        crew->first->previous = worker;
    crew->first = worker;
    crew->count++;
    table_put(queue->worker_numbers,
              (struct span){(const char *)&worker->number, sizeof(worker->number)},
              worker);
}

static void
worker_unlist(struct queue *queue, struct worker *worker)
{
    struct crew *crew = crew_of(queue, worker);

    worker_set_busy(queue, worker);
    if (worker->previous != NULL)
        worker->previous->next = worker->next;
    else
        crew->first = worker->next;
    if (worker->next != NULL)
        worker->next->previous = worker->previous;
    crew->count--;
    crew->stopping -= worker->stopping;
    table_remove(queue->worker_numbers,
                 (struct span){(const char *)&worker->number, sizeof(worker->number)});
}

/* An answer to our asking for a worker came. */
static void
start_answered(struct queue *queue, enum worker_class class, struct lane *lane)
{
    struct crew *crew = &queue->crews[class];

    if (class == WORKER_USER && (lane == NULL || !lane->starting))
        return;
    if (crew->starting > 0)
        crew->starting--;
    if (class == WORKER_USER) {
        lane->starting = false;
        schedule_clear(&queue->schedule, &lane->timer);
    }
}

void
queue_worker_ready(struct queue *queue, uint32_t number, enum worker_class class,
                   const char *user, int64_t now)
{
    struct worker *worker;

    queue_tick(queue, now);
    if (worker_find(queue, number) != NULL)
        return;
    worker = memory_alloc(sizeof(*worker));
    worker->number = number;
    worker->class = class;
    if (class == WORKER_USER) {
        worker->lane = lane_for_user(queue, user);
        worker->retired = worker->lane->worker != NULL; /* one for each user */
    }
    start_answered(queue, class, worker->lane);
    queue->crews[class].start_failures = 0;
    queue->crews[class].start_after = queue->time;
    worker_list(queue, worker);
    worker_set_idle(queue, worker);
    if (class == WORKER_USER && !worker->retired) {
        worker->lane->worker = worker;
        lane_forget_failure(queue, worker->lane);
        lane_update(queue, worker->lane);
    }
}

void
queue_worker_gone(struct queue *queue, uint32_t number, int64_t now)
{
    struct worker *worker = worker_find(queue, number);
    struct lane *lane;

    queue_tick(queue, now);
    if (worker == NULL)
        return;
    worker->retired = true; /* its lane must not choose it again while its jobs end */
    jobs_lose_worker(queue, worker);
    worker_unlist(queue, worker);
    lane = worker->class == WORKER_USER ? worker->lane : NULL;
    queue->changed = true;
    if (lane != NULL && lane->worker == worker) {
        lane->worker = NULL;
        lane_update(queue, lane);
        lane_release(queue, lane);
    }
    free(worker);
}

/* There is no such user: what was for him fails, after this attempt. */
static void
lane_refuse(struct queue *queue, struct lane *lane, const char *text)
{
    struct error error = {0};

    fail_permanent_number(&error, ERR_UNKNOWN_USER, "5.1.1", "%s", text);
    for (int i = 0; i < STREAM_COUNT; i++) {
        while (lane->streams[i].bands != NULL) {
            struct task *task = lane->streams[i].bands->first, *piece;
            uint32_t numbers[JOB_ADDRESSES];

            task_detach(queue, task);
            piece = task_cut(queue, task);
            expiry_add_error(queue, piece->message, numbers,
                             task_numbers(piece, 0, numbers, JOB_ADDRESSES), &error);
            task_wait(queue, piece, queue->time + UNCONFIRMED_WAIT);
        }
    }
    lane_update(queue, lane);
}

void
queue_worker_failed(struct queue *queue, enum worker_class class, const char *user,
                    bool permanent, const char *text, int64_t now)
{
    struct crew *crew = &queue->crews[class];
    struct lane *lane = class == WORKER_USER ? lane_for_user(queue, user) : NULL;
    int64_t wait = SECOND;

    queue_tick(queue, now);
    start_answered(queue, class, lane);
    queue->changed = true;
    if (lane == NULL) {
        wait <<= crew->start_failures < 6 ? crew->start_failures++ : 6;
        crew->start_after =
            queue->time + (wait < START_WAIT_MOST ? wait : START_WAIT_MOST);
    } else if (permanent) {
        lane_refuse(queue, lane, text);
        lane_release(queue, lane);
    } else {
        lane_error(lane, 0, text);
        lane_failed(queue, lane);
    }
}

void
crews_configure(struct queue *queue, bool replace)
{
    for (int class = 0; class < WORKER_CLASSES && replace; class ++)
        for (struct worker *worker = queue->crews[class].first; worker != NULL;
             worker = worker->next)
            worker_retire(queue, worker);
    queue->changed = true;
}

void
crews_free(struct queue *queue)
{
    for (int class = 0; class < WORKER_CLASSES; class ++)
        while (queue->crews[class].first != NULL) {
            struct worker *worker = queue->crews[class].first;

            worker_unlist(queue, worker);
            free(worker);
        }
    table_free(queue->worker_numbers);
}

/* --- accounts --- */

void
crew_job_started(struct queue *queue, struct worker *worker, const struct task *task)
{
    struct lane *lane = lane_at(queue, task->lane);

    worker_set_busy(queue, worker);
    if (worker->outstanding++ == 0)
        worker->stirred = queue->time;
    worker->jobs++;
    crew_of(queue, worker)->active++;
    if (task_is_deferred(task)) {
        worker->slow++;
        crew_of(queue, worker)->active_deferred++;
    }
    if (worker->class == WORKER_REMOTE)
        worker->lane = lane;
}

void
crew_job_ended(struct queue *queue, struct worker *worker, const struct task *task)
{
    int64_t most = queue->configuration->settings.worker_jobs;

    worker->outstanding--;
    worker->stirred = queue->time;
    crew_of(queue, worker)->active--;
    if (task_is_deferred(task)) {
        worker->slow--;
        crew_of(queue, worker)->active_deferred--;
    }
    if (most > 0 && worker->jobs >= (uint64_t)most)
        worker_retire(queue, worker);
    if (worker->outstanding == 0)
        worker_set_idle(queue, worker);
}
