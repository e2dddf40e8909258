/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The files of a spool: their names and first block, making, reading and unlinking. */
#include "spool/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/span.h"

#include "base/banned.h"

/* Two copies, in different sectors: one damaged octet must not cost a whole segment. */
enum { HEADER_COPY = SEGMENT_BLOCK / 2 };

static const char *const kind_names[] = {"records", "content"};

/* ------------------------------------------------------------ names */

void
segment_name(uint64_t file, enum segment_kind kind, char name[static SEGMENT_NAME_LIMIT])
{
    snprintf(name, SEGMENT_NAME_LIMIT, "input/%08llx%s", (unsigned long long)file,
             kind == SEGMENT_CONTENT ? ".content" : "");
}

void
segment_new_name(uint64_t file, char name[static SEGMENT_NAME_LIMIT])
{
    snprintf(name, SEGMENT_NAME_LIMIT, "input/new.%08llx", (unsigned long long)file);
}

bool
segment_name_read(const char *name, uint64_t *file, enum segment_kind *kind)
{
    size_t length = strspn(name, "0123456789abcdef");

    if (length < 8 || length > 15)
        return false;
    if (name[length] == '\0')
        *kind = SEGMENT_RECORDS;
    else if (strcmp(name + length, ".content") == 0)
        *kind = SEGMENT_CONTENT;
    else
        return false;
    *file = strtoull(name, NULL, 16);
    return true;
}

bool
segment_error(struct error *error, const char *name, int64_t result)
{
    /* 4.3.1: no room, which is 452 to a client; anything else is our fault, 451. */
    return fail_temporary(
        error, result == -ENOSPC || result == -EDQUOT ? "4.3.1" : "4.3.0", "spool %s: %s",
        name, result < 0 ? strerror((int)-result) : "too short");
}

/* ------------------------------------------------------------ the first block */

static uint64_t
header_sum(const struct siphash_key *key, const char *text, size_t length)
{
    return siphash(key, text, length);
}

void
segment_header_write(const struct segment_header *header,
                     char block[static SEGMENT_BLOCK])
{
    int length;
    uint64_t sum;

    memset(block, ' ', SEGMENT_BLOCK);
    length = snprintf(block, HEADER_COPY,
                      "smail-spool %d.%d\nkind: %s\nsegment: %08llx\nid: "
                      "%016llx%016llx\ncreated: %lld\nblock: %d\nsum: ",
                      SEGMENT_MAJOR, SEGMENT_MINOR, kind_names[header->kind],
                      (unsigned long long)header->serial,
                      (unsigned long long)header->key.half[0],
                      (unsigned long long)header->key.half[1], (long long)header->created,
                      SEGMENT_BLOCK);
    sum = header_sum(&header->key, block, (size_t)length);
    snprintf(block + length, (size_t)(HEADER_COPY - length), "%016llx\n",
             (unsigned long long)sum);
    block[length + 17] = ' '; /* the NUL */
    block[HEADER_COPY - 1] = '\n';
    memcpy(block + HEADER_COPY, block, HEADER_COPY);
}

static bool
hex_read(struct span text, size_t width, uint64_t *number)
{
    char digits[17] = "";

    if (text.length > 16 || (width > 0 && text.length != width) || text.length == 0)
        return false;
    memcpy(digits, text.bytes, text.length);
    if (strspn(digits, "0123456789abcdef") != text.length)
        return false;
    *number = strtoull(digits, NULL, 16);
    return true;
}

/* The next line of `rest` if it begins with `name`: what stands behind that. */
static bool
header_line(struct span *rest, const char *name, struct span *value)
{
    struct span line;

    if (!span_next(rest, '\n', &line) || !span_starts(line, name))
        return false;
    *value = span_from(line, strlen(name));
    return true;
}

static bool
header_fields(struct span *rest, struct segment_header *header)
{
    struct span value;
    uint64_t number;

    if (!header_line(rest, "kind: ", &value))
        return false;
    header->kind =
        span_is(value, kind_names[SEGMENT_CONTENT]) ? SEGMENT_CONTENT : SEGMENT_RECORDS;
    if (!span_is(value, kind_names[header->kind]) ||
        !header_line(rest, "segment: ", &value) || !hex_read(value, 0, &header->serial) ||
        !header_line(rest, "id: ", &value) || value.length != 32 ||
        !hex_read(span_first(value, 16), 16, &header->key.half[0]) ||
        !hex_read(span_from(value, 16), 16, &header->key.half[1]) ||
        !header_line(rest, "created: ", &value) ||
        !span_number(value, INT64_MAX, &number))
        return false;
    header->created = (int64_t)number;
    return header_line(rest, "block: ", &value) && span_is(value, "4096");
}

