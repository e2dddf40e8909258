/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this folder share: the spool itself. Nobody else includes this. */
#ifndef SPOOL_INSIDE_H
#define SPOOL_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/key.h"
#include "spool/disk.h"
#include "spool/group.h"
#include "spool/index.h"
#include "spool/record.h"
#include "spool/segment.h"
#include "spool/spool.h"

/* A segment that failed: what stands in it from `length` on does not count. */
struct closure {
    uint64_t serial, length;
    uint32_t noted_in; /* slot of the segment that says so, + 1; 0: none yet */
};

/* A running check of content that is read in pieces. */
struct content_check {
    uint64_t place; /* of the message's record; 0: free */
    uint64_t offset;
    struct siphash state;
};

enum { CONTENT_CHECKS = 16, FREE_INODES_LEAST = 100, CREATE_INTERVAL = 1000 };

struct recovery;

struct spool {
    struct disk disk;
    struct spool_options options;
    struct segments segments;
    struct segment *current; /* the one written to; NULL after a failure */
    uint64_t sequence;       /* of the last commit in it */
    struct index index;
    struct group group;    /* the open one */
    struct group unsynced; /* written since the last sync; without messages */
    struct closure *closures;
    size_t closure_count;
    struct recovery *recovery; /* NULL once old segments are read */
    bool foreign; /* a segment of another version is there: unlink nothing old */
    bool reserve_touched;
    int create_reason;     /* why none could be made then: a negative errno */
    int64_t create_after;  /* no new segment is tried before, on the monotonic clock */
    int64_t reserve_tried; /* when it was last tried to fill it again */
    struct message_id cleaning; /* how far compaction came */
    bool is_cleaning;
    struct content_check checks[CONTENT_CHECKS];
    uint32_t next_check;
    struct arena *scratch; /* reset by whoever uses it */
    struct spool_statistics statistics;
};

/* The entry of a new message: addresses from the envelope, content as the record says. */
struct entry *spool_message_entry(const struct message_id *id,
                                  const struct envelope *envelope,
                                  const struct record *record);

/* Add a message whose content stands in a segment of its own to the open group. */
bool spool_append_streamed(struct spool *spool, const struct message_id *id,
                           const struct envelope *envelope, const struct segment *segment,
                           uint64_t size, uint64_t sum, struct error *error);

/* About what a record of the message takes on disk, for the accounts of segments. */
uint64_t place_cost(const struct entry *entry, uint64_t place);

/* A living message's record came to or left a segment. */
void spool_place_added(struct spool *spool, const struct entry *entry, uint64_t place);
void spool_place_gone(struct spool *spool, const struct entry *entry, uint64_t place);

/* A message is finished (or removed): out of the index and the accounts, and freed. */
void spool_finish(struct spool *spool, struct entry *entry,
                  void (*removed)(void *argument, const struct spool_message *message),
                  void *argument);

/* The segment with the message's record. */
struct segment *spool_home(const struct spool *spool, const struct entry *entry);

/* A segment that can be written to; opens a new one if need be. */
bool spool_ensure_current(struct spool *spool, int64_t now, int *reason,
                          struct error *error);

/* Do what the written operation `at` offset `base` of the current segment means. */
void spool_apply(struct spool *spool, struct operation *operation, uint64_t base);
/* The state that an operation brings, without its place. */
void spool_apply_state(struct operation *operation);

/* The current segment is not to be written to any more; what it lost stays in memory. */
void spool_segment_failed(struct spool *spool);

/* Read the heading of a record, and its text part into the arena. */
bool spool_read_record(struct spool *spool, uint64_t place, struct arena *arena,
                       struct record *record, struct span *text, struct error *error);

/* The text part of an outcome, and back. */
void outcome_write(const struct spool_outcome *outcome, struct text *text);
bool outcome_read_text(struct span text, struct arena *arena,
                       struct spool_outcome *outcome);

/* The lines of an expansion: "KEY ADDRESS", and what an index needs of them. */
void expansion_write(const struct address *addresses, const uint64_t *keys, size_t count,
                     struct text *text);
/* One line at a time; false at the end or, with `error` set, when it cannot be read. */
bool expansion_next(struct span *rest, struct arena *arena, uint64_t *key,
                    struct address *address, struct error *error);
/* "1 2 3" */
size_t numbers_read(struct span text, struct arena *arena, uint32_t **numbers);

/* Before the end: what stays in memory, and which segments failed, if it can be written.
 */
void spool_write_last(struct spool *spool);

/* Make the reserve full, or note that it is not; free it. */
void reserve_fill(struct spool *spool);
bool reserve_free(struct spool *spool);

void recovery_free(struct spool *spool);

#endif
