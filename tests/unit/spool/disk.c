/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The real disk: a spool in a directory, and the one lock. */
#include "spool/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/spool.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static char directory[] = "/tmp/smail-disk-XXXXXX";
static struct disk disk;

static void
setup(void)
{
    memcpy(strrchr(directory, '-') + 1, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(disk_open(directory, &disk), 0);
}

static void
remove_each(void *argument, const char *name)
{
    const char *folder = argument;
    char path[300];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    disk.unlink(disk.context, path);
}

static void
teardown(void)
{
    char input[] = "input", error[] = "error";
    int fd = open(directory, O_RDONLY | O_DIRECTORY);

    disk.list(disk.context, input, remove_each, input);
    disk.list(disk.context, error, remove_each, error);
    unlinkat(fd, input, AT_REMOVEDIR);
    unlinkat(fd, error, AT_REMOVEDIR);
    unlinkat(fd, "x", 0);
    close(fd);
    disk_close(&disk);
    ck_assert_int_eq(rmdir(directory), 0);
}

START_TEST(files_are_made_once_and_appended_to)
{
    int fd = disk.create(disk.context, "x", 0640), again;
    char bytes[16] = "";

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(disk.create(disk.context, "x", 0640), -EEXIST);
    ck_assert_int_eq(disk.write(disk.context, fd, "one", 3), 3);
    ck_assert_int_eq(disk.write(disk.context, fd, "two", 3), 3);
    ck_assert_int_eq(disk.size(disk.context, fd), 6);
    ck_assert_int_eq(disk.read(disk.context, fd, 2, bytes, sizeof(bytes)), 4);
    ck_assert_mem_eq(bytes, "etwo", 4);
    ck_assert_int_eq(disk.read(disk.context, fd, 6, bytes, sizeof(bytes)), 0);
    ck_assert_int_eq(disk.sync(disk.context, fd), 0);
    ck_assert_int_eq(disk.refresh(disk.context, fd), 0);
    again = disk.open(disk.context, "x");
    ck_assert_int_ge(again, 0);
    ck_assert_int_eq(disk.write(disk.context, again, "x", 1), -EBADF);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(again, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(disk.close(disk.context, fd), 0);
    ck_assert_int_eq(disk.close(disk.context, again), 0);
    ck_assert_int_eq(disk.open(disk.context, "y"), -ENOENT);
    ck_assert_int_eq(disk.unlink(disk.context, "y"), -ENOENT);
    ck_assert_int_eq(disk.rename(disk.context, "y", "z"), -ENOENT);
}
END_TEST

START_TEST(symbolic_links_are_not_followed)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY);

    ck_assert_int_eq(symlinkat("/etc/passwd", fd, "x"), 0);
    ck_assert_int_eq(disk.open(disk.context, "x"), -ELOOP);
    ck_assert_int_eq(disk.create(disk.context, "x", 0600), -EEXIST);
    ck_assert_int_eq(disk.lock(disk.context, "x"), -ELOOP);
    close(fd);
}
END_TEST

START_TEST(the_lock_has_one_holder)
{
    struct disk other;

    ck_assert_int_eq(disk_open(directory, &other), 0);
    ck_assert_int_eq(disk.lock(disk.context, "x"), 0);
    ck_assert_int_eq(other.lock(other.context, "x"), -EWOULDBLOCK);
    disk_close(&disk);
    ck_assert_int_eq(other.lock(other.context, "x"), 0);
    disk = other;
}
END_TEST

static void
count_found(void *argument, const struct spool_message *message)
{
    (void)message;
    ++*(int *)argument;
}

static void
no_damage(void *argument, const char *text)
{
    (void)argument;
    ck_abort_msg("%s", text);
}

START_TEST(a_spool_lives_in_a_directory)
{
    static const struct spool_options options = {
        .segment_size = 1 << 20, .reserve = 1 << 16, .free_minimum = 1, .mode = 0600};
    struct recipient recipient = {.text = "a@b.example", .original = ""};
    struct envelope envelope = envelope_new();
    struct error error = {0};
    struct stat status;
    struct spool *spool;
    char path[64];
    bool busy;

    envelope.recipients = &recipient;
    envelope.recipient_count = 1;
    for (uint64_t round = 0; round < 3; round++) {
        struct message_id id = message_id_make(1800000000, round, 'C');
        int found = 0;

        ck_assert_msg(spool_open(&disk, &options, 0, &spool, &busy, &error), "%s",
                      error.text);
        while (spool_recover(spool, 1 << 16, count_found, no_damage, &found))
            ;
        ck_assert_int_eq(found, (int)round);
        ck_assert(spool_add_message(spool, &id, &envelope, SPAN("x"), &error));
        ck_assert(spool_commit(spool, true, 0, NULL, NULL, &error));
        spool_close(spool);
        disk_close(&disk);
        ck_assert_int_eq(disk_open(directory, &disk), 0);
    }
    snprintf(path, sizeof(path), "%s/input/00000001", directory);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
}
END_TEST

TCase *
spool_disk_case(void)
{
    TCase *tests = tcase_create("spool_disk");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, files_are_made_once_and_appended_to);
    tcase_add_test(tests, symbolic_links_are_not_followed);
    tcase_add_test(tests, the_lock_has_one_holder);
    tcase_add_test(tests, a_spool_lives_in_a_directory);
    return tests;
}
