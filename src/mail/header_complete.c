/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completing the header of a message on receipt (reference 10.6). First all fields are
 * looked at, then the new ones are written, then the old ones are copied but for those
 * that must not stay.
 */
#include "mail/header.h"

#include <string.h>

#include "mail/encoded_word.h"
#include "mail/mailbox.h"

#include "base/banned.h"

enum { AUTHORS_MAX = 1000, GENERATED_MAX_OCTETS = 900 };

/* Fields that the rules know; each has its form with "Resent-" in front. */
enum known { FROM, SENDER, TO, CC, BCC, DATE, MESSAGE_ID, OTHER };
static const char *const known_names[] = {"From", "Sender", "To",        "Cc",
                                          "Bcc",  "Date",   "Message-Id"};

struct completion {
    const struct submission *submission;
    struct arena *arena;
    struct text *result;
    struct error *error;
    size_t count[2][OTHER]; /* fields there; second: the Resent- forms */
    bool resent;            /* which of the two is completed */
    size_t authors;         /* in all From fields */
    bool own_from;          /* the one author is the submitter */
    bool own_sender;        /* there is one Sender field and it is his */
};

static enum known
field_known(struct span name, bool *resent)
{
    *resent = span_starts_nocase(name, "Resent-");
    if (*resent)
        name = span_from(name, strlen("Resent-"));
    for (enum known known = FROM; known < OTHER; known++)
        if (span_is_nocase(name, known_names[known]))
            return known;
    return OTHER;
}

static bool
has(const struct completion *completion, enum known known)
{
    return completion->count[completion->resent ? 1 : 0][known] > 0;
}

/* ------------------------------------------------------------ whose address is it? */

static bool
domain_is_own(const struct submission *submission, const char *domain)
{
    return domain[0] == '\0' ||
           span_is_nocase(span_of(submission->primary_name), domain) ||
           span_is_nocase(span_of(submission->visible_name), domain);
}

static bool
address_is_own(const struct completion *completion, const char *address)
{
    const struct submission *submission = completion->submission;
    struct mailbox mailbox;

    return mailbox_parse(span_of(address), MAILBOX_UTF8 | MAILBOX_NO_DOMAIN,
                         completion->arena, &mailbox, NULL) &&
           span_is_nocase(mailbox.local_part, submission->envelope->submitter) &&
           domain_is_own(submission, mailbox.domain);
}

/* The addresses in a value: how many (0 when they cannot be read), and is it just his? */
static size_t
value_authors(const struct completion *completion, struct span value, bool *own)
{
    struct mailbox_item *items = NULL;
    size_t count = 0;

    *own = false;
    if (!mailbox_list_parse(value, 0, AUTHORS_MAX, completion->arena, &items, NULL))
        return 0;
    for (struct mailbox_item *item = items; item != NULL; item = item->next)
        count++;
    *own = count == 1 && address_is_own(completion, items->text);
    return count;
}

/* ------------------------------------------------------------ looking */

static void
survey(struct completion *completion, struct span header)
{
    struct field field;
    bool resent;

    while (header_next(&header, &field)) {
        enum known known = field_known(field.name, &resent);

        if (known != OTHER)
            completion->count[resent ? 1 : 0][known]++;
        /* What a relay makes of mail that is only passing is not ours to complete. */
        if (resent && completion->submission->local)
            completion->resent = true;
    }
}

/* Who the From and Sender fields name, in the form that is completed. */
static void
survey_authors(struct completion *completion, struct span header)
{
    struct field field;
    bool resent, own;

    completion->authors = 0;
    while (header_next(&header, &field)) {
        enum known known = field_known(field.name, &resent);

        if (resent != completion->resent || (known != FROM && known != SENDER))
            continue;
        if (known == FROM) {
            completion->authors += value_authors(completion, field.value, &own);
            completion->own_from = own && completion->count[resent ? 1 : 0][FROM] == 1;
        } else {
            value_authors(completion, field.value, &own);
            completion->own_sender =
                own && completion->count[resent ? 1 : 0][SENDER] == 1;
        }
    }
}

static bool
checks_sender(const struct completion *completion)
{
    const struct submission *submission = completion->submission;

    return submission->local && !submission->trusted &&
           submission->envelope->submitter[0] != '\0';
}

static bool
wants_sender(const struct completion *completion)
{
    if (!completion->submission->local ||
        completion->submission->envelope->submitter[0] == '\0')
        return false;
    if (!completion->submission->trusted)
        return has(completion, FROM) && !completion->own_from && !completion->own_sender;
    return completion->authors > 1 && !has(completion, SENDER);
}

/* Must this field go? */
static bool
is_dropped(const struct completion *completion, const struct field *field)
{
    bool resent;
    enum known known = field_known(field->name, &resent);

    if (known == BCC)
        return completion->submission->drop_bcc;
    return known == SENDER && resent == completion->resent && checks_sender(completion) &&
           !completion->own_sender;
}

/* ------------------------------------------------------------ writing */

/* "Name: " or "Resent-Name: ". */
static void
add_name(struct completion *completion, enum known known)
{
    if (completion->resent)
        text_add(completion->result, "Resent-");
    text_add(completion->result, known_names[known]);
    text_add(completion->result, ": ");
}

