/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two clocks. Where the system has one that goes on while it sleeps, that is the
 * clock for waits, so a laptop's mail is due when it wakes up and not a night later.
 */
#include "base/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#ifdef CLOCK_BOOTTIME
#define CLOCK_FOR_WAITS CLOCK_BOOTTIME
#else
#define CLOCK_FOR_WAITS CLOCK_MONOTONIC
#endif

static int64_t (*replaced_wall)(void);
static int64_t (*replaced_monotonic)(void);

static int64_t
clock_read(clockid_t clock)
{
    struct timespec now;

    /* Fails only for a clock that does not exist; then every wait would be wrong. */
    if (clock_gettime(clock, &now) != 0)
        abort();
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_milliseconds(void)
{
    return replaced_wall != NULL ? replaced_wall() : clock_read(CLOCK_REALTIME);
}

int64_t
clock_seconds(void)
{
    int64_t now = clock_milliseconds();

    /* Rounded down before 1970, too. */
    return now >= 0 ? now / 1000 : -((999 - now) / 1000);
}

int64_t
clock_monotonic(void)
{
    return replaced_monotonic != NULL ? replaced_monotonic()
                                      : clock_read(CLOCK_FOR_WAITS);
}

void
clock_replace(int64_t (*wall)(void), int64_t (*monotonic)(void))
{
    replaced_wall = wall;
    replaced_monotonic = monotonic;
}
