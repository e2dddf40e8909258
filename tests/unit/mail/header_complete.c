/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a header gets on receipt (reference 10.6), and what it loses. */
#include "mail/header.h"

#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

#define ID "Message-Id: <m1@host.example>\r\n"
#define DATE "Date: now\r\n"
#define FROM "From: joe@example.com (Joe User)\r\n"
#define SENDER "Sender: joe@example.com (Joe User)\r\n"
#define RESENT_ID "Resent-Message-Id: <m1@host.example>\r\n"
#define RESENT_DATE "Resent-Date: now\r\n"
#define HAS "Message-Id: <1>\r\nDate: x\r\n" /* so that only the rest is completed */

enum { REMOTE = 1, TRUSTED = 2, DROP_BCC = 4 };

static struct submission
submission_of(const struct envelope *envelope, unsigned how)
{
    return (struct submission){.envelope = envelope,
                               .trusted = (how & TRUSTED) != 0,
                               .local = (how & REMOTE) == 0,
                               .drop_bcc = (how & DROP_BCC) != 0,
                               .primary_name = "host.example.com",
                               .visible_name = "example.com",
                               .message_id_field = "Message-Id: <m1@host.example>",
                               .date_field = "Date: now",
                               .from_field = "From: joe@example.com (Joe User)"};
}

static const struct {
    const char *header;
    unsigned how;
    const char *result;
} rows[] = {
    /* missing fields */
    {"", 0, ID DATE FROM "\r\n"},
    {"\r\n", 0, ID DATE FROM "\r\n"},
    {"Subject: x\r\n", 0, ID DATE FROM "Subject: x\r\n\r\n"},
    {"Subject: x", 0, ID DATE FROM "Subject: x\r\n\r\n"},
    {"Subject: x\r\n\r\n", REMOTE, ID DATE "Subject: x\r\n\r\n"},
    {"MESSAGE-ID: <1>\r\ndate : x\r\nfrom: joe\r\n\r\n", 0,
     "MESSAGE-ID: <1>\r\ndate : x\r\nfrom: joe\r\n\r\n"},
    /* who is not trusted */
    {HAS "From: joe\r\n\r\n", 0, HAS "From: joe\r\n\r\n"},
    {HAS "From: JOE@Example.Com\r\n\r\n", 0, HAS "From: JOE@Example.Com\r\n\r\n"},
    {HAS "From: Big Joe <joe@host.example.com>\r\n\r\n", 0,
     HAS "From: Big Joe <joe@host.example.com>\r\n\r\n"},
    {HAS "From: boss@example.com\r\n\r\n", 0,
     SENDER HAS "From: boss@example.com\r\n\r\n"},
    {HAS "From: joe@elsewhere\r\n\r\n", 0, SENDER HAS "From: joe@elsewhere\r\n\r\n"},
    {HAS "From: joe, boss\r\n\r\n", 0, SENDER HAS "From: joe, boss\r\n\r\n"},
    {HAS "From: joe\r\nFrom: boss\r\n\r\n", 0,
     SENDER HAS "From: joe\r\nFrom: boss\r\n\r\n"},
    {HAS "From: boss\r\nFrom: joe\r\n\r\n", 0,
     SENDER HAS "From: boss\r\nFrom: joe\r\n\r\n"},
    {HAS "From: <\r\n\r\n", 0, SENDER HAS "From: <\r\n\r\n"},
    {HAS "From: boss\r\nSender: boss\r\n\r\n", 0, SENDER HAS "From: boss\r\n\r\n"},
    {HAS "From: joe\r\nSender: boss\r\n\r\n", 0, HAS "From: joe\r\n\r\n"},
    {HAS "From: boss\r\nSender: joe\r\n\r\n", 0, HAS "From: boss\r\nSender: joe\r\n\r\n"},
    {HAS "From: boss\r\nSender: joe\r\nSender: x\r\n\r\n", 0,
     SENDER HAS "From: boss\r\n\r\n"},
    {HAS "From: boss\r\nSENDER :\r\n x\r\n\r\n", 0, SENDER HAS "From: boss\r\n\r\n"},
    {HAS "From: boss\r\nSender: x\r\n\r\n", REMOTE,
     HAS "From: boss\r\nSender: x\r\n\r\n"},
    /* who is */
    {HAS "From: boss\r\nSender: x\r\n\r\n", TRUSTED,
     HAS "From: boss\r\nSender: x\r\n\r\n"},
    {HAS "From: boss\r\n\r\n", TRUSTED, HAS "From: boss\r\n\r\n"},
    {HAS "From: a, b\r\n\r\n", TRUSTED, SENDER HAS "From: a, b\r\n\r\n"},
    {HAS "From: a, b\r\nSender: c\r\n\r\n", TRUSTED,
     HAS "From: a, b\r\nSender: c\r\n\r\n"},
    /* Bcc */
    {HAS "From: joe\r\nBcc: x\r\n\r\n", 0, HAS "From: joe\r\nBcc: x\r\n\r\n"},
    {HAS "From: joe\r\nBcc: x,\r\n y\r\nbCC : z\r\nTo: t\r\nBcc:\r\n\r\n", DROP_BCC,
     HAS "From: joe\r\nTo: t\r\n\r\n"},
    {HAS "From: joe\r\nBcc: x\r\n y", DROP_BCC, HAS "From: joe\r\n\r\n"},
    /* sent again: the first sending stays as it was */
    {"From: a\r\nResent-To: b\r\n\r\n", 0,
     RESENT_ID RESENT_DATE "Resent-" FROM "From: a\r\nResent-To: b\r\n\r\n"},
    {"Sender: x\r\nResent-From: boss\r\nResent-Sender: y\r\nResent-Bcc: z\r\nBcc: "
     "w\r\n\r\n",
     DROP_BCC,
     RESENT_ID RESENT_DATE "Resent-" SENDER "Sender: x\r\nResent-From: boss\r\n\r\n"},
    {"Resent-To: b\r\n\r\n", REMOTE, ID DATE "Resent-To: b\r\n\r\n"},
    /* octet for octet */
    {HAS "From: joe\r\nSubject: =?utf-8?Q?a=00b=0A?=\377\r\n\t \r\nX :y\r\n\r\n", 0,
     HAS "From: joe\r\nSubject: =?utf-8?Q?a=00b=0A?=\377\r\n\t \r\nX :y\r\n\r\n"},
};

