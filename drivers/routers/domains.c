/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Matching of hosts against domains as the administrator wrote them. */
#include "drivers/routers/domains.h"

#include <string.h>

#include "base/banned.h"

/* Octets of `host` in front of ".domain"; 0 if it is the domain itself; -1 if neither. */
static long
domain_front(const char *domain, const char *host)
{
    struct span suffix = span_of(domain), whole = span_of(host);
    size_t front;

    if (suffix.length > 0 && suffix.bytes[0] == '.')
        suffix = span_from(suffix, 1);
    if (suffix.length == 0 || suffix.length > whole.length)
        return -1;
    front = whole.length - suffix.length;
    if (!span_equal_nocase(span_from(whole, front), suffix))
        return -1;
    if (front == 0)
        return 0;
    return whole.bytes[front - 1] == '.' ? (long)front - 1 : -1;
}

bool
domains_have(struct list domains, const char *host)
{
    for (size_t i = 0; i < domains.count; i++)
        if (domain_front(domains.items[i], host) >= 0)
            return true;
    return false;
}

bool
domains_allow(struct list required, const char *host)
{
    for (size_t i = 0; i < required.count; i++)
        if (domain_front(required.items[i], host) > 0)
            return true;
    return required.count == 0;
}

const char *
domains_strip(struct list domains, const char *host, struct arena *arena)
{
    for (size_t i = 0; i < domains.count; i++) {
        long front = domain_front(domains.items[i], host);

        if (front > 0)
            return arena_bytes(arena, host, (size_t)front);
    }
    return host;
}
