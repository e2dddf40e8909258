/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text that we build: grows in an arena, always ends in NUL, may hold any byte.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/arena.h"
#include "base/span.h"

struct text {
    char *bytes; /* NULL until something was added; see text_string() */
    size_t length;
    size_t room;
    struct arena *arena;
};

/* An empty text: `struct text text = text_new(arena);`, nothing to free. */
struct text text_new(struct arena *arena);

void text_add(struct text *text, const char *string);
void text_add_span(struct text *text, struct span span);
void text_add_byte(struct text *text, char byte);
void text_add_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3), nonnull(2)));

/* As a C string ("" when empty) and as a view; valid until something is added. */
const char *text_string(const struct text *text);
struct span text_span(const struct text *text);

/* Cut to its first `length` bytes. */
void text_cut(struct text *text, size_t length);

/* Copies in an arena, NUL-terminated. */
char *span_string(struct span span, struct arena *arena);
char *span_lower(struct span span, struct arena *arena);

/* For replies, logs: control characters and 8-bit octets are '?', cut to `limit`. */
char *span_printable(struct span span, size_t limit, struct arena *arena);

#endif
