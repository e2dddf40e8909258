/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text as lines. Only CRLF ends a line and only CRLF . CRLF ends a text, whatever else
 * stands in it (RFC 5321 2.3.8, 4.1.1.4): a bare CR or LF from a stranger refuses the
 * message once its true end has come, from our own it becomes a line end. NUL is refused
 * from everybody.
 *
 * Whole lines are passed on in long spans, found by memchr(). What is odd, or cut by the
 * border of a read, goes through a small state machine, run by run.
 */
#include "smtp/session_state.h"

#include <string.h>

#include "base/banned.h"

static const struct span crlf = {"\r\n", 2};

static void
lines_refuse_newline(struct smtp_session *session)
{
    smtp_intake_refuse(session, 550, "5.6.11", "a bare CR or LF is not a line end");
}

static void
lines_check_length(struct smtp_session *session, size_t length)
{
    if (length > session->options->text_line_limit)
        smtp_intake_refuse(session, 550, "5.6.0", "a line of the text is too long");
}

/* Hand on octets from `from` to before `to`. */
static void
lines_pass(struct smtp_session *session, const char *from, const char *to)
{
    struct span span = {from, (size_t)(to - from)};

    if (span.length == 0)
        return;
    if (session->intake->refusal.code == 0 && memchr(from, '\0', span.length) != NULL)
        smtp_intake_refuse(session, 550, "5.6.0", "the text has a NUL octet");
    smtp_intake_add(session, span);
}

/*
 * The end of the regular line that begins at `at`, behind its CRLF; NULL when it is not
 * whole or not regular.
 */
static const char *
line_end(const char *at, const char *end)
{
    const char *lf = memchr(at, '\n', (size_t)(end - at));

    if (lf == NULL || lf == at || lf[-1] != '\r')
        return NULL;
    if (memchr(at, '\r', (size_t)(lf - 1 - at)) != NULL)
        return NULL;
    return lf + 1;
}

/* A dot begins a line: is that the end, part of the text, or for the slow way to say? */
enum dot { DOT_ENDS, DOT_STUFFED, DOT_UNCLEAR };

static enum dot
dot_meaning(const char *at, const char *end)
{
    if (end - at < 3)
        return DOT_UNCLEAR;
    if (at[1] == '\r')
        return at[2] == '\n' ? DOT_ENDS : DOT_UNCLEAR;
    return at[1] == '\n' ? DOT_UNCLEAR : DOT_STUFFED;
}

/* Regular lines from the start of a line on: as many as there are. */
static size_t
lines_whole(struct smtp_session *session, struct span bytes, bool *ended)
{
    struct lines *lines = &session->intake->lines;
    const char *at = bytes.bytes, *end = at + bytes.length, *from = at;

    while (at < end) {
        enum dot dot = DOT_UNCLEAR;
        const char *next;

        if (lines->dots && *at == '.') {
            dot = dot_meaning(at, end);
            if (dot == DOT_UNCLEAR)
                break;
            lines_pass(session, from, at);
            if (dot == DOT_ENDS) {
                *ended = true;
                return (size_t)(at + 3 - bytes.bytes);
            }
            from = ++at;
        }
        next = line_end(at, end);
        if (next == NULL) {
            if (dot == DOT_STUFFED) /* the dot is gone already */
                lines->at = LINES_INSIDE;
            break;
        }
        lines_check_length(session, (size_t)(next - 2 - at));
        at = next;
    }
    lines_pass(session, from, at);
    return (size_t)(at - bytes.bytes);
}

/* A line end that is not CRLF. */
static void
lines_bare(struct smtp_session *session)
{
    struct lines *lines = &session->intake->lines;

    if (!lines->lenient)
        lines_refuse_newline(session);
    smtp_intake_add(session, crlf);
    lines->length = 0;
    /* A dot behind it is one of the text, unless LF is this client's line end. */
    lines->at = LINES_INSIDE;
}

/* Octets up to the next CR or LF, with a CRLF behind them if it is there. */
static size_t
lines_run(struct smtp_session *session, struct span bytes)
{
    struct lines *lines = &session->intake->lines;
    const char *at = bytes.bytes;
    size_t n = 0;

    while (n < bytes.length && at[n] != '\r' && at[n] != '\n')
        n++;
    lines->length += n;
    lines_check_length(session, lines->length);
    if (bytes.length - n >= 2 && at[n] == '\r' && at[n + 1] == '\n') {
        n += 2;
        lines->at = LINES_START;
        lines->length = 0;
    }
    lines_pass(session, at, at + n);
    return n;
}

static size_t
lines_inside(struct smtp_session *session, struct span bytes)
{
    struct lines *lines = &session->intake->lines;
    size_t n = lines_run(session, bytes);

    if (n > 0)
        return n;
    if (bytes.bytes[0] == '\r') {
        lines->at = LINES_CR;
        return 1;
    }
    lines_bare(session);
    if (lines->lf_ends)
        lines->at = LINES_START;
    return 1;
}

/* Behind a CR. */
static size_t
lines_after_cr(struct smtp_session *session, struct span bytes)
{
    struct lines *lines = &session->intake->lines;

    if (bytes.bytes[0] != '\n') {
        lines_bare(session);
        return 0;
    }
    smtp_intake_add(session, crlf);
    lines->length = 0;
    lines->at = LINES_START;
    return 1;
}

/* One step of the slow way; returns octets taken, perhaps none but with a new state. */
static size_t
lines_step(struct smtp_session *session, struct span bytes, bool *ended)
{
    struct lines *lines = &session->intake->lines;
    char byte = bytes.bytes[0];

    switch (lines->at) {
    case LINES_START:
        lines->at = lines->dots && byte == '.' ? LINES_DOT : LINES_INSIDE;
        return lines->at == LINES_DOT ? 1 : 0;
    case LINES_DOT:
        if (byte == '\r') {
            lines->at = LINES_DOT_CR;
            return 1;
        }
        *ended = byte == '\n' && lines->lf_ends;
        lines->at = LINES_INSIDE;
        return *ended ? 1 : 0;
    case LINES_DOT_CR:
        *ended = byte == '\n';
        lines->at = LINES_CR;
        return *ended ? 1 : 0;
    case LINES_CR:
        return lines_after_cr(session, bytes);
    case LINES_INSIDE:
        break;
    }
    return lines_inside(session, bytes);
}

size_t
lines_take(struct smtp_session *session, struct span bytes, bool *ended)
{
    struct lines *lines = &session->intake->lines;
    size_t taken = 0;

    while (taken < bytes.length && !*ended) {
        size_t whole = 0;

        if (lines->at == LINES_START && !lines->lf_ends)
            whole = lines_whole(session, span_from(bytes, taken), ended);
        taken += whole;
        if (whole == 0)
            taken += lines_step(session, span_from(bytes, taken), ended);
    }
    return taken;
}

void
lines_finish(struct smtp_session *session)
{
    struct lines *lines = &session->intake->lines;

    if (lines->at == LINES_CR)
        lines_bare(session);
    else if (lines->at == LINES_INSIDE && lines->length > 0)
        smtp_intake_add(session, crlf);
    lines->at = LINES_START;
    lines->length = 0;
}
