/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When, and whom: the scheduler. All in memory, a few hundred bytes for each waiting
 * recipient; no disk, no clock of its own (every call is told `now`), no randomness of
 * its own but random_below(), so a test runs it through years in a second.
 *
 * A lane is a resolved destination: what must be done for one place, in order. Lanes are
 *   resolve           addresses nobody looked at yet (also bounces and warnings to
 * compose) remote            transport and next hop user              a login name:
 * .forward, mailbox, files, pipes each with a window of jobs at once that opens slowly
 * and closes on connection failures. Shares of the workers are kept for local, new, and
 * deferred mail and for bounces, so a dead host, a tarpit or a list of 50,000 delays
 * nobody else.
 *
 * Whoever drives it (the queue role; a test) tells it what happened and carries out the
 * actions it hands back. Losing it loses no mail: it is filled again from the spool.
 *
 * `now` is the wall's time, which may jump. Inside, time only ever goes on by steps of
 * the wall that are shorter than ten minutes, and queue_wake() asks for one each minute;
 * so a jump neither ages a message nor makes one wait, and nothing expires but after a
 * failed attempt at that age.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "config/configuration.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "spool/spool.h"

struct queue;

/* `configuration` is replaced by queue_configure(); it must outlive its use. Times: ms
 * since 1970. */
struct queue *queue_new(const struct configuration *configuration, int64_t now);
void queue_free(struct queue *queue);
void queue_configure(struct queue *queue, const struct configuration *configuration,
                     int64_t now);

enum worker_class { WORKER_RESOLVE, WORKER_REMOTE, WORKER_USER };

/* --- what happened --- */

/* A message is in the spool: new, or found at start. Its addresses follow by
 * queue_address(). */
struct queue_message {
    struct message_id id;
    uint64_t size;
    int64_t received;  /* ms since 1970 */
    int64_t waited;    /* ms so far, by the spool's account */
    uint32_t attempts; /* 0: never tried */
    char grade;
    enum delivery_mode mode;
    bool is_bounce;
    bool held;
    bool warned;
    bool recovered; /* found at start: retried at a spread-out time, not all at once */
    const char *reverse_path; /* "" null; for selection by pattern */
};
void queue_message(struct queue *queue, const struct queue_message *message, int64_t now);

/*
 * How an address of a known message stands: state NEW, USER, ASSIGNED (lane by transport,
 * next_hop, user), FAILED (a bounce is due) or anything done. `text` for patterns.
 * `transport_is_local` : driver's identity is the recipient's.
 */
void queue_address(struct queue *queue, const struct message_id *id,
                   const struct address *address, bool transport_is_local, int64_t now);

/* All of what is known of a new or changed message was said: it may be scheduled. */
void queue_settle(struct queue *queue, const struct message_id *id, int64_t now);

/* The message is gone from the spool. */
void queue_removed(struct queue *queue, const struct message_id *id);

/*
 * What became of one address in a job; queue_address() follows if its state changed. All
 * of it is said before queue_job_done(); what was not spoken of is tried again soon.
 * Outcomes of jobs of an earlier queue count as well.
 */
struct queue_outcome {
    uint32_t number;
    enum outcome outcome;
    const char *text; /* for hints: the error */
    int error_number; /* ERR_nnn; connection failures close the window of the lane */
};
void queue_outcome(struct queue *queue, uint64_t job, const struct message_id *id,
                   const struct queue_outcome *outcome, int64_t now);
/*
 * The job is over (its worker is free again), or was lost with its worker: tried again
 * after a second; the third loss of a job is a failed attempt.
 */
void queue_job_done(struct queue *queue, uint64_t job, int64_t now);
void queue_job_lost(struct queue *queue, uint64_t job, int64_t now);

void queue_worker_ready(struct queue *queue, uint32_t worker, enum worker_class class,
                        const char *user, int64_t now);
void queue_worker_gone(struct queue *queue, uint32_t worker, int64_t now);
/*
 * A worker that was asked for could not be started (fork failed: the user's mail waits as
 * for a host that is down), or, if `permanent`, never can (no such user: QUEUE_EXPIRE of
 * all that is for it, with ERR_100).
 */
void queue_worker_failed(struct queue *queue, enum worker_class class, const char *user,
                         bool permanent, const char *text, int64_t now);

