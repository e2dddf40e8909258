/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The messages between roles. One struct each; wire.c has one table row each that says
 * which fields travel, so packing and unpacking (bounds checked, fuzzed) exist once.
 * Unpacked strings and arrays live in the arena that is given.
 *
 *   master  <-> every role   HELLO ... START_WORKER      (descriptor 3 of the role)
 *   receive <-> spool        ID_BLOCK ... CONTROL_END
 *   spool   <-> queue        MESSAGE ... IDLE, and CONTROL
 *   spool   <-> worker       JOB ... DONE
 *   receive <-> verify       VERIFY, VERIFIED
 *   any     <-> names        ASK, ANSWER
 */
#ifndef ROLE_WIRE_H
#define ROLE_WIRE_H

#include "deliver/deliver.h"
#include "net/dns.h"
#include "queue/queue.h"
#include "role/channel.h"
#include "spool/spool.h"

/*
 * First words of both sides of the control channel: two programs understand each other
 * only if they are of one build. The same sources, compiler and flags give the same id.
 */
const char *wire_build_id(void);

enum role_kind {
    ROLE_MASTER,
    ROLE_RECEIVE, /* network sessions */
    ROLE_LOCAL,   /* sessions of the local socket: the same program, never both */
    ROLE_SPOOL,
    ROLE_QUEUE,
    ROLE_NAMES,
    ROLE_VERIFY, /* a resolve worker that answers RCPT questions */
    ROLE_RESOLVE,
    ROLE_REMOTE,
    ROLE_USER,
};
const char *role_name(enum role_kind kind);

enum wire_type {
    /* control */
    WIRE_HELLO =
        1,       /* master: struct wire_hello, descriptor: configuration bundle (memfd) */
    WIRE_READY,  /* role: struct wire_ready */
    WIRE_LOG,    /* master: struct wire_log, descriptor of the log, its socket or -1 */
    WIRE_LISTEN, /* master: struct wire_listen, listening descriptor */
    WIRE_PEER,   /* master: struct wire_peer, descriptor: channel to another role */
    WIRE_CONFIG, /* master: struct wire_config, descriptor: new bundle; receive and
                    workers get DRAIN instead */
    WIRE_DRAIN,  /* master or spool: finish what is under way and end; receive to master:
                    it does so by itself, another may begin */
    WIRE_COUNTS, /* master: struct wire_counts, descriptor: shared session counts (memfd)
                  */
    WIRE_START_WORKER,  /* queue: struct wire_start_worker */
    WIRE_WORKER_FAILED, /* master to queue: struct wire_worker_failed */
    WIRE_IDLE_OWNER, /* queue: struct wire_busy: is anything left to do (for an owner that
                        ends) */
    WIRE_KILL_WORKER, /* queue: struct wire_worker: it does not listen any more */
    WIRE_STATE,       /* master: dump your state to the log (SIGUSR1) */

    /* receive and spool */
    WIRE_ID_BLOCK =
        32,      /* spool: struct wire_id_block, at start and when asked (empty frame) */
    WIRE_ROOM,   /* spool: struct wire_room, at start and on each change */
    WIRE_SUBMIT, /* receive: struct wire_submit */
    WIRE_STREAM_BEGIN,   /* receive: struct wire_stream */
    WIRE_STREAM_DATA,    /* receive: struct wire_stream_data */
    WIRE_STREAM_END,     /* receive: struct wire_stream_end */
    WIRE_STREAM_ABORT,   /* receive: struct wire_stream */
    WIRE_STREAM_WINDOW,  /* spool: struct wire_stream_window */
    WIRE_COMMITTED,      /* spool: struct wire_committed */
    WIRE_FOLLOW,         /* spool: struct wire_follow: outcomes of a foreground message */
    WIRE_CONTROL,        /* receive to spool (to queue): struct wire_control */
    WIRE_CONTROL_LINE,   /* back: struct wire_control_line */
    WIRE_CONTROL_END,    /* back: struct wire_control_end */
    WIRE_CONTROL_MORE,   /* receive: struct wire_token: 1,000 more lines are welcome */
    WIRE_CONTROL_CANCEL, /* receive: struct wire_token: the client is gone */

