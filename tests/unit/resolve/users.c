/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/users.h"

#include "base/clock.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static int64_t now = 1000;

static int64_t
fake_monotonic(void)
{
    return now;
}

START_TEST(the_name_service_says_who_there_is)
{
    struct users *users = users_new();
    struct arena *arena = arena_new();
    struct error error = {0};
    struct user user;
    bool found;
    gid_t gid = 77;

    clock_replace(NULL, fake_monotonic);
    for (int i = 0; i < 4; i++, now += 3000) { /* from the cache, and anew */
        ck_assert(users_by_name(users, "root", arena, &user, &found, &error) && found);
        ck_assert_uint_eq(user.uid, 0);
        ck_assert_str_eq(user.name, "root");
        ck_assert_int_eq(user.home[0], '/');
        ck_assert(users_by_name(users, "no-such-user", arena, &user, &found, &error));
        ck_assert(!found);
    }
    ck_assert(users_by_uid(0, arena, &user, &found, &error) && found);
    ck_assert_str_eq(user.name, "root");
    ck_assert(users_by_uid(3999999999U, arena, &user, &found, &error) && !found);
    ck_assert(users_group("root", &gid, &found, &error) && found);
    ck_assert_uint_eq(gid, 0);
    ck_assert(users_group("no-such-group", &gid, &found, &error) && !found);
    clock_replace(NULL, NULL);
    users_free(users);
    arena_free(arena);
}
END_TEST

START_TEST(the_cache_of_names_is_bounded)
{
    struct users *users = users_new();
    struct arena *arena = arena_new();
    struct error error = {0};
    struct user user;
    bool found;

    for (int i = 0; i < 2500; i++) {
        const char *name = arena_format(arena, "no-such-%d", i);

        ck_assert(users_by_name(users, name, arena, &user, &found, &error) && !found);
    }
    users_free(users);
    arena_free(arena);
}
END_TEST

TCase *
resolve_users_case(void)
{
    TCase *tcase = tcase_create("resolve_users");

    tcase_add_test(tcase, the_name_service_says_who_there_is);
    tcase_add_test(tcase, the_cache_of_names_is_bounded);
    return tcase;
}
