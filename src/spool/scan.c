/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The walk over a segment: a window of the file in memory, the records of the group that
 * is being read, and its end, where it is decided what of it counts.
 */
#include "spool/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "base/banned.h"

enum { WINDOW = 1024 * 1024 };

/* What was found since the last commit, in the order of the file. */
struct found {
    struct record record;
    uint64_t offset;
    uint64_t length; /* of damage */
    bool damaged;    /* then only `offset`, `length` and the id in `record` count */
    struct span text;
};

struct scan {
    struct segments *segments;
    struct segment *segment;
    struct scan_calls calls;
    uint64_t at, end;
    uint64_t sequence; /* of the last commit */
    char *window;
    size_t room;
    uint64_t window_at;
    size_t window_length;
    struct found *group;
    size_t count, group_room;
    struct arena *texts;     /* of the group's records */
    struct siphash_key *key; /* the segment's */
};

struct scan *
scan_begin(struct segments *segments, struct segment *segment, uint64_t length,
           const struct scan_calls *calls)
{
    struct scan *scan = memory_alloc(sizeof(*scan));

    scan->segments = segments;
    scan->segment = segment;
    scan->calls = *calls;
    scan->at = SEGMENT_BLOCK;
    scan->end = length;
    scan->key = &segment->header.key;
    scan->texts = arena_new();
    return scan;
}

void
scan_call(struct scan *scan, const struct scan_calls *calls)
{
    scan->calls = *calls;
}

bool
scan_has_commit(const struct scan *scan)
{
    return scan->sequence > 0;
}

void
scan_free(struct scan *scan)
{
    free(scan->window);
    free(scan->group);
    arena_free(scan->texts);
    free(scan);
}

/* ------------------------------------------------------------ the window */

/* Bring [offset, offset + length) into memory; it is within the segment. */
static int
scan_window(struct scan *scan, uint64_t offset, size_t length, struct span *bytes)
{
    size_t wanted = length > WINDOW ? length : WINDOW;
    int result;

    if (offset < scan->window_at || offset - scan->window_at > scan->window_length ||
        length > scan->window_length - (size_t)(offset - scan->window_at)) {
        if (wanted > scan->end - offset)
            wanted = (size_t)(scan->end - offset);
        if (wanted > scan->room || scan->room > 4 * WINDOW) {
            free(scan->window);
            scan->room = wanted > WINDOW ? wanted : WINDOW;
            scan->window = memory_alloc(scan->room);
        }
        scan->window_length = 0;
        result =
            segment_read(scan->segments, scan->segment, offset, scan->window, wanted);
        if (result < 0)
            return result;
        scan->window_at = offset;
        scan->window_length = wanted;
    }
    *bytes = (struct span){scan->window + (offset - scan->window_at), length};
    return 0;
}

/* The first octets of what may be a record. */
static int
scan_heading(struct scan *scan, uint64_t offset, struct span *bytes)
{
    uint64_t left = scan->end - offset;

    return scan_window(scan, offset,
                       left < RECORD_HEADING_LIMIT ? (size_t)left : RECORD_HEADING_LIMIT,
                       bytes);
}

/* ------------------------------------------------------------ groups */

static struct found *
group_found(struct scan *scan, uint64_t offset)
{
    struct found *found;

    if (scan->count == scan->group_room) {
        scan->group_room = scan->group_room > 0 ? 2 * scan->group_room : 64;
        scan->group = memory_grow(scan->group, scan->group_room * sizeof(*scan->group));
    }
    found = &scan->group[scan->count++];
    *found = (struct found){.offset = offset};
    return found;
}

static void
group_damage(struct scan *scan, uint64_t offset, uint64_t length, struct message_id id)
{
    struct found *found = group_found(scan, offset);

    found->damaged = true;
    found->length = length;
    found->record.id = id;
}

static void
group_clear(struct scan *scan)
{
    scan->count = 0;
    arena_reset(scan->texts);
}

/* Is every record there that the commit is about? Damage is then in filling alone. */
static bool
group_is_whole(const struct scan *scan, const struct record *commit)
{
    struct siphash chain;
    size_t count = 0;

    record_chain_begin(&chain, scan->key, commit->start);
    for (size_t i = 0; i < scan->count; i++) {
        if (scan->group[i].damaged)
            continue;
        record_chain_add(&chain, scan->group[i].record.sum);
        count++;
    }
    return count == commit->count && siphash_end(&chain) == commit->chain;
}

