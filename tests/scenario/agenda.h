/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is under way in the scheduler's world, and when it will be over. */
#ifndef SCENARIO_AGENDA_H
#define SCENARIO_AGENDA_H

#include "tests/scenario/world.h"

#define AGENDA_NEVER INT64_MAX

/* What will end at some time: a job, or the start of a worker. */
struct work {
    int64_t time;
    enum queue_action_kind kind;
    enum worker_class class;
    uint32_t worker;
    uint64_t job;
    struct letter *letter;
    const char *user;
    struct host *host;
    enum host_mood mood; /* as it was when the session began */
    uint32_t *numbers;
    uint32_t count;
};

/* All work under way, and idle workers (at AGENDA_NEVER), so that they can die. */
struct agenda {
    struct work *list;
    size_t count, room;
};

/* New work, all zeros but its time; valid until the next call. */
struct work *agenda_add(struct agenda *agenda, int64_t time);
/* The earliest, of equal ones the first handed out; SIZE_MAX for none. */
size_t agenda_first(const struct agenda *agenda);
struct work agenda_take(struct agenda *agenda, size_t at);

#endif
