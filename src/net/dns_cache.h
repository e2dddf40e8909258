/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers of the name service that are still true, so that the exchangers of a busy
 * domain are not asked for with every message. Bounded in number and size; failures are
 * never kept.
 */
#ifndef NET_DNS_CACHE_H
#define NET_DNS_CACHE_H

#include "net/dns.h"

struct dns_cache;

/* At most `limit` answers. */
struct dns_cache *dns_cache_new(size_t limit);
void dns_cache_free(struct dns_cache *cache);

/* A copy in the arena, with the TTL that is left. False: not known. */
bool dns_cache_get(struct dns_cache *cache, const char *name, enum dns_type type,
                   struct arena *arena, struct dns_answer *answer);
/* Keep it for its TTL, at most 5 minutes (a minute when it says that there is nothing).
 */
void dns_cache_put(struct dns_cache *cache, const char *name, enum dns_type type,
                   const struct dns_answer *answer);

#endif
