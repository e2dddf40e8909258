/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Due times: a heap of timers that live inside the things they wake. Setting and clearing
 * costs O(log n) and no memory of its own but 16 bytes for each timer that runs.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

enum timer_kind { TIMER_TASK, TIMER_MESSAGE, TIMER_LANE };

/* All zeros but the kind: not running. */
struct timer {
    int64_t due;
    uint32_t place; /* in the heap, from 1; 0: not running */
    uint8_t kind;   /* enum timer_kind: what it is a part of */
};

struct schedule_slot {
    int64_t due;
    struct timer *timer;
};

struct schedule {
    struct schedule_slot *slots;
    size_t count, room;
};

void schedule_free(struct schedule *schedule);

/* Start it, or move it to another time. */
void schedule_set(struct schedule *schedule, struct timer *timer, int64_t due);
/* Stop it; nothing happens when it does not run. */
void schedule_clear(struct schedule *schedule, struct timer *timer);

/* Take the earliest one that is due, stopped, or NULL. */
struct timer *schedule_take(struct schedule *schedule, int64_t now);
/* When the earliest is due; INT64_MAX: none runs. */
int64_t schedule_next(const struct schedule *schedule);

#endif
