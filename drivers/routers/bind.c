/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bind: hosts and domains of the DNS, by their mail exchangers (RFC 5321 5.1). The next
 * hop is the domain; the transport goes down the exchangers itself.
 */
#include <string.h>

#include "drivers/routers/domains.h"
#include "mail/status.h"

#include "base/banned.h"

struct bind_config {
    bool defer_no_connect, local_mx_okay, defnames, domain_required, mx_only;
    struct list ignore_domains, match_domains, required, widen_domains, mx_domains;
    struct list gateways;
    bool dns_search;
    int64_t cname_limit, rewrite_headers;
};

static const struct attribute bind_attributes[] = {
    ATTRIBUTE(struct bind_config, defer_no_connect, "on",
              "mail waits when no name server answers; otherwise no match"),
    ATTRIBUTE(struct bind_config, local_mx_okay, NULL,
              "a domain whose best exchanger is this host is no match, not an error"),
    ATTRIBUTE(struct bind_config, defnames, "on",
              "the domain of the primary name is added to names without a dot"),
    ATTRIBUTE(struct bind_config, domain_required, NULL,
              "names without a dot are no match"),
    ATTRIBUTE(struct bind_config, mx_only, NULL,
              "only domains that have mail exchangers"),
    ATTRIBUTE(struct bind_config, mx_domains, NULL,
              "domains in which only what has mail exchangers counts"),
    ATTRIBUTE(struct bind_config, ignore_domains, NULL,
              "domains that are never looked up"),
    ATTRIBUTE(struct bind_config, match_domains, NULL,
              "the only domains that are looked up"),
    ATTRIBUTE(struct bind_config, required, NULL,
              "only hosts in these domains are looked up"),
    ATTRIBUTE(struct bind_config, widen_domains, NULL,
              "domains to add to a name that is not found", .aliases = "widen_strings"),
    ATTRIBUTE(struct bind_config, gateways, NULL,
              "gateway:domain:domain:+:gateway:domain, hosts that take these domains"),
    ATTRIBUTE(struct bind_config, dns_search, NULL, "names are never searched for",
              .flags = ATTRIBUTE_NO_EFFECT),
    ATTRIBUTE(struct bind_config, cname_limit, "10", "the name service limits them",
              .flags = ATTRIBUTE_NO_EFFECT),
    ATTRIBUTE(struct bind_config, rewrite_headers, NULL, "headers are left alone",
              .flags = ATTRIBUTE_NO_EFFECT),
    {0},
};

static bool
is_local(void *context, const char *host)
{
    return host_is_local(context, host);
}

static bool
bind_applies(const struct bind_config *bind, const struct routing *routing)
{
    const char *host = routing->target, *why = NULL;

    if (host[0] == '[')
        why = "an address in brackets";
    else if (bind->domain_required && strchr(host, '.') == NULL)
        why = "a name without a domain";
    else if (domains_have(bind->ignore_domains, host))
        why = "in a domain to ignore";
    else if (bind->match_domains.count > 0 && !domains_have(bind->match_domains, host))
        why = "not in a domain to match";
    else if (!domains_allow(bind->required, host))
        why = "not in a required domain";
    if (why != NULL)
        driver_trace(routing->services, "%s", why);
    return why == NULL;
}

/* The gateway of the group that has the target, NULL for none. */
static const char *
bind_gateway(const struct bind_config *bind, const char *target)
{
    const struct list *items = &bind->gateways;
    const char *gateway = NULL;

    for (size_t i = 0; i < items->count; i++) {
        struct list one = {.items = &items->items[i], .count = 1};

        if (strcmp(items->items[i], "+") == 0)
            gateway = NULL;
        else if (gateway == NULL)
            gateway = items->items[i];
        else if (domains_have(one, target))
            return gateway;
    }
    return NULL;
}

/* Does mail for this name go anywhere? */
static enum dns_result
bind_ask(const struct bind_config *bind, struct routing *routing, const char *name)
{
    const struct mx_options options = {
        .mx_only = bind->mx_only || domains_have(bind->mx_domains, name),
        .local_mx_okay = bind->local_mx_okay,
        .is_local = is_local,
        .context = (void *)(uintptr_t)&routing->configuration->settings,
    };
    struct mx_host *hosts;
    enum dns_result result;
    size_t count;

    routing->error = (struct error){0};
    result = mx_lookup(routing->services->resolver, name, &options, routing->arena,
                       &hosts, &count, &routing->error);
    if (result == DNS_FOUND) {
        routing->next_hop = name;
        driver_trace(routing->services, "%s is reached by %s", name, hosts[0].name);
    }
    return result;
}

static const char *
domain_of(const char *host)
{
    const char *dot = strchr(host, '.');

    return dot != NULL ? dot + 1 : "";
}

/* The name itself, then in the domains that may be added. */
static enum dns_result
bind_search(const struct bind_config *bind, struct routing *routing, const char *name)
{
    const struct settings *settings = &routing->configuration->settings;
    const char *own = domain_of(settings->primary_name);
    enum dns_result result = DNS_NO_NAME;

    if (strchr(name, '.') == NULL && bind->defnames && own[0] != '\0')
        result =
            bind_ask(bind, routing, arena_format(routing->arena, "%s.%s", name, own));
    if (result == DNS_NO_NAME)
        result = bind_ask(bind, routing, name);
    for (size_t i = 0; i < bind->widen_domains.count && result == DNS_NO_NAME; i++)
        result = bind_ask(
            bind, routing,
            arena_format(routing->arena, "%s.%s", name, bind->widen_domains.items[i]));
    return result;
}

static enum verdict
bind_no_server(const struct bind_config *bind, struct routing *routing)
{
    if (bind->defer_no_connect)
        return VERDICT_DEFERRED;
    driver_trace(routing->services, "no name server answers");
    return VERDICT_DECLINED;
}

/*
 * declined  the name is not in the DNS, or not one to look up; the best exchanger is this
 *           host and local_mx_okay
 * assigned  complete
 * deferred  the name service cannot answer (ERR_163, ERR_164)
 * failed    null MX; the best exchanger is this host (ERR_169); none is usable (ERR_168)
 */
static enum verdict
bind_route(const void *config, struct routing *routing)
{
    const struct bind_config *bind = config;
    const char *gateway = bind_gateway(bind, routing->target);

    if (!bind_applies(bind, routing))
        return VERDICT_DECLINED;
    if (routing->services->resolver == NULL) {
        fail_temporary_number(&routing->error, ERR_DNS_LOST, "4.4.3",
                              "no names can be looked up here");
        return bind_no_server(bind, routing);
    }
    switch (bind_search(bind, routing, gateway != NULL ? gateway : routing->target)) {
    case DNS_FOUND:
        break;
    case DNS_FAILURE:
        return bind_no_server(bind, routing);
    case DNS_NO_DATA:
        if (routing->error.number == ERR_MX_LOCAL)
            routing->report = REPORT_POSTMASTER;
        return VERDICT_FAILED;
    default:
        driver_trace(routing->services, "%s", routing->error.text);
        return VERDICT_DECLINED;
    }
    if (gateway != NULL)
        routing->route = routing->target;
    routing->complete = true;
    routing->match = strlen(routing->target);
    return VERDICT_ASSIGNED;
}

const struct router_driver bind_router = {
    .driver = {.name = "bind",
               .meaning = "hosts and domains of the DNS, by their mail exchangers",
               .attributes = bind_attributes,
               .config_size = sizeof(struct bind_config)},
    .route = bind_route,
};
