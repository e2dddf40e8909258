/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A job that a worker did, as it is kept until the spool has it. */
#ifndef ROLE_WORKER_REPORT_H
#define ROLE_WORKER_REPORT_H

#include "deliver/deliver.h"
#include "role/wire.h"

/* A job, and what it made. */
struct done {
    struct job job;
    struct job_result result;
    struct arena *arena; /* of the job; the result lies in it */
    struct done *next;
};

/*
 * Queue all frames of it: EXPANDED in slices (positions count over all of them),
 * OUTCOMES, REPORT, DONE.
 */
void done_report(const struct done *done, struct channel *spool);

#endif
