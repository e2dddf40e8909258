/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of jobs: grouping, limits, other transports, finishing for a user. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mail/status.h"
#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const char config[] = "hostnames=vlager.vbrew.com\nmax_hop_count=5\n";
/* Each call leaves one line: its arguments. */
static const char transports[] =
    "one: driver=pipe, local, -received; cmd=\"@/note one $sender $($user$)\"\n"
    "three: driver=pipe, local_xform, -received, max_addrs=3; cmd=\"@/note 3 $sender "
    "$($user$)\"\n"
    "short: driver=pipe, local, -received, -max_addrs, max_chars=20;\n"
    "    cmd=\"@/note short $($user$)\"\n"
    "far: driver=pipe, -received; cmd=\"@/note far $user\"\n"
    "shadowed: driver=pipe, local, -received, shadow=one, error_transport=three;\n"
    "    cmd=\"@/note main $user\"\n"
    "box: driver=appendfile, local, -received; file=@/box-${lc:user}, mode=0600\n"
    "file: driver=appendfile, local, -received; file=$user, expand_user, mode=0600\n"
    "pipe: driver=pipe, local, -received; cmd=\"/bin/sh -c $user\"\n";
static const char directors[] = "forwardinclude: driver=forwardinclude\n"
                                "dotforward: driver=forwardfile, owner=real-$user;\n"
                                "    file=~/.forward\n"
                                "user: driver=user; transport=box\n";

static struct desk desk;

static void
begin(void)
{
    desk_begin_directing(&desk, config, transports, directors);
    desk_write(&desk, "note", 0700,
               arena_format(desk.arena,
                            "#!/bin/sh\ncat >/dev/null\necho \"$*\" >>%s/log\n"
                            "case \"$2$3$4\" in *bad*) exit 65;; esac\n",
                            desk.directory));
}

static void
end(void)
{
    desk_end(&desk);
}

static const char *
log_of_calls(void)
{
    const char *text = desk_read(&desk, "log");

    return text ? text : "";
}

/* --- grouping --- */

static const struct {
    const char *transport, *users, *owners, *want;
} groups[] = {
    {"one", "a b", "", "one ann@vstout.vbrew.com a\none ann@vstout.vbrew.com b\n"},
    {"three", "a b c d", "", "3 ann@vstout.vbrew.com a b c\n3 ann@vstout.vbrew.com d\n"},
    {"three", "a b c", "xyx", "3 x a c\n3 y b\n"},
    {"short", "a bb ccc ddddddddddddddddddddddddd e", "",
     "short a bb ccc\nshort ddddddddddddddddddddddddd\nshort e\n"},
};

START_TEST(addresses_share_calls_within_limits)
{
    struct span users = span_of(groups[_i].users), user;

    for (size_t i = 0; span_next(&users, ' ', &user); i++) {
        struct address *address = desk_address(&desk, ADDRESS_MAIL, groups[_i].transport,
                                               span_string(user, desk.arena));

        if (groups[_i].owners[0])
            address->owner = arena_bytes(desk.arena, groups[_i].owners + i, 1);
    }
    desk_deliver(&desk);
    ck_assert_str_eq(log_of_calls(), groups[_i].want);
    ck_assert_uint_eq(desk.result.outcome_count, desk.job.address_count);
    for (size_t i = 0; i < desk.result.outcome_count; i++)
        ck_assert_int_eq(desk.result.outcomes[i].outcome, OUTCOME_DELIVERED);
}
END_TEST

START_TEST(different_transports_and_hops_do_not_mix)
{
    desk_address(&desk, ADDRESS_MAIL, "three", "a");
    desk_address(&desk, ADDRESS_MAIL, "three", "b")->next_hop = "h";
    desk_address(&desk, ADDRESS_MAIL, "one", "c");
    desk_address(&desk, ADDRESS_MAIL, "three", "d");
    desk_deliver(&desk);
    ck_assert_str_eq(log_of_calls(), "3 ann@vstout.vbrew.com a d\n"
                                     "3 ann@vstout.vbrew.com b\n"
                                     "one ann@vstout.vbrew.com c\n");
    ck_assert_uint_eq(desk.result.outcome_count, 4);
}
END_TEST

START_TEST(what_stands_for_another_host_is_relayed)
{
    desk_address(&desk, ADDRESS_MAIL, "far", "a")->next_hop = "gateway";
    desk_deliver(&desk);
    ck_assert_int_eq(desk.result.outcomes[0].outcome, OUTCOME_RELAYED);
}
END_TEST

/* --- before the call --- */

static const struct {
    const char *transport;
    uint32_t hops;
    const char *want;
} hops[] = {
    {"far", 4, "delivered"},
    {"far", 5, "failed 145 5.4.6"},
    {"one", 50, "delivered"}, /* final delivery has no limit */
};

START_TEST(a_loop_ends)
{
    desk.job.envelope.hops = hops[_i].hops;
    desk_address(&desk, ADDRESS_MAIL, hops[_i].transport, "a");
    desk_deliver(&desk);
    ck_assert_str_eq(desk_outcome(&desk), hops[_i].want);
    ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_SENDER);
}
END_TEST

START_TEST(a_dry_run_does_nothing)
{
    desk.job.envelope.dry_run = true;
    desk_address(&desk, ADDRESS_MAIL, "shadowed", "a");
    desk_deliver(&desk);
    ck_assert_str_eq(desk_outcome(&desk), "delivered");
    ck_assert_str_eq(log_of_calls(), "");
}
END_TEST

