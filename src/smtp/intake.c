/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The content on its way to the host. The header is kept until its end is seen, then it
 * is completed and handed on; the rest passes through in pieces as it comes. A message
 * that will be refused is given up at once and the rest of its text is swallowed.
 */
#include "smtp/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/status.h"

#include "base/banned.h"

enum { HEADER_FIRST = 2048 }; /* octets of a first header buffer */

/* What the client called itself; a local one that is "localhost" has said nothing. */
static const char *
intake_hello(const struct smtp_session *session)
{
    if (session->hello == NULL ||
        (session->origin == ORIGIN_LOCAL && strcmp(session->hello, "localhost") == 0))
        return "";
    return session->hello;
}

struct intake *
smtp_intake_new(const struct smtp_session *session)
{
    struct arena *arena = arena_new();
    struct intake *intake = arena_alloc(arena, sizeof(*intake));
    const struct smtp_peer *peer = session->peer;
    const struct claim *claim = session->claim;
    struct envelope *envelope = &intake->envelope;

    intake->arena = arena;
    intake->flags = "";
    *envelope = envelope_new();
    envelope->peer_address = claim != NULL ? claim->address : peer->address;
    envelope->peer_name = claim != NULL ? claim->name : peer->name;
    envelope->peer_port = claim != NULL ? claim->port : peer->port;
    envelope->hello = intake_hello(session);
    if (session_is_local(session)) {
        envelope->submitter_uid = peer->uid;
        envelope->submitter = peer->user;
    }
    envelope->full_name = session->origin == ORIGIN_LOCAL ? peer->full_name : "";
    envelope->origin = session->origin;
    envelope->grade = session->options->grade;
    envelope->received = clock_milliseconds();
    switch (session->origin) {
    case ORIGIN_LOCAL:
        envelope->protocol = "local";
        envelope->program = "sendmail";
        break;
    case ORIGIN_BATCH:
        envelope->protocol = "bsmtp";
        envelope->program = "rsmtp";
        break;
    default:
        envelope->protocol = session->extended ? "esmtp" : "smtp";
        envelope->program = "smtpd";
        break;
    }
    return intake;
}

static void
header_give_back(struct intake *intake)
{
    free(intake->header);
    intake->header = NULL;
    intake->header_length = intake->header_room = 0;
}

void
smtp_intake_free(struct intake *intake)
{
    if (intake == NULL)
        return;
    header_give_back(intake);
    arena_free(intake->arena);
}

/* The host's texts may be gone when the header is complete. */
static void
message_keep(struct intake *intake)
{
    struct smtp_message *message = &intake->message;
    const char **texts[] = {&message->id, &message->message_id_field,
                            &message->date_field, &message->from_field};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = arena_string(intake->arena, *texts[i] != NULL ? *texts[i] : "");
}

bool
smtp_intake_begin(struct smtp_session *session, bool dots, struct error *error)
{
    struct intake *intake = session->intake;
    bool relay = session->peer->may_relay && session->claim == NULL;

    if (!session->host->begin(session->context, session, &intake->envelope,
                              &intake->message, error))
        return false;
    message_keep(intake);
    intake->begun = true;
    intake->facts = content_facts_new();
    intake->lines.dots = dots;
    intake->lines.lf_ends = dots && session->bare_line && session_is_local(session);
    intake->lines.lenient =
        relay || session_is_local(session) || session->options->bare_newline_accepted;
    return true;
}

void
smtp_intake_refuse(struct smtp_session *session, int code, const char *status,
                   const char *text)
{
    struct intake *intake = session->intake;
    struct refusal *refusal = &intake->refusal;

    if (refusal->code != 0)
        return;
    refusal->code = code;
    memcpy(refusal->status, status, strnlen(status, sizeof(refusal->status) - 1));
    refusal->text = text;
    header_give_back(intake);
    if (intake->begun) {
        intake->begun = false;
        session->host->abort(session->context, session);
    }
}

void
smtp_intake_refuse_error(struct smtp_session *session, const struct error *error)
{
    const char *status = session_error_status(error);

    smtp_intake_refuse(session, reply_from_status(status, error->permanent), status,
                       arena_string(session->intake->arena, error->text));
}

bool
smtp_intake_is_flooded(const struct smtp_session *session)
{
    const struct intake *intake = session->intake;
    uint64_t limit = session->options->size_limit;

    return limit > 0 && intake->swallowed > SWALLOW_SLACK &&
           intake->swallowed - SWALLOW_SLACK > 2 * limit;
}

/* Final octets of the content. */
void
smtp_intake_pass(struct smtp_session *session, struct span bytes)
{
    if (bytes.length == 0 || !session->intake->begun)
        return;
    content_facts_add(&session->intake->facts, bytes);
    session->host->content(session->context, session, bytes);
}

