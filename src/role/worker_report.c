/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a worker tells the spool of a job: slices that fit into frames, DONE as the last.
 */
#include "role/worker_report.h"

#include <string.h>

#include "base/banned.h"

enum {
    SLICE = 1000,           /* addresses or outcomes in one frame */
    SLICE_OCTETS = 1 << 20, /* about as much text in it */
};

/* How many of the addresses from `first` on go into one frame. */
static size_t
expanded_slice(const struct job_result *result, size_t first)
{
    size_t count = 0, octets = 0;

    while (first + count < result->expanded_count && count < SLICE &&
           octets < SLICE_OCTETS) {
        const struct address *address = &result->expanded[first + count++];

        octets += strlen(address->text) + strlen(address->next_address) +
                  strlen(address->owner) + strlen(address->source) +
                  strlen(address->home) + strlen(address->dsn_recipient) + 600;
    }
    return count;
}

static void
report_expanded(struct channel *spool, const struct done *done)
{
    const struct job_result *result = &done->result;

    for (size_t first = 0; first < result->expanded_count;) {
        size_t count = expanded_slice(result, first);
        struct wire_expanded expanded = {
            .job = done->job.number,
            .id = done->job.id,
            .addresses = result->expanded + first,
            .keys = result->keys + first,
            .count = (uint32_t)count,
            .transports_are_local = result->transports_are_local + first,
        };

        wire_send(spool, WIRE_EXPANDED, &expanded, -1);
        first += count;
    }
}

/* How many of the outcomes from `first` on go into one frame. */
static size_t
outcome_slice(const struct job_result *result, size_t first)
{
    size_t count = 0, octets = 0;

    while (first + count < result->outcome_count && count < SLICE &&
           octets < SLICE_OCTETS) {
        const struct spool_outcome *outcome = &result->outcomes[first + count++];

        octets += strlen(outcome->diagnostic) + strlen(outcome->remote) + 400;
    }
    return count;
}

static void
report_outcomes(struct channel *spool, const struct done *done)
{
    const struct job_result *result = &done->result;

    for (size_t first = 0; first < result->outcome_count;) {
        size_t count = outcome_slice(result, first);
        struct wire_outcomes outcomes = {.job = done->job.number,
                                         .id = done->job.id,
                                         .outcomes = result->outcomes + first,
                                         .count = (uint32_t)count};

        wire_send(spool, WIRE_OUTCOMES, &outcomes, -1);
        first += count;
    }
}

static void
report_reports(struct channel *spool, const struct done *done)
{
    for (const struct job_report *at = done->result.reports; at; at = at->next) {
        struct wire_report report = {
            .job = done->job.number,
            .id = done->job.id,
            .has_message = at->has_message,
            .kind = (uint32_t)at->kind,
            .envelope = at->envelope,
            .content = at->content,
            .numbers = at->numbers,
            .count = (uint32_t)at->count,
            .log = at->log,
        };

        wire_send(spool, WIRE_REPORT, &report, -1);
    }
}

void
done_report(const struct done *done, struct channel *spool)
{
    struct wire_job_end end = {done->job.number};

    report_expanded(spool, done);
    report_outcomes(spool, done);
    report_reports(spool, done);
    wire_send(spool, WIRE_DONE, &end, -1);
}
