/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of bounces, warnings and success reports: who is told, and how much goes back. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const char config[] = "hostnames=vlager.vbrew.com\nbounce_size_limit=2000\n"
                             "postmaster_address=janet\n";

static struct desk desk;

static void
begin(void)
{
    desk_begin(&desk, config, NULL);
}

static void
end(void)
{
    desk_end(&desk);
}

static struct address *
failed(const char *text, enum report_class report, const char *owner, uint8_t notify)
{
    struct address *address = desk_address(&desk, ADDRESS_MAIL, "local", text);

    address->state = ADDRESS_FAILED;
    address->report = report;
    address->owner = owner;
    address->notify = notify;
    fail_permanent_number(&address->error, 100, "5.1.1", "unknown user");
    return address;
}

/* Who gets what: "to:count" for each report, "-:count" for what is only marked, "!"
 * panic. */
static const char *
reports(void)
{
    struct text text = text_new(desk.arena);

    for (const struct job_report *at = desk.result.reports; at; at = at->next) {
        if (text.length > 0)
            text_add_byte(&text, ' ');
        if (!at->has_message)
            text_add(&text, at->panic ? "!" : "-");
        for (size_t i = 0; at->has_message && i < at->envelope.recipient_count; i++)
            text_add_format(&text, "%s%s", i ? "," : "", at->envelope.recipients[i].text);
        text_add_format(&text, ":%zu", at->count);
    }
    return text_string(&text);
}

static const char *
bounce(void)
{
    desk.job.kind = JOB_BOUNCE;
    job_run(&desk.context, &desk.job, &desk.result);
    return reports();
}

static const struct {
    const char *sender, *owner;
    enum report_class report;
    uint8_t notify;
    char grade;
    enum error_mode errors;
    const char *header;
    const char *want;
} bounces[] = {
#define POSTMASTER "postmaster@vlager.vbrew.com:1"
    {"a@b.example", "", REPORT_SENDER, 0, 'C', ERRORS_MAIL, "", "a@b.example:1"},
    {"a@b.example", "o@c.example", REPORT_SENDER, 0, 'C', ERRORS_MAIL, "",
     "o@c.example:1"},
    {"a@b.example", "", REPORT_OWNER, 0, 'C', ERRORS_MAIL, "", POSTMASTER},
    {"a@b.example", "o@c.example", REPORT_OWNER, 0, 'C', ERRORS_MAIL, "",
     "o@c.example:1"},
    {"a@b.example", "o@c.example", REPORT_POSTMASTER, 0, 'C', ERRORS_MAIL, "",
     POSTMASTER},
    /* a report is never answered but to the postmaster */
    {"", "", REPORT_SENDER, 0, 'C', ERRORS_MAIL, "", POSTMASTER},
    {"", "o@c.example", REPORT_OWNER, 0, 'C', ERRORS_MAIL, "", POSTMASTER},
    /* NOTIFY of the sender */
    {"a@b.example", "", REPORT_SENDER, NOTIFY_NEVER, 'C', ERRORS_MAIL, "", "-:1"},
    {"a@b.example", "", REPORT_SENDER, NOTIFY_SUCCESS | NOTIFY_DELAY, 'C', ERRORS_MAIL,
     "", "-:1"},
    {"a@b.example", "", REPORT_SENDER, NOTIFY_FAILURE, 'C', ERRORS_MAIL, "",
     "a@b.example:1"},
    {"a@b.example", "", REPORT_POSTMASTER, NOTIFY_NEVER, 'C', ERRORS_MAIL, "",
     POSTMASTER},
    /* silence */
    {"a@b.example", "", REPORT_SENDER, 0, 'C', ERRORS_QUIET, "", "-:1"},
    {"a@b.example", "", REPORT_POSTMASTER, 0, 'C', ERRORS_QUIET, "", "-:1"},
    {"a@b.example", "", REPORT_SENDER, 0, 'C', ERRORS_MAIL, "Precedence: Junk\r\n",
     "-:1"},
    {"a@b.example", "", REPORT_SENDER, 0, 'C', ERRORS_MAIL, "Precedence: bulk\r\n",
     "a@b.example:1"},
    {"a@b.example", "", REPORT_SENDER, 0, 'n', ERRORS_MAIL, "", "-:1"},
    {"a@b.example", "", REPORT_SENDER, 0, 'a', ERRORS_MAIL, "", "a@b.example:1"},
};

START_TEST(each_class_of_failure_goes_to_its_reader)
{
    desk_message(
        &desk, bounces[_i].sender,
        arena_format(desk.arena, "%sSubject: x\r\n\r\nbody\r\n", bounces[_i].header));
    desk.job.envelope.grade = bounces[_i].grade;
    desk.job.envelope.errors = bounces[_i].errors;
    failed("joe", bounces[_i].report, bounces[_i].owner, bounces[_i].notify);
    ck_assert_str_eq(bounce(), bounces[_i].want);
    ck_assert(desk.result.reports->kind == REPORT_FAILED);
    ck_assert_uint_eq(desk.result.reports->numbers[0], 1);
    if (desk.result.reports->has_message) {
        ck_assert_str_eq(desk.result.reports->envelope.reverse_path, "");
        ck_assert_int_eq(desk.result.reports->envelope.origin, ORIGIN_BOUNCE);
        ck_assert_uint_eq(desk.result.reports->envelope.size,
                          desk.result.reports->content.length);
    }
}
END_TEST