/* One of the two copies. */
static enum segment_verdict
header_copy_read(struct span copy, struct segment_header *header)
{
    struct span rest = copy, value, version;
    uint64_t major, sum;

    if (!header_line(&rest, "smail-spool ", &value))
        return SEGMENT_DAMAGED;
    version = span_first(value, span_find(value, '.'));
    if (version.length == value.length || !span_number(version, UINT32_MAX, &major))
        return SEGMENT_DAMAGED;
    if (major != SEGMENT_MAJOR)
        return SEGMENT_FOREIGN;
    if (!header_fields(&rest, header) || rest.bytes == NULL)
        return SEGMENT_DAMAGED;
    /* A later minor version may have more lines here; the sum is the last. */
    while (!span_starts(rest, "sum: "))
        if (!span_next(&rest, '\n', &value) || rest.bytes == NULL)
            return SEGMENT_DAMAGED;
    value = span_first(span_from(rest, 5), SEGMENT_SUM_DIGITS);
    if (!hex_read(value, SEGMENT_SUM_DIGITS, &sum) ||
        sum != header_sum(&header->key, copy.bytes, (size_t)(value.bytes - copy.bytes)))
        return SEGMENT_DAMAGED;
    return SEGMENT_GOOD;
}

enum segment_verdict
segment_header_read(const char *block, size_t length, struct segment_header *header)
{
    struct span all = {block, length};
    enum segment_verdict first, second;

    first = header_copy_read(span_first(all, HEADER_COPY), header);
    if (first == SEGMENT_GOOD)
        return first;
    second =
        header_copy_read(span_first(span_from(all, HEADER_COPY), HEADER_COPY), header);
    if (second == SEGMENT_GOOD)
        return second;
    /* Rather leave a damaged one alone than touch what a later version wrote. */
    return first == SEGMENT_FOREIGN || second == SEGMENT_FOREIGN ? SEGMENT_FOREIGN
                                                                 : SEGMENT_DAMAGED;
}

/* ------------------------------------------------------------ slots */

bool
segment_add(struct segments *segments, struct segment *segment)
{
    uint32_t slot = segments->free_from;

    if (segments->count == SEGMENT_LIMIT)
        return false;
    if (segments->count == segments->room) {
        slot = segments->room;
        segments->room = segments->room > 0 ? 2 * segments->room : 16;
        segments->slots =
            memory_grow(segments->slots, segments->room * sizeof(*segments->slots));
        memset(segments->slots + slot, 0,
               (segments->room - slot) * sizeof(*segments->slots));
    }
    while (segments->slots[slot] != NULL)
        slot++;
    segments->slots[slot] = segment;
    segments->free_from = slot + 1;
    segment->slot = slot;
    segments->count++;
    if (segments->next_serial <= segment->header.serial)
        segments->next_serial = segment->header.serial + 1;
    return true;
}

void
segment_outlast(struct segment *segment, struct segment *later)
{
    if (segment == later)
        return;
    for (uint32_t i = segment->outlasts_count; i > 0; i--)
        if (segment->outlasts[i - 1] == later->slot)
            return;
    if ((segment->outlasts_count & (segment->outlasts_count - 1)) == 0)
        segment->outlasts =
            memory_grow(segment->outlasts,
                        (segment->outlasts_count > 0 ? 2 * segment->outlasts_count : 1) *
                            sizeof(*segment->outlasts));
    segment->outlasts[segment->outlasts_count++] = later->slot;
    later->waits++;
}

static void
cache_drop(struct segments *segments, const struct segment *segment)
{
    for (size_t i = 0; i < SEGMENT_DESCRIPTORS; i++)
        if (segments->cached[i] == segment->slot + 1)
            segments->cached[i] = 0;
}

void
segment_forget(struct segments *segments, struct segment *segment)
{
    for (uint32_t i = 0; i < segment->outlasts_count; i++)
        segments->slots[segment->outlasts[i]]->waits--;
    cache_drop(segments, segment);
    if (segment->fd >= 0)
        segments->disk->close(segments->disk->context, segment->fd);
    segments->slots[segment->slot] = NULL;
    segments->count--;
    if (segments->free_from > segment->slot)
        segments->free_from = segment->slot;
    free(segment->outlasts);
    free(segment);
}

void
segments_free(struct segments *segments)
{
    for (uint32_t i = 0; i < segments->room; i++) {
        struct segment *segment = segments->slots[i];

        if (segment == NULL)
            continue;
        segment->outlasts_count = 0;
        segment_forget(segments, segment);
    }
    free(segments->slots);
}

/* ------------------------------------------------------------ making and unlinking */

void
segment_abandon(struct segments *segments, struct segment *segment)
{
    const struct disk *disk = segments->disk;
    char name[SEGMENT_NAME_LIMIT];

    /* What stays is unlinked at the next start. */
    disk->close(disk->context, segment->fd);
    segment_new_name(segment->file, name);
    disk->unlink(disk->context, name);
    free(segment);
}

