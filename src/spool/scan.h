/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walking the records of an old segment. Whole commits are taken as they are; where
 * something is damaged in the middle, all that verifies is taken and the rest is named;
 * what follows the last commit was never promised to anybody and is left out.
 */
#ifndef SPOOL_SCAN_H
#define SPOOL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/record.h"
#include "spool/segment.h"

/* A record that counts. */
struct scanned {
    struct record record;
    uint64_t offset;
    struct span text; /* valid during the call */
};

struct scan_calls {
    void *argument;
    void (*record)(void *argument, const struct scanned *scanned);
    /* Octets that verify as nothing, and what message they seem to be of. */
    void (*damage)(void *argument, uint64_t offset, uint64_t length,
                   const struct message_id *id);
};

struct scan;

/* `length`: octets of the segment that count. */
struct scan *scan_begin(struct segments *segments, struct segment *segment,
                        uint64_t length, const struct scan_calls *calls);

/* From now on call these. */
void scan_call(struct scan *scan, const struct scan_calls *calls);

/*
 * Go on for about `budget` octets; *budget becomes what is left of it. False when the
 * segment is done; with *failed a negative errno when it could not be read.
 */
bool scan_step(struct scan *scan, uint64_t *budget, int *failed);
/* Was there a commit among what was read so far? */
bool scan_has_commit(const struct scan *scan);
void scan_free(struct scan *scan);

#endif
