/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Delivery status notifications as their readers want them (RFC 3461 to 3464, 6533). */
#include "mail/report.h"

#include <string.h>

#include "mail/header.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

/* What a test changes before it composes. */
struct sample {
    struct arena *arena;
    struct envelope envelope;
    struct report_recipient recipient;
    struct report report;
};

static void
sample_begin(struct sample *sample)
{
    *sample = (struct sample){.arena = arena_new(),
                              .envelope = envelope_new(),
                              .recipient = {.address = "joe@b.example",
                                            .original = "rfc822;j@a.example",
                                            .action = "failed",
                                            .status = "5.1.1",
                                            .remote = "mx.b.example",
                                            .diagnostic = "550 5.1.1 unknown user",
                                            .diagnostic_is_smtp = true,
                                            .last_attempt = 767164324},
                              .report = {.kind = REPORT_FAILED,
                                         .message_id = "m0puwU8-00023UB",
                                         .original_id = "m0puwU8-00023UA",
                                         .reporting_mta = "host.example",
                                         .from = "MAILER-DAEMON@example",
                                         .to = "sender@c.example",
                                         .introduction = "",
                                         .recipient_count = 1,
                                         .output = "",
                                         .original = SPAN("Subject: x\r\n\r\nbody\r\n"),
                                         .now = 767164324}};
    sample->envelope.envelope_id = "QQ 314159";
    sample->envelope.message_id = "<1@c.example>";
    sample->envelope.received = INT64_C(767164000000);
}

static const char *
composed(struct sample *sample)
{
    struct text content = text_new(sample->arena);

    sample->report.envelope = &sample->envelope;
    sample->report.recipients = &sample->recipient;
    report_compose(&sample->report, &content);
    return text_string(&content);
}

static void
expect(const char *content, const char *part)
{
    ck_assert_msg(strstr(content, part) != NULL, "\"%s\" is not in:\n%s", part, content);
}

static void
expect_not(const char *content, const char *part)
{
    ck_assert_msg(strstr(content, part) == NULL, "\"%s\" is in:\n%s", part, content);
}

START_TEST(a_bounce_says_all_there_is)
{
    struct sample sample;
    const char *content;
    static const char *const parts[] = {
        "\r\nFrom: MAILER-DAEMON@example\r\nTo: sender@c.example\r\n"
        "Subject: mail failed, returning to sender\r\n",
        "\r\nReference: <m0puwU8-00023UA@host.example>\r\n",
        "\r\nReferences: <1@c.example>\r\n",
        "\r\nAuto-Submitted: auto-replied\r\n",
        "\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n",
        "|------------------------- Failed addresses follow: -",
        "\r\n <joe@b.example> ... mx.b.example said: 550 5.1.1 unknown user\r\n",
        "\r\nContent-Type: message/delivery-status\r\n",
        "\r\n\r\nReporting-MTA: dns; host.example\r\nOriginal-Envelope-Id: QQ 314159\r\n"
        "Arrival-Date: Sun, 24 Apr 1994 ",
        "\r\n\r\nOriginal-Recipient: rfc822;j@a.example\r\n"
        "Final-Recipient: rfc822; joe@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Remote-MTA: dns; mx.b.example\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown "
        "user\r\n"
        "Last-Attempt-Date: Sun, 24 Apr 1994 ",
        "\r\nContent-Type: text/rfc822-headers\r\n",
        "\r\n\r\nSubject: x\r\n\r\n\r\n--smail-m0puwU8-00023UB-0--\r\n",
    };

    sample_begin(&sample);
    content = composed(&sample);
    ck_assert(strncmp(content,
                      "Message-Id: <m0puwU8-00023UB@host.example>\r\nDate: Sun, ",
                      55) == 0);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        expect(content, parts[i]);
    expect_not(content, "8bit");
    expect_not(content, "body"); /* the header alone was asked for */
    expect_not(content, "Will-Retry-Until");
    arena_free(sample.arena);
}
END_TEST

START_TEST(each_kind_has_its_words)
{
    struct sample sample;
    const char *content;

    sample_begin(&sample);
    sample.report.kind = REPORT_DELAYED;
    sample.recipient.action = "delayed";
    sample.recipient.retry_until = 767250724;
    content = composed(&sample);
    expect(content, "Subject: mail delayed, still trying\r\n");
    expect(content, "you need not send it again");
    expect(content, "Delayed addresses follow:");
    expect(content, "\r\nWill-Retry-Until: Mon, 25 Apr 1994 ");
    sample.report.kind = REPORT_SUCCESS;
    sample.report.subject = "it is there";
    sample.report.introduction = "To whom it may concern.\nA second line";
    content = composed(&sample);
    expect(content, "\r\nSubject: it is there\r\n");
    expect(content, "Delivered addresses follow:");
    expect(content, "\r\nTo whom it may concern.\r\nA second line\r\n");
    arena_free(sample.arena);
}
END_TEST

