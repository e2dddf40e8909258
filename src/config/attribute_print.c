/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The values of fields as text, as lines of a file, and as JSON. */
#include <stdio.h>

#include "config/attribute.h"

#include "base/banned.h"

#define FIELD(type, row, config) (*(const type *)((const char *)(config) + (row)->offset))

const char *
attribute_type_name(enum attribute_type type)
{
    static const char *const names[] = {
        [ATTRIBUTE_BOOL] = "boolean",
        [ATTRIBUTE_NUMBER] = "number",
        [ATTRIBUTE_TEXT] = "string",
        [ATTRIBUTE_EXPANDED] = "expanded string",
        [ATTRIBUTE_EXPANDED_LIST] = "expanded string, may be repeated",
        [ATTRIBUTE_LIST] = "list",
        [ATTRIBUTE_DURATION] = "interval",
        [ATTRIBUTE_SIZE] = "size",
        [ATTRIBUTE_MODE] = "mode",
        [ATTRIBUTE_GRADE] = "grade",
    };

    return names[type];
}

/* The values of a repeated attribute, one in each line. */
static const char *
lines_print(const struct expanded_list *list, struct arena *arena)
{
    struct text text = text_new(arena);

    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            text_add_byte(&text, '\n');
        text_add(&text, list->items[i]);
    }
    return text_string(&text);
}

const char *
attribute_value(const struct attribute *row, const void *config, struct arena *arena)
{
    char letter[2] = "";

    switch (row->type) {
    case ATTRIBUTE_BOOL:
        return FIELD(bool, row, config) ? "+" : NULL;
    case ATTRIBUTE_NUMBER:
        return number_print(FIELD(int64_t, row, config), arena);
    case ATTRIBUTE_TEXT:
        return FIELD(char *, row, config);
    case ATTRIBUTE_EXPANDED:
        return FIELD(struct expanded, row, config).text;
    case ATTRIBUTE_EXPANDED_LIST:
        if (FIELD(struct expanded_list, row, config).count == 0)
            return NULL;
        return lines_print(&FIELD(struct expanded_list, row, config), arena);
    case ATTRIBUTE_LIST:
        if (FIELD(struct list, row, config).count == 0)
            return NULL;
        return list_print(FIELD(struct list, row, config), arena);
    case ATTRIBUTE_DURATION:
        return duration_print(FIELD(struct duration, row, config), arena);
    case ATTRIBUTE_SIZE:
        return size_print(FIELD(struct size, row, config), arena);
    case ATTRIBUTE_MODE:
        return mode_print(FIELD(struct mode, row, config), arena);
    case ATTRIBUTE_GRADE:
        letter[0] = FIELD(struct grade, row, config).letter;
        return letter[0] ? arena_string(arena, letter) : NULL;
    }
    return NULL;
}

/* "name = a, name = b" is how a repeated attribute is written. */
static const char *
repeated_print(const struct attribute *row, const struct expanded_list *list,
               struct arena *arena)
{
    struct text text = text_new(arena);

    for (size_t i = 0; i < list->count; i++)
        text_add_format(&text, "%s%s = %s", i > 0 ? ",\n\t" : "", row->name,
                        lex_quote(list->items[i], arena));
    return text_string(&text);
}

const char *
attribute_print(const struct attribute *row, const void *config, struct arena *arena)
{
    const char *value = attribute_value(row, config, arena);

    if (!value)
        return arena_format(arena, "-%s", row->name);
    if (row->type == ATTRIBUTE_BOOL)
        return arena_format(arena, "+%s", row->name);
    if (row->type == ATTRIBUTE_EXPANDED_LIST)
        return repeated_print(row, &FIELD(struct expanded_list, row, config), arena);
    return arena_format(arena, "%s = %s", row->name, lex_quote(value, arena));
}

static void
json_items(struct json *json, const char *name, const char *const *items, size_t count)
{
    json_array(json, name);
    for (size_t i = 0; i < count; i++)
        json_string(json, NULL, items[i]);
    json_end_array(json);
}

static void
json_mode(struct json *json, const char *name, struct mode mode)
{
    char digits[16];

    snprintf(digits, sizeof digits, "0%03o", mode.bits);
    json_string(json, name, digits);
}

void
attribute_json(const struct attribute *row, const void *config, struct json *json)
{
    char letter[2] = "";

    switch (row->type) {
    case ATTRIBUTE_BOOL:
        json_bool(json, row->name, FIELD(bool, row, config));
        break;
    case ATTRIBUTE_NUMBER:
        json_number(json, row->name, FIELD(int64_t, row, config));
        break;
    case ATTRIBUTE_TEXT:
        json_string(json, row->name, FIELD(char *, row, config));
        break;
    case ATTRIBUTE_EXPANDED:
        json_string(json, row->name, FIELD(struct expanded, row, config).text);
        break;
    case ATTRIBUTE_EXPANDED_LIST:
        json_items(json, row->name, FIELD(struct expanded_list, row, config).items,
                   FIELD(struct expanded_list, row, config).count);
        break;
    case ATTRIBUTE_LIST:
        json_items(json, row->name, FIELD(struct list, row, config).items,
                   FIELD(struct list, row, config).count);
        break;
    case ATTRIBUTE_DURATION:
        json_number(json, row->name, FIELD(struct duration, row, config).seconds);
        break;
    case ATTRIBUTE_SIZE:
        json_number(json, row->name, (int64_t)FIELD(struct size, row, config).bytes);
        break;
    case ATTRIBUTE_MODE:
        json_mode(json, row->name, FIELD(struct mode, row, config));
        break;
    case ATTRIBUTE_GRADE:
        letter[0] = FIELD(struct grade, row, config).letter;
        json_string(json, row->name, letter);
        break;
    }
}
