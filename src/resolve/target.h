/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An address taken apart until it is known whether it is ours: our own names are peeled
 * off one after the other; what is left is a local part or a host with the rest for it.
 */
#ifndef RESOLVE_TARGET_H
#define RESOLVE_TARGET_H

#include "config/configuration.h"
#include "drivers/driver.h"

struct target {
    bool local;
    const char *local_part; /* local: unquoted, original case, no NUL */
    const char *domain;     /* local: the name of ours it had, "" for none */
    const char *host;       /* remote: lower-case A-label or literal */
    const char *rest;       /* remote: what that host should see */
};

/*
 * Take `text` apart (reference 8.2, 8.4). A quoted local part is one name, whatever it
 * holds, and is never looked into. Hosts without a dot that are not ours get the domain
 * that the file `qualify` gives.
 *
 *   returns   false with permanent 5.1.3, ERR_111 (or ERR_157)
 */
bool target_find(const struct configuration *configuration, const char *text,
                 struct arena *arena, struct target *target, struct error *error);

/* The same for the rest behind a host that turned out to be this one. */
bool target_peel(const struct configuration *configuration, const struct target *outer,
                 struct arena *arena, struct target *target, struct error *error);

/* One text for all spellings of an address that mean the same. */
const char *target_text(const struct target *target, struct arena *arena);

/* Is this "[address]" one that this host has itself? */
bool literal_is_ours(const char *literal);

#endif
