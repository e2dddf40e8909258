/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the scheduler keeps in memory; for the files of this folder alone.
 *
 *   queued   a message, with a place for each address that is not done
 *   task     some addresses of one message that go to one lane together: ready in the
 *            lane, waiting for a time, kept back, held, or active as a job of a worker
 *   lane     a destination with two streams of ready tasks: never tried, and deferred
 *   worker   a process that takes jobs
 *
 * Times in here are the queue's own: milliseconds that never go back and never leap, made
 * from the wall clock in queue_tick(). So a jumping clock neither ages mail nor makes it
 * wait; queue->offset gives the wall's time back for people.
 */
#ifndef QUEUE_STATE_H
#define QUEUE_STATE_H

#include "base/table.h"
#include "queue/queue.h"
#include "queue/schedule.h"

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    JOB_ADDRESSES = 1000,     /* at most in one job */
    RESOLVE_OUTSTANDING = 16, /* jobs at once with one resolve worker */
    USER_OUTSTANDING = 32, /* with one user's worker, so that it can sync once for all */
    LOSSES_MOST = 3,       /* of a job with its worker; then it counts as an attempt */
    LOSS_WAIT = SECOND,
    WINDOW_FIRST = 2,        /* jobs at once for a lane that nobody knows yet */
    SLOW_PACE = 10 * SECOND, /* a lane whose jobs take so long leaves workers to others */
    TURNS_MOST = 64,         /* tasks of one message that let another one go first */
    SLOW_JOB = 2 * MINUTE, /* so long without any success is a host that does not work */
    TICK_MOST = 10 * MINUTE, /* a longer step of the wall clock is a jump */
    WAKE_MOST = MINUTE,      /* ask again at least so often, so that steps stay short */
    SILENCE_MOST = HOUR, /* of a worker that has jobs (and its user's command no time) */
    START_WAIT = MINUTE, /* a worker that was asked for is given up after this */
    REPORT_CHECK =
        5 * SECOND, /* failures of one message are looked at again after this */
    REPORT_WAIT_MOST = 15 * MINUTE, /* and reported at the latest after this */
    UNCONFIRMED_WAIT = 10 * MINUTE, /* an expiry nobody wrote down is tried again */
    RECOVERY_SPREAD = MINUTE,
    RECOVERY_FEW = 100, /* so many are tried without spreading */
    GRADE_URGENT = '!', /* of what an operator asked for */
    LANE_NONE = 0,      /* index of no lane */
};

enum task_state {
    TASK_READY,   /* in its lane */
    TASK_WAITING, /* its timer runs */
    TASK_KEPT,    /* until a queue run */
    TASK_HELD,    /* until it is released */
    TASK_ACTIVE,  /* a job */
};

enum task_kind { TASK_ADDRESSES, TASK_BOUNCE, TASK_WARNING };

/* What was learnt while a task was active. */
enum task_result {
    RESULT_SUCCESS = 1 << 0, /* an address is done: the place works */
    RESULT_ANSWER = 1 << 1,  /* it refused or put off an address, so somebody is there */
    RESULT_NO_HOST = 1 << 2, /* no connection */
};

struct task {
    struct queued *message; /* NULL: active, and nothing of the message is left in it */
    struct timer timer;     /* while active: `due` is when it was handed out */
    union {
        struct {
            struct task *previous, *next; /* ready: in the band; kept: in the list */
        };
        struct {
            struct worker *worker; /* active; NULL: it is gone */
            uint32_t job_index;
        };
    };
    uint32_t lane;
    uint32_t first, count; /* of numbers[]: those before `first` were cut off */
    uint32_t live;         /* how many of them still belong here */
    uint16_t tries;        /* attempts so far; 0: new mail */
    uint8_t losses, state, kind, result;
    char grade;     /* of the band it is in */
    bool is_bounce; /* to another host: comes behind new mail, as deferred mail does */
    uint32_t numbers[];
};

