/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/resolve/world.h"

#include "base/banned.h"

static const char routers[] =
    "smart:\n\tdriver=smarthost, transport=smtp; path=hub.example\n";

/* --- one director alone --- */

static const struct {
    const char *config, *directors, *recipient, *end;
} rows[] = {
    /* user */
    {"", "u:\n\tdriver=user; transport=local\n", "JOE", "local::joe:joe"},
    {"", "u:\n\tdriver=user; transport=local, -ignore_case\n", "JOE",
     "failed:JOE:5.1.1:100"},
    {"", "u:\n\tdriver=user; transport=local, -ignore_case\n", "joe", "local::joe:joe"},
    {"", "u:\n\tdriver=user; prefix=real-\n", "REAL-joe", "local::joe:joe"},
    {"", "u:\n\tdriver=user; prefix=real-\n", "joe", "failed:joe:5.1.1:100"},
    {"", "u:\n\tdriver=user; prefix=real-\n", "real-", "failed:real-:5.1.1:100"},
    {"", "u:\n\tdriver=user, set_user=list; transport=local\n", "joe", "local::joe:list"},
    {"", "u:\n\tdriver=user, default_user=list; transport=local\n", "joe",
     "local::joe:joe"},
    /* smartuser */
    {"", "s:\n\tdriver=smartuser; new_user=$user@gw.example\n", "\"John Q. Public\"",
     "smtp:hub.example:\"John Q. Public\"@gw.example"},
    {"", "s:\n\tdriver=smartuser; new_user=$user@gw.example, well_formed_only\n",
     "\"John Q. Public\"", "smtp:hub.example:John.Q.Public@gw.example"},
    {"", "s:\n\tdriver=smartuser; new_user=$user@gw.example, well_formed_only\n",
     "\"a@b\"", "failed:\"a@b\":5.1.1:100"},
    {"", "s:\n\tdriver=smartuser; new_user=$user@gw.example\n", "\"a@b\"",
     "smtp:hub.example:\"a@b\"@gw.example"},
    {"", "s:\n\tdriver=smartuser; new_user=$user@gw.example\n", "|/bin/prog",
     "smtp:hub.example:|/bin/prog@gw.example"},
    {"", "s:\n\tdriver=smartuser\n", "joe", "failed:joe:5.1.1:100"},
    {"smart_user=$user@gw.example\n", "s:\n\tdriver=smartuser\n", "joe",
     "smtp:hub.example:joe@gw.example"},
    {"smart_user=$user@vlager\n", "s:\n\tdriver=smartuser\n", "joe",
     "failed:joe@vlager:5.4.6:100"},
    {"", "s:\n\tdriver=smartuser; new_user=$home@x\n", "joe", "new:joe:4.3.5:120"},
    {"", "s:\n\tdriver=smartuser; new_user=\"<<>\"\n", "joe", "new:joe:4.1.3:121"},
    /* aliasfile: a missing file */
    {"", "a:\n\tdriver=aliasfile; file=missing, proto=lsearch, optional\n", "joe",
     "failed:joe:5.1.1:100"},
    {"", "a:\n\tdriver=aliasfile; file=missing, proto=lsearch\n", "joe",
     "new:joe:4.3.5:112"},
    {"", "a:\n\tdriver=aliasfile; file=missing, proto=lsearch, tryagain\n", "joe",
     "new:joe:4.3.5:112"},
    {"", "a:\n\tdriver=aliasfile; file=$home/x, proto=lsearch\n", "joe",
     "failed:joe:5.1.1:100"},
    {"", "a:\n\tdriver=aliasfile; file=@/joe, proto=lsearch\n", "joe",
     "new:joe:4.3.0:158"},
    /* users of commands */
    {"", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch\n", "run",
     "pipe::/bin/prog:nobody"},
    {"", "a:\n\tdriver=aliasfile, default_user=list; file=@/a, proto=lsearch\n", "run",
     "pipe::/bin/prog:list"},
    {"", "a:\n\tdriver=aliasfile, set_user=list; file=@/a, proto=lsearch\n", "run",
     "pipe::/bin/prog:list"},
    {"", "a:\n\tdriver=aliasfile, set_user=root; file=@/a, proto=lsearch\n", "run",
     "failed:/bin/prog:5.7.1:104"},
    {"", "a:\n\tdriver=aliasfile, set_user=nosuch; file=@/a, proto=lsearch\n", "run",
     "new:/bin/prog:4.3.5:0"},
    {"", "a:\n\tdriver=aliasfile, caution; file=@/a, proto=lsearch\n", "run",
     "failed:/bin/prog:5.7.1:104"},
    {"",
     "a:\n\tdriver=aliasfile, caution, nobody, set_user=list; file=@/a, proto=lsearch\n",
     "run", "pipe::/bin/prog:nobody"},
    {"nobody=nosuch\n", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch\n", "run",
     "new:/bin/prog:4.3.5:0"},
    {"nobody=list\n", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch\n", "run",
     "pipe::/bin/prog:list"},
    /* owners and groups of the file; it is root's or the caller's own */
    {"", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch, owners=4242\n", "run",
     "failed:/bin/prog:5.7.1:104"},
    {"", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch, owners=nosuch:4242\n", "run",
     "failed:/bin/prog:5.7.1:104"},
    {"", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch, owngroups=4242\n", "run",
     "failed:/bin/prog:5.7.1:104"},
    {"", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch, modemask=0444\n", "run",
     "failed:/bin/prog:5.7.1:104"},
    {"", "a:\n\tdriver=aliasfile; file=@/a, proto=lsearch, modemask=0\n", "run",
     "pipe::/bin/prog:nobody"},
    /* prefix and suffix */
    {"", "l:\n\tdriver=forwardfile; file=@/$user, suffix=-list\n", "members-LIST",
     "smtp:hub.example:x@x.example"},
    {"", "l:\n\tdriver=forwardfile; file=@/$user, prefix=list-\n", "list-members",
     "smtp:hub.example:x@x.example"},
    {"", "l:\n\tdriver=forwardfile; file=@/$user, prefix=list-\n", "members",
     "failed:members:5.1.1:100"},
    {"", "l:\n\tdriver=forwardfile; file=@/$user, prefix=x\n", "x../members",
     "failed:x../members:5.1.3:111"},
    {"", "l:\n\tdriver=forwardfile; file=@/$user, prefix=x\n", "x.members",
     "failed:x.members:5.1.1:100"},
    {"", "l:\n\tdriver=forwardfile, set_user=list; file=@/$user\n", "members",
     "smtp:hub.example:x@x.example"},
    {"", "l:\n\tdriver=forwardfile, set_user=list; file=@/$user\n", "nosuch",
     "failed:nosuch:5.1.1:100"},
    {"", "l:\n\tdriver=forwardfile; file=@/wrong\n", "joe", "new:joe:4.1.3:115"},
};

