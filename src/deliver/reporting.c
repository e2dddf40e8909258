/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports to people: gathering their addresses, choosing how much goes back, enveloping.
 */
#include "deliver/reporting.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "mail/header.h"
#include "mail/status.h"

#include "base/banned.h"

/* More than that of an original never goes back: a report must fit into one frame. */
enum { RETURN_LIMIT = 2 << 20 };

const char *
reporting_postmaster(const struct job_context *context)
{
    return arena_format(context->arena, "postmaster@%s",
                        context->configuration->settings.primary_name);
}

struct reporting *
reporting_for(struct reporting **list, const struct job_context *context,
              const struct job *job, const char *to, size_t most)
{
    struct reporting *reporting;

    for (; *list; list = &(*list)->next)
        if (span_equal_nocase(span_of((*list)->to), span_of(to)))
            return *list;
    reporting = arena_alloc(context->arena, sizeof(*reporting));
    reporting->context = context;
    reporting->job = job;
    reporting->to = to;
    reporting->introduction = "";
    reporting->output = text_new(context->arena);
    reporting->recipients =
        arena_array(context->arena, most + 1, sizeof(*reporting->recipients));
    reporting->numbers =
        arena_array(context->arena, most + 1, sizeof(*reporting->numbers));
    *list = reporting;
    return reporting;
}

static bool
error_is_smtp(const struct error *error)
{
    switch (error->number) {
    case ERR_SMTP_GREETING:
    case ERR_SMTP_HELLO:
    case ERR_SMTP_TEMPORARY:
    case ERR_SMTP_PERMANENT:
    case ERR_SMTP_STORAGE:
    case ERR_SMTP_RECIPIENT:
        return true;
    default:
        return false;
    }
}

static bool
error_is_of_command(const struct error *error)
{
    return error->number == ERR_PIPE_STATUS || error->number == ERR_PIPE_SIGNAL ||
           error->number == ERR_PIPE_WAIT;
}

static const struct spool_outcome *
outcome_of(const struct job *job, uint32_t number)
{
    for (uint32_t i = 0; i < job->outcome_count; i++)
        if (job->outcomes[i].number == number)
            return &job->outcomes[i];
    return NULL;
}

/* The address as a person knows it. */
static const char *
address_shown(const struct reporting *reporting, const struct address *address)
{
    if (address->kind != ADDRESS_PIPE)
        return address->text;
    return arena_format(reporting->context->arena, "|%s", address->text);
}

/* What a command printed, each line for itself again. */
static void
output_add(struct reporting *reporting, const char *diagnostic)
{
    struct span rest = span_of(diagnostic), mark = SPAN(" | ");

    while (rest.length > 0) {
        size_t length = span_search(rest, mark);

        text_add_span(&reporting->output, span_first(rest, length));
        text_add_byte(&reporting->output, '\n');
        rest = span_from(rest, length + mark.length);
    }
}

void
reporting_add(struct reporting *reporting, const struct address *address)
{
    const struct spool_outcome *outcome = outcome_of(reporting->job, address->number);
    const struct error *error = &address->error;
    struct report_recipient recipient = {
        .address = address_shown(reporting, address),
        .original = address->dsn_recipient,
        .action = reporting->action,
        .status = error->status[0] ? error->status : "4.4.7",
        .remote = "",
        .diagnostic = error->text,
        .last_attempt = outcome ? outcome->time / 1000 : 0,
        .retry_until = reporting->retry_until,
    };

    if (outcome && error_is_smtp(error) && outcome->diagnostic[0]) {
        recipient.diagnostic_is_smtp = true;
        recipient.remote = outcome->remote;
        recipient.diagnostic = outcome->diagnostic;
    } else if (outcome && error_is_of_command(error)) {
        output_add(reporting, outcome->diagnostic);
    }
    reporting->recipients[reporting->count] = recipient;
    reporting->numbers[reporting->count++] = address->number;
}

void
reporting_add_success(struct reporting *reporting, const struct address *address,
                      const struct spool_outcome *outcome)
{
    reporting->recipients[reporting->count] = (struct report_recipient){
        .address = address_shown(reporting, address),
        .original = address->dsn_recipient,
        .action = reporting->action,
        .status = "2.0.0",
        .remote = outcome->remote,
        .diagnostic = outcome->outcome == OUTCOME_RELAYED ? outcome->diagnostic : "",
        .diagnostic_is_smtp = outcome->outcome == OUTCOME_RELAYED,
        .last_attempt = outcome->time / 1000,
    };
    reporting->numbers[reporting->count++] = outcome->number;
}

/* --- what goes back of the original --- */

static struct span
original_header(const struct job *job)
{
    return span_first(job->content, header_length(job->content));
}