enum place_mark {
    PLACE_TOLD = 1 << 0,
    PLACE_FRESH = 1 << 1,
    PLACE_TRIED = 1 << 2, /* fresh, but the job that made it tried it already, in vain */
};

/* An address that is not done. */
struct place {
    uint32_t number;
    uint32_t text;     /* offset in the texts of the message */
    struct task *task; /* where it is; NULL: failed, or not settled yet */
    uint32_t lane;
    uint8_t state; /* enum address_state */
    uint8_t marks; /* enum place_mark */
};

struct numbers {
    uint32_t count, room;
    uint32_t list[];
};

struct queued {
    struct message_id id;
    struct queued *next;  /* in the bucket of the index */
    struct timer timer;   /* warning or bounce */
    int64_t born;         /* queue time minus what it waited */
    int64_t failed_at;    /* since when failures are unreported */
    struct place *places; /* by number; &one while there is one */
    struct place one;
    struct numbers *fresh; /* not settled yet */
    struct task *report;   /* bounce or warning under way */
    char *texts;           /* reverse-path, then the addresses, each ending in NUL */
    uint32_t place_count, place_room;
    uint32_t gone; /* places that are done and still in the array */
    uint32_t texts_length, texts_room;
    uint32_t failed; /* places in state failed */
    uint32_t active; /* tasks that are jobs */
    uint32_t attempts;
    uint32_t reporting; /* `failed` when the report began */
    char grade;
    uint8_t report_tries;
    bool is_bounce : 1, held : 1, kept : 1, warned : 1, recovered : 1;
    bool settled : 1, unreported : 1;
    bool urgent : 1; /* an operator asked for it, until an attempt fails */
};

/* Ready tasks of one grade, first in, first out. */
struct band {
    struct band *next;
    struct task *first, *last;
    char grade;
};

struct stream {
    struct band *bands; /* most urgent first */
    struct lane *lane;
    struct stream *previous, *next; /* in the ready set */
    uint8_t listed;                 /* grade under which it is in there; 0: it is not */
    uint8_t pool;                   /* and in which */
};

enum { STREAM_NEW, STREAM_DEFERRED, STREAM_COUNT };
enum lane_kind { LANE_RESOLVE, LANE_REPORT, LANE_REMOTE, LANE_USER };

struct lane {
    char *name;
    const char *host; /* next hop or login name; behind the colon of the name */
    enum lane_kind kind;
    uint32_t index;
    struct stream streams[STREAM_COUNT];
    struct timer timer;          /* opens, or is forgotten */
    uint32_t places, tasks;      /* that name it */
    uint32_t ready, active;      /* tasks */
    uint32_t window, limit;      /* jobs at once: now, and at most */
    uint32_t threshold;          /* up to here the window opens with each success */
    uint32_t credit;             /* successes towards the next one above it */
    uint32_t pace;               /* ms that a job takes, smoothed; 0: not known */
    int64_t stirred;             /* a job began with none active, or ended */
    const struct queued *served; /* whose turn it was last; only to be compared */
    bool closed;                 /* until the timer opens it */
    bool starting;               /* its user's worker was asked for */
    uint16_t failures;
    int64_t last_try, next_try; /* INT64_MIN: never */
    int64_t failing_since;      /* INT64_MIN: it works */
    int64_t last_success;       /* INT64_MIN: none */
    int64_t last_halved;        /* of the window */
    int64_t oldest;             /* no ready message is born before this */
    int64_t start_asked;
    int64_t interval, duration; /* of its retry rule; 0: no limit */
    char *error;
    int error_number;
    struct worker *worker; /* of a user */
    struct worker *idle;   /* remote: with a connection to it, perhaps */
};