/* Did the bounce that a report goes with survive? */
static bool
group_has_message(const struct scan *scan, const struct message_id *id)
{
    for (size_t i = 0; i < scan->count; i++)
        if (!scan->group[i].damaged && scan->group[i].record.kind == RECORD_MESSAGE &&
            memcmp(&scan->group[i].record.id, id, sizeof(*id)) == 0)
            return true;
    return false;
}

/*
 * Each record is true by itself, so of a damaged group all that verify are taken; but a
 * failure counts as reported only together with its bounce.
 */
static void
group_take_all(struct scan *scan, bool whole)
{
    for (size_t i = 0; i < scan->count; i++) {
        const struct found *found = &scan->group[i];
        struct scanned scanned = {found->record, found->offset, found->text};

        if (found->damaged && whole)
            continue;
        if (found->damaged)
            scan->calls.damage(scan->calls.argument, found->offset, found->length,
                               &found->record.id);
        else if (whole || found->record.bounce.text[0] == '\0' ||
                 group_has_message(scan, &found->record.bounce))
            scan->calls.record(scan->calls.argument, &scanned);
    }
}

static void
group_end(struct scan *scan, const struct record *commit)
{
    /* The second commit record of a group follows the first with nothing between. */
    if (commit->sequence == scan->sequence && scan->count == 0)
        return;
    group_take_all(scan, group_is_whole(scan, commit));
    scan->sequence = commit->sequence;
    group_clear(scan);
}

/* ------------------------------------------------------------ walking */

/*
 * The offset of the next heading behind `offset` that verifies, or the end. Text that
 * looks like one costs a look, but only what holds the segment's key passes.
 */
static int
scan_search(struct scan *scan, uint64_t offset, uint64_t *found)
{
    struct span bytes;
    struct record record;

    while (offset < scan->end) {
        uint64_t left = scan->end - offset;
        size_t length = left < WINDOW / 2 ? (size_t)left : WINDOW / 2;
        int result = scan_window(scan, offset, length, &bytes);
        const char *at;

        if (result < 0)
            return result;
        at = memchr(bytes.bytes, '@', bytes.length);
        if (at == NULL) {
            offset += length;
            continue;
        }
        offset += (uint64_t)(at - bytes.bytes);
        result = scan_heading(scan, offset, &bytes);
        if (result < 0)
            return result;
        if (record_read(scan->key, offset, bytes, &record))
            break;
        offset++;
    }
    *found = offset;
    return 0;
}

/* Something is there that is no record: on to the next one, or the end. */
static int
scan_skip(struct scan *scan)
{
    struct span bytes;
    uint64_t next;
    int result = scan_heading(scan, scan->at, &bytes);
    struct message_id id;

    if (result < 0)
        return result;
    id = record_guess(bytes);
    result = scan_search(scan, scan->at + 1, &next);
    if (result < 0)
        return result;
    group_damage(scan, scan->at, next - scan->at, id);
    scan->at = next;
    return 0;
}

/* The record at scan->at, whose heading verifies. */
static int
scan_record(struct scan *scan, const struct record *record)
{
    uint64_t size = record_size(&record->layout), offset = scan->at;
    struct found *found;
    struct span bytes, text;
    int result;

    if (size > scan->end - offset) {
        /* Cut off: nothing can follow. */
        group_damage(scan, offset, scan->end - offset, record->id);
        scan->at = scan->end;
        return 0;
    }
    result = scan_window(scan, offset, (size_t)size, &bytes);
    if (result < 0)
        return result;
    scan->at += size;
    if (record->kind == RECORD_COMMIT) {
        group_end(scan, record);
        return 0;
    }
    text = span_first(span_from(bytes, record->layout.heading), record->layout.text);
    if (!record_text_is_whole(scan->key, offset, record, text.bytes) ||
        !record_content_is_whole(scan->key, offset, record, text.bytes + text.length)) {
        group_damage(scan, offset, size, record->id);
        return 0;
    }
    found = group_found(scan, offset);
    found->record = *record;
    found->text =
        (struct span){arena_bytes(scan->texts, text.bytes, text.length), text.length};
    return 0;
}

bool
scan_step(struct scan *scan, uint64_t *budget, int *failed)
{
    *failed = 0;
    while (scan->at < scan->end && *failed == 0) {
        uint64_t before = scan->at;
        struct record record;
        struct span bytes;

        if (*budget == 0)
            return true;
        *failed = scan_heading(scan, scan->at, &bytes);
        if (*failed == 0)
            *failed = record_read(scan->key, scan->at, bytes, &record)
                          ? scan_record(scan, &record)
                          : scan_skip(scan);
        *budget -= scan->at - before < *budget ? scan->at - before : *budget;
    }
    /* What no commit follows was promised to nobody. */
    group_clear(scan);
    return false;
}
