/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/unit/resolve/world.h"

#include "base/banned.h"

#define TABLE(attributes)                                                                \
    "aliasinclude:\n\tdriver=aliasinclude; copysecure, copyowners\n"                     \
    "forwardinclude:\n\tdriver=forwardinclude; copysecure, copyowners\n"                 \
    "aliases:\n\tdriver=aliasfile" attributes ";\n"                                      \
    "\tfile=@/aliases, proto=lsearch, optional\n"                                        \
    "dotforward:\n\tdriver=forwardfile, sender_okay; file=~/.forward, checkowner\n"      \
    "user:\n\tdriver=user; transport=local\n"                                            \
    "lists:\n\tdriver=forwardfile, sender_okay, owner=owner-$user;\n"                    \
    "\tfile=@/lists/${lc:user}\n"

static const char table[] = TABLE(", sender_okay, owner=owner-$user");
static const char strict_table[] = TABLE("");
static const char routers[] =
    "smart:\n\tdriver=smarthost, transport=smtp; path=hub.example\n";
static const char *const files[] = {"directors", table, "routers", routers, NULL};

START_TEST(each_mailbox_gets_one_copy)
{
    static const struct {
        const char *aliases, *recipients, *ends;
    } rows[] = {
        {"joe: joe\n", "joe", "local::joe:joe"},
        {"joe: \\joe\n", "joe", "local::joe:joe"},
        {"joe: joe, ann\n", "joe", "local::ann:ann local::joe:joe"},
        {"joe: joe@vlager, ann\n", "joe", "local::ann:ann local::joe:joe"},
        {"joe: ann\nann: joe\n", "joe", "local::joe:joe"},
        {"joe: ann\nann: joe\n", "ann", "local::ann:ann"},
        {"joe: ann\nann: joe\n", "ann joe", "local::ann:ann"},
        {"list: joe, ann\njoe: ann\nann: joe\n", "list", "local::joe:joe"},
        {"x: joe\ny: ann\njoe: ann\nann: joe\n", "x y", "local::joe:joe"},
        {"a: b\nb: c\nc: a\n", "a", "failed:a:5.4.6:100"},
        {"all: joe, ann\nboth: all, joe, Joe@vlager\n", "both all ann",
         "local::ann:ann local::joe:joe"},
        {"all: \\joe, real\nreal: joe\n", "all joe", "local::joe:joe"},
        {"joe: far@x.example, far@X.example\n", "joe far%x.example",
         "smtp:hub.example:far@x.example"},
        {"joe: Far@x.example, far@x.example\n", "joe",
         "smtp:hub.example:Far@x.example smtp:hub.example:far@x.example"},
        {"a: \"|/bin/prog\"\nb: \"|/bin/prog\"\n", "a b", "pipe::/bin/prog:nobody"},
        {"a: /var/log/mail\nb: /var/log/mail\n", "a b", "file::/var/log/mail:nobody"},
        {"a: ~/mail\n", "a", "failed:~/mail:5.7.1:104"},
        {"a: @/aliases\n", "a", "file::@/aliases:nobody"},
        {"a: /var/../etc/passwd\n", "a", "failed:/var/../etc/passwd:5.7.1:104"},
        {"postmaster: ann\n", "postmaster mailer-daemon", "local::ann:ann"},
        {"root: ann\n", "postmaster", "local::ann:ann"},
        {"postmaster: \\postmaster\n", "postmaster", "local::root:root"},
        {"team:\n# a comment\n\tjoe, # and\n\n  ann\n", "team",
         "local::ann:ann local::joe:joe"},
        {"Team: joe\n", "tEAM", "local::joe:joe"},
        {"\"a,b\": joe\n", "\"A,b\"", "local::joe:joe"},
        {"a: nosuch, joe\n", "a", "failed:nosuch:5.1.1:100 local::joe:joe"},
        {"a: $user, ${lookup:user:lsearch{/etc/passwd}}\n", "a", "new:a:4.1.3:113"},
        {"a:\n", "a", "new:a:4.3.5:113"},
        {"a: joe\na: ann\n", "a", "local::joe:joe"},
        {"a: group: joe, ann;\n", "a", "local::ann:ann local::joe:joe"},
        {"a: (the boss) joe, Ann Other <ann@vlager>\n", "a",
         "local::ann:ann local::joe:joe"},
    };
    struct world world;
    const char *ends;

    world_begin(&world, files);
    world_write(&world, "aliases", 0644, rows[_i].aliases);
    ends = world_resolve(&world, rows[_i].recipients);
    if (strchr(rows[_i].ends, '@') != NULL && strstr(rows[_i].ends, "@/") != NULL)
        ck_assert_ptr_nonnull(strstr(ends, world.directory));
    else
        ck_assert_str_eq(ends, rows[_i].ends);
    world_end(&world);
}
END_TEST

