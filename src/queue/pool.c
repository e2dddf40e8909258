/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Workers, and who gets one. Deferred mail takes at most three quarters of the workers
 * and at least every fourth turn; a lane at most half of them while others wait, and
 * never the last; a lane keeps the worker that has a connection to it.
 */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/status.h"

#include "base/banned.h"

enum { START_WAIT_MOST = MINUTE };

static struct crew *
crew_of(struct queue *queue, const struct worker *worker)
{
    return &queue->crews[worker->class];
}

static size_t
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
pool_lane_gone(struct lane *lane)
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

static void
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
pool_configure(struct queue *queue, bool replace)
{
    for (int class = 0; class < WORKER_CLASSES && replace; class ++)
        for (struct worker *worker = queue->crews[class].first; worker != NULL;
             worker = worker->next)
            worker_retire(queue, worker);
    queue->changed = true;
}

void
pool_free(struct queue *queue)
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
pool_job_started(struct queue *queue, struct worker *worker, const struct task *task)
{
    struct lane *lane = lane_at(queue, task->lane);

    worker_set_busy(queue, worker);
    worker->outstanding++;
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
pool_job_ended(struct queue *queue, struct worker *worker, const struct task *task)
{
    int64_t most = queue->configuration->settings.worker_jobs;

    worker->outstanding--;
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

/* --- whose turn it is --- */

/* Three turns for new mail and one for deferred, if there is both and it may. */
static struct stream *
pool_stream(struct queue *queue, enum pool pool, bool deferred_may,
            bool (*fits)(const struct queue *queue, const struct lane *lane))
{
    unsigned turn = queue->picks[pool];

    for (int i = 0; i < STREAM_COUNT; i++) {
        int which = turn % 4 == 3 ? STREAM_COUNT - 1 - i : i;
        const struct ready_set *set = &queue->ready[pool][which];
        struct stream *stream = ready_first(set, turn % 8 == 7);

        if (which == STREAM_DEFERRED && !deferred_may)
            continue;
        if (stream != NULL && fits != NULL && !fits(queue, stream->lane))
            stream = ready_first(set, false);
        while (stream != NULL && fits != NULL && !fits(queue, stream->lane))
            stream = ready_after(set, stream);
        if (stream != NULL)
            return stream;
    }
    return NULL;
}

/* Hand the first task of a stream to a worker. */
static bool
pool_hand_out(struct queue *queue, struct stream *stream, struct worker *worker,
              struct queue_action *action)
{
    struct task *task = stream_first(stream);

    queue->picks[stream->pool]++;
    ready_rotate(queue, stream);
    task_detach(queue, task);
    job_start(queue, task_cut(queue, task), worker, action);
    return true;
}

static bool
pool_start_worker(struct queue *queue, enum worker_class class, const char *user,
                  struct queue_action *action)
{
    struct crew *crew = &queue->crews[class];

    crew->starting++;
    crew->last_start = queue->time;
    *action =
        (struct queue_action){.kind = QUEUE_START_WORKER, .class = class, .user = user};
    return true;
}

static bool
crew_may_start(const struct queue *queue, enum worker_class class)
{
    const struct crew *crew = &queue->crews[class];

    return crew->count + crew->starting < crew_most(queue, class) &&
           queue->time >= crew->start_after;
}

/* --- resolve workers: several jobs each, so that they never wait for us --- */

/*
 * The worker with the least before it. What was put off may take long (a dead name
 * server), so there is one such job at most with a worker, and half of them have none.
 */
static struct worker *
resolve_worker(const struct queue *queue, bool deferred)
{
    const struct crew *crew = &queue->crews[WORKER_RESOLVE];
    struct worker *best = NULL;
    uint32_t best_load = RESOLVE_OUTSTANDING * 2;

    if (deferred && crew->active_deferred > 0 &&
        crew->active_deferred >= crew_most(queue, WORKER_RESOLVE) / 2)
        return NULL;
    for (struct worker *worker = crew->first; worker != NULL; worker = worker->next) {
        uint32_t load =
            worker->outstanding + (worker->slow > 0 ? RESOLVE_OUTSTANDING : 0);

        if (worker->retired || worker->stopping ||
            worker->outstanding >= RESOLVE_OUTSTANDING ||
            (deferred && worker->slow > 0) || load >= best_load)
            continue;
        best = worker;
        best_load = load;
    }
    return best;
}

static bool
resolve_next(struct queue *queue, struct queue_action *action)
{
    struct worker *for_new = resolve_worker(queue, false);
    struct worker *for_deferred = resolve_worker(queue, true);
    struct stream *stream = pool_stream(queue, POOL_RESOLVE, for_deferred != NULL, NULL);
    struct worker *worker;

    if (stream == NULL)
        stream = pool_stream(queue, POOL_RESOLVE, true, NULL);
    if (stream == NULL)
        return false;
    worker = stream == &stream->lane->streams[STREAM_DEFERRED] ? for_deferred : for_new;
    if ((worker == NULL || worker->outstanding > 0) &&
        queue->crews[WORKER_RESOLVE].starting == 0 &&
        crew_may_start(queue, WORKER_RESOLVE))
        return pool_start_worker(queue, WORKER_RESOLVE, "", action);
    return worker != NULL && pool_hand_out(queue, stream, worker, action);
}

/* --- remote workers: one job each --- */

static size_t
remote_ready(const struct queue *queue)
{
    return queue->ready[POOL_REMOTE][STREAM_NEW].count +
           queue->ready[POOL_REMOTE][STREAM_DEFERRED].count +
           queue->ready[POOL_SLOW][STREAM_NEW].count +
           queue->ready[POOL_SLOW][STREAM_DEFERRED].count;
}

/* Does anybody else wait for one? */
static bool
lane_has_rivals(const struct queue *queue, const struct lane *lane)
{
    size_t ready = remote_ready(queue);

    for (int i = 0; i < STREAM_COUNT; i++)
        ready -= lane->streams[i].listed != 0;
    return ready > 0;
}

/* Is none left but the last quarter? */
static bool
remote_is_short(const struct queue *queue)
{
    size_t most = crew_most(queue, WORKER_REMOTE);
    size_t reserve = most == 1 ? 0 : most / 4 > 1 ? most / 4 : 1;

    return queue->crews[WORKER_REMOTE].active + reserve >= most;
}

/*
 * May the lane have one more of them? The last quarter is for those that give them back
 * soon, and for the first job of a lane that nobody knows yet; the last eighth is not for
 * the latter either.
 */
static bool
lane_has_share(const struct queue *queue, const struct lane *lane)
{
    size_t most = crew_most(queue, WORKER_REMOTE);

    if (lane->active >= 2 && lane->active >= most / 2 && lane_has_rivals(queue, lane))
        return false;
    if (most == 1 || !remote_is_short(queue))
        return true;
    if (lane_is_slow(queue, lane))
        return false;
    return lane->pace > 0 ||
           (lane->active == 0 && queue->crews[WORKER_REMOTE].active + most / 8 < most);
}

/* Slow lanes have every fourth turn, and nothing of the last quarter. */
static struct stream *
remote_stream(struct queue *queue)
{
    const struct crew *crew = &queue->crews[WORKER_REMOTE];
    size_t most = crew_most(queue, WORKER_REMOTE);
    bool deferred_may =
        crew->active_deferred == 0 || crew->active_deferred < most - (most + 3) / 4;
    bool slow_may = most == 1 || !remote_is_short(queue);
    bool slow_first = (queue->picks[POOL_REMOTE] + queue->picks[POOL_SLOW]) % 4 == 3;
    struct stream *stream = NULL;

    if (slow_may && slow_first)
        stream = pool_stream(queue, POOL_SLOW, deferred_may, lane_has_share);
    if (stream == NULL)
        stream = pool_stream(queue, POOL_REMOTE, deferred_may, lane_has_share);
    if (stream == NULL && slow_may && !slow_first)
        stream = pool_stream(queue, POOL_SLOW, deferred_may, lane_has_share);
    return stream;
}

static bool
remote_next(struct queue *queue, struct queue_action *action)
{
    struct crew *crew = &queue->crews[WORKER_REMOTE];
    struct worker *worker = crew->idle_first;
    struct stream *stream;

    if (worker != NULL && worker->retired)
        worker = NULL;
    if (worker == NULL && !crew_may_start(queue, WORKER_REMOTE))
        return false;
    stream = remote_stream(queue);
    if (stream == NULL)
        return false;
    if (worker == NULL)
        return crew->starting < remote_ready(queue) &&
               pool_start_worker(queue, WORKER_REMOTE, "", action);
    if (stream->lane->idle != NULL && !stream->lane->idle->retired)
        worker = stream->lane->idle;
    return pool_hand_out(queue, stream, worker, action);
}

/* --- users' workers: one for each user --- */

static bool
user_next(struct queue *queue, struct queue_action *action)
{
    struct stream *stream = pool_stream(queue, POOL_USER, true, NULL);

    return stream != NULL && pool_hand_out(queue, stream, stream->lane->worker, action);
}

static bool
user_start_next(struct queue *queue, struct queue_action *action)
{
    struct stream *stream;
    struct lane *lane;

    if (!crew_may_start(queue, WORKER_USER))
        return false;
    stream = pool_stream(queue, POOL_USER_START, true, NULL);
    if (stream == NULL)
        return false;
    queue->picks[POOL_USER_START]++;
    lane = stream->lane;
    lane->starting = true;
    schedule_set(&queue->schedule, &lane->timer, queue->time + START_WAIT);
    lane_update(queue, lane);
    return pool_start_worker(queue, WORKER_USER, lane->host, action);
}

/* --- those that are too many --- */

static int64_t
worker_stops_at(const struct queue *queue, const struct worker *worker)
{
    const struct crew *crew = &queue->crews[worker->class];
    size_t most = crew_most(queue, worker->class);
    bool others_wait = queue->ready[POOL_USER_START][STREAM_NEW].count +
                           queue->ready[POOL_USER_START][STREAM_DEFERRED].count >
                       0;

    if (worker->retired || crew->count - crew->stopping > most)
        return INT64_MIN;
    if (worker->class == WORKER_USER && others_wait &&
        crew->count - crew->stopping >= most)
        return INT64_MIN;
    return worker->idle_since +
           queue->configuration->settings.worker_idle.seconds * SECOND;
}

static bool
stop_next(struct queue *queue, struct queue_action *action)
{
    for (int class = 0; class < WORKER_CLASSES; class ++) {
        struct worker *worker = queue->crews[class].idle_last;

        if (worker == NULL || worker_stops_at(queue, worker) > queue->time)
            continue;
        worker_set_busy(queue, worker);
        worker->stopping = true;
        queue->crews[class].stopping++;
        if (worker->class == WORKER_USER)
            lane_update(queue, worker->lane);
        *action = (struct queue_action){.kind = QUEUE_STOP_WORKER,
                                        .worker = worker->number,
                                        .class = worker->class,
                                        .user = ""};
        return true;
    }
    return false;
}

/* Workers of which nothing was heard are no longer waited for. */
static void
starts_give_up(struct queue *queue)
{
    for (int class = 0; class < WORKER_USER; class ++) {
        struct crew *crew = &queue->crews[class];

        if (crew->starting > 0 && queue->time - crew->last_start >= START_WAIT)
            crew->starting = 0;
    }
}

bool
pool_next(struct queue *queue, struct queue_action *action)
{
    starts_give_up(queue);
    if (stop_next(queue, action))
        return true;
    return !queue->suspended &&
           (user_next(queue, action) || user_start_next(queue, action) ||
            resolve_next(queue, action) || remote_next(queue, action));
}

int64_t
pool_wake(const struct queue *queue)
{
    int64_t wake = INT64_MAX;

    for (int class = 0; class < WORKER_CLASSES; class ++) {
        const struct crew *crew = &queue->crews[class];
        int64_t stop =
            crew->idle_last != NULL ? worker_stops_at(queue, crew->idle_last) : INT64_MAX;

        if (stop < wake)
            wake = stop;
        if (crew->start_after > queue->time && crew->start_after < wake)
            wake = crew->start_after;
    }
    return wake;
}
