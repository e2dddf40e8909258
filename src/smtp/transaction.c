/* SPDX-License-Identifier: GPL-3.0-or-later */
/* MAIL and RCPT: the envelope (RFC 5321 3.3, 4.1.1.2, 4.1.1.3). */
#include "smtp/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

enum { RECIPIENTS_FIRST = 4 };

/* "FROM:" or "TO:" and the blanks that many clients put behind it. */
static bool
path_begins(struct span *arguments, const char *word)
{
    if (!span_starts_nocase(*arguments, word))
        return false;
    *arguments = span_from(*arguments, strlen(word));
    while (arguments->length > 0 && arguments->bytes[0] == ' ')
        *arguments = span_from(*arguments, 1);
    return true;
}

/* ------------------------------------------------------------ MAIL */

/* May a message begin now? If not, that is told. */
static bool
mail_is_due(struct smtp_session *session)
{
    if (session->intake != NULL) {
        session_fault(session, 503, "5.5.1", "a message is open already");
        return false;
    }
    if (session->messages >= session->options->message_limit &&
        !session_is_local(session)) {
        session_say(session, "421 4.7.0 too many messages in one session");
        session_close(session);
        return false;
    }
    return true;
}

/* Is this address one of the user's own: his name, alone or at one of our names? */
static bool
path_is_own(const struct smtp_session *session, const char *path)
{
    struct span text = span_of(path);
    size_t at = span_find_last(text, '@');
    struct span domain = span_from(text, at + 1);

    if (!span_is(span_first(text, at), session->peer->user))
        return false;
    return at == text.length || span_is_nocase(domain, session->options->primary_name) ||
           span_is_nocase(domain, session->options->visible_name);
}

/* Who is not trusted speaks for himself. */
static const char *
mail_reverse_path(const struct smtp_session *session, struct intake *intake,
                  const char *path)
{
    const struct smtp_peer *peer = session->peer;
    bool own = session->origin == ORIGIN_LOCAL && strchr(intake->flags, 'u') != NULL;

    if (!own && (!session_is_local(session) || peer->trusted || path[0] == '\0'))
        return path;
    if (peer->user[0] == '\0')
        return arena_format(intake->arena, "%lld", (long long)peer->uid);
    return !own && path_is_own(session, path) ? path : peer->user;
}

/* Path and parameters; 0 or the code of a refusal. */
static int
mail_parse(struct smtp_session *session, struct span arguments, struct error *error)
{
    struct intake *intake = session->intake;
    struct path path;
    int code;

    if (!path_parse(session, arguments, intake->arena, &path, error)) {
        fail_permanent(error, "5.1.7", "%s", arena_string(intake->arena, error->text));
        return 501;
    }
    if (!path.domain) {
        fail_permanent(error, "5.1.7", "the address has no domain");
        return 501;
    }
    code = parameters_mail(session, span_from(arguments, path.length), error);
    if (code != 0)
        return code;
    if (path.utf8 && !intake->envelope.smtputf8) {
        fail_permanent(error, "5.6.7", "the address needs SMTPUTF8");
        return 553;
    }
    intake->envelope.reverse_path = mail_reverse_path(session, intake, path.text);
    return 0;
}

/* Is the message, as far as it is declared, welcome? */
static int
mail_check(struct smtp_session *session, struct error *error)
{
    uint64_t size = session->intake->declared_size;
    uint64_t limit = session->options->size_limit;

    if (limit > 0 && size > limit) {
        fail_permanent(error, "5.3.4", "the message is too large");
        return 552;
    }
    if (session->host->room(session->context, session, size, error))
        return 0;
    return strcmp(error->status, "4.3.1") == 0 ? 452 : 451;
}

void
verb_mail(struct smtp_session *session, struct span arguments)
{
    struct error error = {0};
    int code;

    if (!mail_is_due(session))
        return;
    if (!path_begins(&arguments, "FROM:")) {
        session_fault(session, 501, "5.5.4", "MAIL FROM:<address> is the form");
        return;
    }
    session->intake = smtp_intake_new(session);
    code = mail_parse(session, arguments, &error);
    if (code == 0)
        code = mail_check(session, &error);
    if (code == 0) {
        session->messages++;
        session_say(session, "250 2.1.0 sender ok");
        return;
    }
    session_reset(session);
    if (code < 500)
        session_reply(session, code, error.status, "%s", error.text);
    else
        session_fault(session, code, error.status, "%s", error.text);
}

