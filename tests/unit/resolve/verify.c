/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "tests/unit/resolve/world.h"

#include "base/banned.h"

static const char directors[] =
    "aliasinclude:\n\tdriver=aliasinclude\n"
    "aliases:\n\tdriver=aliasfile, sender_okay, owner=owner-$user;\n"
    "\tfile=@/aliases, proto=lsearch, optional\n"
    "dotforward:\n\tdriver=forwardfile; file=~/.forward, checkowner\n"
    "user:\n\tdriver=user; transport=local\n"
    "lists:\n\tdriver=forwardfile; file=@/lists/${lc:user}\n";
static const char routers[] =
    "literals:\n\tdriver=gethostbyaddr, transport=smtp\n"
    "bind_hosts:\n\tdriver=bind, transport=smtp; domain_required\n";
static const char *const files[] = {"directors", directors, "routers", routers, NULL};

static void
fill(struct world *world)
{
    world_write(world, "aliases", 0644,
                "team: joe, x@mx.example\nout: x@mx.example\nwrong: nosuch\n"
                "some: nosuch, joe\ncommand: \"|/bin/prog\"\n"
                "listed: :include:@/nosuch\nbad: <<>\n");
    ck_assert_int_eq(mkdir(world_path(world, "lists"), 0755), 0);
    world_write(world, "lists/staff", 0644, "nosuch@mx.example\n");
}

START_TEST(a_server_learns_what_it_must_know)
{
    static const struct {
        const char *recipient, *answer;
        int number;
    } rows[] = {
        {"joe", "local", 0},
        {"joe@vlager.vbrew.com", "local", 0},
        {"root", "local", 0},
        {"postmaster", "local", 0},
        {"team", "local", 0},
        {"out", "local", 0}, /* the address is ours, wherever it leads */
        {"some", "local", 0},
        {"command", "local", 0},
        {"listed", "local", 0},
        {"staff", "local", 0},
        {"wrong", "failed", 100},
        {"nosuch", "failed", 100},
        {"bad", "deferred", 113},
        {"broken", "deferred", 0},
        {"x@mx.example", "remote whole", 0},
        {"x%mx.example@vlager", "remote whole", 0},
        {"vlager!mx.example!x", "remote whole", 0},
        {"@vlager,@mx.example:x@host.example", "remote whole", 0},
        {"x@[192.0.2.9]", "remote whole", 0},
        {"\"x@mx.example\"@vlager", "failed", 100},
        {"\"x%mx.example\"@vlager", "failed", 100},
        {"|/bin/prog@vlager", "failed", 100},
        {"x@nosuch.example", "failed", 101},
        {"x@lost.example", "deferred", 163},
    };
    struct verification found;
    struct world world;
    const char *answer;

    world_begin(&world, files);
    fill(&world);
    world.services.restricted = true;
    resolve_verify(&world.resolving, rows[_i].recipient, &found);
    answer = found.failed     ? "failed"
             : found.deferred ? "deferred"
             : found.remote   ? found.is_whole ? "remote whole" : "remote"
             : found.local    ? "local"
                              : "nothing";
    ck_assert_str_eq(answer, rows[_i].answer);
    ck_assert_int_eq(found.error.number, rows[_i].number);
    ck_assert_ptr_nonnull(found.final);
    world_end(&world);
}
END_TEST

START_TEST(a_user_is_taken_without_a_look_at_the_files)
{
    struct verification found;
    struct world world;

    world_begin(&world, files);
    world_write_user(&world, "joe/.forward", 0644, "nosuch\n");
    world_act(&world, "*");
    resolve_verify(&world.resolving, "joe", &found);
    ck_assert(found.local && !found.failed && !found.deferred);
    world_end(&world);
}
END_TEST

