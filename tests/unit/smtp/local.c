/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XSMAIL: what our own commands say, and who may say what. */
#include "smtp/local.h"

#include <string.h>

#include "tests/unit/smtp/dialogue.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

#define TO "RCPT TO:<u>\r\n"

static const struct {
    enum dialogue_peer peer;
    const char *sent, *codes;
} rows[] = {
    /* the origin can only be lowered, once, before a message */
    {PEER_TRUSTED, "XORIGIN LOCAL\r\nXORIGIN BATCH\r\n", "220 250 503"},
    {PEER_TRUSTED, "XORIGIN NETWORK ADDRESS=192.0.2.7 PORT=99 NAME=c.test\r\n",
     "220 250"},
    {PEER_TRUSTED, "XORIGIN NETWORK\r\nXORIGIN LOCAL\r\nXCTL queue\r\n",
     "220 250 500 500"},
    {PEER_TRUSTED, "XORIGIN NETWORK\r\nMAIL FROM:<> XFLAGS=t\r\nRCPT TO:<a!b>\r\n",
     "220 250 555 503"},
    {PEER_TRUSTED, "MAIL FROM:<>\r\nRSET\r\nXORIGIN LOCAL\r\n", "220 250 250 503"},
    {PEER_TRUSTED, "XORIGIN\r\nXORIGIN ROOT\r\nXORIGIN LOCAL X=1\r\n", "220 501 501 501"},
    {PEER_TRUSTED, "XORIGIN NETWORK ADDRESS=a+0Ab\r\nXORIGIN NETWORK PORT=65536\r\n",
     "220 501 501"},
    /* addresses of any form */
    {PEER_USER,
     "MAIL FROM:<joe>\r\nRCPT TO:<a!b!c>\r\nRCPT TO:<a%b>\r\nRCPT TO:<u>\r\n"
     "RCPT TO:<@a,@b:u@c>\r\nRCPT TO:<a!b@c.test>\r\nRCPT TO:<\"a b\">\r\n",
     "220 250 250 250 250 250 250 250"},
    {PEER_USER, "MAIL FROM:<>\r\nRCPT TO:<>\r\nRCPT TO:<!a>\r\nRCPT TO:a\r\n",
     "220 250 501 501 501"},
    /* lines may end with LF, then the text does as well */
    {PEER_USER, "EHLO x\nMAIL FROM:<>\n" TO "DATA\nSubject: x\n\n..\n.\nQUIT\n",
     "220 250 250 250 354 250 221"},
    {PEER_USER, "MAIL FROM:<>\r\n" TO "DATA\r\nSubject: x\n\n.\n.\r\n.\r\nQUIT\r\n",
     "220 250 250 354 250 221"},
    /* the recipients of the header */
    {PEER_USER, "MAIL FROM:<> XFLAGS=t\r\nDATA\r\nSubject: x\r\n\r\n.\r\n",
     "220 250 354 554"},
    {PEER_USER, "MAIL FROM:<> XFLAGS=t\r\nDATA\r\nTo: a, b@c\r\n\r\n.\r\n",
     "220 250 354 250"},
    {PEER_USER,
     "MAIL FROM:<> XFLAGS=t\r\nRCPT TO:<A@b.c>\r\nDATA\r\nTo: a@B.c\r\n\r\n.\r\n",
     "220 250 250 354 554"},
    /* parameters */
    {PEER_USER, "MAIL FROM:<> XFLAGS=q\r\nMAIL FROM:<> XGRADE=ab\r\n", "220 501 501"},
    {PEER_USER, "MAIL FROM:<> XMODE=SOON\r\nMAIL FROM:<> XHOPS=-1\r\n", "220 501 501"},
    {PEER_USER, "MAIL FROM:<> XPROGRAM=a+0Ab\r\nMAIL FROM:<> XNEW=1\r\n", "220 501 501"},
    {PEER_USER, "MAIL FROM:<> XGRADE=C XGRADE=D\r\n", "220 501"},
    /* the operator */
    {PEER_USER, "XCTL queue a+20b\r\nXCTL\r\nXCTL a+0A\r\n", "220 250 501 501"},
};

START_TEST(our_own_commands_may_say_more)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int piece = -4; piece < 2; piece++) {
            struct dialogue *dialogue = dialogue_new(rows[i].peer);

            dialogue_send(dialogue, span_of(rows[i].sent), piece);
            ck_assert_msg(strcmp(dialogue_codes(dialogue), rows[i].codes) == 0,
                          "row %zu, pieces %d: %s", i, piece,
                          text_string(&dialogue->output));
            ck_assert_uint_eq(dialogue->asked.length, 0);
            dialogue_free(dialogue);
        }
    }
}
END_TEST