START_TEST(a_bomb_of_aliases_costs_no_more_than_its_names)
{
    struct world world;
    struct text aliases;

    world_begin(&world, files);
    aliases = text_new(world.arena);
    for (int i = 0; i < 20; i++)
        text_add_format(&aliases, "x%d: x%d, y%d\ny%d: x%d, y%d\n", i, i + 1, i + 1, i,
                        i + 1, i + 1);
    text_add(&aliases, "x20: joe\ny20: joe\n");
    world_write(&world, "aliases", 0644, text_string(&aliases));
    ck_assert_str_eq(world_resolve(&world, "x0"), "local::joe:joe");
    world_end(&world);
}
END_TEST

START_TEST(lists_and_aliases_that_all_name_each_other_end_soon)
{
    struct world world;
    struct text aliases;

    world_begin(&world, files);
    aliases = text_new(world.arena);
    for (int i = 0; i < 7; i++) {
        struct text members = text_new(world.arena);

        text_add_format(&aliases, "n%d: joe", i);
        text_add(&members, "ann");
        for (int j = 0; j < 7; j++) {
            text_add_format(&aliases, ", n%d, :include:@/l%d", j, j);
            text_add_format(&members, "\n:include:@/l%d, n%d", j, j);
        }
        text_add(&aliases, "\n");
        world_write(&world, arena_format(world.arena, "l%d", i), 0644,
                    text_string(&members));
    }
    world_write(&world, "aliases", 0644, text_string(&aliases));
    ck_assert_str_eq(world_resolve(&world, "n0"), "local::ann:ann local::joe:joe");
    world_end(&world);
}
END_TEST

START_TEST(expansion_has_limits)
{
    const char *limited[] = {
        "config",    "max_expansion_depth=5\nmax_expansion_addresses=9\n",
        "directors", table,
        "routers",   routers,
        NULL};
    struct world world;

    world_begin(&world, limited);
    world_write(&world, "aliases", 0644,
                "a1: a2\na2: a3\na3: a4\na4: a5\na5: a6\na6: a7\na7: joe\n"
                "ten: a, b, c, d, six\nsix: e, f, g, h, i, j\n");
    ck_assert_str_eq(world_resolve(&world, "a1"), "failed:a6:5.4.6:0");
    ck_assert_str_eq(world_resolve(&world, "a3"), "local::joe:joe");
    ck_assert_ptr_nonnull(strstr(world_resolve(&world, "ten"), "failed:six:5.3.4:0"));
    world_end(&world);
}
END_TEST

START_TEST(included_lists_are_read_once)
{
    struct world world;

    world_begin(&world, files);
    world_write(&world, "aliases", 0644,
                "team: :include: @/team\nbroken: :include:@/nosuch\n"
                "relative: :include:team\nself: :include:@/self\n"
                "bob: :include:@/round\nx: :include:@/round\n");
    world_write(&world, "team", 0644,
                "joe # the boss\n:include:@/team\n:include:@/more, team\n");
    world_write(&world, "more", 0644, ":include:@/team\nann, \"|/bin/prog\"\n");
    ck_assert_str_eq(world_resolve(&world, "team"),
                     "local::ann:ann local::joe:joe pipe::/bin/prog:nobody");
    world_write(&world, "round", 0644, "bob, list\n");
    ck_assert_str_eq(world_resolve(&world, "x bob"), "local::bob:bob local::list:list");
    ck_assert_str_eq(world_resolve(&world, "x"), "local::bob:bob local::list:list");
    world_write(&world, "self", 0644, ":include:@/self\n");
    ck_assert_ptr_nonnull(strstr(world_resolve(&world, "self"), ":5.4.6:100"));
    ck_assert_ptr_nonnull(strstr(world_resolve(&world, "broken"), ":4.3.5:117"));
    ck_assert_str_eq(world_resolve(&world, "relative"), "failed:team:5.7.1:116");
    world_end(&world);
}
END_TEST

