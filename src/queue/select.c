/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The operator's side: which messages are meant, making them due, and why one waits.
 */
#include "queue/state.h"

#include <string.h>

#include "base/banned.h"

bool
grades_have(const char *grades, char grade)
{
    size_t length = grades != NULL ? strlen(grades) : 0;

    if (length == 0 || strcmp(grades, "*") == 0)
        return true;
    if (length == 3 && grades[1] == '-')
        return (grades[0] == '*' || grade >= grades[0]) &&
               (grades[2] == '*' || grade <= grades[2]);
    return strchr(grades, grade) != NULL;
}

static bool
text_has(const char *text, const char *pattern)
{
    return pattern == NULL || strcasestr(text, pattern) != NULL;
}

static bool
selection_has_id(const struct queue_selection *selection, const struct message_id *id)
{
    if (selection->ids == NULL)
        return true;
    for (size_t i = 0; i < selection->id_count; i++)
        if (memcmp(selection->ids[i].text, id->text, MESSAGE_ID_LENGTH) == 0)
            return true;
    return false;
}

/* Is there one address that fits both patterns? */
static bool
selection_has_place(const struct queue *queue, const struct queue_selection *selection,
                    const struct queued *message)
{
    if (selection->recipient == NULL && selection->host == NULL)
        return true;
    for (uint32_t i = 0; i < message->place_count; i++) {
        const struct place *place = &message->places[i];
        const struct lane *lane = lane_at(queue, place->lane);

        if (address_state_done((enum address_state)place->state))
            continue;
        if (text_has(place_text(message, place), selection->recipient) &&
            text_has(lane != NULL && lane->kind == LANE_REMOTE ? lane->host : "",
                     selection->host))
            return true;
    }
    return false;
}

/* All but the ids, which are looked up. */
static bool
selection_fits_rest(const struct queue *queue, const struct queue_selection *selection,
                    const struct queued *message)
{
    return (!selection->held_only || message->held) &&
           (!selection->bounces_only || message->is_bounce) &&
           grades_have(selection->grades, message->grade) &&
           message_age(queue, message) >= selection->older_than &&
           text_has(message->texts, selection->sender) &&
           selection_has_place(queue, selection, message);
}

bool
queue_selects(const struct queue *queue, const struct queue_selection *selection,
              const struct message_id *id, int64_t now)
{
    const struct queued *message = id_index_get(queue, id);

    (void)now;
    return message != NULL && selection_has_id(selection, id) &&
           selection_fits_rest(queue, selection, message);
}

/* --- making due --- */

/* Make a task due; `urgent`: before everything else of its lane. */
static bool
task_run(struct queue *queue, struct task *task, bool urgent)
{
    struct lane *lane;

    if (task == NULL || task->state == TASK_HELD)
        return false;
    if (task->state == TASK_ACTIVE)
        return true;
    lane = lane_at(queue, task->lane);
    if (urgent || task->state != TASK_READY) {
        task_detach(queue, task);
        task_ready(queue, task, urgent ? GRADE_URGENT : task->message->grade);
    }
    lane_open(queue, lane);
    return true;
}

static bool
message_run(struct queue *queue, struct queued *message, bool urgent)
{
    const struct task *last = NULL;
    bool any = task_run(queue, message->report, urgent);

    message->kept = false;
    message->urgent = urgent;
    for (uint32_t i = 0; i < message->place_count; i++) {
        struct task *task = message->places[i].task;

        if (task != last && task_run(queue, task, urgent))
            any = true;
        last = task;
    }
    return any;
}

size_t
queue_run(struct queue *queue, const struct queue_selection *selection, int64_t now)
{
    struct queued *message = NULL;
    size_t count = 0, bucket = 0;

    queue_tick(queue, now);
    for (size_t i = 0; selection->ids != NULL && i < selection->id_count; i++) {
        message = id_index_get(queue, &selection->ids[i]);
        if (message != NULL && selection_fits_rest(queue, selection, message))
            count += message_run(queue, message, true);
    }
    while (selection->ids == NULL &&
           (message = id_index_next(queue, &bucket, message)) != NULL)
        if (selection_fits_rest(queue, selection, message))
            count += message_run(queue, message, false);
    return count;
}

void
queue_interval_run(struct queue *queue, int64_t now)
{
    const struct settings *settings = &queue->configuration->settings;
    struct task *task, *next;

    queue_tick(queue, now);
    for (task = queue->kept_first; task != NULL; task = next) {
        struct queued *message = task->message;

        next = task->next;
        if (!grades_have(settings->runq_grades, message->grade) ||
            message_age(queue, message) < settings->min_queue_age.seconds * SECOND)
            continue;
        message->kept = false;
        task_detach(queue, task);
        task_ready(queue, task, message->grade);
    }
}

/* --- why does it wait? --- */

struct explanation {
    int64_t next; /* time of the queue; INT64_MAX: none */
    const char *why, *error;
};

static struct explanation
task_explain(const struct queue *queue, const struct task *task, int64_t time)
{
    const struct lane *lane = lane_at(queue, task->lane);

    switch ((enum task_state)task->state) {
    case TASK_ACTIVE:
        return (struct explanation){time, "is being worked on", NULL};
    case TASK_READY:
        if (lane->closed)
            return (struct explanation){lane->next_try, lane->host, lane->error};
        return (struct explanation){time, "waits for its turn", NULL};
    case TASK_WAITING:
        return (struct explanation){task->timer.due, "put off after a temporary failure",
                                    NULL};
    case TASK_KEPT:
        return (struct explanation){INT64_MAX, "waits for the next queue run", NULL};
    case TASK_HELD:
        break;
    }
    return (struct explanation){INT64_MAX, "held", NULL};
}

/* That of the address that is tried first. */
static struct explanation
message_explain(const struct queue *queue, const struct queued *message, int64_t time)
{
    struct explanation best = {INT64_MAX, message->held ? "held" : "waits for its turn",
                               NULL};
    bool any = false;

    for (uint32_t i = 0; i < message->place_count && !message->held; i++) {
        const struct task *task = message->places[i].task;
        struct explanation explanation;

        if (task == NULL)
            continue;
        explanation = task_explain(queue, task, time);
        if (!any || explanation.next < best.next)
            best = explanation;
        any = true;
    }
    return best;
}

bool
queue_explain(const struct queue *queue, const struct message_id *id, int64_t now,
              int64_t *next, struct text *why)
{
    const struct queued *message = id_index_get(queue, id);
    struct explanation explanation;
    int64_t time = queue_time_at(queue, now);

    if (message == NULL)
        return false;
    explanation = message_explain(queue, message, time);
    *next = explanation.next == INT64_MAX ? INT64_MAX
                                          : queue_wall(queue, explanation.next, now);
    if (queue->suspended && !message->held)
        explanation =
            (struct explanation){0, "deliveries are stopped", queue->suspended_why};
    text_add(why, explanation.why);
    if (explanation.error != NULL)
        text_add_format(why, ": %s", explanation.error);
    return true;
}
