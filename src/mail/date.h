/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dates as mail writes them, from seconds since 1970. All return text in the arena. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdint.h>

#include "base/arena.h"

/* "Sun, 24 Apr 1994 07:12:04 +0200" in local time (RFC 5322 3.3). */
const char *date_mail(int64_t seconds, struct arena *arena);
/* "Sun Apr 24 07:12:04 1994", as in "From " lines (asctime's form, local time). */
const char *date_ctime(int64_t seconds, struct arena *arena);
/* "04/24/1994 07:12:04", as in the log file. */
const char *date_log(int64_t seconds, struct arena *arena);
/* "1994-04-24T05:12:04.123Z" from milliseconds (RFC 3339). */
const char *date_utc(int64_t milliseconds, struct arena *arena);

#endif
