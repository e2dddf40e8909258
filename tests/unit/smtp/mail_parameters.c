/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parameters of MAIL and RCPT, from RFC 1870, 6152, 6531, 3461 and what they forbid. */
#include "smtp/session_state.h"

#include <string.h>

#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

#define FIFTY "01234567890123456789012345678901234567890123456789"

static const struct {
    const char *command, *reply; /* the beginning of the reply */
} mail_rows[] = {
    {"MAIL FROM:<>", "250"},
    {"MAIL FROM:<> ", "250"},
    {"MAIL FROM:<> SIZE=1000", "250"},
    {"MAIL FROM:<> size=0", "250"},
    {"MAIL FROM:<> SIZE=-1", "501 5.5.4"},
    {"MAIL FROM:<> SIZE=abc", "501 5.5.4"},
    {"MAIL FROM:<> SIZE=", "501 5.5.4"},
    {"MAIL FROM:<> SIZE", "501 5.5.4"},
    {"MAIL FROM:<> SIZE=100001", "552 5.3.4"},
    {"MAIL FROM:<> SIZE=4294967297000", "552 5.3.4"},
    {"MAIL FROM:<> SIZE=18446744073709551617", "501 5.5.4"},
    {"MAIL FROM:<> SIZE=1 SIZE=1", "501 5.5.4"},
    {"MAIL FROM:<> BODY=8BITMIME SIZE=1", "250"},
    {"MAIL FROM:<> BODY=7bit", "250"},
    {"MAIL FROM:<> BODY=9BIT", "501 5.5.4"},
    {"MAIL FROM:<> BODY=BINARYMIME", "501 5.5.4"},
    {"MAIL FROM:<> SMTPUTF8", "250"},
    {"MAIL FROM:<> SMTPUTF8=1", "501 5.5.4"},
    {"MAIL FROM:<> RET=FULL", "250"},
    {"MAIL FROM:<> RET=HDRS", "250"},
    {"MAIL FROM:<> RET=NOPE", "501 5.5.4"},
    {"MAIL FROM:<> ENVID=a+3Db", "250"},
    {"MAIL FROM:<> ENVID=a+00b", "501 5.5.4"},
    {"MAIL FROM:<> ENVID=a+0Ab", "501 5.5.4"},
    {"MAIL FROM:<> ENVID=a+zz", "501 5.5.4"},
    {"MAIL FROM:<> ENVID=" FIFTY FIFTY, "250"},
    {"MAIL FROM:<> ENVID=" FIFTY FIFTY "x", "501 5.5.4"},
    {"MAIL FROM:<> XFOO=bar", "555 5.5.4"},
    {"MAIL FROM:<> XMODE=FOREGROUND", "555 5.5.4"}, /* our own commands only */
    {"MAIL FROM:<> AUTH=<>", "555 5.5.4"},
    {"MAIL FROM:<> NOTIFY=NEVER", "555 5.5.4"},
    {"MAIL FROM:<>  SIZE=1", "250"},
    {"MAIL FROM:<>SIZE=1", "501 5.5.4"},
    {"MAIL FROM:<> SIZE==1", "501 5.5.4"},
    {"MAIL FROM:<> SIZE=\x80", "501 5.5.4"},
};

static const struct {
    const char *parameters, *reply;
} rcpt_rows[] = {
    {"", "250"},
    {" NOTIFY=NEVER", "250"},
    {" NOTIFY=SUCCESS,FAILURE,DELAY", "250"},
    {" notify=success", "250"},
    {" NOTIFY=NEVER,SUCCESS", "501 5.5.4"},
    {" NOTIFY=SUCCESS,SUCCESS", "501 5.5.4"},
    {" NOTIFY=SUCCESS,", "501 5.5.4"},
    {" NOTIFY=,SUCCESS", "501 5.5.4"},
    {" NOTIFY=", "501 5.5.4"},
    {" NOTIFY=ALWAYS", "501 5.5.4"},
    {" NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4"},
    {" ORCPT=rfc822;a+2Bb@c", "250"},
    {" ORCPT=rfc822;a+00b@c", "501 5.5.4"},
    {" ORCPT=rfc822;a+0Ab@c", "501 5.5.4"},
    {" ORCPT=rfc822;a+ZZ", "501 5.5.4"},
    {" ORCPT=rfc822;", "501 5.5.4"},
    {" ORCPT=;a@b", "501 5.5.4"},
    {" ORCPT=rfc822", "501 5.5.4"},
    {" ORCPT=rfc+20822;a", "501 5.5.4"},
    {" ORCPT=utf-8;\xc3\xa9@c", "501 5.5.4"}, /* without SMTPUTF8 */
    {" XFOO=bar", "555 5.5.4"},
    {" SIZE=1", "555 5.5.4"},
};

