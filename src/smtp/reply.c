/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies. Whatever they are made of, what goes out is printable ASCII in lines of at
 * most 512 octets; what a client said is never among it.
 */
#include "smtp/session_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/status.h"

#include "base/banned.h"

enum { OUTPUT_FIRST = 512 };

static char *
output_reserve(struct smtp_session *session, size_t length)
{
    size_t needed = session->output_length + length;

    if (needed > session->output_room) {
        size_t room = session->output_room > 0 ? session->output_room : OUTPUT_FIRST;

        while (room < needed)
            room *= 2;
        session->output = memory_grow(session->output, room);
        session->output_room = room;
    }
    return session->output + session->output_length;
}

void
session_put(struct smtp_session *session, struct span bytes)
{
    if (bytes.length == 0)
        return;
    memcpy(output_reserve(session, bytes.length), bytes.bytes, bytes.length);
    session->output_length += bytes.length;
}

void
session_say(struct smtp_session *session, const char *line)
{
    session_put(session, span_of(line));
    session_put(session, SPAN("\r\n"));
}

/* Put text of at most `room` octets, nothing but printable ASCII. */
static void
output_clean(struct smtp_session *session, struct span text, size_t room)
{
    size_t length = text.length < room ? text.length : room;
    char *to = output_reserve(session, length + 2);

    for (size_t i = 0; i < length; i++)
        to[i] = text.bytes[i] >= ' ' && text.bytes[i] < 0x7f ? text.bytes[i] : '?';
    to[length] = '\r';
    to[length + 1] = '\n';
    session->output_length += length + 2;
}

void
session_reply_line(struct smtp_session *session, int code, bool last, const char *status,
                   struct span text)
{
    char head[24];
    int length = snprintf(head, sizeof(head), "%03d%c%.7s%s", code, last ? ' ' : '-',
                          status != NULL ? status : "", status != NULL ? " " : "");

    session_put(session, (struct span){head, (size_t)length});
    output_clean(session, text, REPLY_LIMIT - 2 - (size_t)length);
}

static void
session_vreply(struct smtp_session *session, int code, bool last, const char *status,
               const char *format, va_list arguments)
{
    char text[REPLY_LIMIT];
    int length = vsnprintf(text, sizeof(text), format, arguments);
    size_t kept = length < 0 ? 0 : (size_t)length;

    if (kept >= sizeof(text))
        kept = sizeof(text) - 1;
    session_reply_line(session, code, last, status, (struct span){text, kept});
}

void
session_reply(struct smtp_session *session, int code, const char *status,
              const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    session_vreply(session, code, true, status, format, arguments);
    va_end(arguments);
}

void
session_reply_more(struct smtp_session *session, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    session_vreply(session, code, false, NULL, format, arguments);
    va_end(arguments);
}

void
session_fault(struct smtp_session *session, int code, const char *status,
              const char *format, ...)
{
    va_list arguments;

    session->errors++;
    if (session->errors > session->options->error_limit && !session_is_local(session)) {
        session_say(session, "421 4.7.0 too many errors, closing the connection");
        session_close(session);
        return;
    }
    va_start(arguments, format);
    session_vreply(session, code, true, status, format, arguments);
    va_end(arguments);
}

const char *
session_error_status(const struct error *error)
{
    if (status_is_valid(span_of(error->status), error->permanent ? 550 : 450))
        return error->status;
    return error->permanent ? "5.0.0" : "4.0.0";
}

void
session_reply_error(struct smtp_session *session, const struct error *error)
{
    const char *status = session_error_status(error);

    session_reply(session, reply_from_status(status, error->permanent), status, "%s",
                  error->text);
}
