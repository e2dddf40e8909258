/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process does for its drivers: tables that stay open and are opened anew when
 * their file changed. The name service is in users.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/table.h"
#include "resolve/resolve.h"
#include "resolve/users.h"

#include "base/banned.h"

enum {
    TABLE_CHECK_MILLISECONDS = 1000,
    TABLE_LIMIT =
        100, /* file names may be made from addresses, so strangers choose them */
};

/* A table by its protocol and file; `arena` holds all of it, NULL while it is not open.
 */
struct open_table {
    const struct lookup_driver *driver;
    char *path; /* with the driver's suffix */
    struct arena *arena;
    void *table;
    struct stat status;
    bool missing;
    int64_t checked; /* clock_monotonic() of the last look at the file */
};

struct service_context {
    const struct configuration *configuration;
    struct table *tables; /* "proto file" to struct open_table */
    struct users *users;
};

static void
table_shut(struct open_table *open)
{
    if (open->arena == NULL)
        return;
    open->driver->close(open->table);
    arena_free(open->arena);
    open->arena = NULL;
}

static const struct lookup_driver *
lookup_driver_find(const char *proto)
{
    for (size_t i = 0; lookup_drivers[i] != NULL; i++)
        if (strcmp(lookup_drivers[i]->driver.name, proto) == 0)
            return lookup_drivers[i];
    return NULL;
}

static bool
status_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool
table_missing(const struct open_table *open, struct error *error)
{
    errno = ENOENT;
    return fail_permanent(error, "5.3.5", "%s: %s", open->path, strerror(ENOENT));
}

static bool
table_open(struct open_table *open, struct error *error)
{
    struct arena *arena = arena_new();
    int kept;

    if (open->driver->open(open->path, arena, &open->table, &open->status, error)) {
        open->arena = arena;
        return true;
    }
    kept = errno;
    open->missing = kept == ENOENT || kept == ENOTDIR;
    arena_free(arena);
    errno = open->missing ? ENOENT : kept;
    return false;
}

/* Have the table open and as new as the file was within the last second. */
static bool
table_refresh(struct open_table *open, struct error *error)
{
    int64_t now = clock_monotonic();
    struct stat status;

    if (open->checked != 0 && now - open->checked < TABLE_CHECK_MILLISECONDS) {
        if (open->arena != NULL)
            return true;
        if (open->missing)
            return table_missing(open, error);
    }
    open->checked = now;
    open->missing = false;
    if (open->arena != NULL) {
        if (stat(open->path, &status) == 0 && status_is_same(&status, &open->status))
            return true;
        table_shut(open);
    }
    return table_open(open, error);
}

static void
tables_drop(struct service_context *context)
{
    struct span name;
    void *value;
    size_t at = 0;

    while (table_next(context->tables, &at, &name, &value)) {
        struct open_table *open = value;

        table_shut(open);
        free(open->path);
        free(open);
    }
    table_free(context->tables);
    context->tables = table_new();
}

/* The table of that name in the cache, made when it is new. */
static struct open_table *
table_of(struct service_context *context, const struct lookup_driver *driver,
         const char *file, struct arena *arena)
{
    const char *name = arena_format(arena, "%s %s", driver->driver.name, file);
    struct open_table *open = table_get(context->tables, span_of(name));
    const char *suffix = driver->suffix != NULL ? driver->suffix : "";

    if (open != NULL)
        return open;
    if (span_ends_nocase(span_of(file), suffix))
        suffix = "";
    if (table_count(context->tables) >= TABLE_LIMIT)
        tables_drop(context);
    open = memory_alloc(sizeof(*open));
    open->driver = driver;
    open->path = memory_string(arena_format(arena, "%s%s", file, suffix));
    table_put(context->tables, span_of(name), open);
    return open;
}

static enum lookup_result
services_lookup(const struct services *services, const char *proto, const char *file,
                struct span key, struct arena *arena, struct lookup_value *value,
                struct stat *status, struct error *error)
{
    struct service_context *context = services->context;
    const struct lookup_driver *driver = lookup_driver_find(proto);
    struct open_table *open;

    *value = (struct lookup_value){0};
    if (driver == NULL) {
        errno = EINVAL;
        fail_permanent(error, "5.3.5", "no lookup protocol \"%s\"", proto);
        return LOOKUP_FAILED;
    }
    if (file[0] != '/')
        file = arena_format(arena, "%s/%s",
                            context->configuration->settings.smail_lib_dir, file);
    open = table_of(context, driver, file, arena);
    if (!table_refresh(open, error))
        return LOOKUP_FAILED;
    *status = open->status;
    return driver->find(open->table, key, arena, value, error);
}

static bool
services_user(const struct services *services, const char *name, struct arena *arena,
              struct user *user, bool *found, struct error *error)
{
    struct service_context *context = services->context;

    return users_by_name(context->users, name, arena, user, found, error);
}

static bool
services_user_of(const struct services *services, uid_t uid, struct arena *arena,
                 struct user *user, bool *found, struct error *error)
{
    (void)services;
    return users_by_uid(uid, arena, user, found, error);
}

static bool
services_group(const struct services *services, const char *name, gid_t *gid, bool *found,
               struct error *error)
{
    (void)services;
    return users_group(name, gid, found, error);
}

struct services *
services_new(const struct configuration *configuration, const struct resolver *resolver,
             const char *acting_user, bool restricted)
{
    struct services *services = memory_alloc(sizeof(*services));
    struct service_context *context = memory_alloc(sizeof(*context));

    context->configuration = configuration;
    context->tables = table_new();
    context->users = users_new();
    services->context = context;
    services->lookup = services_lookup;
    services->user = services_user;
    services->user_of = services_user_of;
    services->group = services_group;
    services->resolver = resolver;
    services->acting_user = memory_string(acting_user);
    services->restricted = restricted;
    return services;
}

void
services_free(struct services *services)
{
    struct service_context *context;

    if (services == NULL)
        return;
    context = services->context;
    tables_drop(context);
    table_free(context->tables);
    users_free(context->users);
    free(context);
    free((void *)(uintptr_t)services->acting_user);
    free(services);
}