/* The whole content, if it is at hand. */
static bool
original_load(const struct reporting *reporting, struct span *whole)
{
    const struct job *job = reporting->job;
    size_t size = (size_t)job->content_size, done = 0;
    char *bytes;

    if (job->content_fd < 0) {
        *whole = job->content;
        return true;
    }
    bytes = arena_alloc(reporting->context->arena, size + 1);
    while (done < size) {
        ssize_t got = pread(job->content_fd, bytes + done, size - done, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false; /* the header goes back alone */
        done += (size_t)got;
    }
    *whole = (struct span){bytes, size};
    return true;
}

/* Is the whole message to go back (RET, grade, limit)? */
static bool
original_is_wanted(const struct reporting *reporting)
{
    const struct job *job = reporting->job;
    int64_t limit = reporting->context->configuration->settings.bounce_size_limit;
    char grade = job->envelope.grade;

    if (reporting->kind != REPORT_FAILED || job->envelope.ret == RETURN_HEADERS)
        return false;
    if (grade >= 'a' && grade <= 'm')
        return false; /* reference 10.5: of low priority */
    return limit > 0 && job->content_size <= (uint64_t)limit &&
           job->content_size <= RETURN_LIMIT;
}

/* --- the envelope --- */

static struct envelope
report_envelope(const struct reporting *reporting, const char *copy_to,
                struct span content)
{
    struct arena *arena = reporting->context->arena;
    struct envelope envelope = envelope_new();
    struct content_facts facts = content_facts_new();
    const char *to[2] = {reporting->to, copy_to};

    envelope.recipients = arena_array(arena, 2, sizeof(*envelope.recipients));
    for (size_t i = 0; i < 2; i++) {
        struct recipient *recipient = &envelope.recipients[envelope.recipient_count];

        if (!to[i] || (i > 0 && span_equal_nocase(span_of(to[i]), span_of(to[0]))))
            continue;
        *recipient = (struct recipient){.text = to[i], .original = ""};
        envelope.recipient_count++;
    }
    content_facts_add(&facts, content);
    content_facts_store(&facts, &envelope);
    envelope.hops = 0; /* those of the original, in what is returned, are not ours */
    envelope.protocol = "internal";
    envelope.program = "smail";
    envelope.origin = ORIGIN_BOUNCE;
    envelope.body = envelope.eight_bit ? BODY_8BIT : BODY_7BIT;
    envelope.smtputf8 = envelope.header_utf8;
    for (const char *at = reporting->to; *at; at++)
        if ((unsigned char)*at > 127)
            envelope.smtputf8 = true;
    envelope.received = clock_milliseconds();
    return envelope;
}

/* Unique, and telling whose report it is; the message itself gets its id from the spool.
 */
static const char *
report_id(const struct reporting *reporting)
{
    uint64_t random;

    random_bytes(&random, sizeof(random));
    return arena_format(reporting->context->arena, "report-%s-%016llx",
                        reporting->job->id.text, (unsigned long long)random);
}

static struct job_report *
report_append(struct job_result *result, struct arena *arena)
{
    struct job_report **end = &result->reports;

    while (*end)
        end = &(*end)->next;
    *end = arena_alloc(arena, sizeof(**end));
    return *end;
}

void
reporting_finish(const struct reporting *reporting, const char *copy_to, const char *log,
                 struct job_result *result)
{
    const struct job *job = reporting->job;
    const struct settings *settings = &reporting->context->configuration->settings;
    struct arena *arena = reporting->context->arena;
    struct job_report *made = report_append(result, arena);
    struct text content = text_new(arena);
    struct report report = {
        .kind = reporting->kind,
        .message_id = report_id(reporting),
        .original_id = job->id.text,
        .reporting_mta = settings->primary_name,
        .from = arena_format(arena, "MAILER-DAEMON@%s", settings->visible_name),
        .to = deliver_qualified(settings, reporting->to, arena),
        .subject = reporting->subject,
        .introduction = reporting->introduction,
        .envelope = &job->envelope,
        .recipients = reporting->recipients,
        .recipient_count = reporting->count,
        .output = text_string(&reporting->output),
        .now = clock_seconds(),
    };

    report.original_is_whole =
        original_is_wanted(reporting) && original_load(reporting, &report.original);
    if (!report.original_is_whole)
        report.original = span_first(original_header(job), RETURN_LIMIT);
    report_compose(&report, &content);
    made->kind = reporting->kind;
    made->has_message = true;
    made->content = text_span(&content);
    made->envelope = report_envelope(reporting, copy_to, made->content);
    made->numbers = reporting->numbers;
    made->count = reporting->count;
    made->log = log;
}

void
reporting_mark(const struct job_context *context, enum report_kind kind,
               const uint32_t *numbers, size_t count, const char *log, bool panic,
               struct job_result *result)
{
    struct job_report *made = report_append(result, context->arena);
    struct text content = text_new(context->arena);

    made->kind = kind;
    made->has_message = false;
    made->envelope = envelope_new();
    made->content = text_span(&content);
    made->numbers = arena_array(context->arena, count + 1, sizeof(*made->numbers));
    if (count > 0)
        memcpy(made->numbers, numbers, count * sizeof(*numbers));
    made->count = count;
    made->log = log;
    made->panic = panic;
}
