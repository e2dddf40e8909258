/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session with any input, any peer and a host that answers anything. The first octet
 * chooses the peer, the next four seed the host's answers and the cuts of the input. Each
 * input is played twice, whole and in pieces: replies and contents must be the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "smtp/session.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct play {
    struct smtp_session *session;
    uint32_t answers; /* state of the host's choices */
    uint32_t cuts;    /* state of the lengths of pieces */
    bool late;        /* answers come after the call */
    bool open;        /* between begin and commit or abort */
    char last;
    int wanted; /* kind of the request that waits, 0: none */
    bool foreground;
    struct text output, content;
    size_t content_start; /* of the message under way */
};

enum { WANT_RECIPIENT = 1, WANT_COMMIT, WANT_CONTROL };

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static uint32_t
choose(uint32_t *state, uint32_t limit)
{
    *state = *state * 1664525 + 1013904223;
    return (*state >> 16) % limit;
}

static void
play_answer_recipient(struct play *play)
{
    static const struct smtp_answer answers[] = {
        {250, "2.1.5", "ok"},
        {250, "2.1.5", "ok"},
        {550, "5.1.1", "unknown \xff\r\nuser"},
        {451, "4.3.0", "later"},
    };

    smtp_answer_recipient(play->session, &answers[choose(&play->answers, 4)]);
}

static void
play_answer_commit(struct play *play)
{
    struct error error = {0};

    switch (choose(&play->answers, 4)) {
    case 0:
        fail_temporary(&error, "4.3.0", "disk");
        smtp_answer_commit(play->session, &error);
        return;
    case 1:
        fail_permanent(&error, "5.7.1", "policy");
        smtp_answer_commit(play->session, &error);
        return;
    default:
        break;
    }
    smtp_answer_commit(play->session, NULL);
    if (!play->foreground)
        return;
    must(smtp_session_is_waiting(play->session));
    smtp_answer_outcome(play->session, "2.1.5 <a> delivered", false, true);
    smtp_answer_outcome(play->session, "5.1.1 <b> failed: \r\n", true, true);
    smtp_answer_outcome(play->session, "", false, false);
}

static void
play_answer(struct play *play)
{
    int wanted = play->wanted;

    play->wanted = 0;
    if (wanted == WANT_RECIPIENT)
        play_answer_recipient(play);
    else if (wanted == WANT_COMMIT)
        play_answer_commit(play);
    else if (wanted == WANT_CONTROL)
        smtp_control_end(play->session, 250, "ok");
}

static void
play_want(struct play *play, int wanted)
{
    play->wanted = wanted;
    if (!play->late)
        play_answer(play);
}

static void
host_recipient(void *context, struct smtp_session *session,
               const struct envelope *envelope, const char *recipient)
{
    (void)session;
    must(envelope == NULL || envelope->origin == ORIGIN_NETWORK);
    must(recipient[0] != '\0');
    play_want(context, WANT_RECIPIENT);
}

static bool
host_room(void *context, struct smtp_session *session, uint64_t size, struct error *error)
{
    struct play *play = context;

    (void)session, (void)size;
    return choose(&play->answers, 16) > 0 || fail_temporary(error, "4.3.1", "full");
}

static bool
host_begin(void *context, struct smtp_session *session, const struct envelope *envelope,
           struct smtp_message *message, struct error *error)
{
    struct play *play = context;

    (void)session;
    must(!play->open && envelope->reverse_path != NULL);
    if (choose(&play->answers, 8) == 0)
        return fail_temporary(error, "4.3.2", "not now");
    play->open = true;
    play->content_start = play->content.length;
    play->last = '\n';
    *message =
        (struct smtp_message){"m0abcde-000001C", "Message-Id: <1@host.test>",
                              "Date: Sun, 24 Apr 1994 07:12:04 +0200", "From: joe"};
    return true;
}

/* No octet of a content may be NUL, no CR or LF may stand alone. */
static void
host_content(void *context, struct smtp_session *session, struct span bytes)
{
    struct play *play = context;

    (void)session;
    must(play->open && bytes.length > 0);
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.bytes[i];

        must(byte != '\0');
        must((play->last == '\r') == (byte == '\n'));
        play->last = byte;
    }
    text_add_span(&play->content, bytes);
}

static void
host_commit(void *context, struct smtp_session *session, const struct envelope *envelope)
{
    struct play *play = context;
    struct text text = text_new(play->content.arena);

    (void)session;
    must(play->open && play->last == '\n');
    must(envelope->recipient_count > 0);
    play->open = false;
    play->foreground = envelope->mode == DELIVERY_FOREGROUND;
    envelope_write(envelope, &text);
    text_add(&play->content, "--\n");
    play_want(play, WANT_COMMIT);
}

static void
host_abort(void *context, struct smtp_session *session)
{
    struct play *play = context;

    (void)session;
    must(play->open);
    play->open = false;
    text_cut(&play->content, play->content_start); /* how much came depends on the cuts */
    text_add(&play->content, "-- aborted\n");
}

static void
host_control(void *context, struct smtp_session *session, const char *const *words,
             size_t count)
{
    must(count > 0 && words[count - 1] != NULL);
    smtp_control_line(session, words[0]);
    play_want(context, WANT_CONTROL);
}

