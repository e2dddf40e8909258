/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/resolve/world.h"

#include "base/banned.h"

#define DIRECTORS(attributes)                                                            \
    "aliasinclude:\n\tdriver=aliasinclude; copysecure, copyowners\n"                     \
    "forwardinclude:\n\tdriver=forwardinclude; copysecure, copyowners\n"                 \
    "aliases:\n\tdriver=aliasfile, sender_okay;\n"                                       \
    "\tfile=@/aliases, proto=lsearch, optional\n"                                        \
    "dotforward:\n\tdriver=forwardfile, sender_okay" attributes "\n"                     \
    "user:\n\tdriver=user; transport=local\n"                                            \
    "lists:\n\tdriver=forwardfile, sender_okay; file=@/lists/${lc:user}\n"

static const char safe[] = DIRECTORS("; file=~/.forward, checkowner, owners=root");
static const char with_nobody[] =
    DIRECTORS(", nobody; file=~/.forward, checkowner, owners=root");
static const char unsecure[] =
    DIRECTORS(", nobody; file=~/.forward, checkowner, unsecure=@/joe");
static const char caution[] = DIRECTORS("; file=~/.forward, checkowner, caution=joe");
static const char routers[] =
    "smart:\n\tdriver=smarthost, transport=smtp; path=hub.example\n";

/* What is done to the file or its home before. */
enum doing {
    NOTHING,
    FILE_WORLD_WRITABLE,
    FILE_GROUP_WRITABLE,
    FILE_OF_ANOTHER,
    FILE_LINKED,
    FILE_SYMLINK,
    FILE_FIFO,
    FILE_DIRECTORY,
    FILE_HUGE,
    FILE_LONG,
    HOME_WORLD_WRITABLE,
    HOME_GONE,
};

static const char mine[] = "local::joe:joe", piped[] = "pipe::/bin/prog:joe";

static const struct {
    const char *directors;
    enum doing doing;
    const char *forward; /* NULL: no file */
    const char *end;
} files[] = {
    /* clean */
    {safe, NOTHING, NULL, mine},
    {safe, NOTHING, "", mine},
    {safe, NOTHING, "# nothing but this\n", mine},
    {safe, NOTHING, "ann\n", "local::ann:ann"},
    {safe, NOTHING, "ann, bob\n", "local::ann:ann local::bob:bob"},
    {safe, NOTHING, "ann\nbob\n", "local::ann:ann local::bob:bob"},
    {safe, NOTHING, "ann@far.example\n", "smtp:hub.example:ann@far.example"},
    {safe, NOTHING, "\"|/bin/prog\"\n", piped},
    {safe, NOTHING, "joe, \"|/bin/prog\"\n", "local::joe:joe pipe::/bin/prog:joe"},
    {safe, NOTHING, "\\joe, ann\n", "local::ann:ann local::joe:joe"},
    {safe, NOTHING, "joe@vlager.vbrew.com\n", mine},
    {safe, NOTHING, "\\ann\n", "local::ann:ann"},
    {safe, NOTHING, "\"|/bin/prog $user ${home}\"\n",
     "pipe::/bin/prog $user ${home}:joe"},
    {safe, NOTHING, "@/joe/mail\n", "file::@/joe/mail:joe"},
    {safe, NOTHING, "~/mail\n", "file::@/joe/mail:joe"},
    {safe, NOTHING, "~ann/mail\n", "file::@/ann/mail:joe"},
    {safe, NOTHING, "/dev/null\n", "file::/dev/null:joe"},
    /* what no list may name */
    {safe, NOTHING, "~ann/../joe/mail\n", "failed:@/ann/../joe/mail:5.7.1:104"},
    {safe, NOTHING, "~nosuch/mail\n", "failed:~nosuch/mail:5.7.1:104"},
    {safe, NOTHING, "/dev/tty\n", "failed:/dev/tty:5.7.1:104"},
    {safe, NOTHING, ":include:list\n", "failed:list:5.7.1:116"},
    /* suspicious: refused, and the mailbox gets it */
    {safe, FILE_WORLD_WRITABLE, "\"|/bin/prog\"\n",
     "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    {safe, FILE_GROUP_WRITABLE, "\"|/bin/prog\"\n",
     "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    {safe, FILE_OF_ANOTHER, "\"|/bin/prog\"\n",
     "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    {safe, FILE_LINKED, "\"|/bin/prog\"\n", "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    {safe, HOME_WORLD_WRITABLE, "\"|/bin/prog\"\n",
     "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    {safe, FILE_WORLD_WRITABLE, "~/mail, ann\n",
     "failed:@/joe/mail:5.7.1:104 local::ann:ann local::joe:joe"},
    {caution, NOTHING, "\"|/bin/prog\"\n", "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    {unsecure, NOTHING, "\"|/bin/prog\"\n", "failed:/bin/prog:5.7.1:104 local::joe:joe"},
    /* plain addresses are used, whatever the file */
    {safe, FILE_WORLD_WRITABLE, "ann\n", "local::ann:ann"},
    {unsecure, FILE_WORLD_WRITABLE, "ann\n", "local::ann:ann"},
    /* suspicious, but allowed as nobody */
    {with_nobody, FILE_WORLD_WRITABLE, "\"|/bin/prog\"\n", "pipe::/bin/prog:nobody"},
    {with_nobody, FILE_WORLD_WRITABLE, "~/mail\n", "file::@/joe/mail:nobody"},
    {with_nobody, NOTHING, "\"|/bin/prog\"\n", piped},
    /* what is no forward file at all */
    {safe, FILE_SYMLINK, "ann\n", mine},
    {safe, FILE_FIFO, "ann\n", mine},
    {safe, FILE_DIRECTORY, "ann\n", mine},
    {safe, FILE_HUGE, "ann\n", mine},
    {safe, FILE_LONG, NULL, mine},
    {safe, NOTHING, "ann, <<>\n", mine},
    /* a home that is away may come back */
    {safe, HOME_GONE, NULL, "user:joe"},
};

