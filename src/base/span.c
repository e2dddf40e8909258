/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at bytes without changing or copying them. Case is that of ASCII; the locale
 * has no say. A span without bytes (NULL) is treated as an empty one everywhere.
 */
#include "base/span.h"

#include <string.h>

#include "base/banned.h"

struct span
span_of(const char *string)
{
    return string != NULL ? (struct span){string, strlen(string)} : (struct span){"", 0};
}

bool
byte_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

bool
byte_is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

bool
byte_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

bool
byte_is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

bool
byte_is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

char
byte_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

char
byte_upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

bool
span_equal(struct span a, struct span b)
{
    return a.length == b.length &&
           (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

bool
span_equal_nocase(struct span a, struct span b)
{
    return a.length == b.length && span_compare_nocase(a, b) == 0;
}

bool
span_is(struct span a, const char *string)
{
    return span_equal(a, span_of(string));
}

bool
span_is_nocase(struct span a, const char *string)
{
    return span_equal_nocase(a, span_of(string));
}

bool
span_starts(struct span a, const char *prefix)
{
    return span_is(span_first(a, strlen(prefix)), prefix);
}

bool
span_starts_nocase(struct span a, const char *prefix)
{
    return span_is_nocase(span_first(a, strlen(prefix)), prefix);
}

bool
span_ends_nocase(struct span a, const char *suffix)
{
    size_t length = strlen(suffix);

    return a.length >= length && span_is_nocase(span_from(a, a.length - length), suffix);
}

int
span_compare_nocase(struct span a, struct span b)
{
    for (size_t i = 0; i < a.length && i < b.length; i++) {
        unsigned char left = (unsigned char)byte_lower(a.bytes[i]);
        unsigned char right = (unsigned char)byte_lower(b.bytes[i]);

        if (left != right)
            return left < right ? -1 : 1;
    }
    return (a.length > b.length) - (a.length < b.length);
}

size_t
span_find(struct span a, char byte)
{
    const char *found = a.length > 0 ? memchr(a.bytes, byte, a.length) : NULL;

    return found != NULL ? (size_t)(found - a.bytes) : a.length;
}

size_t
span_find_last(struct span a, char byte)
{
    for (size_t i = a.length; i > 0; i--)
        if (a.bytes[i - 1] == byte)
            return i - 1;
    return a.length;
}

size_t
span_search(struct span a, struct span needle)
{
    const char *found;

    if (needle.length == 0)
        return 0;
    if (needle.length > a.length)
        return a.length;
    found = memmem(a.bytes, a.length, needle.bytes, needle.length);
    return found != NULL ? (size_t)(found - a.bytes) : a.length;
}

struct span
span_from(struct span a, size_t offset)
{
    if (offset > a.length)
        offset = a.length;
    if (offset == 0) /* NULL + 0 is undefined */
        return a;
    return (struct span){a.bytes + offset, a.length - offset};
}

struct span
span_first(struct span a, size_t length)
{
    return (struct span){a.bytes, length < a.length ? length : a.length};
}

static bool
byte_is_trimmed(char byte)
{
    return byte_is_blank(byte) || byte == '\r' || byte == '\n';
}

struct span
span_trim(struct span a)
{
    while (a.length > 0 && byte_is_trimmed(a.bytes[0]))
        a = span_from(a, 1);
    while (a.length > 0 && byte_is_trimmed(a.bytes[a.length - 1]))
        a.length--;
    return a;
}

bool
span_next(struct span *rest, char separator, struct span *piece)
{
    size_t length;

    if (rest->bytes == NULL || rest->length == 0) {
        *rest = (struct span){NULL, 0};
        return false;
    }
    length = span_find(*rest, separator);
    *piece = span_first(*rest, length);
    if (length < rest->length)
        *rest = span_from(*rest, length + 1);
    else
        *rest = (struct span){NULL, 0};
    return true;
}

bool
span_number(struct span a, uint64_t limit, uint64_t *number)
{
    uint64_t value = 0;

    if (a.length == 0)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (!byte_is_digit(a.bytes[i]))
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(a.bytes[i] - '0'), &value) ||
            value > limit)
            return false;
    }
    *number = value;
    return true;
}