/* A field from its template, of which only the value is taken. */
static bool
add_template(struct completion *completion, enum known known, const char *template)
{
    struct span rest = span_of(template);
    struct span value;
    struct field field;

    if (!header_next(&rest, &field) || rest.length > 0 ||
        !span_is_nocase(field.name, known_names[known]) ||
        field.value.length > GENERATED_MAX_OCTETS)
        return fail_temporary(completion->error, "4.3.5",
                              "the template of %s: gives \"%s\"", known_names[known],
                              span_printable(span_of(template), 80, completion->arena));
    value = span_trim(field.value);
    add_name(completion, known);
    encoded_word_add(value, completion->result);
    text_add(completion->result, "\r\n");
    return true;
}

/* Does the template give one address, and for the untrusted his own? */
static bool
from_template_is_sound(const struct completion *completion)
{
    struct span rest = span_of(completion->submission->from_field);
    struct field field;
    bool own;

    if (!header_next(&rest, &field) || rest.length > 0 ||
        !span_is_nocase(field.name, "From") || field.value.length > GENERATED_MAX_OCTETS)
        return false;
    return value_authors(completion, field.value, &own) == 1 &&
           (own || !checks_sender(completion));
}

/*
 * From or Sender of ours. The template may hold a full name with brackets or commas of
 * its own; if it does not read as one address, the plain one takes its place.
 */
static bool
add_author(struct completion *completion, enum known known)
{
    const struct submission *submission = completion->submission;
    const struct envelope *envelope = submission->envelope;
    struct span rest = span_of(submission->from_field);
    struct field field;

    if (from_template_is_sound(completion)) {
        header_next(&rest, &field);
        add_name(completion, known);
        encoded_word_add(span_trim(field.value), completion->result);
    } else if (envelope->submitter[0] != '\0') {
        add_name(completion, known);
        text_add(completion->result,
                 mailbox_quote(span_of(envelope->submitter), completion->arena));
        text_add_byte(completion->result, '@');
        text_add(completion->result, submission->visible_name);
    } else {
        return fail_temporary(completion->error, "4.3.5",
                              "the template of From: gives \"%s\"",
                              span_printable(rest, 80, completion->arena));
    }
    text_add(completion->result, "\r\n");
    return true;
}

/* To: or Apparently-To: with everybody. */
static void
add_recipients(struct completion *completion)
{
    const struct envelope *envelope = completion->submission->envelope;

    for (size_t i = 0; i < envelope->recipient_count; i++) {
        if (i > 0)
            text_add(completion->result, ",\r\n\t");
        encoded_word_add(span_of(envelope->recipients[i].text), completion->result);
    }
}

/*
 * A field for recipients where none is left. Whoever stood in a Bcc field that goes must
 * not turn up in a To field: then nobody is named.
 */
static void
add_recipient_field(struct completion *completion)
{
    enum recipient_field wanted = completion->submission->recipient_field;
    const char *prefix = completion->resent ? "Resent-" : "";

    if (has(completion, TO) || has(completion, CC) || wanted == RECIPIENT_FIELD_NONE)
        return;
    if (has(completion, BCC) && !completion->submission->drop_bcc)
        return;
    if (completion->submission->envelope->recipient_count == 0 || has(completion, BCC))
        wanted = RECIPIENT_FIELD_UNDISCLOSED;
    text_add(completion->result, prefix);
    if (wanted == RECIPIENT_FIELD_UNDISCLOSED) {
        text_add(completion->result, "To: undisclosed-recipients:;");
    } else if (wanted == RECIPIENT_FIELD_BCC) {
        text_add(completion->result, "Bcc: ");
    } else {
        text_add(completion->result,
                 wanted == RECIPIENT_FIELD_TO ? "To: " : "Apparently-To: ");
        add_recipients(completion);
    }
    text_add(completion->result, "\r\n");
}

static bool
add_new(struct completion *completion)
{
    const struct submission *submission = completion->submission;

    if (!has(completion, MESSAGE_ID) &&
        !add_template(completion, MESSAGE_ID, submission->message_id_field))
        return false;
    if (!has(completion, DATE) && !add_template(completion, DATE, submission->date_field))
        return false;
    if (!submission->local)
        return true;
    if (!has(completion, FROM) && !add_author(completion, FROM))
        return false;
    if (wants_sender(completion) && !add_author(completion, SENDER))
        return false;
    add_recipient_field(completion);
    return true;
}

/* The old fields, the empty line, and anything the caller gave beyond it. */
static void
copy_old(struct completion *completion, struct span header)
{
    struct text *result = completion->result;
    struct field field;

    while (header_next(&header, &field)) {
        if (is_dropped(completion, &field))
            continue;
        text_add_span(result, field.whole);
        if (!span_ends_nocase(field.whole, "\r\n"))
            text_add(result, "\r\n");
    }
    if (!span_starts(header, "\r\n"))
        text_add(result, "\r\n");
    text_add_span(result, header);
}

bool
header_complete(struct span header, const struct submission *submission,
                struct text *result, struct error *error)
{
    struct completion completion = {.submission = submission,
                                    .arena = result->arena,
                                    .result = result,
                                    .error = error};

    survey(&completion, header);
    if (submission->local)
        survey_authors(&completion, header);
    if (!add_new(&completion))
        return false;
    copy_old(&completion, header);
    return true;
}