/* ------------------------------------------------------------ RCPT */

void
recipient_add(struct intake *intake, const struct recipient *recipient)
{
    struct envelope *envelope = &intake->envelope;

    if (envelope->recipient_count == intake->recipient_room) {
        size_t room =
            intake->recipient_room > 0 ? 2 * intake->recipient_room : RECIPIENTS_FIRST;

        envelope->recipients =
            arena_grow(intake->arena, envelope->recipients, envelope->recipient_count,
                       room, sizeof(*envelope->recipients));
        intake->recipient_room = room;
    }
    envelope->recipients[envelope->recipient_count++] = *recipient;
}

/*
 * Those that were not taken count as well, at half, for each of them costs memory until
 * the transaction ends.
 */
static bool
rcpt_is_one_too_many(const struct smtp_session *session)
{
    const struct intake *intake = session->intake;
    uint64_t limit = session->options->recipient_limit;

    return !session_is_local(session) && (intake->envelope.recipient_count >= limit ||
                                          intake->recipients_tried >= 2 * limit);
}

/* May a recipient come now? If not, that is told. */
static bool
rcpt_is_due(struct smtp_session *session)
{
    const struct intake *intake = session->intake;

    if (intake == NULL)
        session_fault(session, 503, "5.5.1", "MAIL first");
    else if (intake->chunking)
        session_fault(session, 503, "5.5.1", "the text of this message began already");
    else if (rcpt_is_one_too_many(session))
        session_say(session, "452 4.5.3 too many recipients");
    else
        return true;
    return false;
}

static int
rcpt_parse(struct smtp_session *session, struct span arguments,
           struct recipient *recipient, struct error *error)
{
    struct intake *intake = session->intake;
    struct path path;
    int code;

    *recipient = (struct recipient){.original = ""};
    if (!path_parse(session, arguments, intake->arena, &path, error))
        return 501;
    if (path.text[0] == '\0') {
        fail_permanent(error, "5.1.3", "a recipient needs an address");
        return 501;
    }
    if (!path.domain && !span_is_nocase(span_of(path.text), "postmaster")) {
        fail_permanent(error, "5.1.3", "the address has no domain");
        return 501;
    }
    code = parameters_rcpt(session, span_from(arguments, path.length), recipient, error);
    if (code != 0)
        return code;
    if (path.utf8 && !intake->envelope.smtputf8) {
        fail_permanent(error, "5.6.7", "the address needs SMTPUTF8");
        return 553;
    }
    recipient->text = path.text;
    return 0;
}

static void
rcpt_refuse(struct smtp_session *session, int code, const char *status, const char *text)
{
    session->intake->recipients_refused = true;
    session_fault(session, code, status, "%s", text);
}

/* Ask the host about the candidate, or take it at once from our own. */
static void
rcpt_ask(struct smtp_session *session)
{
    struct intake *intake = session->intake;

    if (session_is_local(session)) {
        recipient_add(intake, &intake->candidate);
        session_say(session, "250 2.1.5 recipient ok");
        return;
    }
    session->request = REQUEST_RECIPIENT;
    session->host->recipient(session->context, session, &intake->envelope,
                             intake->candidate.text);
}

void
verb_rcpt(struct smtp_session *session, struct span arguments)
{
    struct error error = {0};
    int code;

    if (!rcpt_is_due(session))
        return;
    if (!path_begins(&arguments, "TO:")) {
        rcpt_refuse(session, 501, "5.5.4", "RCPT TO:<address> is the form");
        return;
    }
    session->intake->recipients_tried++;
    code = rcpt_parse(session, arguments, &session->intake->candidate, &error);
    if (code == 0)
        rcpt_ask(session);
    else
        rcpt_refuse(session, code, error.status, error.text);
}

void
recipient_answer(struct smtp_session *session, const struct smtp_answer *answer)
{
    struct intake *intake = session->intake;

    if (answer->code >= 200 && answer->code < 300) {
        recipient_add(intake, &intake->candidate);
        session_reply(session, answer->code, answer->status, "%s", answer->text);
        return;
    }
    if (answer->code >= 500) {
        rcpt_refuse(session, answer->code, answer->status, answer->text);
        return;
    }
    intake->recipients_refused = true;
    session_reply(session, answer->code, answer->status, "%s", answer->text);
}
