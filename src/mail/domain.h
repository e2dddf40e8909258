/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Domain names: compared, looked up and grouped as lower-case A-labels (IDNA 2008 with
 * UTS 46, by libidn2); U-labels are only shown, and accepted in configuration.
 */
#ifndef MAIL_DOMAIN_H
#define MAIL_DOMAIN_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/*
 * The lower-case A-label form of a host or domain name. ASCII names never touch libidn2.
 *
 *   name      1 to 255 octets; letters, digits, '-', '.', '_', '+', '='; one dot at the
 *             end is dropped; UTF-8 if `utf8`
 *   returns   false with permanent 5.1.2 "illegal character in hostname" and the like:
 *             empty label, label over 63 octets, leading '-' of the name
 */
bool domain_normalise(struct span name, bool utf8, struct arena *arena,
                      const char **domain, struct error *error);

/* "[192.0.2.1]", "[IPv6:2001:db8::1]": valid, and in canonical text (RFC 5321 4.1.3). */
bool domain_literal(struct span text, struct arena *arena, const char **literal,
                    struct error *error);

/* For showing: U-label form where it is valid, else the same text. */
const char *domain_show(const char *domain, struct arena *arena);

/* Is `domain` equal to `suffix` or below it ("a.b.c" is in "b.c")? Both normalised. */
bool domain_is_in(const char *domain, const char *suffix);

#endif