struct segment *
segment_create(struct segments *segments, enum segment_kind kind, mode_t mode,
               int64_t now, int *reason, struct error *error)
{
    const struct disk *disk = segments->disk;
    struct segment *segment = memory_alloc(sizeof(*segment));
    char name[SEGMENT_NAME_LIMIT], block[SEGMENT_BLOCK];
    ssize_t written;

    segment->header = (struct segment_header){
        .kind = kind, .serial = segments->next_serial++, .created = now > 0 ? now : 0};
    segment->file = segment->header.serial;
    random_bytes(&segment->header.key, sizeof(segment->header.key));
    segment_new_name(segment->file, name);
    segment->fd = disk->create(disk->context, name, mode);
    if (segment->fd < 0) {
        *reason = segment->fd;
        free(segment);
        segment_error(error, name, *reason);
        return NULL;
    }
    segment_header_write(&segment->header, block);
    written = disk->write(disk->context, segment->fd, block, sizeof(block));
    if (written < 0) {
        *reason = (int)written;
        segment_error(error, name, written);
        segment_abandon(segments, segment);
        return NULL;
    }
    segment->size = sizeof(block);
    segment->kept = true;
    return segment;
}

bool
segment_publish(struct segments *segments, struct segment *segment, int *reason,
                struct error *error)
{
    const struct disk *disk = segments->disk;
    char from[SEGMENT_NAME_LIMIT], to[SEGMENT_NAME_LIMIT];
    int result;

    segment_new_name(segment->file, from);
    segment_name(segment->file, segment->header.kind, to);
    result = disk->sync(disk->context, segment->fd);
    if (result == 0)
        result = disk->rename(disk->context, from, to);
    if (result == 0) {
        result = disk->sync_directory(disk->context, "input");
        if (result <
            0) /* it may or may not be there after a power cut; empty, it does no harm */
            disk->rename(disk->context, to, from);
    }
    if (result == 0 && !segment_add(segments, segment))
        result = -ENFILE;
    if (result < 0) {
        *reason = result;
        segment_error(error, to, result);
        segment_abandon(segments, segment);
        return false;
    }
    segment->synced = segment->size;
    return true;
}

bool
segments_unlink(struct segments *segments, struct segment **dead, size_t count,
                struct error *error)
{
    const struct disk *disk = segments->disk;
    char name[SEGMENT_NAME_LIMIT];
    size_t unlinked = 0;
    int result = 0, synced;

    while (unlinked < count) {
        const struct segment *segment = dead[unlinked];

        segment_name(segment->file, segment->header.kind, name);
        result = disk->unlink(disk->context, name);
        if (result < 0 && result != -ENOENT)
            break;
        unlinked++;
    }
    synced = unlinked > 0 ? disk->sync_directory(disk->context, "input") : 0;
    for (size_t i = 0; i < unlinked; i++)
        if (synced == 0)
            segment_forget(segments, dead[i]);
        else /* it may come back after a power cut, so whoever waits for it must stay */
            dead[i]->pinned = true;
    if (synced < 0)
        return segment_error(error, "input", synced);
    return unlinked == count || segment_error(error, name, result);
}

/* ------------------------------------------------------------ reading */

/* Put it first among the open ones; the one used longest ago is closed if need be. */
static void
cache_use(struct segments *segments, struct segment *segment)
{
    uint32_t *cached = segments->cached, slot = segment->slot + 1;
    size_t at = 0;

    if (cached[0] == slot)
        return;
    while (at < SEGMENT_DESCRIPTORS - 1 && cached[at] != slot)
        at++;
    if (cached[at] != slot && cached[at] != 0) {
        struct segment *oldest = segments->slots[cached[at] - 1];

        segments->disk->close(segments->disk->context, oldest->fd);
        oldest->fd = -1;
    }
    memmove(cached + 1, cached, at * sizeof(*cached));
    cached[0] = slot;
}

void
segment_retire(struct segments *segments, struct segment *segment)
{
    segment->kept = false;
    cache_use(segments, segment);
}

static int
segment_open(struct segments *segments, struct segment *segment)
{
    char name[SEGMENT_NAME_LIMIT];

    segment_name(segment->file, segment->header.kind, name);
    segment->fd = segments->disk->open(segments->disk->context, name);
    return segment->fd < 0 ? segment->fd : 0;
}

int
segment_read(struct segments *segments, struct segment *segment, uint64_t offset,
             void *bytes, size_t length)
{
    const struct disk *disk = segments->disk;
    ssize_t got;

    if (segment->fd < 0) {
        int result = segment_open(segments, segment);

        if (result < 0) {
            segment->fd = -1;
            return result;
        }
    }
    if (!segment->kept)
        cache_use(segments, segment);
    got = disk->read(disk->context, segment->fd, offset, bytes, length);
    if (got < 0)
        return (int)got;
    return (size_t)got == length ? 0 : -ENODATA;
}
