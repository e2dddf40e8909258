/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names: what drivers ask, and what answers. A worker's resolver is a question to the
 * names role; a test fills the struct with a table.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/pack.h"

enum dns_type {
    DNS_A = 1,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52
};

enum dns_result {
    DNS_FAILURE = 0, /* no answer, SERVFAIL, bogus: try again later */
    DNS_FOUND,
    DNS_NO_DATA, /* the name exists, not with this type */
    DNS_NO_NAME, /* NXDOMAIN */
};

struct dns_record {
    uint16_t preference; /* MX */
    const char *name;    /* MX, PTR: lower-case A-label, "" for the root */
    const char *address; /* A, AAAA as text */
    struct span data;    /* TXT, TLSA: raw */
};

struct dns_answer {
    enum dns_result result;
    bool secure;           /* DNSSEC validated */
    const char *canonical; /* the name behind CNAMEs */
    struct dns_record *records;
    size_t count;
    uint32_t ttl;
};

/* Who is asked. Synchronous; false with a temporary error (4.4.3) when nothing can be
 * asked. */
struct resolver {
    void *context;
    bool (*lookup)(void *context, const char *name, enum dns_type type,
                   struct arena *arena, struct dns_answer *answer, struct error *error);
};

/* Records of an answer from wire data (one rdata each), bounds checked; bad ones are left
 * out. */
bool dns_record_read(enum dns_type type, struct span rdata, struct arena *arena,
                     struct dns_record *record);

void dns_answer_pack(const struct dns_answer *answer, struct pack *pack);
bool dns_answer_unpack(struct unpack *unpack, struct arena *arena,
                       struct dns_answer *answer);

/* --- mail exchangers (RFC 5321 5.1, RFC 7505) --- */

struct mx_options {
    bool mx_only; /* no address records instead of MX */
    bool local_mx_okay;
    const char *fallback; /* host behind all others, or NULL */
    size_t address_limit; /* addresses tried at most, e.g. 20 */
    /* Is that host name one of ours? */
    bool (*is_local)(void *context, const char *host);
    void *context;
};

struct mx_host {
    const char *name;
    uint16_t preference;
};

/*
 * The exchangers of a domain, best first, equal ones shuffled; those not better than
 * ourselves are gone.
 *   returns   DNS_FOUND, DNS_NO_NAME (ERR_178), DNS_FAILURE with a temporary error
 *             (ERR_164; ERR_165 when all its MX records were malformed); DNS_NO_DATA with
 * a permanent error for a null MX (5.1.10), best MX is this host (ERR_169, 5.4.6; with
 * `local_mx_okay` it is DNS_NO_NAME: no match), no usable one (ERR_168)
 */
enum dns_result mx_lookup(const struct resolver *resolver, const char *domain,
                          const struct mx_options *options, struct arena *arena,
                          struct mx_host **hosts, size_t *count, struct error *error);

/* Addresses of one host: AAAA and A interleaved (RFC 8305 order without racing), as text.
 */
enum dns_result host_addresses(const struct resolver *resolver, const char *host,
                               struct arena *arena, const char ***addresses,
                               size_t *count, struct error *error);

/* "4.3.2.1.in-addr.arpa" and the like; NULL when `address` is none. */
const char *net_reverse_name(const char *address, struct arena *arena);

/* The name of an address whose own addresses contain it; "" if there is none. */
enum dns_result host_name_of(const struct resolver *resolver, const char *address,
                             struct arena *arena, const char **name, struct error *error);

#endif
