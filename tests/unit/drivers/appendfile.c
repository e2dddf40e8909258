/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of appendfile on real files: what may be written, locks, full disks, Maildirs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "tests/unit/deliver/desk.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static const char config[] = "fnlock_retries=0\nfnlock_interval=0\n";
static const char transports[] =
    "local: driver=appendfile, local, from, unix_from_hack, -received;\n"
    "    file=@/box/${lc:user}, suffix=\"\\n\", mode=0640\n"
    "file: driver=appendfile, local, -received; file=$user, expand_user\n"
    "maildir: driver=appendfile, local, -received; maildir=~/Maildir\n"
    "batch: driver=appendfile, hbsmtp, -received, max_addrs=100; dir=@/box, mode=0600\n"
    "mmdf: driver=appendfile, local, -received;\n"
    "    file=@/box/mmdf, prefix=\"<<\\n\", suffix=\">>\\n\"\n";

static struct desk desk;

static void
begin(void)
{
    desk_begin(&desk, config, transports);
    ck_assert_int_eq(mkdir(desk_path(&desk, "box"), 0700), 0);
}

static void
end(void)
{
    desk_end(&desk);
}

/* Deliver the message once to that address. */
static const char *
deliver(enum address_kind kind, const char *transport, const char *text)
{
    desk.job.address_count = 0;
    desk_address(&desk, kind, transport, text);
    desk_deliver(&desk);
    return desk_outcome(&desk);
}

static void
check_outcome(const char *got, const char *want)
{
    ck_assert_msg(strcmp(got, want) == 0, "%s, wanted %s: %s", got, want,
                  desk.result.outcomes[0].error.text);
}

static size_t
count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (text = strstr(text, what); text; text = strstr(text + 1, what))
        count++;
    return count;
}

/* --- mailboxes --- */

START_TEST(a_mailbox_is_made_and_appended_to)
{
    const char *text;
    struct stat status;

    desk_message(&desk, "ann@b.example", "Subject: x\r\n\r\nFrom me\r\n.\r\n");
    check_outcome(deliver(ADDRESS_MAIL, "local", "Joe"), "delivered");
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "delivered");
    text = desk_read(&desk, "box/joe");
    ck_assert(strncmp(text, "From ann@b.example ", 19) == 0);
    ck_assert_uint_eq(count_of(text, "\nSubject: x\n\n>From me\n.\n\n"), 2);
    ck_assert_uint_eq(count_of(text, "\r"), 0);
    ck_assert_int_eq(stat(desk_path(&desk, "box/joe"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0640);
    ck_assert(access(desk_path(&desk, "box/joe.lock"), F_OK) < 0);
}
END_TEST

START_TEST(a_line_that_was_cut_off_is_ended_first)
{
    desk_write(&desk, "box/joe", 0600, "From x\n\nhalf a li");
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "delivered");
    ck_assert(strstr(desk_read(&desk, "box/joe"), "half a li\nFrom ann") != NULL);
}
END_TEST

START_TEST(prefix_and_suffix_stand_around_the_message)
{
    check_outcome(deliver(ADDRESS_MAIL, "mmdf", "joe"), "delivered");
    ck_assert_str_eq(desk_read(&desk, "box/mmdf"), "<<\nSubject: x\n\ntext\n>>\n");
}
END_TEST

START_TEST(the_access_time_stays)
{
    struct utimbuf times = {.actime = 1000, .modtime = 2000};
    struct stat status;

    desk_write(&desk, "box/joe", 0600, "old\n");
    ck_assert_int_eq(utime(desk_path(&desk, "box/joe"), &times), 0);
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "delivered");
    ck_assert_int_eq(stat(desk_path(&desk, "box/joe"), &status), 0);
    ck_assert_int_eq(status.st_atime, 1000);
    ck_assert_int_gt(status.st_mtime, 2000);
}
END_TEST

/* --- what is no mailbox --- */

