/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of a message: where it ends, what it may hold, what the host gets of it. */
#include "smtp/session_state.h"

#include <string.h>

#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

#define SENT(literal)                                                                    \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }
#define OPEN "MAIL FROM:<>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n"
#define FIELDS                                                                           \
    "Message-Id: <i@x>\r\nDate: Sun, 24 Apr 1994 07:12:04 +0200\r\nFrom: a@b.test\r\n"
#define HEAD FIELDS "\r\n"

/* What stands between two lines of a text, and what comes of it from a stranger. */
static const struct {
    struct span sent;
    int code; /* 250: it was text as any other */
} smuggled[] = {
    {SENT("\n.\n"), 550},         {SENT("\n.\r\n"), 550},     {SENT("\r\n.\n"), 550},
    {SENT("\r.\r"), 550},         {SENT("\r.\n"), 550},       {SENT("\r.\r\n"), 550},
    {SENT("\n.\r"), 550},         {SENT("\r\n.\rx"), 550},    {SENT("\r\n.\r\r\n"), 550},
    {SENT("\r\r\n.\r\r\n"), 550}, {SENT("\r\n\0.\r\n"), 550}, {SENT("\r\n.\0\r\n"), 550},
    {SENT("\r\n. \r\n"), 250},    {SENT("\r\n.\t\r\n"), 250}, {SENT("\r\n..\r\n"), 250},
};

/* The codes of a text, and what came: what was accepted or given up. */
static void
check_smuggled(enum dialogue_peer peer, size_t i, int piece, int code)
{
    struct dialogue *dialogue = dialogue_new(peer);
    struct text text = text_new(dialogue->arena);

    text_add(&text, OPEN HEAD "before");
    text_add_span(&text, smuggled[i].sent);
    text_add(&text, "MAIL FROM:<>\r\nRCPT TO:<v@local.test>\r\nDATA\r\n"
                    "Subject: smuggled\r\n\r\nx\r\n.\r\nNOOP\r\n");
    dialogue_send(dialogue, text_span(&text), piece);
    ck_assert_msg(strcmp(dialogue_codes(dialogue),
                         arena_format(dialogue->arena, "220 250 250 354 %d 250", code)) ==
                      0,
                  "row %zu, pieces %d: %s", i, piece, dialogue_codes(dialogue));
    ck_assert_int_eq(dialogue->aborted, code != 250);
    ck_assert_uint_eq(dialogue->message_count, code == 250);
    dialogue_free(dialogue);
}

START_TEST(only_crlf_dot_crlf_ends_a_text)
{
    for (size_t i = 0; i < sizeof(smuggled) / sizeof(smuggled[0]); i++) {
        bool nul = memchr(smuggled[i].sent.bytes, '\0', smuggled[i].sent.length) != NULL;

        for (int piece = -9; piece < 9; piece += 2) {
            check_smuggled(PEER_STRANGER, i, piece, smuggled[i].code);
            check_smuggled(PEER_FRIEND, i, piece, nul ? 550 : 250);
            check_smuggled(PEER_TRUSTED, i, piece, nul ? 550 : 250);
        }
    }
}
END_TEST

