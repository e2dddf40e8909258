/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole dialogues: what a client sends, and the codes it gets. Each is played whole, byte
 * by byte, in random pieces, and with a host that answers late; nothing may differ.
 */
#include "smtp/session.h"

#include <string.h>

#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

/* Text with NULs in it keeps its length. */
#define SENT(literal)                                                                    \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }
#define OPEN "EHLO c.test\r\nMAIL FROM:<>\r\nRCPT TO:<u@local.test>\r\n"
#define HEAD "Subject: x\r\n\r\n"

struct row {
    enum dialogue_peer peer;
    struct span sent;
    const char *codes;
};

static const struct row rows[] = {
    /* the plain course of things, RFC 5321 appendix D */
    {PEER_STRANGER, SENT("QUIT\r\n"), "220 221"},
    {PEER_STRANGER, SENT(OPEN "DATA\r\n" HEAD "x\r\n.\r\nQUIT\r\n"),
     "220 250 250 250 354 250 221"},
    {PEER_STRANGER, SENT("HELO c.test\r\nmAiL fRoM:<>\r\nrcpt to:<Postmaster>\r\n"),
     "220 250 250 250"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test>\r\nRCPT TO:<u@local.test>\r\n"),
     "220 250 250"},
    {PEER_STRANGER, SENT(OPEN "DATA\r\nx\r\n.\r\n" OPEN "DATA\r\ny\r\n.\r\n"),
     "220 250 250 250 354 250 250 250 250 354 250"},
    {PEER_STRANGER, SENT("NOOP\r\nNOOP with words\r\nHELP\r\nRSET\r\n"),
     "220 250 250 214 250"},
    {PEER_STRANGER, SENT("MAIL FROM: <a@b.test>\r\n"), "220 250"},

    /* order, 4.1.4 */
    {PEER_STRANGER, SENT("RCPT TO:<u@local.test>\r\n"), "220 503"},
    {PEER_STRANGER, SENT("DATA\r\n"), "220 503"},
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nDATA\r\n"), "220 250 503"},
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nMAIL FROM:<>\r\n"), "220 250 503"},
    {PEER_STRANGER, SENT(OPEN "RSET\r\nRCPT TO:<u@local.test>\r\n"),
     "220 250 250 250 250 503"},
    {PEER_STRANGER, SENT(OPEN "EHLO c.test\r\nRCPT TO:<u@local.test>\r\n"),
     "220 250 250 250 250 503"},
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nRCPT TO:<bad bad>\r\nDATA\r\n"),
     "220 250 501 554"},
    {PEER_STRANGER, SENT(OPEN "VRFY <\xc3\xa9@x.test>\r\nDATA\r\n" HEAD ".\r\n"),
     "220 250 250 250 501 354 250"},
    {PEER_STRANGER, SENT(OPEN "DATA now\r\n"), "220 250 250 250 501"},
    {PEER_STRANGER, SENT("RSET now\r\n"), "220 501"},

    /* verbs that are not there, or not for strangers */
    {PEER_STRANGER, SENT("XYZZY\r\nWIZ\r\nDEBUG\r\nKILL\r\nSHOWQ\r\nSHELL id\r\n\r\n"),
     "220 500 500 500 500 500 500 500"},
    {PEER_STRANGER, SENT("XCLIENT ADDR=1.2.3.4\r\nXORIGIN LOCAL\r\nXCTL queue\r\n"),
     "220 500 500 500"},
    {PEER_FRIEND, SENT("XORIGIN LOCAL\r\nXCTL queue\r\n"), "220 500 500"},
    {PEER_STRANGER,
     SENT("EXPN root\r\nETRN #;id\r\nAUTH\r\nAUTH PLAIN AAA=A\r\nTURN\r\n"),
     "220 502 502 502 502 502"},
    {PEER_STRANGER, SENT("STARTTLS\r\nSTARTTLS x\r\n"), "220 502 502"},
    {PEER_STRANGER, SENT("VRFY root\r\nVRFY |/bin/id\r\nVRFY\r\nVRFY <a@b.test>\r\n"),
     "220 252 252 501 252"},

    /* HELO and EHLO need a name, and markup is none */
    {PEER_STRANGER, SENT("HELO\r\nEHLO\r\nEHLO  \r\n"), "220 501 501 501"},
    {PEER_STRANGER, SENT("EHLO <script>alert(1)</script>\r\nEHLO a b\r\n"),
     "220 501 501"},
    {PEER_STRANGER, SENT("EHLO [192.0.2.1]\r\nEHLO [IPv6:2001:db8::1]\r\nEHLO a_b\r\n"),
     "220 250 250 250"},
    {PEER_STRANGER, SENT("EHLO \xc3\xa9.test\r\n"), "220 501"},

    /* paths, RFC 5321 4.1.2 */
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<<a@b.test>>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b@c.test>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<@b.test>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a b@c.test>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test> junk\r\n"), "220 555"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test>junk\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:\r\nMAIL\r\nMAIL FROM\r\n"), "220 501 501 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@[127.0.0.1>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b..test>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test>>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<\"a@b.test>\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a\\>\r\nMAIL FROM:<\"a\\\">\r\n"), "220 501 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test\\\r\nMAIL FROM:<>\"=\r\n"), "220 501 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<> AUTH=\"\r\nMAIL FROM:<> =\r\n"), "220 555 555"},
    {PEER_STRANGER, SENT("MAIL FROM:a@b.test\r\n"), "220 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<joe>\r\n"), "220 501"},
    {PEER_STRANGER,
     SENT("MAIL FROM:<;id;>\r\nMAIL FROM:<`id`;@>\r\nMAIL FROM:<$(id)>\r\n"),
     "220 501 501 501"},
    {PEER_STRANGER,
     SENT("MAIL FROM:<>\r\nRCPT TO:<|/bin/touch x>\r\nRCPT TO:<\"|/bin/touch x\">\r\n"
          "RCPT TO:</tmp/x>\r\nRCPT TO:<\"/tmp/x\">\r\nRCPT TO:<:include:/etc/passwd>\r\n"
          "RCPT TO:<\":include:/etc/passwd\">\r\nRCPT TO:<~root/x>\r\nRCPT TO:<>\r\n"),
     "220 250 501 501 501 501 501 501 501 501"},
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nRCPT TO:<@a.test,@b.test:u@local.test>\r\n"),
     "220 250 250"},
    {PEER_STRANGER,
     SENT("MAIL FROM:<>\r\nRCPT TO:<u@relay.test>\r\nRCPT TO:<a.test!u>\r\n"),
     "220 250 550 501"},

    /* octets that have no place in a command */
    {PEER_STRANGER, SENT("MAIL FROM:<a\0b@c.test>\r\n"), "220 500"},
    {PEER_STRANGER, SENT("MAIL FROM:<\"a\x0b\x62\"@c.test>\r\n"), "220 500"},
    {PEER_STRANGER, SENT("MAIL FROM:<a\x1b[2Jb@c.test>\r\n"), "220 500"},
    {PEER_STRANGER, SENT("MAIL FROM:<a\x7f\x62@c.test>\r\n"), "220 500"},
    {PEER_STRANGER, SENT("MAIL FROM:<\xc3\xa9@c.test>\r\n"), "220 553"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@\xff\xfe.test>\r\n"), "220 501"},
    {PEER_STRANGER,
     SENT("MAIL FROM:<\xc3\xa9@c.test> SMTPUTF8\r\n"
          "RCPT TO:<\xc3\xbc@local.test>\r\n"),
     "220 250 250"},
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nRCPT TO:<\xc3\xbc@local.test>\r\n"),
     "220 250 553"},
    {PEER_STRANGER, SENT("MAIL FROM:<a@b.test>\rRCPT TO:<u@local.test>\r\n"), "220 500"},
    {PEER_STRANGER, SENT("NOOP\nNOOP\r\n"), "220 500 250"},
    {PEER_STRANGER, SENT("MAIL FROM:<\"a\rb\"@c.test>\r\n"), "220 500"},

    /* a browser, or who else is no mail client */
    {PEER_STRANGER, SENT("GET /smtp HTTP/1.1\r\nHost: x\r\n\r\n"), "220 521"},
    {PEER_STRANGER, SENT("POST / HTTP/1.1\r\n" OPEN "DATA\r\n"), "220 521"},
    {PEER_STRANGER, SENT("CONNECT x:25 HTTP/1.1\r\n"), "220 521"},

    /* recipients */
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nRCPT TO:<no-such-user@local.test>\r\nDATA\r\n"),
     "220 250 550 554"},
    {PEER_STRANGER, SENT("MAIL FROM:<>\r\nRCPT TO:<later@local.test>\r\nDATA\r\n"),
     "220 250 450 554"},
    {PEER_STRANGER,
     SENT("MAIL FROM:<>\r\nRCPT TO:<no-such-user@local.test>\r\n"
          "RCPT TO:<u@local.test>\r\nDATA\r\nx\r\n.\r\n"),
     "220 250 550 250 354 250"},
};

