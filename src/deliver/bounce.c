/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is told that mail failed (reference 10.5): the sender, the owner of the list it
 * went through, or the postmaster. A report is never answered by another but once, to the
 * postmaster; and what fails even there is only said in the panic log.
 */
#include "deliver/reporting.h"

#include <string.h>

#include "mail/header.h"

#include "base/banned.h"

/* What is decided once for all failed addresses of a job. */
struct bounce {
    const struct job_context *context;
    const struct job *job;
    struct job_result *result;
    const char *postmaster;
    bool silent;    /* the sender, or the kind of the message, wants no report */
    bool is_double; /* the message is a report itself (null reverse-path) */
    struct reporting *reports;
    uint32_t *silenced; /* numbers that are only marked */
    size_t silenced_count;
    uint32_t *lost; /* numbers nobody can be told of */
    size_t lost_count;
};

static bool
is_junk(const struct job *job, struct arena *arena)
{
    struct span header = span_first(job->content, header_length(job->content));
    struct field field;

    return header_find(header, "Precedence", 0, &field) &&
           span_is_nocase(span_of(field_value(&field, arena)), "junk");
}

/* Was this message itself meant for the postmaster? Then he cannot be told either. */
static bool
is_to_postmaster(const struct bounce *bounce)
{
    const struct envelope *envelope = &bounce->job->envelope;
    const struct settings *settings = &bounce->context->configuration->settings;

    for (size_t i = 0; i < envelope->recipient_count; i++) {
        struct span to = span_of(envelope->recipients[i].text);
        struct span local = span_first(to, span_find_last(to, '@'));

        if (span_equal_nocase(to, span_of(bounce->postmaster)) ||
            span_is_nocase(local, "postmaster") ||
            span_equal_nocase(to, span_of(settings->postmaster_address)))
            return true;
    }
    return false;
}

/* Whom a failure of this class is told, when the sender may be told. */
static const char *
target_of(const struct bounce *bounce, const struct address *address)
{
    if (bounce->is_double)
        return bounce->postmaster;
    switch (address->report) {
    case REPORT_SENDER:
        return address->owner[0] ? address->owner : bounce->job->envelope.reverse_path;
    case REPORT_OWNER:
        return address->owner[0] ? address->owner : bounce->postmaster;
    default:
        return bounce->postmaster;
    }
}

/* NOTIFY of the sender (RFC 3461 4.1) says nothing about what owners and postmasters get.
 */
static bool
is_unwanted(const struct bounce *bounce, const struct address *address,
            const char *target)
{
    char grade = bounce->job->envelope.grade;

    if (strcmp(target, bounce->job->envelope.reverse_path) != 0)
        return false;
    if (grade >= 'n' && grade <= 'z')
        return true;
    return address->notify != 0 && (address->notify & NOTIFY_FAILURE) == 0;
}

static const char *
subject_for(const struct bounce *bounce, const char *target)
{
    if (bounce->is_double)
        return "mail failed, sending to postmaster: nobody else can be told";
    if (strcmp(target, bounce->postmaster) == 0)
        return "mail failed, sending to postmaster";
    if (strcmp(target, bounce->job->envelope.reverse_path) == 0)
        return NULL;
    return "mail failed, sending to address owner";
}

static void
address_bounce(struct bounce *bounce, const struct address *address)
{
    const char *target = target_of(bounce, address);
    struct reporting *reporting;
    char grade = bounce->job->envelope.grade;

    if (bounce->silent || is_unwanted(bounce, address, target)) {
        bounce->silenced[bounce->silenced_count++] = address->number;
        return;
    }
    if (strcmp(target, bounce->postmaster) == 0 && is_to_postmaster(bounce)) {
        bounce->lost[bounce->lost_count++] = address->number;
        return;
    }
    reporting = reporting_for(&bounce->reports, bounce->context, bounce->job, target,
                              bounce->job->address_count);
    reporting->kind = REPORT_FAILED;
    reporting->action = "failed";
    reporting->subject = subject_for(bounce, target);
    if (grade >= 'a' && grade <= 'm')
        reporting->introduction =
            "The message was of low priority; its text is not returned.\n";
    reporting_add(reporting, address);
}

static const char *
log_for(const struct bounce *bounce, const char *target)
{
    return arena_format(bounce->context->arena, "error %s %s",
                        strcmp(target, bounce->job->envelope.reverse_path) == 0
                            ? "returned to"
                            : "sent to",
                        target);
}

static void
bounce_finish(struct bounce *bounce)
{
    const struct settings *settings = &bounce->context->configuration->settings;
    const char *copy = settings->error_copy_postmaster ? bounce->postmaster : NULL;

    for (struct reporting *at = bounce->reports; at; at = at->next)
        reporting_finish(at, copy, log_for(bounce, at->to), bounce->result);
    if (bounce->silenced_count > 0)
        reporting_mark(bounce->context, REPORT_FAILED, bounce->silenced,
                       bounce->silenced_count, "error not returned", false,
                       bounce->result);
    if (bounce->lost_count > 0)
        reporting_mark(bounce->context, REPORT_FAILED, bounce->lost, bounce->lost_count,
                       "a message to the postmaster failed, nobody can be told", true,
                       bounce->result);
}

void
bounce_compose(const struct job_context *context, const struct job *job,
               struct job_result *result)
{
    struct bounce bounce = {
        .context = context,
        .job = job,
        .result = result,
        .postmaster = reporting_postmaster(context),
        .silent = job->envelope.errors == ERRORS_QUIET || is_junk(job, context->arena),
        .is_double = job->envelope.reverse_path[0] == '\0',
        .silenced = arena_array(context->arena, job->address_count + 1, sizeof(uint32_t)),
        .lost = arena_array(context->arena, job->address_count + 1, sizeof(uint32_t)),
    };

    for (uint32_t i = 0; i < job->address_count; i++)
        if (job->addresses[i].state == ADDRESS_FAILED)
            address_bounce(&bounce, &job->addresses[i]);
    bounce_finish(&bounce);
}
