/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages as the scheduler is told of them, from queue_message() to queue_removed().
 */
#include "queue/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"

#include "base/banned.h"

/* --- a message comes --- */

static char
grade_clean(char grade)
{
    return byte_is_digit(grade) || byte_is_letter(grade) ? grade : 'C';
}

/* Must a new message wait for a queue run? */
static bool
message_is_kept(const struct queue *queue, const struct queue_message *message)
{
    const struct settings *settings = &queue->configuration->settings;
    char mode = settings->delivery_mode != NULL ? settings->delivery_mode[0] : 'b';

    if (message->attempts > 0)
        return false;
    if (message->mode != DELIVERY_DEFAULT)
        mode = message->mode == DELIVERY_QUEUED ? 'q' : 'b';
    return settings->queue_only || byte_lower(mode) == 'q' ||
           !grades_have(settings->delivery_grades, message->grade);
}

static struct queued *
message_new(struct queue *queue, const struct queue_message *told)
{
    struct queued *message = memory_alloc(sizeof(*message));

    message->id = told->id;
    message->timer.kind = TIMER_MESSAGE;
    message->born = queue->time - (told->waited > 0 ? told->waited : 0);
    message->places = &message->one;
    message->place_room = 1;
    message->attempts = told->attempts;
    message->grade = grade_clean(told->grade);
    message->is_bounce = told->is_bounce;
    message->held = told->held;
    message->kept = message_is_kept(queue, told);
    message->warned = told->warned;
    message->recovered = told->recovered;
    message_add_text(message, told->reverse_path != NULL ? told->reverse_path : "");
    return message;
}

void
queue_message(struct queue *queue, const struct queue_message *told, int64_t now)
{
    struct queued *message;

    queue_tick(queue, now);
    if (id_index_get(queue, &told->id) != NULL)
        return;
    message = message_new(queue, told);
    id_index_put(queue, message);
    queue->unsettled_count++;
    queue->held_count += message->held;
    queue->recovered_count += message->recovered;
}

int64_t
message_age(const struct queue *queue, const struct queued *message)
{
    return queue->time - message->born;
}

/* --- its addresses --- */

static void
fresh_add(struct queued *message, struct place *place)
{
    struct numbers *fresh = message->fresh;

    if ((place->marks & PLACE_FRESH) != 0)
        return;
    place->marks |= PLACE_FRESH;
    if (fresh == NULL || fresh->count == fresh->room) {
        uint32_t count = fresh != NULL ? fresh->count : 0;
        uint32_t room = count > 0 ? count * 2 : 4;

        fresh = memory_grow(fresh, sizeof(*fresh) + room * sizeof(fresh->list[0]));
        fresh->count = count;
        fresh->room = room;
        message->fresh = fresh;
    }
    fresh->list[fresh->count++] = place->number;
}

static void
place_set_text(struct queued *message, struct place *place, const char *text)
{
    if (place->text == 0 || strcmp(place_text(message, place), text) != 0)
        place->text = message_add_text(message, text);
}

static void
place_open(struct queue *queue, struct queued *message, struct place *place,
           const struct address *address, bool transport_is_local)
{
    struct lane *lane = lane_for_address(queue, address, transport_is_local);
    bool same = place->lane == lane->index && place->state == address->state;

    /* Said again; or it is under way in this state already. */
    if (same && (place->task != NULL || (place->marks & PLACE_FRESH) != 0))
        return;
    if (place->state == ADDRESS_FAILED) {
        message->failed--;
        message_count_unreported(queue, message);
    }
    place_leave_task(queue, place);
    place_set_lane(queue, place, lane->index);
    place->state = (uint8_t)address->state;
    fresh_add(message, place);
}

void
queue_address(struct queue *queue, const struct message_id *id,
              const struct address *address, bool transport_is_local, int64_t now)
{
    struct queued *message = id_index_get(queue, id);
    struct place *place;

    queue_tick(queue, now);
    if (message == NULL)
        return;
    place = place_find(message, address->number);
    if (address_state_done(address->state)) {
        if (place != NULL)
            place_finish(queue, message, place);
        return;
    }
    if (place == NULL)
        place = place_add(message, address->number);
    place_set_text(message, place, address->text != NULL ? address->text : "");
    if (address->state == ADDRESS_FAILED)
        place_fail(queue, message, place);
    else
        place_open(queue, message, place, address, transport_is_local);
}

/* --- all of it was said --- */

void
message_place_task(struct queue *queue, struct task *task)
{
    struct queued *message = task->message;

    if (message->held) {
        task_hold(queue, task);
    } else if (message->kept) {
        task_keep(queue, task);
    } else {
        task_ready(queue, task, message->urgent ? GRADE_URGENT : message->grade);
        if (message->urgent)
            lane_open(queue, lane_at(queue, task->lane));
    }
}

/* A task of addresses for which everything is known now. */
static void
task_begin(struct queue *queue, struct task *task)
{
    struct queued *message = task->message;
    unsigned tries;

    if (message->recovered && message->attempts > 0) {
        /* Attempts were counted for each address. */
        tries = (message->attempts + message->place_count - 1) / message->place_count;
        task->tries = tries < UINT16_MAX ? (uint16_t)tries : UINT16_MAX;
    }
    /* What was tried before need not be tried all at once; what was not waits for nobody.
     */
    if (message->recovered && message->attempts > 0 && !message->held && !message->kept &&
        queue->recovered_count > RECOVERY_FEW)
        task_wait(queue, task, queue->time + (int64_t)random_below(RECOVERY_SPREAD));
    else
        message_place_task(queue, task);
}