/* What is sent behind DATA, and the content that the host gets. */
static const struct {
    enum dialogue_peer peer;
    struct span sent, content;
} contents[] = {
    /* dots, RFC 5321 4.5.2 */
    {PEER_STRANGER, SENT(HEAD "..one\r\n...two\r\n..\r\nfour\r\n.\r\n"),
     SENT(HEAD ".one\r\n..two\r\n.\r\nfour\r\n")},
    {PEER_STRANGER, SENT(HEAD ".x\r\n.\r\n"), SENT(HEAD "x\r\n")},
    {PEER_STRANGER, SENT(HEAD "a.\r\n.\r\n"), SENT(HEAD "a.\r\n")},
    {PEER_STRANGER, SENT(HEAD "\r\n\r\n.\r\n"), SENT(HEAD "\r\n\r\n")},
    {PEER_STRANGER, SENT(HEAD "\xe9\xff\r\n.\r\n"), SENT(HEAD "\xe9\xff\r\n")},
    /* a header without a body, without an empty line, with a line that is no field */
    {PEER_STRANGER, SENT(FIELDS ".\r\n"), SENT(HEAD)},
    {PEER_STRANGER, SENT(HEAD ".\r\n"), SENT(HEAD)},
    {PEER_STRANGER, SENT(FIELDS "no field\r\nX: y\r\n.\r\n"),
     SENT(HEAD "no field\r\nX: y\r\n")},
    {PEER_STRANGER, SENT(FIELDS "X: y\r\n folded\r\n\tagain\r\n\r\nz\r\n.\r\n"),
     SENT(FIELDS "X: y\r\n folded\r\n\tagain\r\n\r\nz\r\n")},
    /* a line of an mbox or of UUCP is no part of the message */
    {PEER_STRANGER, SENT("From x@y Thu Jan  1 00:00:00 1970\r\n" HEAD "z\r\n.\r\n"),
     SENT(HEAD "z\r\n")},
    {PEER_STRANGER, SENT(HEAD "From x@y Thu Jan  1 00:00:00 1970\r\n.\r\n"),
     SENT(HEAD "From x@y Thu Jan  1 00:00:00 1970\r\n")},
    /* line ends of friends become whole; a dot behind a bare LF is one of the text */
    {PEER_FRIEND, SENT(HEAD "a\nb\rc\r\r\nd\n\r\n.\r\n"),
     SENT(HEAD "a\r\nb\r\nc\r\n\r\nd\r\n\r\n")},
    {PEER_FRIEND, SENT(HEAD "a\n.\nb\r\n.\r\n"), SENT(HEAD "a\r\n.\r\nb\r\n")},
    {PEER_FRIEND, SENT(HEAD "a\r\n.\nb\r\n.\r\n"), SENT(HEAD "a\r\n\r\nb\r\n")},
    {PEER_FRIEND, SENT("X: y\n" FIELDS "\nz\r\n.\r\n"), SENT("X: y\r\n" HEAD "z\r\n")},
};

static void
check_content(size_t i, int piece)
{
    struct dialogue *dialogue = dialogue_new(contents[i].peer);
    struct span got;

    dialogue_send(dialogue, SPAN(OPEN), 0);
    dialogue_send(dialogue, contents[i].sent, piece);
    ck_assert_msg(dialogue->message_count == 1, "row %zu: %s", i,
                  text_string(&dialogue->output));
    got = text_span(&dialogue->messages[0].content);
    ck_assert_msg(span_equal(got, contents[i].content), "row %zu, pieces %d: %s", i,
                  piece, got.bytes);
    ck_assert_uint_eq(dialogue->messages[0].envelope.size, got.length);
    ck_assert_uint_eq(dialogue->messages[0].envelope.header_size, header_length(got));
    dialogue_free(dialogue);
}

START_TEST(the_content_arrives_octet_for_octet)
{
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
        for (int piece = -11; piece < 6; piece++)
            check_content(i, piece);
}
END_TEST

START_TEST(missing_fields_are_added_in_front)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    const struct envelope *envelope = &dialogue->messages[0].envelope;
    struct span content;
    struct field field;

    dialogue_send(dialogue, SPAN(OPEN "Subject: x\r\nPrecedence: bulk\r\n\r\ny\r\n.\r\n"),
                  0);
    ck_assert_uint_eq(dialogue->message_count, 1);
    content = text_span(&dialogue->messages[0].content);
    ck_assert(header_find(content, "Message-Id", 0, &field));
    ck_assert(header_find(content, "Date", 0, &field));
    ck_assert(span_ends_nocase(content, "Subject: x\r\nPrecedence: bulk\r\n\r\ny\r\n"));
    ck_assert_str_eq(envelope->message_id, "<m0abcde-000001C@host.test>");
    ck_assert_int_eq(envelope->grade, 'n');
    dialogue_free(dialogue);
}
END_TEST

START_TEST(an_empty_text_is_a_message)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue_send(dialogue, SPAN(OPEN ".\r\nNOOP\r\n"), 0);
    ck_assert_str_eq(dialogue_codes(dialogue), "220 250 250 354 250 250");
    dialogue_free(dialogue);
}
END_TEST

