/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Hosts and addresses for the smtp transport. */
#include "drivers/transports/smtp_hosts.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "mail/domain.h"
#include "mail/status.h"

#include "base/banned.h"

enum { SMTP_PORT = 25, LIBRARY_ADDRESSES = 64 };

static bool
is_undotted(const char *host)
{
    return strchr(host, '.') == NULL;
}

bool
smtp_hosts_by_mx(const struct smtp_naming *naming, const struct delivery *delivery)
{
    const char *host = delivery->next_hop;

    if (host[0] == '[')
        return false;
    if (delivery->use_mx)
        return true;
    if (!naming->use_bind || (naming->domain_required && is_undotted(host)))
        return false;
    for (size_t i = 0; i < naming->ignore_domains.count; i++)
        if (domain_is_in(host, naming->ignore_domains.items[i]))
            return false;
    return true;
}

void
smtp_hosts_note(struct smtp_hosts *hosts, const struct error *error)
{
    if (hosts->error.status[0] == '\0' || hosts->error.permanent || !error->permanent)
        hosts->error = *error;
}

/* --- hosts --- */

static bool
mx_is_local(void *context, const char *host)
{
    return host_is_local(context, host);
}

/* With defnames, a name without a dot gets our domain. */
static const char *
hosts_domain(const struct smtp_hosts *hosts)
{
    const char *host = hosts->delivery->next_hop;
    const char *primary = hosts->delivery->configuration->settings.primary_name;
    const char *dot = primary != NULL ? strchr(primary, '.') : NULL;

    if (!hosts->naming->defnames || !is_undotted(host) || dot == NULL)
        return host;
    return arena_format(hosts->delivery->arena, "%s%s", host, dot);
}

static bool
hosts_single(struct smtp_hosts *hosts, const char *name)
{
    hosts->list = arena_array(hosts->delivery->arena, 1, sizeof *hosts->list);
    hosts->list[0].name = name;
    hosts->count = 1;
    return true;
}

/*
 * What the administrator wrote is never for good: a name that is missing from the DNS
 * today is his mistake, or ours.
 */
static bool
hosts_fail(struct smtp_hosts *hosts, struct error *error)
{
    if (!hosts->delivery->use_mx && error->permanent) {
        error->permanent = false;
        error->status[0] = '4';
    }
    hosts->error = *error;
    return false;
}

static bool
hosts_exchangers(struct smtp_hosts *hosts)
{
    struct delivery *delivery = hosts->delivery;
    const struct settings *settings = &delivery->configuration->settings;
    const struct mx_options options = {.mx_only = hosts->naming->mx_only,
                                       .local_mx_okay = hosts->naming->local_mx_okay,
                                       .fallback = hosts->naming->fallback_gateway,
                                       .address_limit =
                                           (size_t)hosts->naming->address_limit,
                                       .is_local = mx_is_local,
                                       .context = (void *)(uintptr_t)settings};
    const char *domain = hosts_domain(hosts);
    struct error error = {0};
    enum dns_result result = DNS_FAILURE;

    if (delivery->services->resolver == NULL)
        fail_temporary_number(&error, ERR_DNS_LOST, "4.4.3",
                              "the name service cannot be asked");
    else
        result = mx_lookup(delivery->services->resolver, domain, &options,
                           delivery->arena, &hosts->list, &hosts->count, &error);
    hosts->by_mx = true;
    if (result == DNS_FOUND)
        return true;
    if (result == DNS_NO_NAME && error.number == ERR_MX_LOCAL)
        return hosts_single(hosts, domain); /* local_mx_okay */
    if (result == DNS_FAILURE && !delivery->use_mx && !hosts->naming->defer_no_connect) {
        hosts->by_mx = false;
        hosts->by_names = true;
        return hosts_single(hosts, delivery->next_hop);
    }
    return hosts_fail(hosts, &error);
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]": one address, and no name. */
static bool
hosts_literal(struct smtp_hosts *hosts)
{
    struct arena *arena = hosts->delivery->arena;
    struct span text = span_of(hosts->delivery->next_hop);

    hosts->addresses = arena_array(arena, 1, sizeof *hosts->addresses);
    hosts->count = hosts->at = 0;
    if (text.length > 2 && text.bytes[text.length - 1] == ']') {
        text = (struct span){text.bytes + 1, text.length - 2};
        if (span_starts_nocase(text, "IPv6:"))
            text = span_from(text, 5);
        if (net_address_parse(span_string(text, arena), hosts->port, arena,
                              hosts->addresses)) {
            hosts->address_count = 1;
            return true;
        }
    }
    return fail_permanent_number(&hosts->error, ERR_LITERAL, "5.1.2", "%s is no address",
                                 hosts->delivery->next_hop);
}

