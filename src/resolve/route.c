/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remote addresses: the router that matches most of the host's name wins, a complete
 * match at once, and of equal ones the earlier.
 */
#include "resolve/route.h"

#include <string.h>

#include "mail/status.h"
#include "resolve/form.h"

#include "base/banned.h"

/* Times that a host may turn out to be this one, in one address. */
enum { SELF_LIMIT = 8 };

/* Ask one router. */
static enum verdict
route_ask(struct walk *walk, const struct node *node, const struct entry *entry,
          struct routing *routing)
{
    const struct router_driver *driver = (const void *)entry->driver;
    enum verdict verdict;
    struct step step;

    *routing = (struct routing){
        .configuration = walk->configuration,
        .entry = entry,
        .services = walk->services,
        .envelope = walk->resolving->envelope,
        .address = &node->resolved.address,
        .target = node->target.host,
        .rest = node->target.rest,
        .arena = walk->arena,
        .next_hop = "",
        .route = "",
        .source = "",
    };
    verdict = driver->route(entry->config, routing);
    if (verdict == VERDICT_ASSIGNED)
        driver_trace(walk->services, "%s match of %zu characters, next host %s",
                     routing->complete ? "complete" : "partial", routing->match,
                     routing->next_hop[0] != '\0' ? routing->next_hop : "is this one");
    step = (struct step){
        .entry = entry,
        .node = node,
        .verdict = verdict,
        .key = routing->target,
        .source = routing->source,
        .error = &routing->error,
    };
    walk_tell(walk, &step);
    return verdict;
}

/*
 * Does this answer lead to this host itself? Only a name of ours says so: at an address
 * of ours another program may listen, which a smart host on the same machine is.
 */
static bool
routing_is_self(const struct walk *walk, const struct routing *routing)
{
    return routing->next_hop[0] == '\0' ||
           (strcmp(routing->next_hop, "localhost") != 0 &&
            host_is_local(&walk->configuration->settings, routing->next_hop));
}

/* Take names of ours off the front of a path; what is left is "" when it leads to us. */
static void
routing_peel(const struct walk *walk, struct routing *routing)
{
    while (routing->next_hop[0] != '\0' && routing_is_self(walk, routing)) {
        struct span route = span_of(routing->route), host = {"", 0};

        span_next(&route, '!', &host);
        routing->next_hop = span_string(host, walk->arena);
        routing->route = span_string(route, walk->arena);
    }
}

/* Take an answer if it is better than the best so far. True: the search ends. */
static bool
route_take(const struct walk *walk, struct route *route, const struct entry *entry,
           const struct routing *routing)
{
    bool final = routing->complete || entry->router->always;

    if (!routing->complete && routing_is_self(walk, routing))
        return false; /* a domain that leads back here says nothing about its hosts */
    if (route->found && !final && routing->match <= route->routing.match)
        return false;
    route->found = true;
    route->router = entry;
    route->routing = *routing;
    routing_peel(walk, &route->routing);
    route->self = route->routing.next_hop[0] == '\0';
    return final;
}

bool
route_find(struct walk *walk, const struct node *node, struct route *route,
           struct error *error, enum report_class *report)
{
    const struct entries *routers = &walk->configuration->routers;

    *route = (struct route){0};
    for (size_t i = 0; i < routers->count; i++) {
        const struct entry *entry = &routers->list[i];
        struct routing routing;
        enum verdict verdict = route_ask(walk, node, entry, &routing);

        if (verdict == VERDICT_ASSIGNED) {
            if (route_take(walk, route, entry, &routing))
                return true;
        } else if (verdict != VERDICT_DECLINED) {
            bool permanent = verdict == VERDICT_FAILED;

            if (routing.error.status[0] == '\0')
                fail_temporary(&routing.error, "4.4.0", "router %s gave no reason",
                               entry->name);
            *error = routing.error;
            *report = routing.report;
            error->permanent = permanent;
            error->status[0] = permanent ? '5' : '4';
            return false;
        }
    }
    return true;
}

