/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The three forms of the log say the same, one line for each event, whatever is in it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/log.h"
#include "mail/status.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static struct envelope
guide_envelope(void)
{
    struct envelope envelope = envelope_new();

    envelope.reverse_path = "root";
    envelope.program = "sendmail";
    envelope.size = 1468;
    return envelope;
}

static const char *
rendered(const struct log_record *record, const char *format, struct arena *arena)
{
    struct text line = text_new(arena);

    log_render(record, format, 9, &line);
    return text_string(&line);
}

START_TEST(the_guides_items_stand_on_one_line)
{
    struct arena *arena = arena_new();
    struct envelope envelope = guide_envelope();
    struct log_record record = log_record_new(EVENT_RECEIVED);
    struct error error = {0};

    setenv("TZ", "UTC", 1);
    tzset();
    record.time = INT64_C(767164324000);
    record.id = "m0puwU8-00023UB";
    record.envelope = &envelope;
    ck_assert_str_eq(rendered(&record, "smail", arena),
                     "04/24/1994 05:12:04: [m0puwU8-00023UB] received | from: root | "
                     "program: sendmail | size: 1468 bytes\n");

    record = log_record_new(EVENT_DELIVERED);
    record.time = INT64_C(767164324000);
    record.id = "m0puwU8-00023UB";
    record.next_hop = "vstout.vbrew.com";
    record.address = "root@vstout.vbrew.com";
    record.original = "root@vstout.vbrew.com";
    record.router = "smart_host";
    record.transport = "smtp";
    ck_assert_str_eq(
        rendered(&record, "smail", arena),
        "04/24/1994 05:12:04: [m0puwU8-00023UB] delivered | via: vstout.vbrew.com | "
        "to: root@vstout.vbrew.com | orig-to: root@vstout.vbrew.com | "
        "router: smart_host | transport: smtp\n");

    record.event = EVENT_DEFERRED;
    fail_temporary_number(&error, ERR_SMTP_CONNECT, "4.4.1",
                          "transport smtp: connect: Connection refused");
    record.error = &error;
    ck_assert_str_eq(
        rendered(&record, "smail", arena),
        "04/24/1994 05:12:04: [m0puwU8-00023UB] root@vstout.vbrew.com ... deferred "
        "(ERR_148) transport smtp: connect: Connection refused | status: 4.4.1\n");
    arena_free(arena);
}
END_TEST

START_TEST(syslog_has_sendmails_pairs)
{
    struct arena *arena = arena_new();
    struct envelope envelope = guide_envelope();
    struct log_record record = log_record_new(EVENT_RECEIVED);

    envelope.message_id = "<a@b>";
    envelope.peer_address = "192.0.2.1";
    envelope.hello = "client.example";
    envelope.protocol = "esmtp";
    envelope.recipient_count = 2;
    record.id = "m0puwU8-00023UB";
    record.envelope = &envelope;
    ck_assert_str_eq(rendered(&record, "syslog", arena),
                     "m0puwU8-00023UB: from=<root>, size=1468, class=0, pri=61468, "
                     "nrcpts=2, msgid=<a@b>, "
                     "proto=esmtp, relay=client.example [192.0.2.1]\n");
    record = log_record_new(EVENT_DELIVERED);
    record.id = "m0puwU8-00023UB";
    record.address = "u@d.example";
    record.transport = "smtp";
    record.next_hop = "mx.example";
    record.delay = 3723000;
    record.attempt = 1000;
    ck_assert_str_eq(
        rendered(&record, "syslog", arena),
        "m0puwU8-00023UB: to=<u@d.example>, delay=01:02:03, xdelay=00:00:01, "
        "mailer=smtp, relay=mx.example, dsn=2.0.0, stat=Sent\n");
    arena_free(arena);
}
END_TEST

START_TEST(nothing_from_outside_makes_a_second_line)
{
    static const char *const formats[] = {"smail", "json", "syslog"};
    struct arena *arena = arena_new();
    char long_text[3000];

    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    for (size_t i = 0; i < 3; i++)
        for (int event = EVENT_RECEIVED; event <= EVENT_PANIC; event++) {
            struct envelope envelope = guide_envelope();
            struct log_record record = log_record_new((enum log_event)event);
            struct error error = {0};
            const char *line;

            envelope.reverse_path = "a\nb\r\033[2J@c";
            envelope.hello = "x\n04/24/1994 forged";
            record.envelope = &envelope;
            record.address = record.text = record.peer = "evil\r\nsecond\x01";
            record.diagnostic = long_text;
            fail_permanent(&error, "5.0.0", "one\ntwo");
            record.error = &error;
            line = rendered(&record, formats[i], arena);
            ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
            ck_assert_ptr_null(strchr(line, '\r'));
            ck_assert_ptr_null(strchr(line, '\033'));
            ck_assert_uint_lt(strlen(line), 6000);
        }
    arena_free(arena);
}
END_TEST

START_TEST(the_level_decides_what_is_said)
{
    static const struct {
        enum log_event event;
        int64_t level;
        bool said;
    } rows[] = {{EVENT_PANIC, 0, true},    {EVENT_FAILED, 1, false},
                {EVENT_FAILED, 2, true},   {EVENT_DEFERRED, 2, false},
                {EVENT_RECEIVED, 5, true}, {EVENT_COMPLETED, 5, false},
                {EVENT_COMPLETED, 9, true}};
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct envelope envelope = guide_envelope();
        struct log_record record = log_record_new(rows[i].event);
        struct text line = text_new(arena);

        record.envelope = &envelope;
        log_render(&record, "smail", rows[i].level, &line);
        ck_assert_int_eq(line.length > 0, rows[i].said);
    }
    arena_free(arena);
}
END_TEST

TCase *
log_render_case(void)
{
    TCase *tcase = tcase_create("log_render");

    tcase_add_test(tcase, the_guides_items_stand_on_one_line);
    tcase_add_test(tcase, syslog_has_sendmails_pairs);
    tcase_add_test(tcase, nothing_from_outside_makes_a_second_line);
    tcase_add_test(tcase, the_level_decides_what_is_said);
    return tcase;
}
