/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What bounces, warnings and success reports share; private to deliver/. */
#ifndef DELIVER_REPORTING_H
#define DELIVER_REPORTING_H

#include "deliver/deliver.h"

/* One report in the making: whom it goes to, and about which addresses of the job. */
struct reporting {
    const struct job_context *context;
    const struct job *job;
    enum report_kind kind;
    const char *to;           /* mailbox text */
    const char *subject;      /* NULL: the customary one */
    const char *introduction; /* "" none */
    const char *action;       /* of all its addresses: "failed", "delayed", ... */
    struct text output;       /* of commands */
    struct report_recipient *recipients;
    uint32_t *numbers;
    size_t count;
    int64_t retry_until; /* of a warning; seconds since 1970, 0: not known */
    struct reporting *next;
};

/* The address that our own postmaster is reached at. */
const char *reporting_postmaster(const struct job_context *context);

/*
 * The report of that kind to that address among those begun, or a new one at the end. It
 * has room for `most` addresses.
 */
struct reporting *reporting_for(struct reporting **list,
                                const struct job_context *context, const struct job *job,
                                const char *to, size_t most);
/* One more address, with its error and the last outcome of it among those of the job. */
void reporting_add(struct reporting *reporting, const struct address *address);
/* One more that went well. */
void reporting_add_success(struct reporting *reporting, const struct address *address,
                           const struct spool_outcome *outcome);
/* Compose it. `copy_to` (or NULL) gets it as well. */
void reporting_finish(const struct reporting *reporting, const char *copy_to,
                      const char *log, struct job_result *result);
/* Addresses that need no report: only marked. */
void reporting_mark(const struct job_context *context, enum report_kind kind,
                    const uint32_t *numbers, size_t count, const char *log, bool panic,
                    struct job_result *result);

#endif