static void
check_row(const struct row *row, size_t number, int piece, bool later)
{
    struct dialogue *dialogue = dialogue_new(row->peer);
    const char *codes;

    dialogue->answer_later = later;
    dialogue_send(dialogue, row->sent, piece);
    codes = dialogue_codes(dialogue);
    ck_assert_msg(strcmp(codes, row->codes) == 0, "row %zu, pieces %d: %s, not %s\n%s",
                  number, piece, codes, row->codes, text_string(&dialogue->output));
    dialogue_free(dialogue);
}

START_TEST(every_dialogue_gets_its_codes_however_it_is_cut)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i], i, 0, false);
        check_row(&rows[i], i, 1, false);
        check_row(&rows[i], i, -7, false);
        check_row(&rows[i], i, 0, true);
        check_row(&rows[i], i, -3, true);
    }
}
END_TEST

/* A text that did not wait for its 354 is text, or the end of the session. */
START_TEST(text_sent_ahead_is_never_run)
{
    static const struct row ahead[] = {
        {PEER_STRANGER, SENT(OPEN "DATA\r\n" HEAD "QUIT\r\n.\r\n"),
         "220 250 250 250 354 250"},
        {PEER_STRANGER, SENT("MAIL FROM:<>\r\nDATA\r\nRSET\r\nMAIL FROM:<>\r\n"),
         "220 250 503 421"},
        {PEER_STRANGER, SENT("DATA\r\nSubject: x\r\n\r\nMAIL FROM:<>\r\n"),
         "220 503 421"},
    };

    for (size_t i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++)
        check_row(&ahead[i], i, 0, false);
    check_row(&ahead[2], 2, 1, false);
}
END_TEST

