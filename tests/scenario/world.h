/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A world for the scheduler to live in: a clock that jumps from event to event, a spool
 * that is a list in memory, workers that take the time they are told to take, and hosts
 * that answer, refuse, or hang. What happens is kept as a list of events with their
 * times.
 */
#ifndef SCENARIO_WORLD_H
#define SCENARIO_WORLD_H

#include "queue/queue.h"

enum host_mood {
    HOST_UP,       /* takes everything */
    HOST_DOWN,     /* refuses the connection */
    HOST_SILENT,   /* connects, and never greets */
    HOST_TARPIT,   /* greets, and then nothing until the time-out */
    HOST_BUSY,     /* greets at most `most` sessions at once, the others get 421 */
    HOST_PUTS_OFF, /* 451 for each recipient */
    HOST_REFUSES,  /* 550 for each recipient */
};

struct host {
    const char *name;
    enum host_mood mood;
    int64_t time; /* that one session takes */
    uint32_t most;
    uint32_t sessions, sessions_most; /* at once: now, and ever */
    uint32_t attempts;
    struct host *next;
};

/* How a user's worker starts. */
enum user_mood { USER_STARTS, USER_CANNOT_START, USER_UNKNOWN };

struct login {
    const char *name;
    enum user_mood mood;
    struct login *next;
};

enum happening {
    HAPPENED_ATTEMPT, /* a delivery began */
    HAPPENED_DELIVERED,
    HAPPENED_RELAYED,
    HAPPENED_DEFERRED,
    HAPPENED_FAILED,
    HAPPENED_EXPIRED,
    HAPPENED_BOUNCED,
    HAPPENED_WARNED,
    HAPPENED_KINDS
};
extern const char *const happening_names[HAPPENED_KINDS];

struct event {
    int64_t time; /* since the beginning */
    enum happening kind;
    uint32_t count; /* addresses */
    const char *text;
    struct event *next;
};

struct letter {
    struct message_id id;
    const char *name;
    struct queue_message told;
    int64_t submitted;
    struct address *addresses;
    uint32_t count, open;
    bool gone;
    struct event *events, **last_event;
    struct letter *next;
};

struct world {
    struct arena *arena;
    struct configuration *configuration;
    struct queue *queue;
    int64_t time;   /* since the beginning, never jumping */
    int64_t offset; /* of the wall clock */
    bool names_down;
    struct host *hosts;
    struct login *users;
    struct letter *letters, **last_letter;
    struct table *letters_by_id;
    struct agenda *agenda; /* what is under way */
    uint32_t workers;      /* numbers given */
    uint64_t serial;
    uint32_t warnings, bounces, starts, stops;
};

struct world *world_new(void);
void world_free(struct world *world);
/* Change a variable of the configuration, in the syntax of the file. */
bool world_set(struct world *world, const char *name, const char *value,
               struct error *error);
/* A line of the retry file. */
bool world_retry(struct world *world, const char *domain, const char *interval,
                 const char *duration, struct error *error);

int64_t world_now(const struct world *world);
/* Let time pass. */
void world_until(struct world *world, int64_t time);
/* Let it pass until nothing is under way or due. */
void world_until_idle(struct world *world);

struct host *world_host(struct world *world, const char *name);
struct login *world_user(struct world *world, const char *name);
struct letter *world_letter(const struct world *world, const char *name);

/* Hand in a message; recipients of "here" are local, others are hosts. */
struct letter *world_mail(struct world *world, const char *name,
                          const struct queue_message *model,
                          const char *const *recipients, uint32_t count);
/* Workers of the class die; those that have a job of `letter` alone if that is not NULL.
 */
void world_kill(struct world *world, enum worker_class class,
                const struct letter *letter);
/* The scheduler dies, and another is filled from the spool. */
void world_restart(struct world *world);

#endif
