/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open addressing with linear probing. A removed entry leaves a grave, so nothing moves
 * while somebody walks; graves go when the table is laid out anew, which only table_put()
 * does.
 */
#include "base/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/random.h"
#include "base/siphash.h"

#include "base/banned.h"

enum { SLOTS_LEAST = 8 };

struct entry {
    void *value;
    size_t length;
    char bytes[];
};

struct slot {
    uint64_t hash;
    struct entry *entry; /* NULL: never used; &grave: removed */
};

struct table {
    struct siphash_key key;
    struct slot *slots; /* NULL until something is put */
    size_t slot_count;  /* a power of two */
    size_t count;
    size_t grave_count;
};

static struct entry grave;

struct table *
table_new(void)
{
    /* One key for the process: strangers know it no better than one for each table. */
    static struct siphash_key key;
    static bool drawn;
    struct table *table = memory_alloc(sizeof(*table));

    if (!drawn)
        random_bytes(&key, sizeof(key));
    drawn = true;
    table->key = key;
    return table;
}

static bool
slot_is_live(const struct slot *slot)
{
    return slot->entry != NULL && slot->entry != &grave;
}

void
table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->slot_count; i++)
        if (slot_is_live(&table->slots[i]))
            free(table->slots[i].entry);
    free(table->slots);
    free(table);
}

static struct span
entry_key(const struct entry *entry)
{
    return (struct span){entry->bytes, entry->length};
}

/* The slot of `key`, or NULL. There is always an unused slot, where the search ends. */
static struct slot *
table_find(const struct table *table, uint64_t hash, struct span key)
{
    if (table->slot_count == 0)
        return NULL;
    for (size_t i = (size_t)hash;; i++) {
        struct slot *slot = &table->slots[i & (table->slot_count - 1)];

        if (slot->entry == NULL)
            return NULL;
        if (slot->entry != &grave && slot->hash == hash &&
            span_equal(entry_key(slot->entry), key))
            return slot;
    }
}

/* The first slot on the way of `hash` in which nothing lives. */
static struct slot *
slot_for_new(struct slot *slots, size_t slot_count, uint64_t hash)
{
    size_t i = (size_t)hash;

    while (slot_is_live(&slots[i & (slot_count - 1)]))
        i++;
    return &slots[i & (slot_count - 1)];
}

/* Lay out anew, at most half full: grows, shrinks, and drops the graves. */
static void
table_lay_out(struct table *table)
{
    size_t slot_count = SLOTS_LEAST;
    struct slot *slots;

    while (slot_count / 2 < table->count + 1)
        slot_count *= 2;
    slots = memory_alloc(slot_count * sizeof(*slots));
    for (size_t i = 0; i < table->slot_count; i++)
        if (slot_is_live(&table->slots[i]))
            *slot_for_new(slots, slot_count, table->slots[i].hash) = table->slots[i];
    free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    table->grave_count = 0;
}

static struct entry *
entry_new(struct span key, void *value)
{
    struct entry *entry = memory_alloc(sizeof(*entry) + key.length);

    entry->value = value;
    entry->length = key.length;
    if (key.length > 0)
        memcpy(entry->bytes, key.bytes, key.length);
    return entry;
}

void *
table_get(const struct table *table, struct span key)
{
    struct slot *slot =
        table_find(table, siphash(&table->key, key.bytes, key.length), key);

    return slot != NULL ? slot->entry->value : NULL;
}

void *
table_put(struct table *table, struct span key, void *value)
{
    uint64_t hash = siphash(&table->key, key.bytes, key.length);
    struct slot *slot = table_find(table, hash, key);
    void *before;

    assert(value != NULL);
    if (slot != NULL) {
        before = slot->entry->value;
        slot->entry->value = value;
        return before;
    }
    if (table->slot_count == 0 ||
        table->count + table->grave_count + 1 > table->slot_count / 4 * 3)
        table_lay_out(table);
    slot = slot_for_new(table->slots, table->slot_count, hash);
    if (slot->entry == &grave)
        table->grave_count--;
    *slot = (struct slot){hash, entry_new(key, value)};
    table->count++;
    return NULL;
}

void *
table_remove(struct table *table, struct span key)
{
    struct slot *slot =
        table_find(table, siphash(&table->key, key.bytes, key.length), key);
    void *value;

    if (slot == NULL)
        return NULL;
    value = slot->entry->value;
    free(slot->entry); /* `key` may point into it */
    slot->entry = &grave;
    table->count--;
    table->grave_count++;
    return value;
}

size_t
table_count(const struct table *table)
{
    return table->count;
}

bool
table_next(const struct table *table, size_t *at, struct span *key, void **value)
{
    while (*at < table->slot_count) {
        const struct slot *slot = &table->slots[(*at)++];

        if (!slot_is_live(slot))
            continue;
        *key = entry_key(slot->entry);
        *value = slot->entry->value;
        return true;
    }
    return false;
}
