/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who gets a worker. Deferred mail takes at most three quarters of them and has every
 * fourth turn; a lane has at most half of them while others wait, and none of the last
 * quarter if its jobs take long; it gets the worker that has a connection to it.
 */
#include "queue/state.h"

#include "base/banned.h"

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
    struct task *task = stream_first(stream, queue->picks[stream->pool] % 8 == 7);

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
worker_stop(struct queue *queue, struct worker *worker, bool forced,
            struct queue_action *action)
{
    worker_set_busy(queue, worker);
    worker->stopping = true;
    crew_of(queue, worker)->stopping++;
    if (worker->class == WORKER_USER)
        lane_update(queue, worker->lane);
    *action = (struct queue_action){.kind = QUEUE_STOP_WORKER,
                                    .worker = worker->number,
                                    .class = worker->class,
                                    .forced = forced,
                                    .user = ""};
    return true;
}

static bool
stop_next(struct queue *queue, struct queue_action *action)
{
    for (int class = 0; class < WORKER_CLASSES; class ++) {
        struct worker *worker = queue->crews[class].idle_last;

        if (worker != NULL && worker_stops_at(queue, worker) <= queue->time)
            return worker_stop(queue, worker, false, action);
    }
    return false;
}

static bool
worker_is_silent(const struct queue *queue, const struct worker *worker)
{
    int64_t command = queue->configuration->settings.pipe_timeout.seconds * SECOND;
    int64_t most = SILENCE_MOST + (worker->class == WORKER_USER ? command : 0);

    return worker->outstanding > 0 && !worker->stopping &&
           queue->time - worker->stirred >= most;
}

/* A user may stop his own worker, and a driver may hang; its place is needed. */
static bool
silent_next(struct queue *queue, struct queue_action *action)
{
    if (queue->time - queue->silence_checked < MINUTE)
        return false;
    for (int class = 0; class < WORKER_CLASSES; class ++)
        for (struct worker *worker = queue->crews[class].first; worker != NULL;
             worker = worker->next)
            if (worker_is_silent(queue, worker))
                return worker_stop(queue, worker, true, action);
    queue->silence_checked = queue->time;
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
    if (stop_next(queue, action) || silent_next(queue, action))
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
