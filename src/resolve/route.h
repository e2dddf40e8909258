/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The search among the routers for the one that knows most of a host (reference 5.1). */
#ifndef RESOLVE_ROUTE_H
#define RESOLVE_ROUTE_H

#include "resolve/walk.h"

struct route {
    bool found;
    bool self; /* a complete match says that the host is this one */
    const struct entry *router;
    struct routing routing; /* the winner's answer */
};

/*
 * Ask the routers for node->target.host.
 *
 *   returns   false: a router deferred or failed; `error` and `report` are set
 */
bool route_find(struct walk *walk, const struct node *node, struct route *route,
                struct error *error, enum report_class *report);

/*
 * The transport: the driver's choice, the method file's, the router's (reference 5.2).
 * NULL: temporary error 102, 103 or 110, for the administrator.
 */
const struct entry *route_transport(const struct walk *walk, const struct route *route,
                                    struct error *error);

#endif
