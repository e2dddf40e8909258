/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A group: the records that will be written together, and what each does to the index
 * once it is on disk. Their sums are filled in last, when segment and offset are known,
 * so a group that could not be written to one segment can go to the next as it is.
 */
#ifndef SPOOL_GROUP_H
#define SPOOL_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "spool/index.h"
#include "spool/record.h"

/* What is to be done to the index when a record is written. */
enum operation_kind {
    OPERATION_NONE,    /* a record for recovery only */
    OPERATION_MESSAGE, /* becomes living */
    OPERATION_EXPAND,
    OPERATION_OUTCOME,
    OPERATION_REPORT,
    OPERATION_NOTE,
    OPERATION_REMOVE,
    OPERATION_COPY,    /* compaction: the record takes the place of an older one */
    OPERATION_REWRITE, /* the segment failed: so again, with the message perhaps finished
                        */
};

struct operation {
    enum operation_kind kind;
    bool applied; /* the index knows it already; only its place is open */
    enum place_kind place_kind;
    struct record_layout layout;
    uint64_t at; /* in the group's bytes */
    struct entry *entry;
    struct message_id id;
    uint64_t old_place; /* of a rewritten or copied record; 0 */
    uint32_t home;      /* slot of the segment with the message, when the entry is gone */
    uint32_t number;    /* outcome */
    enum outcome outcome; /* outcome */
    enum spool_note note; /* note */
    bool with_bounce;     /* report: of the same group, so it falls with it */
    uint32_t generation;  /* copy */
    int64_t time, waited;
    uint32_t attempts;      /* outcome, of recovery */
    struct change *changes; /* expand; in the group's arena */
    uint32_t *numbers;      /* report */
    size_t count;           /* of these */
};

struct group {
    char *bytes;
    size_t length, room;
    struct operation *operations;
    size_t count, operation_room;
    size_t messages;     /* operations that make messages */
    struct arena *arena; /* what the operations point to */
};

void group_init(struct group *group);
void group_free(struct group *group);
/* Forget all of it, keep the room (within reason). */
void group_reset(struct group *group);

/*
 * Put a record behind the others: its heading, text, and content. The new operation has
 * its layout and place filled in; it stays valid until the next one is added.
 */
struct operation *group_add(struct group *group, struct record *record, struct span text,
                            struct span content);

/* Take over an operation with its record as it is, from another group. */
struct operation *group_take(struct group *group, const struct group *from,
                             const struct operation *operation);

/* Octets at the end without an operation (commit records). */
char *group_room(struct group *group, size_t length);

#endif