    /* spool and queue */
    WIRE_MESSAGE = 64, /* spool: struct wire_message */
    WIRE_ADDRESS,      /* spool: struct wire_address */
    WIRE_SETTLE,       /* spool: struct wire_message_id */
    WIRE_REMOVED,      /* spool: struct wire_message_id */
    WIRE_OUTCOME_SEEN, /* spool: struct wire_outcome_seen */
    WIRE_JOB_DONE,     /* spool: struct wire_job_end */
    WIRE_JOB_LOST,     /* spool: struct wire_job_end */
    WIRE_WORKER_READY, /* spool: struct wire_worker */
    WIRE_WORKER_GONE,  /* spool: struct wire_worker */
    WIRE_SUSPEND,      /* spool: struct wire_suspend */
    WIRE_RECOVERED,    /* spool: everything found at start was told (empty) */
    WIRE_DISPATCH,     /* queue: struct wire_dispatch */
    WIRE_EXPIRE,       /* queue: struct wire_expire */
    WIRE_STOP_WORKER,  /* queue: struct wire_worker */
    WIRE_NOTE,         /* spool: struct wire_note: held, released */
    WIRE_IDLE, /* queue: struct wire_message_id: a followed message has nothing under way
                */

    /* spool and worker */
    WIRE_WORKER_HELLO = 96, /* worker: struct wire_worker */
    WIRE_JOB,      /* spool: struct wire_job, descriptor: content if it is large */
    WIRE_EXPANDED, /* worker: struct wire_expanded */
    WIRE_OUTCOMES, /* worker: struct wire_outcomes */
    WIRE_REPORT,   /* worker: struct wire_report */
    WIRE_DONE,     /* worker: struct wire_job_end, after everything else of the job */
    WIRE_ACK,      /* spool: struct wire_job_end: it is recorded; the worker may forget */

    /* questions */
    WIRE_VERIFY = 128, /* struct wire_verify */
    WIRE_VERIFIED,     /* struct wire_verified */
    WIRE_WHO,          /* struct wire_who: receive to verify */
    WIRE_WHO_IS,       /* struct wire_who_is */
    WIRE_ASK,          /* struct wire_ask */
    WIRE_ANSWER,       /* struct wire_answer */
};

struct wire_hello {
    const char *build_id;
    uint32_t kind;     /* enum role_kind */
    uint32_t instance; /* worker number, receive number */
    const char *user;  /* of a user worker */
    bool privileged;   /* started by root: become somebody else, use the sandbox */
    uint64_t generation;
    const char *spool_directory;
    bool transient;   /* owner that ends when nothing is left to do */
    bool once;        /* one queue run, then end */
    int64_t interval; /* seconds between queue runs, 0: none */
};

struct wire_ready {
    const char *build_id;
    uint32_t pid;
};
struct wire_log {
    uint32_t which;
    bool is_socket;
}; /* enum log_stream */
struct wire_listen {
    uint32_t kind;
    const char *name;
}; /* enum role_kind: RECEIVE or LOCAL */
struct wire_peer {
    uint32_t kind;
    uint32_t instance;
    const char *user;
};
struct wire_counts {
    uint32_t part; /* which part of the counts is this process's own */
};
struct wire_config {
    uint64_t generation;
};
struct wire_start_worker {
    uint32_t class;
    const char *user;
};
struct wire_worker_failed {
    uint32_t class;
    const char *user;
    bool permanent;
    const char *text;
};
struct wire_busy {
    bool busy;
};

