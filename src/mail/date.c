/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dates, put together by hand: they are written several times for each message, in forms
 * that no locale may change.
 */
#include "mail/date.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

#include "base/banned.h"

/* The last second of the year 9999; nothing later has a form in any of these. */
#define SECONDS_MAX INT64_C(253402300799)

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Anything odd (a damaged file, a clock gone wild) becomes the nearest second there is.
 */
static time_t
date_clamp(int64_t seconds)
{
    return (time_t)(seconds < 0 ? 0 : seconds > SECONDS_MAX ? SECONDS_MAX : seconds);
}

static struct tm
date_local(int64_t seconds)
{
    time_t clamped = date_clamp(seconds);
    struct tm tm = {.tm_mday = 1, .tm_year = 70, .tm_wday = 4};

    localtime_r(&clamped, &tm);
    return tm;
}

/* `width` digits at `out`; returns what follows. */
static char *
put_number(char *out, int number, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return out + width;
}

static char *
put_name(char *out, const char *names, int index)
{
    memcpy(out, names + (ptrdiff_t)3 * index, 3);
    return out + 3;
}

static char *
put_byte(char *out, char byte)
{
    *out = byte;
    return out + 1;
}

static char *
put_time(char *out, const struct tm *tm)
{
    out = put_byte(put_number(out, tm->tm_hour, 2), ':');
    out = put_byte(put_number(out, tm->tm_min, 2), ':');
    return put_number(out, tm->tm_sec, 2);
}

const char *
date_mail(int64_t seconds, struct arena *arena)
{
    struct tm tm = date_local(seconds);
    char *date = arena_alloc(arena, sizeof("Sun, 24 Apr 1994 07:12:04 +0200"));
    long offset = tm.tm_gmtoff < 0 ? -tm.tm_gmtoff : tm.tm_gmtoff;
    char *out = put_name(date, day_names, tm.tm_wday);

    out = put_byte(put_byte(out, ','), ' ');
    out = put_byte(put_number(out, tm.tm_mday, 2), ' ');
    out = put_byte(put_name(out, month_names, tm.tm_mon), ' ');
    out = put_byte(put_number(out, tm.tm_year + 1900, 4), ' ');
    out = put_byte(put_time(out, &tm), ' ');
    out = put_byte(out, tm.tm_gmtoff < 0 ? '-' : '+');
    out = put_number(out, (int)(offset / 3600), 2);
    put_number(out, (int)(offset / 60 % 60), 2);
    return date;
}

const char *
date_ctime(int64_t seconds, struct arena *arena)
{
    struct tm tm = date_local(seconds);
    char *date = arena_alloc(arena, sizeof("Sun Apr 24 07:12:04 1994"));
    char *out = put_byte(put_name(date, day_names, tm.tm_wday), ' ');

    out = put_byte(put_name(out, month_names, tm.tm_mon), ' ');
    put_number(out, tm.tm_mday, 2);
    if (tm.tm_mday < 10) /* asctime pads with a blank */
        *out = ' ';
    out = put_byte(out + 2, ' ');
    out = put_byte(put_time(out, &tm), ' ');
    put_number(out, tm.tm_year + 1900, 4);
    return date;
}

const char *
date_log(int64_t seconds, struct arena *arena)
{
    struct tm tm = date_local(seconds);
    char *date = arena_alloc(arena, sizeof("04/24/1994 07:12:04"));
    char *out = put_byte(put_number(date, tm.tm_mon + 1, 2), '/');

    out = put_byte(put_number(out, tm.tm_mday, 2), '/');
    out = put_byte(put_number(out, tm.tm_year + 1900, 4), ' ');
    put_time(out, &tm);
    return date;
}

const char *
date_utc(int64_t milliseconds, struct arena *arena)
{
    time_t seconds = date_clamp(milliseconds < 0 ? 0 : milliseconds / 1000);
    char *date = arena_alloc(arena, sizeof("1994-04-24T05:12:04.123Z"));
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    char *out;

    gmtime_r(&seconds, &tm);
    out = put_byte(put_number(date, tm.tm_year + 1900, 4), '-');
    out = put_byte(put_number(out, tm.tm_mon + 1, 2), '-');
    out = put_byte(put_number(out, tm.tm_mday, 2), 'T');
    out = put_byte(put_time(out, &tm), '.');
    out = put_number(out, milliseconds < 0 ? 0 : (int)(milliseconds % 1000), 3);
    put_byte(out, 'Z');
    return date;
}
