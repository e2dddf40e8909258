/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies of a server (RFC 5321 4.2): bounded in lines, octets and time, cleaned of all
 * that is not printable ASCII before anything else of us sees them.
 */
#include "smtp/client_internal.h"

#include <string.h>

#include "base/clock.h"
#include "mail/status.h"

#include "base/banned.h"

enum {
    REPLY_LINES = 100,
    REPLY_OCTETS = 64 * 1024,
    REPLY_TEXT = 500,   /* kept of it */
    BROKEN_WAIT = 1000, /* ms, for what may still be there after a failed write */
};

struct reply_reader {
    int first; /* code of the first line */
    size_t lines, octets;
    struct text text;
};

/* "250", "250 text" or "250-text". */
static bool
line_parse(struct span line, int *code, bool *more, struct span *text)
{
    uint64_t number;

    if (!span_number(span_first(line, 3), 599, &number) || line.length < 3 ||
        number < 200)
        return false;
    if (line.length > 3 && line.bytes[3] != ' ' && line.bytes[3] != '-')
        return false;
    *code = (int)number;
    *more = line.length > 3 && line.bytes[3] == '-';
    *text = span_trim(span_from(line, 4));
    return true;
}

/* Keep a line's text; the enhanced status is said again in each line, and dropped there.
 */
static void
reader_keep(struct reply_reader *reader, const char *status, struct span text)
{
    struct arena *arena = reader->text.arena;
    size_t left = REPLY_TEXT - reader->text.length;

    if (reader->lines > 1 && span_starts(text, status))
        text = span_trim(span_from(text, strlen(status)));
    if (left <= 2 || text.length == 0)
        return;
    if (reader->text.length > 0) {
        text_add(&reader->text, "; ");
        left -= 2;
    }
    text_add(&reader->text, span_printable(text, left, arena));
}

static bool
reader_line(struct reply_reader *reader, struct span line, struct smtp_reply *reply,
            bool *more, struct span *text)
{
    reader->lines++;
    reader->octets += line.length + 2;
    if (!line_parse(line, &reply->code, more, text))
        return false;
    if (reader->lines == 1) {
        reader->first = reply->code;
        status_from_reply(reply->code, *text, reply->status);
    }
    /* Yes and no in one reply: no one knows what was meant. */
    if (reply->code / 100 != reader->first / 100)
        return false;
    reader_keep(reader, reply->status, *text);
    return !*more || reader->lines < REPLY_LINES;
}

bool
reply_read(struct smtp_client *client, int64_t timeout, reply_line *line, void *context,
           struct arena *arena, struct smtp_reply *reply, struct error *error)
{
    struct reply_reader reader = {.text = text_new(arena)};
    struct span octets, text;
    bool more = true;

    *reply = (struct smtp_reply){.text = ""};
    if (client->broken && timeout > BROKEN_WAIT)
        timeout = BROKEN_WAIT;
    connection_deadline(client->connection, clock_monotonic() + timeout);
    while (more) {
        size_t left = reader.octets < REPLY_OCTETS ? REPLY_OCTETS - reader.octets : 0;

        if (!connection_read_line(client->connection, left, &octets, error)) {
            client->broken = true;
            return false;
        }
        client->silent = false;
        if (!reader_line(&reader, octets, reply, &more, &text)) {
            client->broken = true;
            return fail_temporary(error, "4.5.0", "not a reply of SMTP: %s",
                                  span_printable(octets, 80, arena));
        }
        if (line != NULL)
            line(context, reader.lines - 1, text);
    }
    reply->text = text_string(&reader.text);
    client->broken = client->broken || reply->code == 421;
    return true;
}

void
reply_error(const struct smtp_reply *reply, const char *verb, int number,
            struct error *error)
{
    const char *text = reply->text;

    if (reply->code / 100 == 5)
        fail_permanent_number(error, number, reply->status, "reply to %s: %d %s", verb,
                              reply->code, text);
    else if (reply->code / 100 == 4)
        fail_temporary_number(error, number, reply->status, "reply to %s: %d %s", verb,
                              reply->code, text);
    else
        fail_temporary_number(error, number, "4.5.0", "unexpected reply to %s: %d %s",
                              verb, reply->code, text);
}

bool
smtp_client_reply(struct smtp_client *client, struct arena *arena,
                  struct smtp_reply *reply, struct error *error)
{
    return reply_read(client, client->timeouts.end, NULL, NULL, arena, reply, error);
}
