/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Login names and the checks on what strangers offer as such. */
#include "drivers/directors/login.h"

#include <string.h>

#include "base/banned.h"

enum { NAME_OCTETS_LIMIT = 200 };

bool
login_is_path_safe(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
           strlen(name) <= NAME_OCTETS_LIMIT;
}

bool
login_find(const struct directing *directing, const char *name, bool fold,
           struct user *user, bool *found, struct error *error)
{
    const struct services *services = directing->services;
    const char *lower;

    *found = false;
    if (!login_is_path_safe(name) || name[0] == '-')
        return true;
    if (!services->user(services, name, directing->arena, user, found, error))
        return false;
    if (*found || !fold)
        return true;
    lower = span_lower(span_of(name), directing->arena);
    return strcmp(lower, name) == 0 ||
           services->user(services, lower, directing->arena, user, found, error);
}

const char *
login_strip(const char *local_part, const char *prefix, const char *suffix,
            struct arena *arena)
{
    struct span name = span_of(local_part);

    if (prefix != NULL) {
        if (!span_starts_nocase(name, prefix))
            return NULL;
        name = span_from(name, strlen(prefix));
    }
    if (suffix != NULL) {
        if (!span_ends_nocase(name, suffix))
            return NULL;
        name = span_first(name, name.length - strlen(suffix));
    }
    if (name.length == 0)
        return NULL;
    return prefix == NULL && suffix == NULL ? local_part : span_string(name, arena);
}
