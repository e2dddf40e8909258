/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Errors carry their kind, status and one printable sentence. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

START_TEST(fail_fills_in_what_a_reply_and_a_report_need)
{
    struct error error = {0};

    ck_assert(!fail_temporary(&error, "4.3.0", "aliases %s: %d", "/etc/aliases", 7));
    ck_assert(!error.permanent);
    ck_assert_int_eq(error.number, 0);
    ck_assert_str_eq(error.status, "4.3.0");
    ck_assert_str_eq(error.text, "aliases /etc/aliases: 7");

    ck_assert(!fail_permanent_number(&error, 100, "5.1.1", "unknown user"));
    ck_assert(error.permanent);
    ck_assert_int_eq(error.number, 100);

    ck_assert(!fail_temporary_number(&error, 104, "4.7.1", "later"));
    ck_assert(!error.permanent);
    ck_assert_int_eq(error.number, 104);

    /* A later failure without a number does not inherit one. */
    ck_assert(!fail_permanent(&error, "5.1.3", "bad"));
    ck_assert(error.permanent);
    ck_assert_int_eq(error.number, 0);
}
END_TEST

START_TEST(fail_without_an_error_only_says_false)
{
    ck_assert(!fail_temporary(NULL, "4.3.0", "%s", "x"));
    ck_assert(!fail_permanent(NULL, "5.3.0", "%s", "x"));
    ck_assert(!error_prefix(NULL, "%s", "x"));
}
END_TEST

START_TEST(error_text_has_no_control_characters)
{
    struct error error = {0};

    fail_permanent(&error, "5.1.3", "%s", "a\r\nQUIT\x1b[2J\x7f\t\xc3\xa9");
    ck_assert_str_eq(error.text, "a??QUIT?[2J??\xc3\xa9");
    error_prefix(&error, "%s", "line\n1");
    ck_assert_str_eq(error.text, "line?1: a??QUIT?[2J??\xc3\xa9");
}
END_TEST

START_TEST(error_text_is_cut_and_may_be_its_own_argument)
{
    struct error error = {0};
    char filler[400];

    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    fail_permanent(&error, "5.1.3 and more", "%s", filler);
    ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
    ck_assert_uint_eq(strlen(error.status), sizeof(error.status) - 1);
    error_prefix(&error, "%s", filler);
    ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);

    fail_permanent(&error, "5.0.0", "inner");
    fail_temporary(&error, "4.0.0", "outer (%s)", error.text);
    ck_assert_str_eq(error.text, "outer (inner)");
    error_prefix(&error, "%s", error.text);
    ck_assert_str_eq(error.text, "outer (inner): outer (inner)");
}
END_TEST

START_TEST(failing_keeps_errno)
{
    struct error error = {0};

    errno = ENOENT;
    fail_temporary(&error, "4.3.0", "%s", strerror(errno));
    error_prefix(&error, "x");
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

TCase *
base_error_case(void)
{
    TCase *tcase = tcase_create("base_error");

    tcase_add_test(tcase, fail_fills_in_what_a_reply_and_a_report_need);
    tcase_add_test(tcase, fail_without_an_error_only_says_false);
    tcase_add_test(tcase, error_text_has_no_control_characters);
    tcase_add_test(tcase, error_text_is_cut_and_may_be_its_own_argument);
    tcase_add_test(tcase, failing_keeps_errno);
    return tcase;
}