/* --- transport --- */

static char
message_grade(const struct walk *walk)
{
    const struct envelope *envelope = walk->resolving->envelope;

    return envelope != NULL ? envelope->grade
                            : walk->configuration->settings.spool_grade.letter;
}

const struct entry *
route_transport(const struct walk *walk, const struct route *route, struct error *error)
{
    const struct configuration *configuration = walk->configuration;
    const struct router_generic *generic = route->router->router;
    const char *name = route->routing.transport;
    int number = ERR_ROUTER_TRANSPORT;
    const struct entry *entry;

    if (name == NULL && generic->method != NULL) {
        name = method_transport(configuration, generic->method, route->routing.next_hop,
                                message_grade(walk));
        if (name != NULL)
            number = ERR_METHOD_TRANSPORT;
    }
    if (name == NULL)
        name = generic->transport;
    if (name == NULL) {
        fail_temporary_number(error, ERR_NO_TRANSPORT, "4.3.5",
                              "router %s has no transport", route->router->name);
        return NULL;
    }
    entry = entry_find(&configuration->transports, name);
    if (entry == NULL)
        fail_temporary_number(error, number, "4.3.5", "router %s: transport %s not found",
                              route->router->name, name);
    return entry;
}

/* --- addresses --- */

/* R: what the router gave; behind a partial match stands the target itself. */
static const char *
route_hosts(const struct walk *walk, const struct node *node,
            const struct routing *routing)
{
    if (routing->complete)
        return routing->route;
    if (routing->route[0] == '\0')
        return node->target.host;
    return arena_format(walk->arena, "%s!%s", routing->route, node->target.host);
}

static void
route_assign(struct walk *walk, struct node *node, const struct route *route)
{
    struct address *address = &node->resolved.address;
    struct error error = {0};
    const struct entry *transport = route_transport(walk, route, &error);

    if (transport == NULL) {
        node_fail(node, &error, REPORT_CONFIG);
        return;
    }
    address->router = route->router->name;
    address->transport = transport->name;
    address->next_hop = route->routing.next_hop;
    address->next_address = form_address(form_of(transport->transport), address->next_hop,
                                         route_hosts(walk, node, &route->routing),
                                         node->target.rest, walk->arena);
    address->user = address->group = address->home = "";
    if (address->next_address != NULL) {
        node_assign(walk, node);
        return;
    }
    address->next_address = "";
    fail_permanent_number(&error, ERR_ADDRESS_PARSE, "5.1.3", "malformed address for %s",
                          address->next_hop);
    node_fail(node, &error, REPORT_SENDER);
}

/* The host is this one: what is left may be local now, or another host. */
static bool
route_self(struct walk *walk, struct node *node)
{
    struct target outer = node->target;
    struct error error = {0};

    if (!target_peel(walk->configuration, &outer, walk->arena, &node->target, &error)) {
        node_fail(node, &error, REPORT_SENDER);
        return false;
    }
    if (node->target.local) {
        direct_address(walk, node);
        return false;
    }
    return true;
}

void
route_address(struct walk *walk, struct node *node)
{
    struct error error = {0};
    enum report_class report = REPORT_SENDER;
    struct route route;

    for (int i = 0; i < SELF_LIMIT; i++) {
        if (!route_find(walk, node, &route, &error, &report)) {
            node_fail(node, &error, report);
            return;
        }
        if (!route.found) {
            fail_permanent_number(&error, ERR_UNKNOWN_HOST, "5.1.2", "unknown host %s",
                                  node->target.host);
            node_fail(node, &error, REPORT_SENDER);
            return;
        }
        if (!route.self) {
            route_assign(walk, node, &route);
            return;
        }
        if (!route_self(walk, node))
            return;
    }
    fail_permanent_number(&error, ERR_ADDRESS_PARSE, "5.4.6",
                          "address leads to this host");
    node_fail(node, &error, REPORT_SENDER);
}
