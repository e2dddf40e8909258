/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue role's own parts. Only queue_role.c and queue_control.c include this. */
#ifndef ROLE_SCHEDULE_ROLE_H
#define ROLE_SCHEDULE_ROLE_H

#include <event2/event.h>

#include "role/role.h"

/* A runq that waits until the messages it made due were tried. */
struct waiter {
    uint64_t token;
    struct message_id *ids; /* NULL: all of the queue */
    size_t count;
    size_t due;
    struct waiter *next;
};

/* A message whose submitter waits for its first attempt. */
struct followed {
    struct message_id id;
    struct followed *next;
};

struct scheduler {
    struct role *role;
    struct queue *queue;
    struct channel *spool;
    struct arena *turn;
    struct waiter *waiters;
    struct followed *followed;
    bool recovered, ran_once, hints_failed, busy_told, was_busy;
    struct event *wake, *hints, *interval;
};

/* --- queue_control.c --- */
void control_answer(struct scheduler *scheduler, const struct wire_control *control,
                    int64_t now);
void waiters_check(struct scheduler *scheduler, int64_t now);
void waiter_forget(struct scheduler *scheduler, uint64_t token);
void followed_add(struct scheduler *scheduler, const struct message_id *id);
void followed_check(struct scheduler *scheduler, int64_t now);
void state_say(struct scheduler *scheduler);

#endif