static size_t
count_code(const struct dialogue *dialogue, const char *code)
{
    struct span rest = text_span(&dialogue->output), line;
    size_t count = 0;

    while (span_next(&rest, '\n', &line))
        count += span_starts(line, code);
    return count;
}

START_TEST(floods_end)
{
    static const struct {
        const char *before, *line;
        int times;
        const char *code;
        size_t wanted;
        bool over;
    } floods[] = {
        {"", "XYZZY\r\n", 150, "500", 20, true},
        {"", "NOOP\r\n", 150, "250", 100, true},
        {"MAIL FROM:<>\r\n", "RCPT TO:<no-such-user@local.test>\r\n", 120, "550", 20,
         true},
        {"MAIL FROM:<>\r\n", "RCPT TO:<u@local.test>\r\n", 4000, "452", 3900, false},
        {"MAIL FROM:<>\r\n", "RCPT TO:<later@local.test>\r\n", 400, "452", 200, false},
    };

    for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
        struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

        dialogue_send(dialogue, span_of(floods[i].before), 0);
        for (int n = 0; n < floods[i].times; n++)
            dialogue_send(dialogue, span_of(floods[i].line), 0);
        ck_assert_uint_eq(count_code(dialogue, floods[i].code), floods[i].wanted);
        ck_assert_uint_eq(count_code(dialogue, "421"), floods[i].over);
        ck_assert(smtp_session_is_over(dialogue->session) == floods[i].over);
        dialogue_free(dialogue);
    }
}
END_TEST

