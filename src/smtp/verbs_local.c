/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XORIGIN and XCTL, which only our own commands may say (see local.h). */
#include "smtp/session_state.h"

#include <stdlib.h>

#include "base/text.h"
#include "smtp/local.h"

#include "base/banned.h"

enum { CONTROL_WORDS = 4096, CONTROL_LINE_LIMIT = 64 * 1024 };

/* ------------------------------------------------------------ XORIGIN */

static bool
claim_take(struct claim *claim, struct span word)
{
    size_t equals = span_find(word, '=');
    struct span name = span_first(word, equals), value = span_from(word, equals + 1);
    uint64_t number = 0;

    if (span_is_nocase(name, "ADDRESS"))
        return local_text_decode(value, claim->arena, &claim->address);
    if (span_is_nocase(name, "NAME"))
        return local_text_decode(value, claim->arena, &claim->name);
    if (!span_is_nocase(name, "PORT") || !span_number(value, UINT16_MAX, &number))
        return false;
    claim->port = (uint32_t)number;
    return true;
}

/* The origin by its name, if the kernel lets this peer claim it. */
static bool
origin_read(const struct smtp_session *session, struct span name, enum origin *origin)
{
    if (span_is_nocase(name, "LOCAL"))
        *origin = ORIGIN_LOCAL;
    else if (span_is_nocase(name, "BATCH"))
        *origin = ORIGIN_BATCH;
    else if (span_is_nocase(name, "NETWORK"))
        *origin = ORIGIN_NETWORK;
    else
        return false;
    return *origin != ORIGIN_LOCAL || session->peer->origin == ORIGIN_LOCAL;
}

static bool
claim_read(struct smtp_session *session, struct claim *claim, struct span rest,
           enum origin *origin)
{
    struct span word;

    claim->address = claim->name = "";
    if (!span_next(&rest, ' ', &word) || !origin_read(session, word, origin))
        return false;
    while (span_next(&rest, ' ', &word))
        if (!claim_take(claim, word))
            return false;
    return true;
}

void
verb_xorigin(struct smtp_session *session, struct span arguments)
{
    struct arena *arena = arena_new();
    struct claim *claim = arena_alloc(arena, sizeof(*claim));
    enum origin origin = ORIGIN_NETWORK;

    claim->arena = arena;
    if (session->claim != NULL || session->messages > 0 || session->intake != NULL) {
        session_fault(session, 503, "5.5.1", "XORIGIN comes first, and once");
        arena_free(arena);
    } else if (!claim_read(session, claim, arguments, &origin)) {
        session_fault(session, 501, "5.5.4", "bad XORIGIN");
        arena_free(arena);
    } else {
        session->claim = claim;
        session->origin = origin;
        session->extended = false; /* whoever is spoken for says hello again */
        free(session->hello);
        session->hello = NULL;
        session_say(session, "250 2.0.0 ok");
    }
}

/* ------------------------------------------------------------ XCTL */

static bool
control_split(struct span rest, struct arena *arena, const char **words, size_t *count)
{
    struct span word;

    while (span_next(&rest, ' ', &word)) {
        if (word.length == 0)
            continue;
        if (*count == CONTROL_WORDS || !local_text_decode(word, arena, &words[*count]))
            return false;
        ++*count;
    }
    return *count > 0;
}

void
verb_xctl(struct smtp_session *session, struct span arguments)
{
    struct arena *arena = arena_new();
    const char **words = arena_array(arena, CONTROL_WORDS, sizeof(*words));
    size_t count = 0;

    if (session->host->control == NULL) {
        session_fault(session, 502, "5.5.1", "not here");
    } else if (!control_split(arguments, arena, words, &count)) {
        session_fault(session, 501, "5.5.4", "bad words");
    } else {
        session->request = REQUEST_CONTROL;
        session->host->control(session->context, session, words, count);
    }
    arena_free(arena);
}

/* Cut to what fits a line of a reply, not inside "+XX". */
static struct span
control_cut(struct span line)
{
    struct span cut = span_first(line, CONTROL_LINE_LIMIT - sizeof("250-\r\n"));
    size_t plus = span_find_last(cut, '+');

    if (cut.length < line.length && plus + 3 > cut.length && plus < cut.length)
        cut.length = plus;
    return cut;
}

void
smtp_control_line(struct smtp_session *session, const char *text)
{
    struct arena *arena;

    if (session->request != REQUEST_CONTROL)
        return;
    arena = arena_new();
    session_put(session, SPAN("250-"));
    session_put(session, control_cut(span_of(local_text_encode(text, arena))));
    session_put(session, SPAN("\r\n"));
    arena_free(arena);
}

void
smtp_control_end(struct smtp_session *session, int code, const char *text)
{
    if (session->request != REQUEST_CONTROL)
        return;
    session->request = REQUEST_NONE;
    session_reply(session, code, NULL, "%s", text);
    session_settle(session);
}