struct worker {
    uint32_t number;
    enum worker_class class;
    struct lane *lane; /* of its user, or the one it served last */
    uint32_t outstanding, slow;
    uint64_t jobs;
    int64_t idle_since;
    int64_t stirred; /* it was given a job while idle, or was heard of */
    bool idle, retired, stopping;
    struct worker *idle_previous, *idle_next; /* of its class, the last used first */
    struct worker *lane_previous, *lane_next; /* idle ones of the lane */
    struct worker *previous, *next;           /* of its class */
};

enum { WORKER_CLASSES = WORKER_USER + 1 };

struct crew {
    struct worker *first; /* all of the class */
    struct worker *idle_first, *idle_last;
    size_t count, starting, stopping; /* count: with those that are being stopped */
    size_t active, active_deferred;   /* jobs */
    int64_t last_start;
    int64_t start_after; /* starting failed: not before this */
    unsigned start_failures;
};

/* Streams that could give a job at once, but for a worker. */
enum pool {
    POOL_RESOLVE,
    POOL_REMOTE,
    POOL_SLOW, /* remote, and known to take long */
    POOL_USER,
    POOL_USER_START,
    POOL_COUNT
};

struct ready_set {
    struct stream *first[128], *last[128]; /* by the grade of the first task */
    uint64_t used[2];                      /* grades that have some */
    size_t count;
};

/* Addresses whose time is over, to be told. */
struct expiry {
    struct expiry *next;
    struct message_id id;
    struct error error;
    uint32_t count;
    uint32_t numbers[JOB_ADDRESSES];
};

struct job_slot {
    struct task *task; /* NULL: free */
    uint64_t job;
    uint32_t next_free;
};

struct queue {
    const struct configuration *configuration;
    int64_t time; /* the queue's own clock */
    int64_t wall; /* `now` of the last call */
    bool suspended;
    char *suspended_why;
    bool changed; /* something happened since queue_next() said no */

    struct queued **buckets; /* the index of messages */
    size_t bucket_count, message_count, held_count;
    uint64_t key[2]; /* of the index, random */

    struct schedule schedule;
    struct table *lane_names;
    struct lane **lanes; /* by index; the first is not used */
    uint32_t lane_count, lane_room;
    uint32_t *lane_gaps, gap_count; /* indexes that are free again */
    uint32_t resolve_lane, report_lane;
    size_t lanes_in_use;

    struct ready_set ready[POOL_COUNT][STREAM_COUNT];
    unsigned picks[POOL_COUNT];
    int64_t silence_checked;
    struct task *kept_first, *kept_last;
    size_t lost_count;       /* tasks that wait a moment, lost with their worker */
    size_t unsettled_count;  /* messages of which not all was said yet */
    size_t unreported_count; /* messages with failures that no report is about yet */
    size_t ready_count, closed_count,
        waiting_count; /* tasks; closed: ready in closed lanes */

    struct table *worker_numbers;
    struct crew crews[WORKER_CLASSES];

    struct job_slot *jobs;
    uint32_t job_count, job_room, job_free; /* job_free: index + 1; 0: none */
    uint64_t job_serial;
    size_t active_count;

    struct expiry *expiry_first,
        *expiry_last;              /* the last is valid while there is a first */
    struct expiry *expiry_told;    /* handed out; freed with the next call */
    uint32_t slice[JOB_ADDRESSES]; /* numbers of the last action */
    struct arena *scratch;
    uint64_t recovered_count;
};

/* --- queue.c --- */

/* Let the queue's clock follow the wall's. Every function that is told `now` does this.
 */
void queue_tick(struct queue *queue, int64_t now);
/* The queue's time when the wall shows `now`, and the other way round. */
int64_t queue_time_at(const struct queue *queue, int64_t now);
int64_t queue_wall(const struct queue *queue, int64_t time, int64_t now);

/* --- id_index.c: messages by id --- */

struct queued *id_index_get(const struct queue *queue, const struct message_id *id);
void id_index_put(struct queue *queue, struct queued *message);
void id_index_remove(struct queue *queue, struct queued *message);
/* Walk: start with bucket 0 and NULL. */
struct queued *id_index_next(const struct queue *queue, size_t *bucket,
                             struct queued *after);

