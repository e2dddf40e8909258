/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing text. Old copies stay in the arena until it is reset, so that adding a part of
 * a text to itself is sound.
 */
#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

struct text
text_new(struct arena *arena)
{
    return (struct text){.arena = arena};
}

/* Make room for `length` more bytes and the NUL. */
static void
text_reserve(struct text *text, size_t length)
{
    size_t needed, wanted;

    if (length < text->room - text->length) /* room is 0 or more than length */
        return;
    if (__builtin_add_overflow(text->length + 1, length, &needed))
        needed = SIZE_MAX; /* the arena ends the process */
    wanted = text->room < SIZE_MAX / 4 ? 2 * text->room : needed;
    if (wanted < needed)
        wanted = needed;
    if (wanted < 64)
        wanted = 64;
    text->bytes = arena_grow(text->arena, text->bytes, text->length, wanted, 1);
    text->room = wanted;
}

void
text_add_span(struct text *text, struct span span)
{
    text_reserve(text, span.length);
    if (span.length > 0)
        memcpy(text->bytes + text->length, span.bytes, span.length);
    text->length += span.length;
    text->bytes[text->length] = '\0';
}

void
text_add(struct text *text, const char *string)
{
    text_add_span(text, span_of(string));
}

void
text_add_byte(struct text *text, char byte)
{
    text_reserve(text, 1);
    text->bytes[text->length++] = byte;
    text->bytes[text->length] = '\0';
}

void
text_add_format(struct text *text, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    text_reserve(text, length < 0 ? SIZE_MAX : (size_t)length);
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

const char *
text_string(const struct text *text)
{
    return text->bytes != NULL ? text->bytes : "";
}

struct span
text_span(const struct text *text)
{
    return (struct span){text_string(text), text->length};
}

void
text_cut(struct text *text, size_t length)
{
    if (length >= text->length)
        return;
    text->length = length;
    text->bytes[length] = '\0';
}

char *
span_string(struct span span, struct arena *arena)
{
    return arena_bytes(arena, span.bytes, span.length);
}

char *
span_lower(struct span span, struct arena *arena)
{
    char *copy = span_string(span, arena);

    for (size_t i = 0; i < span.length; i++)
        copy[i] = byte_lower(copy[i]);
    return copy;
}

char *
span_printable(struct span span, size_t limit, struct arena *arena)
{
    struct span cut = span_first(span, limit);
    char *copy = span_string(cut, arena);

    for (size_t i = 0; i < cut.length; i++)
        if (byte_is_control(copy[i]) || (unsigned char)copy[i] >= 0x80)
            copy[i] = '?';
    return copy;
}
