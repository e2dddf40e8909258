/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lanes: found by name, listed as ready, opened and closed. Names are "TRANSPORT:HOST"
 * for other hosts and ":USER" for local users; the two of the resolve workers have none.
 */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

enum {
    LANES_REMEMBERED = 20000, /* with more, hosts that work are forgotten at once */
    LANES_MOST = 100000,      /* with more, all that have no mail now */
};

struct lane *
lane_at(const struct queue *queue, uint32_t index)
{
    return index == LANE_NONE ? NULL : queue->lanes[index];
}

/* --- making --- */

static uint32_t
lane_index_new(struct queue *queue)
{
    if (queue->gap_count > 0)
        return queue->lane_gaps[--queue->gap_count];
    if (queue->lane_count == queue->lane_room) {
        uint32_t room = queue->lane_room + queue->lane_room / 2 + 64;

        queue->lanes = memory_grow(queue->lanes, room * sizeof(*queue->lanes));
        queue->lane_gaps =
            memory_grow(queue->lane_gaps, room * sizeof(*queue->lane_gaps));
        queue->lane_room = room;
    }
    return queue->lane_count++;
}

static struct lane *
lane_new(struct queue *queue, enum lane_kind kind, const char *name)
{
    struct lane *lane = memory_alloc(sizeof(*lane));
    const char *colon;

    lane->name = memory_string(name);
    colon = strchr(lane->name, ':');
    lane->host = colon != NULL ? colon + 1 : "";
    lane->kind = kind;
    lane->timer.kind = TIMER_LANE;
    lane->oldest = INT64_MAX;
    lane->last_try = lane->failing_since = lane->last_success = INT64_MIN;
    lane->last_halved = INT64_MIN;
    for (int i = 0; i < STREAM_COUNT; i++)
        lane->streams[i].lane = lane;
    lane->index = lane_index_new(queue);
    queue->lanes[lane->index] = lane;
    queue->lanes_in_use++;
    lane_configure(queue, lane);
    lane->window = lane->limit < WINDOW_FIRST ? lane->limit : WINDOW_FIRST;
    lane->threshold = UINT32_MAX;
    return lane;
}

struct lane *
lane_find(const struct queue *queue, const char *name)
{
    return table_get(queue->lane_names, span_of(name));
}

struct lane *
lane_for_name(struct queue *queue, const char *name)
{
    struct lane *lane = lane_find(queue, name);

    if (lane == NULL) {
        lane = lane_new(queue, name[0] == ':' ? LANE_USER : LANE_REMOTE, name);
        table_put(queue->lane_names, span_of(name), lane);
    }
    return lane;
}

/* "FIRST:SECOND" in the scratch arena; NULL counts as "". */
static const char *
lane_name(struct queue *queue, const char *first, const char *second)
{
    struct span left = span_of(first), right = span_of(second);
    char *name;

    arena_reset(queue->scratch);
    name = arena_alloc(queue->scratch, left.length + right.length + 2);
    if (left.length > 0)
        memcpy(name, left.bytes, left.length);
    name[left.length] = ':';
    if (right.length > 0)
        memcpy(name + left.length + 1, right.bytes, right.length);
    return name;
}

struct lane *
lane_for_user(struct queue *queue, const char *user)
{
    return lane_for_name(queue, lane_name(queue, "", user));
}

struct lane *
lane_for_address(struct queue *queue, const struct address *address,
                 bool transport_is_local)
{
    if (address->state == ADDRESS_NEW)
        return lane_at(queue, queue->resolve_lane);
    if (address->state == ADDRESS_USER || transport_is_local)
        return lane_for_user(queue, address->user);
    return lane_for_name(queue, lane_name(queue, address->transport, address->next_hop));
}

void
lanes_new(struct queue *queue)
{
    queue->lane_names = table_new();
    lane_index_new(queue); /* LANE_NONE */
    queue->lanes[LANE_NONE] = NULL;
    queue->resolve_lane = lane_new(queue, LANE_RESOLVE, "")->index;
    queue->report_lane = lane_new(queue, LANE_REPORT, "")->index;
}

/* --- what the configuration says about it --- */

