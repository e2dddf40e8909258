/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the old segments, reading them in steps, and setting aside what is damaged. */
#include "spool/recover.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { ASIDE_PIECE = 64 * 1024, NAMES_FIRST = 64 };

/* ------------------------------------------------------------ what is in input/ */

struct names {
    uint64_t *files; /* times two, plus the kind */
    size_t count, room;
    char (*unfinished)[SEGMENT_NAME_LIMIT];
    size_t unfinished_count;
};

static void
names_each(void *argument, const char *name)
{
    struct names *names = argument;
    enum segment_kind kind;
    uint64_t file;

    if (strncmp(name, "new.", 4) == 0 && strlen(name) < SEGMENT_NAME_LIMIT - 6) {
        names->unfinished =
            memory_grow(names->unfinished,
                        (names->unfinished_count + 1) * sizeof(*names->unfinished));
        snprintf(names->unfinished[names->unfinished_count++], SEGMENT_NAME_LIMIT,
                 "input/%s", name);
        return;
    }
    if (!segment_name_read(name, &file, &kind))
        return;
    if (names->count == names->room) {
        names->room = names->room > 0 ? 2 * names->room : NAMES_FIRST;
        names->files = memory_grow(names->files, names->room * sizeof(*names->files));
    }
    names->files[names->count++] = file * 2 + (kind == SEGMENT_CONTENT);
}

static void __attribute__((format(printf, 2, 3)))
recovery_unusable(struct spool *spool, const char *format, ...)
{
    struct recovery *recovery = spool->recovery;
    va_list arguments;

    recovery->unusable = memory_grow(recovery->unusable, (recovery->unusable_count + 1) *
                                                             sizeof(*recovery->unusable));
    va_start(arguments, format);
    vsnprintf(recovery->unusable[recovery->unusable_count].text,
              sizeof(recovery->unusable->text), format, arguments);
    va_end(arguments);
    recovery->unusable_count++;
}

/* Its first block is damaged, so nothing in it can be told from anything: to error/. */
static void
segment_set_aside(struct spool *spool, const char *name)
{
    const struct disk *disk = &spool->disk;
    char aside[SEGMENT_NAME_LIMIT];
    int result;

    snprintf(aside, sizeof(aside), "error/%s", strchr(name, '/') + 1);
    result = disk->rename(disk->context, name, aside);
    if (result == 0)
        result = disk->sync_directory(disk->context, "error");
    if (result == 0)
        result = disk->sync_directory(disk->context, "input");
    if (result == 0) {
        recovery_unusable(spool, "%s: its first block is damaged; moved to %s", name,
                          aside);
        return;
    }
    spool->foreign = true;
    recovery_unusable(spool, "%s: its first block is damaged; moving it to %s: %s", name,
                      aside, strerror(-result));
}

/* Open one, read its first block, close it. The segment, or NULL. */
static struct segment *
segment_look(struct spool *spool, uint64_t file, enum segment_kind kind)
{
    const struct disk *disk = &spool->disk;
    char name[SEGMENT_NAME_LIMIT], block[SEGMENT_BLOCK];
    struct segment_header header;
    enum segment_verdict verdict = SEGMENT_DAMAGED;
    struct segment *segment;
    ssize_t got = -EIO;
    int64_t size = 0;
    int fd;

    segment_name(file, kind, name);
    fd = disk->open(disk->context, name);
    if (fd >= 0) {
        got = disk->read(disk->context, fd, 0, block, sizeof(block));
        size = disk->size(disk->context, fd);
        disk->close(disk->context, fd);
    }
    if (fd < 0 || got < 0 || size < 0) {
        spool->foreign = true;
        recovery_unusable(spool, "%s cannot be read: %s", name,
                          strerror(fd < 0 ? -fd : (int)(got < 0 ? -got : -size)));
        return NULL;
    }
    verdict = segment_header_read(block, (size_t)got, &header);
    if (verdict == SEGMENT_FOREIGN) {
        spool->foreign = true;
        recovery_unusable(spool, "%s: of another version; left as it is", name);
        return NULL;
    }
    if (verdict == SEGMENT_DAMAGED || header.kind != kind) {
        segment_set_aside(spool, name);
        return NULL;
    }
    segment = memory_alloc(sizeof(*segment));
    *segment = (struct segment){.header = header,
                                .file = file,
                                .size = (uint64_t)size,
                                .synced = (uint64_t)size,
                                .fd = -1,
                                .old = true};
    return segment;
}

