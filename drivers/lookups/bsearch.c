/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bsearch: a text file with one line for each key, sorted by key, without comments. A
 * file that turns out not to be sorted is searched from its first line on: slower, and
 * never silently wrong.
 */
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/lookups/entries.h"

#include "base/banned.h"

struct bsearch {
    const char *file;
    struct table_entry *entries; /* in the order of the file */
    size_t count, room;
    bool sorted;
};

static void
bsearch_add(struct bsearch *table, const struct table_entry *entry, struct arena *arena)
{
    if (table->count == table->room) {
        size_t room = table->room > 0 ? 2 * table->room : 64;

        table->entries =
            arena_grow(arena, table->entries, table->count, room, sizeof(*entry));
        table->room = room;
    }
    if (table->count > 0 &&
        table_key_compare(table->entries[table->count - 1].key, entry->key) > 0)
        table->sorted = false;
    table->entries[table->count++] = *entry;
}

static bool
bsearch_open(const char *file, struct arena *arena, void **table, struct stat *status,
             struct error *error)
{
    struct bsearch *opened = arena_alloc(arena, sizeof(*opened));
    struct table_reader reader;
    struct table_entry entry;
    struct span text;

    if (!table_file_load(file, arena, &text, status, error))
        return false;
    opened->file = arena_string(arena, file);
    opened->sorted = true;
    reader = table_reader_new(text, true);
    while (table_entry_next(&reader, &entry))
        bsearch_add(opened, &entry, arena);
    *table = opened;
    return true;
}

/* The first entry whose key is not less than `key`, or `count`. */
static size_t
bsearch_place(const struct bsearch *table, struct span key)
{
    size_t low = 0, high = table->count;

    if (!table->sorted) {
        while (low < high && table_key_compare(table->entries[low].key, key) != 0)
            low++;
        return low;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table_key_compare(table->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum lookup_result
bsearch_find(void *table, struct span key, struct arena *arena,
             struct lookup_value *value, struct error *error)
{
    const struct bsearch *opened = table;
    size_t at = bsearch_place(opened, key);

    (void)error; /* nothing can fail: all of it is in memory */
    if (at == opened->count || table_key_compare(opened->entries[at].key, key) != 0)
        return LOOKUP_ABSENT;
    value->value = table_value(opened->entries[at].value, arena);
    value->file = opened->file;
    value->line = opened->entries[at].line;
    return LOOKUP_FOUND;
}

static void
bsearch_close(void *table)
{
    (void)table; /* all of it is in the arena */
}

const struct lookup_driver bsearch_lookup = {
    .driver = {.name = "bsearch",
               .meaning = "a text file with a line for each key, sorted by key"},
    .open = bsearch_open,
    .find = bsearch_find,
    .close = bsearch_close,
};