static uint32_t
lane_limit(const struct configuration *configuration, const struct lane *lane)
{
    int64_t limit = configuration->settings.destination_concurrency;
    size_t length = strcspn(lane->name, ":");

    if (lane->kind != LANE_REMOTE)
        return UINT32_MAX;
    for (size_t i = 0; i < configuration->transports.count; i++) {
        const struct entry *entry = &configuration->transports.list[i];

        if (strlen(entry->name) == length &&
            memcmp(entry->name, lane->name, length) == 0 &&
            entry->transport->max_deliveries > 0)
            limit = entry->transport->max_deliveries;
    }
    return limit < 1 ? 1 : limit > UINT16_MAX ? UINT16_MAX : (uint32_t)limit;
}

void
lane_configure(struct queue *queue, struct lane *lane)
{
    /* A login name is no host. */
    const char *host = lane->kind == LANE_REMOTE ? lane->host : "";
    const struct retry_rule *rule = retry_rule_for(queue->configuration, host);

    lane->interval = rule->interval.seconds * SECOND;
    lane->duration = rule->duration.seconds * SECOND;
    lane->limit = lane_limit(queue->configuration, lane);
    if (lane->window > lane->limit)
        lane->window = lane->limit;
    lane_update(queue, lane);
}

/* --- forgetting --- */

static void
lane_free(struct queue *queue, struct lane *lane)
{
    schedule_clear(&queue->schedule, &lane->timer);
    crew_lane_gone(lane);
    if (lane->name[0] != '\0')
        table_remove(queue->lane_names, span_of(lane->name));
    queue->lanes[lane->index] = NULL;
    queue->lane_gaps[queue->gap_count++] = lane->index;
    queue->lanes_in_use--;
    free(lane->error);
    free(lane->name);
    free(lane);
}

void
lanes_free(struct queue *queue)
{
    for (uint32_t i = 0; i < queue->lane_count; i++)
        if (queue->lanes[i] != NULL)
            lane_free(queue, queue->lanes[i]);
    free(queue->lanes);
    free(queue->lane_gaps);
    table_free(queue->lane_names);
}

static bool
lane_is_wanted(const struct lane *lane)
{
    return lane->places > 0 || lane->tasks > 0 || lane->active > 0 || lane->starting ||
           lane->worker != NULL || lane->closed || lane->kind == LANE_RESOLVE ||
           lane->kind == LANE_REPORT;
}

void
lane_release(struct queue *queue, struct lane *lane)
{
    int64_t keep = queue->configuration->settings.host_status_ttl.seconds;

    if (lane_is_wanted(lane))
        return;
    if (lane->kind == LANE_USER || lane->last_try == INT64_MIN ||
        queue->lanes_in_use > (lane->failures == 0 ? LANES_REMEMBERED : LANES_MOST) ||
        lane->last_try + keep * SECOND <= queue->time)
        lane_free(queue, lane);
    else
        schedule_set(&queue->schedule, &lane->timer, lane->last_try + keep * SECOND);
}

/* --- open and closed --- */

/* Could it give a job, and to which kind of worker? */
static bool
lane_is_ready(const struct lane *lane, enum pool *pool)
{
    switch (lane->kind) {
    case LANE_RESOLVE:
    case LANE_REPORT:
        *pool = POOL_RESOLVE;
        return true;
    case LANE_REMOTE:
        *pool = lane->pace < SLOW_PACE ? POOL_REMOTE : POOL_SLOW;
        return !lane->closed && lane->active < lane->window;
    case LANE_USER:
        break;
    }
    *pool = lane->worker != NULL ? POOL_USER : POOL_USER_START;
    if (lane->closed)
        return false;
    if (lane->worker == NULL)
        return !lane->starting;
    return !lane->worker->retired && !lane->worker->stopping &&
           lane->worker->outstanding < USER_OUTSTANDING;
}

void
lane_update(struct queue *queue, struct lane *lane)
{
    enum pool pool;
    bool ready = lane_is_ready(lane, &pool);

    queue->changed = true;
    for (int i = 0; i < STREAM_COUNT; i++) {
        struct stream *stream = &lane->streams[i];
        char grade = ready && stream->bands != NULL ? stream->bands->grade : '\0';

        if (stream->listed == (uint8_t)grade && (grade == '\0' || stream->pool == pool))
            continue;
        ready_unlist(queue, stream);
        if (grade != '\0')
            ready_list(queue, stream, pool, grade);
    }
}

