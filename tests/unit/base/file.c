/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files: what is opened and what is refused, reading to a limit, replacing whole. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static struct arena *arena;
static char directory[] = "/tmp/smail-unit-XXXXXX";

static const char *
in_directory(const char *name)
{
    return arena_format(arena, "%s/%s", directory, name);
}

/* A file, one more name for it, and things that are no files. */
static void
directory_make(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    arena = arena_new();
    memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    fd = open(in_directory("file"), O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_eq(write(fd, "hello\0mail", 10), 10);
    close(fd);
    ck_assert_int_eq(symlink("file", in_directory("link")), 0);
    ck_assert_int_eq(symlink("loop", in_directory("loop")), 0);
    ck_assert_int_eq(mkfifo(in_directory("fifo"), 0600), 0);
    ck_assert_int_eq(mkdir(in_directory("sub"), 0700), 0);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
}

static void
directory_remove(void)
{
    static const char *const names[] = {"file", "link", "loop", "fifo", "socket", "new"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(in_directory(names[i]));
    rmdir(in_directory("sub"));
    rmdir(directory);
    arena_free(arena);
}

START_TEST(file_load_takes_regular_files_only)
{
    static const struct {
        const char *name;
        bool follow, good, permanent;
        int reason;
    } rows[] = {
        {"file", false, true, false, 0},         {"file", true, true, false, 0},
        {"link", true, true, false, 0},          {"link", false, false, true, ELOOP},
        {"loop", true, false, false, ELOOP},     {"missing", false, false, true, ENOENT},
        {"file/x", false, false, true, ENOTDIR}, {"fifo", false, false, true, EINVAL},
        {"sub", false, false, true, EISDIR},     {"socket", false, false, true, ENXIO},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error error = {0};
        struct stat status;
        struct span content = {NULL, 0};
        bool loaded = file_load(in_directory(rows[i].name), rows[i].follow, 100, arena,
                                &content, &status, &error);
        int reason = errno;

        ck_assert_msg(loaded == rows[i].good, "%s: %s", rows[i].name, error.text);
        if (loaded) {
            ck_assert(span_equal(content, SPAN("hello\0mail")));
            ck_assert_int_eq(content.bytes[content.length], '\0');
            ck_assert_int_eq(status.st_size, 10);
        } else {
            ck_assert_msg(error.permanent == rows[i].permanent, "%s", rows[i].name);
            ck_assert_int_eq(error.status[0], rows[i].permanent ? '5' : '4');
            ck_assert_int_eq(reason, rows[i].reason);
            ck_assert_ptr_nonnull(strstr(error.text, rows[i].name));
        }
    }
}
END_TEST

START_TEST(file_open_of_what_may_not_be_read_is_temporary)
{
    struct error error = {0};
    int fd;

    if (geteuid() == 0) /* root may read everything */
        return;
    ck_assert_int_eq(chmod(in_directory("file"), 0), 0);
    ck_assert(!file_open(in_directory("file"), false, &fd, NULL, &error));
    ck_assert_int_eq(errno, EACCES);
    ck_assert_int_eq(fd, -1);
    ck_assert(!error.permanent);
}
END_TEST

START_TEST(file_read_stops_at_the_limit)
{
    struct error error = {0};
    struct span content;

    ck_assert(file_load(in_directory("file"), false, 10, arena, &content, NULL, &error));
    ck_assert(!file_load(in_directory("file"), false, 9, arena, &content, NULL, &error));
    ck_assert(error.permanent);
    ck_assert(
        file_load(in_directory("file"), false, SIZE_MAX, arena, &content, NULL, &error));
    ck_assert(!file_load("/dev/zero", false, 9, arena, &content, NULL, &error));
}
END_TEST

/* What says nothing about its size: a pipe with more in it than the first room. */
START_TEST(file_read_takes_what_has_no_size)
{
    struct error error = {0};
    struct span content;
    static char bytes[30000];
    int ends[2];

    memset(bytes, 'p', sizeof(bytes));
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert(file_write(ends[1], "pipe", bytes, sizeof(bytes), &error));
    ck_assert(file_close(ends[1], "pipe", &error));
    ck_assert(file_read(ends[0], "pipe", 30000, arena, &content, &error));
    ck_assert(span_equal(content, (struct span){bytes, sizeof(bytes)}));
    close(ends[0]);
    ck_assert(
        file_load("/proc/self/status", false, 100000, arena, &content, NULL, &error));
    ck_assert_uint_gt(content.length, 100);
}
END_TEST

START_TEST(file_write_tells_that_the_disk_is_full)
{
    struct error error = {0};
    int fd = open("/dev/full", O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert(!file_write(fd, "/dev/full", "x", 1, &error));
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert(!error.permanent);
    ck_assert_str_eq(error.status, "4.3.1");
    close(fd);
    ck_assert(!file_sync(fd, "closed", &error));
    ck_assert(!error.permanent);
}
END_TEST

static int
count_entries(void)
{
    DIR *open_directory = opendir(directory);
    int count = 0;

    while (readdir(open_directory) != NULL)
        count++;
    closedir(open_directory);
    return count;
}

START_TEST(file_replace_puts_the_whole_in_place)
{
    struct error error = {0};
    const char *path = in_directory("new");
    struct span content;
    struct stat status;
    int before = count_entries();
    mode_t mask = umask(077);

    ck_assert_msg(file_replace(path, 0644, SPAN("one"), &error), "%s", error.text);
    ck_assert(file_replace(path, 0640, SPAN("two\n"), &error));
    umask(mask);
    ck_assert(file_load(path, false, 100, arena, &content, &status, &error));
    ck_assert(span_is(content, "two\n"));
    ck_assert_int_eq(status.st_mode & 07777, 0640);
    ck_assert_int_eq(count_entries(), before + 1);
}
END_TEST

START_TEST(file_replace_that_fails_leaves_nothing_behind)
{
    struct error error = {0};
    int before = count_entries();

    ck_assert(!file_replace(in_directory("sub"), 0644, SPAN("x"), &error));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert(!error.permanent);
    ck_assert_int_eq(count_entries(), before);
    ck_assert(!file_replace(in_directory("missing/x"), 0644, SPAN("x"), &error));
    ck_assert_int_eq(count_entries(), before);
}
END_TEST

START_TEST(file_replace_takes_a_link_away_and_not_its_target)
{
    struct error error = {0};
    struct span content;

    ck_assert(file_replace(in_directory("link"), 0600, SPAN("mine"), &error));
    ck_assert(file_load(in_directory("file"), false, 100, arena, &content, NULL, &error));
    ck_assert_uint_eq(content.length, 10);
    ck_assert(file_load(in_directory("link"), false, 100, arena, &content, NULL, &error));
    ck_assert(span_is(content, "mine"));
}
END_TEST

START_TEST(file_sync_directory_finds_it_from_any_path)
{
    struct error error = {0};

    ck_assert(file_sync_directory(in_directory("file"), &error));
    ck_assert(file_sync_directory("/file", &error));
    ck_assert_int_eq(chdir(directory), 0);
    ck_assert(file_sync_directory("file", &error));
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert(!file_sync_directory(in_directory("missing/file"), &error));
}
END_TEST

TCase *
base_file_case(void)
{
    TCase *tcase = tcase_create("base_file");

    tcase_add_checked_fixture(tcase, directory_make, directory_remove);
    tcase_add_test(tcase, file_load_takes_regular_files_only);
    tcase_add_test(tcase, file_open_of_what_may_not_be_read_is_temporary);
    tcase_add_test(tcase, file_read_stops_at_the_limit);
    tcase_add_test(tcase, file_read_takes_what_has_no_size);
    tcase_add_test(tcase, file_write_tells_that_the_disk_is_full);
    tcase_add_test(tcase, file_replace_puts_the_whole_in_place);
    tcase_add_test(tcase, file_replace_that_fails_leaves_nothing_behind);
    tcase_add_test(tcase, file_replace_takes_a_link_away_and_not_its_target);
    tcase_add_test(tcase, file_sync_directory_finds_it_from_any_path);
    return tcase;
}
