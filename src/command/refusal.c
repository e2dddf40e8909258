/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports of what was refused on the way in. */
#include "command/refusal.h"

#include "base/clock.h"
#include "base/random.h"
#include "mail/header.h"
#include "mail/report.h"

#include "base/banned.h"

enum { RETURN_LIMIT = 64 << 10 }; /* octets of a message that go back whole */

const char *
refusal_postmaster(const struct settings *settings, struct arena *arena)
{
    return arena_format(arena, "postmaster@%s", settings->primary_name);
}

struct span
refusal_original(struct span content, struct arena *arena)
{
    struct text text = text_new(arena);
    char before = 0;

    for (size_t i = 0; i < content.length && text.length <= RETURN_LIMIT; i++) {
        if (content.bytes[i] == '\n' && before != '\r')
            text_add_byte(&text, '\r');
        text_add_byte(&text, content.bytes[i]);
        before = content.bytes[i];
    }
    return text_span(&text);
}

static struct report_recipient
recipient_of(const struct refusal *refusal, const struct refused *refused)
{
    struct span words = span_of(refused->reply);
    struct span status = span_first(words, span_find(words, ' '));

    return (struct report_recipient){.address = refused->path,
                                     .original = "",
                                     .action = "failed",
                                     .status = span_starts(status, "5.")
                                                   ? span_string(status, refusal->arena)
                                                   : refusal->status,
                                     .remote = "",
                                     .diagnostic = refused->reply,
                                     .last_attempt = clock_seconds()};
}

/* The parts that do not depend on what was refused. */
static struct report
report_new(const struct refusal *refusal)
{
    const struct settings *settings = refusal->settings;
    uint64_t random;

    random_bytes(&random, sizeof random);
    return (struct report){
        .kind = REPORT_FAILED,
        .message_id =
            arena_format(refusal->arena, "refused-%016llx", (unsigned long long)random),
        .original_id = "",
        .reporting_mta = settings->primary_name,
        .from = arena_format(refusal->arena, "MAILER-DAEMON@%s", settings->visible_name),
        .introduction = "",
        .output = "",
        .now = clock_seconds()};
}

const char *
refusal_compose(const struct refusal *refusal, struct text *content)
{
    struct report_recipient *list =
        arena_array(refusal->arena, refusal->count + 1, sizeof *list);
    struct report report = report_new(refusal);
    struct envelope envelope = envelope_new();
    struct span original = refusal->original;

    for (size_t i = 0; i < refusal->count; i++)
        list[i] = recipient_of(refusal, &refusal->list[i]);
    envelope.reverse_path = refusal->reverse_path;
    envelope.received = clock_milliseconds();
    report.to = refusal->reverse_path[0]
                    ? refusal->reverse_path
                    : refusal_postmaster(refusal->settings, refusal->arena);
    report.envelope = &envelope;
    report.recipients = list;
    report.recipient_count = refusal->count;
    report.original_is_whole = original.length <= RETURN_LIMIT;
    report.original = report.original_is_whole
                          ? original
                          : span_first(original, header_length(original));
    report_compose(&report, content);
    return report.to;
}
