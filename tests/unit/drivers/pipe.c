/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of pipe with real commands: what they see, how they end, and what that means. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "mail/status.h"
#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const char config[] = "pipe_timeout=30\npipe_output_limit=2k\n";
static const char transports[] =
    "pipe: driver=pipe, local, -received; cmd=\"/bin/sh -c $user\", parent_env\n"
    "agent: driver=pipe, local, -received; cmd=\"@/agent -d $user\"\n"
    "several: driver=pipe, local, -received, max_addrs=10; cmd=\"@/agent $($user$)\"\n"
    "missing: driver=pipe, local, -received; cmd=\"@/no-such-program\"\n"
    "bad: driver=pipe, local, -received; cmd=\"/bin/true $host\"\n"
    "lax: driver=pipe, local, -received; cmd=\"@/agent\", ignore_status\n"
    "patient: driver=pipe, local, -received; cmd=\"@/agent\", defer_child_errors\n";

static struct desk desk;

static void
begin(void)
{
    desk_begin(&desk, config, transports);
}

static void
end(void)
{
    desk_end(&desk);
}

static const char *
deliver(enum address_kind kind, const char *transport, const char *text)
{
    desk.job.address_count = 0;
    desk_address(&desk, kind, transport, text);
    desk_deliver(&desk);
    return desk_outcome(&desk);
}

static void
check_outcome(const char *got, const char *want)
{
    ck_assert_msg(strcmp(got, want) == 0, "%s, wanted %s: %s", got, want,
                  desk.result.outcomes[0].error.text);
}

/* A delivery agent with that script. */
static void
agent(const char *script)
{
    desk_write(
        &desk, "agent", 0700,
        arena_format(desk.arena, "#!/bin/sh\ncd %s\n%s\n", desk.directory, script));
}

/* --- what it is given --- */

START_TEST(a_command_reads_the_message_and_its_arguments)
{
    agent("cat >text; echo \"$# $1 $2\" >arguments");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe; rm -rf /"), "delivered");
    ck_assert_str_eq(desk_read(&desk, "text"), "Subject: x\n\ntext\n");
    ck_assert_str_eq(desk_read(&desk, "arguments"), "2 -d joe; rm -rf /\n");
    ck_assert(desk.result.ran_command);
}
END_TEST

START_TEST(addresses_become_arguments_each)
{
    agent("cat >/dev/null; echo \"$# $1 $2\" >arguments");
    desk.job.address_count = 0;
    desk_address(&desk, ADDRESS_MAIL, "several", "a b");
    desk_address(&desk, ADDRESS_MAIL, "several", "c");
    desk_deliver(&desk);
    ck_assert_uint_eq(desk.result.outcome_count, 2);
    ck_assert_int_eq(desk.result.outcomes[1].outcome, OUTCOME_DELIVERED);
    ck_assert_str_eq(desk_read(&desk, "arguments"), "2 a b c\n");
}
END_TEST

START_TEST(the_environment_is_the_documented_one)
{
    const char *text, *names;

    setenv("SECRET", "x", 1);
    agent("cat >/dev/null; env | sort >environment");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "delivered");
    text = desk_read(&desk, "environment");
    ck_assert(strstr(text, "SECRET") == NULL);
    ck_assert(strstr(text, "SPOOL_FILE") == NULL);
    names = "ADDR=joe\n BASENAME=m \nGRADE=C\n \nHOME=/ \nLOGNAME=joe\n MESSAGE_ID=m "
            "PATH=/bin:/usr/bin\n \nPRIMARY_NAME=vlager \nSENDER=ann@vstout.vbrew.com\n "
            "\nSHELL=/bin/sh\n \nUSER=joe\n \nVISIBLE_NAME=vlager";
    for (struct span rest = span_of(names), name; span_next(&rest, ' ', &name);)
        ck_assert_msg(strstr(text, span_string(name, desk.arena)) != NULL,
                      "no %.*s in %s", (int)name.length, name.bytes, text);
}
END_TEST