static void
recovery_keep(struct spool *spool, struct segment *segment)
{
    struct recovery *recovery = spool->recovery;
    bool content = segment->header.kind == SEGMENT_CONTENT;
    struct segment ***list = content ? &recovery->contents : &recovery->old;
    size_t *count = content ? &recovery->content_count : &recovery->count;
    size_t *room = content ? &recovery->content_room : &recovery->room;

    if (*count == *room) {
        *room = *room > 0 ? 2 * *room : NAMES_FIRST;
        *list = memory_grow(*list, *room * sizeof(**list));
    }
    (*list)[(*count)++] = segment;
}

static int
newest_first(const void *left, const void *right)
{
    const struct segment *a = *(struct segment *const *)left;
    const struct segment *b = *(struct segment *const *)right;

    if (a->header.serial == b->header.serial)
        return 0;
    return a->header.serial > b->header.serial ? -1 : 1;
}

static int
oldest_first(const void *left, const void *right)
{
    return newest_first(right, left);
}

/* Two with one number, as after a copy by hand: the second is not touched. */
static size_t
drop_doubles(struct spool *spool, struct segment **list, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && list[kept - 1]->header.serial == list[i]->header.serial) {
            spool->foreign = true;
            recovery_unusable(spool, "segment %llu is there twice; input/%08llx is left",
                              (unsigned long long)list[i]->header.serial,
                              (unsigned long long)list[i]->file);
            free(list[i]);
        } else if (!segment_add(&spool->segments, list[i])) {
            spool->foreign = true;
            recovery_unusable(spool, "too many segments");
            free(list[i]);
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}

bool
recovery_begin(struct spool *spool, struct error *error)
{
    const struct disk *disk = &spool->disk;
    struct recovery *recovery = spool->recovery = memory_alloc(sizeof(*recovery));
    struct names names = {0};
    int result;

    recovery->messages = table_new();
    recovery->arena = arena_new();
    result = disk->list(disk->context, "input", names_each, &names);
    for (size_t i = 0; result == 0 && i < names.unfinished_count; i++)
        disk->unlink(disk->context, names.unfinished[i]);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        uint64_t file = names.files[i] / 2;
        struct segment *segment = segment_look(
            spool, file, names.files[i] % 2 == 0 ? SEGMENT_RECORDS : SEGMENT_CONTENT);

        /* A number is never used twice, whatever became of its file. */
        if (spool->segments.next_serial <= file)
            spool->segments.next_serial = file + 1;
        if (segment != NULL)
            recovery_keep(spool, segment);
    }
    free(names.files);
    free(names.unfinished);
    if (recovery->count > 1)
        qsort(recovery->old, recovery->count, sizeof(struct segment *), newest_first);
    if (recovery->content_count > 1)
        qsort(recovery->contents, recovery->content_count, sizeof(struct segment *),
              oldest_first);
    recovery->count = drop_doubles(spool, recovery->old, recovery->count);
    recovery->content_count =
        drop_doubles(spool, recovery->contents, recovery->content_count);
    return result < 0 ? segment_error(error, "input", result) : true;
}

