/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local names in header fields get a domain before they leave the host (reference 6.1).
 */
#ifndef MAIL_HEADER_QUALIFY_H
#define MAIL_HEADER_QUALIFY_H

#include <stdbool.h>

#include "base/text.h"

/* Does the field of that name hold addresses of senders or recipients? */
bool field_has_addresses(struct span name);

/*
 * Copy the value of such a field; addresses without '@' and '!' get "@domain", everything
 * else comes through octet for octet: comments, names, groups, folding. A value that is
 * no list of addresses (a quote or comment that does not end) is not changed at all.
 */
void addresses_qualify(struct span value, const char *domain, struct text *text);

#endif
