/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "drivers/lookups/gdbm_build.h"
#include "tests/unit/resolve/world.h"

#include "base/banned.h"

static const char *const nothing[] = {NULL};

/* "value@line", "absent", or the status of the error. */
static const char *
find(struct world *world, const char *proto, const char *file, const char *key)
{
    const struct services *services = world->real;
    struct lookup_value value;
    struct error error = {0};
    struct stat status;

    switch (services->lookup(services, proto, world_path(world, file), span_of(key),
                             world->arena, &value, &status, &error)) {
    case LOOKUP_FOUND:
        return arena_format(world->arena, "%s@%u", value.value, value.line);
    case LOOKUP_ABSENT:
        return "absent";
    default:
        return arena_format(world->arena, "%s %s",
                            error.permanent ? "permanent" : "temporary",
                            error.text + strlen(world_path(world, file)));
    }
}

static const char table[] = "# aliases\n"
                            "\n"
                            "Postmaster: root\n"
                            "team joe, # the boss\n"
                            "\tann,\n"
                            "\n"
                            "# in the middle\n"
                            "  bob\n"
                            "\"a b\": one\n"
                            "hash: \"|prog #1\", x # cut\n"
                            "twice: first\n"
                            "twice: second\n"
                            "crlf: joe,\r\n"
                            "  ann\r\n"
                            "empty:\n"
                            "bare\n"
                            ": nothing\n"
                            "last: no line end";

static const struct {
    const char *key, *found;
} entries[] = {
    {"postmaster", "root@3"},
    {"POSTMASTER", "root@3"},
    {"team", "joe, ann, bob@4"},
    {"a b", "one@9"},
    {"hash", "\"|prog #1\", x@10"},
    {"twice", "first@11"},
    {"crlf", "joe, ann@13"},
    {"empty", "@15"},
    {"bare", "@16"},
    {"last", "no line end@18"},
    {"", "absent"},
    {"nothing", "absent"},
    {"# aliases", "absent"},
    {"tea", "absent"},
    {"teams", "absent"},
};

START_TEST(lsearch_and_gdbm_find_the_same)
{
    static const char *const protos[] = {"lsearch", "gdbm"};
    struct gdbm_build build;
    struct error error = {0};
    struct world world;

    world_begin(&world, nothing);
    world_write(&world, "table", 0644, table);
    ck_assert_msg(gdbm_build(world_path(&world, "table"), false, &build, &error), "%s",
                  error.text);
    ck_assert_uint_eq(build.entries, 9);
    ck_assert_uint_eq(build.duplicates, 1);
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
            ck_assert_str_eq(find(&world, protos[p], "table", entries[i].key),
                             entries[i].found);
    world_end(&world);
}
END_TEST

START_TEST(bsearch_finds_each_key_whatever_the_order)
{
    static const struct {
        const char *name, *text;
    } files[] = {
        {"sorted", ".bar.com\ternie!bert!%s\nbert\ternie!bert!%s\nErnie\ternie!%s 300\n"
                   "here\t%s\n"},
        {"unsorted", "here\t%s\nErnie\ternie!%s 300\n.bar.com\ternie!bert!%s\n"
                     "bert\ternie!bert!%s\n"},
    };
    struct world world;

    world_begin(&world, nothing);
    for (size_t i = 0; i < 2; i++) {
        world_write(&world, files[i].name, 0644, files[i].text);
        ck_assert(span_starts(span_of(find(&world, "bsearch", files[i].name, ".bar.com")),
                              "ernie!bert!%s@"));
        ck_assert(span_starts(span_of(find(&world, "bsearch", files[i].name, "ernie")),
                              "ernie!%s 300@"));
        ck_assert(
            span_starts(span_of(find(&world, "bsearch", files[i].name, "HERE")), "%s@"));
        ck_assert_str_eq(find(&world, "bsearch", files[i].name, "ber"), "absent");
        ck_assert_str_eq(find(&world, "bsearch", files[i].name, "zz"), "absent");
        ck_assert_str_eq(find(&world, "bsearch", files[i].name, ""), "absent");
    }
    world_end(&world);
}
END_TEST

START_TEST(bsearch_agrees_with_lsearch_on_random_tables)
{
    struct world world;

    world_begin(&world, nothing);
    srandom(7);
    for (int round = 0; round < 20; round++) {
        const char *name = arena_format(world.arena, "t%d", round);
        struct text text = text_new(world.arena);

        for (int i = 0; i < 60; i++)
            text_add_format(&text, "%c%c%s\tv%d\n", (int)('a' + random() % 6),
                            (int)("AZaz_-.9"[random() % 8]), random() % 2 ? ".x" : "", i);
        world_write(&world, name, 0644, text_string(&text));
        for (int i = 0; i < 60; i++) {
            const char *key =
                arena_format(world.arena, "%c%c%s", (int)('a' + random() % 6),
                             (int)("azAZ_-.9"[random() % 8]), random() % 2 ? ".x" : "");

            ck_assert_str_eq(find(&world, "bsearch", name, key),
                             find(&world, "lsearch", name, key));
        }
    }
    world_end(&world);
}
END_TEST

