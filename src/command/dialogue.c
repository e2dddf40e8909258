/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Replies of the owner of the spool. */
#include "command/dialogue.h"

#include "base/clock.h"

#include "base/banned.h"

enum { REPLY_LINE = 64 << 10, REPLY_TEXT = 4000 };

bool
dialogue_reply(struct connection *connection, int *code, struct text *text,
               struct error *error)
{
    struct span line;
    uint64_t number;

    for (;;) {
        connection_deadline(connection, clock_monotonic() + DIALOGUE_WAIT);
        if (!connection_read_line(connection, REPLY_LINE, &line, error))
            return false;
        if (line.length < 3 || !span_number(span_first(line, 3), 599, &number))
            return fail_temporary(error, "4.3.0",
                                  "what answers at the local socket speaks no SMTP");
        *code = (int)number;
        if (text && text->length < REPLY_TEXT) {
            if (text->length > 0)
                text_add(text, "; ");
            text_add_span(text, span_from(line, 4));
        }
        if (line.length < 4 || line.bytes[3] != '-')
            return true;
    }
}

bool
dialogue_expect(struct connection *connection, struct arena *arena, int *code,
                struct error *error)
{
    struct text text = text_new(arena);

    if (!dialogue_reply(connection, code, &text, error))
        return false;
    if (*code >= 500)
        fail_permanent(error, "5.0.0", "%s", text_string(&text));
    else if (*code >= 400)
        fail_temporary(error, "4.0.0", "%s", text_string(&text));
    return true;
}