START_TEST(a_director_does_what_its_attributes_say)
{
    const char *files[] = {"config",  rows[_i].config, "directors", rows[_i].directors,
                           "routers", routers,         NULL};
    struct world world;
    const char *end;

    world_begin(&world, files);
    world_write(&world, "a", 0644, "run: \"|/bin/prog\"\n");
    world_write(&world, "members", 0644, "x@x.example\n");
    world_write(&world, "wrong", 0644, "x@x.example, (\n");
    end = world_resolve(&world, rows[_i].recipient);
    ck_assert_msg(strcmp(end, rows[_i].end) == 0, "%d: found %s, expected %s\n%s", _i,
                  end, rows[_i].end, text_string(&world.trace));
    world_end(&world);
}
END_TEST

START_TEST(a_mailbox_forwards_by_its_first_line)
{
    static const char directors[] =
        "f:\n\tdriver=forwardfile; file=@/box/${lc:user}, forwardto, checkowner\n"
        "u:\n\tdriver=user; transport=local\n";
    static const struct {
        const char *mailbox, *end;
    } boxes[] = {
        {"Forward to ann, bob\nFrom someone\n", "local::ann:ann local::bob:bob"},
        {"From joe Sat\nForward to ann\n", "local::joe:joe"},
        {"forward to ann\n", "local::joe:joe"},
        {"Forward to |/bin/prog\n", "pipe::/bin/prog:joe"},
        {"", "local::joe:joe"},
    };
    const char *files[] = {"directors", directors, "routers", routers, NULL};
    struct world world;

    world_begin(&world, files);
    ck_assert_int_eq(mkdir(world_path(&world, "box"), 0755), 0);
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
        world_write_user(&world, "box/joe", 0600, boxes[i].mailbox);
        ck_assert_str_eq(world_resolve(&world, "joe"), boxes[i].end);
    }
    world_end(&world);
}
END_TEST

START_TEST(the_tables_of_drivers_agree)
{
    size_t count;

    for (count = 0; director_drivers[count] != NULL; count++)
        ck_assert_ptr_eq(driver_lists.directors[count], &director_drivers[count]->driver);
    ck_assert_ptr_null(driver_lists.directors[count]);
    for (count = 0; router_drivers[count] != NULL; count++)
        ck_assert_ptr_eq(driver_lists.routers[count], &router_drivers[count]->driver);
    ck_assert_ptr_null(driver_lists.routers[count]);
    for (count = 0; transport_drivers[count] != NULL; count++)
        ck_assert_ptr_eq(driver_lists.transports[count],
                         &transport_drivers[count]->driver);
    ck_assert_ptr_null(driver_lists.transports[count]);
}
END_TEST

/* Each row has a default that parses, and a meaning that is one clause and fits a line.
 */
START_TEST(attributes_are_declared_well)
{
    struct arena *arena = arena_new();

    for (size_t kind = 0; kind < 2; kind++) {
        const struct driver *const *list =
            kind == 0 ? driver_lists.directors : driver_lists.routers;

        for (; *list != NULL; list++) {
            void *config = arena_alloc(arena, (*list)->config_size + 1);

            attributes_default((*list)->attributes, config, arena);
            for (const struct attribute *row = (*list)->attributes; row->name != NULL;
                 row++) {
                ck_assert_uint_le(strlen(row->meaning), 80);
                ck_assert_int_ne(row->meaning[strlen(row->meaning) - 1], '.');
            }
        }
    }
    arena_free(arena);
}
END_TEST

TCase *
drivers_directors_case(void)
{
    TCase *tcase = tcase_create("drivers_directors");

    tcase_add_loop_test(tcase, a_director_does_what_its_attributes_say, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(tcase, a_mailbox_forwards_by_its_first_line);
    tcase_add_test(tcase, the_tables_of_drivers_agree);
    tcase_add_test(tcase, attributes_are_declared_well);
    return tcase;
}
