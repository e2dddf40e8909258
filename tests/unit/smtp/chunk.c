/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BDAT: chunks stay in step with the commands around them, whatever they hold. */
#include "smtp/session_state.h"

#include <string.h>

#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

#define SENT(literal)                                                                    \
    {                                                                                    \
        literal, sizeof(literal) - 1                                                     \
    }
#define OPEN "MAIL FROM:<>\r\nRCPT TO:<u@local.test>\r\n"
#define FIELDS                                                                           \
    "Message-Id: <i@x>\r\nDate: Sun, 24 Apr 1994 07:12:04 +0200\r\nFrom: a@b.test\r\n"
#define HEAD FIELDS "\r\n"

static const struct {
    struct span sent;
    const char *codes;
    bool over;
} rows[] = {
    /* octets of a chunk that has no place are swallowed, RFC 3030 2 */
    {SENT("BDAT 6 LAST\r\nRSET\r\nNOOP\r\n"), "220 503 250", false},
    {SENT("MAIL FROM:<>\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n"), "220 250 503 250", false},
    {SENT("MAIL FROM:<>\r\nRCPT TO:<no-such-user@local.test>\r\nBDAT 6 LAST\r\n"
          "RSET\r\nNOOP\r\n"),
     "220 250 550 503 250", false},
    /* sizes */
    {SENT("BDAT\r\nNOOP\r\n"), "220 501 250", false},
    {SENT(OPEN "BDAT -1\r\n"), "220 250 250 521", true},
    {SENT(OPEN "BDAT 0x10\r\n"), "220 250 250 521", true},
    {SENT(OPEN "BDAT 18446744073709551620 LAST\r\n"), "220 250 250 521", true},
    {SENT(OPEN "BDAT 9223372036854775808\r\n"), "220 250 250 521", true},
    {SENT(OPEN "BDAT 5 FIRST\r\n"), "220 250 250 521", true},
    {SENT("BDAT x y z\r\n"), "220 521", true},
    {SENT("BDAT 9223372036854775807\r\n"), "220 521", true},
    /* order */
    {SENT(OPEN "BDAT 3\r\na: DATA\r\n"), "220 250 250 250 503", false},
    {SENT(OPEN "BDAT 3\r\na: RCPT TO:<v@local.test>\r\n"), "220 250 250 250 503", false},
    {SENT(OPEN "BDAT 7\r\nSubjectRSET\r\n" OPEN "BDAT 6 LAST\r\na: b\r\nNOOP\r\n"),
     "220 250 250 250 250 250 250 250 250", false},
    {SENT(OPEN "BDAT 0\r\nBDAT 0 LAST\r\n"), "220 250 250 250 250", false},
    {SENT(OPEN "BDAT 6 LAST\r\na: b\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
     "220 250 250 250 503 250", false},
    /* a chunk that is refused ends the transaction, the rest is in step */
    {SENT(OPEN "BDAT 3\r\na\nbBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"),
     "220 250 250 550 503 250", false},
    {SENT(OPEN "BDAT 3 LAST\r\na\nbNOOP\r\n"), "220 250 250 550 250", false},
    {SENT(OPEN "BDAT 2 LAST\r\na\rNOOP\r\n"), "220 250 250 550 250", false},
    {SENT(OPEN "BDAT 3 LAST\r\na\0bNOOP\r\n"), "220 250 250 550 250", false},
};

START_TEST(chunks_stay_in_step)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int piece = -5; piece < 4; piece++) {
            struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

            dialogue_send(dialogue, rows[i].sent, piece);
            ck_assert_msg(strcmp(dialogue_codes(dialogue), rows[i].codes) == 0,
                          "row %zu, pieces %d: %s", i, piece,
                          text_string(&dialogue->output));
            ck_assert(smtp_session_is_over(dialogue->session) == rows[i].over);
            dialogue_free(dialogue);
        }
    }
}
END_TEST

/* One content in chunks of `size` octets. */
static void
check_cut(struct span content, size_t size, struct span wanted)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    struct text text = text_new(dialogue->arena);

    text_add(&text, OPEN);
    for (size_t at = 0; at < content.length; at += size) {
        struct span chunk = span_first(span_from(content, at), size);
        bool last = at + size >= content.length;

        text_add_format(&text, "BDAT %zu%s\r\n", chunk.length, last ? " LAST" : "");
        text_add_span(&text, chunk);
    }
    dialogue_send(dialogue, text_span(&text), 0);
    ck_assert_uint_eq(dialogue->message_count, 1);
    ck_assert(span_equal(text_span(&dialogue->messages[0].content), wanted));
    dialogue_free(dialogue);
}

START_TEST(the_cuts_leave_no_trace)
{
    struct span content = SPAN(HEAD "one\r\n.\r\nQUIT\r\n..two\r\n");
    struct span open = SPAN(HEAD "no line end");
    struct span closed = SPAN(HEAD "no line end\r\n");

    for (size_t size = 1; size <= content.length; size++)
        check_cut(content, size, content);
    for (size_t size = 1; size <= open.length; size++)
        check_cut(open, size, closed);
}
END_TEST

START_TEST(tiny_chunks_cost_no_memory)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

    dialogue_send(dialogue, SPAN(OPEN), 0);
    for (int i = 0; i < 3000; i++) {
        dialogue_send(dialogue, SPAN("BDAT 1\r\nx"), 0);
        ck_assert_uint_lt(smtp_session_memory(dialogue->session), 8192);
    }
    dialogue_send(dialogue, SPAN("RSET\r\n"), 0);
    ck_assert_int_eq(dialogue->aborted, 1);
    dialogue_free(dialogue);
}
END_TEST

TCase *
smtp_chunk_case(void)
{
    TCase *tcase = tcase_create("smtp/chunk");

    tcase_add_test(tcase, chunks_stay_in_step);
    tcase_add_test(tcase, the_cuts_leave_no_trace);
    tcase_add_test(tcase, tiny_chunks_cost_no_memory);
    return tcase;
}