START_TEST(a_list_that_anybody_may_write_names_no_commands)
{
    static const struct {
        mode_t aliases, list;
        const char *ends;
    } rows[] = {
        {0644, 0644, "local::ann:ann pipe::/bin/prog:nobody"},
        {0644, 0666, "failed:/bin/prog:5.7.1:104 local::ann:ann"},
        {0644, 0664, "failed:/bin/prog:5.7.1:104 local::ann:ann"},
    };
    struct world world;

    world_begin(&world, files);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_write(&world, "aliases", rows[i].aliases, "team: :include:@/team\n");
        world_write(&world, "team", rows[i].list, "ann, \"|/bin/prog\"\n");
        ck_assert_str_eq(world_resolve(&world, "team"), rows[i].ends);
    }
    world_write(&world, "direct", 0666, "");
    world_end(&world);
}
END_TEST

START_TEST(an_alias_file_that_anybody_may_write_names_no_commands)
{
    struct world world;

    world_begin(&world, files);
    world_write(&world, "aliases", 0666,
                "a: ann, \"|/bin/prog\", /tmp/x, :include:@/l\n");
    world_write(&world, "l", 0644, "joe\n");
    ck_assert_ptr_nonnull(strstr(world_resolve(&world, "a"), "local::ann:ann"));
    ck_assert_ptr_nonnull(
        strstr(world_resolve(&world, "a"), "failed:/bin/prog:5.7.1:104"));
    ck_assert_ptr_nonnull(strstr(world_resolve(&world, "a"), "failed:/tmp/x:5.7.1:104"));
    ck_assert_ptr_null(strstr(world_resolve(&world, "a"), "joe"));
    world_end(&world);
}
END_TEST

START_TEST(the_sender_is_left_out_unless_wanted)
{
    static const struct {
        const char *table, *sender, *ends;
        bool me_too;
    } rows[] = {
        {strict_table, "joe@vlager.vbrew.com", "local::ann:ann", false},
        {strict_table, "JOE", "local::ann:ann", false},
        {strict_table, "joe@vlager.vbrew.com", "local::ann:ann local::joe:joe", true},
        {table, "joe@vlager.vbrew.com", "local::ann:ann local::joe:joe", false},
        {strict_table, "joe@x.example", "local::ann:ann local::joe:joe", false},
    };
    const char *own[] = {"directors", rows[_i].table, "routers", routers, NULL};
    struct world world;

    world_begin(&world, own);
    world_write(&world, "aliases", 0644, "team: joe, ann\nonly: joe\n");
    world.envelope.reverse_path = rows[_i].sender;
    world.envelope.me_too = rows[_i].me_too;
    ck_assert_str_eq(world_resolve(&world, "team"), rows[_i].ends);
    ck_assert_str_eq(world_resolve(&world, "only"), "local::joe:joe");
    world_end(&world);
}
END_TEST

START_TEST(exclusions_are_never_sent_to)
{
    const char *excluded[] = {"Joe@vlager.vbrew.com", "far@x.example"};
    struct world world;

    world_begin(&world, files);
    world_write(&world, "aliases", 0644, "team: joe, ann, far@x.example, \\joe\n");
    world.envelope.exclusions = excluded;
    world.envelope.exclusion_count = 2;
    ck_assert_str_eq(world_resolve(&world, "team"), "local::ann:ann");
    ck_assert_str_eq(world_resolve(&world, "joe ann"), "local::ann:ann");
    world_end(&world);
}
END_TEST

