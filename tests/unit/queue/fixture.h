/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A queue with default settings, and short ways to tell it things, for the unit tests. */
#ifndef UNIT_QUEUE_FIXTURE_H
#define UNIT_QUEUE_FIXTURE_H

#include "queue/queue.h"

struct fixture {
    struct arena *arena;
    struct configuration *configuration;
    struct queue *queue;
    int64_t now;
    uint32_t messages, workers;
    struct queue_action action; /* the last one */
};

/* Settings are changed in configuration->settings, then fixture_configure(). */
struct fixture fixture_new(void);
void fixture_configure(struct fixture *fixture);
void fixture_free(struct fixture *fixture);

/* A message with `count` new addresses "rN@HOST". */
struct message_id fixture_mail(struct fixture *fixture, uint32_t count);
/* Addresses are to go to a host; or to a user of this system. */
void fixture_assign(struct fixture *fixture, const struct message_id *id,
                    const uint32_t *numbers, size_t count, const char *host);
void fixture_assign_user(struct fixture *fixture, const struct message_id *id,
                         uint32_t number, const char *user);
/* A message that is assigned already. */
struct message_id fixture_mail_to(struct fixture *fixture, uint32_t count,
                                  const char *host);

/* The next action; starts of workers are carried out on the way, stops as well. */
bool fixture_next(struct fixture *fixture);
/* The same, and it must be of this kind. */
const struct queue_action *fixture_expect(struct fixture *fixture,
                                          enum queue_action_kind kind);
/* One outcome for all addresses of a job, and its end. */
void fixture_end(struct fixture *fixture, const struct queue_action *action,
                 enum outcome outcome, int error_number, const char *text);

#endif
