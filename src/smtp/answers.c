/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the host answers to a session's requests. */
#include "smtp/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "mail/status.h"

#include "base/banned.h"

void
smtp_answer_recipient(struct smtp_session *session, const struct smtp_answer *answer)
{
    enum session_request request = session->request;

    if (request != REQUEST_RECIPIENT && request != REQUEST_VERIFY)
        return;
    session->request = REQUEST_NONE;
    free(session->verified);
    session->verified = NULL;
    if (request == REQUEST_RECIPIENT)
        recipient_answer(session, answer);
    else if (answer->code < 500)
        session_reply(session, answer->code, answer->status, "%s", answer->text);
    else
        session_fault(session, answer->code, answer->status, "%s", answer->text);
    session_settle(session);
}

void
smtp_answer_commit(struct smtp_session *session, const struct error *error)
{
    struct intake *intake = session->intake;

    if (session->request != REQUEST_COMMIT)
        return;
    session->request = REQUEST_NONE;
    if (error != NULL) {
        session->errors += error->permanent;
        session_reply_error(session, error);
    } else {
        session_reply(session, 250, "2.0.0", "%s accepted", intake->message.id);
        if (session_is_local(session) && intake->envelope.mode == DELIVERY_FOREGROUND)
            session->request = REQUEST_OUTCOME;
    }
    session->outcome_code = 250;
    session_reset(session);
    session_settle(session);
}

/* The reply code of an outcome, by the class of the status that its text begins with. */
static int
outcome_code(struct span text, bool failed)
{
    struct span status = span_first(text, span_find(text, ' '));

    if (status_is_valid(status, 250))
        return 250;
    if (status_is_valid(status, 450))
        return 450;
    return failed || status_is_valid(status, 550) ? 550 : 250;
}

void
smtp_answer_outcome(struct smtp_session *session, const char *text, bool failed,
                    bool more)
{
    struct span line = span_of(text);
    int code = outcome_code(line, failed);

    if (session->request != REQUEST_OUTCOME)
        return;
    if (code > session->outcome_code)
        session->outcome_code = code;
    if (more) {
        session_reply_line(session, code, false, NULL, line);
        return;
    }
    session->request = REQUEST_NONE;
    code = session->outcome_code;
    session_reply_line(session, code, true,
                       code == 250   ? "2.0.0"
                       : code == 450 ? "4.0.0"
                                     : "5.0.0",
                       SPAN("done"));
    session_settle(session);
}