START_TEST(users_who_forward_to_each_other_get_their_mail)
{
    static const struct {
        const char *recipients, *ends;
    } rows[] = {
        {"joe", "local::joe:joe"},
        {"joe ann", "local::ann:ann local::joe:joe"},
        {"pair", "local::ann:ann local::joe:joe"},
        {"via-joe", "local::joe:joe"},
        {"via-joe via-ann", "local::ann:ann local::joe:joe"},
    };
    struct world world;

    world_begin(&world, files);
    world_write(&world, "aliases", 0644, "pair: joe, ann\nvia-joe: joe\nvia-ann: ann\n");
    world_write_user(&world, "joe/.forward", 0644, "via-ann\n");
    world_write_user(&world, "ann/.forward", 0644, "via-joe\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(
            strcmp(world_resolve(&world, rows[i].recipients), rows[i].ends) == 0,
            "%s: %s", rows[i].recipients, world_resolve(&world, rows[i].recipients));
    world_end(&world);
}
END_TEST

/* --- random graphs of aliases, against reachability --- */

enum { NAMES = 8 };

static const char *const leaves[] = {"joe", "ann", "bob", "far@x.example"};
static const char *const leaf_ends[] = {"local::joe:joe", "local::ann:ann",
                                        "local::bob:bob",
                                        "smtp:hub.example:far@x.example"};

/* graph[a]: bits of the aliases that alias a names, and above them of the leaves. */
static unsigned
reachable(const unsigned *graph, unsigned from)
{
    unsigned seen = from, before = 0;

    while (seen != before) {
        before = seen;
        for (int i = 0; i < NAMES; i++)
            if (seen >> i & 1)
                seen |= graph[i];
    }
    return seen;
}

static void
graph_make(unsigned *graph, struct text *aliases)
{
    for (int i = 0; i < NAMES; i++) {
        graph[i] = 1U << (random() % (NAMES + 4));
        for (int more = (int)(random() % 4); more > 0; more--)
            graph[i] |= 1U << (random() % (NAMES + 4));
        text_add_format(aliases, "n%d:", i);
        for (int j = 0; j < NAMES + 4; j++) {
            if ((graph[i] >> j & 1) == 0)
                continue;
            if (j < NAMES)
                text_add_format(aliases, " n%d", j);
            else
                text_add_format(aliases, " %s", leaves[j - NAMES]);
        }
        text_add(aliases, "\n");
    }
}

START_TEST(aliases_lead_to_whom_they_reach_and_once)
{
    unsigned graph[NAMES];
    struct world world;

    srandom((unsigned)_i + 100);
    world_begin(&world, files);
    for (int round = 0; round < 10; round++) {
        struct text aliases = text_new(world.arena);
        int first = (int)(random() % NAMES), second = (int)(random() % NAMES);
        unsigned reached;
        const char *ends;

        graph_make(graph, &aliases);
        world_write(&world, "aliases", 0644, text_string(&aliases));
        services_free(world.real);
        world.real = services_new(world.configuration, &world.resolver, "", false);
        world.services.context = world.real->context;
        ends = world_resolve(&world, arena_format(world.arena, "n%d n%d", first, second));
        reached = reachable(graph, 1U << first | 1U << second);
        for (int i = 0; i < 4; i++) {
            const char *found = strstr(ends, leaf_ends[i]);

            ck_assert_msg((found != NULL) == (reached >> (NAMES + i) & 1),
                          "n%d n%d: %s\n%s", first, second, ends, text_string(&aliases));
            ck_assert(found == NULL || strstr(found + 1, leaf_ends[i]) == NULL);
        }
        /* only who reaches nobody at all is told so */
        if (reached >> NAMES == 0)
            ck_assert_ptr_nonnull(strstr(ends, "failed:"));
        else if (first == second || (reachable(graph, 1U << first) >> NAMES != 0 &&
                                     reachable(graph, 1U << second) >> NAMES != 0))
            ck_assert_msg(strstr(ends, "failed:") == NULL, "n%d n%d: %s\n%s", first,
                          second, ends, text_string(&aliases));
    }
    world_end(&world);
}
END_TEST