/* Who says what sender, and what it becomes. */
static const struct {
    enum dialogue_peer peer;
    const char *parameters; /* path and what follows */
    const char *head;       /* in front of the header */
    const char *reverse_path, *protocol;
} senders[] = {
    {PEER_USER, "<joe>", "", "joe", "local"},
    {PEER_USER, "<joe@host.test>", "", "joe@host.test", "local"},
    {PEER_USER, "<joe@TEST>", "", "joe@test", "local"},
    {PEER_USER, "<root>", "", "joe", "local"},
    {PEER_USER, "<joe@elsewhere.test>", "", "joe", "local"},
    {PEER_USER, "<a!b>", "", "joe", "local"},
    {PEER_USER, "<>", "", "", "local"},
    {PEER_USER, "<joe>", "From x Thu Jan  1 00:00:00 1970 remote from h\r\n", "joe",
     "local"},
    {PEER_TRUSTED, "<a!b>", "", "a!b", "local"},
    {PEER_TRUSTED, "<uucp> XPROGRAM=rmail XPROTOCOL=uucp",
     "From u Thu Jan  1 00:00:00 1970 remote from h\r\n", "h!u", "uucp"},
    {PEER_TRUSTED, "<uucp> XPROGRAM=rmail",
     "From u Thu Jan  1 00:00:00 1970 remote from h\r\n"
     ">From v Thu Jan  1 00:00:00 1970 remote from i\r\n",
     "h!i!v", "uucp"},
    {PEER_TRUSTED, "<x> XFLAGS=f", "From u Thu Jan  1 00:00:00 1970\r\n", "x", "local"},
};

START_TEST(the_sender_is_who_the_kernel_says_unless_trusted)
{
    for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        struct dialogue *dialogue = dialogue_new(senders[i].peer);
        const struct envelope *envelope = &dialogue->messages[0].envelope;
        struct text text = text_new(dialogue->arena);

        text_add_format(&text, "MAIL FROM:%s\r\n" TO "DATA\r\n%sX: y\r\n\r\nz\r\n.\r\n",
                        senders[i].parameters, senders[i].head);
        dialogue_send(dialogue, text_span(&text), 0);
        ck_assert_uint_eq(dialogue->message_count, 1);
        ck_assert_str_eq(envelope->reverse_path, senders[i].reverse_path);
        ck_assert_str_eq(envelope->protocol, senders[i].protocol);
        ck_assert_int_eq(envelope->submitter_uid, dialogue->peer.uid);
        ck_assert(span_ends_nocase(text_span(&dialogue->messages[0].content),
                                   "X: y\r\n\r\nz\r\n"));
        dialogue_free(dialogue);
    }
}
END_TEST