static int
compare_fresh(const void *a, const void *b, void *argument)
{
    const struct queued *message = argument;
    const struct place *left = place_find(message, *(const uint32_t *)a);
    const struct place *right = place_find(message, *(const uint32_t *)b);

    if (left->lane != right->lane)
        return left->lane < right->lane ? -1 : 1;
    if (((left->marks ^ right->marks) & PLACE_TRIED) != 0)
        return (left->marks & PLACE_TRIED) != 0 ? 1 : -1;
    return (left->number > right->number) - (left->number < right->number);
}

/* Leave only what is still fresh, in the order of lanes. */
static void
fresh_sort(struct queued *message, struct numbers *fresh)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < fresh->count; i++) {
        struct place *place = place_find(message, fresh->list[i]);

        if (place == NULL || (place->marks & PLACE_FRESH) == 0)
            continue;
        fresh->list[count++] = fresh->list[i];
    }
    fresh->count = count;
    if (count > 1)
        qsort_r(fresh->list, count, sizeof(fresh->list[0]), compare_fresh, message);
}

/* One task for the addresses from `at` on that go to the same lane; gives the next `at`.
 */
static uint32_t
fresh_group(struct queue *queue, struct queued *message, const struct numbers *fresh,
            uint32_t at)
{
    const struct place *first = place_find(message, fresh->list[at]);
    uint32_t lane = first->lane, end = at;
    bool tried = (first->marks & PLACE_TRIED) != 0;
    struct task *task;

    for (; end < fresh->count; end++) {
        const struct place *place = place_find(message, fresh->list[end]);

        if (place->lane != lane || ((place->marks & PLACE_TRIED) != 0) != tried)
            break;
    }
    task = task_new(queue, message, lane, TASK_ADDRESSES, end - at);
    for (uint32_t i = at; i < end; i++) {
        struct place *place = place_find(message, fresh->list[i]);

        place->marks = 0;
        place->task = task;
        task->numbers[task->count++] = place->number;
    }
    task->live = task->count;
    if (tried && !message->held && !message->kept) {
        task->tries = 1;
        task_wait(queue, task, queue->time + retry_wait(queue, lane_at(queue, lane), 1));
    } else {
        task_begin(queue, task);
    }
    return end;
}

void
queue_settle(struct queue *queue, const struct message_id *id, int64_t now)
{
    struct queued *message = id_index_get(queue, id);
    struct numbers *fresh;

    queue_tick(queue, now);
    if (message == NULL)
        return;
    fresh = message->fresh;
    message->fresh = NULL;
    if (fresh != NULL) {
        fresh_sort(message, fresh);
        for (uint32_t at = 0; at < fresh->count;)
            at = fresh_group(queue, message, fresh, at);
        free(fresh);
    }
    message->recovered = false;
    queue->unsettled_count -= !message->settled;
    message->settled = true;
    message_check(queue, message);
}

/* --- hold, removal --- */

static void
task_set_held(struct queue *queue, struct task *task, bool held)
{
    if (task == NULL || task->state == TASK_ACTIVE || (task->state == TASK_HELD) == held)
        return;
    task_detach(queue, task);
    message_place_task(queue, task);
}

void
queue_hold(struct queue *queue, const struct message_id *id, bool held, int64_t now)
{
    struct queued *message = id_index_get(queue, id);

    queue_tick(queue, now);
    if (message == NULL || message->held == held)
        return;
    message->held = held;
    queue->held_count = held ? queue->held_count + 1 : queue->held_count - 1;
    for (uint32_t i = 0; i < message->place_count; i++)
        task_set_held(queue, message->places[i].task, held);
    task_set_held(queue, message->report, held);
    message_count_unreported(queue, message);
    message_check(queue, message);
}

/* A task that loses its message: gone at once, or at the end of its job. */
static void
task_orphan(struct queue *queue, struct task *task)
{
    if (task->state == TASK_ACTIVE)
        task->message = NULL;
    else
        task_free(queue, task);
}

void
message_free(struct queue *queue, struct queued *message)
{
    for (uint32_t i = 0; i < message->place_count; i++) {
        struct place *place = &message->places[i];
        struct task *task = place->task;

        place->task = NULL;
        if (task != NULL && --task->live == 0)
            task_orphan(queue, task);
        place_set_lane(queue, place, LANE_NONE);
    }
    if (message->report != NULL)
        task_orphan(queue, message->report);
    queue->unreported_count -= message->unreported;
    queue->unsettled_count -= !message->settled;
    schedule_clear(&queue->schedule, &message->timer);
    id_index_remove(queue, message);
    queue->held_count -= message->held;
    if (message->places != &message->one)
        free(message->places);
    free(message->fresh);
    free(message->texts);
    free(message);
}

void
queue_removed(struct queue *queue, const struct message_id *id)
{
    struct queued *message = id_index_get(queue, id);

    if (message == NULL)
        return;
    queue->changed = true;
    message_free(queue, message);
}
