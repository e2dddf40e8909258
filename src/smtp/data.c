/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DATA: the text with dots before lines, up to the lone dot (RFC 5321 4.1.1.4, 4.5.2). */
#include "smtp/session_state.h"

#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

/* The client may have sent its text already; what comes next is looked at with care. */
static void
data_refuse(struct smtp_session *session, int code, const char *status, const char *text)
{
    session->data_refused = true;
    session_fault(session, code, status, "%s", text);
}

/* May a text come now? */
static bool
data_is_due(struct smtp_session *session)
{
    const struct intake *intake = session->intake;

    if (intake == NULL)
        data_refuse(session, 503, "5.5.1", "MAIL first");
    else if (intake->chunking)
        data_refuse(session, 503, "5.5.1", "this message is coming by BDAT");
    else if (intake->envelope.recipient_count > 0 || strchr(intake->flags, 't') != NULL)
        return true;
    else if (intake->recipients_refused)
        data_refuse(session, 554, "5.5.1", "no valid recipients");
    else
        data_refuse(session, 503, "5.5.1", "RCPT first");
    return false;
}

void
verb_data(struct smtp_session *session, struct span arguments)
{
    struct error error = {0};

    if (arguments.length > 0) {
        data_refuse(session, 501, "5.5.4", "DATA takes no parameters");
        return;
    }
    if (!data_is_due(session))
        return;
    if (!smtp_intake_begin(session, true, &error)) {
        session->data_refused = true;
        session_reply_error(session, &error);
        session_reset(session);
        return;
    }
    session->mode = SESSION_TEXT;
    session->text_since = session->part_since = clock_monotonic();
    session->part_size = 0;
    session_say(session, "354 end the text with a line that holds a single dot");
}

size_t
data_take(struct smtp_session *session, struct span bytes)
{
    bool ended = false;
    size_t taken = lines_take(session, bytes, &ended);

    session->part_size += taken;
    if (ended) {
        session->mode = SESSION_COMMAND;
        smtp_intake_end(session);
    } else if (smtp_intake_is_flooded(session)) {
        smtp_intake_tell_refusal(session);
        session_close(session);
    }
    return taken;
}
