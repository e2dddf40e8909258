/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The spool role's own parts. It owns the disk: what comes from sessions and workers is
 * added to the open group during a turn of the event loop; at the end of the turn the
 * group is committed, and only then is anybody told. Only spool_*.c include this.
 */
#ifndef ROLE_KEEPER_H
#define ROLE_KEEPER_H

#include <event2/event.h>

#include "base/table.h"
#include "role/role.h"

/* A channel to a receive process, with what it may be asked for. */
struct receiver {
    struct keeper *keeper;
    uint32_t kind;
    uint64_t serial; /* a process that drains and its successor have one instance */
    struct channel *channel;
    struct receiver *next;
};

/* A request that the queue answers, under a number of ours. */
struct relayed {
    uint64_t number;
    struct receiver *receiver;
    uint64_t token;
    struct relayed *next;
};

struct worker_link {
    struct keeper *keeper;
    uint32_t number, class;
    char *user;
    struct channel *channel;
    bool ready;
    bool spoken; /* it reported on a job of this spool process: its older ones are told */
    struct worker_link *next;
};

/* A job that a worker has. The addresses are those of the message, by number - 1. */
struct job_state {
    uint64_t number;
    uint32_t kind; /* enum queue_action_kind */
    struct message_id id;
    struct worker_link *worker; /* NULL: its worker is gone */
    const uint32_t *given;      /* numbers of the addresses that it was given */
    uint32_t given_count;
    bool adopted; /* of a spool process that died: what it was given is not known */
    struct arena *arena;
    struct envelope envelope;
    struct address *addresses;
    uint32_t address_count;
    uint32_t *made; /* numbers of the new addresses, by position in the worker's result */
    uint32_t made_count, made_room;
    int64_t begun; /* ms since 1970 */
    bool orphan;   /* given out by a queue that died: its message is told when it ends */
};

/* What is told once the group is on disk. */
struct after {
    enum after_kind {
        AFTER_SUBMITTED, /* a session's message */
        AFTER_REPORT,    /* a bounce or warning of ours */
        AFTER_ADDRESSES, /* new or changed addresses */
        AFTER_OUTCOME,
        AFTER_REPORTED,
        AFTER_DONE, /* the end of a job */
        AFTER_NOTE,
        AFTER_REMOVED, /* nothing of the message is left */
    } kind;
    struct receiver *receiver;
    uint64_t token;
    uint64_t job;
    struct message_id id;
    struct envelope *envelope;
    struct address *addresses;
    const bool *transports_are_local;
    size_t count;
    struct spool_outcome *outcome;
    const struct address *address;
    const uint32_t *numbers;
    const char *text;
    enum spool_note note;
    struct after *next;
};

struct stream_state {
    struct receiver *receiver;
    uint64_t token;
    struct spool_stream *stream;
    struct error error; /* it failed; the rest is swallowed */
    bool failed;
};

/* Somebody waits for the outcomes of a message. */
struct follower {
    struct receiver *receiver;
    uint64_t token;
    struct message_id id;
    struct follower *next;
};

struct keeper {
    struct role *role;
    struct disk disk;
    struct spool *spool;
    struct channel *queue;
    struct receiver *receivers;
    struct worker_link *workers;
    struct table *jobs;    /* by number, 8 octets */
    struct table *streams; /* by receiver and token */
    struct follower *followers;
    struct listing *listings;
    struct relayed *relayed;
    uint64_t serial; /* of receivers and requests */

    struct arena *group; /* lives from one commit to the next */
    struct after *after, **after_end;
    bool recovering, room, reserve_touched;
    int64_t sync_due; /* monotonic ms; 0: nothing waits */
    uint64_t id_counter;
    struct event *timer, *recovery, *tell;
    struct message_id told; /* last one of the walk that tells a new queue */
};

/* --- spool_role.c --- */
struct after *after_add(struct keeper *keeper, enum after_kind kind,
                        const struct message_id *id);
void queue_send(struct keeper *keeper, enum wire_type type, const void *message);
/* Tell the queue all about a message, as at its commit or at a start. */
void queue_tell_message(struct keeper *keeper, const struct spool_message *message,
                        bool recovered);
void queue_tell_new(struct keeper *keeper, const struct spool_message *message,
                    const struct envelope *envelope);
struct message_id keeper_id(struct keeper *keeper, char grade);

/* --- spool_intake.c: frames of receive processes --- */
void receiver_add(struct keeper *keeper, const struct wire_peer *peer, int fd);
void room_check(struct keeper *keeper);
void follow_outcome(struct keeper *keeper, const struct message_id *id, const char *text,
                    bool failed);
void follow_end(struct keeper *keeper, const struct message_id *id);
/* The queue is gone: nobody will say when the first attempts are over. */
void follow_lost(struct keeper *keeper);
void follow_forget(struct keeper *keeper, const struct receiver *receiver);

/* --- spool_jobs.c: frames of workers --- */
void worker_add(struct keeper *keeper, const struct wire_peer *peer, int fd);
void worker_stop(struct keeper *keeper, uint32_t number);
void workers_tell(struct keeper *keeper); /* to a new queue */
void job_end(struct keeper *keeper, uint64_t number);
struct job_state *job_find(struct keeper *keeper, uint64_t number);
void job_put(struct keeper *keeper, struct job_state *state);
/* The queue schedules it anew. */
void job_lost(struct keeper *keeper, uint64_t number);
struct worker_link *worker_find(struct keeper *keeper, uint32_t number);
/* A new queue: jobs that run become orphans, whose messages must not be scheduled yet. */
void jobs_orphan(struct keeper *keeper);
bool message_has_orphan(const struct keeper *keeper, const struct message_id *id);

/* --- spool_dispatch.c: jobs on their way to workers --- */
void job_dispatch(struct keeper *keeper, const struct wire_dispatch *dispatch);
void job_expire(struct keeper *keeper, const struct wire_expire *expire);

/* --- spool_after.c: what follows a commit --- */
void after_run(struct keeper *keeper, const struct error *error);
void after_removed(void *argument, const struct spool_message *message);

/* --- spool_control.c: listings for operators --- */
void control_take(struct keeper *keeper, struct receiver *receiver,
                  const struct wire_control *control);
void control_more(struct keeper *keeper, struct receiver *receiver, uint64_t token);
void control_cancel(struct keeper *keeper, const struct receiver *receiver,
                    uint64_t token, bool all);
/* The queue is gone: what it was asked has no answer. */
void control_lost(struct keeper *keeper);
/* Answers of the queue. */
void control_relay(struct keeper *keeper, struct frame *frame);

#endif
