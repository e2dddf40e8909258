/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one session costs: EHLO, MAIL, RCPT, DATA with 5 KB and QUIT, without any I/O.
 * Prints microseconds of CPU for each; the first argument is how many, the second the
 * octets of the text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/text.h"
#include "smtp/session.h"

#include "base/banned.h"

static uint64_t octets;

static void
bench_recipient(void *context, struct smtp_session *session,
                const struct envelope *envelope, const char *recipient)
{
    static const struct smtp_answer answer = {250, "2.1.5", "recipient ok"};

    (void)context, (void)envelope, (void)recipient;
    smtp_answer_recipient(session, &answer);
}

static bool
bench_room(void *context, struct smtp_session *session, uint64_t size,
           struct error *error)
{
    (void)context, (void)session, (void)size, (void)error;
    return true;
}

static bool
bench_begin(void *context, struct smtp_session *session, const struct envelope *envelope,
            struct smtp_message *message, struct error *error)
{
    (void)context, (void)session, (void)envelope, (void)error;
    *message = (struct smtp_message){
        "m0abcde-000001C", "Message-Id: <m0abcde-000001C@host.test>",
        "Date: Sun, 24 Apr 1994 07:12:04 +0200", "From: joe"};
    return true;
}

static void
bench_content(void *context, struct smtp_session *session, struct span bytes)
{
    (void)context, (void)session;
    octets += bytes.length;
}

static void
bench_commit(void *context, struct smtp_session *session, const struct envelope *envelope)
{
    (void)context, (void)envelope;
    smtp_answer_commit(session, NULL);
}

static void
bench_abort(void *context, struct smtp_session *session)
{
    (void)context, (void)session;
    abort();
}

static const struct smtp_host bench_host = {
    bench_recipient, bench_room,  bench_begin, bench_content,
    bench_commit,    bench_abort, NULL};

static const struct smtp_options bench_options = {
    .primary_name = "host.test",
    .visible_name = "host.test",
    .banner = "host.test ESMTP ready",
    .size_limit = 50 << 20,
    .recipient_limit = 1000,
    .error_limit = 20,
    .command_limit = 100,
    .message_limit = 1000,
    .line_limit = 2048,
    .text_line_limit = 65536,
    .header_limit = 256 * 1024,
    .received_limit = 100,
    .minimum_rate = 500,
    .command_timeout = 300000,
    .message_timeout = 7200000,
    .grades = "bulk:n",
    .grade = 'C',
};

static const struct smtp_peer bench_peer = {.origin = ORIGIN_NETWORK,
                                            .address = "192.0.2.1",
                                            .name = "client.test",
                                            .uid = -1,
                                            .user = "",
                                            .full_name = ""};

/* One part as a client sends it, and what it gets for it taken off. */
static void
bench_step(struct smtp_session *session, struct span part)
{
    if (smtp_session_input(session, part) != part.length)
        abort();
    smtp_session_sent(session, smtp_session_output(session).length);
}

static void
bench_session(struct span text)
{
    struct smtp_session *session =
        smtp_session_new(&bench_options, &bench_peer, &bench_host, NULL);

    smtp_session_sent(session, smtp_session_output(session).length);
    bench_step(session, SPAN("EHLO client.test\r\n"));
    bench_step(session, SPAN("MAIL FROM:<sender@client.test> SIZE=5000\r\n"));
    bench_step(session, SPAN("RCPT TO:<recipient@host.test>\r\n"));
    bench_step(session, SPAN("DATA\r\n"));
    bench_step(session, text);
    bench_step(session, SPAN("QUIT\r\n"));
    smtp_session_free(session);
}

static struct span
bench_text(struct arena *arena, size_t length)
{
    struct text text = text_new(arena);

    text_add(&text, "Received: from a.test by b.test with esmtp id 1; "
                    "Sun, 24 Apr 1994 07:12:04 +0200\r\n"
                    "From: Sender <sender@client.test>\r\nTo: recipient@host.test\r\n"
                    "Subject: a message of a usual size\r\n"
                    "Message-Id: <1@client.test>\r\n"
                    "Date: Sun, 24 Apr 1994 07:12:04 +0200\r\n"
                    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n");
    while (text.length < length)
        text_add(&text, "The quick brown fox jumps over the lazy dog, and the dog sleeps "
                        "on.\r\n");
    text_add(&text, ".\r\n");
    return text_span(&text);
}

static double
seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    long length = argc > 2 ? strtol(argv[2], NULL, 10) : 5000;
    struct arena *arena = arena_new();
    struct span text = bench_text(arena, (size_t)length);
    double start = seconds(), taken;

    for (long i = 0; i < count; i++)
        bench_session(text);
    taken = seconds() - start;
    printf("%ld sessions with %zu octets: %.2f us each, %.0f MB/s\n", count, text.length,
           taken * 1e6 / (double)count, (double)octets / 1e6 / taken);
    arena_free(arena);
    return EXIT_SUCCESS;
}
