/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Composing a delivery status notification: a multipart/report of a text for people, the
 * same for programs (RFC 3464), and the message or its header (RFC 6522). What strangers
 * wrote goes in cleaned, and the returned message octet for octet.
 */
#include "mail/report.h"

#include <string.h>

#include "base/utf8.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/report_text.h"

#include "base/banned.h"

/* A report while it is written. */
struct compose {
    const struct report *report;
    struct text *content;
    struct arena *arena;
    const char *boundary;
    struct span people;   /* the first part's text */
    struct span original; /* what is returned of it */
    bool global;          /* goes to an address beyond ASCII: RFC 6533's forms */
    bool original_8bit;
    bool original_utf8; /* its header is beyond ASCII */
};

/* ------------------------------------------------------------ for people */

static const struct {
    const char *subject, *sentence, *heading;
} kinds[] = {
    [REPORT_FAILED] = {"mail failed, returning to sender",
                       "Your message could not be delivered to the addresses below, and "
                       "no further attempt will be made.",
                       "Failed addresses follow:"},
    [REPORT_DELAYED] = {"mail delayed, still trying",
                        "Your message could not yet be delivered to the addresses below. "
                        "Further attempts will be made; you need not send it again.",
                        "Delayed addresses follow:"},
    [REPORT_SUCCESS] =
        {"mail delivered",
         "Your message has reached the addresses below, as far as this host "
         "can know. You asked to be told.",
         "Delivered addresses follow:"},
};

/* "|------------------------- TITLE -----|", 72 columns, as Smail always had it. */
static void
people_heading(struct text *text, const char *title)
{
    size_t begin = text->length;

    text_add(text, "|------------------------- ");
    text_add(text, title);
    text_add_byte(text, ' ');
    while (text->length - begin < 71)
        text_add_byte(text, '-');
    text_add(text, "|\r\n");
}

static void
people_recipient(const struct report_recipient *recipient, struct arena *arena,
                 struct text *text)
{
    struct text line = text_new(arena);

    text_add_byte(&line, '<');
    text_add(&line, recipient->address);
    text_add(&line, "> ... ");
    if (recipient->remote[0] != '\0' && recipient->diagnostic_is_smtp) {
        text_add(&line, recipient->remote);
        text_add(&line, " said: ");
    }
    text_add(&line, recipient->diagnostic[0] != '\0' ? recipient->diagnostic
                                                     : recipient->action);
    text_add_byte(text, ' ');
    report_text_wrap(text_span(&line), "\r\n     ", text);
    text_add(text, "\r\n");
    if (recipient->retry_until > 0) {
        text_add(text, "     will be tried until ");
        text_add(text, date_mail(recipient->retry_until, arena));
        text_add(text, "\r\n");
    }
}

static struct span
people_text(const struct report *report, struct arena *arena)
{
    struct text text = text_new(arena);

    text_add(&text, "This is the mail system at host ");
    report_text_clean(span_of(report->reporting_mta), &text);
    text_add(&text, ".\r\n\r\n");
    report_text_wrap(span_of(kinds[report->kind].sentence), "\r\n", &text);
    text_add(&text, "\r\n\r\n");
    if (report->introduction[0] != '\0') {
        report_text_lines(span_of(report->introduction), &text);
        text_add(&text, "\r\n");
    }
    people_heading(&text, kinds[report->kind].heading);
    for (size_t i = 0; i < report->recipient_count; i++)
        people_recipient(&report->recipients[i], arena, &text);
    if (report->output[0] != '\0') {
        people_heading(&text, "Output of the command follows:");
        report_text_lines(span_of(report->output), &text);
    }
    people_heading(&text, report->original_is_whole ? "Message text follows:"
                                                    : "Message header follows:");
    return text_span(&text);
}

/* ------------------------------------------------------------ for programs */

/* "Name: type; value", folded; ASCII unless the global forms are in use. */
static void
status_field(struct compose *compose, const char *name, const char *type,
             const char *value)
{
    struct text line = text_new(compose->arena);

    if (value[0] == '\0')
        return;
    text_add(&line, name);
    text_add(&line, ": ");
    if (type[0] != '\0') {
        text_add(&line, type);
        text_add(&line, "; ");
    }
    for (; *value != '\0'; value++)
        text_add_byte(&line,
                      compose->global || (unsigned char)*value < 0x80 ? *value : '?');
    report_text_wrap(text_span(&line), "\r\n    ", compose->content);
    text_add(compose->content, "\r\n");
}

static void
status_date(struct compose *compose, const char *name, int64_t seconds)
{
    if (seconds > 0)
        status_field(compose, name, "", date_mail(seconds, compose->arena));
}

/* The final recipient, with a domain in any case. */
static void
status_final(struct compose *compose, const char *address)
{
    struct text text = text_new(compose->arena);
    bool ascii = utf8_is_ascii(span_of(address));

    if (ascii || compose->global)
        text_add(&text, address);
    else
        report_text_embed(span_of(address), &text);
    if (strchr(address, '@') == NULL) {
        text_add_byte(&text, '@');
        text_add(&text, compose->report->reporting_mta);
    }
    status_field(compose, "Final-Recipient", ascii ? "rfc822" : "utf-8",
                 text_string(&text));
}