/* `count` times `line`, then the end. */
static struct dialogue *
send_many(const char *head, const char *line, size_t count, const char *tail, int piece)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    struct text text = text_new(dialogue->arena);

    text_add(&text, head);
    for (size_t i = 0; i < count; i++)
        text_add(&text, line);
    text_add(&text, tail);
    dialogue_send(dialogue, SPAN(OPEN), 0);
    dialogue_send(dialogue, text_span(&text), piece);
    dialogue_send(dialogue, SPAN("RCPT TO:<u@local.test>\r\nNOOP\r\n"), 0);
    return dialogue;
}

START_TEST(limits_refuse_at_the_end_of_the_text_and_forget_the_transaction)
{
    static const struct {
        const char *head, *line;
        size_t count;
        const char *tail, *reply;
    } limits[] = {
        {HEAD, "0123456789\r\n", 10000, ".\r\n", "552 5.3.4"},
        {HEAD, "0123456789", 7000, "\r\n.\r\n", "550 5.6.0"},
        {"X: ", "0123456789\r\n ", 6000, "y\r\n\r\n.\r\n", "552 5.3.4"},
        {"", "X-1: y\r\n", 9000, "\r\n.\r\n", "552 5.3.4"},
        {"", "Received: from a by b\r\n", 100, "\r\n.\r\n", "554 5.4.6"},
        {"", "Received: from a by b\r\n", 99, "\r\n.\r\n", "250 2.0.0"},
    };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (int piece = 0; piece <= 1000; piece += 500) {
            struct dialogue *dialogue = send_many(limits[i].head, limits[i].line,
                                                  limits[i].count, limits[i].tail, piece);
            struct span output = text_span(&dialogue->output);
            struct span last = span_from(output, span_search(output, SPAN("354 ")));

            last = span_from(last, span_find(last, '\n') + 1);
            ck_assert_msg(span_starts(last, limits[i].reply), "row %zu: %s", i,
                          last.bytes);
            last = span_from(last, span_find(last, '\n') + 1);
            ck_assert_msg(span_starts(last, "503 "), "row %zu: %s", i, last.bytes);
            ck_assert_int_eq(dialogue->begun,
                             dialogue->aborted + (int)dialogue->message_count);
            dialogue_free(dialogue);
        }
    }
}
END_TEST

START_TEST(a_refused_text_without_end_ends_the_session)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    static char block[64 * 1024];
    size_t sent = 0;

    memset(block, 'x', sizeof(block));
    dialogue_send(dialogue, SPAN(OPEN "a\nb"), 0);
    while (!smtp_session_is_over(dialogue->session) && sent < 64 * 1024 * 1024)
        sent += dialogue_send(dialogue, (struct span){block, sizeof(block)}, 0);
    ck_assert_uint_lt(sent, 20 * 1024 * 1024);
    ck_assert_str_eq(dialogue_codes(dialogue), "220 250 250 354 550");
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_long_text_is_not_kept)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    size_t most = 0;

    dialogue->options.size_limit = 0;
    dialogue_send(dialogue, SPAN(OPEN HEAD), 0);
    for (int i = 0; i < 1000; i++) {
        dialogue_send(dialogue, SPAN("a line of text, and then some\r\nanother\r\n"), 13);
        text_cut(&dialogue->current, 0);
        if (smtp_session_memory(dialogue->session) > most)
            most = smtp_session_memory(dialogue->session);
    }
    ck_assert_uint_lt(most, 8192);
    dialogue_free(dialogue);
}
END_TEST

TCase *
smtp_data_case(void)
{
    TCase *tcase = tcase_create("smtp/data");

    tcase_add_test(tcase, only_crlf_dot_crlf_ends_a_text);
    tcase_add_test(tcase, the_content_arrives_octet_for_octet);
    tcase_add_test(tcase, missing_fields_are_added_in_front);
    tcase_add_test(tcase, an_empty_text_is_a_message);
    tcase_add_test(tcase,
                   limits_refuse_at_the_end_of_the_text_and_forget_the_transaction);
    tcase_add_test(tcase, a_refused_text_without_end_ends_the_session);
    tcase_add_test(tcase, a_long_text_is_not_kept);
    return tcase;
}