static void
make_symlink(const char *path)
{
    desk_write(&desk, "victim", 0600, "victim\n");
    ck_assert_int_eq(symlink(desk_path(&desk, "victim"), path), 0);
}
static void
make_dangling(const char *path)
{
    ck_assert_int_eq(symlink(desk_path(&desk, "victim"), path), 0);
}
static void
make_hard_link(const char *path)
{
    desk_write(&desk, "victim", 0600, "victim\n");
    ck_assert_int_eq(link(desk_path(&desk, "victim"), path), 0);
}
static void
make_fifo(const char *path)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
}
static void
make_directory(const char *path)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
}
static void
make_foreign(const char *path)
{
    desk_write(&desk, "box/joe", 0666, "other\n");
    if (geteuid() == 0) /* else the name is free, which the row cannot test */
        ck_assert_int_eq(chown(path, 12345, (gid_t)-1), 0);
}
static void
make_open_directory(const char *path)
{
    (void)path;
    ck_assert_int_eq(chmod(desk_path(&desk, "box"), 0777), 0);
}

static const struct {
    const char *name;
    void (*make)(const char *path);
    bool needs_root;
} obstacles[] = {
    {"symbolic link", make_symlink, false},
    {"dangling link", make_dangling, false},
    {"hard link", make_hard_link, false},
    {"fifo", make_fifo, false},
    {"directory", make_directory, false},
    {"file of another", make_foreign, true},
    {"directory that anybody writes", make_open_directory, false},
};

START_TEST(what_is_no_mailbox_stays_untouched_and_the_mail_waits)
{
    const char *victim;

    if (obstacles[_i].needs_root && geteuid() != 0)
        return;
    obstacles[_i].make(desk_path(&desk, "box/joe"));
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "deferred 133 4.2.0");
    ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_POSTMASTER);
    victim = desk_read(&desk, "victim");
    ck_assert(!victim || strcmp(victim, "victim\n") == 0);
    ck_assert(access(desk_path(&desk, "box/joe.lock"), F_OK) < 0);
}
END_TEST

START_TEST(a_file_that_a_list_names_fails_for_its_owner)
{
    if (obstacles[_i].needs_root && geteuid() != 0)
        return;
    obstacles[_i].make(desk_path(&desk, "box/joe"));
    check_outcome(deliver(ADDRESS_FILE, "file", "@/box/joe"), "failed 133 5.2.0");
    ck_assert_int_eq(desk.result.outcomes[0].report, REPORT_OWNER);
}
END_TEST

static const struct {
    enum address_kind kind;
    const char *transport, *text, *want;
} paths[] = {
    {ADDRESS_FILE, "file", "/dev/null", "delivered"},
    {ADDRESS_FILE, "file", "/dev/zero", "failed 133 5.2.0"},
    {ADDRESS_FILE, "file", "@/box/../x", "failed 133 5.2.0"},
    {ADDRESS_FILE, "file", "relative", "failed 132 5.3.5"},
    {ADDRESS_FILE, "file", "~/in", "delivered"},
    {ADDRESS_FILE, "file", "~joe/in", "delivered"},
    {ADDRESS_FILE, "file", "~nobody-here/in", "failed 128 5.2.0"},
    {ADDRESS_FILE, "file", "@/box/$x ${y}", "delivered"},
    {ADDRESS_FILE, "file", "@/nothing/here", "failed 133 5.2.0"},
    {ADDRESS_MAIL, "local", "../x", "failed 129 5.1.3"},
    {ADDRESS_MAIL, "local", "a/b", "failed 129 5.1.3"},
    {ADDRESS_MAIL, "local", ".hidden", "failed 129 5.1.3"},
    {ADDRESS_MAIL, "local", "a\nb", "failed 129 5.1.3"},
    {ADDRESS_MAIL, "local", "joe smith", "delivered"},
    {ADDRESS_MAIL, "nothing", "joe", "deferred 110 4.3.5"},
};

