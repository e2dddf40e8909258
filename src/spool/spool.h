/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message at rest. A spool is one directory with one lock and segments in input/:
 * append-only logs of records whose headings are text. Everything that arrived while the
 * last sync ran is appended together, closed by one commit record, and made durable by
 * one fdatasync; only then is anybody told 250. smail-spool(5) gives the format.
 *
 * The index in memory knows for each living message where its records are and how each of
 * its addresses stands. Adding puts records into the open group and changes nothing yet;
 * spool_commit() writes the group and only on success applies it to the index. So a
 * failed write leaves the spool as it was, and the caller tells the senders of the group
 * 451.
 *
 * Nothing here decides, waits, or talks to a network. `now` is milliseconds since 1970.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "spool/disk.h"

enum { MESSAGE_ID_LENGTH = 15 }; /* "m0puwU8-00023UB" */

struct message_id {
    char text[MESSAGE_ID_LENGTH + 1];
};

/* Six base-62 digits of seconds, six of a counter, the grade (reference 9.2). */
struct message_id message_id_make(int64_t seconds, uint64_t counter, char grade);
/* False unless well formed; a missing leading 'm' is fine. */
bool message_id_read(struct span text, struct message_id *id);

struct spool;

struct spool_options {
    uint64_t segment_size;     /* a segment over this is closed */
    uint64_t stream_threshold; /* content over this gets a segment of its own */
    uint64_t reserve;          /* preallocated, for outcomes and removals alone */
    uint64_t free_minimum;     /* of the file system: below it new mail is refused */
    mode_t mode;               /* of segments */
};

/* How one address of a living message stands, in the index. */
struct spool_address {
    uint64_t key;     /* address_key() */
    uint64_t outcome; /* private: the place of its last outcome */
    uint32_t parent;  /* number of the address it was made from; 0 for a recipient */
    uint8_t state;    /* enum address_state */
};

/* A living message in the index. Read only for everybody but the spool. */
struct spool_message {
    struct message_id id;
    uint64_t size;     /* octets of the content */
    int64_t received;  /* milliseconds since 1970 */
    int64_t waited;    /* milliseconds it was in the spool, as last recorded ... */
    int64_t waited_at; /* ... at this moment of the wall clock */
    uint32_t attempts; /* deferred outcomes so far */
    uint32_t address_count;
    uint32_t pending_count;    /* addresses not done, with ... */
    uint32_t unreported_count; /* ... failed ones whose bounce is due */
    bool held;                 /* by the operator, or because of a configuration error */
    bool warned;               /* the sender was told of the delay */
    bool is_bounce;            /* null reverse-path */
    struct spool_address *addresses; /* by number - 1 */
    void *private;                   /* places of its records */
};

/*
 * Open the spool, take its lock, make its directories (auto_mkdir is the caller's) and
 * the first segment. Old segments are read by spool_recover(). Temporary 4.3.0 errors for
 * anything that fails; `busy` is set when another process has the lock.
 */
bool spool_open(const struct disk *disk, const struct spool_options *options, int64_t now,
                struct spool **spool, bool *busy, struct error *error);
void spool_close(struct spool *spool);

/*
 * Read on in old segments, for about `budget` octets. `found` is called for each living
 * message, once all old segments that can say something of it were read; `damage` for
 * whatever had to be set aside (already copied to error/). Returns true while there is
 * more to read. New mail is taken meanwhile.
 */
bool spool_recover(struct spool *spool, uint64_t budget,
                   void (*found)(void *argument, const struct spool_message *message),
                   void (*damage)(void *argument, const char *text), void *argument);

/* --- the open group --- */

/*
 * A new message with content in memory. The envelope's recipients become addresses
 * 1..n, state new. False: temporary 4.3.1 (452) when there is no room for new mail.
 */
bool spool_add_message(struct spool *spool, const struct message_id *id,
                       const struct envelope *envelope, struct span content,
                       struct error *error);

/* Content that does not fit in memory goes into a segment of its own, piece by piece. */
struct spool_stream;
bool spool_stream_begin(struct spool *spool, const struct message_id *id,
                        struct spool_stream **stream, struct error *error);
bool spool_stream_add(struct spool_stream *stream, struct span bytes,
                      struct error *error);
/* Syncs the content and adds the message to the open group; the stream is gone either
 * way. */
bool spool_stream_end(struct spool_stream *stream, const struct envelope *envelope,
                      struct error *error);
void spool_stream_abort(struct spool_stream *stream);

/*
 * What addresses became. Each element either has the number of an existing address (its
 * new state and answer) or number 0: then it is new, gets the next number (written back),
 * `parent` being the number of an existing address, or 0x80000000 + the position in this
 * array of an earlier element. A new address whose key the message already has becomes
 * ADDRESS_DUPLICATE; the states are written back too.
 */
#define ADDRESS_PARENT_IN_ARRAY UINT32_C(0x80000000)
bool spool_add_expanded(struct spool *spool, const struct message_id *id,
                        struct address *addresses, const uint64_t *keys, size_t count,
                        struct error *error);

