/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names beyond ASCII in a header field of ours (RFC 2047). */
#ifndef MAIL_ENCODED_WORD_H
#define MAIL_ENCODED_WORD_H

#include "base/text.h"

/*
 * Add `value`, the value of a structured field, to `text`: words with 8-bit octets in
 * comments, phrases and quoted strings become encoded words (UTF-8, or ISO-8859-1 if they
 * are not valid UTF-8), controls become blanks. Words that hold an '@' are left as they
 * are.
 */
void encoded_word_add(struct span value, struct text *text);

#endif
