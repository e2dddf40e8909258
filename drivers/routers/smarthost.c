/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smarthost: takes every host that no other router matches to one that knows more.
 */
#include "drivers/routers/domains.h"
#include "mail/domain.h"
#include "mail/status.h"

#include "base/banned.h"

struct smarthost_config {
    const char *path;
};

static const struct attribute smarthost_attributes[] = {
    ATTRIBUTE(struct smarthost_config, path, NULL,
              "host or path (host!host) to send to; the variable smart_path when unset"),
    {0},
};

static bool
host_read(struct span host, struct arena *arena, const char **read, struct error *error)
{
    if (host.length > 0 && host.bytes[0] == '[')
        return domain_literal(host, arena, read, error);
    return domain_normalise(host, true, arena, read, error);
}

/* "host!host!host": the first is the next hop, the others what it passes on to. */
static bool
path_read(struct routing *routing, const char *path)
{
    struct text route = text_new(routing->arena);
    struct span rest = span_of(path), host;

    routing->next_hop = NULL;
    while (span_next(&rest, '!', &host)) {
        const char *name;

        if (!host_read(span_trim(host), routing->arena, &name, &routing->error))
            return false;
        if (routing->next_hop == NULL) {
            routing->next_hop = name;
            continue;
        }
        if (route.length > 0)
            text_add_byte(&route, '!');
        text_add(&route, name);
    }
    routing->route = text_string(&route);
    return routing->next_hop != NULL;
}

/*
 * declined  no path is set, or the target is in auth_domains
 * assigned  partial match of length 0
 * deferred  the path is malformed (ERR_126), or nothing names a transport (ERR_125)
 */
static enum verdict
smarthost_route(const void *config, struct routing *routing)
{
    const struct smarthost_config *smarthost = config;
    const struct settings *settings = &routing->configuration->settings;
    const struct router_generic *generic = routing->entry->router;
    const char *path = smarthost->path != NULL ? smarthost->path : settings->smart_path;

    if (path == NULL || path[0] == '\0') {
        driver_trace(routing->services, "no path is set");
        return VERDICT_DECLINED;
    }
    if (domains_have(settings->auth_domains, routing->target)) {
        driver_trace(routing->services, "%s is in auth_domains", routing->target);
        return VERDICT_DECLINED;
    }
    if (!path_read(routing, path)) {
        routing->report = REPORT_CONFIG;
        fail_temporary_number(&routing->error, ERR_SMART_PATH, "4.3.5",
                              "router %s: malformed path \"%s\"", routing->entry->name,
                              path);
        return VERDICT_DEFERRED;
    }
    /* A path from the config file brings its own transport. */
    if (smarthost->path == NULL ||
        (generic->transport == NULL && generic->method == NULL))
        routing->transport = settings->smart_transport;
    if (routing->transport == NULL && generic->transport == NULL &&
        generic->method == NULL) {
        routing->report = REPORT_CONFIG;
        fail_temporary_number(&routing->error, ERR_NO_SMART_HOST, "4.3.5",
                              "router %s: no transport is set", routing->entry->name);
        return VERDICT_DEFERRED;
    }
    routing->match = 0;
    return VERDICT_ASSIGNED;
}

const struct router_driver smarthost_router = {
    .driver = {.name = "smarthost",
               .meaning = "sends what no other router matches to one host",
               .attributes = smarthost_attributes,
               .config_size = sizeof(struct smarthost_config)},
    .route = smarthost_route,
};