static void
forward_prepare(struct world *world, enum doing doing, const char *text)
{
    const char *path = world_path(world, "joe/.forward");
    mode_t mode = doing == FILE_WORLD_WRITABLE   ? 0646
                  : doing == FILE_GROUP_WRITABLE ? 0664
                                                 : 0644;
    struct text many = text_new(world->arena);

    for (int i = 0; doing == FILE_LONG && i < 2000; i++)
        text_add_format(&many, "someone%d@far.example\n", i);
    if (doing == FILE_LONG)
        text = text_string(&many);
    if (text != NULL)
        world_write_user(world, "joe/.forward", mode, text);
    if (doing == FILE_OF_ANOTHER)
        ck_assert_int_eq(chown(path, 4242, (gid_t)-1), 0);
    else if (doing == FILE_LINKED)
        ck_assert_int_eq(link(path, world_path(world, "joe/other")), 0);
    else if (doing == HOME_WORLD_WRITABLE)
        ck_assert_int_eq(chmod(world_path(world, "joe"), 0757), 0);
    else if (doing == HOME_GONE)
        ck_assert_int_eq(rmdir(world_path(world, "joe")), 0);
    else if (doing == FILE_HUGE)
        ck_assert_int_eq(truncate(path, 200 * 1024 * 1024), 0);
    if (doing != FILE_SYMLINK && doing != FILE_FIFO && doing != FILE_DIRECTORY)
        return;
    ck_assert_int_eq(rename(path, world_path(world, "joe/real")), 0);
    if (doing == FILE_SYMLINK)
        ck_assert_int_eq(symlink("real", path), 0);
    else
        ck_assert_int_eq(doing == FILE_FIFO ? mkfifo(path, 0644) : mkdir(path, 0755), 0);
}

/* "@/" in what is expected stands for the world's directory. */
static const char *
expected(struct world *world, const char *end)
{
    struct text text = text_new(world->arena);

    for (; *end != '\0'; end++) {
        if (end[0] == '@' && end[1] == '/')
            text_add(&text, world->directory);
        else
            text_add_byte(&text, *end);
    }
    return text_string(&text);
}

START_TEST(a_forward_file_is_used_as_far_as_it_is_safe)
{
    const char *configuration[] = {"directors", files[_i].directors, "routers", routers,
                                   NULL};
    struct world world;

    world_begin(&world, configuration);
    if (files[_i].doing == FILE_OF_ANOTHER && geteuid() != 0) {
        world_end(&world);
        return; /* only root gives files away */
    }
    forward_prepare(&world, files[_i].doing, files[_i].forward);
    ck_assert_msg(strcmp(world_resolve(&world, "joe"), expected(&world, files[_i].end)) ==
                      0,
                  "%d: found %s, expected %s\n%s", _i, world_resolve(&world, "joe"),
                  expected(&world, files[_i].end), text_string(&world.trace));
    world_end(&world);
}
END_TEST