static void
status_recipient(struct compose *compose, const struct report_recipient *recipient)
{
    text_add(compose->content, "\r\n");
    status_field(compose, "Original-Recipient", "", recipient->original);
    status_final(compose, recipient->address);
    status_field(compose, "Action", "", recipient->action);
    status_field(compose, "Status", "", recipient->status);
    status_field(compose, "Remote-MTA", "dns", recipient->remote);
    status_field(compose, "Diagnostic-Code",
                 recipient->diagnostic_is_smtp ? "smtp" : "x-smail",
                 recipient->diagnostic);
    status_date(compose, "Last-Attempt-Date", recipient->last_attempt);
    status_date(compose, "Will-Retry-Until", recipient->retry_until);
}

static void
status_all(struct compose *compose)
{
    const struct report *report = compose->report;

    status_field(compose, "Reporting-MTA", "dns", report->reporting_mta);
    status_field(compose, "Original-Envelope-Id", "", report->envelope->envelope_id);
    status_date(compose, "Arrival-Date", report->envelope->received / 1000);
    status_field(compose, "X-Smail-Id", "", report->original_id);
    for (size_t i = 0; i < report->recipient_count; i++)
        status_recipient(compose, &report->recipients[i]);
}

/* ------------------------------------------------------------ the whole */

/* A boundary that is in none of the parts we did not write ourselves. */
static const char *
compose_boundary(const struct compose *compose)
{
    for (unsigned n = 0;; n++) {
        const char *boundary =
            arena_format(compose->arena, "smail-%s-%u", compose->report->message_id, n);

        if (span_search(compose->original, span_of(boundary)) ==
                compose->original.length &&
            span_search(compose->people, span_of(boundary)) == compose->people.length)
            return boundary;
    }
}

/* A header field of the report; a `value` from elsewhere is cleaned. */
static void
compose_field(struct compose *compose, const char *name, const char *value)
{
    text_add(compose->content, name);
    text_add(compose->content, ": ");
    report_text_clean(span_of(value), compose->content);
    text_add(compose->content, "\r\n");
}

static void
compose_id(struct compose *compose, const char *name, const char *id)
{
    if (id[0] != '\0')
        compose_field(
            compose, name,
            arena_format(compose->arena, "<%s@%s>", id, compose->report->reporting_mta));
}

/* The thread it belongs to, if the original named itself in a way that can be repeated.
 */
static void
compose_references(struct compose *compose)
{
    struct span id = span_of(compose->report->envelope->message_id);

    for (size_t i = 0; i < id.length; i++)
        if (id.bytes[i] <= ' ' || id.bytes[i] >= 0x7f)
            return;
    if (id.length > 4 && id.bytes[0] == '<' && span_find(id, '>') == id.length - 1)
        compose_field(compose, "References", compose->report->envelope->message_id);
}

static void
compose_header(struct compose *compose)
{
    const struct report *report = compose->report;
    const char *subject = report->subject;

    compose_id(compose, "Message-Id", report->message_id);
    compose_field(compose, "Date", date_mail(report->now, compose->arena));
    compose_field(compose, "From", report->from);
    compose_field(compose, "To", report->to);
    compose_field(compose, "Subject",
                  subject != NULL ? subject : kinds[report->kind].subject);
    compose_id(compose, "Reference", report->original_id);
    compose_references(compose);
    compose_field(compose, "Auto-Submitted", "auto-replied"); /* RFC 3834 */
    compose_field(compose, "MIME-Version", "1.0");
    text_add_format(compose->content,
                    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                    "\tboundary=\"%s\"\r\n",
                    compose->boundary);
    if (compose->global || compose->original_8bit || !utf8_is_ascii(compose->people))
        compose_field(compose, "Content-Transfer-Encoding", "8bit");
    text_add(compose->content, "\r\n");
}

/* The line between parts, and the head of the next one. */
static void
compose_part(struct compose *compose, const char *type, const char *description,
             bool wide)
{
    text_add_format(compose->content, "\r\n--%s\r\n", compose->boundary);
    compose_field(compose, "Content-Type", type);
    compose_field(compose, "Content-Description", description);
    if (wide)
        compose_field(compose, "Content-Transfer-Encoding", "8bit");
    text_add(compose->content, "\r\n");
}

static void
compose_original(struct compose *compose)
{
    const struct report *report = compose->report;
    const char *type =
        report->original_is_whole ? "message/rfc822" : "text/rfc822-headers";

    if (compose->original_utf8)
        type = report->original_is_whole ? "message/global" : "message/global-headers";
    compose_part(compose, type,
                 report->original_is_whole ? "Undelivered message"
                                           : "Header of the message",
                 compose->original_8bit);
    text_add_span(compose->content, compose->original);
    if (!span_ends_nocase(compose->original, "\r\n"))
        text_add(compose->content, "\r\n");
}

void
report_compose(const struct report *report, struct text *content)
{
    struct compose compose = {.report = report,
                              .content = content,
                              .arena = content->arena,
                              .global = !utf8_is_ascii(span_of(report->to))};
    struct span header = span_first(report->original, header_length(report->original));
    bool wide;

    compose.original = report->original_is_whole ? report->original : header;
    compose.original_8bit = !utf8_is_ascii(compose.original);
    compose.original_utf8 = !utf8_is_ascii(header) && utf8_is_valid(header);
    compose.people = people_text(report, compose.arena);
    compose.boundary = compose_boundary(&compose);
    wide = !utf8_is_ascii(compose.people);
    compose_header(&compose);
    compose_part(&compose,
                 wide ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii",
                 "Notification", wide);
    text_add_span(content, compose.people);
    compose_part(&compose,
                 compose.global ? "message/global-delivery-status"
                                : "message/delivery-status",
                 "Delivery report", compose.global);
    status_all(&compose);
    compose_original(&compose);
    text_add_format(content, "\r\n--%s--\r\n", compose.boundary);
}