START_TEST(what_cannot_be_searched_is_told_apart)
{
    struct world world;

    world_begin(&world, nothing);
    errno = 0;
    ck_assert_str_eq(find(&world, "lsearch", "missing", "x"),
                     "permanent : No such file or directory");
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_str_eq(find(&world, "lsearch", "missing", "x"),
                     "permanent : No such file or directory");
    ck_assert_ptr_nonnull(strstr(find(&world, "gdbm", "missing", "x"), "permanent"));
    ck_assert_ptr_nonnull(strstr(find(&world, "nosuch", "missing", "x"), "permanent"));
    ck_assert_ptr_nonnull(strstr(find(&world, "lsearch", "joe", "x"), "temporary"));
    world_write(&world, "bad.gdbm", 0644,
                "this is no database, however long it may be\n");
    ck_assert_ptr_nonnull(strstr(find(&world, "gdbm", "bad", "x"), "temporary"));
    world_end(&world);
}
END_TEST

START_TEST(a_damaged_database_makes_mail_wait)
{
    struct gdbm_build build;
    struct error error = {0};
    struct text text;
    struct world world;

    world_begin(&world, nothing);
    text = text_new(world.arena);
    for (int i = 0; i < 3000; i++)
        text_add_format(&text, "name%d: somebody.with.a.long.name%d\n", i, i);
    world_write(&world, "a", 0644, text_string(&text));
    ck_assert(gdbm_build(world_path(&world, "a"), true, &build, &error));
    for (off_t size = 300000; size > 0; size -= 30000) {
        int waiting = 0;

        if (truncate(world_path(&world, "a.gdbm"), size) != 0)
            ck_abort();
        for (int i = 0; i < 3000; i += 100) {
            const char *found =
                find(&world, "gdbm", "a", arena_format(world.arena, "name%d", i));

            ck_assert_str_ne(found, "absent");
            waiting += strstr(found, "temporary") != NULL;
        }
        ck_assert(size > 100000 || waiting > 0);
    }
    world_end(&world);
}
END_TEST

static int64_t now;

static int64_t
fake_monotonic(void)
{
    return now;
}

START_TEST(a_changed_table_is_seen_within_a_second)
{
    struct world world;

    now = 1000000;
    clock_replace(NULL, fake_monotonic);
    world_begin(&world, nothing);
    ck_assert_ptr_nonnull(strstr(find(&world, "lsearch", "t", "a"), "permanent"));
    world_write(&world, "t", 0644, "a: one\n");
    now += 1000;
    ck_assert_str_eq(find(&world, "lsearch", "t", "a"), "one@1");
    world_write(&world, "t", 0644, "# new\na: other\n");
    now += 999;
    ck_assert_str_eq(find(&world, "lsearch", "t", "a"), "one@1");
    now += 1;
    ck_assert_str_eq(find(&world, "lsearch", "t", "a"), "other@2");
    ck_assert_int_eq(unlink(world_path(&world, "t")), 0);
    now += 1000;
    ck_assert_ptr_nonnull(strstr(find(&world, "lsearch", "t", "a"), "permanent"));
    world_end(&world);
    clock_replace(NULL, NULL);
}
END_TEST

START_TEST(a_bad_source_leaves_the_old_database)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        {"joe: ann\nbad: <<>, x\n", ":2: "},
        {"joe: ann\n\nempty:\n", ":3: no address found"},
        {"joe: (comment\n", ":1: "},
    };
    struct gdbm_build build;
    struct error error = {0};
    struct stat status;
    struct world world;

    world_begin(&world, nothing);
    world_write(&world, "a", 0664, "joe: bob\n");
    ck_assert(gdbm_build(world_path(&world, "a"), true, &build, &error));
    ck_assert_int_eq(stat(world_path(&world, "a.gdbm"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0644);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_write(&world, "a", 0644, rows[i].text);
        ck_assert(!gdbm_build(world_path(&world, "a"), true, &build, &error));
        ck_assert_ptr_nonnull(strstr(error.text, rows[i].problem));
        ck_assert_str_eq(find(&world, "gdbm", "a", "JOE"), "bob@1");
    }
    ck_assert(!gdbm_build(world_path(&world, "missing"), true, &build, &error));
    world_end(&world);
}
END_TEST

TCase *
drivers_lookups_case(void)
{
    TCase *tcase = tcase_create("drivers_lookups");

    tcase_add_test(tcase, lsearch_and_gdbm_find_the_same);
    tcase_add_test(tcase, bsearch_finds_each_key_whatever_the_order);
    tcase_add_test(tcase, bsearch_agrees_with_lsearch_on_random_tables);
    tcase_add_test(tcase, what_cannot_be_searched_is_told_apart);
    tcase_add_test(tcase, a_damaged_database_makes_mail_wait);
    tcase_add_test(tcase, a_changed_table_is_seen_within_a_second);
    tcase_add_test(tcase, a_bad_source_leaves_the_old_database);
    return tcase;
}
