/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking addresses apart. Whether a form such as user%host may be used is not decided
 * here: it resolves to the host it names, and the relay check sees that host.
 */
#include "resolve/target.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>

#include "mail/mailbox.h"
#include "mail/status.h"

#include "base/banned.h"

/* Names of ours in one address; more is somebody's joke. */
enum { PEEL_LIMIT = 32 };

/* --- literals --- */

static bool
interface_has(const struct sockaddr *address, int family, const void *wanted)
{
    if (address == NULL || address->sa_family != family)
        return false;
    if (family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)address)->sin_addr,
                      wanted, sizeof(struct in_addr)) == 0;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                  wanted, sizeof(struct in6_addr)) == 0;
}

/* Addresses that lead to the host that uses them, whatever its interfaces. */
static bool
address_is_self(int family, const unsigned char *address)
{
    static const unsigned char zeros[15];

    if (family == AF_INET)
        return address[0] == 127 || address[0] == 0;
    return memcmp(address, zeros, sizeof(zeros)) == 0 && address[15] <= 1;
}

bool
literal_is_ours(const char *literal)
{
    struct span text = span_of(literal);
    bool six = span_starts_nocase(text, "[IPv6:"), found = false;
    int family = six ? AF_INET6 : AF_INET;
    unsigned char wanted[sizeof(struct in6_addr)];
    char buffer[INET6_ADDRSTRLEN];
    struct ifaddrs *interfaces = NULL;

    text = span_from(text, six ? 6 : 1);
    if (text.length < 2 || text.length > sizeof(buffer))
        return false;
    memcpy(buffer, text.bytes, text.length - 1);
    buffer[text.length - 1] = '\0';
    if (inet_pton(family, buffer, wanted) != 1)
        return false;
    if (six && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)wanted)) {
        family = AF_INET;
        memmove(wanted, wanted + 12, 4);
    }
    if (address_is_self(family, wanted))
        return true;
    if (getifaddrs(&interfaces) != 0)
        return false;
    for (struct ifaddrs *at = interfaces; at != NULL && !found; at = at->ifa_next)
        found = interface_has(at->ifa_addr, family, wanted);
    freeifaddrs(interfaces);
    return found;
}

/* --- targets --- */

static bool
target_is_ours(const struct configuration *configuration, const char *host)
{
    if (host[0] == '[')
        return literal_is_ours(host);
    return host_is_local(&configuration->settings, host);
}

/* The host with the domain of the qualify file, if it has no dot and there is one. */
static const char *
target_qualify(const struct configuration *configuration, const char *host,
               struct arena *arena)
{
    const char *domain;

    if (host[0] == '[' || strchr(host, '.') != NULL)
        return host;
    domain = qualify_domain(configuration, host);
    return domain != NULL ? arena_format(arena, "%s.%s", host, domain) : host;
}

static bool
target_local(struct target *target, struct span rest, const char *domain,
             struct arena *arena, struct error *error)
{
    struct span local_part;

    if (!mailbox_local_part(rest, arena, &local_part))
        return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.3",
                                     "bad local part in address");
    for (size_t i = 0; i < local_part.length; i++)
        if (byte_is_control(local_part.bytes[i]))
            return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.3",
                                         "control character in address");
    target->local = true;
    target->local_part = span_string(local_part, arena);
    target->domain = domain;
    return true;
}

/* Take names of ours off the front of `text` until there is none. */
static bool
target_walk(const struct configuration *configuration, struct span text,
            const char *domain, bool percent_first, struct arena *arena,
            struct target *target, struct error *error)
{
    for (int peeled = 0; peeled < PEEL_LIMIT; peeled++) {
        struct mailbox_step step;

        if (!mailbox_step(text, percent_first, arena, &step, error))
            return false;
        if (step.form == MAILBOX_LOCAL)
            return target_local(target, step.rest, domain, arena, error);
        if (!target_is_ours(configuration, step.target)) {
            step.target = target_qualify(configuration, step.target, arena);
            if (!target_is_ours(configuration, step.target)) {
                target->host = step.target;
                target->rest = span_string(step.rest, arena);
                return true;
            }
        }
        domain = step.target;
        if (step.form == MAILBOX_AT)
            percent_first = configuration->settings.switch_percent_and_bang;
        text = step.rest;
    }
    return fail_permanent_number(error, ERR_ADDRESS_PARSE, "5.1.3",
                                 "too many local names in address");
}

bool
target_find(const struct configuration *configuration, const char *text,
            struct arena *arena, struct target *target, struct error *error)
{
    *target = (struct target){.local_part = "", .domain = "", .host = "", .rest = ""};
    return target_walk(configuration, span_of(text), "", false, arena, target, error);
}

bool
target_peel(const struct configuration *configuration, const struct target *outer,
            struct arena *arena, struct target *target, struct error *error)
{
    struct target peeled = {.local_part = "", .domain = "", .host = "", .rest = ""};
    bool fine = target_walk(configuration, span_of(outer->rest), outer->host,
                            configuration->settings.switch_percent_and_bang, arena,
                            &peeled, error);

    *target = peeled;
    return fine;
}

const char *
target_text(const struct target *target, struct arena *arena)
{
    struct text text = text_new(arena);

    if (target->local)
        return span_lower(span_of(target->local_part), arena);
    text_add(&text, target->rest);
    text_add_byte(&text, '@');
    text_add(&text, target->host);
    return text_string(&text);
}
