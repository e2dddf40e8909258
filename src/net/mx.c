/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the mail of a domain goes: its exchangers (RFC 5321 5.1, null MX of RFC 7505),
 * the addresses of a host, the confirmed name of an address. Whoever owns a zone chooses
 * what we read here, so every list is cut to a bound.
 */
#include "net/dns.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "mail/status.h"
#include "net/connection.h"

#include "base/banned.h"

enum {
    HOSTS_LIMIT = 100,    /* exchangers looked at, when no other limit is set */
    ADDRESSES_LIMIT = 64, /* of one host */
    NAMES_LIMIT = 8,      /* of one address */
    FALLBACK_PREFERENCE = 65535,
};

/* One question; DNS_FAILURE always has an error. */
static enum dns_result
name_ask(const struct resolver *resolver, const char *name, enum dns_type type,
         struct arena *arena, struct dns_answer *answer, struct error *error)
{
    *answer = (struct dns_answer){0};
    if (!resolver->lookup(resolver->context, name, type, arena, answer, error)) {
        if (error != NULL && error->number == 0)
            error->number = ERR_DNS_LOST;
        return DNS_FAILURE;
    }
    if (answer->result == DNS_FAILURE)
        fail_temporary_number(error, ERR_DNS_FAILURE, "4.4.3",
                              "no answer from the name service for %s", name);
    return answer->result;
}

/* --- mail exchangers --- */

struct exchanger {
    struct mx_host host;
    uint64_t lot; /* drawn, so that equal ones are in random order */
};

static int
exchanger_compare(const void *first, const void *second)
{
    const struct exchanger *a = first, *b = second;

    if (a->host.preference != b->host.preference)
        return a->host.preference < b->host.preference ? -1 : 1;
    return a->lot < b->lot ? -1 : a->lot > b->lot;
}

static bool
exchangers_have(const struct exchanger *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].host.name, name) == 0)
            return true;
    return false;
}

static struct exchanger
exchanger_make(const char *name, uint16_t preference)
{
    return (struct exchanger){.host = {.name = name, .preference = preference},
                              .lot = random_below(UINT64_MAX)};
}

/*
 * How many of the sorted list are better than this host: all that come before the first
 * of our names and are not equal to it.
 */
static size_t
exchangers_before_us(const struct exchanger *list, size_t count,
                     const struct mx_options *options)
{
    size_t ours = 0;

    if (options->is_local == NULL)
        return count;
    while (ours < count && !options->is_local(options->context, list[ours].host.name))
        ours++;
    if (ours == count)
        return count;
    while (ours > 0 && list[ours - 1].host.preference == list[ours].host.preference)
        ours--;
    return ours;
}

/* Keep the best place of each name of a sorted list, `limit` names at most. */
static size_t
exchangers_unique(struct exchanger *list, size_t count, size_t limit)
{
    size_t kept = 0;

    for (size_t i = 0; i < count && kept < limit; i++)
        if (list[i].host.name[0] != '\0' &&
            !exchangers_have(list, kept, list[i].host.name))
            list[kept++] = list[i];
    return kept;
}

static bool
is_null_mx(const struct dns_answer *answer)
{
    return answer->count == 1 && answer->records[0].name[0] == '\0';
}

/* Exchangers, once they are collected, as the caller wants them. */
static enum dns_result
exchangers_finish(struct exchanger *list, size_t count, const char *domain,
                  const struct mx_options *options, struct arena *arena,
                  struct mx_host **hosts, size_t *kept, struct error *error)
{
    size_t limit = options->address_limit > 0 ? options->address_limit : HOSTS_LIMIT;
    size_t better, usable;

    if (options->fallback != NULL && options->fallback[0] != '\0')
        list[count++] = exchanger_make(options->fallback, FALLBACK_PREFERENCE);
    qsort(list, count, sizeof *list, exchanger_compare);
    better = exchangers_before_us(list, count, options);
    usable = exchangers_unique(list, better, limit);
    if (usable == 0 && better < count) {
        fail_permanent_number(error, ERR_MX_LOCAL, "5.4.6",
                              "the best mail exchanger of %s is this host", domain);
        return options->local_mx_okay ? DNS_NO_NAME : DNS_NO_DATA;
    }
    if (usable == 0) {
        fail_permanent_number(error, ERR_NO_USABLE_MX, "5.4.4",
                              "%s has no usable mail exchanger", domain);
        return DNS_NO_DATA;
    }
    *hosts = arena_array(arena, usable, sizeof **hosts);
    for (size_t i = 0; i < usable; i++)
        (*hosts)[i] = list[i].host;
    *kept = usable;
    return DNS_FOUND;
}

static enum dns_result
host_not_found(const char *domain, struct error *error)
{
    fail_permanent_number(error, ERR_HOST_NOT_FOUND, "5.1.2", "%s is not in the DNS",
                          domain);
    return DNS_NO_NAME;
}

/* No MX records: the domain itself, if it has an address (RFC 5321 5.1). */
static enum dns_result
implicit_exchanger(const struct resolver *resolver, const char *domain,
                   const struct mx_options *options, struct arena *arena,
                   struct mx_host **hosts, size_t *count, struct error *error)
{
    struct exchanger *list = arena_array(arena, 2, sizeof *list);
    const char **addresses;
    size_t address_count;
    enum dns_result result;

    if (options->mx_only)
        return exchangers_finish(list, 0, domain, options, arena, hosts, count, error);
    result = host_addresses(resolver, domain, arena, &addresses, &address_count, error);
    if (result == DNS_FAILURE)
        return DNS_FAILURE;
    if (result != DNS_FOUND)
        return host_not_found(domain, error);
    list[0] = exchanger_make(domain, 0);
    return exchangers_finish(list, 1, domain, options, arena, hosts, count, error);
}

