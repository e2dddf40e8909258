/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our client and our server talk with each other, with and without the extensions that
 * change how a transaction is sent; what arrives is what was sent.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "smtp/client.h"
#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { RECIPIENTS_LIMIT = 300, SEEN = 1024 };

static const char HEADER[] =
    "From: s@y.example\r\nDate: Sun, 24 Apr 1994 07:12:04 +0200\r\n"
    "Message-Id: <1@y.example>\r\nSubject: x\r\n\r\n";

/* One message that the client sends. */
struct mail {
    const char *body; /* behind HEADER */
    size_t filler;    /* lines of filler behind it */
    const char *recipients;
    bool smtputf8, eight_bit;
    const char *seen; /* outcomes: R, F, D for each recipient */
    size_t arrives;   /* with so many recipients; 0: not at all */
};

static const struct mail mails[] = {
    {.body = "hello\r\n", .recipients = "a@local.test", .seen = "R", .arrives = 1},
    {.body = ".\r\n..\r\n.x\r\n\r\n",
     .recipients = "a@local.test",
     .seen = "R",
     .arrives = 1},
    {.body = "", .recipients = "a@local.test b@local.test", .seen = "RR", .arrives = 2},
    {.body = "x\r\n",
     .recipients = "no-such-user@local.test a@local.test later@local.test",
     .seen = "FRD",
     .arrives = 1},
    {.body = "x\r\n", .recipients = "no-such-user@local.test", .seen = "F"},
    {.body = "after nobody\r\n", .recipients = "a@local.test", .seen = "R", .arrives = 1},
    {.body = "big\r\n",
     .filler = 5000,
     .recipients = "a@local.test",
     .seen = "R",
     .arrives = 1},
    {.body = "gr\xc3\xbc\xc3\x9f\r\n",
     .eight_bit = true,
     .smtputf8 = true,
     .recipients = "\xc3\xa4@local.test",
     .seen = "R",
     .arrives = 1},
};

enum { MAILS = sizeof mails / sizeof *mails };

/* --- the client, in a child --- */

struct source {
    struct span text;
    size_t at;
};

static bool
source_read(void *context, struct span *piece, struct error *error)
{
    struct source *source = context;

    (void)error;
    *piece = span_first(span_from(source->text, source->at), 1000);
    source->at += piece->length;
    return true;
}

static void
source_rewind(void *context)
{
    struct source *source = context;

    source->at = 0;
}

static struct span
mail_text(const struct mail *mail, struct arena *arena)
{
    struct text text = text_new(arena);

    text_add(&text, HEADER);
    text_add(&text, mail->body);
    for (size_t i = 0; i < mail->filler; i++)
        text_add_format(&text, ".%zu filler that makes a long text of many lines\r\n", i);
    return text_span(&text);
}

static void
mail_send(struct smtp_client *client, const struct mail *mail, char *seen)
{
    struct arena *arena = arena_new();
    struct source source = {.text = mail_text(mail, arena)};
    struct envelope envelope = envelope_new();
    struct smtp_recipient *recipients =
        arena_array(arena, RECIPIENTS_LIMIT, sizeof *recipients);
    struct smtp_transaction transaction = {
        .reverse_path = "s@y.example",
        .envelope = &envelope,
        .smtputf8 = mail->smtputf8,
        .recipients = recipients,
        .content = {.context = &source,
                    .read = source_read,
                    .rewind = source_rewind,
                    .size = source.text.length},
        .arena = arena,
    };
    struct span rest = span_of(mail->recipients), path;

    envelope.eight_bit = mail->eight_bit;
    while (span_next(&rest, ' ', &path))
        recipients[transaction.recipient_count++].path = span_string(path, arena);
    smtp_client_send(client, &transaction);
    for (size_t i = 0; i < transaction.recipient_count; i++)
        seen[i] = "DLRF"[recipients[i].outcome];
    arena_free(arena);
}

static void
client_run(int fd, char (*seen)[SEEN])
{
    static const struct smtp_timeouts timeouts = {5000, 5000, 5000, 5000,
                                                  5000, 5000, 5000, 1000};
    struct smtp_client *client;
    struct error error = {0};

    if (!smtp_client_open(connection_from(fd), "y.example", &timeouts, &client, &error))
        _exit(1);
    for (size_t i = 0; i < MAILS; i++)
        mail_send(client, &mails[i], seen[i]);
    smtp_client_close(client);
    _exit(0);
}

/* --- the server, and a wire that takes extensions out of what it offers --- */

static void
wire_take_out(char *bytes, size_t length, const char *keyword)
{
    struct span rest = {bytes, length};
    size_t at = span_search(rest, span_of(keyword));

    if (at < length)
        bytes[at] = 'X';
}

static void
server_run(int fd, struct dialogue *dialogue, const char *const *without)
{
    char buffer[8192];
    size_t sent = 0;
    ssize_t got = 0;

    do {
        struct text reply = text_new(dialogue->arena);

        ck_assert_uint_eq(dialogue_send(dialogue, (struct span){buffer, (size_t)got}, 0),
                          (size_t)got);
        text_add_span(&reply, span_from(text_span(&dialogue->output), sent));
        sent = dialogue->output.length;
        for (size_t i = 0; without[i] != NULL; i++)
            wire_take_out(reply.bytes, reply.length, without[i]);
        if (reply.length > 0)
            ck_assert_int_eq(send(fd, reply.bytes, reply.length, MSG_NOSIGNAL),
                             (ssize_t)reply.length);
    } while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0);
}

static void
check_arrived(const struct dialogue *dialogue)
{
    size_t arrived = 0;

    for (size_t i = 0; i < MAILS; i++) {
        struct span sent = mail_text(&mails[i], dialogue->arena), came;

        if (mails[i].arrives == 0)
            continue;
        ck_assert_uint_lt(arrived, dialogue->message_count);
        came = text_span(&dialogue->messages[arrived].content);
        ck_assert_uint_eq(dialogue->messages[arrived].envelope.recipient_count,
                          mails[i].arrives);
        ck_assert_msg(came.length >= sent.length &&
                          span_equal(span_from(came, came.length - sent.length), sent),
                      "mail %zu: %.300s", i, came.bytes);
        arrived++;
    }
    ck_assert_uint_eq(arrived, dialogue->message_count);
}

static void
talk(const char *const *without)
{
    char(*seen)[SEEN] = mmap(NULL, MAILS * SEEN, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct dialogue *dialogue = dialogue_new(PEER_FRIEND);
    int ends[2], status;
    pid_t child;

    ck_assert_ptr_ne(seen, MAP_FAILED);
    dialogue->options.size_limit = 1000000;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[1]);
        client_run(ends[0], seen);
    }
    close(ends[0]);
    server_run(ends[1], dialogue, without);
    close(ends[1]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    for (size_t i = 0; i < MAILS; i++)
        ck_assert_msg(strcmp(seen[i], mails[i].seen) == 0, "mail %zu: %s", i, seen[i]);
    check_arrived(dialogue);
    dialogue_free(dialogue);
    munmap(seen, MAILS * SEEN);
}

START_TEST(what_is_sent_arrives)
{
    static const char *const without[][3] = {
        {NULL},
        {"CHUNKING", NULL},
        {"PIPELINING", NULL},
        {"PIPELINING", "CHUNKING", NULL},
    };

    talk(without[_i]);
}
END_TEST

TCase *
smtp_client_session_case(void)
{
    TCase *tests = tcase_create("smtp_client_session");

    tcase_add_loop_test(tests, what_is_sent_arrives, 0, 4);
    return tests;
}
