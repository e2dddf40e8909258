/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A role: one process of the house, executed anew by the master with a control channel on
 * descriptor 3. The first thing it hears is HELLO with the configuration bundle; then
 * come logs, listening sockets and channels to its peers. When the control channel ends,
 * the master is gone and so is the role.
 *
 *   master   listens, starts the others, starts them again; parses nothing from outside
 *   receive  SMTP sessions (`local`: those of the local socket)
 *   spool    the disk
 *   queue    when and whom
 *   names    DNS for everybody
 *   verify, resolve, remote, user: workers
 */
#ifndef ROLE_ROLE_H
#define ROLE_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/configuration.h"
#include "log/log.h"
#include "role/channel.h"
#include "role/wire.h"

enum { ROLE_CONTROL_FD = 3 };

/* What the start of every role leaves for it. */
struct role {
    enum role_kind kind;
    struct wire_hello hello;
    struct channel *control;
    struct arena *arena; /* of the process */
    struct configuration *configuration;
    struct log *log;
    struct event_base *base; /* event-loop roles; NULL in workers */
    bool draining;

    /* Called for frames of the control channel that role.c does not deal with itself
     * (LISTEN, PEER, COUNTS, CONFIG, WORKER_FAILED, DRAIN, STATE). The descriptor of the
     * frame is the callee's. */
    void (*control_frame)(struct role *role, struct frame *frame);
    /* Called once for each turn of the event loop, after the callbacks; may be NULL. */
    void (*turn)(struct role *role);
    /* A new configuration has replaced role->configuration (spool and queue only). */
    void (*configured)(struct role *role);
    void *context;
};

/* "smail -role KIND": does everything and ends the process. */
int role_main(int argc, char **argv);

/* The programs of the roles; each returns an exit code. */
int receive_run(struct role *role); /* ROLE_RECEIVE and ROLE_LOCAL */
int spool_run(struct role *role);
int queue_run_role(struct role *role);
int names_run(struct role *role);
int verify_run(struct role *role);
int worker_run(struct role *role);

/*
 * Event-loop roles: make the event base, attach the control channel, say READY. Then the
 * role attaches its own and calls role_loop(), which returns when it is time to end. The
 * log is flushed once for each turn of the loop.
 */
void role_begin(struct role *role);
void role_loop(struct role *role);
void role_end_loop(struct role *role);

/* Workers: handle control frames that wait, without blocking. False: the master is gone.
 */
bool role_poll_control(struct role *role);

/* What the master is started with. */
struct master_options {
    struct config_paths paths;
    bool listen;      /* -bd: the SMTP ports */
    bool foreground;  /* stay in the foreground, log to the terminal as well */
    bool transient;   /* an owner for one command: end when nothing is left to do */
    bool once;        /* one queue run, then end (runq without an owner) */
    int64_t interval; /* -q: seconds between queue runs; 0: none */
    const char *port; /* -oX */
    int ready_fd; /* -1, or closed after one octet '1' when the local socket is served */
};

/* Run as the owner of the spool; returns an exit code (EX_TEMPFAIL: somebody else owns
 * it). */
int master_run(const struct master_options *options);

#endif