/* Deliveries stop (broken configuration, reserve of the spool touched) or go on. */
void queue_suspend(struct queue *queue, bool suspended, const char *why, int64_t now);

/* --- what is to be done --- */

enum queue_action_kind {
    QUEUE_START_WORKER, /* class, user */
    QUEUE_STOP_WORKER,  /* worker: idle for too long, or one too many */
    QUEUE_RESOLVE,      /* job, worker, id, numbers: walk these addresses */
    QUEUE_DELIVER,      /* job, worker, id, numbers: deliver (or finish for the user) */
    QUEUE_BOUNCE, /* job, worker, id: compose what is due for its failed addresses */
    QUEUE_WARN,   /* job, worker, id, numbers: compose the delay warning */
    QUEUE_EXPIRE, /* id, numbers, error: they waited too long: outcome FAILED (ERR_173,
                     ERR_184) */
};

struct queue_action {
    enum queue_action_kind kind;
    uint64_t job;
    uint32_t worker;
    enum worker_class class;
    const char *user; /* of the worker; "" none */
    bool forced;      /* QUEUE_STOP_WORKER: it hangs, or somebody stopped it: kill it */
    struct message_id id;
    const uint32_t *numbers; /* addresses, at most 1,000 */
    size_t count;
    struct error error; /* QUEUE_EXPIRE: the last error of the host or address */
};

/*
 * The next thing to do now; false when nothing is. Pointers are valid until the next call
 * of this function. What expires must be said to have failed; if that is not heard of in
 * ten minutes, there is another attempt.
 */
bool queue_next(struct queue *queue, int64_t now, struct queue_action *action);
/*
 * When to ask again (ms since 1970), in a minute at most; INT64_MAX: only when something
 * happens.
 */
int64_t queue_wake(const struct queue *queue, int64_t now);

/* --- the operator --- */

/* Which messages: all fields that are set must fit; patterns are substrings without case.
 */
struct queue_selection {
    const struct message_id *ids;
    size_t id_count;
    const char *sender, *recipient, *host; /* NULL: any */
    int64_t older_than;                    /* ms waited at least; 0: any */
    const char *grades;                    /* "9-C" or NULL */
    bool held_only, bounces_only;
};

/*
 * Make them due now (runq, retry): ignores retry intervals, opens closed lanes; messages
 * named by their ids go before all others. Held ones stay. Returns how many.
 */
size_t queue_run(struct queue *queue, const struct queue_selection *selection,
                 int64_t now);
/*
 * The daemon's -q: everything that `delivery_mode = queued` or the grade kept back
 * becomes due, but grades outside runq_grades and what is younger than min_queue_age.
 */
void queue_interval_run(struct queue *queue, int64_t now);
void queue_hold(struct queue *queue, const struct message_id *id, bool held, int64_t now);

/* Is something under way or due now (for a runq that waits, and an owner that ends when
 * idle)? */
bool queue_is_busy(const struct queue *queue, int64_t now);
/* Is this message being tried, about to be, or about to be reported? */
bool queue_message_is_busy(const struct queue *queue, const struct message_id *id,
                           int64_t now);
/* Does it fit the selection? For hold, remove and list requests that go through the
 * spool. */
bool queue_selects(const struct queue *queue, const struct queue_selection *selection,
                   const struct message_id *id, int64_t now);

struct queue_counts {
    size_t messages, held, active, due, deferred, lanes, workers;
};
struct queue_counts queue_counts(const struct queue *queue, int64_t now);

/* --- hints --- */

struct host_hint {
    const char *lane;           /* "smtp:mail.example" */
    int64_t last_try, next_try; /* ms since 1970 */
    int64_t failing_since;      /* 0: it works */
    uint32_t waiting, active;
    const char *error;
};
/* Walk: *at starts with 0; false at the end. */
bool queue_hint_next(const struct queue *queue, size_t *at, struct host_hint *hint);
/* Take a hint of an earlier process (snapshot). */
void queue_hint_load(struct queue *queue, const struct host_hint *hint, int64_t now);
void queue_hints_clear(struct queue *queue, const char *lane); /* NULL: all */

/*
 * When this message is tried next (INT64_MAX: no time is set) and why it waits, for
 * listings.
 */
bool queue_explain(const struct queue *queue, const struct message_id *id, int64_t now,
                   int64_t *next, struct text *why);

#endif