static const char *const postmasters[] = {
    "postmaster@vlager.vbrew.com", "Postmaster@VLAGER.vbrew.com", "postmaster", "janet"};

START_TEST(what_fails_at_the_postmaster_ends_there)
{
    struct recipient recipient = {.text = postmasters[_i], .original = ""};

    desk_message(&desk, "", "Subject: x\r\n\r\nbody\r\n");
    desk.job.envelope.recipients = &recipient;
    desk.job.envelope.recipient_count = 1;
    failed("postmaster", REPORT_SENDER, "", 0);
    ck_assert_str_eq(bounce(), "!:1");
}
END_TEST

START_TEST(addresses_are_gathered_by_reader)
{
    failed("joe", REPORT_SENDER, "", 0);
    failed("bob", REPORT_SENDER, "O@c.example", 0);
    failed("eve", REPORT_SENDER, "", 0);
    failed("list", REPORT_OWNER, "o@c.example", 0);
    failed("sue", REPORT_SENDER, "", NOTIFY_NEVER);
    desk_address(&desk, ADDRESS_MAIL, "local", "fine");
    ck_assert_str_eq(bounce(), "ann@vstout.vbrew.com:2 O@c.example:2 -:1");
    ck_assert_uint_eq(desk.result.reports->numbers[1], 3);
    ck_assert_str_eq(desk.result.reports->log, "error returned to ann@vstout.vbrew.com");
    ck_assert_str_eq(desk.result.reports->next->log, "error sent to O@c.example");
}
END_TEST

START_TEST(the_postmaster_gets_copies_if_he_wants_them)
{
    desk.configuration->settings.error_copy_postmaster = true;
    failed("joe", REPORT_SENDER, "", 0);
    failed("bob", REPORT_POSTMASTER, "", 0);
    ck_assert_str_eq(bounce(), "ann@vstout.vbrew.com,postmaster@vlager.vbrew.com:1 "
                               "postmaster@vlager.vbrew.com:1");
}
END_TEST

static bool
content_has(const char *what)
{
    struct span content = desk.result.reports->content;

    return span_search(content, span_of(what)) < content.length;
}

static const struct {
    enum envelope_return ret;
    int64_t limit;
    char grade;
    bool whole;
} returns[] = {
    {RETURN_DEFAULT, 2000, 'C', true}, {RETURN_HEADERS, 2000, 'C', false},
    {RETURN_FULL, 2000, 'C', true},    {RETURN_FULL, 19, 'C', false},
    {RETURN_DEFAULT, 0, 'C', false},   {RETURN_DEFAULT, 2000, 'b', false},
};

START_TEST(as_much_goes_back_as_was_asked_for)
{
    desk.job.envelope.ret = returns[_i].ret;
    desk.job.envelope.grade = returns[_i].grade;
    desk.configuration->settings.bounce_size_limit = returns[_i].limit;
    failed("joe", REPORT_SENDER, "", 0);
    bounce();
    ck_assert(content_has("\r\nSubject: x\r\n"));
    ck_assert(content_has("5.1.1"));
    ck_assert(content_has("unknown user"));
    ck_assert_int_eq(content_has("\r\ntext\r\n"), returns[_i].whole);
}
END_TEST

START_TEST(a_large_message_goes_back_from_its_file)
{
    struct span content = SPAN("Subject: x\r\n\r\ntext\r\n");
    int fd = memfd_create("test", MFD_CLOEXEC);

    ck_assert(write(fd, content.bytes, content.length) == (ssize_t)content.length);
    desk.job.content = span_first(content, 14);
    desk.job.content_fd = fd;
    failed("joe", REPORT_SENDER, "", 0);
    bounce();
    ck_assert(content_has("\r\ntext\r\n"));
    close(fd);
}
END_TEST

START_TEST(what_was_said_stands_in_the_report)
{
    struct spool_outcome outcomes[] = {
        {.number = 2, .remote = "", .diagnostic = "one | two", .time = 86400000},
        {.number = 1,
         .remote = "mx.c.example",
         .diagnostic = "550 5.1.1 go away",
         .time = 86400000},
    };

    desk.job.outcomes = outcomes;
    desk.job.outcome_count = 2;
    fail_permanent_number(&failed("bob@c.example", REPORT_SENDER, "", 0)->error, 156,
                          "5.1.1", "mx.c.example said: 550 5.1.1 go away");
    fail_permanent_number(&failed("joe", REPORT_SENDER, "", 0)->error, 144, "5.3.0",
                          "exit status 1 of /bin/agent");
    fail_permanent_number(&failed("eve", REPORT_SENDER, "", 0)->error, 148, "5.4.1",
                          "no connection");
    ck_assert_str_eq(bounce(), "ann@vstout.vbrew.com:3");
    ck_assert(content_has("Remote-MTA: dns; mx.c.example"));
    ck_assert(content_has("Diagnostic-Code: smtp; 550 5.1.1 go away\r\n"));
    ck_assert(content_has("exit status 1 of /bin/agent"));
    ck_assert(content_has("one\r\ntwo\r\n"));
    ck_assert(!content_has("smtp; no connection"));
}
END_TEST

