/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many sessions each client address has, over all receive processes: one sealed-size
 * memory file that they share, with a part for each process, so that what a dead one had
 * counted can be forgotten. Addresses are hashed (IPv6 by /64), so two may share a slot:
 * a limit may come a little early, never late.
 */
#ifndef ROLE_COUNTS_H
#define ROLE_COUNTS_H

#include <stdint.h>

#include "base/error.h"

enum { COUNTS_PROCESSES = 16, COUNTS_SLOTS = 4096 };

struct counts;

/* A new, empty file; its descriptor or -1. */
int counts_create(struct error *error);
/* Map it for the process `instance`. NULL with an error. */
struct counts *counts_open(int fd, uint32_t instance, struct error *error);
/* Sessions of that address (or, with "", of all) now, over all processes. */
uint32_t counts_get(const struct counts *counts, const char *address);
void counts_change(struct counts *counts, const char *address, int by);
/* All that this instance counted is void (the process ended, or begins). */
void counts_clear(struct counts *counts);

#endif
