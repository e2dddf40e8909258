/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hints in a GDBM file: built aside, renamed into place, read with every bound checked.
 */
#include "queue/snapshot.h"

#include <errno.h>
#include <gdbm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/pack.h"

#include "base/banned.h"

enum {
    SNAPSHOT_VERSION = 1,
    SNAPSHOT_MODE = 0640,
    HINTS_MOST = 1000000, /* a damaged file may lead in circles */
    LANE_NAME_MOST = 1024,
};

/* --- one hint --- */

static datum
datum_of(struct span bytes)
{
    union {
        const char *constant;
        char *bytes;
    } pointer = {.constant = bytes.bytes}; /* gdbm does not change it */

    return (datum){.dptr = pointer.bytes, .dsize = (int)bytes.length};
}

static bool
hint_store(GDBM_FILE file, const struct host_hint *hint, struct arena *arena)
{
    struct pack pack = pack_new(arena);

    pack_u8(&pack, SNAPSHOT_VERSION);
    pack_i64(&pack, hint->last_try);
    pack_i64(&pack, hint->next_try);
    pack_i64(&pack, hint->failing_since);
    pack_u32(&pack, hint->waiting);
    pack_u32(&pack, hint->active);
    pack_string(&pack, hint->error);
    return gdbm_store(file, datum_of(span_of(hint->lane)),
                      datum_of(text_span(&pack.text)), GDBM_REPLACE) == 0;
}

static bool
hint_unpack(datum key, datum value, struct arena *arena, struct host_hint *hint)
{
    struct unpack unpack;

    if (key.dsize <= 0 || key.dsize > LANE_NAME_MOST || value.dptr == NULL ||
        value.dsize <= 0 || memchr(key.dptr, '\0', (size_t)key.dsize) != NULL)
        return false;
    unpack = unpack_new((struct span){value.dptr, (size_t)value.dsize});
    if (unpack_u8(&unpack) != SNAPSHOT_VERSION)
        return false;
    hint->lane = arena_bytes(arena, key.dptr, (size_t)key.dsize);
    hint->last_try = unpack_i64(&unpack);
    hint->next_try = unpack_i64(&unpack);
    hint->failing_since = unpack_i64(&unpack);
    hint->waiting = unpack_u32(&unpack);
    hint->active = unpack_u32(&unpack);
    hint->error = unpack_string(&unpack, arena);
    return unpack_done(&unpack) && hint->error != NULL;
}

/* --- writing --- */

static bool
fail_gdbm(struct error *error, const char *path, const char *doing)
{
    return fail_temporary(error, "4.3.0", "%s: %s: %s", path, doing,
                          gdbm_strerror(gdbm_errno));
}

/* Where hints come from: a queue, or an array. */
struct hint_source {
    const struct queue *queue;
    const struct host_hint *hints;
    size_t count, at;
};

static bool
hint_source_next(struct hint_source *source, struct host_hint *hint)
{
    if (source->queue != NULL)
        return queue_hint_next(source->queue, &source->at, hint);
    if (source->at == source->count)
        return false;
    *hint = source->hints[source->at++];
    return true;
}

static bool
hints_fill(GDBM_FILE file, const char *path, struct hint_source *source,
           struct error *error)
{
    struct arena *arena = arena_new();
    struct host_hint hint;
    bool done = true;

    while (done && hint_source_next(source, &hint)) {
        arena_reset(arena);
        /* Never tried: nothing to remember. Too long to be a host: it would not be read.
         */
        if (hint.last_try > 0 && strlen(hint.lane) <= LANE_NAME_MOST)
            done = hint_store(file, &hint, arena) || fail_gdbm(error, path, "write");
    }
    arena_free(arena);
    return done;
}

static bool
hints_build(struct hint_source *source, const char *path, struct error *error)
{
    GDBM_FILE file =
        gdbm_open(path, 0, GDBM_NEWDB | GDBM_NOLOCK | GDBM_CLOEXEC, SNAPSHOT_MODE, NULL);
    bool done;

    if (file == NULL)
        return fail_gdbm(error, path, "create");
    done = hints_fill(file, path, source, error);
    if (gdbm_close(file) != 0 && done)
        done = fail_gdbm(error, path, "close");
    return done;
}

static bool
hints_replace(struct hint_source *source, const char *path, struct error *error)
{
    struct arena *arena = arena_new();
    const char *aside = arena_format(arena, "%s.new", path);
    bool done;

    unlink(aside); /* of one that died in the middle */
    done = hints_build(source, aside, error);
    if (done && rename(aside, path) != 0)
        done = fail_temporary(error, "4.3.0", "%s: rename: %s", path, strerror(errno));
    if (!done)
        unlink(aside);
    arena_free(arena);
    return done;
}

bool
hints_save(const struct queue *queue, const char *path, struct error *error)
{
    struct hint_source source = {.queue = queue};

    return hints_replace(&source, path, error);
}

bool
hints_write(const struct host_hint *hints, size_t count, const char *path,
            struct error *error)
{
    struct hint_source source = {.hints = hints, .count = count};

    return hints_replace(&source, path, error);
}

/* --- reading --- */

struct hint_list {
    struct arena *arena;
    struct host_hint *hints;
    size_t count, room;
};

static void
hint_list_add(struct hint_list *list, const struct host_hint *hint)
{
    if (list->count == list->room) {
        size_t room = list->room * 2 + 16;

        list->hints =
            arena_grow(list->arena, list->hints, list->count, room, sizeof(*list->hints));
        list->room = room;
    }
    list->hints[list->count++] = *hint;
}

static bool
hints_walk(GDBM_FILE file, const char *path, struct hint_list *list, struct error *error)
{
    datum key = gdbm_firstkey(file);
    bool sound = true;

    for (size_t i = 0; key.dptr != NULL && i < HINTS_MOST; i++) {
        datum value = gdbm_fetch(file, key), next = gdbm_nextkey(file, key);
        struct host_hint hint = {0};

        if (hint_unpack(key, value, list->arena, &hint))
            hint_list_add(list, &hint);
        else
            sound = fail_temporary(error, "4.3.0", "%s: a damaged entry", path);
        free(value.dptr);
        free(key.dptr);
        key = next;
    }
    free(key.dptr);
    if (gdbm_errno != GDBM_ITEM_NOT_FOUND && gdbm_errno != GDBM_NO_ERROR)
        sound = fail_gdbm(error, path, "read");
    return sound;
}

bool
hints_read(const char *path, struct arena *arena, struct host_hint **hints, size_t *count,
           struct error *error)
{
    struct hint_list list = {.arena = arena};
    GDBM_FILE file =
        gdbm_open(path, 0, GDBM_READER | GDBM_NOLOCK | GDBM_CLOEXEC, 0, NULL);
    bool sound;

    *hints = NULL;
    *count = 0;
    if (file == NULL)
        return errno == ENOENT || fail_gdbm(error, path, "open"); /* none yet: empty */
    sound = hints_walk(file, path, &list, error);
    gdbm_close(file);
    *hints = list.hints;
    *count = list.count;
    return sound;
}

bool
hints_load(struct queue *queue, const char *path, int64_t now, struct error *error)
{
    struct arena *arena = arena_new();
    struct host_hint *hints;
    size_t count;
    bool sound = hints_read(path, arena, &hints, &count, error);

    for (size_t i = 0; i < count; i++)
        queue_hint_load(queue, &hints[i], now);
    arena_free(arena);
    return sound;
}
