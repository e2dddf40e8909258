/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A heap with four children to a node: half the levels of a binary one, and the children
 * of a node share a cache line. The due time stands in the slot, so that sifting does not
 * touch the timers that it compares.
 */
#include "queue/schedule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

#include "base/banned.h"

enum { CHILDREN = 4, ROOM_LEAST = 64 };

void
schedule_free(struct schedule *schedule)
{
    free(schedule->slots);
    *schedule = (struct schedule){0};
}

static void
slot_put(struct schedule *schedule, size_t at, struct schedule_slot slot)
{
    schedule->slots[at] = slot;
    slot.timer->place = (uint32_t)at + 1;
}

static void
sift_up(struct schedule *schedule, size_t at, struct schedule_slot slot)
{
    while (at > 0 && slot.due < schedule->slots[(at - 1) / CHILDREN].due) {
        slot_put(schedule, at, schedule->slots[(at - 1) / CHILDREN]);
        at = (at - 1) / CHILDREN;
    }
    slot_put(schedule, at, slot);
}

/* The earliest child of a node, or `count` when it has none. */
static size_t
earliest_child(const struct schedule *schedule, size_t at)
{
    size_t first = at * CHILDREN + 1, best = first;

    if (first >= schedule->count)
        return schedule->count;
    for (size_t i = first + 1; i < first + CHILDREN && i < schedule->count; i++)
        if (schedule->slots[i].due < schedule->slots[best].due)
            best = i;
    return best;
}

static void
sift_down(struct schedule *schedule, size_t at, struct schedule_slot slot)
{
    for (;;) {
        size_t child = earliest_child(schedule, at);

        if (child >= schedule->count || schedule->slots[child].due >= slot.due)
            break;
        slot_put(schedule, at, schedule->slots[child]);
        at = child;
    }
    slot_put(schedule, at, slot);
}

/* Put a slot where another one was taken out. */
static void
sift(struct schedule *schedule, size_t at, struct schedule_slot slot)
{
    if (at > 0 && slot.due < schedule->slots[(at - 1) / CHILDREN].due)
        sift_up(schedule, at, slot);
    else
        sift_down(schedule, at, slot);
}

static void
schedule_grow(struct schedule *schedule)
{
    size_t room = schedule->room + schedule->room / 4 + ROOM_LEAST;

    assert(room < UINT32_MAX);
    schedule->slots = memory_grow(schedule->slots, room * sizeof(*schedule->slots));
    schedule->room = room;
}

void
schedule_set(struct schedule *schedule, struct timer *timer, int64_t due)
{
    struct schedule_slot slot = {due, timer};

    timer->due = due;
    if (timer->place > 0) {
        sift(schedule, timer->place - 1, slot);
        return;
    }
    if (schedule->count == schedule->room)
        schedule_grow(schedule);
    sift_up(schedule, schedule->count++, slot);
}

void
schedule_clear(struct schedule *schedule, struct timer *timer)
{
    size_t at;

    if (timer->place == 0)
        return;
    at = timer->place - 1;
    timer->place = 0;
    schedule->count--;
    if (at < schedule->count)
        sift(schedule, at, schedule->slots[schedule->count]);
}

struct timer *
schedule_take(struct schedule *schedule, int64_t now)
{
    struct timer *timer;

    if (schedule->count == 0 || schedule->slots[0].due > now)
        return NULL;
    timer = schedule->slots[0].timer;
    schedule_clear(schedule, timer);
    return timer;
}

int64_t
schedule_next(const struct schedule *schedule)
{
    return schedule->count > 0 ? schedule->slots[0].due : INT64_MAX;
}
