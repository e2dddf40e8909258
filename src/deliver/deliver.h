/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How mail goes: one job of a worker, from the addresses and the content that it was
 * handed to an outcome for each. Grouping, rendering, calling the transport, composing
 * bounces and warnings. Knows no spool and no queue; what it returns goes to the spool
 * first.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "drivers/driver.h"
#include "mail/report.h"
#include "spool/spool.h"

enum job_kind {
    JOB_RESOLVE, /* walk `addresses` */
    JOB_DELIVER, /* deliver those that are assigned; finish those in state USER for the
                    user */
    JOB_BOUNCE,  /* compose what is due for the failed `addresses` */
    JOB_WARN,    /* compose the delay warning for the waiting `addresses` */
};

/* All that a worker knows of a message. */
struct job {
    uint64_t number;
    enum job_kind kind;
    uint64_t generation; /* of the configuration it was scheduled under */
    struct message_id id;
    struct envelope envelope;
    struct address *addresses;
    uint32_t address_count;
    struct address *known; /* their ancestors (for loops, $parent, DSN), and for a bounce
                              all it needs */
    uint32_t known_count;
    /* For a bounce or warning: the last outcome of each address that has one. */
    struct spool_outcome *outcomes;
    uint32_t outcome_count;
    int64_t waited;      /* ms */
    struct span content; /* all of it, or its header when the content is large ... */
    uint64_t content_size;
    int content_fd; /* ... and then the sealed memory file; else -1 */
};

/* What else is known of an outcome. */
struct job_mark {
    bool owed;          /* it counts only when what the connections owe was settled */
    bool report_passed; /* the next hop answers for NOTIFY=SUCCESS */
};

/* What a job made; all in the job's arena. */
struct job_result {
    /* addresses with new states (resolution), in the form of spool_add_expanded() */
    struct address *expanded;
    uint64_t *keys;
    bool *transports_are_local;
    size_t expanded_count;

    /* outcomes; of an address that this job itself made or finished as well */
    struct spool_outcome *outcomes;
    size_t outcome_count;
    struct job_mark *marks; /* for each outcome */
    bool ran_command;       /* its process should not live on for long */

    /* bounces and warnings */
    struct job_report {
        enum report_kind kind;
        bool has_message; /* false: need not be reported; only marked */
        struct envelope envelope;
        struct span content;
        uint32_t *numbers;
        size_t count;
        const char *log;
        bool panic; /* `log` needs a human */
        struct job_report *next;
    } * reports;
};

struct job_context {
    const struct configuration *configuration;
    const struct services *services;
    const struct user *user; /* of a user's worker, else NULL */
    struct connection_cache *connections;
    struct arena *arena; /* of the job; everything of the result lives there */
};

/*
 * Do a job of any kind. Every address of it has an outcome or a new state afterwards.
 *
 * A resolution that ends in FAILED is told by the new state alone, one that must wait by
 * an outcome DEFERRED. Outcomes of addresses that are new have the number
 * ADDRESS_PARENT_IN_ARRAY + their position in `expanded`.
 */
void job_run(const struct job_context *context, const struct job *job,
             struct job_result *result);

/*
 * The same in two steps, so that jobs for one mailbox share its lock and its sync:
 * job_attempt() for each, connection_cache_settle() once, job_conclude() for each with
 * the error of the settling (NULL: it succeeded). Only then may anything of the result be
 * told.
 */
void job_attempt(const struct job_context *context, const struct job *job,
                 struct job_result *result);
void job_conclude(const struct job_context *context, const struct job *job,
                  const struct error *failure, struct job_result *result);

/*
 * Deliver assigned addresses that share transport and next hop: grouped by owner and
 * within the transport's limits, hop limit checked, shadow and error transports called.
 */
void deliver_addresses(const struct job_context *context, const struct job *job,
                       const struct address *const *addresses, size_t count,
                       struct delivery_address *results);

/* The configured name for what a delivery says of itself, and one of our users in full.
 */
const char *deliver_qualified(const struct settings *settings, const char *address,
                              struct arena *arena);
/* The ancestors of an address among those of the job, its parent first. */
const struct address *const *deliver_ancestors(const struct job *job,
                                               const struct address *address,
                                               struct arena *arena, size_t *count);

/* Success reports (NOTIFY=SUCCESS, RFC 3461) for what was delivered, or relayed to a host
 * that cannot report itself. */
void success_compose(const struct job_context *context, const struct job *job,
                     struct job_result *result);
/* Compose bounces: to owner, sender, postmaster as reference 10.5 says; never for a null
 * reverse-path but to the postmaster. */
void bounce_compose(const struct job_context *context, const struct job *job,
                    struct job_result *result);
void warning_compose(const struct job_context *context, const struct job *job,
                     struct job_result *result);

/* The edits of one delivery: Received, Return-Path, inserted, appended and removed
 * fields, "From " line, line ends. */
bool delivery_render(const struct delivery *delivery, const struct job *job,
                     struct rendering *rendering, struct error *error);

struct connection_cache *connection_cache_new(size_t limit);
/* Drop those idle for longer (ms). */
void connection_cache_expire(struct connection_cache *cache, int64_t idle);
void connection_cache_free(struct connection_cache *cache);
/* Finish everything that is owed; false with the first error when one failed. */
bool connection_cache_settle(struct connection_cache *cache, struct error *error);
/* How often something was owed so far; and is anything owed now? */
uint64_t connection_cache_owed(const struct connection_cache *cache);
bool connection_cache_owes(const struct connection_cache *cache);
bool connection_cache_is_empty(const struct connection_cache *cache);

#endif