START_TEST(a_line_that_is_too_long_is_refused_once_and_never_run)
{
    static const size_t lengths[] = {2100, 11000, 100000};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int piece = 0; piece < 2; piece++) {
            struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
            struct text line = text_new(dialogue->arena);

            text_add(&line, "MAIL FROM:<a@b.test> ");
            while (line.length < lengths[i])
                text_add_byte(&line, 'A');
            text_add(&line, " RSET\r\nNOOP\r\n");
            dialogue_send(dialogue, text_span(&line), piece * 997);
            ck_assert_str_eq(dialogue_codes(dialogue), "220 500 250");
            dialogue_free(dialogue);
        }
    }
}
END_TEST

START_TEST(an_endless_line_ends_the_session_in_little_memory)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    char block[4096];

    memset(block, 'A', sizeof(block));
    for (int i = 0; i < 512; i++) {
        dialogue_send(dialogue, (struct span){block, sizeof(block)}, 0);
        ck_assert_uint_lt(smtp_session_memory(dialogue->session), 8192);
    }
    ck_assert_str_eq(dialogue_codes(dialogue), "220 500");
    ck_assert(smtp_session_is_over(dialogue->session));
    dialogue_free(dialogue);
}
END_TEST

START_TEST(what_a_client_said_is_not_said_back)
{
    static const char *const lines[] = {
        "<script>\r\n",      "EHLO <script>\r\n",      "MAIL FROM:<<script>@b>\r\n",
        "VRFY <script>\r\n", "HELP <script>\r\n",      "MAIL FROM:<> <script>=1\r\n",
        "NOOP <script>\r\n", "RCPT TO:<<script>>\r\n", "BDAT <script>\r\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
        struct span output;

        dialogue_send(dialogue, span_of(lines[i]), 0);
        output = text_span(&dialogue->output);
        ck_assert_uint_eq(span_search(output, SPAN("<script>")), output.length);
        dialogue_free(dialogue);
    }
}
END_TEST

START_TEST(replies_are_printable_and_short_whatever_the_host_says)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    struct text name = text_new(dialogue->arena);
    struct span rest, line;

    text_add(&name, "evil\r\n250 x\x1b\xc3\xa9");
    for (int i = 0; i < 1000; i++)
        text_add_byte(&name, 'n');
    dialogue->peer.name = text_string(&name);
    dialogue->commit_fails = true;
    dialogue_send(dialogue, SPAN(OPEN "DATA\r\nx\r\n.\r\n"), 0);
    ck_assert_str_eq(dialogue_codes(dialogue), "220 250 250 250 354 451");
    rest = text_span(&dialogue->output);
    while (span_next(&rest, '\n', &line)) {
        ck_assert_uint_lt(line.length, 512);
        for (size_t i = 0; i + 1 < line.length; i++)
            ck_assert(line.bytes[i] >= ' ' && line.bytes[i] < 0x7f);
        ck_assert(line.bytes[line.length - 1] == '\r');
    }
    dialogue_free(dialogue);
}
END_TEST

START_TEST(the_host_may_refuse_with_a_reason)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue->no_room = true;
    dialogue_send(dialogue, SPAN("MAIL FROM:<>\r\nRCPT TO:<u@local.test>\r\n"), 0);
    dialogue->no_room = false;
    dialogue->no_begin = true;
    dialogue_send(dialogue, SPAN(OPEN "DATA\r\n"), 0);
    dialogue_send(dialogue, SPAN("RCPT TO:<u@local.test>\r\n"), 0);
    dialogue_send(dialogue, SPAN(OPEN "BDAT 4 LAST\r\nQUITNOOP\r\n"), 0);
    ck_assert_str_eq(dialogue_codes(dialogue),
                     "220 452 503 250 250 250 451 503 250 250 250 451 250");
    ck_assert_int_eq(dialogue->begun, 0);
    ck_assert_int_eq(dialogue->aborted, 0);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_message_under_way_is_given_up_exactly_once)
{
    static const struct {
        const char *sent;
        int begun, aborted;
    } ends[] = {
        {OPEN "DATA\r\nhalf", 1, 1},
        {OPEN "DATA\r\ntext\r\n.", 1, 1},
        {OPEN "DATA\r\ntext\r\n.\r", 1, 1},
        {OPEN "DATA\r\ntext\r\n.\r\n", 1, 0},
        {OPEN "BDAT 3\r\nabcRSET\r\n", 1, 1},
        {OPEN "BDAT 3\r\nabcEHLO c.test\r\n", 1, 1},
        {OPEN "BDAT 3\r\nabcQUIT\r\n", 1, 1},
        {OPEN "DATA\r\na\nb\r\n.\r\nRSET\r\n", 1, 1},
        {OPEN "RSET\r\n", 0, 0},
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        for (int end = 0; end < 2; end++) {
            struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

            dialogue_send(dialogue, span_of(ends[i].sent), 0);
            if (end)
                smtp_session_end(dialogue->session);
            smtp_session_free(dialogue->session);
            dialogue->session = NULL;
            ck_assert_int_eq(dialogue->begun, ends[i].begun);
            ck_assert_int_eq(dialogue->aborted, ends[i].aborted);
            dialogue_free(dialogue);
        }
    }
}
END_TEST