/* One attempt for one address: an outcome record. Uses the reserve if it must. */
struct spool_outcome {
    uint32_t number;
    enum outcome outcome;
    enum report_class report;
    struct error error;     /* for deferred and failed */
    const char *remote;     /* MTA that said so; "" */
    const char *diagnostic; /* its reply, or a command's output, one line; "" */
    int64_t time;           /* milliseconds since 1970 */
};
bool spool_add_outcome(struct spool *spool, const struct message_id *id,
                       const struct spool_outcome *outcome, struct error *error);

/* Failed addresses are reported: by the bounce `bounce` of the same group, or need not be
 * (NULL). */
bool spool_add_reported(struct spool *spool, const struct message_id *id,
                        const uint32_t *numbers, size_t count,
                        const struct message_id *bounce, struct error *error);

enum spool_note {
    NOTE_HOLD, /* text: why */
    NOTE_RELEASE,
    NOTE_WARNED, /* the delay warning went out */
    NOTE_RETRY,  /* transaction log only: text */
};
bool spool_add_note(struct spool *spool, const struct message_id *id,
                    enum spool_note note, const char *text, struct error *error);

/* The operator's removal, whatever its addresses say. */
bool spool_add_removed(struct spool *spool, const struct message_id *id,
                       struct error *error);

/* Is anything in the open group? Is one of it a message (so that the commit must sync)?
 */
bool spool_group_is_open(const struct spool *spool);
bool spool_group_needs_sync(const struct spool *spool);

/*
 * Write the open group, and sync it if `sync`. On success the index has it; messages
 * without anything left to do are removed from it (and said to `removed`, if not NULL).
 * On failure nothing of the group is kept, except that outcomes and reports stay in
 * memory, are in the index, and go into the next group; `error` is temporary 4.3.0, or
 * 4.3.1 when the disk is full.
 * Without new messages a commit may be left unsynced; then spool_sync() is due within a
 * second.
 */
bool spool_commit(struct spool *spool, bool sync, int64_t now,
                  void (*removed)(void *argument, const struct spool_message *message),
                  void *argument, struct error *error);
bool spool_needs_sync(const struct spool *spool);
bool spool_sync(struct spool *spool, int64_t now, struct error *error);

/* --- asking --- */

struct spool_message *spool_find(const struct spool *spool, const struct message_id *id);
size_t spool_count(const struct spool *spool);

/* Messages in the order of their ids: start with NULL, end with NULL. Stays valid over
 * changes. */
struct spool_message *spool_next(const struct spool *spool,
                                 const struct message_id *after);

/* Envelope and addresses (all, by number, with their last errors) of a living message. */
bool spool_load(struct spool *spool, const struct spool_message *message,
                struct arena *arena, struct envelope *envelope,
                struct address **addresses, struct error *error);

/* The last outcome of an address that has one. */
bool spool_load_outcome(struct spool *spool, const struct spool_message *message,
                        uint32_t number, struct arena *arena,
                        struct spool_outcome *outcome, struct error *error);

/* Milliseconds that it waited until `now`; a clock that jumped adds a day at most. */
int64_t spool_message_waited(const struct spool_message *message, int64_t now);

/*
 * Part of the content. Whoever reads up to its end gets an error when the whole does not
 * agree with the record's sum (reading in order from 0 costs nothing for that; any other
 * way, one more reading). So parts may be passed on only once the last was read.
 */
bool spool_read_content(struct spool *spool, const struct spool_message *message,
                        uint64_t offset, void *bytes, size_t length, struct error *error);

/*
 * The transaction log of a message: one line of text for each outcome and note, in order.
 * Of what was tried very often, only the last outcomes.
 */
bool spool_read_log(struct spool *spool, const struct spool_message *message,
                    struct arena *arena, struct text *log, struct error *error);

/* Why it was held last; "" if never. */
bool spool_hold_reason(struct spool *spool, const struct spool_message *message,
                       struct arena *arena, const char **reason, struct error *error);

/* --- housekeeping --- */

/* May new mail be taken (room, inodes, a segment that can be written)? Cheap; false
 * with 4.3.1. */
bool spool_has_room(struct spool *spool, struct error *error);
/* Must deliveries stop too, because the reserve is touched? */
bool spool_reserve_is_touched(const struct spool *spool);

/*
 * One step of cleaning up: unlink segments in which nothing is alive, move what is alive
 * out of mostly dead ones or those that failed. Copies at most about `budget` octets, in
 * a commit of its own; so nothing happens while a group is open or old segments are read.
 * Returns true if there is more to do; false with `error` set when something failed.
 */
bool spool_compact(struct spool *spool, uint64_t budget, int64_t now,
                   struct error *error);

struct spool_statistics {
    uint64_t segments, bytes, live_bytes, messages, commits, syncs, sync_milliseconds,
        failures;
};
struct spool_statistics spool_statistics(const struct spool *spool);

#endif
