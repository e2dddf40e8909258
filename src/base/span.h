/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A view of bytes from outside: never changed, never ending in NUL.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *bytes;
    size_t length;
};

/* The view of a literal (its length at compile time), of a C string (NULL gives empty).
 */
#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})
struct span span_of(const char *string);

bool span_equal(struct span a, struct span b);
/* ASCII case only, whatever the locale; so everywhere in this program. */
bool span_equal_nocase(struct span a, struct span b);
bool span_is(struct span a, const char *string);
bool span_is_nocase(struct span a, const char *string);
bool span_starts(struct span a, const char *prefix);
bool span_starts_nocase(struct span a, const char *prefix);
bool span_ends_nocase(struct span a, const char *suffix);
int span_compare_nocase(struct span a, struct span b);

/* Offset of the first (last) `byte`, or a.length when there is none. */
size_t span_find(struct span a, char byte);
size_t span_find_last(struct span a, char byte);
/* Offset of the first `needle`, or a.length. */
size_t span_search(struct span a, struct span needle);

/* The part from `offset` on; the first `length` bytes; both cut to what there is. */
struct span span_from(struct span a, size_t offset);
struct span span_first(struct span a, size_t length);

/* Without blanks, TAB, CR and LF at both ends. */
struct span span_trim(struct span a);

/*
 * Take the piece before `separator` off the front of `rest`; the last piece has no
 * separator behind it. Returns false when `rest` is at its end (bytes == NULL).
 * An empty rest gives no piece.
 */
bool span_next(struct span *rest, char separator, struct span *piece);

/* Decimal digits only, no sign, no blanks; false when empty, odd or over `limit`. */
bool span_number(struct span a, uint64_t limit, uint64_t *number);

/* ASCII, whatever the locale. */
bool byte_is_digit(char byte);
bool byte_is_letter(char byte);
bool byte_is_blank(char byte); /* space, TAB */
bool byte_is_space(char byte); /* also CR, LF, VT, FF */
bool byte_is_control(char byte);
char byte_lower(char byte);
char byte_upper(char byte);

#endif