START_TEST(headers_are_completed)
{
    struct arena *arena = arena_new();
    struct envelope envelope = envelope_new();

    envelope.submitter = "joe";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct submission submission = submission_of(&envelope, rows[i].how);
        struct text result = text_new(arena);
        struct error error = {0};

        ck_assert_msg(
            header_complete(span_of(rows[i].header), &submission, &result, &error), "%s",
            error.text);
        ck_assert_str_eq(text_string(&result), rows[i].result);
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_field_for_recipients_is_added_as_wanted)
{
    static const struct {
        const char *header;
        enum recipient_field wanted;
        const char *added;
    } fields[] = {
        {"Subject: x\r\n\r\n", RECIPIENT_FIELD_NONE, ""},
        {"Subject: x\r\n\r\n", RECIPIENT_FIELD_TO, "To: a@b,\r\n\tc@d\r\n"},
        {"Subject: x\r\n\r\n", RECIPIENT_FIELD_APPARENTLY_TO,
         "Apparently-To: a@b,\r\n\tc@d\r\n"},
        {"Subject: x\r\n\r\n", RECIPIENT_FIELD_BCC, "Bcc: \r\n"},
        {"Subject: x\r\n\r\n", RECIPIENT_FIELD_UNDISCLOSED,
         "To: undisclosed-recipients:;\r\n"},
        {"Cc: x\r\n\r\n", RECIPIENT_FIELD_TO, ""},
        /* whoever stood in Bcc does not turn up in To */
        {"Bcc: a@b\r\n\r\n", RECIPIENT_FIELD_TO, "To: undisclosed-recipients:;\r\n"},
    };
    static struct recipient recipients[] = {{.text = "a@b", .original = ""},
                                            {.text = "c@d", .original = ""}};
    struct arena *arena = arena_new();
    struct envelope envelope = envelope_new();

    envelope.submitter = "joe";
    envelope.recipients = recipients;
    envelope.recipient_count = 2;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct submission submission = submission_of(&envelope, DROP_BCC);
        struct text result = text_new(arena);

        submission.recipient_field = fields[i].wanted;
        ck_assert(header_complete(span_of(fields[i].header), &submission, &result, NULL));
        ck_assert(span_starts(text_span(&result), ID DATE FROM));
        ck_assert_msg(span_starts(span_from(text_span(&result), strlen(ID DATE FROM)),
                                  fields[i].added),
                      "%s", text_string(&result));
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_full_name_can_do_no_harm)
{
    static const struct {
        const char *template, *field;
    } names[] = {
        {"From: joe@example.com (J\303\266rg M\303\274ller jr)",
         "From: joe@example.com (=?utf-8?q?J=C3=B6rg_M=C3=BCller?= jr)\r\n"},
        {"From: joe@example.com (J\366rg)",
         "From: joe@example.com (=?iso-8859-1?q?J=F6rg?=)\r\n"},
        {"From: Joe <joe@example.com>", "From: Joe <joe@example.com>\r\n"},
        {"From: joe@example.com (Joe) <boss@example.com", "From: joe@example.com\r\n"},
        {"From: joe@example.com (a), boss@example.com (b)", "From: joe@example.com\r\n"},
        {"From: boss@example.com (Joe)", "From: joe@example.com\r\n"},
        {"From: joe@example.com (Joe)\r\nBcc: evil@x", "From: joe@example.com\r\n"},
        {"From: joe@example.com (Joe\001)", "From: joe@example.com (Joe )\r\n"},
        {"From: joe@example.com (", "From: joe@example.com\r\n"},
        {"Subject: joe", "From: joe@example.com\r\n"},
        {"", "From: joe@example.com\r\n"},
    };
    struct arena *arena = arena_new();
    struct envelope envelope = envelope_new();

    envelope.submitter = "joe";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct submission submission = submission_of(&envelope, 0);
        struct text result = text_new(arena);
        struct span from;

        submission.from_field = names[i].template;
        ck_assert(header_complete(SPAN(HAS), &submission, &result, NULL));
        from = span_first(text_span(&result), result.length - strlen(HAS "\r\n"));
        ck_assert_msg(span_is(from, names[i].field), "%s", text_string(&result));
    }
    arena_free(arena);
}
END_TEST

