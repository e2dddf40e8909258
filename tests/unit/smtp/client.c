/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client against scripted servers. The script lies ready in a socket pair that keeps
 * the borders of messages: each read of the client gets one piece, and each of its writes
 * is seen as one.
 */
#include "smtp/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { SCRIPT_PIECES = 12, RECIPIENTS = 4 };

static const struct smtp_timeouts quick = {
    .greeting = 2000,
    .hello = 2000,
    .mail = 2000,
    .recipient = 2000,
    .data = 2000,
    .text = 2000,
    .end = 2000,
    .quit = 50,
};

/* --- the peer --- */

static struct connection *
peer_open(int *peer, const char *const *script)
{
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    for (size_t i = 0; script[i] != NULL; i++)
        ck_assert_int_ge(send(ends[1], script[i], strlen(script[i]), 0), 0);
    /* Nothing more will come. */
    ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
    *peer = ends[1];
    return connection_from(ends[0]);
}

/* All that the client wrote, a '|' after each write. */
static const char *
peer_heard(int peer, struct arena *arena)
{
    struct text heard = text_new(arena);
    static char buffer[256 * 1024];
    ssize_t got;

    while ((got = recv(peer, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        text_add_span(&heard, (struct span){buffer, (size_t)got});
        text_add_byte(&heard, '|');
    }
    return text_string(&heard);
}

/* --- the content --- */

struct pieces {
    struct span text;
    size_t at, step;
    size_t fail_at; /* the reader breaks there; 0: never */
};

static bool
pieces_read(void *context, struct span *piece, struct error *error)
{
    struct pieces *pieces = context;

    if (pieces->fail_at > 0 && pieces->at >= pieces->fail_at)
        return fail_permanent(error, "5.3.0", "spool is gone");
    *piece = span_first(span_from(pieces->text, pieces->at), pieces->step);
    pieces->at += piece->length;
    return true;
}

static void
pieces_rewind(void *context)
{
    struct pieces *pieces = context;

    pieces->at = 0;
}

/* --- one delivery --- */

struct delivery {
    struct arena *arena;
    struct envelope envelope;
    struct pieces pieces;
    struct smtp_recipient recipients[RECIPIENTS];
    struct smtp_transaction transaction;
    struct smtp_client *client;
    int peer;
};

static struct delivery *
delivery_new(const char *text, size_t recipients)
{
    static const char *const paths[RECIPIENTS] = {"a@x.example", "b@x.example",
                                                  "c@x.example", "d@x.example"};
    struct delivery *delivery = memory_alloc(sizeof *delivery);

    delivery->arena = arena_new();
    delivery->envelope = envelope_new();
    delivery->pieces = (struct pieces){.text = span_of(text), .step = 7};
    for (size_t i = 0; i < RECIPIENTS; i++)
        delivery->recipients[i].path = paths[i];
    delivery->transaction = (struct smtp_transaction){
        .reverse_path = "s@y.example",
        .envelope = &delivery->envelope,
        .recipients = delivery->recipients,
        .recipient_count = recipients,
        .content = {.context = &delivery->pieces,
                    .read = pieces_read,
                    .rewind = pieces_rewind,
                    .size = delivery->pieces.text.length},
        .arena = delivery->arena,
    };
    return delivery;
}

static void
delivery_open(struct delivery *delivery, const char *const *script)
{
    struct error error = {0};
    struct connection *connection = peer_open(&delivery->peer, script);

    ck_assert_msg(
        smtp_client_open(connection, "y.example", &quick, &delivery->client, &error),
        "%s", error.text);
}

static void
delivery_free(struct delivery *delivery)
{
    smtp_client_close(delivery->client);
    close(delivery->peer);
    arena_free(delivery->arena);
    free(delivery);
}

/* "R151" for each recipient: R relayed, D deferred, F failed, and the error's number. */
static const char *
delivery_results(const struct delivery *delivery)
{
    struct text text = text_new(delivery->arena);

    for (size_t i = 0; i < delivery->transaction.recipient_count; i++) {
        const struct smtp_recipient *recipient = &delivery->recipients[i];

        text_add_format(&text, "%s%c%d", i > 0 ? " " : "",
                        recipient->outcome == OUTCOME_RELAYED    ? 'R'
                        : recipient->outcome == OUTCOME_DEFERRED ? 'D'
                                                                 : 'F',
                        recipient->error.number);
        ck_assert(recipient->outcome == OUTCOME_RELAYED ||
                  recipient->error.permanent == (recipient->outcome == OUTCOME_FAILED));
        ck_assert(recipient->outcome == OUTCOME_RELAYED ||
                  recipient->error.status[0] != '\0');
    }
    return text_string(&text);
}

#define GREET "220 x.example ESMTP\r\n"
#define PLAIN "250 x.example\r\n"
#define PIPE                                                                             \
    "250-x.example hello\r\n250-SIZE 1000000\r\n250-8bitmime\r\n250 PIPELINING\r\n"
#define CHUNK "250-x.example\r\n250-PIPELINING\r\n250-DSN\r\n250 CHUNKING\r\n"
#define OK "250 2.0.0 ok\r\n"
#define GO "354 go\r\n"

/* --- opening --- */

START_TEST(opening_gives_each_server_what_it_understands)
{
    static const struct {
        const char *script[5];
        const char *heard;
        bool opened, permanent, hung_up;
        int number;
    } rows[] = {
        {{GREET, PIPE}, "EHLO y.example\r\n|", true, false, false, 0},
        {{GREET, "502 what?\r\n", PLAIN},
         "EHLO y.example\r\n|HELO y.example\r\n|",
         true,
         false,
         false,
         0},
        {{"220-many\r\n220-lines\r\n220 x.example\r\n", PLAIN},
         "EHLO y.example\r\n|",
         true,
         false,
         false,
         0},
        {{"220\r\n", "250\r\n"}, "EHLO y.example\r\n|", true, false, false, 0},
        {{NULL}, "", false, false, false, 172},
        {{"220 x.exam"}, "", false, false, false, 172},
        {{"421 busy\r\n"}, "", false, false, false, 149},
        {{"450 busy\r\n"}, "", false, false, false, 149},
        {{"554 no mail here\r\n"}, "", false, true, false, 149},
        {{"SSH-2.0-OpenSSH_9\r\n"}, "", false, false, false, 172},
        {{"200 ok\r\n"}, "", false, false, false, 149},
        {{GREET, NULL}, "EHLO y.example\r\n|", false, false, true, 150},
        {{GREET, "421 no\r\n"}, "EHLO y.example\r\n|", false, false, false, 150},
        {{GREET, "451 no\r\n"}, "EHLO y.example\r\n|", false, false, false, 150},
        {{GREET, "500 no\r\n", "550 no\r\n"},
         "EHLO y.example\r\n|HELO y.example\r\n|",
         false,
         false,
         false,
         150},
        {{GREET, "500 no\r\n", NULL},
         "EHLO y.example\r\n|HELO y.example\r\n|",
         false,
         false,
         true,
         150},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arena *arena = arena_new();
        struct error error = {0};
        struct smtp_client *client = NULL;
        int peer;
        bool opened = smtp_client_open(peer_open(&peer, rows[i].script), "y.example",
                                       &quick, &client, &error);

        ck_assert_msg(opened == rows[i].opened, "row %zu: %s", i, error.text);
        ck_assert_str_eq(peer_heard(peer, arena), rows[i].heard);
        if (!opened) {
            ck_assert_int_eq(error.number, rows[i].number);
            ck_assert_int_eq(error.permanent, rows[i].permanent);
            ck_assert_msg(smtp_client_hung_up(&error) == rows[i].hung_up, "row %zu", i);
        }
        smtp_client_close(client);
        close(peer);
        arena_free(arena);
    }
}
END_TEST

START_TEST(extensions_are_what_ehlo_said)
{
    static const char *const script[] = {
        "220 mx.x.example <b>\r\n",
        "250-SMTPUTF8\r\n250-size 4096\r\n250-PipeLining\r\n250-DSN "
        "extra\r\n250-8BITMIMEX\r\n"
        "250-XSMAIL 1\r\n250-\r\n250 enhancedstatuscodes\r\n",
        NULL};
    const struct smtp_extensions *offered;
    struct smtp_client *client;
    struct error error = {0};
    int peer;

    ck_assert(smtp_client_open(peer_open(&peer, script), "y", &quick, &client, &error));
    offered = smtp_client_extensions(client);
    ck_assert(offered->esmtp && offered->pipelining && offered->dsn && offered->enhanced);
    ck_assert(offered->size && offered->size_limit == 4096 && offered->xsmail);
    /* The first line is a name, and a longer word is another word. */
    ck_assert(!offered->smtputf8 && !offered->eight_bit && !offered->chunking);
    ck_assert_str_eq(smtp_client_server(client), "mx.x.example");
    smtp_client_close(client);
    close(peer);
}
END_TEST

/* --- transactions --- */

#define MAIL "MAIL FROM:<s@y.example>\r\n"
#define RCPT_A "RCPT TO:<a@x.example>\r\n"
#define RCPT_B "RCPT TO:<b@x.example>\r\n"
#define RCPT_C "RCPT TO:<c@x.example>\r\n"
#define TEXT "A: b\r\n\r\n.dot\r\nend\r\n"
#define STUFFED "A: b\r\n\r\n..dot\r\nend\r\n.\r\n"
#define HELLO "EHLO y.example\r\n|"

static const struct {
    const char *script[SCRIPT_PIECES];
    size_t recipients;
    const char *results;
    bool usable;
    const char *heard;
} transactions[] = {
    /* nothing offered: one command at a time */
    {{GREET, PLAIN, OK, OK, OK, GO, OK},
     2,
     "R0 R0",
     true,
     HELLO MAIL "|" RCPT_A "|" RCPT_B "|DATA\r\n|" STUFFED "|"},
    /* PIPELINING: two writes */
    {{GREET, PIPE, OK OK OK GO, OK},
     2,
     "R0 R0",
     true,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A RCPT_B "DATA\r\n|" STUFFED "|"},
    /* ... however the replies are cut */
    {{GREET, PIPE, "250 2.0.0 o", "k\r\n250 ok\r", "\n250 ok\r\n354 go\r\n", OK},
     2,
     "R0 R0",
     true,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A RCPT_B "DATA\r\n|" STUFFED "|"},
    /* CHUNKING as well: one */
    {{GREET, CHUNK, OK OK OK OK},
     2,
     "R0 R0",
     true,
     HELLO MAIL RCPT_A RCPT_B "BDAT 19 LAST\r\n" TEXT "|"},
    /* each recipient its own result (C7) */
    {{GREET, PIPE, OK OK "550 5.1.1 who?\r\n450 4.2.0 later\r\n354 go\r\n", OK},
     3,
     "R0 F156 D151",
     true,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A RCPT_B RCPT_C "DATA\r\n|" STUFFED
           "|"},
    {{GREET, CHUNK, OK OK "550 5.1.1 who?\r\n450 4.2.0 later\r\n" OK},
     3,
     "R0 F156 D151",
     true,
     HELLO MAIL RCPT_A RCPT_B RCPT_C "BDAT 19 LAST\r\n" TEXT "|"},
    {{GREET, PLAIN, OK, OK, "452 4.5.3 too many\r\n", "552 too many\r\n", GO, OK},
     3,
     "R0 D151 D153",
     true,
     HELLO MAIL "|" RCPT_A "|" RCPT_B "|" RCPT_C "|DATA\r\n|" STUFFED "|"},
    /* nobody left: no text; 354 all the same wants an end (RFC 2920 3.1) */
    {{GREET, PLAIN, OK, "550 no\r\n", "551 no\r\n"},
     2,
     "F156 F156",
     true,
     HELLO MAIL "|" RCPT_A "|" RCPT_B "|"},
    {{GREET, PIPE, OK "550 no\r\n554 no valid recipients\r\n"},
     1,
     "F156",
     true,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A "DATA\r\n|"},
    {{GREET, PIPE, OK "550 no\r\n354 go\r\n", "554 nobody\r\n"},
     1,
     "F156",
     true,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A "DATA\r\n|.\r\n|"},
    {{GREET, CHUNK, OK "550 no\r\n503 no recipients\r\n"},
     1,
     "F156",
     true,
     HELLO MAIL RCPT_A "BDAT 19 LAST\r\n" TEXT "|"},
    /* a 250 for a text without recipients delivers nothing */
    {{GREET, CHUNK, OK "550 no\r\n" OK},
     1,
     "F156",
     true,
     HELLO MAIL RCPT_A "BDAT 19 LAST\r\n" TEXT "|"},
    /* the sender refused: what follows in the pipeline is noise */
    {{GREET, PIPE, "550 5.7.1 not you\r\n503 no\r\n503 no\r\n503 no\r\n"},
     2,
     "F152 F152",
     true,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A RCPT_B "DATA\r\n|"},
    {{GREET, PIPE, "552 5.3.4 too big\r\n"},
     2,
     "F152 F152",
     false,
     HELLO "MAIL FROM:<s@y.example> SIZE=19\r\n" RCPT_A RCPT_B "DATA\r\n|"},
    {{GREET, PLAIN, "451 later\r\n"}, 2, "D151 D151", true, HELLO MAIL "|"},
    /* DATA and the text refused */
    {{GREET, PLAIN, OK, OK, "451 no\r\n"},
     1,
     "D151",
     true,
     HELLO MAIL "|" RCPT_A "|DATA\r\n|"},
    {{GREET, PLAIN, OK, OK, "554 no\r\n"},
     1,
     "F152",
     true,
     HELLO MAIL "|" RCPT_A "|DATA\r\n|"},
    {{GREET, PIPE, OK OK GO, "554 5.7.1 spam\r\n"}, 1, "F152", true, NULL},
    {{GREET, PIPE, OK OK GO, "451 4.3.0 oops\r\n"}, 1, "D151", true, NULL},
    {{GREET, PIPE, OK OK GO, "552 5.2.2 full\r\n"}, 1, "D153", true, NULL},
    {{GREET, PIPE, OK OK GO, "552 5.3.4 too big\r\n"}, 1, "F152", true, NULL},
    {{GREET, CHUNK, OK OK "552 5.2.2 full\r\n"}, 1, "D153", true, NULL},
    /* going away, at each stage (C5) */
    {{GREET, PLAIN, "421 bye\r\n"}, 2, "D151 D151", false, HELLO MAIL "|"},
    {{GREET, PLAIN, OK, OK, "421 bye\r\n"}, 2, "D151 D151", false, NULL},
    {{GREET, PIPE, OK OK "421 bye\r\n"}, 2, "D151 D151", false, NULL},
    {{GREET, PIPE, OK OK OK "421 bye\r\n"}, 2, "D151 D151", false, NULL},
    {{GREET, PIPE, OK OK OK GO, "421 bye\r\n"}, 2, "D151 D151", false, NULL},
    {{GREET, PLAIN}, 2, "D151 D151", false, NULL},
    {{GREET, PLAIN, OK}, 2, "D151 D151", false, NULL},
    {{GREET, PLAIN, OK, OK}, 2, "D151 D151", false, NULL},
    {{GREET, PLAIN, OK, OK, OK}, 2, "D151 D151", false, NULL},
    {{GREET, PLAIN, OK, OK, OK, GO}, 2, "D151 D151", false, NULL},
    {{GREET, PIPE, OK "550 no\r\n"}, 2, "F156 D151", false, NULL},
    {{GREET, PIPE, OK "550 no\r\n" OK GO "250"}, 2, "F156 D151", false, NULL},
    {{GREET, CHUNK, OK OK OK "250-half\r\n"}, 2, "D151 D151", false, NULL},
    /* what is no SMTP */
    {{GREET, PLAIN, "hello?\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "2500 ok\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "99 ok\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "150 ok\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "650 ok\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "-50 ok\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "25\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, "354 go\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, OK, "354 go\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, OK, OK, OK}, 1, "D151", false, NULL},
    {{GREET, PLAIN, OK, OK, GO, GO}, 1, "D151", false, NULL},
    /* yes and no in one reply */
    {{GREET, PLAIN, OK, OK, GO, "550-no\r\n250 yes\r\n"}, 1, "D151", false, NULL},
    {{GREET, PLAIN, OK, OK, GO, "250-yes\r\n550 no\r\n"}, 1, "D151", false, NULL},
    /* ... but other codes of one class are that class */
    {{GREET, PLAIN, OK, "251-moved\r\n250 ok\r\n", GO, OK}, 1, "R0", true, NULL},
    /* an answer before the question */
    {{GREET, PLAIN OK OK}, 1, "D151", false, HELLO},
    {{GREET, PLAIN, OK, OK, GO OK}, 1, "D151", false, NULL},
};

START_TEST(transaction_gives_each_recipient_its_result)
{
    for (size_t i = 0; i < sizeof transactions / sizeof *transactions; i++) {
        struct delivery *delivery = delivery_new(TEXT, transactions[i].recipients);
        bool usable;

        delivery_open(delivery, transactions[i].script);
        usable = smtp_client_send(delivery->client, &delivery->transaction);
        ck_assert_msg(strcmp(delivery_results(delivery), transactions[i].results) == 0,
                      "row %zu: %s, not %s", i, delivery_results(delivery),
                      transactions[i].results);
        ck_assert_msg(usable == transactions[i].usable, "row %zu: usable %d", i, usable);
        if (transactions[i].heard != NULL) {
            const char *heard = peer_heard(delivery->peer, delivery->arena);

            ck_assert_msg(strcmp(heard, transactions[i].heard) == 0, "row %zu: %s", i,
                          heard);
        }
        delivery_free(delivery);
    }
}
END_TEST

START_TEST(what_is_in_doubt_is_said)
{
    static const struct {
        const char *script[8];
        bool in_doubt;
    } rows[] = {
        {{GREET, PIPE, OK OK}, false},
        {{GREET, PIPE, OK OK GO}, true},
        {{GREET, PIPE, OK OK GO, "451 no\r\n"}, false},
        {{GREET, PIPE, OK "450 no\r\n" GO, "250 ok\r\n"}, false},
        {{GREET, CHUNK, OK OK}, true},
        {{GREET, CHUNK, OK "450 no\r\n"}, false},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct delivery *delivery = delivery_new(TEXT, 1);

        delivery_open(delivery, rows[i].script);
        smtp_client_send(delivery->client, &delivery->transaction);
        ck_assert(delivery->recipients[0].outcome == OUTCOME_DEFERRED);
        ck_assert_msg(delivery->recipients[0].in_doubt == rows[i].in_doubt, "row %zu", i);
        delivery_free(delivery);
    }
}
END_TEST

START_TEST(kept_connection_takes_the_next_message)
{
    static const char *const script[] = {
        GREET, CHUNK, OK OK OK, OK "550 no\r\n503 no\r\n", OK, OK OK OK, NULL};
    struct delivery *delivery = delivery_new("hi\r\n", 1);

    delivery_open(delivery, script);
    for (int i = 0; i < 3; i++) {
        ck_assert(smtp_client_send(delivery->client, &delivery->transaction));
        ck_assert_str_eq(delivery_results(delivery), i == 1 ? "F156" : "R0");
        ck_assert(!smtp_client_was_silent(delivery->client));
    }
    /* Only what was left open is reset. */
    ck_assert_str_eq(peer_heard(delivery->peer, delivery->arena),
                     HELLO MAIL RCPT_A "BDAT 4 LAST\r\nhi\r\n|" MAIL RCPT_A
                                       "BDAT 4 LAST\r\nhi\r\n|RSET\r\n|" MAIL RCPT_A
                                       "BDAT 4 LAST\r\nhi\r\n|");
    /* Closed by the server meanwhile: nothing was said, so it may be said again. */
    ck_assert(!smtp_client_send(delivery->client, &delivery->transaction));
    ck_assert(smtp_client_was_silent(delivery->client));
    delivery_free(delivery);
}
END_TEST

START_TEST(parameters_go_only_where_offered)
{
    static const struct {
        const char *hello, *heard;
    } rows[] = {
        {"250-x\r\n250-DSN\r\n250-SIZE\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
         "MAIL FROM:<s@y.example> SIZE=4 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb\r\n|"
         "RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+3Db@x\r\n|"},
        {"250-x\r\n250 SMTPUTF8\r\n",
         "MAIL FROM:<s@y.example> SMTPUTF8\r\n|RCPT TO:<a@x.example>\r\n|"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const script[] = {GREET, rows[i].hello, OK, OK, NULL};
        struct delivery *delivery = delivery_new("hi\r\n", 1);
        const char *heard;

        delivery->envelope.ret = RETURN_HEADERS;
        delivery->envelope.envelope_id = "a+b";
        delivery->envelope.eight_bit = true;
        delivery->transaction.smtputf8 = true;
        delivery->recipients[0].notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
        delivery->recipients[0].original = "rfc822;a=b@x";
        delivery_open(delivery, script);
        ck_assert(!smtp_client_send(delivery->client, &delivery->transaction));
        heard = peer_heard(delivery->peer, delivery->arena) + strlen(HELLO);
        ck_assert_msg(strncmp(heard, rows[i].heard, strlen(rows[i].heard)) == 0, "%s",
                      heard);
        delivery_free(delivery);
    }
}
END_TEST

START_TEST(what_cannot_be_sent_is_not_tried)
{
    static const char *const script[] = {GREET, "250-x\r\n250 SIZE 10\r\n", NULL};
    static const struct {
        const char *reverse_path, *path, *status;
        bool smtputf8, require_tls;
        uint64_t size;
    } rows[] = {
        {"s@y", "a@x", "5.6.7", true, false, 4},
        {"s@y", "a@x", "5.3.4", false, false, 11},
        {"s@y", "a@x", "5.7.30", false, true, 4},
        {"s@y> SIZE=1", "a@x", "5.1.7", false, false, 4},
        {"s\r\nRSET", "a@x", "5.1.7", false, false, 4},
        {"s@y", "a\nDATA", "5.1.3", false, false, 4},
        {"s@y", "a@x> NOTIFY=NEVER", "5.1.3", false, false, 4},
        {"s@y", "\"a\\\"> b@x", "5.1.3", false, false, 4},
        {"s@y", "\xc3\xa4@x", "5.1.3", false, false, 4},
        {"", "a\x7f@x", "5.1.3", false, false, 4},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct delivery *delivery = delivery_new("hi\r\n", 1);

        delivery_open(delivery, script);
        delivery->transaction.reverse_path = rows[i].reverse_path;
        delivery->transaction.smtputf8 = rows[i].smtputf8;
        delivery->transaction.content.size = rows[i].size;
        delivery->envelope.require_tls = rows[i].require_tls;
        delivery->recipients[0].path = rows[i].path;
        ck_assert(smtp_client_send(delivery->client, &delivery->transaction));
        ck_assert(delivery->recipients[0].outcome == OUTCOME_FAILED);
        ck_assert_str_eq(delivery->recipients[0].error.status, rows[i].status);
        ck_assert_str_eq(peer_heard(delivery->peer, delivery->arena), HELLO);
        delivery_free(delivery);
    }
}
END_TEST

START_TEST(unreadable_text_never_ends_properly)
{
    static const char *const scripts[][6] = {{GREET, PIPE, OK OK GO, OK, NULL},
                                             {GREET, CHUNK, OK OK OK, NULL}};

    for (size_t i = 0; i < 4; i++) {
        struct delivery *delivery = delivery_new("Subject: x\r\n\r\nbody\r\n", 1);
        const char *heard;

        if (i < 2)
            delivery->pieces.fail_at = 14;
        else
            delivery->transaction.content.size++; /* shorter than was said */
        delivery_open(delivery, scripts[i % 2]);
        ck_assert(!smtp_client_send(delivery->client, &delivery->transaction));
        ck_assert_str_eq(delivery_results(delivery), "D155");
        smtp_client_close(delivery->client);
        delivery->client = NULL;
        heard = peer_heard(delivery->peer, delivery->arena);
        ck_assert_msg(strstr(heard, "\r\n.\r\n") == NULL &&
                          strstr(heard, "LAST") == NULL && strstr(heard, "QUIT") == NULL,
                      "%s", heard);
        delivery_free(delivery);
    }
}
END_TEST

START_TEST(many_recipients_go_in_windows)
{
    enum { COUNT = 250 };
    struct delivery *delivery = delivery_new("hi\r\n", 1);
    struct text replies[3];
    const char *script[8] = {GREET, CHUNK};
    size_t relayed = 0;

    for (size_t i = 0; i < 3; i++) {
        replies[i] = text_new(delivery->arena);
        if (i == 0)
            text_add(&replies[i], OK);
        for (size_t j = 0; j < (i < 2 ? 100 : 50); j++)
            text_add(&replies[i], j == 7 ? "452 too many\r\n" : OK);
        script[2 + i] = text_string(&replies[i]);
    }
    script[5] = OK; /* to BDAT, which is not hurried here */
    delivery->transaction.recipients =
        arena_array(delivery->arena, COUNT, sizeof *delivery->transaction.recipients);
    delivery->transaction.recipient_count = COUNT;
    for (size_t i = 0; i < COUNT; i++)
        delivery->transaction.recipients[i].path =
            arena_format(delivery->arena, "r%zu@x.example", i);
    delivery_open(delivery, script);
    ck_assert(smtp_client_send(delivery->client, &delivery->transaction));
    for (size_t i = 0; i < COUNT; i++)
        relayed += delivery->transaction.recipients[i].outcome == OUTCOME_RELAYED;
    ck_assert_uint_eq(relayed, COUNT - 3);
    delivery_free(delivery);
}
END_TEST

/* RFC 2033: a reply to the text for each recipient that was accepted. */
START_TEST(lmtp_answers_each_recipient)
{
    static const struct {
        const char *script[6], *results;
        bool usable;
    } rows[] = {
        {{GREET, PIPE, OK OK "550 no\r\n" OK GO, OK "452 4.2.2 full\r\n"},
         "R0 F156 D151",
         true},
        {{GREET, PIPE, OK OK OK OK GO, "550 5.2.1 no\r\n" OK}, "F152 R0 D151", false},
        {{GREET, PIPE, OK "550 no\r\n550 no\r\n550 no\r\n503 no\r\n"},
         "F156 F156 F156",
         true},
        {{GREET, PIPE, OK "550 no\r\n550 no\r\n550 no\r\n" GO}, "F156 F156 F156", true},
        {{GREET, CHUNK, OK OK OK OK OK OK OK}, "R0 R0 R0", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct delivery *delivery = delivery_new("hi\r\n", 3);
        struct connection *connection = peer_open(&delivery->peer, rows[i].script);
        struct error error = {0};

        ck_assert(smtp_client_open_lmtp(connection, "y.example", &quick,
                                        &delivery->client, &error));
        ck_assert_msg(smtp_client_send(delivery->client, &delivery->transaction) ==
                          rows[i].usable,
                      "row %zu", i);
        ck_assert_msg(strcmp(delivery_results(delivery), rows[i].results) == 0,
                      "row %zu: %s", i, delivery_results(delivery));
        ck_assert_int_eq(strncmp(peer_heard(delivery->peer, delivery->arena),
                                 "LHLO y.example\r\n|MAIL", 21),
                         0);
        delivery_free(delivery);
    }
}
END_TEST

/* C5: after the last 250 nothing takes the delivery back. */
START_TEST(quit_may_fail)
{
    static const char *const script[] = {GREET, PLAIN, OK, OK, GO, OK, NULL};
    struct delivery *delivery = delivery_new("hi\r\n", 1);

    delivery_open(delivery, script);
    ck_assert(smtp_client_send(delivery->client, &delivery->transaction));
    close(delivery->peer);
    smtp_client_close(delivery->client);
    delivery->client = NULL;
    delivery->peer = -1;
    ck_assert_str_eq(delivery_results(delivery), "R0");
    ck_assert_str_eq(delivery->recipients[0].reply.text, "2.0.0 ok");
    delivery_free(delivery);
}
END_TEST

START_TEST(goodbye_is_said_to_who_listens)
{
    static const char replies[] = GREET PLAIN;
    struct arena *arena = arena_new();
    struct smtp_client *client;
    struct error error = {0};
    int ends[2];
    int64_t before;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(send(ends[1], replies, sizeof replies - 1, 0), sizeof replies - 1);
    ck_assert(
        smtp_client_open(connection_from(ends[0]), "y.example", &quick, &client, &error));
    before = clock_monotonic();
    smtp_client_close(client); /* and the answer is not waited for too long */
    ck_assert_int_lt(clock_monotonic() - before, 1000);
    ck_assert_str_eq(peer_heard(ends[1], arena), "EHLO y.example\r\nQUIT\r\n|");
    close(ends[1]);
    arena_free(arena);
}
END_TEST

START_TEST(commands_cannot_hold_lines)
{
    static const char *const script[] = {GREET, PLAIN, OK, NULL};
    struct delivery *delivery = delivery_new("", 1);
    struct smtp_reply reply;
    struct error error = {0};

    delivery_open(delivery, script);
    ck_assert(!smtp_client_command(delivery->client, delivery->arena, &reply, &error,
                                   "XCTL %s", "a\r\nQUIT"));
    ck_assert(error.permanent);
    ck_assert(smtp_client_command(delivery->client, delivery->arena, &reply, &error,
                                  "XCTL %s", "a"));
    ck_assert_int_eq(reply.code, 250);
    ck_assert_str_eq(peer_heard(delivery->peer, delivery->arena), HELLO "XCTL a\r\n|");
    delivery_free(delivery);
}
END_TEST

TCase *
smtp_client_case(void)
{
    TCase *tests = tcase_create("smtp_client");

    tcase_add_test(tests, opening_gives_each_server_what_it_understands);
    tcase_add_test(tests, extensions_are_what_ehlo_said);
    tcase_add_test(tests, transaction_gives_each_recipient_its_result);
    tcase_add_test(tests, what_is_in_doubt_is_said);
    tcase_add_test(tests, kept_connection_takes_the_next_message);
    tcase_add_test(tests, parameters_go_only_where_offered);
    tcase_add_test(tests, what_cannot_be_sent_is_not_tried);
    tcase_add_test(tests, unreadable_text_never_ends_properly);
    tcase_add_test(tests, many_recipients_go_in_windows);
    tcase_add_test(tests, lmtp_answers_each_recipient);
    tcase_add_test(tests, quit_may_fail);
    tcase_add_test(tests, goodbye_is_said_to_who_listens);
    tcase_add_test(tests, commands_cannot_hold_lines);
    return tests;
}