static const struct smtp_host host = {
    .recipient = host_recipient,
    .room = host_room,
    .begin = host_begin,
    .content = host_content,
    .commit = host_commit,
    .abort = host_abort,
    .control = host_control,
};

static const struct smtp_options options = {
    .primary_name = "host.test",
    .visible_name = "test",
    .banner = "host.test\nESMTP",
    .size_limit = 4000,
    .recipient_limit = 10,
    .error_limit = 20,
    .command_limit = 100,
    .message_limit = 50,
    .line_limit = 512,
    .text_line_limit = 1000,
    .header_limit = 1500,
    .received_limit = 10,
    .minimum_rate = 500,
    .command_timeout = 300000,
    .message_timeout = 7200000,
    .grades = "bulk:n",
    .grade = 'C',
    .info = true,
};

static const struct smtp_peer peers[] = {
    {.origin = ORIGIN_NETWORK,
     .address = "192.0.2.1",
     .name = "c.test",
     .uid = -1,
     .user = "",
     .full_name = ""},
    {.origin = ORIGIN_NETWORK,
     .address = "127.0.0.1",
     .name = "",
     .may_relay = true,
     .uid = -1,
     .user = "",
     .full_name = ""},
    {.origin = ORIGIN_LOCAL,
     .address = "",
     .name = "",
     .uid = 1000,
     .user = "joe",
     .full_name = "Joe"},
    {.origin = ORIGIN_LOCAL,
     .address = "",
     .name = "",
     .uid = 10,
     .user = "uucp",
     .full_name = "",
     .trusted = true},
    {.origin = ORIGIN_BATCH,
     .address = "",
     .name = "",
     .uid = 10,
     .user = "uucp",
     .full_name = "",
     .trusted = true},
};

/* What is sent is lines of printable ASCII. */
static void
play_collect(struct play *play)
{
    struct span output = smtp_session_output(play->session);
    struct span rest = output, line;

    must(output.length == 0 || span_ends_nocase(output, "\r\n"));
    while (span_next(&rest, '\n', &line)) {
        must(line.length >= 4 && line.bytes[line.length - 1] == '\r');
        must(line.length <= 511 || span_starts(line, "250-"));
        for (size_t i = 0; i + 1 < line.length; i++)
            must(line.bytes[i] >= ' ' && line.bytes[i] < 0x7f);
    }
    text_add_span(&play->output, output);
    smtp_session_sent(play->session, output.length);
}

/* One piece, until it is taken or nothing moves. */
static size_t
play_give(struct play *play, struct span piece)
{
    size_t taken = 0;

    for (;;) {
        bool waited = smtp_session_is_waiting(play->session);
        size_t step = smtp_session_input(play->session, span_from(piece, taken));

        must(step <= piece.length - taken);
        must(smtp_session_memory(play->session) < 4 * 1024 * 1024);
        taken += step;
        play_answer(play);
        play_collect(play);
        if (taken == piece.length || (step == 0 && !waited))
            return taken;
    }
}

static void
play_run(struct play *play, struct arena *arena, const struct smtp_peer *peer,
         struct span input)
{
    play->output = text_new(arena);
    play->content = text_new(arena);
    play->session = smtp_session_new(&options, peer, &host, play);
    while (input.length > 0) {
        size_t length = play->cuts == 0 ? input.length : 1 + choose(&play->cuts, 40);
        struct span piece = span_first(input, length);
        size_t taken = play_give(play, piece);

        if (taken < piece.length)
            must(smtp_session_is_over(play->session));
        if (taken < piece.length)
            break;
        input = span_from(input, taken);
    }
    smtp_session_end(play->session);
    must(smtp_session_is_over(play->session));
    play_collect(play);
    smtp_session_free(play->session);
    must(!play->open);
}

/* The one thing that may depend on the cuts: text that came with a refused DATA. */
static bool
play_was_unasked(const struct play *play)
{
    struct span output = text_span(&play->output);

    return span_search(output, SPAN("not asked for")) < output.length;
}

/* The class of each line: of several reasons to refuse a text the first one found is
 * told. */
static struct span
play_classes(const struct play *play, struct arena *arena)
{
    struct text classes = text_new(arena);
    struct span rest = text_span(&play->output), line;

    while (span_next(&rest, '\n', &line))
        text_add_span(&classes, span_first(line, 1));
    return text_span(&classes);
}

static int64_t
no_clock(void)
{
    return 1000000;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena;
    struct play whole = {0}, cut = {0};
    const struct smtp_peer *peer;
    struct span input;

    if (size < 5 || size > 64 * 1024)
        return 0;
    clock_replace(no_clock, no_clock);
    arena = arena_new();
    peer = &peers[data[0] % (sizeof(peers) / sizeof(peers[0]))];
    memcpy(&whole.answers, data + 1, sizeof(whole.answers));
    cut.answers = whole.answers;
    cut.cuts = whole.answers | 1;
    cut.late = true;
    input = (struct span){(const char *)data + 5, size - 5};
    play_run(&whole, arena, peer, input);
    play_run(&cut, arena, peer, input);
    if (!play_was_unasked(&whole) && !play_was_unasked(&cut)) {
        must(span_equal(play_classes(&whole, arena), play_classes(&cut, arena)));
        must(span_equal(text_span(&whole.content), text_span(&cut.content)));
    }
    arena_free(arena);
    return 0;
}
