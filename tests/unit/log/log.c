/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A process's log: lines wait for their descriptor, one that cannot be written stops
 * nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log/log.h"
#include "tests/unit/unit.h"

#include "base/banned.h"

static struct settings
settings_of(const char *format)
{
    struct settings settings;

    memset(&settings, 0, sizeof settings);
    settings.log_format = format;
    settings.log_level = 9;
    return settings;
}

START_TEST(lines_wait_for_the_descriptor)
{
    struct settings settings = settings_of("smail");
    struct log *log = log_new(&settings, "test");
    char buffer[1000];
    ssize_t got;
    int fds[2];

    log_say(log, "before there was a file");
    log_flush(log);
    ck_assert_int_eq(pipe(fds), 0);
    log_descriptor(log, LOG_TRANSACTIONS, fds[1]);
    log_say(log, "afterwards");
    log_flush(log);
    got = read(fds[0], buffer, sizeof buffer - 1);
    ck_assert_int_gt(got, 0);
    buffer[got] = '\0';
    ck_assert_ptr_nonnull(strstr(buffer, "[test] before there was a file\n"));
    ck_assert_ptr_nonnull(strstr(buffer, "[test] afterwards\n"));
    ck_assert_uint_eq(log_lost(log), 0);
    log_free(log);
    close(fds[0]);
}
END_TEST

START_TEST(a_full_log_loses_lines_and_counts_them)
{
    struct settings settings = settings_of("smail");
    struct log *log = log_new(&settings, "test");
    int full = open("/dev/full", O_WRONLY);
    char buffer[2000];
    ssize_t got;
    int fds[2];

    ck_assert_int_ge(full, 0);
    log_descriptor(log, LOG_TRANSACTIONS, full);
    for (int i = 0; i < 3; i++) {
        log_say(log, "line %d", i);
        log_flush(log);
    }
    ck_assert_uint_eq(log_lost(log), 3);
    ck_assert_int_eq(pipe(fds), 0);
    log_descriptor(log, LOG_TRANSACTIONS, fds[1]);
    log_say(log, "again");
    log_flush(log);
    got = read(fds[0], buffer, sizeof buffer - 1);
    ck_assert_int_gt(got, 0);
    buffer[got] = '\0';
    ck_assert_ptr_nonnull(strstr(buffer, "3 lines of this log could not be written"));
    ck_assert_ptr_nonnull(strstr(buffer, "again"));
    log_free(log);
    close(fds[0]);
}
END_TEST

START_TEST(panic_goes_to_both)
{
    struct settings settings = settings_of("json");
    struct log *log = log_new(&settings, "test");
    int fds[LOG_STREAMS][2];

    for (int i = 0; i < LOG_STREAMS; i++) {
        ck_assert_int_eq(pipe(fds[i]), 0);
        log_descriptor(log, (enum log_stream)i, fds[i][1]);
    }
    log_panic(log, "m0puwU8-00023UB", "something is %s", "wrong");
    for (int i = 0; i < LOG_STREAMS; i++) {
        char buffer[1000];
        ssize_t got = read(fds[i][0], buffer, sizeof buffer - 1);

        ck_assert_int_gt(got, 0);
        buffer[got] = '\0';
        ck_assert_ptr_nonnull(strstr(buffer, "\"event\":\"panic\""));
        ck_assert_ptr_nonnull(strstr(buffer, "something is wrong"));
        close(fds[i][0]);
    }
    log_free(log);
}
END_TEST

TCase *
log_log_case(void)
{
    TCase *tcase = tcase_create("log_log");

    tcase_add_test(tcase, lines_wait_for_the_descriptor);
    tcase_add_test(tcase, a_full_log_loses_lines_and_counts_them);
    tcase_add_test(tcase, panic_goes_to_both);
    return tcase;
}
