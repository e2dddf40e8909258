/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates in their forms, in other zones and at the ends of time. */
#include "mail/date.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

/* 05:12:04 UTC on a Sunday, the Guide's own example (reference 9.2). */
enum { GUIDE = 767164324 };

static const struct {
    const char *zone;
    int64_t seconds;
    const char *mail, *from_line, *log;
} rows[] = {
    {"MEZ-1MESZ,M3.5.0,M9.5.0", GUIDE, "Sun, 24 Apr 1994 07:12:04 +0200",
     "Sun Apr 24 07:12:04 1994", "04/24/1994 07:12:04"},
    {"UTC0", GUIDE, "Sun, 24 Apr 1994 05:12:04 +0000", "Sun Apr 24 05:12:04 1994",
     "04/24/1994 05:12:04"},
    {"UTC0", 951782400, "Tue, 29 Feb 2000 00:00:00 +0000", "Tue Feb 29 00:00:00 2000",
     "02/29/2000 00:00:00"},
    {"NST3:30", 0, "Wed, 31 Dec 1969 20:30:00 -0330", "Wed Dec 31 20:30:00 1969",
     "12/31/1969 20:30:00"},
    {"NPT-5:45", 1, "Thu, 01 Jan 1970 05:45:01 +0545", "Thu Jan  1 05:45:01 1970",
     "01/01/1970 05:45:01"},
    {"XXX0:30", 4102444800, "Thu, 31 Dec 2099 23:30:00 -0030", "Thu Dec 31 23:30:00 2099",
     "12/31/2099 23:30:00"},
    {"UTC0", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000", "Fri Dec 31 23:59:59 9999",
     "12/31/9999 23:59:59"},
    {"UTC0", INT64_MIN, "Thu, 01 Jan 1970 00:00:00 +0000", "Thu Jan  1 00:00:00 1970",
     "01/01/1970 00:00:00"},
};

START_TEST(dates_are_written_in_local_time)
{
    struct arena *arena = arena_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        setenv("TZ", rows[i].zone, 1);
        tzset();
        ck_assert_str_eq(date_mail(rows[i].seconds, arena), rows[i].mail);
        ck_assert_str_eq(date_ctime(rows[i].seconds, arena), rows[i].from_line);
        ck_assert_str_eq(date_log(rows[i].seconds, arena), rows[i].log);
    }
    arena_free(arena);
}
END_TEST

START_TEST(utc_is_utc_everywhere)
{
    struct arena *arena = arena_new();

    setenv("TZ", "XXX-5", 1);
    tzset();
    ck_assert_str_eq(date_utc(INT64_C(767164324123), arena), "1994-04-24T05:12:04.123Z");
    ck_assert_str_eq(date_utc(7, arena), "1970-01-01T00:00:00.007Z");
    ck_assert_str_eq(date_utc(-1, arena), "1970-01-01T00:00:00.000Z");
    ck_assert(strncmp(date_utc(INT64_MAX, arena), "9999-12-31T23:59:59.", 20) == 0);
    arena_free(arena);
}
END_TEST

TCase *
mail_date_case(void)
{
    TCase *tcase = tcase_create("mail_date");

    tcase_add_test(tcase, dates_are_written_in_local_time);
    tcase_add_test(tcase, utc_is_utc_everywhere);
    return tcase;
}
