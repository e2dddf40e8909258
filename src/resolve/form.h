/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the next host is told of an address, in the form of the transport (reference 8.5).
 */
#ifndef RESOLVE_FORM_H
#define RESOLVE_FORM_H

#include "config/configuration.h"
#include "config/expand.h"

/* The address form that the generic attributes of a transport ask for. */
enum expand_form form_of(const struct transport_generic *transport);

/*
 *   form      of the transport
 *   host      the next hop H
 *   route     R: hosts behind it joined by '!', the target last; "" when H is the target
 *   rest      M: what the target should see
 *   returns   NULL when M cannot be written in this form
 */
const char *form_address(enum expand_form form, const char *host, const char *route,
                         const char *rest, struct arena *arena);

#endif
