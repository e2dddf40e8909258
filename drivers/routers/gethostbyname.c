/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gethostbyname: hosts that have an address, whatever mail exchangers say. The official
 * name becomes the next hop.
 */
#include <string.h>

#include "drivers/routers/domains.h"
#include "mail/domain.h"
#include "mail/status.h"

#include "base/banned.h"

struct gethostbyname_config {
    struct list domain, required;
    bool only_local_domain;
};

static const struct attribute gethostbyname_attributes[] = {
    ATTRIBUTE(struct gethostbyname_config, domain, NULL,
              "domains taken off the host's name before it is looked up"),
    ATTRIBUTE(struct gethostbyname_config, required, NULL,
              "only hosts in these domains are looked up"),
    ATTRIBUTE(struct gethostbyname_config, only_local_domain, NULL,
              "only names that have no dot once the domain is taken off"),
    {0},
};

static bool
name_applies(const struct gethostbyname_config *attributes, struct routing *routing,
             const char **name)
{
    if (routing->target[0] == '[') {
        driver_trace(routing->services, "an address in brackets");
        return false;
    }
    if (!domains_allow(attributes->required, routing->target)) {
        driver_trace(routing->services, "not in a required domain");
        return false;
    }
    *name = domains_strip(attributes->domain, routing->target, routing->arena);
    if (attributes->only_local_domain && strchr(*name, '.') != NULL) {
        driver_trace(routing->services, "not in the local domain");
        return false;
    }
    return true;
}

/* Ask for IPv4 and IPv6 addresses until one kind is found. */
static enum dns_result
name_look_up(const struct routing *routing, const char *name, struct dns_answer *answer,
             struct error *error)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    const struct resolver *resolver = routing->services->resolver;
    enum dns_result worst = DNS_NO_DATA;

    for (size_t i = 0; i < 2; i++) {
        *answer = (struct dns_answer){0};
        if (!resolver->lookup(resolver->context, name, types[i], routing->arena, answer,
                              error))
            return DNS_FAILURE;
        if (answer->result == DNS_FOUND || answer->result == DNS_NO_NAME)
            return answer->result;
        if (answer->result == DNS_FAILURE)
            worst = DNS_FAILURE;
    }
    if (worst == DNS_FAILURE)
        fail_temporary_number(error, ERR_DNS_FAILURE, "4.4.3",
                              "no answer from the name service for %s", name);
    return worst;
}

/*
 * declined  the host has no address, or is not one to look up
 * assigned  complete; to the host, or to this host when its official name is ours
 * deferred  the name service cannot answer
 */
static enum verdict
gethostbyname_route(const void *config, struct routing *routing)
{
    struct dns_answer answer;
    const char *name;

    if (!name_applies(config, routing, &name))
        return VERDICT_DECLINED;
    if (routing->services->resolver == NULL) {
        fail_temporary_number(&routing->error, ERR_DNS_LOST, "4.4.3",
                              "no names can be looked up here");
        return VERDICT_DEFERRED;
    }
    switch (name_look_up(routing, name, &answer, &routing->error)) {
    case DNS_FOUND:
        break;
    case DNS_FAILURE:
        return VERDICT_DEFERRED;
    default:
        driver_trace(routing->services, "%s has no address", name);
        return VERDICT_DECLINED;
    }
    if (answer.canonical == NULL || answer.canonical[0] == '\0' ||
        !domain_normalise(span_of(answer.canonical), false, routing->arena,
                          &routing->next_hop, NULL))
        routing->next_hop = name;
    if (host_is_local(&routing->configuration->settings, routing->next_hop))
        routing->next_hop = "";
    routing->complete = true;
    routing->match = strlen(routing->target);
    return VERDICT_ASSIGNED;
}

const struct router_driver gethostbyname_router = {
    .driver = {.name = "gethostbyname",
               .meaning = "hosts that have an address",
               .attributes = gethostbyname_attributes,
               .config_size = sizeof(struct gethostbyname_config)},
    .route = gethostbyname_route,
};
