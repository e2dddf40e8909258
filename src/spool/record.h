/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records as they stand in a segment: a heading, one line of text that a person can read,
 * then perhaps a text part, then perhaps content, then a line end.
 *
 *   @outcome m0puwU8-00023UB number=1 outcome=deferred ... text=40:<sum> sum=<sum>
 *
 * Each sum is SipHash keyed by the segment's random id and covers the offset of the
 * record. So neither text in a message, nor an old block of another file, nor a record
 * that was moved can pass for a record. Pure functions on memory.
 */
#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "base/span.h"
#include "mail/address.h"
#include "spool/spool.h"

enum { RECORD_HEADING_LIMIT = 512, RECORD_SUM_WIDTH = 16 };

enum record_kind {
    RECORD_UNKNOWN, /* of a later minor version: skipped, or, with '!', the message is
                       held */
    RECORD_MESSAGE,
    RECORD_EXPANDED,
    RECORD_OUTCOME,
    RECORD_REPORTED,
    RECORD_NOTE,
    RECORD_REMOVED,
    RECORD_CLOSED, /* nothing counts in that segment from that offset on */
    RECORD_COMMIT,
};

/* Where the parts of a record are. */
struct record_layout {
    uint32_t heading;        /* octets of the heading with its LF */
    uint32_t text_sum_at;    /* in the heading; 0 for none */
    uint32_t content_sum_at; /* 0 for none, or content that is elsewhere */
    uint64_t text;           /* octets of the text part */
    uint64_t content;        /* octets of the content behind it; 0 when it is elsewhere */
};

/* What a heading says. Which members count depends on the kind: spool(5). */
struct record {
    enum record_kind kind;
    bool needed; /* an unknown kind that must be understood */
    struct message_id id;
    uint32_t generation; /* of the message; one more with each compaction */
    uint32_t recipients;
    uint64_t content_size, content_sum;
    uint64_t content_segment; /* its serial number; 0: the content is behind the text */
    uint64_t content_at;      /* offset in that segment */
    uint32_t first; /* number of the first new address of an expansion; 0 none */
    uint32_t number;
    enum outcome outcome;
    enum report_class report;
    enum spool_note note;
    struct message_id bounce; /* empty for none */
    uint32_t attempts;        /* deferred outcomes of the message, with this one */
    int64_t time, waited;     /* milliseconds */
    uint64_t segment, length; /* of closed */
    uint64_t sequence, start, count, chain; /* of commit */
    uint64_t text_sum;
    uint64_t sum;
    struct record_layout layout;
};

/*
 * Write a heading whose own sums are still zeros. `record->layout.text` and, for content
 * behind it, `record->content_size` are set; the rest of the layout is filled in. Returns
 * its length.
 */
size_t record_write(struct record *record, char heading[static RECORD_HEADING_LIMIT]);

/* Octets of the whole record with its last LF. */
uint64_t record_size(const struct record_layout *layout);

/*
 * Fill in the sums of a record that is whole in memory and will stand at `offset`.
 * Returns the sum of the heading.
 */
uint64_t record_seal(const struct siphash_key *key, uint64_t offset, char *record,
                     const struct record_layout *layout);

/*
 * Read the heading at the beginning of `bytes`, which is at `offset` of its segment (the
 * first RECORD_HEADING_LIMIT octets suffice). False when it is none of this segment and
 * place, whatever it looks like. The parts behind it are not looked at.
 */
bool record_read(const struct siphash_key *key, uint64_t offset, struct span bytes,
                 struct record *record);

/* Do the parts that follow the heading agree with it? */
bool record_text_is_whole(const struct siphash_key *key, uint64_t offset,
                          const struct record *record, const void *text);
bool record_content_is_whole(const struct siphash_key *key, uint64_t offset,
                             const struct record *record, const void *content);

/* The sum of content in pieces; `offset` is the record's, or the content's if elsewhere.
 */
void record_content_begin(struct siphash *state, const struct siphash_key *key,
                          uint64_t offset);

/* The sum over the heading sums of a group: begin, add each in order, end. */
void record_chain_begin(struct siphash *state, const struct siphash_key *key,
                        uint64_t offset);
void record_chain_add(struct siphash *state, uint64_t sum);

/* Sixteen lower-case hexadecimal digits. */
bool record_sum_read(struct span text, uint64_t *sum);

/* Which message a heading that does not verify was about, for the log; "" if unclear. */
struct message_id record_guess(struct span bytes);

#endif