START_TEST(the_old_commands_print_what_they_printed)
{
    static const struct {
        const char *address, *verify;
        int code;
        const char *test;
    } rows[] = {
        {"root", "root ... deliverable\n", EX_OK, "addr: root\ntransport: local\n"},
        {"x@mx.example", "x@mx.example at mx.example ... deliverable\n", EX_OK,
         "host: mx.example\naddr: x@mx.example\ntransport: smtp\n"},
        {"out", "x@mx.example at mx.example ... deliverable\n", EX_OK,
         "addr: out\ntransport: local\n"},
        {"nosuch", "nosuch ... not deliverable: 5.1.1 unknown user (ERR_100)\n",
         EX_NOUSER, "addr: nosuch\ntransport: local\n"},
        {"x@nosuch.example",
         "x@nosuch.example ... not deliverable: 5.1.2 unknown host nosuch.example "
         "(ERR_101)\n",
         EX_NOHOST, "x@nosuch.example ... failed: unknown host nosuch.example\n"},
        {"x@lost.example", "x@lost.example ... error: 4.4.3 no name server (ERR_163)\n",
         EX_TEMPFAIL, "x@lost.example ... temporary failure: no name server\n"},
        {"@mx.example",
         "@mx.example ... not deliverable: 5.1.3 , or : missing in "
         "route-addr (ERR_111)\n",
         EX_DATAERR, "@mx.example ... parse error: , or : missing in route-addr\n"},
    };
    struct world world;
    struct text text;

    world_begin(&world, files);
    fill(&world);
    world_act(&world, "*");
    text = text_new(world.arena);
    ck_assert_int_eq(
        explain_address(&world.resolving, rows[_i].address, false, &text, NULL),
        rows[_i].code);
    ck_assert_str_eq(text_string(&text), rows[_i].verify);
    text_cut(&text, 0);
    test_address(&world.resolving, rows[_i].address, &text);
    ck_assert_str_eq(text_string(&text), rows[_i].test);
    world_end(&world);
}
END_TEST

START_TEST(explain_goes_as_far_as_the_caller_may)
{
    struct world world;
    struct text text;

    world_begin(&world, files);
    fill(&world);
    world_write_user(&world, "joe/.forward", 0644, "out\n");
    world_act(&world, "joe");
    text = text_new(world.arena);
    ck_assert_int_eq(explain_address(&world.resolving, "joe", false, &text, NULL), EX_OK);
    ck_assert_str_eq(text_string(&text), "x@mx.example at mx.example ... deliverable\n");
    text_cut(&text, 0);
    explain_address(&world.resolving, "ann", true, &text, NULL);
    ck_assert_ptr_nonnull(strstr(text_string(&text), "with the rights of user ann"));
    world_end(&world);
}
END_TEST

START_TEST(explain_names_the_line_that_decided)
{
    struct world world;
    struct text text;
    struct json json;

    world_begin(&world, files);
    fill(&world);
    text = text_new(world.arena);
    explain_address(&world.resolving, "out", true, &text, NULL);
    ck_assert_ptr_nonnull(strstr(text_string(&text), "director aliases (aliasfile)"));
    ck_assert_ptr_nonnull(
        strstr(text_string(&text), arena_format(world.arena, "expanded by %s:2\n",
                                                world_path(&world, "aliases"))));
    ck_assert_ptr_nonnull(
        strstr(text_string(&text), "  = transport smtp, host mx.example"));
    text_cut(&text, 0);
    json = json_new(&text);
    explain_address(&world.resolving, "out", true, NULL, &json);
    ck_assert_ptr_nonnull(strstr(text_string(&text), "\"next_hop\":\"mx.example\""));
    ck_assert_ptr_nonnull(strstr(text_string(&text), "\"deliverable\":true"));
    world_end(&world);
}
END_TEST

TCase *
resolve_verify_case(void)
{
    TCase *tcase = tcase_create("resolve_verify");

    tcase_add_loop_test(tcase, a_server_learns_what_it_must_know, 0, 24);
    tcase_add_test(tcase, a_user_is_taken_without_a_look_at_the_files);
    tcase_add_loop_test(tcase, the_old_commands_print_what_they_printed, 0, 7);
    tcase_add_test(tcase, explain_goes_as_far_as_the_caller_may);
    tcase_add_test(tcase, explain_names_the_line_that_decided);
    return tcase;
}
