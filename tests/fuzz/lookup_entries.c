/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A text table with any bytes in it, read both ways. Entries come in the order of the
 * text and do not overlap, keys compare as keys do, values are one line.
 */
#include "drivers/lookups/entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
read_all(struct span text, bool line_by_line, struct arena *arena)
{
    struct table_reader reader = table_reader_new(text, line_by_line);
    const char *at = text.bytes, *end = text.bytes + text.length;
    struct table_entry entry;
    unsigned line = 0;

    while (table_entry_next(&reader, &entry)) {
        struct span key = table_key(entry.key, arena);
        const char *value = table_value(entry.value, arena);

        must(entry.key.bytes >= at && entry.key.length > 0);
        at = entry.key.bytes + entry.key.length;
        must(entry.value.length == 0 || entry.value.bytes >= at);
        must(entry.value.length == 0 || entry.value.bytes + entry.value.length <= end);
        must(entry.line > line);
        line = entry.line;
        must(key.length <= entry.key.length);
        must(table_key_compare(key, key) == 0);
        must(strchr(value, '\n') == NULL);
        must(strlen(value) <= entry.value.length);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct arena *arena = arena_new();

    read_all(text, false, arena);
    read_all(text, true, arena);
    arena_free(arena);
    return 0;
}
