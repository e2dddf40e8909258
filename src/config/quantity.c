/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, sizes, intervals, modes and lists: reading and printing. */
#include "config/quantity.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

static const struct {
    char letter;
    int64_t seconds;
} duration_units[] = {
    {'y', 365 * 86400}, {'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1},
};

/* Enough of a value that somebody wrote to recognise it in a message. */
static int
shown(struct span text)
{
    return text.length > 60 ? 60 : (int)text.length;
}

static int
digit_value(char byte)
{
    if (byte_is_digit(byte))
        return byte - '0';
    byte = byte_lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : 99;
}

/* Digits of `base` from the front of `text`; false when there are none or too many. */
static bool
take_digits(struct span *text, uint64_t base, uint64_t *number)
{
    size_t used = 0;

    *number = 0;
    while (used < text->length) {
        uint64_t digit = (uint64_t)digit_value(text->bytes[used]);

        if (digit >= base)
            break;
        if (__builtin_mul_overflow(*number, base, number) ||
            __builtin_add_overflow(*number, digit, number))
            return false;
        used++;
    }
    *text = span_from(*text, used);
    return used > 0;
}

/* C notation: 0x.. hexadecimal, 0.. octal, else decimal. */
static bool
take_number(struct span *text, uint64_t *number)
{
    if (span_starts_nocase(*text, "0x")) {
        *text = span_from(*text, 2);
        return take_digits(text, 16, number);
    }
    return take_digits(text, span_starts(*text, "0") ? 8 : 10, number);
}

/* The factor of a suffix k, m, g, which must be all of what is left; 0 for anything else.
 */
static uint64_t
suffix_factor(struct span text)
{
    if (text.length == 0)
        return 1;
    if (text.length > 1)
        return 0;
    switch (byte_lower(text.bytes[0])) {
    case 'k':
        return 1024;
    case 'm':
        return 1024 * 1024;
    case 'g':
        return 1024 * 1024 * 1024;
    default:
        return 0;
    }
}

static bool
scaled_parse(struct span text, uint64_t *number)
{
    uint64_t factor;

    if (!take_number(&text, number))
        return false;
    factor = suffix_factor(text);
    return factor > 0 && !__builtin_mul_overflow(*number, factor, number);
}

bool
number_parse(struct span text, int64_t *number, struct error *error)
{
    struct span rest = text;
    uint64_t value;
    bool negative = span_starts(text, "-");

    if (negative)
        rest = span_from(rest, 1);
    if (!scaled_parse(rest, &value) || value > INT64_MAX)
        return fail_permanent(error, "5.3.5",
                              "'%.*s' found, a number expected (100, 0x1f, 10k, 2m)",
                              shown(text), text.bytes);
    *number = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool
size_parse(struct span text, struct size *size, struct error *error)
{
    uint64_t value;

    if (!scaled_parse(text, &value) || value > INT64_MAX)
        return fail_permanent(error, "5.3.5",
                              "'%.*s' found, a size in octets expected (5000, 100k, 50m)",
                              shown(text), text.bytes);
    size->bytes = value;
    return true;
}

static int64_t
unit_seconds(char letter)
{
    for (size_t i = 0; i < sizeof duration_units / sizeof duration_units[0]; i++)
        if (duration_units[i].letter == byte_lower(letter))
            return duration_units[i].seconds;
    return 0;
}

/* "2h30m": numbers with units, which add up. */
static bool
units_parse(struct span text, int64_t *seconds)
{
    *seconds = 0;
    while (text.length > 0) {
        uint64_t number;
        int64_t unit, part;

        if (!take_digits(&text, 10, &number) || number > INT64_MAX || text.length == 0)
            return false;
        unit = unit_seconds(text.bytes[0]);
        if (unit == 0 || __builtin_mul_overflow((int64_t)number, unit, &part) ||
            __builtin_add_overflow(*seconds, part, seconds))
            return false;
        text = span_from(text, 1);
    }
    return true;
}

bool
duration_parse(struct span text, struct duration *duration, struct error *error)
{
    struct span rest = text;
    uint64_t number;
    bool negative = span_starts(text, "-");

    if (negative)
        rest = span_from(rest, 1);
    if (take_digits(&rest, 10, &number) && rest.length == 0 && number <= INT64_MAX) {
        duration->seconds = negative ? -(int64_t)number : (int64_t)number;
        return true;
    }
    if (text.length > 0 && !negative && units_parse(text, &duration->seconds))
        return true;
    return fail_permanent(error, "5.3.5",
                          "'%.*s' found, an interval expected (90, 30s, 10m, 2h30m, 5d)",
                          shown(text), text.bytes);
}

bool
mode_parse(struct span text, struct mode *mode, struct error *error)
{
    struct span rest = text;
    uint64_t number;

    if (!take_digits(&rest, 8, &number) || rest.length > 0 || number > 07777)
        return fail_permanent(error, "5.3.5",
                              "'%.*s' found, a mode in octal expected (0644)",
                              shown(text), text.bytes);
    mode->bits = (unsigned)number;
    return true;
}

/*
 * Length of the first item: up to a ':' that stands neither in [...] nor in ${...}.
 * SIZE_MAX when a bracket is not closed.
 */
static size_t
item_length(struct span text)
{
    bool bracket = false;
    size_t braces = 0, at = 0;

    for (; at < text.length; at++) {
        char byte = text.bytes[at];

        if (byte == '[')
            bracket = true;
        else if (byte == ']')
            bracket = false;
        else if (byte == '{' && (braces > 0 || (at > 0 && text.bytes[at - 1] == '$')))
            braces++;
        else if (byte == '}' && braces > 0)
            braces--;
        else if (byte == ':' && !bracket && braces == 0)
            break;
    }
    return bracket || braces > 0 ? SIZE_MAX : at;
}

bool
list_parse(struct span text, struct arena *arena, struct list *list, struct error *error)
{
    const char **items = NULL;
    size_t count = 0, room = 0;
    struct span rest = text;

    while (rest.length > 0) {
        size_t length = item_length(rest);
        struct span item;

        if (length == SIZE_MAX)
            return fail_permanent(error, "5.3.5", "bracket not closed in the list '%.*s'",
                                  shown(text), text.bytes);
        item = span_trim(span_first(rest, length));
        rest = span_from(rest, length + 1);
        if (item.length == 0)
            continue;
        if (count == room) {
            items = arena_grow(arena, items, count, room * 2 + 4, sizeof *items);
            room = room * 2 + 4;
        }
        items[count++] = span_string(item, arena);
    }
    *list = (struct list){.items = items, .count = count};
    return true;
}

const char *
number_print(int64_t number, struct arena *arena)
{
    return arena_format(arena, "%" PRId64, number);
}

const char *
size_print(struct size size, struct arena *arena)
{
    static const char suffixes[] = "gmk";

    for (unsigned i = 0; i < 3; i++) {
        uint64_t unit = UINT64_C(1) << (10 * (3 - i));

        if (size.bytes > 0 && size.bytes % unit == 0)
            return arena_format(arena, "%" PRIu64 "%c", size.bytes / unit, suffixes[i]);
    }
    return arena_format(arena, "%" PRIu64, size.bytes);
}

const char *
duration_print(struct duration duration, struct arena *arena)
{
    struct text text = text_new(arena);
    int64_t left = duration.seconds;

    if (left <= 0)
        return number_print(left, arena);
    for (size_t i = 0; i < sizeof duration_units / sizeof duration_units[0]; i++) {
        int64_t count = left / duration_units[i].seconds;

        if (count > 0)
            text_add_format(&text, "%" PRId64 "%c", count, duration_units[i].letter);
        left -= count * duration_units[i].seconds;
    }
    return text_string(&text);
}

const char *
mode_print(struct mode mode, struct arena *arena)
{
    return arena_format(arena, "0%03o", mode.bits);
}

const char *
list_print(struct list list, struct arena *arena)
{
    struct text text = text_new(arena);

    for (size_t i = 0; i < list.count; i++) {
        if (i > 0)
            text_add_byte(&text, ':');
        text_add(&text, list.items[i]);
    }
    return text_string(&text);
}

bool
list_has(struct list list, const char *item)
{
    for (size_t i = 0; i < list.count; i++)
        if (span_equal_nocase(span_of(list.items[i]), span_of(item)))
            return true;
    return false;
}
