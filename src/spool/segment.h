/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments: the files of a spool. Each begins with a block that says, twice, what it is
 * and holds the random id that keys its sums; behind it are records, or the content of
 * one large message. They are numbered in the order of their making.
 */
#ifndef SPOOL_SEGMENT_H
#define SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/siphash.h"
#include "spool/disk.h"

enum {
    SEGMENT_BLOCK = 4096,     /* commits that were synced end at a multiple of this */
    SEGMENT_MAJOR = 1,        /* another one is refused, and the file not touched */
    SEGMENT_MINOR = 0,        /* a greater one is read; what is unknown is skipped */
    SEGMENT_DESCRIPTORS = 64, /* of old segments, open at once */
    SEGMENT_LIMIT = 1 << 21,  /* at once */
    SEGMENT_NAME_LIMIT = 48,
    SEGMENT_SUM_DIGITS = 16
};

enum segment_kind { SEGMENT_RECORDS, SEGMENT_CONTENT };

/* What the first block says. */
struct segment_header {
    enum segment_kind kind;
    uint64_t serial;
    struct siphash_key key;
    int64_t created; /* milliseconds since 1970 */
};

enum segment_verdict { SEGMENT_GOOD, SEGMENT_DAMAGED, SEGMENT_FOREIGN };

void segment_header_write(const struct segment_header *header,
                          char block[static SEGMENT_BLOCK]);
/* Foreign: of another major version. `length` may be short of a block. */
enum segment_verdict segment_header_read(const char *block, size_t length,
                                         struct segment_header *header);

/* A segment in memory; its place in the array of segments is its slot. */
struct segment {
    struct segment_header header;
    uint64_t file;       /* the number in its name */
    uint64_t size;       /* octets that were written well */
    uint64_t synced;     /* of these durable */
    uint64_t live_bytes; /* about what the records of living messages take */
    uint32_t live;       /* how many of them */
    uint32_t slot;
    uint32_t waits;     /* segments that must be gone before this one may go */
    uint32_t *outlasts; /* slots of those that wait for this one */
    uint32_t outlasts_count;
    int fd;      /* -1 while closed */
    bool kept;   /* its descriptor is not one of the cache: it cannot be opened anew */
    bool old;    /* was there at the start */
    bool pinned; /* stays until the next start: it holds what nobody could save */
    bool failed; /* a write or sync failed: what lives in it moves out at once */
    bool victim; /* being emptied */
};

struct segments {
    const struct disk *disk;
    struct segment **slots; /* NULL: free */
    uint32_t count, room;
    uint32_t free_from; /* no slot below is free */
    uint64_t next_serial;
    uint32_t cached[SEGMENT_DESCRIPTORS]; /* slots + 1, last used first */
};

/* "input/00000001", "input/00000001.content", "input/new.00000001" */
void segment_name(uint64_t file, enum segment_kind kind,
                  char name[static SEGMENT_NAME_LIMIT]);
void segment_new_name(uint64_t file, char name[static SEGMENT_NAME_LIMIT]);
/* Is this name in input/ a segment's? */
bool segment_name_read(const char *name, uint64_t *file, enum segment_kind *kind);

/* Text for an error of the disk table: "input/00000001: No space left on device". */
bool segment_error(struct error *error, const char *name, int64_t result);

/*
 * Make a new one under its temporary name and write its first block; it has no slot yet.
 * segment_publish() syncs it, gives it its name, syncs the directory, and a slot. NULL or
 * false with `error` set and *reason a negative errno; then nothing is left of it.
 */
struct segment *segment_create(struct segments *segments, enum segment_kind kind,
                               mode_t mode, int64_t now, int *reason,
                               struct error *error);
bool segment_publish(struct segments *segments, struct segment *segment, int *reason,
                     struct error *error);
void segment_abandon(struct segments *segments, struct segment *segment);

/* Give a slot to one that was found on disk. False when there are too many. */
bool segment_add(struct segments *segments, struct segment *segment);

/* The segment being written is no longer: its descriptor goes into the cache. */
void segment_retire(struct segments *segments, struct segment *segment);

/* Read, all of it or an error; opens the file if needed. 0 or a negative errno. */
int segment_read(struct segments *segments, struct segment *segment, uint64_t offset,
                 void *bytes, size_t length);

/* `later` must not be unlinked before `segment` is gone: it says what became of it. */
void segment_outlast(struct segment *segment, struct segment *later);

/* Close, forget, let go who waited for it. The file is the caller's business. */
void segment_forget(struct segments *segments, struct segment *segment);
void segments_free(struct segments *segments);

/*
 * Unlink some and make that durable, then forget them; those that waited for them may go
 * next. On failure they stay known, and pinned if they may yet come back.
 */
bool segments_unlink(struct segments *segments, struct segment **dead, size_t count,
                     struct error *error);

#endif