START_TEST(a_client_that_leaves_before_the_answer_leaves_its_message)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    struct span text = SPAN(OPEN "DATA\r\nx\r\n.\r\n");

    dialogue->answer_later = true;
    /* Each RCPT waits, so the text is given in three parts. */
    for (size_t taken = 0; taken < text.length && !dialogue->commit;) {
        taken += smtp_session_input(dialogue->session, span_from(text, taken));
        if (dialogue->recipient != NULL) {
            dialogue->recipient = NULL;
            smtp_answer_recipient(dialogue->session,
                                  &(struct smtp_answer){250, "2.1.5", "ok"});
        }
    }
    ck_assert(dialogue->commit);
    smtp_session_end(dialogue->session);
    ck_assert(smtp_session_is_waiting(dialogue->session));
    ck_assert(!smtp_session_is_over(dialogue->session));
    smtp_answer_commit(dialogue->session, NULL);
    ck_assert(smtp_session_is_over(dialogue->session));
    ck_assert_int_eq(dialogue->aborted, 0);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(unread_replies_stop_the_reading)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    size_t longest = 0;

    smtp_session_input(dialogue->session, SPAN("EHLO c\r\nMAIL FROM:<>\r\n"));
    for (int i = 0; i < 4000; i++) {
        smtp_session_input(dialogue->session, SPAN("RCPT TO:<u@local.test>\r\n"));
        longest = smtp_session_output(dialogue->session).length;
    }
    ck_assert_uint_lt(longest, 17 * 1024);
    ck_assert_uint_eq(smtp_session_input(dialogue->session, SPAN("QUIT\r\n")), 0);
    smtp_session_sent(dialogue->session, longest);
    ck_assert_uint_eq(smtp_session_input(dialogue->session, SPAN("QUIT\r\n")), 6);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(an_idle_session_is_small)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue_send(dialogue, SPAN(OPEN "DATA\r\n" HEAD "x\r\n.\r\nEHLO c.test\r\n"), 1);
    ck_assert_uint_lt(smtp_session_memory(dialogue->session), 1024);
    dialogue_free(dialogue);
}
END_TEST

TCase *
smtp_session_case(void)
{
    TCase *tcase = tcase_create("smtp/session");

    tcase_add_test(tcase, every_dialogue_gets_its_codes_however_it_is_cut);
    tcase_add_test(tcase, text_sent_ahead_is_never_run);
    tcase_add_test(tcase, floods_end);
    tcase_add_test(tcase, a_line_that_is_too_long_is_refused_once_and_never_run);
    tcase_add_test(tcase, an_endless_line_ends_the_session_in_little_memory);
    tcase_add_test(tcase, what_a_client_said_is_not_said_back);
    tcase_add_test(tcase, replies_are_printable_and_short_whatever_the_host_says);
    tcase_add_test(tcase, the_host_may_refuse_with_a_reason);
    tcase_add_test(tcase, a_message_under_way_is_given_up_exactly_once);
    tcase_add_test(tcase, a_client_that_leaves_before_the_answer_leaves_its_message);
    tcase_add_test(tcase, unread_replies_stop_the_reading);
    tcase_add_test(tcase, an_idle_session_is_small);
    return tcase;
}
