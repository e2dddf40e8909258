/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as the next host sees them: RFC form, source routes, bang paths. Percent
 * forms are kept where they are, and never made.
 */
#include "resolve/form.h"

#include "mail/mailbox.h"

#include "base/banned.h"

enum expand_form
form_of(const struct transport_generic *transport)
{
    if (transport->uucp)
        return FORM_UUCP;
    if (transport->inet)
        return FORM_INET;
    return transport->local_xform || transport->local ? FORM_LOCAL : FORM_NONE;
}

/* How the rest begins: what mailbox_step() makes of it, MAILBOX_LOCAL when nothing. */
static struct mailbox_step
rest_step(struct span rest, struct arena *arena)
{
    struct mailbox_step step;

    if (!mailbox_step(rest, false, arena, &step, NULL))
        step = (struct mailbox_step){MAILBOX_LOCAL, "", rest};
    return step;
}

/* M as a bang path: user@x is x!user, a source route its hosts; user%x stays. */
static const char *
form_bang(const char *rest, struct arena *arena)
{
    struct text path = text_new(arena);
    struct span left = span_of(rest);

    for (;;) {
        struct mailbox_step step = rest_step(left, arena);

        if (step.form != MAILBOX_AT && step.form != MAILBOX_ROUTE)
            break;
        text_add(&path, step.target);
        text_add_byte(&path, '!');
        left = step.rest;
    }
    text_add_span(&path, left);
    return text_string(&path);
}

/* Hosts joined by '!' in front of M as a source route: "@a,@b:user@c". */
static const char *
form_source_route(struct span hosts, const char *rest, struct arena *arena)
{
    struct text route = text_new(arena);
    struct span host;

    while (span_next(&hosts, '!', &host)) {
        if (route.length > 0)
            text_add_byte(&route, ',');
        text_add_byte(&route, '@');
        text_add_span(&route, host);
    }
    if (route.length > 0)
        text_add_byte(&route, rest[0] == '@' ? ',' : ':');
    text_add(&route, rest);
    return text_string(&route);
}

/*
 * "M@H". NULL when that is read in another way: a rest such as "a!" or "a!@b" is fine by
 * itself, and no local part of anything.
 */
static const char *
form_at(const char *rest, struct span host, struct arena *arena)
{
    const char *address =
        arena_format(arena, "%s@%.*s", rest, (int)host.length, host.bytes);
    struct mailbox_step step = rest_step(span_of(address), arena);

    return step.form == MAILBOX_AT && span_is(step.rest, rest) ? address : NULL;
}

/* RFC form: the last host behind the '@', those before it as a source route. */
static const char *
form_inet(const char *host, const char *route, const char *rest, struct arena *arena)
{
    struct span hosts = span_of(route), last = hosts;
    enum mailbox_form form = rest_step(span_of(rest), arena).form;
    size_t bang = span_find_last(hosts, '!');

    /* M names its host itself: it goes on unchanged behind the hosts to pass. */
    if (form == MAILBOX_AT || form == MAILBOX_ROUTE)
        return form_source_route(hosts, rest, arena);
    if (hosts.length == 0)
        return form_at(rest, span_of(host), arena);
    if (bang < hosts.length) {
        last = span_from(hosts, bang + 1);
        hosts = span_first(hosts, bang);
    } else {
        hosts = span_first(hosts, 0);
    }
    rest = form_at(rest, last, arena);
    return rest != NULL ? form_source_route(hosts, rest, arena) : NULL;
}

static const char *
form_uucp(const char *route, const char *rest, struct arena *arena)
{
    rest = form_bang(rest, arena);
    return route[0] != '\0' ? arena_format(arena, "%s!%s", route, rest) : rest;
}

const char *
form_address(enum expand_form form, const char *host, const char *route, const char *rest,
             struct arena *arena)
{
    bool one_hop = span_find(span_of(route), '!') == span_of(route).length;

    switch (form) {
    case FORM_UUCP:
        return form_uucp(route, rest, arena);
    case FORM_LOCAL:
        return route[0] != '\0' ? form_uucp(route, rest, arena) : rest;
    case FORM_NONE:
        if (!one_hop)
            return arena_format(arena, "%s!%s", route, rest);
        return form_inet(host, route, rest, arena);
    default:
        return form_inet(host, route, rest, arena);
    }
}
