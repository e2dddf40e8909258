/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host behind a dialogue: users of local.test are known when their name is short. */
#include "tests/unit/smtp/dialogue.h"

#include <string.h>

#include "base/random.h"

#include "base/banned.h"

static void
dialogue_answer_recipient(struct dialogue *dialogue)
{
    static const struct smtp_answer ok = {250, "2.1.5", "recipient ok"};
    static const struct smtp_answer unknown = {550, "5.1.1", "unknown user"};
    static const struct smtp_answer later = {450, "4.2.1", "try later"};
    static const struct smtp_answer relay = {550, "5.7.1", "relaying denied"};
    struct span recipient = span_of(dialogue->recipient);
    const struct smtp_answer *answer = &ok;

    dialogue->recipient = NULL;
    if (span_starts(recipient, "no-such-user"))
        answer = &unknown;
    else if (span_starts(recipient, "later"))
        answer = &later;
    else if (span_find(recipient, '@') < recipient.length &&
             !span_ends_nocase(recipient, "@local.test"))
        answer = &relay;
    smtp_answer_recipient(dialogue->session, answer);
}

static void
dialogue_answer_commit(struct dialogue *dialogue)
{
    struct error error = {0};
    const struct envelope *envelope = smtp_session_envelope(dialogue->session);
    bool foreground = envelope->mode == DELIVERY_FOREGROUND;

    dialogue->commit = false;
    if (dialogue->commit_fails) {
        fail_temporary(&error, "4.3.0", "the disk is\r\nfull");
        smtp_answer_commit(dialogue->session, &error);
        return;
    }
    smtp_answer_commit(dialogue->session, NULL);
    if (!foreground)
        return;
    smtp_answer_outcome(dialogue->session, "2.1.5 <a> delivered", false, true);
    smtp_answer_outcome(dialogue->session, "4.4.1 <b> deferred: silence", false, true);
    smtp_answer_outcome(dialogue->session, "", false, false);
}

static void
dialogue_answer(struct dialogue *dialogue)
{
    if (dialogue->recipient != NULL)
        dialogue_answer_recipient(dialogue);
    if (dialogue->commit)
        dialogue_answer_commit(dialogue);
    if (dialogue->control) {
        dialogue->control = false;
        smtp_control_line(dialogue->session, "one line=1");
        smtp_control_end(dialogue->session, 250, "done");
    }
}

static void
host_recipient(void *context, struct smtp_session *session,
               const struct envelope *envelope, const char *recipient)
{
    struct dialogue *dialogue = context;

    (void)session, (void)envelope;
    text_add_format(&dialogue->asked, "%s ", recipient);
    dialogue->recipient = recipient;
    if (!dialogue->answer_later)
        dialogue_answer(dialogue);
}

static bool
host_room(void *context, struct smtp_session *session, uint64_t size, struct error *error)
{
    struct dialogue *dialogue = context;

    (void)session, (void)size;
    return !dialogue->no_room || fail_temporary(error, "4.3.1", "no room");
}

static bool
host_begin(void *context, struct smtp_session *session, const struct envelope *envelope,
           struct smtp_message *message, struct error *error)
{
    struct dialogue *dialogue = context;

    (void)envelope;
    if (dialogue->shut_in_begin)
        smtp_session_shut(session, "4.3.2", "too busy");
    if (dialogue->no_begin)
        return fail_temporary(error, "4.3.2", "not now");
    dialogue->begun++;
    text_cut(&dialogue->current, 0);
    *message = (struct smtp_message){
        .id = "m0abcde-000001C",
        .message_id_field = "Message-Id: <m0abcde-000001C@host.test>",
        .date_field = "Date: Sun, 24 Apr 1994 07:12:04 +0200",
        .from_field = "From: joe (Joe User)",
    };
    return true;
}

static void
host_content(void *context, struct smtp_session *session, struct span bytes)
{
    struct dialogue *dialogue = context;

    (void)session;
    text_add_span(&dialogue->current, bytes);
}

/* What a test looks at later. */
static struct envelope
envelope_keep(struct dialogue *dialogue, const struct envelope *from)
{
    struct arena *arena = dialogue->arena;
    struct envelope to = *from;

    to.reverse_path = arena_string(arena, from->reverse_path);
    to.envelope_id = arena_string(arena, from->envelope_id);
    to.hello = arena_string(arena, from->hello);
    to.protocol = arena_string(arena, from->protocol);
    to.program = arena_string(arena, from->program);
    to.peer_address = arena_string(arena, from->peer_address);
    to.peer_name = arena_string(arena, from->peer_name);
    to.message_id = arena_string(arena, from->message_id);
    to.full_name = arena_string(arena, from->full_name);
    to.recipients = arena_array(arena, from->recipient_count, sizeof(*to.recipients));
    for (size_t i = 0; i < from->recipient_count; i++) {
        to.recipients[i] = from->recipients[i];
        to.recipients[i].text = arena_string(arena, from->recipients[i].text);
        to.recipients[i].original = arena_string(arena, from->recipients[i].original);
    }
    to.exclusions = arena_array(arena, from->exclusion_count, sizeof(*to.exclusions));
    for (size_t i = 0; i < from->exclusion_count; i++)
        to.exclusions[i] = arena_string(arena, from->exclusions[i]);
    return to;
}

