/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Octets of the character at the start of `span`, 1 to 4, and its code point (`code` may
 * be NULL); 0 when there is none or it is not valid.
 */
size_t utf8_character(struct span span, uint32_t *code);

/* Is all of it valid? Empty is. */
bool utf8_is_valid(struct span span);

/* Is all of it below 128? Empty is. */
bool utf8_is_ascii(struct span span);

#endif
