/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "queue/snapshot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "tests/unit/queue/fixture.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

enum { CONNECT_FAILED = 148 };

static bool
hint_find(const struct queue *queue, const char *lane, struct host_hint *hint)
{
    size_t at = 0;

    while (queue_hint_next(queue, &at, hint))
        if (strcmp(hint->lane, lane) == 0)
            return true;
    return false;
}

/* A queue that knows a dead host and one that works. */
static struct fixture
fixture_with_hints(void)
{
    struct fixture fixture = fixture_new();

    fixture_mail_to(&fixture, 1, "dead.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_DEFERRED, CONNECT_FAILED, "refused");
    fixture_mail_to(&fixture, 1, "well.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    fixture_end(&fixture, &fixture.action, OUTCOME_RELAYED, 0, "");
    return fixture;
}

static const char *
snapshot_path(struct fixture *fixture)
{
    char *directory = arena_string(fixture->arena, "/tmp/smail-hints-XXXXXX");

    ck_assert_ptr_nonnull(mkdtemp(directory));
    return arena_format(fixture->arena, "%s/hints", directory);
}

static void
snapshot_remove(const char *path)
{
    char directory[256];

    unlink(path);
    ck_assert_uint_lt(strlen(path), sizeof(directory));
    memcpy(directory, path, strlen(path) + 1);
    *strrchr(directory, '/') = '\0';
    ck_assert_int_eq(rmdir(directory), 0); /* nothing is left beside it */
}

START_TEST(hints_tell_how_hosts_are)
{
    struct fixture fixture = fixture_with_hints();
    struct host_hint hint;

    ck_assert(hint_find(fixture.queue, "smtp:dead.example", &hint));
    ck_assert_int_eq(hint.last_try, fixture.now);
    ck_assert_int_eq(hint.failing_since, fixture.now);
    ck_assert_int_eq(hint.next_try, fixture.now + 600000);
    ck_assert_str_eq(hint.error, "refused");
    ck_assert_uint_eq(hint.waiting, 1);
    ck_assert(hint_find(fixture.queue, "smtp:well.example", &hint));
    ck_assert_int_eq(hint.failing_since, 0);
    ck_assert_int_eq(hint.next_try, 0);
    ck_assert_str_eq(hint.error, "");

    /* Cleared: the host is tried at once. */
    queue_hints_clear(fixture.queue, "smtp:dead.example");
    fixture_expect(&fixture, QUEUE_DELIVER);
    queue_hints_clear(fixture.queue, NULL);
    ck_assert(!hint_find(fixture.queue, "smtp:well.example", &hint));
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_snapshot_gives_the_next_queue_what_this_one_knew)
{
    struct fixture first = fixture_with_hints(), second = fixture_new();
    const char *path = snapshot_path(&first);
    struct error error = {0};
    struct host_hint hint;

    ck_assert_msg(hints_save(first.queue, path, &error), "%s", error.text);
    ck_assert_msg(hints_save(first.queue, path, &error), "%s", error.text); /* over it */
    second.now += 60000;
    ck_assert_msg(hints_load(second.queue, path, second.now, &error), "%s", error.text);
    ck_assert(hint_find(second.queue, "smtp:dead.example", &hint));
    ck_assert_int_eq(hint.last_try, first.now);
    ck_assert_int_eq(hint.next_try, first.now + 600000);
    ck_assert_str_eq(hint.error, "refused");

    /* New mail for it waits, and the back-off goes on where it was. */
    fixture_mail_to(&second, 1, "dead.example");
    for (; second.now < first.now + 600000; second.now += 60000)
        ck_assert(!fixture_next(&second));
    fixture_expect(&second, QUEUE_DELIVER);
    fixture_end(&second, &second.action, OUTCOME_DEFERRED, CONNECT_FAILED, "refused");
    ck_assert(hint_find(second.queue, "smtp:dead.example", &hint));
    ck_assert_int_eq(hint.next_try, second.now + 1200000);
    snapshot_remove(path);
    fixture_free(&first);
    fixture_free(&second);
}
END_TEST

START_TEST(hints_from_the_future_or_long_ago_are_not_believed)
{
    struct fixture fixture = fixture_new();
    int64_t now = fixture.now, week = INT64_C(7) * 86400000;
    const struct {
        struct host_hint hint;
        bool known, waits;
    } rows[] = {
        {{"smtp:a.example", now - 1000, now + 599000, now - 1000, 0, 0, "x"}, true, true},
        {{"smtp:b.example", now + 9000, now + 609000, now - 1000, 0, 0, "x"},
         false,
         false},
        {{"smtp:c.example", now - week, now - 1000, now - week, 0, 0, "x"}, false, false},
        {{"smtp:d.example", now - 1000, INT64_MAX / 2, now - 1000, 0, 0, "x"},
         true,
         false},
        {{"smtp:e.example", now - 1000, 0, 0, 0, 0, ""}, true, false},
        {{"smtp:f.example", INT64_MIN, INT64_MAX, INT64_MIN, 0, 0, ""}, false, false},
        {{"smtp:g.example", now - 1, INT64_MIN, INT64_MAX, 0, 0, ""}, true, false},
        {{"no colon", now - 1000, now + 1000, now - 1000, 0, 0, "x"}, false, false},
        {{":user", now - 1000, now + 1000, now - 1000, 0, 0, "x"}, false, false},
        {{"", now - 1000, now + 1000, now - 1000, 0, 0, "x"}, false, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct host_hint hint;
        bool known;

        queue_hint_load(fixture.queue, &rows[i].hint, now);
        known = hint_find(fixture.queue, rows[i].hint.lane, &hint);
        ck_assert_msg(known == rows[i].known, "%s", rows[i].hint.lane);
        ck_assert_msg((known && hint.next_try > now) == rows[i].waits, "%s",
                      rows[i].hint.lane);
    }
    fixture_free(&fixture);
}
END_TEST

/* Write the bytes of a snapshot, cut or changed, and read them. */
static void
read_damaged(struct fixture *fixture, const char *path, const char *bytes, size_t length)
{
    struct host_hint *hints;
    struct error error = {0};
    size_t count;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert(file_write(fd, path, bytes, length, &error));
    close(fd);
    if (hints_read(path, fixture->arena, &hints, &count, &error))
        ck_assert_uint_le(count, 2);
    else
        ck_assert_str_ne(error.text, "");
}

START_TEST(a_damaged_snapshot_is_an_empty_one)
{
    struct fixture fixture = fixture_with_hints();
    const char *path = snapshot_path(&fixture);
    struct error error = {0};
    struct span file;
    struct stat status;
    char *copy;

    ck_assert(hints_load(fixture.queue, path, fixture.now, &error)); /* none yet: empty */
    ck_assert(hints_save(fixture.queue, path, &error));
    ck_assert(file_load(path, false, 1 << 20, fixture.arena, &file, &status, &error));
    read_damaged(&fixture, path, "", 0);
    read_damaged(&fixture, path, "not a database", 14);
    for (size_t cut = 1; cut < file.length; cut += file.length / 40)
        read_damaged(&fixture, path, file.bytes, cut);
    srandom(2);
    for (int i = 0; i < 400; i++) {
        copy = arena_bytes(fixture.arena, file.bytes, file.length);
        for (int j = 0; j < 4; j++)
            copy[(size_t)random() % (j == 0 ? file.length : 400)] ^= (char)random();
        read_damaged(&fixture, path, copy, file.length);
    }
    snapshot_remove(path);
    fixture_free(&fixture);
}
END_TEST

START_TEST(a_snapshot_that_cannot_be_written_is_an_error_and_leaves_the_old_one)
{
    struct fixture fixture = fixture_with_hints();
    struct error error = {0};

    ck_assert(!hints_save(fixture.queue, "/nonexistent/hints", &error));
    ck_assert_str_eq(error.status, "4.3.0");
    ck_assert(!error.permanent);
    fixture_free(&fixture);
}
END_TEST

TCase *
queue_snapshot_case(void)
{
    TCase *tcase = tcase_create("queue/snapshot");

    tcase_add_test(tcase, hints_tell_how_hosts_are);
    tcase_add_test(tcase, a_snapshot_gives_the_next_queue_what_this_one_knew);
    tcase_add_test(tcase, hints_from_the_future_or_long_ago_are_not_believed);
    tcase_add_test(tcase, a_damaged_snapshot_is_an_empty_one);
    tcase_add_test(tcase,
                   a_snapshot_that_cannot_be_written_is_an_error_and_leaves_the_old_one);
    return tcase;
}
