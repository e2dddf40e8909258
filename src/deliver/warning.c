/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling the sender that mail is late, or that it arrived. */
#include "deliver/reporting.h"

#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

/* Who sent it: the owner of the list, else the reverse-path; "" nobody. */
static const char *
sender_of(const struct job *job, const struct address *address)
{
    if (job->envelope.reverse_path[0] == '\0')
        return "";
    return address->owner[0] ? address->owner : job->envelope.reverse_path;
}

/* Until when it is tried; of a host with a rule of its own, as that says. */
static int64_t
retry_until(const struct job_context *context, const struct job *job,
            const struct address *address)
{
    const struct retry_rule *rule =
        retry_rule_for(context->configuration, address->next_hop);

    if (!rule || rule->duration.seconds <= 0)
        return 0;
    return clock_seconds() - job->waited / 1000 + rule->duration.seconds;
}

static void
address_warn(const struct job_context *context, const struct job *job,
             const struct address *address, struct reporting **reports)
{
    const char *to = sender_of(job, address);
    struct reporting *reporting;

    if (to[0] == '\0' || address_state_done(address->state) ||
        address->state == ADDRESS_FAILED ||
        (address->notify != 0 && (address->notify & NOTIFY_DELAY) == 0))
        return;
    reporting = reporting_for(reports, context, job, to, job->address_count);
    reporting->kind = REPORT_DELAYED;
    reporting->action = "delayed";
    reporting->retry_until = retry_until(context, job, address);
    reporting_add(reporting, address);
}

void
warning_compose(const struct job_context *context, const struct job *job,
                struct job_result *result)
{
    struct reporting *reports = NULL;
    char grade = job->envelope.grade;

    /* Mail of low grade waits as a matter of course. */
    if (job->envelope.errors != ERRORS_QUIET && !(grade >= 'n' && grade <= 'z'))
        for (uint32_t i = 0; i < job->address_count; i++)
            address_warn(context, job, &job->addresses[i], &reports);
    for (struct reporting *at = reports; at; at = at->next)
        reporting_finish(
            at, NULL, arena_format(context->arena, "warning sent to %s", at->to), result);
    if (!reports)
        reporting_mark(context, REPORT_DELAYED, NULL, 0, "nobody is warned", false,
                       result);
}

/* --- success --- */

/* The address that an outcome of this job is about. */
static const struct address *
address_of(const struct job *job, const struct job_result *result, uint32_t number)
{
    if (number & ADDRESS_PARENT_IN_ARRAY) {
        number &= ~ADDRESS_PARENT_IN_ARRAY;
        return number < result->expanded_count ? &result->expanded[number] : NULL;
    }
    for (size_t i = 0; i < result->expanded_count; i++)
        if (result->expanded[i].number == number)
            return &result->expanded[i];
    for (uint32_t i = 0; i < job->address_count; i++)
        if (job->addresses[i].number == number)
            return &job->addresses[i];
    return NULL;
}

static void
outcome_succeeded(const struct job_context *context, const struct job *job,
                  const struct job_result *result, size_t at, struct reporting **reports)
{
    const struct spool_outcome *outcome = &result->outcomes[at];
    const struct address *address;
    struct reporting *reporting;

    if (outcome->outcome != OUTCOME_DELIVERED &&
        (outcome->outcome != OUTCOME_RELAYED || result->marks[at].report_passed))
        return;
    address = address_of(job, result, outcome->number);
    if (!address || (address->notify & NOTIFY_SUCCESS) == 0)
        return;
    reporting = reporting_for(reports, context, job, job->envelope.reverse_path,
                              result->outcome_count);
    reporting->kind = REPORT_SUCCESS;
    reporting->action = outcome->outcome == OUTCOME_DELIVERED ? "delivered" : "relayed";
    reporting_add_success(reporting, address, outcome);
}

void
success_compose(const struct job_context *context, const struct job *job,
                struct job_result *result)
{
    struct reporting *reports = NULL;

    if (job->envelope.reverse_path[0] == '\0' || job->envelope.dry_run)
        return;
    for (size_t i = 0; i < result->outcome_count; i++)
        outcome_succeeded(context, job, result, i, &reports);
    for (struct reporting *at = reports; at; at = at->next)
        reporting_finish(at, NULL,
                         arena_format(context->arena, "success reported to %s", at->to),
                         result);
}
