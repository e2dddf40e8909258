/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of domains in the attributes of routers (reference 5.3). */
#ifndef DRIVERS_ROUTERS_DOMAINS_H
#define DRIVERS_ROUTERS_DOMAINS_H

#include "drivers/driver.h"

/* Is `host` one of the domains or in one of them? Case and a leading dot do not count. */
bool domains_have(struct list domains, const char *host);

/*
 * `required`: does `host` lie in one of the domains (and is not one of them itself)?
 * An empty list requires nothing.
 */
bool domains_allow(struct list required, const char *host);

/* `domain`: the host without the first of the domains that it lies in, and its dot. */
const char *domains_strip(struct list domains, const char *host, struct arena *arena);

#endif
