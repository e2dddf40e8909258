/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses of hosts: text to socket address, membership in networks, and which ones are
 * this host's own. An IPv4 address mapped into IPv6 is that IPv4 address everywhere.
 */
#include "net/connection.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"

#include "base/banned.h"

/* The octets of an address, or of a network with the length of its prefix. */
struct octets {
    unsigned char bytes[16];
    size_t length;   /* 4 or 16 */
    unsigned prefix; /* bits */
};

static const unsigned char mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Turn a mapped address (or a network of them) into IPv4. */
static void
octets_unmap(struct octets *octets)
{
    if (octets->length != 16 || octets->prefix < 96 ||
        memcmp(octets->bytes, mapped_prefix, sizeof mapped_prefix) != 0)
        return;
    memmove(octets->bytes, octets->bytes + 12, 4);
    octets->length = 4;
    octets->prefix -= 96;
}

/* An address alone. */
static bool
octets_read(const char *text, struct octets *octets)
{
    if (inet_pton(AF_INET, text, octets->bytes) == 1) {
        octets->length = 4;
        octets->prefix = 32;
        return true;
    }
    if (inet_pton(AF_INET6, text, octets->bytes) != 1)
        return false;
    octets->length = 16;
    octets->prefix = 128;
    octets_unmap(octets);
    return true;
}

/* "address", "[address]", each perhaps with "/bits". */
static bool
network_read(const char *text, struct octets *network)
{
    struct span rest = span_of(text), address;
    char copy[INET6_ADDRSTRLEN];
    size_t slash = span_find(rest, '/');
    uint64_t bits;

    address = span_first(rest, slash);
    if (address.length >= 2 && address.bytes[0] == '[' &&
        address.bytes[address.length - 1] == ']')
        address = (struct span){address.bytes + 1, address.length - 2};
    if (address.length >= sizeof copy)
        return false;
    memcpy(copy, address.bytes, address.length);
    copy[address.length] = '\0';
    if (slash == rest.length)
        return octets_read(copy, network);
    if (inet_pton(AF_INET, copy, network->bytes) == 1)
        network->length = 4;
    else if (inet_pton(AF_INET6, copy, network->bytes) == 1)
        network->length = 16;
    else
        return false;
    if (!span_number(span_from(rest, slash + 1), 8 * network->length, &bits))
        return false;
    network->prefix = (unsigned)bits;
    octets_unmap(network);
    return true;
}

static bool
network_has(const struct octets *network, const struct octets *address)
{
    size_t whole = network->prefix / 8;
    unsigned rest = network->prefix % 8;

    if (network->length != address->length ||
        memcmp(network->bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 ||
           (network->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool
net_network_is_valid(const char *network)
{
    struct octets octets;

    return network_read(network, &octets);
}

bool
net_address_in(const char *address, const char *const *networks, size_t count)
{
    struct octets wanted, network;

    if (!octets_read(address, &wanted))
        return false;
    for (size_t i = 0; i < count; i++)
        if (network_read(networks[i], &network) && network_has(&network, &wanted))
            return true;
    return false;
}

bool
net_address_parse(const char *text, uint16_t port, struct arena *arena,
                  struct net_address *address)
{
    struct octets octets;
    char printed[INET6_ADDRSTRLEN];
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (!octets_read(text, &octets))
        return false;
    *address = (struct net_address){0};
    if (octets.length == 4) {
        memcpy(&ipv4.sin_addr, octets.bytes, 4);
        memcpy(&address->socket, &ipv4, sizeof ipv4);
        address->length = sizeof ipv4;
    } else {
        memcpy(&ipv6.sin6_addr, octets.bytes, 16);
        memcpy(&address->socket, &ipv6, sizeof ipv6);
        address->length = sizeof ipv6;
    }
    if (inet_ntop(octets.length == 4 ? AF_INET : AF_INET6, octets.bytes, printed,
                  sizeof printed) == NULL)
        return false;
    address->text = arena_string(arena, printed);
    return true;
}

/* The service asked last, so that a busy worker does not read the file for each message.
 */
static struct {
    char name[32];
    uint16_t port;
} last_service;

bool
net_port(const char *service, uint16_t fallback, uint16_t *port, struct error *error)
{
    const struct servent *entry;
    struct span name = span_of(service);
    uint64_t number;

    if (span_number(name, UINT16_MAX, &number) && number > 0) {
        *port = (uint16_t)number;
        return true;
    }
    if (name.length > 0 && span_is(name, last_service.name)) {
        *port = last_service.port;
        return true;
    }
    entry = getservbyname(service, "tcp");
    if (entry != NULL)
        *port = ntohs((uint16_t)entry->s_port);
    else if (span_is(name, "smtp"))
        *port = fallback;
    else
        return fail_temporary(error, "4.3.5", "unknown service \"%s\"", service);
    if (entry != NULL && name.length < sizeof last_service.name) {
        memcpy(last_service.name, service, name.length + 1);
        last_service.port = *port;
    }
    return true;
}

/* --- which addresses are ours --- */

enum { INTERFACES_TTL = 30 * 1000, INTERFACES_LIMIT = 4096 };

/* What getifaddrs() said last, of this process. */
static struct {
    struct octets *list;
    size_t count;
    int64_t read_at; /* clock_monotonic() */
} interfaces;

static bool
octets_from_socket(const struct sockaddr *socket, struct octets *octets)
{
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;

    if (socket == NULL)
        return false;
    if (socket->sa_family == AF_INET) {
        memcpy(&ipv4, socket, sizeof ipv4);
        memcpy(octets->bytes, &ipv4.sin_addr, 4);
        octets->length = 4;
        octets->prefix = 32;
        return true;
    }
    if (socket->sa_family != AF_INET6)
        return false;
    memcpy(&ipv6, socket, sizeof ipv6);
    memcpy(octets->bytes, &ipv6.sin6_addr, 16);
    octets->length = 16;
    octets->prefix = 128;
    octets_unmap(octets);
    return true;
}

/* Ask the kernel again; when it does not answer the old list stays. */
static void
interfaces_read(int64_t now)
{
    struct ifaddrs *first, *each;
    struct octets octets;
    size_t count = 0;

    interfaces.read_at = now;
    if (getifaddrs(&first) != 0)
        return;
    for (each = first; each != NULL; each = each->ifa_next)
        count++;
    if (count > INTERFACES_LIMIT)
        count = INTERFACES_LIMIT;
    interfaces.list = memory_grow(interfaces.list, (count + 1) * sizeof *interfaces.list);
    interfaces.count = 0;
    for (each = first; each != NULL && interfaces.count < count; each = each->ifa_next)
        if (octets_from_socket(each->ifa_addr, &octets))
            interfaces.list[interfaces.count++] = octets;
    freeifaddrs(first);
}

bool
net_address_is_ours(const char *address)
{
    static const char *const always[] = {"127.0.0.0/8", "0.0.0.0/8", "::1", "::"};
    struct octets wanted;
    int64_t now = clock_monotonic();

    if (!octets_read(address, &wanted))
        return false;
    if (net_address_in(address, always, sizeof always / sizeof *always))
        return true;
    if (interfaces.list == NULL || now - interfaces.read_at >= INTERFACES_TTL ||
        now < interfaces.read_at)
        interfaces_read(now);
    for (size_t i = 0; i < interfaces.count; i++)
        if (network_has(&interfaces.list[i], &wanted))
            return true;
    return false;
}