START_TEST(paths_lead_where_they_may)
{
    check_outcome(deliver(paths[_i].kind, paths[_i].transport, paths[_i].text),
                  paths[_i].want);
}
END_TEST

START_TEST(a_name_of_300_octets_is_refused)
{
    char name[301];

    memset(name, 'a', 300);
    name[300] = '\0';
    check_outcome(deliver(ADDRESS_MAIL, "local", name), "failed 129 5.1.3");
}
END_TEST

/* --- locks --- */

/* A child that holds a lock until it is killed; it says so on a pipe. */
static pid_t
holder(const char *path, bool (*take)(const char *path))
{
    int ready[2];
    char byte;
    pid_t child;

    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        bool fine = take(path);

        (void)!write(ready[1], fine ? "y" : "n", 1);
        pause();
        _exit(0);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    return child;
}

static bool
take_fcntl(const char *path)
{
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd >= 0 && fcntl(fd, F_SETLK, &range) == 0;
}
static bool
take_flock(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static bool (*const locks[])(const char *path) = {take_fcntl, take_flock};

START_TEST(a_kernel_lock_of_another_makes_mail_wait)
{
    pid_t child;

    desk_write(&desk, "box/joe", 0600, "old\n");
    child = holder(desk_path(&desk, "box/joe"), locks[_i]);
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "deferred 134 4.2.0");
    ck_assert_str_eq(desk_read(&desk, "box/joe"), "old\n");
    ck_assert(access(desk_path(&desk, "box/joe.lock"), F_OK) < 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "delivered");
}
END_TEST

static pid_t
dead_process(void)
{
    pid_t child = fork();

    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    return child;
}

static const struct {
    bool own_host; /* the lock names this host */
    bool alive;
    const char *text; /* instead of a process */
    int age;          /* seconds */
    bool broken;
} lock_files[] = {
    {false, true, NULL, 0, false},       {false, true, NULL, 10000, false},
    {false, false, NULL, 0, false},      {false, false, NULL, 200, false},
    {false, false, NULL, 400, true},     {true, true, NULL, 10000, false},
    {true, false, NULL, 0, false},       {true, false, NULL, 4, true},
    {false, false, "", 10000, false}, /* nobody can be asked */
    {false, false, "0\n", 10000, false}, {false, false, "x\n", 10000, false},
};

START_TEST(a_lock_file_is_broken_only_when_old_and_its_process_is_gone)
{
    const char *path = desk_path(&desk, "box/joe.lock");
    char host[256] = "", text[400];
    struct utimbuf times;
    time_t then = time(NULL) - lock_files[_i].age;

    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "%ld\n%s%s",
             lock_files[_i].alive ? (long)getpid() : (long)dead_process(),
             lock_files[_i].own_host ? host : "", lock_files[_i].own_host ? "\n" : "");
    desk_write(&desk, "box/joe.lock", 0600,
               lock_files[_i].text ? lock_files[_i].text : text);
    times = (struct utimbuf){then, then};
    ck_assert_int_eq(utime(path, &times), 0);
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"),
                  lock_files[_i].broken ? "delivered" : "deferred 134 4.2.0");
    ck_assert_int_eq(access(path, F_OK) == 0, !lock_files[_i].broken);
}
END_TEST

START_TEST(no_file_of_the_locks_is_left_behind)
{
    DIR *directory;
    struct dirent *entry;

    desk_write(&desk, "box/joe.lock", 0600, "1\n");
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "deferred 134 4.2.0");
    directory = opendir(desk_path(&desk, "box"));
    while ((entry = readdir(directory)) != NULL)
        ck_assert(entry->d_name[0] == '.' || strcmp(entry->d_name, "joe.lock") == 0);
    closedir(directory);
}
END_TEST

/* --- full disks --- */

