/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gethostbyaddr: user@[192.0.2.1]. The next hop is the address itself: what its reverse
 * name says is the word of whoever has the network.
 */
#include <string.h>

#include "drivers/driver.h"
#include "mail/domain.h"
#include "mail/status.h"

#include "base/banned.h"

struct gethostbyaddr_config {
    bool check_for_local, fail_if_error;
};

static const struct attribute gethostbyaddr_attributes[] = {
    ATTRIBUTE(struct gethostbyaddr_config, check_for_local, "on",
              "an address whose confirmed name is ours is this host"),
    ATTRIBUTE(struct gethostbyaddr_config, fail_if_error, NULL,
              "brackets around something else are an error"),
    {0},
};

/* The address inside a literal that domain_literal() made. */
static const char *
literal_address(const char *literal, struct arena *arena)
{
    struct span text = span_of(literal);

    text = span_from(text, span_starts(text, "[IPv6:") ? 6 : 1);
    return span_string(span_first(text, text.length - 1), arena);
}

/* Does the name of this address say that it is ours? Without an answer: no. */
static bool
name_is_ours(const struct routing *routing, const char *literal)
{
    const struct resolver *resolver = routing->services->resolver;
    const char *name = "";

    if (resolver == NULL ||
        host_name_of(resolver, literal_address(literal, routing->arena), routing->arena,
                     &name, NULL) != DNS_FOUND)
        return false;
    return strcmp(name, "localhost") == 0 ||
           (name[0] != '\0' && host_is_local(&routing->configuration->settings, name));
}

/*
 * declined  the target is not in brackets
 * assigned  complete; to the address, or to this host
 * failed    what is in brackets is no address (ERR_157)
 */
static enum verdict
gethostbyaddr_route(const void *config, struct routing *routing)
{
    const struct gethostbyaddr_config *attributes = config;
    const char *literal;

    if (routing->target[0] != '[') {
        driver_trace(routing->services, "not an address in brackets");
        return VERDICT_DECLINED;
    }
    if (!domain_literal(span_of(routing->target), routing->arena, &literal,
                        &routing->error))
        return attributes->fail_if_error ? VERDICT_FAILED : VERDICT_DECLINED;
    routing->complete = true;
    routing->match = strlen(routing->target);
    routing->next_hop =
        attributes->check_for_local && name_is_ours(routing, literal) ? "" : literal;
    return VERDICT_ASSIGNED;
}

const struct router_driver gethostbyaddr_router = {
    .driver = {.name = "gethostbyaddr",
               .meaning = "addresses in brackets",
               .attributes = gethostbyaddr_attributes,
               .config_size = sizeof(struct gethostbyaddr_config)},
    .route = gethostbyaddr_route,
};