START_TEST(descriptors_signals_mask_and_session_are_clean)
{
    int fd = open("/dev/null", O_RDONLY); /* not closed on exec: a leak */
    const char *text;

    ck_assert(fd >= 0);
    signal(SIGPIPE, SIG_IGN);
    agent("cat >/dev/null; ls /proc/self/fd | wc -l >fds; umask >umask;"
          "grep SigIgn /proc/self/status >signals;"
          "cut -d' ' -f6 /proc/$$/stat >session; echo $$ >process");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "delivered");
    close(fd);
    /* 0, 1, 2, and the one with which ls reads the directory */
    ck_assert_str_eq(span_string(span_trim(span_of(desk_read(&desk, "fds"))), desk.arena),
                     "4");
    ck_assert_str_eq(desk_read(&desk, "umask"), "0022\n");
    text = desk_read(&desk, "signals");
    /* 32 and 33 are the C library's own: nobody can set them, an ignorant parent aside.
     */
    ck_assert_msg(
        (strtoull(text + strcspn(text, "\t"), NULL, 16) & ~UINT64_C(0x180000000)) == 0,
        "%s", text);
    ck_assert_str_eq(desk_read(&desk, "session"), desk_read(&desk, "process"));
}
END_TEST

START_TEST(it_starts_at_home)
{
    desk_write(&desk, "agent", 0700, "#!/bin/sh\ncat >/dev/null; pwd >~/where\n");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "delivered");
    ck_assert(strncmp(desk_read(&desk, "home/where"), desk.user.home,
                      strlen(desk.user.home)) == 0);
}
END_TEST

/* --- how it ends --- */

static const struct {
    int status;
    const char *want;
} statuses[] = {
    {0, "delivered"},           {1, "failed 144 5.3.0"},    {64, "failed 144 5.3.0"},
    {65, "failed 144 5.6.0"},   {66, "failed 144 5.3.0"},   {67, "failed 144 5.1.1"},
    {68, "failed 144 5.1.2"},   {69, "failed 144 5.3.0"},   {70, "failed 144 5.3.0"},
    {71, "deferred 144 4.3.0"}, {72, "failed 144 5.3.0"},   {73, "deferred 144 4.3.0"},
    {74, "deferred 144 4.3.0"}, {75, "deferred 144 4.3.0"}, {76, "failed 144 5.5.0"},
    {77, "failed 144 5.7.0"},   {78, "failed 144 5.3.5"},   {255, "failed 144 5.3.0"},
};

START_TEST(the_exit_status_is_the_answer)
{
    agent(arena_format(desk.arena, "exit %d", statuses[_i].status));
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), statuses[_i].want);
    if (statuses[_i].status > 0) {
        ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_SENDER);
        check_outcome(deliver(ADDRESS_MAIL, "patient", "joe"), "deferred 144 4.3.0");
    }
    check_outcome(deliver(ADDRESS_MAIL, "lax", "joe"), "delivered");
}
END_TEST

static const struct {
    const char *signal, *want;
} signals[] = {
    {"TERM", "deferred 143 4.3.0"},
    {"KILL", "deferred 143 4.3.0"},
    {"SEGV", "failed 143 5.3.0"},
    {"HUP", "failed 143 5.3.0"},
};

START_TEST(a_signal_that_ends_it_is_an_answer_too)
{
    agent(arena_format(desk.arena, "kill -%s $$", signals[_i].signal));
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), signals[_i].want);
}
END_TEST

START_TEST(a_missing_program_makes_mail_wait_and_is_shouted)
{
    check_outcome(deliver(ADDRESS_MAIL, "missing", "joe"), "deferred 138 4.3.5");
    ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_CONFIG);
    ck_assert(strstr(desk.result.outcomes[0].error.text, "No such file") != NULL);
}
END_TEST

START_TEST(a_command_that_cannot_be_expanded_makes_mail_wait)
{
    deliver(ADDRESS_MAIL, "bad", "joe");
    ck_assert_int_eq(desk.result.outcomes[0].outcome, OUTCOME_DEFERRED);
    ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_CONFIG);
}
END_TEST

