/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A variable or attribute is declared once: name, type (which follows from the C type of
 * the field), default, range and a line of help. Parser, default, check, -bP and the
 * manual's tables all read that one row.
 */
#ifndef CONFIG_ATTRIBUTE_H
#define CONFIG_ATTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "config/lexer.h"
#include "config/quantity.h"

enum attribute_type {
    ATTRIBUTE_BOOL,
    ATTRIBUTE_NUMBER,
    ATTRIBUTE_TEXT,
    ATTRIBUTE_EXPANDED,
    ATTRIBUTE_EXPANDED_LIST,
    ATTRIBUTE_LIST,
    ATTRIBUTE_DURATION,
    ATTRIBUTE_SIZE,
    ATTRIBUTE_MODE,
    ATTRIBUTE_GRADE,
};

enum attribute_flags {
    ATTRIBUTE_READ_ONLY = 1 << 0, /* computed; printed, never set */
    ATTRIBUTE_NO_EFFECT = 1 << 1, /* accepted from old files; -bP and check say so */
};

struct attribute {
    const char *name;         /* as written in the file */
    const char *aliases;      /* other names, separated by ':'; NULL for none */
    enum attribute_type type; /* follows from the C type of the field */
    size_t offset;            /* of the field in its struct */
    const char *value;   /* default, "on" for a boolean; NULL: unset (0, off, none) */
    const char *meaning; /* one sentence without full stop */
    int64_t least, most; /* of numbers, sizes, durations; both 0: all but negative */
    unsigned flags;
};

#define ATTRIBUTE_TYPE(field)                                                            \
    _Generic((field),                                                                          \
        bool: ATTRIBUTE_BOOL,                                                                  \
        int64_t: ATTRIBUTE_NUMBER,                                                             \
        const char *: ATTRIBUTE_TEXT,                                                          \
        struct expanded: ATTRIBUTE_EXPANDED,                                                   \
        struct expanded_list: ATTRIBUTE_EXPANDED_LIST,                                         \
        struct list: ATTRIBUTE_LIST,                                                           \
        struct duration: ATTRIBUTE_DURATION,                                                   \
        struct size: ATTRIBUTE_SIZE,                                                           \
        struct mode: ATTRIBUTE_MODE,                                                           \
        struct grade: ATTRIBUTE_GRADE)

/* A row: struct type, field, default, meaning; then any of .aliases, .least, .most,
 * .flags. */
#define ATTRIBUTE(config, field, default_value, help, ...)                               \
    {                                                                                    \
        .name = #field, .type = ATTRIBUTE_TYPE(((config *)0)->field),                    \
        .offset = offsetof(config, field), .value = (default_value), .meaning = (help),  \
        __VA_ARGS__                                                                      \
    }

/* What every kind of driver begins with. */
struct driver {
    const char *name;                   /* as in "driver = smtp" */
    const char *aliases;                /* other names, separated by ':'; NULL for none */
    const char *meaning;                /* one sentence without full stop */
    const struct attribute *attributes; /* ends with an empty row */
    size_t config_size;                 /* bytes that the attributes fill */

    /*
     * Check and complete the attributes, once, after all of them were parsed without a
     * mistake; may be NULL. `arena` is the configuration's. False: `error` is told as a
     * mistake of the entry.
     */
    bool (*init)(void *config, struct arena *arena, struct error *error);
};

/* Where the value of an attribute came from, for -bP: NULL file means the default. */
struct attribute_origin {
    const char *file;
    unsigned line;
};

/* The row of that name or alias ('-' and '_' are equal in names), or NULL. */
const struct attribute *attribute_find(const struct attribute *rows, const char *name);
/* Is `name` the main name or one of the aliases, which are separated by ':'? */
bool attribute_name_is(const char *name, const char *main_name, const char *aliases);
/* The name nearest by spelling, for error messages, or NULL. */
const char *attribute_nearest(const struct attribute *rows, const char *name);

/* The same for names from anywhere: set `name`, offer each candidate, look at `found`. */
struct nearest {
    const char *name, *found;
    size_t distance;
};
void nearest_offer(struct nearest *nearest, const char *candidate);

/* Is the default of a boolean "on" (or "yes", "+")? */
bool attribute_default_is_on(const struct attribute *row);
/* `least` or `most` as one writes it for the type of the row. */
const char *attribute_limit_print(const struct attribute *row, int64_t limit,
                                  struct arena *arena);
/* Set all defaults. Asserts that they parse (a test goes through all rows). */
void attributes_default(const struct attribute *rows, void *config, struct arena *arena);

/*
 * Apply one setting of a file. `origins` (one for each row, may be NULL) takes its place.
 * False with a permanent error 5.3.5 that says what was found and what was expected.
 */
bool attribute_apply(const struct attribute *rows, void *config,
                     const struct setting *setting, const char *file, struct arena *arena,
                     struct attribute_origin *origins, struct error *error);

/*
 * In the syntax of the file ("name = value" with quotes where needed, "+name", "-name");
 * and the bare value without quotes (NULL: unset; "+" for a boolean that is on).
 */
const char *attribute_print(const struct attribute *row, const void *config,
                            struct arena *arena);
const char *attribute_value(const struct attribute *row, const void *config,
                            struct arena *arena);
/* As a JSON member. */
void attribute_json(const struct attribute *row, const void *config, struct json *json);
const char *attribute_type_name(enum attribute_type type);
size_t attributes_count(const struct attribute *rows);

#endif
