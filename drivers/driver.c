/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables of drivers, all made from drivers/list.h, and the few things that every
 * driver needs of its caller.
 */
#include "drivers/driver.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

/* --- declarations --- */

#define DIRECTOR(name) extern const struct director_driver name##_director;
#define ROUTER(name) extern const struct router_driver name##_router;
#define TRANSPORT(name) extern const struct transport_driver name##_transport;
#define LOOKUP(name) extern const struct lookup_driver name##_lookup;
#include "drivers/list.h"
#undef DIRECTOR
#undef ROUTER
#undef TRANSPORT
#undef LOOKUP

/* --- directors --- */

#define ROUTER(name)
#define TRANSPORT(name)
#define LOOKUP(name)
#define DIRECTOR(name) &name##_director,
const struct director_driver *const director_drivers[] = {
#include "drivers/list.h"
    NULL,
};
#undef DIRECTOR
#define DIRECTOR(name) &name##_director.driver,
static const struct driver *const directors[] = {
#include "drivers/list.h"
    NULL,
};
#undef DIRECTOR
#define DIRECTOR(name)

/* --- routers --- */

#undef ROUTER
#define ROUTER(name) &name##_router,
const struct router_driver *const router_drivers[] = {
#include "drivers/list.h"
    NULL,
};
#undef ROUTER
#define ROUTER(name) &name##_router.driver,
static const struct driver *const routers[] = {
#include "drivers/list.h"
    NULL,
};
#undef ROUTER
#define ROUTER(name)

/* --- transports --- */

#undef TRANSPORT
#define TRANSPORT(name) &name##_transport,
const struct transport_driver *const transport_drivers[] = {
#include "drivers/list.h"
    NULL,
};
#undef TRANSPORT
#define TRANSPORT(name) &name##_transport.driver,
static const struct driver *const transports[] = {
#include "drivers/list.h"
    NULL,
};
#undef TRANSPORT
#define TRANSPORT(name)

/* --- lookups --- */

#undef LOOKUP
#define LOOKUP(name) &name##_lookup,
const struct lookup_driver *const lookup_drivers[] = {
#include "drivers/list.h"
    NULL,
};
#undef LOOKUP

const struct driver_lists driver_lists = {
    .directors = directors,
    .routers = routers,
    .transports = transports,
};

/* --- what drivers need --- */

void
driver_trace(const struct services *services, const char *format, ...)
{
    char line[1024];
    va_list arguments;

    if (services->trace == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    services->trace(services, line);
}

static bool
expansion_lookup(const struct expansion *expansion, const char *proto, const char *file,
                 const char *key, const char **value, bool *found, struct error *error)
{
    const struct services *services = expansion->context;
    struct lookup_value answer;
    struct stat status;

    switch (services->lookup(services, proto, file, span_of(key), expansion->arena,
                             &answer, &status, error)) {
    case LOOKUP_FOUND:
        *value = answer.value;
        *found = true;
        return true;
    case LOOKUP_ABSENT:
        *found = false;
        return true;
    default:
        return false;
    }
}

static bool
expansion_home_of(const struct expansion *expansion, const char *name, const char **home,
                  struct error *error)
{
    const struct services *services = expansion->context;
    struct user user;
    bool found;

    if (!services->user(services, name, expansion->arena, &user, &found, error))
        return false;
    if (!found)
        return fail_permanent(error, "5.3.5", "~%s: no such user", name);
    *home = user.home;
    return true;
}

void
driver_expansion(struct expansion *expansion, const struct services *services)
{
    /* The member is not const because other owners of an expansion change theirs. */
    expansion->context = (void *)(uintptr_t)services;
    expansion->lookup = expansion_lookup;
    expansion->home_of = expansion_home_of;
}

struct expansion
directing_expansion(const struct directing *directing)
{
    struct expansion expansion =
        expansion_new(&directing->configuration->settings, directing->arena);

    expansion.envelope = directing->envelope;
    expansion.message_id = directing->message_id;
    expansion.address = directing->address;
    expansion.ancestors = directing->ancestors;
    expansion.ancestor_count = directing->ancestor_count;
    expansion.user = directing->local_part;
    expansion.form = FORM_LOCAL;
    expansion.destination_is_local = true;
    driver_expansion(&expansion, directing->services);
    return expansion;
}

bool
directing_expand(const struct directing *directing, const char *text, const char *user,
                 const char *home, const char **result, struct error *error)
{
    struct expansion expansion;

    if (text[0] != '~' && strchr(text, '$') == NULL) {
        *result = text;
        return true;
    }
    expansion = directing_expansion(directing);
    expansion.user = user;
    expansion.home = home;
    return expand(text, &expansion, result, error);
}

void
delivery_decide(struct delivery *delivery, enum outcome outcome,
                const struct error *error, enum report_class report)
{
    for (size_t i = 0; i < delivery->address_count; i++) {
        struct delivery_address *address = &delivery->addresses[i];

        /* Decided: an outcome, or deferred with a reason. */
        if (address->outcome != OUTCOME_DEFERRED || address->error.status[0] != '\0')
            continue;
        address->outcome = outcome;
        address->report = report;
        if (error != NULL)
            address->error = *error;
    }
}
