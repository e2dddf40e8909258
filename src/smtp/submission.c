/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is done with a header once it is whole: envelope lines of UUCP are taken off and
 * tell the sender, recipients are taken from it (-t), missing fields are added, loops are
 * refused.
 */
#include "smtp/session_state.h"

#include <string.h>

#include "base/table.h"
#include "base/text.h"

#include "base/banned.h"

enum {
    HEADER_RECIPIENTS = 1000 * 1000, /* that a header may name */
    MESSAGE_ID_LIMIT = 200
};

/* "From sender date remote from host": the reverse-path of mail that came by UUCP. */
static void
submission_take_from_lines(struct smtp_session *session, struct span *header)
{
    struct intake *intake = session->intake;
    struct envelope *envelope = &intake->envelope;
    const char *sender = "";
    bool given = strchr(intake->flags, 'f') != NULL;

    header_take_from_lines(header, intake->arena, &sender);
    if (session->origin != ORIGIN_LOCAL || !session->peer->trusted || sender[0] == '\0')
        return;
    if (given && strcmp(envelope->program, "rmail") != 0)
        return;
    if (path_local(span_of(sender), intake->arena, &envelope->reverse_path, NULL))
        envelope->protocol = "uucp";
}

/* The recipients so far become those that must not have it. */
static struct table *
submission_exclude(struct intake *intake)
{
    struct envelope *envelope = &intake->envelope;
    size_t count = envelope->recipient_count;
    struct table *table = table_new();

    envelope->exclusions =
        arena_array(intake->arena, count + 1, sizeof(*envelope->exclusions));
    for (size_t i = 0; i < count; i++) {
        const char *text = envelope->recipients[i].text;

        envelope->exclusions[i] = text;
        table_put(table, span_of(span_lower(span_of(text), intake->arena)), intake);
    }
    envelope->exclusion_count = count;
    envelope->recipient_count = 0;
    return table;
}

static bool
submission_add_recipients(struct intake *intake, const char *const *recipients,
                          size_t count, const struct table *exclusions,
                          struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct recipient recipient = {.original = ""};
        const char *key;

        if (!path_local(span_of(recipients[i]), intake->arena, &recipient.text, error))
            return false;
        key = span_lower(span_of(recipient.text), intake->arena);
        if (table_get(exclusions, span_of(key)) == NULL)
            recipient_add(intake, &recipient);
    }
    return true;
}

static bool
submission_take_recipients(struct intake *intake, struct span header, struct error *error)
{
    struct table *exclusions = submission_exclude(intake);
    const char **recipients = NULL;
    size_t count = 0;
    bool ok = header_recipients(header, HEADER_RECIPIENTS, intake->arena, &recipients,
                                &count, error) &&
              submission_add_recipients(intake, recipients, count, exclusions, error);

    table_free(exclusions);
    return ok;
}

/* A list of all recipients would tell those of Bcc, so it is made for a single one. */
static enum recipient_field
submission_recipient_field(const struct intake *intake, bool local, bool listed)
{
    if (!local)
        return RECIPIENT_FIELD_NONE;
    if (listed || intake->envelope.recipient_count != 1)
        return RECIPIENT_FIELD_UNDISCLOSED;
    return RECIPIENT_FIELD_TO;
}

static bool
submission_write(struct smtp_session *session, struct span header, struct text *result,
                 struct error *error)
{
    struct intake *intake = session->intake;
    bool listed = strchr(intake->flags, 't') != NULL;
    bool local =
        session->origin == ORIGIN_LOCAL && strcmp(intake->envelope.program, "rmail") != 0;
    struct submission submission = {
        .envelope = &intake->envelope,
        .trusted = session->origin != ORIGIN_LOCAL || session->peer->trusted,
        .local = local,
        .recipient_field = submission_recipient_field(intake, local, listed),
        .drop_bcc = listed,
        .primary_name = session->options->primary_name,
        .visible_name = session->options->visible_name,
        .message_id_field = intake->message.message_id_field,
        .date_field = intake->message.date_field,
        .from_field = intake->message.from_field,
    };

    return header_complete(header, &submission, result, error);
}

/* What the envelope takes from the final header. */
static void
submission_note(struct smtp_session *session, struct span header)
{
    struct intake *intake = session->intake;
    struct envelope *envelope = &intake->envelope;
    struct field field;

    if (header_find(header, "Message-Id", 0, &field))
        envelope->message_id = span_printable(span_of(field_value(&field, intake->arena)),
                                              MESSAGE_ID_LIMIT, intake->arena);
    if (!intake->grade_given)
        envelope->grade =
            header_grade(header, session->options->grades, session->options->grade);
}

static bool
submission_run(struct smtp_session *session, struct span header, struct text *result,
               struct error *error)
{
    struct intake *intake = session->intake;
    struct text whole = text_new(result->arena);

    submission_take_from_lines(session, &header);
    if (strchr(intake->flags, 't') != NULL &&
        !submission_take_recipients(intake, header, error))
        return false;
    if (intake->envelope.recipient_count == 0)
        smtp_intake_refuse(session, 554, "5.5.1", "the header names no recipients");
    text_add_span(&whole, header);
    text_add(&whole, "\r\n");
    return submission_write(session, text_span(&whole), result, error);
}

void
submission_complete(struct smtp_session *session, struct span header)
{
    struct intake *intake = session->intake;
    struct arena *work = arena_new();
    struct text result = text_new(work);
    struct error error = {0};

    if (submission_run(session, header, &result, &error)) {
        submission_note(session, text_span(&result));
        smtp_intake_pass(session, text_span(&result));
        if (intake->facts.received >= session->options->received_limit)
            smtp_intake_refuse(session, 554, "5.4.6",
                               "too many hops, this message loops");
    } else {
        smtp_intake_refuse_error(session, &error);
    }
    arena_free(work);
}