/* --- place.c: addresses that are not done --- */

struct place *place_find(const struct queued *message, uint32_t number);
const char *place_text(const struct queued *message, const struct place *place);
bool place_is_open(const struct place *place); /* something remains to be done */
/* It is done: out of its task, forgotten; pointers to places are no longer valid. */
void place_finish(struct queue *queue, struct queued *message, struct place *place);
void place_fail(struct queue *queue, struct queued *message, struct place *place);
/* A place for a number that has none. */
struct place *place_add(struct queued *message, uint32_t number);
void place_set_lane(struct queue *queue, struct place *place, uint32_t index);
void place_leave_task(struct queue *queue, struct place *place);
/* Keep a text with the message; gives its offset. */
uint32_t message_add_text(struct queued *message, const char *text);

/* --- message.c --- */

void message_free(struct queue *queue, struct queued *message);
int64_t message_age(const struct queue *queue, const struct queued *message);
/* Where a detached task belongs: held, kept, or ready. */
void message_place_task(struct queue *queue, struct task *task);

/* --- report.c: bounces and warnings --- */

/* Is any address of it active, or about to be? */
bool message_is_busy(const struct queue *queue, const struct queued *message);
/* After a change of its failures, its report or its being held. */
void message_count_unreported(struct queue *queue, struct queued *message);
/* See whether a bounce or a warning is due, and when to look again. */
void message_check(struct queue *queue, struct queued *message);
void message_timer(struct queue *queue, struct queued *message);
/* A job for a bounce or warning ended. */
void message_report_ended(struct queue *queue, struct queued *message, struct task *task);

/* --- task.c: what waits where --- */

struct task *task_new(struct queue *queue, struct queued *message, uint32_t lane,
                      enum task_kind kind, uint32_t room);
/* One number less; the task is freed with its last one, unless it is active. */
void task_forget(struct queue *queue, struct task *task);
void task_free(struct queue *queue, struct task *task);
/* The next of a stream: messages take turns within a grade; `odd_turn` as below. */
struct task *stream_first(struct stream *stream, bool odd_turn);
/* Take it out of wherever it is, to be put somewhere at once. */
void task_detach(struct queue *queue, struct task *task);
void task_ready(struct queue *queue, struct task *task, char grade);
void task_wait(struct queue *queue, struct task *task, int64_t due);
void task_wake(struct queue *queue, struct task *task);
void task_keep(struct queue *queue, struct task *task);
void task_hold(struct queue *queue, struct task *task);
/* Does it count as deferred mail when workers are shared? */
bool task_is_deferred(const struct task *task);
/* As much of a detached task as one job takes; the rest goes to the end of its band. */
struct task *task_cut(struct queue *queue, struct task *task);
/* The numbers of a task that still belong to it, and (if not 0) have one of these marks.
 */
uint32_t task_numbers(struct task *task, uint8_t marks, uint32_t *numbers, uint32_t most);
/* A task of its own for the places that have none of these marks, or NULL. */
struct task *task_split(struct queue *queue, struct task *task, uint8_t marks);

/* --- lane.c --- */

struct lane *lane_at(const struct queue *queue, uint32_t index);
struct lane *lane_for_name(struct queue *queue, const char *name);
struct lane *lane_for_address(struct queue *queue, const struct address *address,
                              bool transport_is_local);
struct lane *lane_for_user(struct queue *queue, const char *user);
struct lane *lane_find(const struct queue *queue, const char *name);
void lanes_new(struct queue *queue);
void lanes_free(struct queue *queue);
void lane_configure(struct queue *queue, struct lane *lane);
/* Nobody names it any more: forget it, at once or when its state is no longer worth
 * knowing. */