/* --- warnings --- */

static const struct {
    const char *sender;
    uint8_t notify;
    enum error_mode errors;
    char grade;
    const char *want;
} warnings[] = {
    {"a@b.example", 0, ERRORS_MAIL, 'C', "a@b.example:1"},
    {"a@b.example", NOTIFY_DELAY, ERRORS_MAIL, 'C', "a@b.example:1"},
    {"a@b.example", NOTIFY_FAILURE, ERRORS_MAIL, 'C', "-:0"},
    {"a@b.example", NOTIFY_NEVER, ERRORS_MAIL, 'C', "-:0"},
    {"a@b.example", 0, ERRORS_QUIET, 'C', "-:0"},
    {"a@b.example", 0, ERRORS_MAIL, 'p', "-:0"},
    {"", 0, ERRORS_MAIL, 'C', "-:0"},
};

START_TEST(the_sender_is_warned_once_if_he_may_be)
{
    desk_message(&desk, warnings[_i].sender, "Subject: x\r\n\r\nbody\r\n");
    desk.job.envelope.errors = warnings[_i].errors;
    desk.job.envelope.grade = warnings[_i].grade;
    desk_address(&desk, ADDRESS_MAIL, "smtp", "bob@c.example")->notify =
        warnings[_i].notify;
    desk.job.kind = JOB_WARN;
    desk.job.waited = 4 * 3600 * 1000;
    job_run(&desk.context, &desk.job, &desk.result);
    ck_assert_str_eq(reports(), warnings[_i].want);
    ck_assert_int_eq(desk.result.reports->kind, REPORT_DELAYED);
    if (desk.result.reports->has_message)
        ck_assert(content_has("Action: delayed") && content_has("Will-Retry-Until:"));
}
END_TEST

/* --- success --- */

static void
succeed(uint8_t notify, enum outcome what, bool passed)
{
    static struct spool_outcome outcome;
    static struct job_mark mark;

    desk_address(&desk, ADDRESS_MAIL, "local", "bob@c.example")->notify = notify;
    outcome = (struct spool_outcome){
        .number = 1, .outcome = what, .remote = "", .diagnostic = ""};
    mark = (struct job_mark){.report_passed = passed};
    desk.result =
        (struct job_result){.outcomes = &outcome, .outcome_count = 1, .marks = &mark};
    success_compose(&desk.context, &desk.job, &desk.result);
}

static const struct {
    uint8_t notify;
    enum outcome outcome;
    bool passed;
    const char *want, *action;
} successes[] = {
    {NOTIFY_SUCCESS, OUTCOME_DELIVERED, false, "ann@vstout.vbrew.com:1",
     "Action: delivered"},
    {NOTIFY_SUCCESS, OUTCOME_RELAYED, false, "ann@vstout.vbrew.com:1", "Action: relayed"},
    {NOTIFY_SUCCESS, OUTCOME_RELAYED, true, "", NULL},
    {NOTIFY_SUCCESS, OUTCOME_DEFERRED, false, "", NULL},
    {0, OUTCOME_DELIVERED, false, "", NULL},
    {NOTIFY_FAILURE, OUTCOME_DELIVERED, false, "", NULL},
};

START_TEST(success_is_told_to_those_who_asked)
{
    succeed(successes[_i].notify, successes[_i].outcome, successes[_i].passed);
    ck_assert_str_eq(reports(), successes[_i].want);
    if (successes[_i].action)
        ck_assert(content_has(successes[_i].action));
    desk.job.envelope.reverse_path = "";
    succeed(successes[_i].notify, successes[_i].outcome, successes[_i].passed);
    ck_assert_str_eq(reports(), "");
}
END_TEST

#define ROWS(array) (int)(sizeof array / sizeof array[0])

TCase *
deliver_bounce_case(void)
{
    TCase *tcase = tcase_create("deliver/bounce");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, each_class_of_failure_goes_to_its_reader, 0,
                        ROWS(bounces));
    tcase_add_loop_test(tcase, what_fails_at_the_postmaster_ends_there, 0,
                        ROWS(postmasters));
    tcase_add_test(tcase, addresses_are_gathered_by_reader);
    tcase_add_test(tcase, the_postmaster_gets_copies_if_he_wants_them);
    tcase_add_loop_test(tcase, as_much_goes_back_as_was_asked_for, 0, ROWS(returns));
    tcase_add_test(tcase, a_large_message_goes_back_from_its_file);
    tcase_add_test(tcase, what_was_said_stands_in_the_report);
    tcase_add_loop_test(tcase, the_sender_is_warned_once_if_he_may_be, 0, ROWS(warnings));
    tcase_add_loop_test(tcase, success_is_told_to_those_who_asked, 0, ROWS(successes));
    return tcase;
}