START_TEST(the_header_names_the_recipients_but_not_those_excluded)
{
    struct dialogue *dialogue = dialogue_new(PEER_USER);
    const struct envelope *envelope = &dialogue->messages[0].envelope;
    struct span content;

    dialogue_send(dialogue,
                  SPAN("MAIL FROM:<joe> XFLAGS=tm\r\nRCPT TO:<no@b.test>\r\nDATA\r\n"
                       "To: One <one@b.test>, no@b.test\r\nCc: a!two\r\nBcc: three\r\n"
                       "Subject: x\r\n\r\ny\r\n.\r\n"),
                  0);
    ck_assert_uint_eq(dialogue->message_count, 1);
    ck_assert_uint_eq(envelope->recipient_count, 3);
    ck_assert_str_eq(envelope->recipients[0].text, "one@b.test");
    ck_assert_str_eq(envelope->recipients[1].text, "a!two");
    ck_assert_str_eq(envelope->recipients[2].text, "three");
    ck_assert_uint_eq(envelope->exclusion_count, 1);
    ck_assert_str_eq(envelope->exclusions[0], "no@b.test");
    ck_assert(envelope->me_too);
    content = text_span(&dialogue->messages[0].content);
    ck_assert_uint_eq(header_count(content, "Bcc"), 0);
    ck_assert_uint_eq(header_count(content, "From"), 1);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_client_behind_inetd_is_a_stranger_with_an_address)
{
    struct dialogue *dialogue = dialogue_new(PEER_TRUSTED);
    const struct envelope *envelope = &dialogue->messages[0].envelope;

    dialogue_send(
        dialogue,
        SPAN("EHLO x\r\nXORIGIN NETWORK ADDRESS=192.0.2.7 PORT=99 NAME=c.test\r\n"
             "HELO real.test\r\nMAIL FROM:<a@b.test>\r\n"
             "RCPT TO:<u@local.test>\r\nDATA\r\nx\r\n.\r\n"),
        0);
    ck_assert_str_eq(text_string(&dialogue->asked), "u@local.test ");
    ck_assert_uint_eq(dialogue->message_count, 1);
    ck_assert_int_eq(envelope->origin, ORIGIN_NETWORK);
    ck_assert_str_eq(envelope->peer_address, "192.0.2.7");
    ck_assert_str_eq(envelope->peer_name, "c.test");
    ck_assert_uint_eq(envelope->peer_port, 99);
    ck_assert_str_eq(envelope->hello, "real.test");
    ck_assert_str_eq(envelope->protocol, "smtp");
    ck_assert_int_eq(envelope->submitter_uid, -1);
    dialogue_send(dialogue,
                  SPAN("MAIL FROM:<>\r\nRCPT TO:<u@local.test>\r\nDATA\r\n"
                       "a\nb\r\n.\r\n"),
                  0);
    ck_assert_uint_eq(dialogue->message_count, 1);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(who_is_not_trusted_cannot_name_another_host)
{
    struct dialogue *dialogue = dialogue_new(PEER_USER);
    const struct envelope *envelope = &dialogue->messages[0].envelope;

    dialogue_send(dialogue,
                  SPAN("MAIL FROM:<> XHOST=h XADDRESS=192.0.2.1 XFULLNAME=J+C3+B6\r\n" TO
                       "DATA\r\nx\r\n.\r\n"),
                  0);
    ck_assert_str_eq(envelope->peer_address, "");
    ck_assert_str_eq(envelope->peer_name, "");
    ck_assert_str_eq(envelope->full_name, "J\xc3\xb6");
    dialogue_free(dialogue);
}
END_TEST

START_TEST(foreground_delivery_has_a_second_reply)
{
    struct dialogue *dialogue = dialogue_new(PEER_USER);

    dialogue_send(dialogue,
                  SPAN("MAIL FROM:<> XMODE=FOREGROUND\r\n" TO "DATA\r\nx\r\n.\r\n"), 0);
    ck_assert(span_ends_nocase(text_span(&dialogue->output),
                               "250 2.0.0 m0abcde-000001C accepted\r\n"
                               "250-2.1.5 <a> delivered\r\n"
                               "450-4.4.1 <b> deferred: silence\r\n"
                               "450 4.0.0 done\r\n"));
    dialogue_free(dialogue);
}
END_TEST

START_TEST(the_operator_is_heard)
{
    struct dialogue *dialogue = dialogue_new(PEER_USER);

    dialogue_send(dialogue, SPAN("XCTL show a+20b +2B\r\n"), 0);
    ck_assert_str_eq(text_string(&dialogue->controls), "[show][a b][+]");
    ck_assert(span_ends_nocase(text_span(&dialogue->output),
                               "250-one+20line+3D1\r\n250 done\r\n"));
    dialogue_free(dialogue);
}
END_TEST

START_TEST(a_user_has_no_limits_that_strangers_have)
{
    struct dialogue *dialogue = dialogue_new(PEER_USER);

    dialogue_send(dialogue, SPAN("MAIL FROM:<>\r\n"), 0);
    for (int i = 0; i < 2000; i++)
        dialogue_send(dialogue, SPAN("RCPT TO:<u>\r\n"), 0);
    for (int i = 0; i < 200; i++)
        dialogue_send(dialogue, SPAN("XYZZY\r\nNOOP\r\n"), 0);
    dialogue_send(dialogue, SPAN("DATA\r\nx\r\n.\r\n"), 0);
    ck_assert_uint_eq(dialogue->messages[0].envelope.recipient_count, 2000);
    dialogue_free(dialogue);
}
END_TEST

START_TEST(parameters_are_read_as_they_are_written)
{
    struct arena *arena = arena_new();
    struct envelope from = envelope_new(), to = envelope_new();
    const char *flags = "", *text;
    struct span rest, word;
    struct error error;

    from.program = "send mail+=";
    from.full_name = "J\xc3\xb6rg \"x\"";
    from.hops = 17;
    from.grade = 'n';
    from.errors = ERRORS_QUIET;
    from.mode = DELIVERY_QUEUED;
    from.no_aliases = from.verbose = true;
    text = local_mail_parameters(&from, "tf", arena);
    rest = span_from(span_of(text), 1);
    while (span_next(&rest, ' ', &word)) {
        size_t at = span_find(word, '=');

        ck_assert(local_mail_parameter(span_first(word, at), span_from(word, at + 1),
                                       arena, &to, &flags, &error));
    }
    ck_assert_str_eq(to.program, from.program);
    ck_assert_str_eq(to.full_name, from.full_name);
    ck_assert_uint_eq(to.hops, 17);
    ck_assert_int_eq(to.grade, 'n');
    ck_assert_int_eq(to.errors, ERRORS_QUIET);
    ck_assert_int_eq(to.mode, DELIVERY_QUEUED);
    ck_assert(to.no_aliases && to.verbose && !to.me_too && !to.dry_run);
    ck_assert_str_eq(flags, "tfnv");
    arena_free(arena);
}
END_TEST

TCase *
smtp_local_case(void)
{
    TCase *tcase = tcase_create("smtp/local");

    tcase_add_test(tcase, our_own_commands_may_say_more);
    tcase_add_test(tcase, the_sender_is_who_the_kernel_says_unless_trusted);
    tcase_add_test(tcase, the_header_names_the_recipients_but_not_those_excluded);
    tcase_add_test(tcase, a_client_behind_inetd_is_a_stranger_with_an_address);
    tcase_add_test(tcase, who_is_not_trusted_cannot_name_another_host);
    tcase_add_test(tcase, foreground_delivery_has_a_second_reply);
    tcase_add_test(tcase, the_operator_is_heard);
    tcase_add_test(tcase, a_user_has_no_limits_that_strangers_have);
    tcase_add_test(tcase, parameters_are_read_as_they_are_written);
    return tcase;
}