START_TEST(nobody_else_reads_a_users_file)
{
    const char *configuration[] = {"directors", safe, "routers", routers, NULL};
    static const struct {
        const char *actor, *end;
    } rows[] = {
        {"", "user:joe"},
        {"ann", "user:joe"},
        {"joe", "expanded:joe new:ann"}, /* an address is not joe's concern */
        {"*", "expanded:joe local::ann:ann"},
    };
    struct world world;

    world_begin(&world, configuration);
    world_write_user(&world, "joe/.forward", 0600, "ann\n");
    for (size_t i = 0; i < 4; i++) {
        world_act(&world, rows[i].actor);
        if (strcmp(rows[i].actor, "*") == 0)
            world_write_user(&world, "joe/.forward", 0600, "\\ann\n");
        ck_assert_str_eq(world_walk(&world, "joe"), rows[i].end);
    }
    world_end(&world);
}
END_TEST

START_TEST(files_of_the_superuser_are_never_used)
{
    const char *configuration[] = {"directors", safe, "routers", routers, NULL};
    struct world world;

    world_begin(&world, configuration);
    world_act(&world, "*");
    ck_assert_str_eq(world_walk(&world, "root"), "local::root:root");
    world_act(&world, "root");
    ck_assert_str_eq(world_walk(&world, "root"), "local::root:root");
    world_end(&world);
}
END_TEST

START_TEST(an_included_list_of_a_user_has_the_users_rights)
{
    const char *configuration[] = {"directors", safe, "routers", routers, NULL};
    static const struct {
        mode_t mode;
        const char *list, *end;
    } rows[] = {
        {0600, "bob, \"|/bin/prog\"", "local::bob:bob pipe::/bin/prog:joe"},
        {0666, "bob, \"|/bin/prog\"", "failed:/bin/prog:5.7.1:104 local::bob:bob"},
        {0600, "bob, :include:@/joe/list", "local::bob:bob"},
        {0600, "joe, bob", "local::bob:bob local::joe:joe"},
        {0600, "joe, ~/box\n", "file::@/joe/box:joe local::joe:joe"},
    };
    struct world world;

    world_begin(&world, configuration);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_write_user(&world, "joe/.forward", 0600, ":include:~/list\n");
        world_write_user(&world, "joe/list", rows[i].mode, rows[i].list);
        ck_assert_str_eq(world_resolve(&world, "joe"), expected(&world, rows[i].end));
    }
    world_end(&world);
}
END_TEST

START_TEST(a_local_part_never_leaves_the_directory_of_lists)
{
    static const char *const names[] = {
        "../secret",     "..",         ".",
        ".hidden",       "a/b",        "/secret",
        "\"../secret\"", "\"\\../x\"", "\"a b/../../secret\""};
    const char *configuration[] = {"directors", safe, "routers", routers, NULL};
    struct world world;

    world_begin(&world, configuration);
    ck_assert_int_eq(mkdir(world_path(&world, "lists"), 0755), 0);
    world_write(&world, "secret", 0644, "ann\n");
    world_write(&world, "lists/.hidden", 0644, "ann\n");
    world_write(&world, "lists/staff", 0644, "ann, bob # and nobody else\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_ptr_null(strstr(world_resolve(&world, names[i]), "ann"));
    ck_assert_str_eq(world_resolve(&world, "Staff"), "local::ann:ann local::bob:bob");
    world_end(&world);
}
END_TEST

START_TEST(a_long_name_is_unknown)
{
    const char *configuration[] = {"directors", safe, "routers", routers, NULL};
    struct world world;
    char name[301];

    memset(name, 'x', 300);
    name[300] = '\0';
    world_begin(&world, configuration);
    ck_assert_ptr_nonnull(strstr(world_resolve(&world, name), ":5.1.1:100"));
    world_end(&world);
}
END_TEST

TCase *
drivers_forwardfile_case(void)
{
    TCase *tcase = tcase_create("drivers_forwardfile");

    tcase_add_loop_test(tcase, a_forward_file_is_used_as_far_as_it_is_safe, 0,
                        (int)(sizeof(files) / sizeof(files[0])));
    tcase_add_test(tcase, nobody_else_reads_a_users_file);
    tcase_add_test(tcase, files_of_the_superuser_are_never_used);
    tcase_add_test(tcase, an_included_list_of_a_user_has_the_users_rights);
    tcase_add_test(tcase, a_local_part_never_leaves_the_directory_of_lists);
    tcase_add_test(tcase, a_long_name_is_unknown);
    return tcase;
}
