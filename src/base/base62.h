/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers in base 62 (digits, then A-Z, then a-z), as in message ids.
 */
#ifndef BASE_BASE62_H
#define BASE_BASE62_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Exactly `width` characters, the last of the number, padded with '0'; without a NUL. */
void base62_write(uint64_t number, char *out, int width);
/* False when empty, over 10 characters, or not base 62. */
bool base62_read(struct span text, uint64_t *number);

#endif