void lane_release(struct queue *queue, struct lane *lane);
/* Its streams stand in the ready set as they should. */
void lane_update(struct queue *queue, struct lane *lane);
void lane_open(struct queue *queue, struct lane *lane);
void lane_close(struct queue *queue, struct lane *lane, int64_t until);
void lane_forget_failure(struct queue *queue, struct lane *lane);
void lane_error(struct lane *lane, int number, const char *text);
/* A job of the lane ended: the window opens or closes. */
void lane_job_ended(struct queue *queue, struct lane *lane, const struct task *task);
/* An attempt for the place as a whole failed: the lane waits, what is too old expires. */
void lane_failed(struct queue *queue, struct lane *lane);
void lane_timer(struct queue *queue, struct lane *lane);
struct band *stream_band(struct stream *stream, char grade);
/* Do its jobs take long, or does nothing end? */
bool lane_is_slow(const struct queue *queue, const struct lane *lane);

/* --- ready.c: streams that could give a job --- */

void ready_list(struct queue *queue, struct stream *stream, enum pool pool, char grade);
void ready_unlist(struct queue *queue, struct stream *stream);
/* To the end of the line. */
void ready_rotate(struct queue *queue, struct stream *stream);
/* Whose turn it is; `odd_turn`: the least urgent grade, so that nobody starves. */
struct stream *ready_first(const struct ready_set *set, bool odd_turn);
/* The one behind it, the less urgent ones last. */
struct stream *ready_after(const struct ready_set *set, const struct stream *stream);

/* --- retry.c --- */

/* How long after the attempt number `tries` (from 1) of this lane. */
int64_t retry_wait(const struct queue *queue, const struct lane *lane, unsigned tries);
/* Has it waited so long that a failed attempt was the last? */
bool retry_is_over(const struct queue *queue, const struct queued *message,
                   const struct lane *lane);
/* Tell that these addresses failed after the last attempt. */
void expiry_add(struct queue *queue, const struct queued *message,
                const struct lane *lane, const uint32_t *numbers, uint32_t count,
                const char *text);
void expiry_add_error(struct queue *queue, const struct queued *message,
                      const uint32_t *numbers, uint32_t count, const struct error *error);
bool expiry_take(struct queue *queue, struct queue_action *action);
void expiries_free(struct queue *queue);
/* Everything ready in a lane that has waited too long. */
void lane_expire(struct queue *queue, struct lane *lane);

/* --- job.c --- */

/* Make a job of a detached task; fills the action. */
void job_start(struct queue *queue, struct task *task, struct worker *worker,
               struct queue_action *action);
/* All jobs of a worker that is gone. */
void jobs_lose_worker(struct queue *queue, const struct worker *worker);
void jobs_free(struct queue *queue);
bool job_is_slow(const struct queue *queue, const struct task *task);

/* --- crew.c: workers --- */

struct crew *crew_of(struct queue *queue, const struct worker *worker);
/* How many the configuration allows. */
size_t crew_most(const struct queue *queue, enum worker_class class);
/* Out of the lists of idle workers. */
void worker_set_busy(struct queue *queue, struct worker *worker);
void crew_job_started(struct queue *queue, struct worker *worker,
                      const struct task *task);
void crew_job_ended(struct queue *queue, struct worker *worker, const struct task *task);
void crew_lane_gone(struct lane *lane);
/* `replace`: those there are end when they are idle. */
void crews_configure(struct queue *queue, bool replace);
void crews_free(struct queue *queue);

/* --- pool.c: who gets one --- */

/* Hand out what can be handed out. */
bool pool_next(struct queue *queue, struct queue_action *action);
/* When an idle worker is to be stopped, or one may be started again. */
int64_t pool_wake(const struct queue *queue);

/* --- select.c --- */

bool selection_fits(const struct queue *queue, const struct queue_selection *selection,
                    const struct queued *message);
/* "9-C": from '9' to 'C' in ASCII, '*' for no bound; or a row of letters. NULL or "":
 * all. */
bool grades_have(const char *grades, char grade);

#endif