static struct span
last_reply(const struct dialogue *dialogue)
{
    struct span output = text_span(&dialogue->output);

    output.length -= 2;
    return span_from(output, span_find_last(output, '\n') + 1);
}

START_TEST(parameters_of_mail_are_read_strictly)
{
    for (size_t i = 0; i < sizeof(mail_rows) / sizeof(mail_rows[0]); i++) {
        struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

        dialogue_send(dialogue, SPAN("EHLO c.test\r\n"), 0);
        dialogue_send(dialogue, span_of(mail_rows[i].command), 0);
        dialogue_send(dialogue, SPAN("\r\n"), 0);
        ck_assert_msg(span_starts(last_reply(dialogue), mail_rows[i].reply), "%s: %s",
                      mail_rows[i].command, last_reply(dialogue).bytes);
        dialogue_free(dialogue);
    }
}
END_TEST

START_TEST(parameters_of_rcpt_are_read_strictly)
{
    for (size_t i = 0; i < sizeof(rcpt_rows) / sizeof(rcpt_rows[0]); i++) {
        struct dialogue *dialogue = dialogue_new(PEER_STRANGER);

        dialogue_send(dialogue, SPAN("MAIL FROM:<>\r\nRCPT TO:<u@local.test>"), 0);
        dialogue_send(dialogue, span_of(rcpt_rows[i].parameters), 0);
        dialogue_send(dialogue, SPAN("\r\n"), 0);
        ck_assert_msg(span_starts(last_reply(dialogue), rcpt_rows[i].reply), "%s: %s",
                      rcpt_rows[i].parameters, last_reply(dialogue).bytes);
        dialogue_free(dialogue);
    }
}
END_TEST

START_TEST(parameters_reach_the_envelope)
{
    struct dialogue *dialogue = dialogue_new(PEER_STRANGER);
    const struct envelope *envelope = &dialogue->messages[0].envelope;

    dialogue_send(
        dialogue,
        SPAN("EHLO c.test\r\nMAIL FROM:<a@B.test> BODY=8BITMIME RET=HDRS "
             "ENVID=q+3Dr SMTPUTF8\r\n"
             "RCPT TO:<u@local.test> NOTIFY=DELAY,FAILURE ORCPT=rfc822;x+2By@z\r\n"
             "RCPT TO:<v@local.test> ORCPT=utf-8;\xc3\xa9@z\r\n"
             "DATA\r\nx\r\n.\r\n"),
        0);
    ck_assert_uint_eq(dialogue->message_count, 1);
    ck_assert_str_eq(envelope->reverse_path, "a@b.test");
    ck_assert_int_eq(envelope->body, BODY_8BIT);
    ck_assert_int_eq(envelope->ret, RETURN_HEADERS);
    ck_assert_str_eq(envelope->envelope_id, "q=r");
    ck_assert(envelope->smtputf8);
    ck_assert_str_eq(envelope->hello, "c.test");
    ck_assert_str_eq(envelope->protocol, "esmtp");
    ck_assert_str_eq(envelope->peer_address, "192.0.2.1");
    ck_assert_int_eq(envelope->origin, ORIGIN_NETWORK);
    ck_assert_uint_eq(envelope->recipient_count, 2);
    ck_assert_int_eq(envelope->recipients[0].notify, NOTIFY_DELAY | NOTIFY_FAILURE);
    ck_assert_str_eq(envelope->recipients[0].original, "rfc822;x+y@z");
    ck_assert_int_eq(envelope->recipients[1].notify, 0);
    ck_assert_str_eq(envelope->recipients[1].original, "utf-8;\xc3\xa9@z");
    dialogue_free(dialogue);
}
END_TEST

TCase *
smtp_mail_parameters_case(void)
{
    TCase *tcase = tcase_create("smtp/mail_parameters");

    tcase_add_test(tcase, parameters_of_mail_are_read_strictly);
    tcase_add_test(tcase, parameters_of_rcpt_are_read_strictly);
    tcase_add_test(tcase, parameters_reach_the_envelope);
    return tcase;
}