START_TEST(a_mailbox_that_is_full_keeps_its_length)
{
    struct rlimit limit, small;
    struct text content = text_new(desk.arena);

    signal(SIGXFSZ, SIG_IGN);
    text_add(&content, "Subject: x\r\n\r\n");
    for (int i = 0; i < 3000; i++)
        text_add(&content, "0123456789012345678901234567890123456789\r\n");
    desk_message(&desk, "ann@b.example", text_string(&content));
    desk_write(&desk, "box/joe", 0600, "old\n");
    getrlimit(RLIMIT_FSIZE, &limit);
    small = (struct rlimit){70000, limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "deferred 135 4.2.2");
    check_outcome(deliver(ADDRESS_MAIL, "maildir", "joe"), "deferred 135 4.2.2");
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert_str_eq(desk_read(&desk, "box/joe"), "old\n");
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "delivered");
}
END_TEST

/* --- one lock and one sync for several messages --- */

START_TEST(jobs_for_one_mailbox_share_what_is_owed)
{
    struct job_result results[3];
    struct error error = {0};

    desk_address(&desk, ADDRESS_MAIL, "local", "joe");
    for (int i = 0; i < 3; i++) {
        job_attempt(&desk.context, &desk.job, &results[i]);
        ck_assert(connection_cache_owes(desk.connections));
        ck_assert(results[i].marks[0].owed);
        ck_assert(access(desk_path(&desk, "box/joe.lock"), F_OK) == 0);
    }
    ck_assert(connection_cache_settle(desk.connections, &error));
    ck_assert(access(desk_path(&desk, "box/joe.lock"), F_OK) < 0);
    for (int i = 0; i < 3; i++) {
        job_conclude(&desk.context, &desk.job, NULL, &results[i]);
        ck_assert_int_eq(results[i].outcomes[0].outcome, OUTCOME_DELIVERED);
    }
    ck_assert_uint_eq(count_of(desk_read(&desk, "box/joe"), "Subject: x"), 3);
}
END_TEST

START_TEST(what_could_not_be_settled_is_deferred)
{
    struct job_result result;
    struct error error = {.status = "4.2.0", .text = "no sync"};

    desk_address(&desk, ADDRESS_MAIL, "local", "joe");
    desk.job.addresses[0].notify = NOTIFY_SUCCESS;
    job_attempt(&desk.context, &desk.job, &result);
    job_conclude(&desk.context, &desk.job, &error, &result);
    ck_assert_int_eq(result.outcomes[0].outcome, OUTCOME_DEFERRED);
    ck_assert_str_eq(result.outcomes[0].error.text, "no sync");
    ck_assert(result.reports == NULL);
}
END_TEST

/* --- swapping --- */

/* While a child swaps mailbox and link as fast as it can, the link's target never
 * changes. */
START_TEST(a_swap_during_delivery_hits_nobody)
{
    const char *box = desk_path(&desk, "box/joe"), *link = desk_path(&desk, "box/link"),
               *file = desk_path(&desk, "box/file");
    pid_t child;

    desk_write(&desk, "victim", 0600, "victim\n");
    child = fork();
    if (child == 0) {
        for (;;) {
            if (symlink(desk_path(&desk, "victim"), link) == 0)
                rename(link, box);
            desk_write(&desk, "box/file", 0600, "");
            rename(file, box);
        }
    }
    for (int i = 0; i < 150; i++)
        deliver(ADDRESS_MAIL, "local", "joe");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ck_assert_str_eq(desk_read(&desk, "victim"), "victim\n");
}
END_TEST

/* --- one file for each message --- */

/* The only entry of a directory. */
static const char *
only_entry(const char *name)
{
    DIR *directory = opendir(desk_path(&desk, name));
    struct dirent *entry;
    const char *found = NULL;

    ck_assert(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        ck_assert(found == NULL);
        found = arena_format(desk.arena, "%s/%s", name, entry->d_name);
    }
    closedir(directory);
    return found;
}

