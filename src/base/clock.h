/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one source of time. Waits use the monotonic clock, dates the other; a test replaces
 * both, so days of retry pass in milliseconds.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970, of the wall clock, which may jump. */
int64_t clock_milliseconds(void);
/* The same in seconds. */
int64_t clock_seconds(void);
/* Milliseconds since some moment, never going back. */
int64_t clock_monotonic(void);

/* For tests: NULL gives the real clock back. */
void clock_replace(int64_t (*wall)(void), int64_t (*monotonic)(void));

#endif