struct wire_id_block {
    uint64_t first;
    uint64_t count;
};
struct wire_room {
    bool room;
    struct error error;
};
struct wire_submit {
    uint64_t token; /* the session's, comes back in COMMITTED and FOLLOW */
    struct message_id id;
    struct envelope envelope;
    struct span content;
};
struct wire_stream {
    uint64_t token;
    struct message_id id;
};
struct wire_stream_data {
    uint64_t token;
    struct span bytes;
};
struct wire_stream_end {
    uint64_t token;
    struct message_id id;
    struct envelope envelope;
};
struct wire_stream_window {
    uint64_t token;
    uint64_t bytes;
}; /* that may be sent in addition; 256 KiB at the start */
struct wire_committed {
    uint64_t token;
    struct message_id id;
    bool committed;
    struct error error;
};
struct wire_follow {
    uint64_t token;
    const char *text;
    bool failed;
    bool more;
};
struct wire_control {
    uint64_t token; /* unique for the receiver of the answers */
    int64_t uid;    /* who asks */
    bool operator;  /* may see and change everybody's mail */
    const char *const *words;
    uint32_t word_count;
};
struct wire_control_line {
    uint64_t token;
    const char *text;
};
struct wire_control_end {
    uint64_t token;
    uint32_t code;
    const char *text;
};
struct wire_token {
    uint64_t token;
};

struct wire_message {
    struct queue_message message;
    bool follow;
};
struct wire_address {
    struct message_id id;
    struct address address;
    bool transport_is_local;
};
struct wire_message_id {
    struct message_id id;
};
struct wire_outcome_seen {
    uint64_t job;
    struct message_id id;
    struct queue_outcome outcome;
};
struct wire_job_end {
    uint64_t job;
};
struct wire_worker {
    uint32_t worker;
    uint32_t class;
    const char *user;
};
struct wire_suspend {
    bool suspended;
    const char *why;
};
struct wire_dispatch {
    uint32_t kind; /* enum queue_action_kind */
    uint64_t job;
    uint32_t worker;
    struct message_id id;
    const uint32_t *numbers;
    uint32_t count;
};
struct wire_expire {
    struct message_id id;
    const uint32_t *numbers;
    uint32_t count;
    struct error error;
};
struct wire_note {
    struct message_id id;
    uint32_t note;
    const char *text;
};

struct wire_job {
    struct job job;
}; /* deliver/deliver.h; a large content comes as the descriptor */
struct wire_expanded {
    uint64_t job;
    struct message_id id;
    struct address *addresses; /* parents as spool_add_expanded() wants them */
    const uint64_t *keys;
    uint32_t count;
    bool *transports_are_local;
};
struct wire_outcomes {
    uint64_t job;
    struct message_id id;
    struct spool_outcome *outcomes;
    uint32_t count;
};
struct wire_report {
    uint64_t job;
    struct message_id id; /* the message that is reported */
    bool has_message;     /* false: it need not be reported */
    uint32_t kind; /* enum report_kind: FAILED marks the numbers reported, DELAYED the
                      message warned */
    struct envelope envelope; /* of the report */
    struct span content;
    const uint32_t *numbers;
    uint32_t count;
    const char *log; /* what the log says: "error returned to a@b" */
};

struct wire_verify {
    uint64_t token;
    const char *recipient;
    const char *reverse_path;
    const char *peer_address;
};
struct wire_verified {
    uint64_t token;
    bool local, remote, deferred, failed;
    struct error error;
};
/* Who is a local peer, by the kernel's word. */
struct wire_who {
    uint64_t token;
    int64_t uid, gid;
};
struct wire_who_is {
    uint64_t token;
    bool known;
    const char *user;
    const char *full_name;
    bool trusted;  /* one of trusted_users, trusted_groups */
    bool operator; /* root or one of smailctl_users */
};
struct wire_ask {
    uint64_t token;
    const char *name;
    uint32_t type;
};
struct wire_answer {
    uint64_t token;
    struct dns_answer answer;
};

/*
 * Pack a struct of that type (the one named beside the type above) and queue it. `fd` -1
 * or a descriptor to pass.
 */
void wire_send(struct channel *channel, enum wire_type type, const void *message, int fd);

/*
 * Unpack a frame into the struct of its type. False: malformed; the caller drops the
 * channel and says so in the panic log.
 */
bool wire_read(const struct frame *frame, enum wire_type type, struct arena *arena,
               void *message);

#endif
