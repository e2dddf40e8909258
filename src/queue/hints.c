/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hints: what is remembered of hosts, for hoststat and for the next start. They are the
 * lanes of remote destinations; losing them costs some attempts, never mail.
 */
#include "queue/state.h"

#include <string.h>

#include "base/banned.h"

/* A time of the queue as the wall showed it with the last call; 0: never. */
static int64_t
hint_time(const struct queue *queue, int64_t time)
{
    return time == INT64_MIN ? 0 : queue_wall(queue, time, queue->wall);
}

bool
queue_hint_next(const struct queue *queue, size_t *at, struct host_hint *hint)
{
    while (*at < queue->lane_count) {
        const struct lane *lane = queue->lanes[(*at)++];

        if (lane == NULL || lane->kind != LANE_REMOTE)
            continue;
        *hint = (struct host_hint){
            .lane = lane->name,
            .last_try = hint_time(queue, lane->last_try),
            .next_try = lane->closed ? hint_time(queue, lane->next_try) : 0,
            .failing_since = hint_time(queue, lane->failing_since),
            .waiting = lane->tasks - lane->active,
            .active = lane->active,
            .error = lane->error != NULL ? lane->error : "",
        };
        return true;
    }
    return false;
}

/* How many failures in a row lead to such a wait. */
static uint16_t
failures_before(const struct queue *queue, const struct lane *lane, int64_t wait)
{
    uint16_t failures = 1;

    while (failures < 32 && retry_wait(queue, lane, failures) < wait)
        failures++;
    return failures;
}

/* From the future: the clock was changed, and nothing is known. Or too long ago. */
static bool
hint_is_credible(const struct queue *queue, const struct host_hint *hint, int64_t now)
{
    int64_t keep = queue->configuration->settings.host_status_ttl.seconds * SECOND;

    return strchr(hint->lane, ':') != NULL && hint->lane[0] != ':' &&
           hint->last_try > 0 && hint->last_try <= now && now - hint->last_try < keep;
}

/* The host was failing: close its lane for what is left of its interval. */
static void
hint_load_failure(struct queue *queue, struct lane *lane, const struct host_hint *hint,
                  int64_t now)
{
    int64_t since =
        hint->failing_since <= hint->last_try ? hint->failing_since : hint->last_try;
    int64_t next = hint->next_try > hint->last_try ? hint->next_try : hint->last_try;
    int64_t wait = next - hint->last_try;

    lane->failing_since = queue->time - (now - since);
    lane->failures = failures_before(queue, lane, wait);
    lane_error(lane, 0, hint->error);
    if (next <= now || wait > retry_wait(queue, lane, lane->failures))
        next = now;
    lane_close(queue, lane, queue->time + (next - now));
}

void
queue_hint_load(struct queue *queue, const struct host_hint *hint, int64_t now)
{
    struct lane *lane;

    queue_tick(queue, now);
    if (!hint_is_credible(queue, hint, now))
        return;
    lane = lane_for_name(queue, hint->lane);
    if (lane->last_try != INT64_MIN)
        return; /* we know better */
    lane->last_try = queue->time - (now - hint->last_try);
    if (hint->failing_since > 0)
        hint_load_failure(queue, lane, hint, now);
    lane_release(queue, lane);
}

void
queue_hints_clear(struct queue *queue, const char *name)
{
    for (uint32_t i = 0; i < queue->lane_count; i++) {
        struct lane *lane = queue->lanes[i];

        if (lane == NULL || (name != NULL && strcmp(lane->name, name) != 0))
            continue;
        lane_forget_failure(queue, lane);
        lane->last_try = INT64_MIN;
        lane_release(queue, lane);
    }
}