/* --- the same with forward files and included lists, which go through several processes
 * --- */

enum {
    ALIASES = 4,
    LISTS = 2,
    USERS = 3,
    FARS = 2,
    ALL = ALIASES + LISTS + USERS + FARS
};

static const char *const users[] = {"joe", "ann", "bob"};

static const char *
member_name(struct world *world, int i)
{
    if (i < ALIASES)
        return arena_format(world->arena, "n%d", i);
    i -= ALIASES;
    if (i < LISTS)
        return arena_format(world->arena, ":include:%s/l%d", world->directory, i);
    i -= LISTS;
    return i < USERS ? users[i]
                     : arena_format(world->arena, "far%d@x.example", i - USERS);
}

/* Random members for all but the far ones; a user without any has a mailbox only. */
static void
network_make(struct world *world, unsigned *graph)
{
    struct text aliases = text_new(world->arena);

    for (int i = 0; i < ALL; i++) {
        struct text members = text_new(world->arena);
        int count = i >= ALIASES + LISTS + USERS                ? 0
                    : i >= ALIASES + LISTS && random() % 3 == 0 ? 0
                                                                : 1 + (int)(random() % 3);

        for (graph[i] = 0; count > 0; count--)
            graph[i] |= 1U << (random() % ALL);
        for (int j = 0; j < ALL; j++)
            if (graph[i] >> j & 1)
                text_add_format(&members, "%s%s", members.length > 0 ? ", " : "",
                                member_name(world, j));
        if (i < ALIASES)
            text_add_format(&aliases, "n%d: %s\n", i, text_string(&members));
        else if (i < ALIASES + LISTS)
            world_write(world, arena_format(world->arena, "l%d", i - ALIASES), 0644,
                        text_string(&members));
        else if (i < ALIASES + LISTS + USERS)
            world_write_user(
                world,
                arena_format(world->arena, "%s/.forward", users[i - ALIASES - LISTS]),
                0644, text_string(&members));
    }
    world_write(world, "aliases", 0644, text_string(&aliases));
}

static unsigned
network_reach(const unsigned *graph, unsigned seen)
{
    unsigned before = 0;

    while (seen != before) {
        before = seen;
        for (int i = 0; i < ALL; i++)
            if (seen >> i & 1)
                seen |= graph[i];
    }
    return seen;
}

static void
network_check(struct world *world, const unsigned *graph, unsigned reached,
              const char *ends)
{
    for (int i = ALIASES + LISTS; i < ALL; i++) {
        bool user = i < ALIASES + LISTS + USERS;
        const char *name = member_name(world, i);
        const char *end = user ? arena_format(world->arena, "local::%s:%s", name, name)
                               : arena_format(world->arena, "smtp:hub.example:%s", name);
        bool found = strstr(ends, end) != NULL;

        if (user && graph[i] != 0) /* perhaps, if it comes back to the user */
            ck_assert_msg(!found || (reached >> i & 1), "%s found: %s", name, ends);
        else
            ck_assert_msg(found == (reached >> i & 1), "%s: %s", name, ends);
    }
    ck_assert_str_ne(ends, "");
}

START_TEST(mail_reaches_everybody_through_all_processes)
{
    unsigned graph[ALL];
    struct world world;

    srandom((unsigned)_i + 1000);
    world_begin(&world, files);
    for (int round = 0; round < 10; round++) {
        int first = (int)(random() % ALIASES),
            second = ALIASES + LISTS + (int)(random() % USERS);
        unsigned reached;

        network_make(&world, graph);
        services_free(world.real);
        world.real = services_new(world.configuration, &world.resolver, "", false);
        world.services.context = world.real->context;
        reached = network_reach(graph, 1U << first | 1U << second);
        network_check(&world, graph, reached,
                      world_resolve(&world, arena_format(world.arena, "%s %s",
                                                         member_name(&world, first),
                                                         member_name(&world, second))));
    }
    world_end(&world);
}
END_TEST

START_TEST(no_aliases_means_none)
{
    struct world world;

    world_begin(&world, files);
    world_write(&world, "aliases", 0644, "joe: ann\n");
    world.envelope.no_aliases = true;
    ck_assert_str_eq(world_resolve(&world, "joe"), "local::joe:joe");
    world_end(&world);
}
END_TEST

