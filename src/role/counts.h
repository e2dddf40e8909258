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

/* Two for each process that may be: one that still drains, and its successor. */
enum { COUNTS_PROCESSES = 64, COUNTS_SLOTS = 4096 };

struct counts;

/* A new, empty file; its descriptor or -1. */
int counts_create(struct error *error);
/* Map it for the process whose part it is. NULL with an error. */
struct counts *counts_open(int fd, uint32_t part, struct error *error);
void counts_free(struct counts *counts);
/* Sessions of that address (or, with "", of all) now, over all processes. */
uint32_t counts_get(const struct counts *counts, const char *address);
void counts_change(struct counts *counts, const char *address, int by);
/* All that is counted in this part is void (the process ended, or begins). */
void counts_clear(struct counts *counts);

#endif