START_TEST(without_a_user_no_local_transport_runs)
{
    desk.context.user = NULL;
    desk_address(&desk, ADDRESS_MAIL, "one", "a");
    desk_deliver(&desk);
    ck_assert_int_eq(desk.result.outcomes[0].outcome, OUTCOME_DEFERRED);
    ck_assert_str_eq(log_of_calls(), "");
}
END_TEST

START_TEST(shadow_and_error_transports_change_nothing)
{
    desk_address(&desk, ADDRESS_MAIL, "shadowed", "good");
    desk_address(&desk, ADDRESS_MAIL, "shadowed", "bad");
    desk_deliver(&desk);
    ck_assert_str_eq(log_of_calls(), "main good\none ann@vstout.vbrew.com good\n"
                                     "main bad\n3 ann@vstout.vbrew.com bad\n");
    ck_assert_int_eq(desk.result.outcomes[0].outcome, OUTCOME_DELIVERED);
    ck_assert_int_eq(desk.result.outcomes[1].outcome, OUTCOME_FAILED);
}
END_TEST

START_TEST(an_address_in_another_state_waits)
{
    desk_address(&desk, ADDRESS_MAIL, "one", "a")->state = ADDRESS_EXPANDED;
    desk_deliver(&desk);
    ck_assert_int_eq(desk.result.outcomes[0].outcome, OUTCOME_DEFERRED);
    ck_assert_str_eq(log_of_calls(), "");
}
END_TEST

/* --- finishing for a user --- */

static struct address *
user_address(void)
{
    struct address *address = desk_address(&desk, ADDRESS_MAIL, "", "joe");

    address->state = ADDRESS_USER;
    address->director = "dotforward";
    address->director_at = 1;
    return address;
}

/* "number:state[:outcome]" of everything that the job made. */
static const char *
finished(void)
{
    struct text text = text_new(desk.arena);

    desk_deliver(&desk);
    for (size_t i = 0; i < desk.result.expanded_count; i++) {
        const struct address *address = &desk.result.expanded[i];

        text_add_format(&text, "%s%s %s", i ? ", " : "",
                        strrchr(address->text, '/') ? strrchr(address->text, '/') + 1
                                                    : address->text,
                        address_state_name(address->state));
        for (size_t k = 0; k < desk.result.outcome_count; k++) {
            const struct spool_outcome *outcome = &desk.result.outcomes[k];

            if (address->number ? outcome->number == address->number
                                : outcome->number == ADDRESS_PARENT_IN_ARRAY + i)
                text_add_format(&text, " %s", outcome_name(outcome->outcome));
        }
    }
    return text_string(&text);
}

START_TEST(a_user_without_forward_file_gets_his_mail_at_once)
{
    user_address();
    ck_assert_str_eq(finished(), "joe assigned delivered");
    ck_assert_str_eq(desk_read(&desk, "box-joe"), "Subject: x\n\ntext\n");
    ck_assert(desk.result.transports_are_local[0]);
}
END_TEST

START_TEST(a_forward_file_is_carried_out_as_far_as_it_is_the_users)
{
    desk_write(&desk, "home/.forward", 0600,
               arena_format(desk.arena,
                            "\\joe, %s/home/in, \"|%s/note own\", bob@c.example\n",
                            desk.directory, desk.directory));
    if (geteuid() == 0) /* the files are the tests' own, the user is not */
        ck_assert_int_eq(chown(desk_path(&desk, "home"), 1000, (gid_t)-1) |
                             chown(desk_path(&desk, "home/.forward"), 1000, (gid_t)-1),
                         0);
    user_address();
    ck_assert_str_eq(finished(), "joe expanded, joe assigned delivered, in assigned "
                                 "delivered, note own assigned delivered, bob@c.example "
                                 "new");
    ck_assert_str_eq(desk_read(&desk, "box-joe"), "Subject: x\n\ntext\n");
    ck_assert_str_eq(desk_read(&desk, "home/in"), "Subject: x\n\ntext\n");
    ck_assert_str_eq(log_of_calls(), "own\n");
    ck_assert(desk.result.ran_command);
    ck_assert_uint_eq(desk.result.expanded[1].parent, 1);
}
END_TEST

#define ROWS(array) (int)(sizeof array / sizeof array[0])

TCase *
deliver_job_case(void)
{
    TCase *tcase = tcase_create("deliver/job");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_loop_test(tcase, addresses_share_calls_within_limits, 0, ROWS(groups));
    tcase_add_test(tcase, different_transports_and_hops_do_not_mix);
    tcase_add_test(tcase, what_stands_for_another_host_is_relayed);
    tcase_add_loop_test(tcase, a_loop_ends, 0, ROWS(hops));
    tcase_add_test(tcase, a_dry_run_does_nothing);
    tcase_add_test(tcase, without_a_user_no_local_transport_runs);
    tcase_add_test(tcase, shadow_and_error_transports_change_nothing);
    tcase_add_test(tcase, an_address_in_another_state_waits);
    tcase_add_test(tcase, a_user_without_forward_file_gets_his_mail_at_once);
    tcase_add_test(tcase, a_forward_file_is_carried_out_as_far_as_it_is_the_users);
    return tcase;
}
