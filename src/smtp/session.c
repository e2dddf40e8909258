/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session as its driver sees it: octets in, replies out. Input is looked at where it
 * lies; only a command that is cut by the border of a read is kept.
 */
#include "smtp/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

/* ------------------------------------------------------------ life */

bool
session_is_local(const struct smtp_session *session)
{
    return session->origin == ORIGIN_LOCAL || session->origin == ORIGIN_BATCH;
}

/* What the administrator wrote, a line of the greeting for each of its lines. */
static void
session_greet(struct smtp_session *session)
{
    struct span rest = span_of(session->options->banner), line;

    if (span_trim(rest).length == 0)
        rest = span_of(session->options->primary_name);
    while (span_next(&rest, '\n', &line))
        session_reply_line(session, 220, span_trim(rest).length == 0, NULL,
                           span_trim(line));
}

struct smtp_session *
smtp_session_new(const struct smtp_options *options, const struct smtp_peer *peer,
                 const struct smtp_host *host, void *context)
{
    struct smtp_session *session = memory_alloc(sizeof(*session));

    session->options = options;
    session->peer = peer;
    session->host = host;
    session->context = context;
    session->origin = peer->origin;
    session->fresh = true;
    session->since = clock_monotonic();
    session_greet(session);
    return session;
}

static void
session_forget_line(struct smtp_session *session)
{
    free(session->line);
    session->line = NULL;
    session->line_length = session->line_room = 0;
}

void
smtp_session_free(struct smtp_session *session)
{
    if (session == NULL)
        return;
    session_reset(session);
    session_forget_line(session);
    if (session->claim != NULL)
        arena_free(session->claim->arena);
    free(session->hello);
    free(session->verified);
    free(session->farewell);
    free(session->output);
    free(session);
}

void
session_reset(struct smtp_session *session)
{
    struct intake *intake = session->intake;

    if (intake == NULL)
        return;
    session->intake = NULL;
    if (intake->begun)
        session->host->abort(session->context, session);
    smtp_intake_free(intake);
}

void
session_close(struct smtp_session *session)
{
    session->mode = SESSION_OVER;
    session->request = REQUEST_NONE;
    session_reset(session);
    session_forget_line(session);
}

/* ------------------------------------------------------------ output */

struct span
smtp_session_output(const struct smtp_session *session)
{
    if (session->output == NULL)
        return (struct span){"", 0};
    return (struct span){session->output + session->output_sent,
                         session->output_length - session->output_sent};
}

void
smtp_session_sent(struct smtp_session *session, size_t length)
{
    if (length > 0)
        session->fresh = false;
    session->output_sent += length;
    if (session->output_sent < session->output_length)
        return;
    free(session->output);
    session->output = NULL;
    session->output_sent = session->output_length = session->output_room = 0;
}

/* ------------------------------------------------------------ commands */

static size_t
session_line_limit(const struct smtp_session *session)
{
    size_t limit = session->options->line_limit;

    return session_is_local(session) && limit < LOCAL_LINE_LIMIT ? LOCAL_LINE_LIMIT
                                                                 : limit;
}

static bool
line_has_controls(struct span line)
{
    for (size_t i = 0; i < line.length; i++)
        if (byte_is_control(line.bytes[i]))
            return true;
    return false;
}

/* Without its line end; false if that is LF alone, which only our own may send. */
static bool
line_strip(struct smtp_session *session, struct span *line)
{
    line->length--;
    session->bare_line = line->length == 0 || line->bytes[line->length - 1] != '\r';
    if (!session->bare_line)
        line->length--;
    return !session->bare_line || session_is_local(session);
}

/* A command with its LF. */
static void
session_command(struct smtp_session *session, struct span line)
{
    if (line.length > session_line_limit(session))
        session_fault(session, 500, "5.5.2", "the line is too long");
    else if (!line_strip(session, &line))
        session_fault(session, 500, "5.5.2", "a line ends with CR and LF");
    else if (line_has_controls(line))
        session_fault(session, 500, "5.5.2", "a control character in a command");
    else
        verb_run(session, line);
    session_settle(session);
}

static void
line_keep(struct smtp_session *session, struct span part)
{
    size_t needed = session->line_length + part.length;

    if (needed > session->line_room) {
        size_t room = session->line_room > 0 ? session->line_room : 64;

        while (room < needed)
            room *= 2;
        session->line = memory_grow(session->line, room);
        session->line_room = room;
    }
    memcpy(session->line + session->line_length, part.bytes, part.length);
    session->line_length = needed;
}

