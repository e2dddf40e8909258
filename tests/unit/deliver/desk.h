/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker's desk for tests: a private directory, a configuration from texts with the
 * real drivers, one user who is whoever runs the tests, and a job.
 */
#ifndef UNIT_DELIVER_DESK_H
#define UNIT_DELIVER_DESK_H

#include "deliver/deliver.h"

struct desk {
    struct arena *arena;
    char directory[64]; /* private; removed at the end */
    struct configuration *configuration;
    struct services services; /* knows joe; everything else is real */
    struct services *real;
    struct user user; /* joe, home DIRECTORY/home */
    struct connection_cache *connections;
    struct job_context context;
    struct job job;
    struct job_result result;
};

/* "@/" in the texts begins with the directory. NULL: the built-in ones. */
void desk_begin(struct desk *desk, const char *config, const char *transports);
void desk_begin_directing(struct desk *desk, const char *config, const char *transports,
                          const char *directors);
void desk_end(struct desk *desk);

const char *desk_path(struct desk *desk, const char *name);
void desk_write(struct desk *desk, const char *name, mode_t mode, const char *text);
/* What stands in a file; NULL if there is none. */
const char *desk_read(struct desk *desk, const char *name);

/* The message of the job. */
void desk_message(struct desk *desk, const char *reverse_path, const char *content);
/* One more address, assigned to that transport with joe as its user. */
struct address *desk_address(struct desk *desk, enum address_kind kind,
                             const char *transport, const char *text);
/* Deliver all addresses; the outcomes are in desk->result. */
void desk_deliver(struct desk *desk);
/* The only outcome: "delivered", "deferred 134 4.2.0", "failed 144 5.3.0". */
const char *desk_outcome(struct desk *desk);

#endif