bool
smtp_hosts_start(struct smtp_hosts *hosts, const struct smtp_naming *naming,
                 struct delivery *delivery, uint16_t port)
{
    *hosts = (struct smtp_hosts){.naming = naming,
                                 .delivery = delivery,
                                 .port = port,
                                 .left = (size_t)naming->address_limit};
    if (delivery->next_hop[0] == '[')
        return hosts_literal(hosts);
    if (smtp_hosts_by_mx(naming, delivery))
        return hosts_exchangers(hosts);
    hosts->by_names = true;
    return hosts_single(hosts, delivery->next_hop);
}

/* --- addresses of one host --- */

static bool
addresses_from_dns(struct smtp_hosts *hosts, const char *host, struct error *error)
{
    struct arena *arena = hosts->delivery->arena;
    const char **texts;
    size_t count = 0;

    if (host_addresses(hosts->delivery->services->resolver, host, arena, &texts, &count,
                       error) != DNS_FOUND)
        return false;
    hosts->addresses = arena_array(arena, count, sizeof *hosts->addresses);
    hosts->address_count = 0;
    for (size_t i = 0; i < count; i++)
        if (net_address_parse(texts[i], hosts->port, arena,
                              &hosts->addresses[hosts->address_count]))
            hosts->address_count++;
    return true;
}

/* An address as the library gives it, with our port; by way of its text. */
static bool
address_from_library(const struct addrinfo *found, uint16_t port, struct arena *arena,
                     struct net_address *address)
{
    char text[NI_MAXHOST];

    return getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0,
                       NI_NUMERICHOST) == 0 &&
           net_address_parse(text, port, arena, address);
}

/* Any way of finding hosts that the system knows: /etc/hosts first, usually. */
static bool
addresses_from_library(struct smtp_hosts *hosts, const char *host, struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct arena *arena = hosts->delivery->arena;
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, NULL, &hints, &found);

    /* Never for good: this host may just be without a network. */
    if (result != 0)
        return fail_temporary_number(error, ERR_HOST_NOT_FOUND, "4.4.4", "host %s: %s",
                                     host, gai_strerror(result));
    hosts->addresses = arena_array(arena, LIBRARY_ADDRESSES, sizeof *hosts->addresses);
    hosts->address_count = 0;
    for (const struct addrinfo *each = found;
         each != NULL && hosts->address_count < LIBRARY_ADDRESSES; each = each->ai_next)
        if (address_from_library(each, hosts->port, arena,
                                 &hosts->addresses[hosts->address_count]))
            hosts->address_count++;
    freeaddrinfo(found);
    return hosts->address_count > 0 ||
           fail_temporary_number(error, ERR_HOST_NOT_FOUND, "4.4.4",
                                 "host %s has no address", host);
}

/* Look up the next host. A host without addresses is passed over, and noted. */
static void
hosts_advance(struct smtp_hosts *hosts)
{
    const char *host = hosts->list[hosts->at++].name;
    struct error error = {0};

    hosts->address_at = hosts->address_count = 0;
    if (hosts->by_names ? addresses_from_library(hosts, host, &error)
                        : addresses_from_dns(hosts, host, &error))
        return;
    hosts->address_count = 0;
    smtp_hosts_note(hosts, &error);
}

/* The address is ours, so this host is the exchanger, whatever name it has there. */
static bool
place_is_us(const struct smtp_hosts *hosts, const struct net_address *address)
{
    return hosts->by_mx && hosts->port == SMTP_PORT && net_address_is_ours(address->text);
}

bool
smtp_hosts_next(struct smtp_hosts *hosts, struct smtp_place *place)
{
    struct error error = {0};

    while (hosts->address_at == hosts->address_count && hosts->at < hosts->count)
        hosts_advance(hosts);
    if (hosts->address_at == hosts->address_count || hosts->left == 0)
        return false;
    hosts->left--;
    place->address = hosts->addresses[hosts->address_at++];
    place->host =
        hosts->count > 0 ? hosts->list[hosts->at - 1].name : hosts->delivery->next_hop;
    if (!place_is_us(hosts, &place->address))
        return true;
    fail_permanent_number(&error, ERR_MX_LOCAL, "5.4.6", "mail exchanger %s is this host",
                          place->host);
    smtp_hosts_note(hosts, &error);
    hosts->left = 0;
    return false;
}
