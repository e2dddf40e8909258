/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lsearch: a text file in any order, with comments and continued lines. The first entry
 * of a key counts. The file is indexed when it is opened, so a search costs the same
 * however long the file is.
 */
#include <stdint.h>

#include "base/table.h"
#include "drivers/driver.h"
#include "drivers/lookups/entries.h"

#include "base/banned.h"

struct lsearch {
    const char *file;
    struct table *index; /* key to struct table_entry */
};

static bool
lsearch_open(const char *file, struct arena *arena, void **table, struct stat *status,
             struct error *error)
{
    struct lsearch *lsearch = arena_alloc(arena, sizeof(*lsearch));
    struct arena *scratch;
    struct table_reader reader;
    struct table_entry entry;
    struct span text;

    if (!table_file_load(file, arena, &text, status, error))
        return false;
    *lsearch = (struct lsearch){arena_string(arena, file), table_new()};
    scratch = arena_new();
    reader = table_reader_new(text, false);
    while (table_entry_next(&reader, &entry)) {
        struct span key = table_key(entry.key, scratch);

        if (table_get(lsearch->index, key) == NULL) {
            struct table_entry *kept = arena_alloc(arena, sizeof(*kept));

            *kept = entry;
            table_put(lsearch->index, key, kept);
        }
        arena_reset(scratch);
    }
    arena_free(scratch);
    *table = lsearch;
    return true;
}

static enum lookup_result
lsearch_find(void *table, struct span key, struct arena *arena,
             struct lookup_value *value, struct error *error)
{
    const struct lsearch *lsearch = table;
    const struct table_entry *entry =
        table_get(lsearch->index, span_of(span_lower(key, arena)));

    (void)error; /* nothing can fail: all of it is in memory */
    if (entry == NULL)
        return LOOKUP_ABSENT;
    value->value = table_value(entry->value, arena);
    value->file = lsearch->file;
    value->line = entry->line;
    return LOOKUP_FOUND;
}

static void
lsearch_close(void *table)
{
    struct lsearch *lsearch = table;

    table_free(lsearch->index);
}

const struct lookup_driver lsearch_lookup = {
    .driver = {.name = "lsearch",
               .meaning = "a text file of entries in any order, with comments"},
    .open = lsearch_open,
    .find = lsearch_find,
    .close = lsearch_close,
};
