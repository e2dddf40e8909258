/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what a delivery changes of a message: fields, "From " lines, batches. */
#include <stdio.h>
#include <string.h>

#include "mail/date.h"
#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const char config[] =
    "hostnames=vlager.vbrew.com\nuucp_name=vlager\nreceived_field=\"Received: by "
    "$primary_name\\n\\tid $message_id\"\n";

static struct desk desk;

static void
end(void)
{
    desk_end(&desk);
}

/* The message as the transport with these attributes writes it, the date of "From " as
 * DATE. */
static const char *
written(const char *generic, const char *reverse_path, const char *content)
{
    char transports[400];
    const char *text, *date;
    struct text result;

    snprintf(transports, sizeof transports, "t: driver=appendfile, %s; file=@/out\n",
             generic);
    desk_begin(&desk, config, transports);
    desk_message(&desk, reverse_path, content);
    desk_address(&desk, ADDRESS_MAIL, "t", "joe");
    desk_deliver(&desk);
    ck_assert_str_eq(desk_outcome(&desk), "delivered");
    text = desk_read(&desk, "out");
    date = strncmp(text, "From ", 5) == 0 ? strchr(text + 5, ' ') : NULL;
    if (!date)
        return text;
    result = text_new(desk.arena);
    text_add_span(&result, (struct span){text, (size_t)(date - text) + 1});
    text_add(&result, "DATE");
    text_add(&result, date + 25);
    return text_string(&result);
}

static const struct {
    const char *generic, *sender, *content, *want;
} messages[] = {
    {"-received", "a@b.example", "Subject: x\r\n\r\nt\r\n", "Subject: x\n\nt\n"},
    {"-received, crlf", "a@b.example", "Subject: x\r\n\r\nt\r\n",
     "Subject: x\r\n\r\nt\r\n"},
    {"local", "a@b.example", "Subject: x\r\n\r\nt\r\n",
     "Received: by vlager.vbrew.com\n\tid m0s8iXo-000001C\nSubject: x\n\nt\n"},
    {"local, -received, return_path", "a@b.example",
     "Return-Path: <evil@x>\r\nSubject: x\r\nreturn-path : y\r\n\r\nt\r\n",
     "Return-Path: <a@b.example>\nSubject: x\n\nt\n"},
    {"local, -received, return_path", "", "\r\nt\r\n", "Return-Path: <>\n\nt\n"},
    {"-received, remove_header=X-A, remove_header=\"x-b:\"", "a@b.example",
     "X-A: 1\r\n folded\r\nx-c: 2\r\nX-B: 3\r\n\r\nt\r\n", "x-c: 2\n\nt\n"},
    {"-received, insert_header=\"X-First: $sender\", append_header=\"X-Last: 1\"",
     "a@b.example", "Subject: x\r\n\r\nt\r\n",
     "X-First: a@b.example\nSubject: x\nX-Last: 1\n\nt\n"},
    /* an empty one adds nothing; a line end inside never begins another field */
    {"-received, insert_header=\"${if dest:local :X: 1}\"", "a@b.example",
     "Subject: x\r\n\r\nt\r\n", "Subject: x\n\nt\n"},
    {"-received, insert_header=\"X: 1\\nEvil: 2\"", "a@b.example",
     "Subject: x\r\n\r\nt\r\n", "X: 1\n\tEvil: 2\nSubject: x\n\nt\n"},
    /* no header, no body, nothing */
    {"-received", "a@b.example", "\r\nt\r\n", "\nt\n"},
    {"-received", "a@b.example", "t\r\n", "\nt\n"},
    {"-received", "a@b.example", "Subject: x\r\n", "Subject: x\n\n"},
    {"-received", "a@b.example", "", "\n"},
    {"-received, from, local", "a@b.example", "\r\nFrom x\r\n",
     "From a@b.example DATE\n\nFrom x\n"},
    {"-received, from, local, unix_from_hack", "joe", "\r\nFrom x\r\n",
     "From joe DATE\n\n>From x\n"},
    {"-received, from, local", "", "\r\nt\r\n", "From MAILER-DAEMON DATE\n\nt\n"},
    {"-received, from, local", "\"a b\"@c", "\r\nt\r\n", "From \"a-b\"@c DATE\n\nt\n"},
    {"-received, from, inet", "joe", "\r\nt\r\n",
     "From joe@vlager.vbrew.com DATE\n\nt\n"},
    {"-received, from, uucp", "a@b.example", "\r\nt\r\n",
     "From b.example!a DATE remote from vlager\n\nt\n"},
    {"-received, from, uucp", "a@vlager.vbrew.com", "\r\nt\r\n",
     "From a DATE remote from vlager\n\nt\n"},
    {"-received, bsmtp", "a@b.example", "Subject: x\r\n\r\n.\r\n",
     "HELO vlager.vbrew.com\nMAIL FROM:<a@b.example>\nRCPT TO:<joe>\nDATA\n"
     "Subject: x\n\n..\n.\nQUIT\n"},
    {"-received, hbsmtp", "", "Subject: x\r\n\r\n.\r\n",
     "MAIL FROM:<>\nRCPT TO:<joe>\nDATA\nSubject: x\n\n..\n.\n"},
};

START_TEST(messages_leave_with_the_edits_of_their_transport)
{
    ck_assert_str_eq(
        written(messages[_i].generic, messages[_i].sender, messages[_i].content),
        messages[_i].want);
}
END_TEST

START_TEST(the_owner_of_a_list_is_its_sender)
{
    desk_begin(&desk, config,
               "t: driver=appendfile, -received, inet, return_path; file=@/out\n");
    desk_address(&desk, ADDRESS_MAIL, "t", "joe")->owner = "owner-list";
    desk_deliver(&desk);
    ck_assert_str_eq(desk_read(&desk, "out"),
                     "Return-Path: <owner-list@vlager.vbrew.com>\nSubject: x\n\ntext\n");
    desk_message(&desk, "", "\r\nbounce\r\n");
    desk_deliver(&desk);
    ck_assert(strstr(desk_read(&desk, "out"), "Return-Path: <>\n\nbounce\n") != NULL);
}
END_TEST

START_TEST(debug_keeps_the_letter_private)
{
    const char *text =
        written("-received, debug", "a@b.example", "Subject: x\r\n\r\nsecret\r\n");

    ck_assert(strstr(text, "secret") == NULL);
    ck_assert(strstr(text, "Subject: x\n\n") != NULL);
    ck_assert(strstr(text, "recipient: joe ") != NULL);
}
END_TEST

TCase *
deliver_render_case(void)
{
    TCase *tcase = tcase_create("deliver/render");

    tcase_add_checked_fixture(tcase, NULL, end);
    tcase_add_loop_test(tcase, messages_leave_with_the_edits_of_their_transport, 0,
                        sizeof messages / sizeof messages[0]);
    tcase_add_test(tcase, the_owner_of_a_list_is_its_sender);
    tcase_add_test(tcase, debug_keeps_the_letter_private);
    return tcase;
}
