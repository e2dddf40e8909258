/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The driver `test`: matches hosts that end in `suffix`. */
#include "tests/unit/resolve/test_router.h"

#include <string.h>

#include "base/banned.h"

struct test_config {
    const char *suffix; /* "" matches every host, with length 0 */
    const char *path;   /* host!host; "" this host */
    const char *choice; /* transport of the driver's own */
    bool full, defer;
};

static const struct attribute test_attributes[] = {
    ATTRIBUTE(struct test_config, suffix, "", "for a test", ),
    ATTRIBUTE(struct test_config, path, "", "for a test", ),
    ATTRIBUTE(struct test_config, choice, NULL, "for a test", ),
    ATTRIBUTE(struct test_config, full, NULL, "for a test", ),
    ATTRIBUTE(struct test_config, defer, NULL, "for a test", ),
    {0},
};

static enum verdict
test_route(const void *config, struct routing *routing)
{
    const struct test_config *test = config;
    struct span path = span_of(test->path), host = {"", 0};

    if (!span_ends_nocase(span_of(routing->target), test->suffix))
        return VERDICT_DECLINED;
    if (test->defer) {
        fail_temporary(&routing->error, "4.4.3", "test");
        return VERDICT_DEFERRED;
    }
    span_next(&path, '!', &host);
    routing->next_hop = span_string(host, routing->arena);
    routing->route = span_string(path, routing->arena);
    routing->match = strlen(test->suffix);
    routing->complete = test->full;
    routing->transport = test->choice;
    return VERDICT_ASSIGNED;
}

static const struct router_driver test_router = {
    .driver = {.name = "test",
               .meaning = "for a test",
               .attributes = test_attributes,
               .config_size = sizeof(struct test_config)},
    .route = test_route,
};

const struct driver *const *
test_routers(struct arena *arena)
{
    const struct driver **list;
    size_t count = 0;

    while (driver_lists.routers[count] != NULL)
        count++;
    list = arena_array(arena, count + 2, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        list[i] = driver_lists.routers[i];
    list[count] = &test_router.driver;
    return list;
}
