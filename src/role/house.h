/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The master's own parts: its children, its sockets, its directories and logs. Only
 * master*.c and child.c include this.
 */
#ifndef ROLE_HOUSE_H
#define ROLE_HOUSE_H

#include <event2/event.h>
#include <sys/types.h>

#include "role/role.h"

enum { HOUSE_LISTENERS = 64, HOUSE_INSTANCES = 64 };

/* A process that the master started. */
struct child {
    struct house *house;
    enum role_kind kind;
    uint32_t instance;
    char *user; /* of a user worker, else "" */
    pid_t pid;  /* 0: it ended and waits to be started again */
    struct channel *control;
    bool ready, draining, asked_busy;
    uint32_t part;         /* of the session counts; 0: none */
    int64_t started;       /* monotonic ms */
    int64_t restart_delay; /* ms */
    struct event *restart;
    struct child *next;
};

struct listener {
    int fd;
    enum role_kind kind; /* ROLE_RECEIVE or ROLE_LOCAL */
    char *name;
};

struct house {
    const struct master_options *options;
    struct event_base *base;
    struct log *log;
    struct arena *arena;
    struct configuration *configuration;
    int bundle; /* sealed memory file with the configuration of this generation */
    uint64_t generation;
    bool privileged;
    int program; /* the executable, opened at the start: all of the house is of one build
                  */
    const char *spool_directory, *run_directory;
    int owner_lock;

    struct child *children;
    uint32_t next_instance; /* of workers */
    struct listener listeners[HOUSE_LISTENERS];
    size_t listener_count;
    int log_fds[LOG_STREAMS];
    ino_t log_inodes[LOG_STREAMS];
    bool log_failed[LOG_STREAMS]; /* it could not be opened, and that was said */
    int counts;                   /* shared session counts */

    bool stopping, ready_told, queue_idle, local_idle;
    int exit_code;
    int64_t idle_since; /* monotonic ms, 0: busy */
    struct event *timer, *signals[5];
};

/* --- child.c --- */

/* Start a child and connect it to its peers. False: fork failed (it is tried again
 * later). */
bool child_start(struct house *house, enum role_kind kind, uint32_t instance,
                 const char *user);
void child_free(struct child *child);
struct child *child_of(struct house *house, enum role_kind kind, uint32_t instance);
/* Reap what ended; restart what must run. */
void children_reap(struct house *house);
void child_send_config(struct child *child);
void child_drain(struct child *child);
/* Start it again after a wait that grows while it does not live. */
void child_restart_later(struct child *child);
size_t children_count(const struct house *house, bool (*which)(enum role_kind kind));

/* --- master_listen.c --- */

bool listeners_open(struct house *house, struct error *error);
void listeners_send(struct house *house, struct child *child);

/* --- master_files.c --- */

/* Are the users there that the roles run as? Asked of root's house only, before it
 * begins. */
bool accounts_check(const struct house *house, struct error *error);
/* Make the spool's and the run directory, take the owner's lock. busy: somebody else has
 * it. */
bool directories_make(struct house *house, bool *busy, struct error *error);
void logs_open(struct house *house);
/* Open them anew if they were rotated; tell the children. */
void logs_check(struct house *house, bool force);
void logs_send(struct house *house, struct child *child);
/* A sealed memory file that holds the packed bundle, or -1. */
int bundle_store(const struct config_bundle *bundle, struct error *error);

/* --- master.c --- */

/* A frame from a child's control channel. */
void house_frame(struct child *child, struct frame *frame);

#endif