void
recovery_free(struct spool *spool)
{
    struct recovery *recovery = spool->recovery;
    struct span key;
    void *value;
    size_t at = 0;

    if (recovery == NULL)
        return;
    while (table_next(recovery->messages, &at, &key, &value))
        recovering_free(value);
    table_free(recovery->messages);
    if (recovery->scan != NULL)
        scan_free(recovery->scan);
    arena_free(recovery->arena);
    free(recovery->old);
    free(recovery->contents);
    free(recovery->unusable);
    free(recovery->closures);
    free(recovery);
    spool->recovery = NULL;
}

/* ------------------------------------------------------------ damage */

/* Copy [offset, offset + length) of the segment to a new file. */
static int
aside_copy(struct spool *spool, struct segment *segment, uint64_t offset, uint64_t length,
           int fd)
{
    const struct disk *disk = &spool->disk;
    char *piece = memory_alloc(ASIDE_PIECE);
    int result = 0;

    while (length > 0 && result == 0) {
        size_t size = length < ASIDE_PIECE ? (size_t)length : ASIDE_PIECE;
        ssize_t written;

        result = segment_read(&spool->segments, segment, offset, piece, size);
        if (result < 0)
            break;
        written = disk->write(disk->context, fd, piece, size);
        result = written < 0 ? (int)written : 0;
        offset += size;
        length -= size;
    }
    free(piece);
    return result < 0 ? result : disk->sync(disk->context, fd);
}

/* 1 when a copy was made, 0 when it was there from an earlier start, or an error. */
static int
aside_make(struct spool *spool, struct segment *segment, uint64_t offset, uint64_t length,
           const char *name)
{
    const struct disk *disk = &spool->disk;
    int fd = disk->open(disk->context, name), result;
    int64_t size;

    if (fd >= 0) {
        size = disk->size(disk->context, fd);
        disk->close(disk->context, fd);
        if (size == (int64_t)length)
            return 0;
        disk->unlink(disk->context, name); /* unfinished */
    }
    fd = disk->create(disk->context, name, spool->options.mode);
    if (fd < 0)
        return fd;
    result = aside_copy(spool, segment, offset, length, fd);
    disk->close(disk->context, fd);
    if (result == 0)
        result = disk->sync_directory(disk->context, "error");
    if (result < 0)
        disk->unlink(disk->context, name);
    return result < 0 ? result : 1;
}

void
recovery_set_aside(struct spool *spool, struct segment *segment, uint64_t offset,
                   uint64_t length, const struct message_id *id)
{
    struct recovery *recovery = spool->recovery;
    char name[SEGMENT_NAME_LIMIT], aside[SEGMENT_NAME_LIMIT + 24], text[256];
    const char *about = id->text[0] != '\0' ? id->text : "an unknown message";
    int result;

    segment_name(segment->file, SEGMENT_RECORDS, name);
    snprintf(aside, sizeof(aside), "error/%s-%llu", strchr(name, '/') + 1,
             (unsigned long long)offset);
    result = aside_make(spool, segment, offset, length, aside);
    if (result == 0)
        return;
    if (result < 0)
        segment->pinned = true;
    snprintf(text, sizeof(text), "%s: %llu octets at %llu are damaged (%s); %s%s%s", name,
             (unsigned long long)length, (unsigned long long)offset, about,
             result < 0 ? "left, as they cannot be copied: " : "copied to ",
             result < 0 ? strerror(-result) : aside, "");
    recovery->damage(recovery->argument, text);
}

/* ------------------------------------------------------------ reading in steps */

struct reading {
    struct spool *spool;
    struct segment *segment;
};

static void
reading_record(void *argument, const struct scanned *scanned)
{
    const struct reading *reading = argument;

    recovery_record(reading->spool, reading->segment, scanned);
}

static void
reading_damage(void *argument, uint64_t offset, uint64_t length,
               const struct message_id *id)
{
    const struct reading *reading = argument;

    recovery_set_aside(reading->spool, reading->segment, offset, length, id);
}

