/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table of packed answers. When it is full the old ones go, and if none is old, all. */
#include "net/dns_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/table.h"

#include "base/banned.h"

enum {
    FOUND_SECONDS = 300,
    ABSENT_SECONDS = 60,
    ANSWER_OCTETS = 4096, /* longer ones are not worth it */
    NAME_OCTETS = 255,
};

struct cached {
    int64_t until; /* clock_monotonic() */
    size_t length;
    char packed[];
};

struct dns_cache {
    struct table *table;
    size_t limit;
    struct arena *arena; /* for one put */
};

struct dns_cache *
dns_cache_new(size_t limit)
{
    struct dns_cache *cache = memory_alloc(sizeof *cache);

    cache->table = table_new();
    cache->limit = limit;
    cache->arena = arena_new();
    return cache;
}

/* Drop those that end before `moment`; INT64_MAX: all. */
static void
cache_drop(struct dns_cache *cache, int64_t moment)
{
    struct span key;
    void *value;
    size_t at = 0;

    while (table_next(cache->table, &at, &key, &value)) {
        struct cached *cached = value;

        if (cached->until < moment)
            free(table_remove(cache->table, key));
    }
}

void
dns_cache_free(struct dns_cache *cache)
{
    if (cache == NULL)
        return;
    cache_drop(cache, INT64_MAX);
    table_free(cache->table);
    arena_free(cache->arena);
    free(cache);
}

/* Type and lower-case name. False: too long to be a name. */
static bool
key_make(const char *name, enum dns_type type, char *room, struct span *key)
{
    size_t length = strlen(name);

    if (length > NAME_OCTETS)
        return false;
    room[0] = (char)type;
    for (size_t i = 0; i < length; i++)
        room[1 + i] = byte_lower(name[i]);
    *key = (struct span){room, 1 + length};
    return true;
}

bool
dns_cache_get(struct dns_cache *cache, const char *name, enum dns_type type,
              struct arena *arena, struct dns_answer *answer)
{
    char room[1 + NAME_OCTETS];
    int64_t now = clock_monotonic();
    struct cached *cached;
    struct unpack unpack;
    struct span key;

    if (!key_make(name, type, room, &key))
        return false;
    cached = table_get(cache->table, key);
    if (cached == NULL)
        return false;
    if (cached->until <= now) {
        free(table_remove(cache->table, key));
        return false;
    }
    unpack = unpack_new((struct span){cached->packed, cached->length});
    if (!dns_answer_unpack(&unpack, arena, answer))
        return false;
    answer->ttl = (uint32_t)((cached->until - now) / 1000);
    return true;
}

void
dns_cache_put(struct dns_cache *cache, const char *name, enum dns_type type,
              const struct dns_answer *answer)
{
    uint32_t most = answer->result == DNS_FOUND ? FOUND_SECONDS : ABSENT_SECONDS;
    uint32_t seconds = answer->ttl < most ? answer->ttl : most;
    char room[1 + NAME_OCTETS];
    struct pack pack = pack_new(cache->arena);
    struct cached *cached;
    struct span key, packed;

    if (answer->result == DNS_FAILURE || seconds == 0 ||
        !key_make(name, type, room, &key))
        return;
    dns_answer_pack(answer, &pack);
    packed = text_span(&pack.text);
    if (packed.length <= ANSWER_OCTETS) {
        if (table_count(cache->table) >= cache->limit)
            cache_drop(cache, clock_monotonic());
        if (table_count(cache->table) >= cache->limit)
            cache_drop(cache, INT64_MAX);
        cached = memory_alloc(sizeof *cached + packed.length);
        cached->until = clock_monotonic() + (int64_t)seconds * 1000;
        cached->length = packed.length;
        memcpy(cached->packed, packed.bytes, packed.length);
        free(table_put(cache->table, key, cached));
    }
    arena_reset(cache->arena);
}