void
lane_close(struct queue *queue, struct lane *lane, int64_t until)
{
    if (!lane->closed) {
        lane->closed = true;
        queue->ready_count -= lane->ready;
        queue->closed_count += lane->ready;
    }
    lane->next_try = until;
    lane->window = 1;
    lane->threshold = UINT32_MAX;
    schedule_set(&queue->schedule, &lane->timer, until);
    lane_update(queue, lane);
}

void
lane_open(struct queue *queue, struct lane *lane)
{
    if (!lane->closed)
        return;
    lane->closed = false;
    queue->closed_count -= lane->ready;
    queue->ready_count += lane->ready;
    schedule_clear(&queue->schedule, &lane->timer);
    lane_update(queue, lane);
}

void
lane_timer(struct queue *queue, struct lane *lane)
{
    if (lane->starting) {
        lane->starting = false; /* nothing was heard of the worker: ask again */
        if (queue->crews[WORKER_USER].starting > 0)
            queue->crews[WORKER_USER].starting--;
        lane_update(queue, lane);
    }
    lane_open(queue, lane);
    lane_release(queue, lane);
}

/* --- how it went --- */

void
lane_error(struct lane *lane, int number, const char *text)
{
    free(lane->error);
    lane->error = text != NULL && text[0] != '\0' ? memory_string(text) : NULL;
    lane->error_number = number;
}

void
lane_forget_failure(struct queue *queue, struct lane *lane)
{
    lane->failures = 0;
    lane->failing_since = INT64_MIN;
    lane_error(lane, 0, NULL);
    lane_open(queue, lane);
}

void
lane_failed(struct queue *queue, struct lane *lane)
{
    if (lane->failures < UINT16_MAX)
        lane->failures++;
    if (lane->failing_since == INT64_MIN)
        lane->failing_since = queue->time;
    lane_close(queue, lane, queue->time + retry_wait(queue, lane, lane->failures));
    lane_expire(queue, lane);
}

/* One more for each success; after it was too many once, for a whole window of them. */
static void
window_open(struct lane *lane)
{
    if (lane->window >= lane->limit)
        return;
    if (lane->window >= lane->threshold && ++lane->credit < lane->window)
        return;
    lane->credit = 0;
    lane->window++;
}

/* Once for all jobs that began before. */
static void
window_halve(struct queue *queue, struct lane *lane, int64_t started)
{
    if (started <= lane->last_halved || lane->window == 1)
        return;
    lane->last_halved = queue->time;
    lane->window /= 2;
    lane->threshold = lane->window;
    lane->credit = 0;
}

static void
lane_pace(struct queue *queue, struct lane *lane, int64_t took)
{
    uint32_t last = took < HOUR ? (uint32_t)took + 1 : HOUR;

    lane->pace = lane->pace > 0 ? (lane->pace * 3 + last) / 4 : last;
    lane->stirred = queue->time;
}

bool
lane_is_slow(const struct queue *queue, const struct lane *lane)
{
    return lane->pace >= SLOW_PACE ||
           (lane->active > 0 && queue->time - lane->stirred >= SLOW_PACE);
}

void
lane_job_ended(struct queue *queue, struct lane *lane, const struct task *task)
{
    int64_t started = task->timer.due;
    bool success = (task->result & RESULT_SUCCESS) != 0, slow = job_is_slow(queue, task);

    if (lane->kind != LANE_REMOTE)
        return;
    lane->last_try = queue->time;
    lane_pace(queue, lane, queue->time - started);
    if (success || ((task->result & RESULT_ANSWER) != 0 && !slow)) {
        lane_forget_failure(queue, lane);
        lane->last_success = queue->time;
        if (success)
            window_open(lane);
    } else if ((task->result & RESULT_NO_HOST) == 0 && !slow) {
        return; /* nothing was learnt of the host */
    } else if (lane->closed) {
        return; /* another job of the same time said so already */
    } else if (lane->last_success >= started) {
        window_halve(queue, lane, started); /* it works, but not for so many at once */
    } else {
        lane_failed(queue, lane);
    }
}
