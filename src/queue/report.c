/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the sender is told: a bounce once all addresses of the message had their attempt,
 * so that failures of one message make one bounce; a warning when it waited long.
 */
#include "queue/state.h"

#include "base/banned.h"

enum { FEW_PLACES = 64 };

static bool
task_is_busy(const struct queue *queue, const struct task *task)
{
    switch ((enum task_state)task->state) {
    case TASK_ACTIVE:
        return true;
    case TASK_READY:
        return !queue->suspended && !lane_at(queue, task->lane)->closed;
    case TASK_WAITING: /* lost with its worker, or a moment from its turn */
        return task->timer.due <= queue->time + LOSS_WAIT;
    case TASK_KEPT:
    case TASK_HELD:
        break;
    }
    return false;
}

bool
message_is_busy(const struct queue *queue, const struct queued *message)
{
    const struct task *last = NULL;

    if (message->fresh != NULL || message->active > 0)
        return true;
    for (uint32_t i = 0; i < message->place_count; i++) {
        const struct task *task = message->places[i].task;

        if (task != NULL && task != last && task_is_busy(queue, task))
            return true;
        last = task;
    }
    return false;
}

bool
queue_message_is_busy(const struct queue *queue, const struct message_id *id, int64_t now)
{
    const struct queued *message = id_index_get(queue, id);

    (void)now;
    if (message == NULL)
        return false;
    if (message->report != NULL && task_is_busy(queue, message->report))
        return true;
    if (!message->settled || message->unreported)
        return true;
    return message_is_busy(queue, message);
}

void
message_count_unreported(struct queue *queue, struct queued *message)
{
    bool is = message->failed > 0 && message->report == NULL && !message->held;

    if (is == message->unreported)
        return;
    message->unreported = is;
    queue->unreported_count =
        is ? queue->unreported_count + 1 : queue->unreported_count - 1;
}

static void
report_start(struct queue *queue, struct queued *message, enum task_kind kind)
{
    schedule_clear(&queue->schedule, &message->timer);
    if (kind == TASK_WARNING)
        message->warned = true;
    message->reporting = message->failed;
    message->report = task_new(queue, message, queue->report_lane, kind, 0);
    message_count_unreported(queue, message);
    task_ready(queue, message->report, message->grade);
}

static bool
bounce_is_due(const struct queue *queue, const struct queued *message)
{
    return queue->time - message->failed_at >= REPORT_WAIT_MOST ||
           !message_is_busy(queue, message);
}

/* When the sender is to be told of the delay; INT64_MAX: never. */
static int64_t
warning_due(const struct queue *queue, const struct queued *message)
{
    int64_t after = queue->configuration->settings.warning_time.seconds;

    if (after <= 0 || message->warned || message->is_bounce ||
        message->place_count - message->gone <= message->failed)
        return INT64_MAX;
    return message->born + after * SECOND;
}

static void
warning_check(struct queue *queue, struct queued *message)
{
    int64_t due = warning_due(queue, message);

    if (due == INT64_MAX)
        schedule_clear(&queue->schedule, &message->timer);
    else if (due <= queue->time)
        report_start(queue, message, TASK_WARNING);
    else
        schedule_set(&queue->schedule, &message->timer, due);
}

void
message_check(struct queue *queue, struct queued *message)
{
    if (message->held)
        schedule_clear(&queue->schedule, &message->timer);
    if (message->held || message->report != NULL)
        return;
    if (message->failed == 0) {
        warning_check(queue, message);
        return;
    }
    /* A large message is looked through by the timer alone, not after each of its jobs.
     */
    if (message->active == 0 && message->place_count <= FEW_PLACES &&
        bounce_is_due(queue, message))
        report_start(queue, message, TASK_BOUNCE);
    else if (message->timer.place == 0 || message->timer.due > queue->time + REPORT_CHECK)
        schedule_set(&queue->schedule, &message->timer, queue->time + REPORT_CHECK);
}

void
message_timer(struct queue *queue, struct queued *message)
{
    if (message->held || message->report != NULL)
        return;
    if (message->failed > 0 && bounce_is_due(queue, message))
        report_start(queue, message, TASK_BOUNCE);
    else
        message_check(queue, message);
}

/* When the rest is told: at once if this was as much as one report takes, else later. */
static int64_t
report_pause(struct queued *message)
{
    if (message->failed < message->reporting) {
        message->report_tries = 0;
        return 0;
    }
    if (message->report_tries < 6)
        message->report_tries++;
    return (int64_t)MINUTE << (message->report_tries - 1);
}

void
message_report_ended(struct queue *queue, struct queued *message, struct task *task)
{
    if (task->kind == TASK_WARNING || message->failed == 0) {
        message->report = NULL;
        message->report_tries = 0;
        message_count_unreported(queue, message);
        task_free(queue, task);
        return;
    }
    task->losses = 0;
    task_wait(queue, task, queue->time + report_pause(message));
    message->reporting = message->failed;
}
