/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What old segments say, put together. They are read from the newest to the oldest: what
 * became of a message stands behind it, so once the segment with the message's record is
 * read, everything about it is known, and its delivery can go on while older ones are
 * still being read. Of several copies (compaction) the highest generation counts.
 */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/table.h"
#include "spool/inside.h"
#include "spool/scan.h"

/* What is known of one message so far. */
struct recovering {
    struct message_id id;
    struct entry *entry;          /* of the best copy, from the segment being read */
    struct operation *operations; /* old_place is the place of each */
    size_t count, room;
    uint64_t home;            /* place of the copy's record; 0: none yet */
    uint64_t content_segment; /* serial; 0: the content is in the record */
    bool decided;             /* an older copy must not count */
    struct recovering *next;  /* of those with a copy in the segment being read */
};

/* A file that cannot be used as it is; said with the first call of spool_recover(). */
struct unusable {
    char text[160];
};

struct recovery {
    struct segment **old; /* segments of records, the newest first */
    size_t count, room, at;
    struct segment **contents; /* segments of content, by serial */
    size_t content_count, content_room;
    struct unusable *unusable;
    size_t unusable_count;
    struct scan *scan;
    bool settled; /* a segment with a commit was read: older ones need no refreshing */
    struct table *messages;   /* struct recovering by id */
    struct recovering *fresh; /* with a copy in the segment being read */
    struct closure *closures; /* said by newer segments */
    size_t closure_count;
    struct arena *arena; /* for one record */
    void (*found)(void *argument, const struct spool_message *message);
    void (*damage)(void *argument, const char *text);
    void *argument;
};

/*
 * Look what is in input/: read the first block of each segment, forget unfinished ones.
 * False only when the directory cannot be read.
 */
bool recovery_begin(struct spool *spool, struct error *error);

/* A record that counts, of the segment being read. */
void recovery_record(struct spool *spool, struct segment *segment,
                     const struct scanned *scanned);

/* The segment is read: its messages are living, finished, or older copies. */
void recovery_decide(struct spool *spool);
void recovering_free(struct recovering *recovering);

/* Copy damaged octets of a segment to error/ and say so; if that fails, it stays. */
void recovery_set_aside(struct spool *spool, struct segment *segment, uint64_t offset,
                        uint64_t length, const struct message_id *id);

#endif
