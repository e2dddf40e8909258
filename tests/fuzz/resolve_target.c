/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An address with any bytes in it, taken apart and put together for the next host. What
 * is local is one clean name; what goes on leads to the host it was taken apart for.
 */
#include "resolve/target.h"

#include <stdlib.h>
#include <string.h>

#include "mail/mailbox.h"
#include "resolve/form.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static struct configuration *
configuration_make(struct arena *arena)
{
    static const char settings[] = "more_hostnames = gw.example\n";
    static const struct driver_lists none;
    struct config_file file = {.name = "config",
                               .path = "config",
                               .text = settings,
                               .length = sizeof(settings) - 1};
    struct config_bundle bundle = {
        .system_name = "us", .system_fqdn = "us.example", .files = &file};
    static const struct driver *const nothing[] = {NULL};
    struct driver_lists lists = none;

    (void)arena;
    lists.directors = lists.routers = lists.transports = nothing;
    return configuration_parse(&bundle, &lists);
}

static void
check_remote(const struct target *target, struct arena *arena)
{
    const char *inet = form_address(FORM_INET, target->host, "", target->rest, arena);
    struct mailbox_step step;

    must(target->host[0] != '\0' && target->rest[0] != '\0');
    form_address(FORM_UUCP, target->host, "a!b", target->rest, arena);
    form_address(FORM_NONE, target->host, "a!b", target->rest, arena);
    form_address(FORM_LOCAL, target->host, "a", target->rest, arena);
    form_address(FORM_INET, target->host, "a!b!c", target->rest, arena);
    /* A rest that names its host goes on as it is; any other ends in "@host". */
    if (inet == NULL || strcmp(inet, target->rest) == 0)
        return;
    must(mailbox_step(span_of(inet), false, arena, &step, NULL));
    must(step.form == MAILBOX_AT && strcmp(step.target, target->host) == 0);
    must(span_equal(step.rest, span_of(target->rest)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct configuration *configuration;
    struct arena *arena = arena_new();
    const char *text = arena_bytes(arena, data, size);
    struct error error = {0};
    struct target target;

    if (configuration == NULL)
        configuration = configuration_make(arena);
    if (!target_find(configuration, text, arena, &target, &error)) {
        must(error.permanent && error.status[0] == '5');
    } else if (target.local) {
        for (const char *at = target.local_part; *at != '\0'; at++)
            must(!byte_is_control(*at));
        must(target.domain[0] == '\0' || target.domain[0] == '[' ||
             host_is_local(&configuration->settings, target.domain));
    } else {
        must(!host_is_local(&configuration->settings, target.host));
        check_remote(&target, arena);
    }
    arena_free(arena);
    return 0;
}