START_TEST(a_maildir_is_made_and_filled)
{
    struct stat status;
    const char *name;

    check_outcome(deliver(ADDRESS_MAIL, "maildir", "joe"), "delivered");
    ck_assert(only_entry("home/Maildir/tmp") == NULL);
    ck_assert(only_entry("home/Maildir/cur") == NULL);
    name = only_entry("home/Maildir/new");
    ck_assert_str_eq(desk_read(&desk, name), "Subject: x\n\ntext\n");
    ck_assert(strstr(name, ",S=17") != NULL);
    ck_assert_int_eq(stat(desk_path(&desk, "home/Maildir"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0700);
    ck_assert_int_eq(stat(desk_path(&desk, name), &status), 0);
    ck_assert_uint_eq(status.st_nlink, 1);
}
END_TEST

START_TEST(a_batch_directory_gets_a_whole_file)
{
    desk.job.address_count = 0;
    desk_address(&desk, ADDRESS_MAIL, "batch", "bob@c.example");
    desk_address(&desk, ADDRESS_MAIL, "batch", "eve@c.example");
    desk_message(&desk, "ann@b.example", "Subject: x\r\n\r\n.\r\n");
    desk_deliver(&desk);
    ck_assert_uint_eq(desk.result.outcome_count, 2);
    ck_assert_int_eq(desk.result.outcomes[1].outcome, OUTCOME_DELIVERED);
    ck_assert_str_eq(desk_read(&desk, only_entry("box")),
                     "MAIL FROM:<ann@b.example>\nRCPT TO:<bob@c.example>\n"
                     "RCPT TO:<eve@c.example>\nDATA\nSubject: x\n\n..\n.\n");
}
END_TEST

/* --- root --- */

START_TEST(root_gets_his_mailbox_and_nothing_else)
{
    desk.user.uid = 0;
    check_outcome(deliver(ADDRESS_MAIL, "local", "joe"), "delivered");
    check_outcome(deliver(ADDRESS_FILE, "file", "@/box/x"), "failed 104 5.7.0");
    ck_assert(access(desk_path(&desk, "box/x"), F_OK) < 0);
}
END_TEST

TCase *
drivers_appendfile_case(void)
{
    TCase *tcase = tcase_create("drivers/appendfile");
    int obstacle_count = sizeof obstacles / sizeof obstacles[0];

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_mailbox_is_made_and_appended_to);
    tcase_add_test(tcase, a_line_that_was_cut_off_is_ended_first);
    tcase_add_test(tcase, prefix_and_suffix_stand_around_the_message);
    tcase_add_test(tcase, the_access_time_stays);
    tcase_add_loop_test(tcase, what_is_no_mailbox_stays_untouched_and_the_mail_waits, 0,
                        obstacle_count);
    tcase_add_loop_test(tcase, a_file_that_a_list_names_fails_for_its_owner, 0,
                        obstacle_count);
    tcase_add_loop_test(tcase, paths_lead_where_they_may, 0,
                        sizeof paths / sizeof paths[0]);
    tcase_add_test(tcase, a_name_of_300_octets_is_refused);
    tcase_add_loop_test(tcase, a_kernel_lock_of_another_makes_mail_wait, 0,
                        sizeof locks / sizeof locks[0]);
    tcase_add_loop_test(tcase,
                        a_lock_file_is_broken_only_when_old_and_its_process_is_gone, 0,
                        sizeof lock_files / sizeof lock_files[0]);
    tcase_add_test(tcase, no_file_of_the_locks_is_left_behind);
    tcase_add_test(tcase, a_mailbox_that_is_full_keeps_its_length);
    tcase_add_test(tcase, jobs_for_one_mailbox_share_what_is_owed);
    tcase_add_test(tcase, what_could_not_be_settled_is_deferred);
    tcase_add_test(tcase, a_swap_during_delivery_hits_nobody);
    tcase_add_test(tcase, a_maildir_is_made_and_filled);
    tcase_add_test(tcase, a_batch_directory_gets_a_whole_file);
    tcase_add_test(tcase, root_gets_his_mailbox_and_nothing_else);
    return tcase;
}
