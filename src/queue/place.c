/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The places of a message: its addresses that are not done, in the order of their
 * numbers. Done ones stay as gaps until they are half of the array, so that no removal
 * moves a list of 50,000.
 */
#include "queue/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

/* The position of a number, or where it would be put. */
static uint32_t
place_position(const struct queued *message, uint32_t number)
{
    uint32_t low = 0, high = message->place_count;

    if (high > 0 && message->places[high - 1].number < number)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (message->places[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool
place_is_open(const struct place *place)
{
    return !address_state_done((enum address_state)place->state) &&
           place->state != ADDRESS_FAILED;
}

static bool
place_is_gone(const struct place *place)
{
    return address_state_done((enum address_state)place->state);
}

struct place *
place_find(const struct queued *message, uint32_t number)
{
    uint32_t at = place_position(message, number);

    if (at == message->place_count || message->places[at].number != number ||
        place_is_gone(&message->places[at]))
        return NULL;
    return &message->places[at];
}

const char *
place_text(const struct queued *message, const struct place *place)
{
    return message->texts + place->text;
}

/* --- texts --- */

uint32_t
message_add_text(struct queued *message, const char *text)
{
    size_t length = strlen(text) + 1, at = message->texts_length;

    /* Beyond any message we take; then it cannot be selected by its text. */
    if (at + length > UINT32_MAX / 2)
        return message->texts_length - 1;
    if (at + length > message->texts_room) {
        size_t room = at == 0 ? length : at + at / 2 + length;

        message->texts = memory_grow(message->texts, room);
        message->texts_room = (uint32_t)room;
    }
    memcpy(message->texts + at, text, length);
    message->texts_length = (uint32_t)(at + length);
    return (uint32_t)at;
}

/* --- making room, and giving it back --- */

static void
places_grow(struct queued *message)
{
    uint32_t room = message->place_room * 2;
    struct place *places;

    if (message->places != &message->one) {
        places = memory_grow(message->places, room * sizeof(*places));
    } else {
        places = memory_alloc(room * sizeof(*places));
        places[0] = message->one;
    }
    message->places = places;
    message->place_room = room;
}

struct place *
place_add(struct queued *message, uint32_t number)
{
    uint32_t at = place_position(message, number);
    struct place *place;

    if (at < message->place_count && message->places[at].number == number) {
        /* It was done, and is told to be open again. */
        message->gone--;
        place = &message->places[at];
    } else {
        if (message->place_count == message->place_room)
            places_grow(message);
        place = &message->places[at];
        memmove(place + 1, place, (message->place_count - at) * sizeof(*place));
        message->place_count++;
    }
    *place = (struct place){.number = number, .lane = LANE_NONE};
    return place;
}

/* Close the gaps, in the texts as well. */
static void
places_compact(struct queued *message)
{
    char *texts = message->texts;
    uint32_t kept = 0;

    message->texts = NULL;
    message->texts_length = message->texts_room = 0;
    message_add_text(message, texts);
    for (uint32_t i = 0; i < message->place_count; i++) {
        struct place *place = &message->places[kept];

        if (place_is_gone(&message->places[i]))
            continue;
        *place = message->places[i];
        place->text = message_add_text(message, texts + place->text);
        kept++;
    }
    free(texts);
    message->place_count = kept;
    message->gone = 0;
}

/* --- where it is --- */

void
place_set_lane(struct queue *queue, struct place *place, uint32_t index)
{
    struct lane *old = lane_at(queue, place->lane);

    if (place->lane == index)
        return;
    if (index != LANE_NONE)
        lane_at(queue, index)->places++;
    place->lane = index;
    if (old != NULL) {
        old->places--;
        lane_release(queue, old);
    }
}

void
place_leave_task(struct queue *queue, struct place *place)
{
    struct task *task = place->task;

    place->task = NULL;
    place->marks = 0;
    if (task != NULL)
        task_forget(queue, task);
}

void
place_finish(struct queue *queue, struct queued *message, struct place *place)
{
    if (place->state == ADDRESS_FAILED)
        message->failed--;
    place_leave_task(queue, place);
    place_set_lane(queue, place, LANE_NONE);
    place->state = ADDRESS_REPORTED;
    message->gone++;
    message_count_unreported(queue, message);
    if (message->gone > message->place_count / 2)
        places_compact(message);
}

void
place_fail(struct queue *queue, struct queued *message, struct place *place)
{
    if (place->state == ADDRESS_FAILED)
        return;
    place_leave_task(queue, place);
    place_set_lane(queue, place, LANE_NONE);
    place->state = ADDRESS_FAILED;
    if (message->failed++ == 0)
        message->failed_at = queue->time;
    message_count_unreported(queue, message);
}
