/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a worker keeps between deliveries: idle connections, and what is owed (written but
 * not yet made durable).
 */
#include "deliver/deliver.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#include "base/banned.h"

struct held {
    char *key;
    void *value;
    void (*close)(void *value);
    bool (*finish)(void *value, struct error *error); /* of what is owed */
    int64_t since;
    struct held *next;
};

struct connection_cache {
    struct held *first; /* the one kept last */
    size_t count, limit;
    size_t owing;  /* of them are owed */
    uint64_t owed; /* ever */
    bool failed;   /* something that was owed could not be finished: */
    struct error failure;
};

struct connection_cache *
connection_cache_new(size_t limit)
{
    struct connection_cache *cache = memory_alloc(sizeof(*cache));

    cache->limit = limit;
    return cache;
}

/* Take it out of the list; the caller has its value. */
static void
held_remove(struct connection_cache *cache, struct held **at)
{
    struct held *held = *at;

    *at = held->next;
    cache->count--;
    if (held->finish)
        cache->owing--;
    free(held->key);
    free(held);
}

/* Finish everything that is owed; the first error is kept for the settling. */
static void
cache_finish(struct connection_cache *cache)
{
    struct held **at = &cache->first;

    while (*at) {
        struct error failure = {0};

        if (!(*at)->finish) {
            at = &(*at)->next;
            continue;
        }
        if (!(*at)->finish((*at)->value, &failure) && !cache->failed) {
            cache->failed = true;
            cache->failure = failure;
        }
        held_remove(cache, at);
    }
}

/*
 * Whoever takes something else has no more use for what is owed; and two mailboxes that
 * are locked at once, in any order, could stand in each other's way.
 */
void *
connection_cache_take(struct connection_cache *cache, const char *key)
{
    if (!cache)
        return NULL;
    for (struct held **at = &cache->first; *at; at = &(*at)->next) {
        if (strcmp((*at)->key, key) == 0) {
            void *value = (*at)->value;

            held_remove(cache, at);
            return value;
        }
    }
    if (cache->owing > 0)
        cache_finish(cache);
    return NULL;
}

static struct held *
held_add(struct connection_cache *cache, const char *key, void *value)
{
    struct held *held = memory_alloc(sizeof(*held));

    held->key = memory_string(key);
    held->value = value;
    held->since = clock_monotonic();
    held->next = cache->first;
    cache->first = held;
    cache->count++;
    return held;
}

/* Close the connection that is idle for longest; nothing that is owed. */
static void
cache_make_room(struct connection_cache *cache)
{
    struct held **oldest = NULL;

    if (cache->count - cache->owing <= cache->limit)
        return;
    for (struct held **at = &cache->first; *at; at = &(*at)->next)
        if (!(*at)->finish)
            oldest = at;
    if (oldest) {
        (*oldest)->close((*oldest)->value);
        held_remove(cache, oldest);
    }
}

void
connection_cache_keep(struct connection_cache *cache, const char *key, void *held,
                      void (*close)(void *held))
{
    if (!cache) {
        close(held);
        return;
    }
    held_add(cache, key, held)->close = close;
    cache_make_room(cache);
}

void
connection_cache_owe(struct connection_cache *cache, const char *key, void *held,
                     bool (*finish)(void *held, struct error *error))
{
    held_add(cache, key, held)->finish = finish;
    cache->owing++;
    cache->owed++;
}

bool
connection_cache_settle(struct connection_cache *cache, struct error *error)
{
    bool failed;

    cache_finish(cache);
    failed = cache->failed;
    if (failed)
        *error = cache->failure;
    cache->failed = false;
    return !failed;
}

uint64_t
connection_cache_owed(const struct connection_cache *cache)
{
    return cache ? cache->owed : 0;
}

bool
connection_cache_owes(const struct connection_cache *cache)
{
    return cache && (cache->owing > 0 || cache->failed);
}

bool
connection_cache_is_empty(const struct connection_cache *cache)
{
    return !cache || cache->count == 0;
}

void
connection_cache_expire(struct connection_cache *cache, int64_t idle)
{
    int64_t now = clock_monotonic();
    struct held **at = &cache->first;

    while (*at) {
        if ((*at)->finish || now - (*at)->since <= idle) {
            at = &(*at)->next;
            continue;
        }
        (*at)->close((*at)->value);
        held_remove(cache, at);
    }
}

void
connection_cache_free(struct connection_cache *cache)
{
    struct error ignored;

    if (!cache)
        return;
    /* Nobody was told of what is still owed: it is the same as not done. */
    connection_cache_settle(cache, &ignored);
    connection_cache_expire(cache, -1);
    free(cache);
}