enum dns_result
mx_lookup(const struct resolver *resolver, const char *domain,
          const struct mx_options *options, struct arena *arena, struct mx_host **hosts,
          size_t *count, struct error *error)
{
    struct dns_answer answer;
    struct exchanger *list;
    enum dns_result result = name_ask(resolver, domain, DNS_MX, arena, &answer, error);

    *hosts = NULL;
    *count = 0;
    if (result == DNS_FAILURE)
        return DNS_FAILURE;
    if (result == DNS_NO_NAME)
        return host_not_found(domain, error);
    if (result == DNS_NO_DATA)
        return implicit_exchanger(resolver, domain, options, arena, hosts, count, error);
    if (answer.count == 0) {
        /* There are MX records, and what they say cannot be read: never guess. */
        fail_temporary_number(error, ERR_DNS_PACKET, "4.4.3",
                              "malformed MX records of %s", domain);
        return DNS_FAILURE;
    }
    if (is_null_mx(&answer)) {
        fail_permanent_number(error, ERR_NO_USABLE_MX, "5.1.10",
                              "%s does not accept mail (null MX)", domain);
        return DNS_NO_DATA;
    }
    list = arena_array(arena, answer.count + 1, sizeof *list);
    for (size_t i = 0; i < answer.count; i++)
        list[i] = exchanger_make(answer.records[i].name, answer.records[i].preference);
    return exchangers_finish(list, answer.count, domain, options, arena, hosts, count,
                             error);
}

/* --- addresses --- */

enum dns_result
host_addresses(const struct resolver *resolver, const char *host, struct arena *arena,
               const char ***addresses, size_t *count, struct error *error)
{
    struct dns_answer answers[2]; /* AAAA, A */
    enum dns_result six = name_ask(resolver, host, DNS_AAAA, arena, &answers[0], error);
    enum dns_result four = name_ask(resolver, host, DNS_A, arena, &answers[1], error);
    size_t most;

    *addresses = arena_array(arena, ADDRESSES_LIMIT, sizeof **addresses);
    *count = 0;
    if (six != DNS_FOUND)
        answers[0].count = 0;
    if (four != DNS_FOUND)
        answers[1].count = 0;
    most = answers[0].count > answers[1].count ? answers[0].count : answers[1].count;
    for (size_t i = 0; i < 2 * most && *count < ADDRESSES_LIMIT; i++) {
        const struct dns_answer *answer = &answers[i % 2];

        if (i / 2 < answer->count)
            (*addresses)[(*count)++] = answer->records[i / 2].address;
    }
    if (*count > 0) {
        if (error != NULL)
            *error = (struct error){0};
        return DNS_FOUND;
    }
    if (six == DNS_FAILURE || four == DNS_FAILURE)
        return DNS_FAILURE;
    fail_permanent_number(error, ERR_HOST_NOT_FOUND, "5.1.2", "%s has no address", host);
    return six == DNS_NO_NAME && four == DNS_NO_NAME ? DNS_NO_NAME : DNS_NO_DATA;
}

const char *
net_reverse_name(const char *address, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    struct text text = text_new(arena);
    unsigned char octets[16];

    if (inet_pton(AF_INET, address, octets) == 1)
        return arena_format(arena, "%u.%u.%u.%u.in-addr.arpa", octets[3], octets[2],
                            octets[1], octets[0]);
    if (inet_pton(AF_INET6, address, octets) != 1)
        return NULL;
    for (size_t i = sizeof octets; i > 0; i--) {
        text_add_byte(&text, digits[octets[i - 1] & 15]);
        text_add_byte(&text, '.');
        text_add_byte(&text, digits[octets[i - 1] >> 4]);
        text_add_byte(&text, '.');
    }
    text_add(&text, "ip6.arpa");
    return text_string(&text);
}

/* Is `address` (canonical text) among the addresses of `name`? */
static enum dns_result
name_is_confirmed(const struct resolver *resolver, const char *name, const char *address,
                  struct arena *arena, bool *confirmed, struct error *error)
{
    enum dns_type type = strchr(address, ':') != NULL ? DNS_AAAA : DNS_A;
    struct dns_answer answer;
    enum dns_result result = name_ask(resolver, name, type, arena, &answer, error);

    *confirmed = false;
    for (size_t i = 0; result == DNS_FOUND && i < answer.count; i++)
        if (strcmp(answer.records[i].address, address) == 0)
            *confirmed = true;
    return result;
}

enum dns_result
host_name_of(const struct resolver *resolver, const char *address, struct arena *arena,
             const char **name, struct error *error)
{
    struct net_address canonical;
    struct dns_answer answer;
    enum dns_result result;
    bool failed = false, confirmed;

    *name = "";
    if (!net_address_parse(address, 0, arena, &canonical)) {
        fail_permanent_number(error, ERR_LITERAL, "5.1.2", "\"%s\" is no address",
                              address);
        return DNS_NO_NAME;
    }
    result = name_ask(resolver, net_reverse_name(canonical.text, arena), DNS_PTR, arena,
                      &answer, error);
    if (result != DNS_FOUND)
        return result;
    for (size_t i = 0; i < answer.count && i < NAMES_LIMIT; i++) {
        const char *candidate = answer.records[i].name;

        if (candidate[0] == '\0')
            continue;
        result = name_is_confirmed(resolver, candidate, canonical.text, arena, &confirmed,
                                   error);
        if (confirmed) {
            *name = candidate;
            return DNS_FOUND;
        }
        failed = failed || result == DNS_FAILURE;
    }
    return failed ? DNS_FAILURE : DNS_NO_NAME;
}