/* How much of a segment counts: what a newer one says it lost does not. */
static uint64_t
segment_counts(const struct recovery *recovery, const struct segment *segment)
{
    uint64_t length = segment->size;

    for (size_t i = 0; i < recovery->closure_count; i++)
        if (recovery->closures[i].serial == segment->header.serial &&
            recovery->closures[i].length < length)
            length = recovery->closures[i].length;
    return length;
}

static void
recovery_say_unusable(struct recovery *recovery)
{
    for (size_t i = 0; i < recovery->unusable_count; i++)
        recovery->damage(recovery->argument, recovery->unusable[i].text);
    recovery->unusable_count = 0;
}

/* The rest of a segment cannot be read: nothing old may go, for it may know of it. */
static void
recovery_unreadable(struct spool *spool, struct segment *segment, int result)
{
    char name[SEGMENT_NAME_LIMIT], text[160];

    segment_name(segment->file, SEGMENT_RECORDS, name);
    snprintf(text, sizeof(text), "%s cannot be read: %s", name, strerror(-result));
    spool->foreign = true;
    segment->pinned = true;
    spool->recovery->damage(spool->recovery->argument, text);
}

/*
 * What the last owner wrote and did not sync, or could not, is in the cache at best.
 * Before anything is done about it, make it durable and look at what the disk has. Where
 * a sync failed the next segment says so in its first commit; so this is for the newest
 * ones, up to the first that has a commit.
 */
static void
recovery_refresh(struct spool *spool, struct segment *segment)
{
    const struct disk *disk = &spool->disk;
    char name[SEGMENT_NAME_LIMIT], text[160];
    int64_t size = 0;
    int fd, result;

    segment_name(segment->file, SEGMENT_RECORDS, name);
    fd = disk->open(disk->context, name);
    result = fd < 0 ? fd : disk->refresh(disk->context, fd);
    if (result == 0)
        size = disk->size(disk->context, fd);
    if (fd >= 0)
        disk->close(disk->context, fd);
    if (result == 0 && size >= 0) {
        segment->size = segment->synced = (uint64_t)size;
        return;
    }
    /* What it says is believed for now, but nothing is given up for it. */
    segment->failed = true;
    spool->foreign = true;
    snprintf(text, sizeof(text), "%s cannot be synced: %s", name,
             strerror(result < 0 ? -result : (int)-size));
    spool->recovery->damage(spool->recovery->argument, text);
}

/* Read on in the segment whose turn it is. */
static void
recovery_step(struct spool *spool, uint64_t *budget)
{
    struct recovery *recovery = spool->recovery;
    struct segment *segment = recovery->old[recovery->at];
    struct reading reading = {spool, segment};
    struct scan_calls calls = {&reading, reading_record, reading_damage};
    int result;

    if (recovery->scan == NULL && !recovery->settled)
        recovery_refresh(spool, segment);
    if (recovery->scan == NULL)
        recovery->scan = scan_begin(&spool->segments, segment,
                                    segment_counts(recovery, segment), &calls);
    else
        scan_call(recovery->scan, &calls);
    if (scan_step(recovery->scan, budget, &result))
        return;
    recovery->settled = recovery->settled || scan_has_commit(recovery->scan);
    scan_free(recovery->scan);
    recovery->scan = NULL;
    if (result < 0)
        recovery_unreadable(spool, segment, result);
    recovery_decide(spool);
    recovery->at++;
}

bool
spool_recover(struct spool *spool, uint64_t budget,
              void (*found)(void *argument, const struct spool_message *message),
              void (*damage)(void *argument, const char *text), void *argument)
{
    struct recovery *recovery = spool->recovery;

    if (recovery == NULL)
        return false;
    recovery->found = found;
    recovery->damage = damage;
    recovery->argument = argument;
    recovery_say_unusable(recovery);
    while (recovery->at < recovery->count && budget > 0)
        recovery_step(spool, &budget);
    if (recovery->at < recovery->count)
        return true;
    recovery_free(spool);
    return false;
}