START_TEST(output_is_kept_up_to_the_limit)
{
    const struct spool_outcome *outcome;

    agent("cat >/dev/null; echo one; printf 'two\\007\\n' >&2; exit 65");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "failed 144 5.6.0");
    outcome = &desk.result.outcomes[0];
    ck_assert_str_eq(outcome->diagnostic, "one | two?");
    ck_assert(strstr(outcome->error.text, "one | two?") != NULL);
    agent("cat >/dev/null; yes | head -c 50000000; exit 65");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "failed 144 5.6.0");
    ck_assert_uint_le(strlen(desk.result.outcomes[0].diagnostic), 4096);
}
END_TEST

/* A message that no pipe holds, to commands that read it as they like. */
static const struct {
    const char *script, *want;
} readers[] = {
    {"exit 0", "delivered"},
    {"exec <&-; exit 0", "delivered"},
    {"head -c 10 >/dev/null; exit 67", "failed 144 5.1.1"},
    {"cat; exit 0", "delivered"}, /* writes while it reads */
    {"cat; cat /dev/zero | head -c 1000000; exit 0", "delivered"},
    {"cat >/dev/null; sleep 30 & exit 0",
     "delivered"}, /* leaves a child with its output */
    {"exec >&- 2>&-; cat >text; exit 0", "delivered"},
};

START_TEST(no_way_of_reading_blocks_us)
{
    struct text content = text_new(desk.arena);
    int64_t begun = clock_monotonic();

    signal(SIGPIPE, SIG_IGN);
    text_add(&content, "Subject: x\r\n\r\n");
    for (int i = 0; i < 20000; i++)
        text_add(&content, "0123456789012345678901234567890123456789\r\n");
    desk_message(&desk, "ann@b.example", text_string(&content));
    agent(readers[_i].script);
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), readers[_i].want);
    ck_assert_int_lt(clock_monotonic() - begun, 10000);
}
END_TEST

/* Is that process gone, or dead and only not collected yet? */
static bool
is_dead(const char *number)
{
    char path[64], line[256] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", strtol(number, NULL, 10));
    file = fopen(path, "r");
    if (!file)
        return true;
    ck_assert(fgets(line, sizeof line, file) != NULL);
    fclose(file);
    return strstr(line, ") Z ") != NULL;
}

START_TEST(what_takes_too_long_is_ended_with_its_group)
{
    int64_t begun = clock_monotonic();

    desk.configuration->settings.pipe_timeout.seconds = 1;
    agent("sh -c 'echo $$ >process; exec sleep 100' & wait");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "deferred 142 4.3.0");
    ck_assert_int_lt(clock_monotonic() - begun, 4000);
    for (int i = 0; i < 200 && !is_dead(desk_read(&desk, "process")); i++)
        usleep(10000);
    ck_assert(is_dead(desk_read(&desk, "process")));
}
END_TEST

/* --- commands of users --- */

static const struct {
    const char *text;
    enum address_trust trust;
    const char *want;
} commands[] = {
    {"@/agent -t 'a  b' \"c\"", TRUST_CLEAN, "delivered"},
    {"@/agent -t 'a  b' \"c\"", TRUST_CAUTION, "delivered"},
    {"exec @/agent -t 'a  b' c", TRUST_CLEAN, "delivered"},
    {"IFS=' ' && exec @/agent -t 'a  b' c", TRUST_CLEAN, "delivered"},
    {"IFS=' ' && exec @/agent -t 'a  b' c", TRUST_CAUTION, "failed 104 5.7.0"},
    {"cat >/dev/null", TRUST_CAUTION, "failed 104 5.7.0"},
    {"@/agent `id`", TRUST_UNSECURE, "failed 104 5.7.0"},
    {"true", TRUST_CLEAN, "delivered"},             /* found in /bin or /usr/bin */
    {"exit 75", TRUST_CLEAN, "deferred 144 4.3.0"}, /* built into the shell */
    {"exit 75", TRUST_CAUTION, "deferred 138 4.3.5"},
    {"no-such-program here", TRUST_CLEAN, "deferred 138 4.3.5"},
    {"@/nothing here", TRUST_CLEAN, "deferred 138 4.3.5"},
    {"@/nothing here;", TRUST_CLEAN, "deferred 138 4.3.5"},
    {"@/agent 'open", TRUST_CLEAN, "failed 138 5.3.5"},
    {"false", TRUST_CLEAN, "failed 144 5.3.0"},
};