START_TEST(a_template_that_gives_no_field_makes_mail_wait)
{
    static const char *const templates[] = {"", "<m1>", "Date: x",
                                            "Message-Id: <a>\r\nX: y", "Message-Id"};
    struct arena *arena = arena_new();
    struct envelope envelope = envelope_new();

    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
        struct submission submission = submission_of(&envelope, REMOTE);
        struct text result = text_new(arena);
        struct error error = {0};

        submission.message_id_field = templates[i];
        ck_assert(!header_complete(SPAN("\r\n"), &submission, &result, &error));
        ck_assert(!error.permanent && strcmp(error.status, "4.3.5") == 0);
    }
    arena_free(arena);
}
END_TEST

START_TEST(without_a_submitter_the_template_is_all_there_is)
{
    struct arena *arena = arena_new();
    struct envelope envelope = envelope_new();
    struct submission submission = submission_of(&envelope, 0);
    struct text result = text_new(arena);

    submission.from_field = "From: MAILER-DAEMON@example.com";
    ck_assert(header_complete(SPAN(HAS "Sender: x\r\n"), &submission, &result, NULL));
    ck_assert_str_eq(text_string(&result),
                     "From: MAILER-DAEMON@example.com\r\n" HAS "Sender: x\r\n\r\n");
    submission.from_field = "From: ";
    ck_assert(!header_complete(SPAN(HAS), &submission, &result, NULL));
    arena_free(arena);
}
END_TEST

TCase *
mail_header_complete_case(void)
{
    TCase *tcase = tcase_create("mail_header_complete");

    tcase_add_test(tcase, headers_are_completed);
    tcase_add_test(tcase, a_field_for_recipients_is_added_as_wanted);
    tcase_add_test(tcase, a_full_name_can_do_no_harm);
    tcase_add_test(tcase, a_template_that_gives_no_field_makes_mail_wait);
    tcase_add_test(tcase, without_a_submitter_the_template_is_all_there_is);
    return tcase;
}