START_TEST(the_original_comes_back_octet_for_octet)
{
    struct sample sample;
    const char *content;

    sample_begin(&sample);
    sample.report.original =
        SPAN("From: =?utf-8?Q?a=00b=0A?= <a@b>\r\n\r\nK\366ln\r\n.\r\n");
    sample.report.original_is_whole = true;
    content = composed(&sample);
    expect(content, "\r\nContent-Transfer-Encoding: 8bit\r\n");
    expect(content, "Content-Type: message/rfc822\r\n");
    expect(content,
           "\r\n\r\nFrom: =?utf-8?Q?a=00b=0A?= <a@b>\r\n\r\nK\366ln\r\n.\r\n\r\n--");
    sample.report.original = SPAN("Subject: K\303\266ln\r\n\r\nx");
    content = composed(&sample);
    expect(content, "Content-Type: message/global\r\n");
    sample.report.original_is_whole = false;
    expect(composed(&sample), "Content-Type: message/global-headers\r\n");
    arena_free(sample.arena);
}
END_TEST

START_TEST(a_boundary_is_in_no_part)
{
    struct sample sample;
    const char *content;

    sample_begin(&sample);
    sample.report.original_is_whole = true;
    sample.report.original = SPAN("A: x\r\n\r\n--smail-m0puwU8-00023UB-0\r\n");
    sample.report.output = "--smail-m0puwU8-00023UB-1\n";
    content = composed(&sample);
    expect(content, "boundary=\"smail-m0puwU8-00023UB-2\"\r\n");
    arena_free(sample.arena);
}
END_TEST

START_TEST(strangers_cannot_add_lines)
{
    struct sample sample;
    const char *content;

    sample_begin(&sample);
    sample.report.to = "x@y\r\nBcc: evil@z";
    sample.recipient.address = "\"a\r\nStatus: 2.0.0\"@b";
    sample.recipient.original = "rfc822;x\r\nAction: delivered";
    sample.recipient.remote = "mx\r\n\r\nFinal-Recipient: rfc822;y";
    sample.recipient.diagnostic = "550 \033[2J no\r\nStatus: 2.0.0\n\n--x";
    sample.envelope.envelope_id = "1\r\nX: y";
    sample.envelope.message_id = "<1>\r\nX: y";
    sample.report.output = "a\033b\r\n\377\302\233c\tdone";
    content = composed(&sample);
    expect_not(content, "\nStatus: 2");
    expect_not(content, "\nAction: d");
    expect_not(content, "\nFinal-Recipient: rfc822;y");
    expect_not(content, "\nBcc:");
    expect_not(content, "\nX: y");
    expect_not(content, "\nReferences:");
    expect_not(content, "\033");
    expect_not(content, "\302\233");
    expect(content, "\r\na?b\r\n??c\tdone\r\n");
    arena_free(sample.arena);
}
END_TEST

START_TEST(long_texts_are_folded)
{
    struct sample sample;
    struct text diagnostic;
    const char *content;
    struct span rest, line;

    sample_begin(&sample);
    diagnostic = text_new(sample.arena);
    for (int i = 0; i < 100; i++)
        text_add(&diagnostic, "word ");
    for (int i = 0; i < 3000; i++)
        text_add(&diagnostic, "x");
    sample.recipient.diagnostic = text_string(&diagnostic);
    sample.report.output = text_string(&diagnostic);
    content = composed(&sample);
    for (rest = span_of(content); span_next(&rest, '\n', &line);)
        ck_assert_uint_le(line.length, 999);
    expect(content, "word word\r\n    word");
    arena_free(sample.arena);
}
END_TEST

START_TEST(addresses_beyond_ascii_go_both_ways)
{
    struct sample sample;
    const char *content;

    sample_begin(&sample);
    sample.recipient.address = "j\303\266+x@b.example";
    content = composed(&sample); /* to one who may not read UTF-8: RFC 6533 3 */
    expect(content, "\r\nFinal-Recipient: utf-8; j\\x{F6}\\x{2B}x@b.example\r\n");
    expect(content, "Content-Type: message/delivery-status\r\n");
    sample.report.to = "\303\251@c.example";
    content = composed(&sample);
    expect(content, "\r\nFinal-Recipient: utf-8; j\303\266+x@b.example\r\n");
    expect(content, "Content-Type: message/global-delivery-status\r\n");
    sample.recipient.address = "joe";
    expect(composed(&sample), "\r\nFinal-Recipient: rfc822; joe@host.example\r\n");
    arena_free(sample.arena);
}
END_TEST

TCase *
mail_report_case(void)
{
    TCase *tcase = tcase_create("mail_report");

    tcase_add_test(tcase, a_bounce_says_all_there_is);
    tcase_add_test(tcase, each_kind_has_its_words);
    tcase_add_test(tcase, the_original_comes_back_octet_for_octet);
    tcase_add_test(tcase, a_boundary_is_in_no_part);
    tcase_add_test(tcase, strangers_cannot_add_lines);
    tcase_add_test(tcase, long_texts_are_folded);
    tcase_add_test(tcase, addresses_beyond_ascii_go_both_ways);
    return tcase;
}
