/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk in memory for the spool. It keeps apart what is durable and what only the cache
 * has, so that it can lose power: what was not synced is then dropped, kept, or torn at
 * 512 octets as a seed says, names of files as well as their content. At any operation it
 * can stop, or fail as disks do: a failed sync leaves the cache believing what the disk
 * does not have, and the next one succeeds.
 */
#ifndef CRASH_SIMULATED_DISK_H
#define CRASH_SIMULATED_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/disk.h"

struct simulated_disk;

enum simulated_fault { FAULT_NONE, FAULT_STOP, FAULT_ERROR };

/* How the machine ends: the process alone (the cache survives), or power. */
enum simulated_end { END_KILL, END_DROPPED, END_KEPT, END_TORN };

struct simulated_disk *simulated_disk_new(uint64_t seed);
void simulated_disk_free(struct simulated_disk *simulated);
struct disk simulated_disk_table(struct simulated_disk *simulated);

/*
 * The `at`th operation from now (0 is the next) and `count` - 1 more meet the fault.
 * Writing operations are counted, or, with `reads`, open, read and list. FAULT_STOP
 * lasts: the operation may be done in part, and nothing afterwards happens any more.
 */
void simulated_disk_plan(struct simulated_disk *simulated, enum simulated_fault fault,
                         int error, bool reads, uint64_t at, uint64_t count);
bool simulated_disk_is_stopped(const struct simulated_disk *simulated);
/* Was the planned fault met? */
bool simulated_disk_is_hit(const struct simulated_disk *simulated);
/* Operations so far, of both sorts. */
uint64_t simulated_disk_writes(const struct simulated_disk *simulated);
uint64_t simulated_disk_reads(const struct simulated_disk *simulated);

/* The process ends: its lock and descriptors are gone, all else stays as it is. */
void simulated_disk_release(struct simulated_disk *simulated);

/* What is there after the end and a new start; locks and descriptors are gone, no fault.
 */
void simulated_disk_restart(struct simulated_disk *simulated, enum simulated_end end);

/*
 * The content as the cache has it; NULL when there is none of that name. Who changes it
 * calls simulated_disk_settle(), so that the disk has the same.
 */
char *simulated_disk_content(struct simulated_disk *simulated, const char *name,
                             size_t *length);
void simulated_disk_settle(struct simulated_disk *simulated, const char *name);
/* Cut or extend (with zeros) a file, both copies of it. */
void simulated_disk_resize(struct simulated_disk *simulated, const char *name,
                           size_t length);
/* Put a file there, durable. */
void simulated_disk_put(struct simulated_disk *simulated, const char *name,
                        const void *bytes, size_t length);
/* Names that begin with `prefix`, one call each, sorted by the time of their making. */
void simulated_disk_names(struct simulated_disk *simulated, const char *prefix,
                          void (*each)(void *argument, const char *name), void *argument);

/* For what is left to chance from now on. */
void simulated_disk_seed(struct simulated_disk *simulated, uint64_t seed);

/* Octets that all files together may have; free_space() then says what is left. */
void simulated_disk_set_room(struct simulated_disk *simulated, uint64_t room);

/* What free_space() answers; both are large at first. */
void simulated_disk_set_free(struct simulated_disk *simulated, uint64_t bytes,
                             uint64_t inodes);

#endif