START_TEST(a_users_command_gets_a_shell_only_if_it_needs_one)
{
    struct address *address;

    agent("cat >/dev/null; echo \"$2|$3\" >arguments");
    desk.job.address_count = 0;
    address = desk_address(&desk, ADDRESS_PIPE, "pipe", commands[_i].text);
    address->trust = commands[_i].trust;
    desk_deliver(&desk);
    check_outcome(desk_outcome(&desk), commands[_i].want);
    if (strstr(commands[_i].text, "-t") &&
        desk.result.outcomes[0].outcome == OUTCOME_DELIVERED)
        ck_assert_str_eq(desk_read(&desk, "arguments"), "a  b|c\n");
    if (desk.result.outcomes[0].outcome != OUTCOME_DELIVERED)
        ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_OWNER);
}
END_TEST

START_TEST(the_text_of_an_address_never_meets_the_administrators_shell)
{
    /* The address is no command of a list, so the shell gets it as one word to run. */
    check_outcome(deliver(ADDRESS_MAIL, "agent", "`touch /tmp/x`"), "deferred 138 4.3.5");
    agent("cat >/dev/null; echo \"$2\" >arguments");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "`id`$(id)"), "delivered");
    ck_assert_str_eq(desk_read(&desk, "arguments"), "`id`$(id)\n");
}
END_TEST

START_TEST(root_runs_no_command)
{
    desk.user.uid = 0;
    agent("echo >ran");
    check_outcome(deliver(ADDRESS_PIPE, "pipe", "@/agent"), "failed 104 5.7.0");
    check_outcome(deliver(ADDRESS_MAIL, "agent", "joe"), "failed 104 5.7.0");
    ck_assert(desk_read(&desk, "ran") == NULL);
}
END_TEST

#define ROWS(array) (int)(sizeof array / sizeof array[0])

TCase *
drivers_pipe_case(void)
{
    TCase *tcase = tcase_create("drivers/pipe");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_set_timeout(tcase, 20);
    tcase_add_test(tcase, a_command_reads_the_message_and_its_arguments);
    tcase_add_test(tcase, addresses_become_arguments_each);
    tcase_add_test(tcase, the_environment_is_the_documented_one);
    tcase_add_test(tcase, descriptors_signals_mask_and_session_are_clean);
    tcase_add_test(tcase, it_starts_at_home);
    tcase_add_loop_test(tcase, the_exit_status_is_the_answer, 0, ROWS(statuses));
    tcase_add_loop_test(tcase, a_signal_that_ends_it_is_an_answer_too, 0, ROWS(signals));
    tcase_add_test(tcase, a_missing_program_makes_mail_wait_and_is_shouted);
    tcase_add_test(tcase, a_command_that_cannot_be_expanded_makes_mail_wait);
    tcase_add_test(tcase, output_is_kept_up_to_the_limit);
    tcase_add_loop_test(tcase, no_way_of_reading_blocks_us, 0, ROWS(readers));
    tcase_add_test(tcase, what_takes_too_long_is_ended_with_its_group);
    tcase_add_loop_test(tcase, a_users_command_gets_a_shell_only_if_it_needs_one, 0,
                        ROWS(commands));
    tcase_add_test(tcase, the_text_of_an_address_never_meets_the_administrators_shell);
    tcase_add_test(tcase, root_runs_no_command);
    return tcase;
}
