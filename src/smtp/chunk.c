/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BDAT (RFC 3030 2): the text in chunks of a known size. The octets of a chunk that is
 * refused are taken all the same, so that none of them is ever run as a command; where
 * their number is not known, the session ends.
 */
#include "smtp/session_state.h"

#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

/* "SIZE" or "SIZE LAST". */
static bool
chunk_parse(struct span arguments, uint64_t *size, bool *last)
{
    size_t digits = span_find(arguments, ' ');
    struct span rest = span_from(arguments, digits);

    *last = span_is_nocase(rest, " LAST");
    return (*last || rest.length == 0) &&
           span_number(span_first(arguments, digits), INT64_MAX, size);
}

/* The chunk has come. */
static void
chunk_end(struct smtp_session *session)
{
    session->mode = SESSION_COMMAND;
    if (session->chunk_misplaced) {
        session_fault(session, 503, "5.5.1", "no message is open for this chunk");
        return;
    }
    if (session->chunk_last)
        lines_finish(session);
    if (session->chunk_last)
        smtp_intake_end(session);
    else if (session->intake->refusal.code != 0)
        smtp_intake_tell_refusal(session);
    else
        session_reply(session, 250, "2.0.0", "%llu octets taken",
                      (unsigned long long)session->part_size);
}

/* The first chunk begins a message; when that fails the chunk is taken, then refused. */
static void
chunk_begin(struct smtp_session *session)
{
    struct intake *intake = session->intake;
    struct error error = {0};

    if (intake->chunking)
        return;
    intake->chunking = true;
    if (!smtp_intake_begin(session, false, &error))
        smtp_intake_refuse_error(session, &error);
}

/* Is there a transaction that a chunk may belong to? */
static bool
chunk_is_due(const struct smtp_session *session)
{
    const struct intake *intake = session->intake;

    return intake != NULL &&
           (intake->envelope.recipient_count > 0 || strchr(intake->flags, 't') != NULL);
}

/* Octets that only get lost: are they more than we care to take? */
static bool
chunk_is_flood(const struct smtp_session *session, uint64_t size)
{
    uint64_t limit = session->options->size_limit;

    return limit > 0 && size > SWALLOW_SLACK && size - SWALLOW_SLACK > 2 * limit;
}

void
verb_bdat(struct smtp_session *session, struct span arguments)
{
    uint64_t size = 0;

    if (arguments.length == 0) {
        session_fault(session, 501, "5.5.4", "BDAT needs a size");
        return;
    }
    if (!chunk_parse(arguments, &size, &session->chunk_last)) {
        session_say(session, "521 5.5.4 bad size of a chunk, closing the connection");
        session_close(session);
        return;
    }
    session->chunk_misplaced = !chunk_is_due(session);
    if (session->chunk_misplaced && chunk_is_flood(session, size)) {
        session_say(session, "521 5.3.4 the chunk is too large, closing the connection");
        session_close(session);
        return;
    }
    session->chunk_left = size;
    session->part_since = clock_monotonic();
    if (session->chunk_misplaced || !session->intake->chunking)
        session->text_since = session->part_since;
    session->part_size = 0;
    session->mode = SESSION_CHUNK;
    if (!session->chunk_misplaced)
        chunk_begin(session);
    if (size == 0)
        chunk_end(session);
}

size_t
chunk_take(struct smtp_session *session, struct span bytes)
{
    size_t taken = bytes.length;
    bool ended = false;

    if (taken > session->chunk_left)
        taken = (size_t)session->chunk_left;
    session->chunk_left -= taken;
    session->part_size += taken;
    if (!session->chunk_misplaced)
        lines_take(session, span_first(bytes, taken), &ended);
    if (session->chunk_left == 0) {
        chunk_end(session);
    } else if (!session->chunk_misplaced && smtp_intake_is_flooded(session)) {
        smtp_intake_tell_refusal(session);
        session_close(session);
    }
    return taken;
}