/* ------------------------------------------------------------ the header's end */

static void
header_append(struct intake *intake, struct span bytes)
{
    size_t needed = intake->header_length + bytes.length;
    size_t room = intake->header_room > 0 ? intake->header_room : HEADER_FIRST;

    while (room < needed)
        room *= 2;
    if (room > intake->header_room) {
        intake->header = memory_grow(intake->header, room);
        intake->header_room = room;
    }
    memcpy(intake->header + intake->header_length, bytes.bytes, bytes.length);
    intake->header_length = needed;
}

/* What of `bytes` is likely to belong to the header; a little too much does no harm. */
static size_t
header_guess(struct span bytes)
{
    size_t end = span_search(bytes, SPAN("\n\r\n"));

    return end < bytes.length ? end + 3 : bytes.length;
}

/* May this line stand in a header at this place? Envelope lines of UUCP may come first.
 */
static bool
header_holds(struct intake *intake, struct span line)
{
    struct span rest = line;
    struct field field;

    if (header_next(&rest, &field)) {
        intake->header_fields = true;
        return true;
    }
    if (intake->header_fields)
        return byte_is_blank(line.bytes[0]);
    return span_starts(line, "From ") || span_starts(line, ">From ");
}

/*
 * Look at the whole lines that were not looked at yet. True when the header ends:
 * *length is its length without the empty line, *body where the body begins.
 */
static bool
header_scan(struct intake *intake, size_t *length, size_t *body)
{
    for (;;) {
        struct span all = {intake->header, intake->header_length};
        struct span rest = span_from(all, intake->header_searched);
        size_t feed = span_find(rest, '\n');
        struct span line;

        if (feed == rest.length) {
            intake->header_searched = all.length;
            return false;
        }
        *length = intake->header_line;
        *body = intake->header_searched + feed + 1;
        line = span_from(span_first(all, *body), intake->header_line);
        if (span_is(line, "\r\n"))
            return true;
        if (!header_holds(intake, line)) {
            *body = *length;
            return true;
        }
        intake->header_line = intake->header_searched = *body;
    }
}

/* The header is whole; what of the buffer lies behind it is the body's beginning. */
static void
header_finish(struct smtp_session *session, size_t length, size_t body)
{
    struct intake *intake = session->intake;
    char *buffer = intake->header;
    struct span all = {buffer, intake->header_length};

    /* Out of the intake's hands, so that a refusal does not free it under us. */
    intake->header = NULL;
    intake->header_length = intake->header_room = 0;
    intake->header_done = true;
    submission_complete(session, span_first(all, length));
    smtp_intake_pass(session, span_from(all, body));
    free(buffer);
}

/* Octets while the header is not whole; returns how many it took. */
static size_t
intake_header(struct smtp_session *session, struct span bytes)
{
    struct intake *intake = session->intake;
    size_t room = session->options->header_limit - intake->header_length;
    size_t guess = header_guess(bytes);
    size_t taken = guess < room ? guess : room;
    size_t length, body;

    header_append(intake, span_first(bytes, taken));
    if (header_scan(intake, &length, &body))
        header_finish(session, length, body);
    else if (guess > room)
        smtp_intake_refuse(session, 552, "5.3.4", "the header is too large");
    return taken;
}

/* ------------------------------------------------------------ octets and the end */

void
smtp_intake_add(struct smtp_session *session, struct span bytes)
{
    struct intake *intake = session->intake;
    uint64_t limit = session->options->size_limit;

    intake->size += bytes.length;
    if (intake->refusal.code == 0 && limit > 0 && intake->size > limit)
        smtp_intake_refuse(session, 552, "5.3.4", "the message is too large");
    while (bytes.length > 0 && intake->refusal.code == 0 && !intake->header_done)
        bytes = span_from(bytes, intake_header(session, bytes));
    if (intake->refusal.code != 0)
        intake->swallowed += bytes.length;
    else
        smtp_intake_pass(session, bytes);
}

void
smtp_intake_tell_refusal(struct smtp_session *session)
{
    const struct refusal *refusal = &session->intake->refusal;

    session->errors++;
    session_reply(session, refusal->code, refusal->status, "%s", refusal->text);
    session_reset(session);
}

void
smtp_intake_end(struct smtp_session *session)
{
    struct intake *intake = session->intake;

    if (intake->refusal.code == 0 && !intake->header_done)
        header_finish(session, intake->header_length, intake->header_length);
    if (intake->refusal.code != 0) {
        smtp_intake_tell_refusal(session);
        return;
    }
    content_facts_store(&intake->facts, &intake->envelope);
    intake->begun = false;
    session->request = REQUEST_COMMIT;
    session->host->commit(session->context, session, &intake->envelope);
}
