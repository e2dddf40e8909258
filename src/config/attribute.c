/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the row of a name, setting fields from the text of a file. */
#include "config/attribute.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

enum { NAME_LIMIT = 48 }; /* longer names are nobody's misspelling */

/* Where the field of a row lies in a struct. */
#define FIELD(type, row, config) (*(type *)((char *)(config) + (row)->offset))

size_t
attributes_count(const struct attribute *rows)
{
    size_t count = 0;

    while (rows[count].name)
        count++;
    return count;
}

static char
name_byte(char byte)
{
    return byte == '-' ? '_' : byte;
}

static bool
name_equal(struct span a, struct span b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (name_byte(a.bytes[i]) != name_byte(b.bytes[i]))
            return false;
    return true;
}

bool
attribute_name_is(const char *name, const char *main_name, const char *aliases)
{
    struct span rest = span_of(aliases), alias;

    if (name_equal(span_of(name), span_of(main_name)))
        return true;
    while (span_next(&rest, ':', &alias))
        if (name_equal(span_of(name), alias))
            return true;
    return false;
}

const struct attribute *
attribute_find(const struct attribute *rows, const char *name)
{
    for (; rows->name; rows++)
        if (attribute_name_is(name, rows->name, rows->aliases))
            return rows;
    return NULL;
}

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance; case and the kind of dash do not count. */
static size_t
name_distance(struct span a, struct span b)
{
    size_t row[NAME_LIMIT + 1];

    for (size_t j = 0; j <= b.length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            bool same = byte_lower(name_byte(a.bytes[i - 1])) ==
                        byte_lower(name_byte(b.bytes[j - 1]));
            size_t replaced = corner + (same ? 0 : 1);

            corner = row[j];
            row[j] = smaller(replaced, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.length];
}

void
nearest_offer(struct nearest *nearest, const char *candidate)
{
    struct span name = span_of(nearest->name), other = span_of(candidate);
    size_t limit = name.length / 3 + (name.length > 2);
    size_t distance;

    if (name.length > NAME_LIMIT || other.length > NAME_LIMIT)
        return;
    distance = name_distance(name, other);
    if (distance <= limit && (!nearest->found || distance < nearest->distance)) {
        nearest->found = candidate;
        nearest->distance = distance;
    }
}

const char *
attribute_nearest(const struct attribute *rows, const char *name)
{
    struct nearest nearest = {.name = name};

    for (; rows->name; rows++)
        nearest_offer(&nearest, rows->name);
    return nearest.found;
}

/* --- setting --- */

static void
field_clear(const struct attribute *row, void *config)
{
    switch (row->type) {
    case ATTRIBUTE_BOOL:
        FIELD(bool, row, config) = false;
        break;
    case ATTRIBUTE_NUMBER:
        FIELD(int64_t, row, config) = 0;
        break;
    case ATTRIBUTE_TEXT:
        FIELD(const char *, row, config) = NULL;
        break;
    case ATTRIBUTE_EXPANDED:
        FIELD(struct expanded, row, config) = (struct expanded){0};
        break;
    case ATTRIBUTE_EXPANDED_LIST:
        FIELD(struct expanded_list, row, config) = (struct expanded_list){0};
        break;
    case ATTRIBUTE_LIST:
        FIELD(struct list, row, config) = (struct list){0};
        break;
    case ATTRIBUTE_DURATION:
        FIELD(struct duration, row, config) = (struct duration){0};
        break;
    case ATTRIBUTE_SIZE:
        FIELD(struct size, row, config) = (struct size){0};
        break;
    case ATTRIBUTE_MODE:
        FIELD(struct mode, row, config) = (struct mode){0};
        break;
    case ATTRIBUTE_GRADE:
        FIELD(struct grade, row, config) = (struct grade){0};
        break;
    }
}

const char *
attribute_limit_print(const struct attribute *row, int64_t limit, struct arena *arena)
{
    if (row->type == ATTRIBUTE_DURATION)
        return duration_print((struct duration){limit}, arena);
    if (row->type == ATTRIBUTE_SIZE)
        return size_print((struct size){(uint64_t)limit}, arena);
    return number_print(limit, arena);
}

/* Without a range, anything that is not negative is fine. */
static bool
in_range(const struct attribute *row, int64_t value, struct arena *arena,
         struct error *error)
{
    bool unlimited = row->least == 0 && row->most == 0;

    if (value >= row->least && (unlimited || value <= row->most))
        return true;
    if (unlimited)
        return fail_permanent(error, "5.3.5", "%s found, 0 or more expected",
                              attribute_limit_print(row, value, arena));
    return fail_permanent(error, "5.3.5", "%s found, %s to %s expected",
                          attribute_limit_print(row, value, arena),
                          attribute_limit_print(row, row->least, arena),
                          attribute_limit_print(row, row->most, arena));
}

static bool
set_number(const struct attribute *row, void *config, struct span value,
           struct arena *arena, struct error *error)
{
    int64_t number;

    if (!number_parse(value, &number, error) || !in_range(row, number, arena, error))
        return false;
    FIELD(int64_t, row, config) = number;
    return true;
}

static bool
set_size(const struct attribute *row, void *config, struct span value,
         struct arena *arena, struct error *error)
{
    struct size size;

    if (!size_parse(value, &size, error) ||
        !in_range(row, (int64_t)size.bytes, arena, error))
        return false;
    FIELD(struct size, row, config) = size;
    return true;
}

static bool
set_duration(const struct attribute *row, void *config, struct span value,
             struct arena *arena, struct error *error)
{
    struct duration duration;

    if (!duration_parse(value, &duration, error) ||
        !in_range(row, duration.seconds, arena, error))
        return false;
    FIELD(struct duration, row, config) = duration;
    return true;
}

static bool
set_grade(const struct attribute *row, void *config, struct span value,
          struct error *error)
{
    if (value.length != 1 ||
        !(byte_is_letter(value.bytes[0]) || byte_is_digit(value.bytes[0])))
        return fail_permanent(error, "5.3.5",
                              "'%.*s' found, a grade expected (one letter or digit)",
                              value.length > 60 ? 60 : (int)value.length, value.bytes);
    FIELD(struct grade, row, config) = (struct grade){value.bytes[0]};
    return true;
}

static void
append(const struct attribute *row, void *config, const char *value, struct arena *arena)
{
    struct expanded_list *list = &FIELD(struct expanded_list, row, config);
    const char **items =
        arena_grow(arena, list->items, list->count, list->count + 1, sizeof *items);

    items[list->count] = value;
    *list = (struct expanded_list){.items = items, .count = list->count + 1};
}

static bool
field_set(const struct attribute *row, void *config, const char *value,
          struct arena *arena, struct error *error)
{
    struct span span = span_of(value);

    switch (row->type) {
    case ATTRIBUTE_BOOL:
        return fail_permanent(error, "5.3.5",
                              "a value found, +%s (on) or -%s (off) expected", row->name,
                              row->name);
    case ATTRIBUTE_NUMBER:
        return set_number(row, config, span, arena, error);
    case ATTRIBUTE_TEXT:
        FIELD(const char *, row, config) = arena_string(arena, value);
        return true;
    case ATTRIBUTE_EXPANDED:
        FIELD(struct expanded, row, config).text = arena_string(arena, value);
        return true;
    case ATTRIBUTE_EXPANDED_LIST:
        append(row, config, arena_string(arena, value), arena);
        return true;
    case ATTRIBUTE_LIST:
        return list_parse(span, arena, &FIELD(struct list, row, config), error);
    case ATTRIBUTE_DURATION:
        return set_duration(row, config, span, arena, error);
    case ATTRIBUTE_SIZE:
        return set_size(row, config, span, arena, error);
    case ATTRIBUTE_MODE:
        return mode_parse(span, &FIELD(struct mode, row, config), error);
    case ATTRIBUTE_GRADE:
        return set_grade(row, config, span, error);
    }
    return false;
}

/* +name: for booleans; a "yes" or "no" is what a default looks like. */
static bool
field_on(const struct attribute *row, void *config, struct error *error)
{
    if (row->type != ATTRIBUTE_BOOL)
        return fail_permanent(error, "5.3.5", "no value found, '%s = %s' expected",
                              row->name, attribute_type_name(row->type));
    FIELD(bool, row, config) = true;
    return true;
}

/* -name: off, unset, or zero if that is in the range. */
static bool
field_off(const struct attribute *row, void *config, struct arena *arena,
          struct error *error)
{
    bool is_number = row->type == ATTRIBUTE_NUMBER || row->type == ATTRIBUTE_SIZE ||
                     row->type == ATTRIBUTE_DURATION;

    if (row->type == ATTRIBUTE_GRADE)
        return fail_permanent(error, "5.3.5", "no value found, a grade expected");
    if (is_number && !in_range(row, 0, arena, error))
        return false;
    field_clear(row, config);
    return true;
}

bool
attribute_default_is_on(const struct attribute *row)
{
    struct span rest = SPAN("on:yes:true:+"), word;

    while (row->value && span_next(&rest, ':', &word))
        if (span_is(word, row->value))
            return true;
    assert(!row->value || strcmp(row->value, "off") == 0 ||
           strcmp(row->value, "no") == 0);
    return false;
}

void
attributes_default(const struct attribute *rows, void *config, struct arena *arena)
{
    for (; rows->name; rows++) {
        struct error error = {0};
        bool good = true;

        field_clear(rows, config);
        if (rows->value && rows->type == ATTRIBUTE_BOOL)
            FIELD(bool, rows, config) = attribute_default_is_on(rows);
        else if (rows->value)
            good = field_set(rows, config, rows->value, arena, &error);
        assert(good);
        (void)good;
    }
}

static bool
unknown(const struct attribute *rows, const char *name, struct error *error)
{
    const char *nearest = attribute_nearest(rows, name);

    if (nearest)
        return fail_permanent(error, "5.3.5", "unknown name; '%s' is the nearest one",
                              nearest);
    return fail_permanent(error, "5.3.5", "unknown name");
}

static bool
apply(const struct attribute *row, void *config, const struct setting *setting,
      struct arena *arena, struct error *error)
{
    if (row->flags & ATTRIBUTE_READ_ONLY)
        return fail_permanent(error, "5.3.5", "is computed and cannot be set");
    switch (setting->form) {
    case SETTING_VALUE:
        return field_set(row, config, setting->value, arena, error);
    case SETTING_ON:
        return field_on(row, config, error);
    case SETTING_OFF:
        return field_off(row, config, arena, error);
    }
    return false;
}

bool
attribute_apply(const struct attribute *rows, void *config, const struct setting *setting,
                const char *file, struct arena *arena, struct attribute_origin *origins,
                struct error *error)
{
    const struct attribute *row = attribute_find(rows, setting->name);

    if (!row) {
        unknown(rows, setting->name, error);
        return error_prefix(error, "%s", setting->name);
    }
    if (!apply(row, config, setting, arena, error))
        return error_prefix(error, "%s", setting->name);
    if (origins)
        origins[row - rows] =
            (struct attribute_origin){.file = file, .line = setting->line};
    return true;
}