/* Owner of the address with that text in the last result. */
static const char *
owner_of(const struct world *world, const char *text)
{
    for (size_t i = 0; i < world->result.count; i++)
        if (strcmp(world->result.list[i].address.text, text) == 0)
            return world->result.list[i].address.owner;
    return "missing";
}

START_TEST(errors_go_to_the_nearest_owner_that_can_be_had)
{
    struct world world;

    world_begin(&world, files);
    world_write(&world, "aliases", 0644,
                "outer: inner, orphan, x@x.example\nowner-outer: ann\n"
                "inner: y@x.example\nowner-inner: joe\n"
                "orphan: z@x.example\nowner-orphan: nosuch\n"
                "alone: w@x.example\nann: ann, v@x.example\nowner-ann: joe\n");
    world_walk(&world, "outer alone ann");
    ck_assert_str_eq(owner_of(&world, "v@x.example"), "owner-ann@vlager.vbrew.com");
    ck_assert_str_eq(world.result.list[world.result.count - 2].address.text, "ann");
    ck_assert_str_eq(world.result.list[world.result.count - 2].address.owner, "");
    ck_assert_str_eq(owner_of(&world, "x@x.example"), "owner-outer@vlager.vbrew.com");
    ck_assert_str_eq(owner_of(&world, "y@x.example"), "owner-inner@vlager.vbrew.com");
    ck_assert_str_eq(owner_of(&world, "z@x.example"), "owner-outer@vlager.vbrew.com");
    ck_assert_str_eq(owner_of(&world, "w@x.example"), "");
    ck_assert_str_eq(owner_of(&world, "outer"), "");
    world_end(&world);
}
END_TEST

START_TEST(directors_look_only_at_their_domains)
{
    static const char own[] = "sales:\n\tdriver=aliasfile, domains=sales.example;\n"
                              "\tfile=@/sales, proto=lsearch\n"
                              "user:\n\tdriver=user; transport=local\n";
    const char *virtual_hosts[] = {
        "config", "more_hostnames=sales.example\n", "directors", own, "routers", routers,
        NULL};
    struct world world;

    world_begin(&world, virtual_hosts);
    world_write(&world, "sales", 0644, "joe: ann\n");
    ck_assert_str_eq(world_resolve(&world, "joe joe@sales.example"),
                     "local::ann:ann local::joe:joe");
    ck_assert_str_eq(world_resolve(&world, "joe@vlager joe JOE@vlager.vbrew.com"),
                     "local::joe:joe");
    world_end(&world);
}
END_TEST

TCase *
resolve_expand_case(void)
{
    TCase *tcase = tcase_create("resolve_expand");

    tcase_add_loop_test(tcase, each_mailbox_gets_one_copy, 0, 31);
    tcase_add_test(tcase, a_bomb_of_aliases_costs_no_more_than_its_names);
    tcase_add_test(tcase, lists_and_aliases_that_all_name_each_other_end_soon);
    tcase_add_test(tcase, expansion_has_limits);
    tcase_add_test(tcase, included_lists_are_read_once);
    tcase_add_test(tcase, a_list_that_anybody_may_write_names_no_commands);
    tcase_add_test(tcase, an_alias_file_that_anybody_may_write_names_no_commands);
    tcase_add_loop_test(tcase, the_sender_is_left_out_unless_wanted, 0, 5);
    tcase_add_test(tcase, exclusions_are_never_sent_to);
    tcase_add_test(tcase, users_who_forward_to_each_other_get_their_mail);
    tcase_add_loop_test(tcase, aliases_lead_to_whom_they_reach_and_once, 0, 30);
    tcase_add_loop_test(tcase, mail_reaches_everybody_through_all_processes, 0, 20);
    tcase_add_test(tcase, no_aliases_means_none);
    tcase_add_test(tcase, errors_go_to_the_nearest_owner_that_can_be_had);
    tcase_add_test(tcase, directors_look_only_at_their_domains);
    return tcase;
}
