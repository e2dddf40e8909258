/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long to wait after a failure, and when a failure is the last one. Age alone never
 * ends anything: a message fails for its age only when an attempt failed after that age,
 * of its own or of the host that it waits for.
 */
#include "queue/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "mail/status.h"

#include "base/banned.h"

int64_t
retry_wait(const struct queue *queue, const struct lane *lane, unsigned tries)
{
    int64_t most = queue->configuration->settings.retry_interval_max.seconds * SECOND;
    int64_t wait = lane->interval > 0 ? lane->interval : MINUTE;

    if (most < wait)
        return wait;
    for (unsigned i = 1; i < tries && wait < most; i++)
        wait *= 2;
    return wait < most ? wait : most;
}

/* Age from which a failed attempt is the last; 0: none. */
static int64_t
retry_limit(const struct queue *queue, const struct queued *message,
            const struct lane *lane)
{
    const struct settings *settings = &queue->configuration->settings;

    if (message->is_bounce)
        return settings->bounce_queue_time.seconds * SECOND;
    if (lane->kind == LANE_RESOLVE)
        return settings->resolve_timeout.seconds * SECOND;
    return lane->duration;
}

bool
retry_is_over(const struct queue *queue, const struct queued *message,
              const struct lane *lane)
{
    int64_t limit = retry_limit(queue, message, lane);

    return limit > 0 && message_age(queue, message) >= limit;
}

/* --- telling --- */

static bool
expiry_takes(const struct expiry *expiry, const struct queued *message,
             const struct error *error)
{
    return expiry != NULL && expiry->count < JOB_ADDRESSES &&
           memcmp(expiry->id.text, message->id.text, MESSAGE_ID_LENGTH) == 0 &&
           expiry->error.number == error->number &&
           strcmp(expiry->error.text, error->text) == 0;
}

static struct expiry *
expiry_new(struct queue *queue, const struct queued *message, const struct error *error)
{
    struct expiry *expiry = memory_alloc(sizeof(*expiry));

    expiry->id = message->id;
    expiry->error = *error;
    if (queue->expiry_first == NULL)
        queue->expiry_first = expiry;
    else
        queue->expiry_last->next = expiry;
    queue->expiry_last = expiry;
    return expiry;
}

void
expiry_add_error(struct queue *queue, const struct queued *message,
                 const uint32_t *numbers, uint32_t count, const struct error *error)
{
    struct expiry *expiry = queue->expiry_first != NULL ? queue->expiry_last : NULL;

    queue->changed = true;
    for (uint32_t i = 0; i < count; i++) {
        if (!expiry_takes(expiry, message, error))
            expiry = expiry_new(queue, message, error);
        expiry->numbers[expiry->count++] = numbers[i];
    }
}

void
expiry_add(struct queue *queue, const struct queued *message, const struct lane *lane,
           const uint32_t *numbers, uint32_t count, const char *text)
{
    struct error error = {0};

    if (text == NULL || text[0] == '\0')
        text = "no reason is known";
    if (lane->kind == LANE_RESOLVE)
        fail_permanent_number(&error, ERR_RESOLVE_TIMEOUT, "5.4.7",
                              "address could not be resolved in time: %s", text);
    else
        fail_permanent_number(&error, ERR_RETRY_DURATION, "5.4.7",
                              "retry duration is over: %s", text);
    expiry_add_error(queue, message, numbers, count, &error);
}

bool
expiry_take(struct queue *queue, struct queue_action *action)
{
    struct expiry *expiry = queue->expiry_first;

    free(queue->expiry_told);
    queue->expiry_told = expiry;
    if (expiry == NULL)
        return false;
    queue->expiry_first = expiry->next;
    *action = (struct queue_action){.kind = QUEUE_EXPIRE,
                                    .user = "",
                                    .id = expiry->id,
                                    .numbers = expiry->numbers,
                                    .count = expiry->count,
                                    .error = expiry->error};
    return true;
}

void
expiries_free(struct queue *queue)
{
    struct queue_action action;

    while (expiry_take(queue, &action))
        ;
}

/* --- what waits in a lane whose host failed --- */

static void
task_expire(struct queue *queue, struct lane *lane, struct task *task)
{
    uint32_t numbers[JOB_ADDRESSES];
    struct task *piece;

    do {
        task_detach(queue, task);
        piece = task_cut(queue, task);
        expiry_add(queue, piece->message, lane, numbers,
                   task_numbers(piece, 0, numbers, JOB_ADDRESSES), lane->error);
        task_wait(queue, piece, queue->time + UNCONFIRMED_WAIT);
    } while (piece != task);
}

static void
band_expire(struct queue *queue, struct lane *lane, struct task *task)
{
    while (task != NULL) {
        struct task *next = task->next;

        if (retry_is_over(queue, task->message, lane))
            task_expire(queue, lane, task);
        else if (task->message->born < lane->oldest)
            lane->oldest = task->message->born;
        task = next;
    }
}

/* The least age at which anything in the lane can be too old; INT64_MAX: nothing ever is.
 */
static int64_t
lane_least_limit(const struct queue *queue, const struct lane *lane)
{
    int64_t bounces = queue->configuration->settings.bounce_queue_time.seconds * SECOND;
    int64_t limit = lane->duration > 0 ? lane->duration : INT64_MAX;

    return bounces > 0 && bounces < limit ? bounces : limit;
}

void
lane_expire(struct queue *queue, struct lane *lane)
{
    int64_t limit = lane_least_limit(queue, lane);

    /* The walk over a long lane is for when it can find something. */
    if (lane->oldest == INT64_MAX || limit == INT64_MAX ||
        queue->time - lane->oldest < limit)
        return;
    lane->oldest = INT64_MAX;
    for (int i = 0; i < STREAM_COUNT; i++) {
        struct band *band = lane->streams[i].bands, *next;

        for (; band != NULL; band = next) {
            next = band->next; /* an emptied band is freed */
            band_expire(queue, lane, band->first);
        }
    }
}
