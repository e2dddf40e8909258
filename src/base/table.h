/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table from byte strings to pointers, keyed with a random SipHash key, so that
 * strangers who choose the names cannot slow it down. It owns copies of its keys, not the
 * values. Not for use while it is walked, except for removing the entry just returned.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct table;

struct table *table_new(void);
void table_free(struct table *table);

/* The value, or NULL. */
void *table_get(const struct table *table, struct span key);
/* Set or replace; `value` is not NULL. Returns the value that was there, or NULL. */
void *table_put(struct table *table, struct span key, void *value);
/* Returns the value that was there, or NULL. */
void *table_remove(struct table *table, struct span key);
size_t table_count(const struct table *table);

/* Walk, in no order: `size_t at = 0; while (table_next(table, &at, &key, &value)) ...` */
bool table_next(const struct table *table, size_t *at, struct span *key, void **value);

#endif
