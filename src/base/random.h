/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one source of randomness; a test replaces it. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fill from the kernel's generator. If the system has none, the process ends. */
void random_bytes(void *bytes, size_t length);
/* Even in 0 .. limit-1; limit > 0. */
uint64_t random_below(uint64_t limit);

/* For tests: NULL gives the kernel's generator back. */
void random_replace(void (*fill)(void *bytes, size_t length));

#endif