static void
host_commit(void *context, struct smtp_session *session, const struct envelope *envelope)
{
    struct dialogue *dialogue = context;
    struct dialogue_message *message;

    (void)session;
    if (!dialogue->commit_fails && dialogue->message_count < 8) {
        message = &dialogue->messages[dialogue->message_count++];
        message->envelope = envelope_keep(dialogue, envelope);
        message->content = text_new(dialogue->arena);
        text_add_span(&message->content, text_span(&dialogue->current));
    }
    dialogue->commit = true;
    if (!dialogue->answer_later)
        dialogue_answer(dialogue);
}

static void
host_abort(void *context, struct smtp_session *session)
{
    struct dialogue *dialogue = context;

    (void)session;
    dialogue->aborted++;
}

static void
host_control(void *context, struct smtp_session *session, const char *const *words,
             size_t count)
{
    struct dialogue *dialogue = context;

    (void)session;
    for (size_t i = 0; i < count; i++)
        text_add_format(&dialogue->controls, "[%s]", words[i]);
    dialogue->control = true;
    if (!dialogue->answer_later)
        dialogue_answer(dialogue);
}

static const struct smtp_host dialogue_host = {
    .recipient = host_recipient,
    .room = host_room,
    .begin = host_begin,
    .content = host_content,
    .commit = host_commit,
    .abort = host_abort,
    .control = host_control,
};

static const struct smtp_options dialogue_options = {
    .primary_name = "host.test",
    .visible_name = "test",
    .banner = "host.test ESMTP ready",
    .size_limit = 100000,
    .recipient_limit = 100,
    .error_limit = 20,
    .command_limit = 100,
    .message_limit = 1000,
    .line_limit = 2048,
    .text_line_limit = 65536,
    .header_limit = 65536,
    .received_limit = 100,
    .minimum_rate = 500,
    .command_timeout = 300 * 1000,
    .message_timeout = 7200 * 1000,
    .grades = "bulk:n:junk:n",
    .grade = 'C',
};

static const struct smtp_peer dialogue_peers[] = {
    [PEER_STRANGER] = {.origin = ORIGIN_NETWORK,
                       .address = "192.0.2.1",
                       .port = 4000,
                       .name = "client.test",
                       .uid = -1,
                       .user = "",
                       .full_name = ""},
    [PEER_FRIEND] = {.origin = ORIGIN_NETWORK,
                     .address = "127.0.0.1",
                     .name = "",
                     .may_relay = true,
                     .uid = -1,
                     .user = "",
                     .full_name = ""},
    [PEER_USER] = {.origin = ORIGIN_LOCAL,
                   .address = "",
                   .name = "",
                   .may_relay = true,
                   .uid = 1000,
                   .user = "joe",
                   .full_name = "Joe User"},
    [PEER_TRUSTED] = {.origin = ORIGIN_LOCAL,
                      .address = "",
                      .name = "",
                      .may_relay = true,
                      .uid = 10,
                      .user = "uucp",
                      .full_name = "",
                      .trusted = true},
};

struct dialogue *
dialogue_new(enum dialogue_peer peer)
{
    struct arena *arena = arena_new();
    struct dialogue *dialogue = arena_alloc(arena, sizeof(*dialogue));

    dialogue->arena = arena;
    dialogue->options = dialogue_options;
    dialogue->peer = dialogue_peers[peer];
    dialogue->output = text_new(arena);
    dialogue->current = text_new(arena);
    dialogue->asked = text_new(arena);
    dialogue->controls = text_new(arena);
    dialogue->session =
        smtp_session_new(&dialogue->options, &dialogue->peer, &dialogue_host, dialogue);
    return dialogue;
}

void
dialogue_free(struct dialogue *dialogue)
{
    smtp_session_free(dialogue->session);
    arena_free(dialogue->arena);
}

static void
dialogue_collect(struct dialogue *dialogue)
{
    struct span output = smtp_session_output(dialogue->session);

    text_add_span(&dialogue->output, output);
    smtp_session_sent(dialogue->session, output.length);
}

/* Give a piece until it is taken, or nothing moves any more. */
static size_t
dialogue_give(struct dialogue *dialogue, struct span piece)
{
    size_t taken = 0;

    for (;;) {
        size_t before = taken;
        bool waited = smtp_session_is_waiting(dialogue->session);

        taken += smtp_session_input(dialogue->session, span_from(piece, taken));
        dialogue_answer(dialogue);
        dialogue_collect(dialogue);
        if (taken == piece.length || (taken == before && !waited))
            return taken;
    }
}

static size_t
piece_length(int piece, size_t left)
{
    size_t wanted = left;

    if (piece > 0)
        wanted = (size_t)piece;
    else if (piece < 0)
        wanted = 1 + random_below((uint64_t)-piece);
    return wanted < left ? wanted : left;
}

size_t
dialogue_send(struct dialogue *dialogue, struct span text, int piece)
{
    size_t sent = 0;

    dialogue_collect(dialogue);
    while (sent < text.length) {
        size_t length = piece_length(piece, text.length - sent);
        size_t taken = dialogue_give(dialogue, span_first(span_from(text, sent), length));

        sent += taken;
        if (taken < length)
            break;
    }
    return sent;
}

const char *
dialogue_codes(const struct dialogue *dialogue)
{
    struct text codes = text_new(dialogue->arena);
    struct span rest = text_span(&dialogue->output), line;

    while (span_next(&rest, '\n', &line)) {
        if (line.length < 4 || line.bytes[3] != ' ')
            continue;
        if (codes.length > 0)
            text_add_byte(&codes, ' ');
        text_add_span(&codes, span_first(line, 3));
    }
    return text_string(&codes);
}
