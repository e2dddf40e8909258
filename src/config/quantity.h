/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values with a unit, as the administrator writes them (reference 2.5), each a type of
 * its own, so that the declaration of an attribute chooses parser, range and printing.
 */
#ifndef CONFIG_QUANTITY_H
#define CONFIG_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct duration {
    int64_t seconds;
};

struct size {
    uint64_t bytes;
};

struct mode {
    unsigned bits;
};

struct grade {
    char letter;
};

/* Items separated by ':' in the file; brackets protect colons ("[::1]:a" has two items).
 */
struct list {
    const char *const *items;
    size_t count;
};

/* A string that is expanded at use; NULL text: unset. The name is a type, the syntax is
 * in expand.h. */
struct expanded {
    const char *text;
};

/* Attributes that may be given several times, in order. */
struct expanded_list {
    const char *const *items;
    size_t count;
};

bool number_parse(struct span text, int64_t *number, struct error *error);
bool size_parse(struct span text, struct size *size, struct error *error);
bool duration_parse(struct span text, struct duration *duration, struct error *error);
bool mode_parse(struct span text, struct mode *mode, struct error *error);
bool list_parse(struct span text, struct arena *arena, struct list *list,
                struct error *error);

/* As one would write them in a file: "2h30m", "100k", "0644", "a:b". */
const char *number_print(int64_t number, struct arena *arena);
const char *size_print(struct size size, struct arena *arena);
const char *duration_print(struct duration duration, struct arena *arena);
const char *mode_print(struct mode mode, struct arena *arena);
const char *list_print(struct list list, struct arena *arena);

bool list_has(struct list list, const char *item); /* without case */

#endif