/* The line that was kept in parts is whole; it may call for the next to be kept. */
static void
session_kept_command(struct smtp_session *session)
{
    char *bytes = session->line;
    struct span line = {bytes, session->line_length};

    session->line = NULL;
    session->line_length = session->line_room = 0;
    session_command(session, line);
    free(bytes);
}

static size_t
command_take(struct smtp_session *session, struct span bytes)
{
    size_t feed = span_find(bytes, '\n');
    size_t taken = feed < bytes.length ? feed + 1 : feed;
    struct span part = span_first(bytes, taken);

    if (feed < bytes.length && session->line == NULL) {
        session_command(session, part);
        return taken;
    }
    if (session->line_length + taken > session_line_limit(session)) {
        session->chunk_left = (uint64_t)session_line_limit(session) * LONG_LINE_FACTOR;
        session->mode = SESSION_LONG_LINE;
        session_forget_line(session);
        return 0;
    }
    line_keep(session, part);
    if (feed < bytes.length)
        session_kept_command(session);
    return taken;
}

/* The rest of a command that is too long is passed over, but not for ever. */
static size_t
long_line_take(struct smtp_session *session, struct span bytes)
{
    size_t feed = span_find(bytes, '\n');

    if (feed >= session->chunk_left) {
        session_say(session, "500 5.5.2 the line does not end, closing the connection");
        session_close(session);
        return 0;
    }
    session->chunk_left -= feed;
    if (feed == bytes.length)
        return feed;
    session->mode = SESSION_COMMAND;
    session_fault(session, 500, "5.5.2", "the line is too long");
    session_settle(session);
    return feed + 1;
}

/* ------------------------------------------------------------ input */

static bool
session_is_taking(const struct smtp_session *session)
{
    bool text = session->mode == SESSION_TEXT || session->mode == SESSION_CHUNK;

    return session->mode != SESSION_OVER && session->request == REQUEST_NONE &&
           !(text && session->held) &&
           session->output_length - session->output_sent < OUTPUT_LIMIT;
}

static size_t
session_take(struct smtp_session *session, struct span bytes)
{
    size_t taken = 0;

    switch (session->mode) {
    case SESSION_COMMAND:
        return command_take(session, bytes);
    case SESSION_LONG_LINE:
        return long_line_take(session, bytes);
    case SESSION_TEXT:
        taken = data_take(session, bytes);
        break;
    case SESSION_CHUNK:
        taken = chunk_take(session, bytes);
        break;
    case SESSION_OVER:
        return 0;
    }
    session_settle(session);
    return taken;
}

/* Commands that follow a refused DATA at once are a text that did not wait for the 354.
 */
static void
session_check_order(struct smtp_session *session)
{
    if (!session->data_refused || session->mode != SESSION_COMMAND)
        return;
    session_say(session, "421 4.5.0 text that was not asked for, closing the connection");
    session_close(session);
}

size_t
smtp_session_input(struct smtp_session *session, struct span bytes)
{
    size_t taken = 0;

    session->busy = true;
    while (taken < bytes.length && session_is_taking(session)) {
        session->fresh = false;
        taken += session_take(session, span_from(bytes, taken));
        if (taken < bytes.length)
            session_check_order(session);
    }
    session->busy = false;
    return taken;
}

void
smtp_session_end(struct smtp_session *session)
{
    session->ended = true;
    if (session->request == REQUEST_NONE)
        session_close(session);
}

void
session_settle(struct smtp_session *session)
{
    bool text = session->mode == SESSION_TEXT || session->mode == SESSION_CHUNK;

    session->since = clock_monotonic();
    if (session->request != REQUEST_NONE || session->mode == SESSION_OVER || text)
        return;
    if (session->farewell != NULL) {
        session_reply(session, 421, session->farewell_status, "%s", session->farewell);
        session_close(session);
    } else if (session->ended) {
        session_close(session);
    }
}

bool
smtp_session_is_over(const struct smtp_session *session)
{
    return session->mode == SESSION_OVER;
}

bool
smtp_session_is_waiting(const struct smtp_session *session)
{
    return session->request != REQUEST_NONE;
}
