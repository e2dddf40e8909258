/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long a session may take, when it is put off, and what it tells about itself. */
#include "smtp/session_state.h"

#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

void
smtp_session_hold(struct smtp_session *session, bool hold)
{
    int64_t now, pause;

    if (hold == session->held)
        return;
    session->held = hold;
    now = clock_monotonic();
    if (hold) {
        session->held_since = now;
        return;
    }
    /* The time was ours, not the peer's. */
    pause = now - session->held_since;
    session->text_since += pause;
    session->part_since += pause;
    session->since += pause;
}

static int64_t
sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Text is due within the time for all of it, without long silence, and at a rate. */
static int64_t
text_deadline(const struct smtp_session *session)
{
    const struct smtp_options *options = session->options;
    int64_t due = session->text_since + options->message_timeout;
    int64_t earned = RATE_GRACE;

    if (session->held)
        return INT64_MAX;
    if (session_is_local(session)) /* perhaps somebody types it */
        return due;
    due = sooner(due, session->since + options->command_timeout);
    if (options->minimum_rate == 0)
        return due;
    earned += (int64_t)(session->part_size / options->minimum_rate) * 1000;
    return sooner(due, session->part_since + earned);
}

int64_t
smtp_session_deadline(const struct smtp_session *session)
{
    const struct intake *intake = session->intake;
    int64_t due = session->since + session->options->command_timeout;

    if (session->mode == SESSION_OVER || session->request != REQUEST_NONE)
        return INT64_MAX;
    if (session->mode == SESSION_TEXT || session->mode == SESSION_CHUNK)
        return text_deadline(session);
    if (intake != NULL && intake->begun)
        due = sooner(due, session->text_since + session->options->message_timeout);
    return due;
}

void
smtp_session_timeout(struct smtp_session *session)
{
    if (session->mode == SESSION_OVER || session->request != REQUEST_NONE)
        return;
    session_say(session, "421 4.4.2 timeout, closing the connection");
    session_close(session);
}

void
smtp_session_shut(struct smtp_session *session, const char *status, const char *text)
{
    if (session->mode == SESSION_OVER || session->farewell != NULL)
        return;
    session->farewell = memory_string(text);
    memcpy(session->farewell_status, status,
           strnlen(status, sizeof(session->farewell_status) - 1));
    if (session->fresh) /* instead of the greeting */
        session->output_length = session->output_sent = 0;
    /* Asked for from inside a call of the host, it is done when that call is over. */
    if (!session->busy)
        session_settle(session);
}

/* ------------------------------------------------------------ for the state dump */

const struct envelope *
smtp_session_envelope(const struct smtp_session *session)
{
    return session->intake != NULL ? &session->intake->envelope : NULL;
}

const char *
smtp_session_state(const struct smtp_session *session)
{
    static const char *const modes[] = {"command", "command", "text", "chunk", "over"};
    static const char *const requests[] = {"",       "recipient", "verify",
                                           "commit", "delivery",  "control"};

    if (session->request != REQUEST_NONE)
        return requests[session->request];
    if (session->mode == SESSION_COMMAND && session->intake != NULL)
        return "transaction";
    return modes[session->mode];
}

size_t
smtp_session_memory(const struct smtp_session *session)
{
    size_t size = sizeof(*session) + session->output_room + session->line_room;

    if (session->hello != NULL)
        size += strlen(session->hello) + 1;
    if (session->claim != NULL)
        size += arena_size(session->claim->arena);
    if (session->intake != NULL)
        size += arena_size(session->intake->arena) + session->intake->header_room;
    return size;
}
