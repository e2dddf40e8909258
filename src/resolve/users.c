/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * getpwnam_r() and getgrnam_r() with their many ways to say "not found", and a small
 * cache in front, because each message asks for the same few names several times.
 */
#include "resolve/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"

#include "base/banned.h"

enum {
    USER_CACHE_MILLISECONDS = 5000,
    USER_CACHE_LIMIT = 1000,
    ANSWER_LIMIT = 1024 * 1024, /* octets of one entry; a group may have many members */
};

struct cached_user {
    bool found;
    struct user user;
    int64_t until; /* clock_monotonic() */
};

struct users {
    struct table *names; /* to struct cached_user */
    struct arena *arena; /* of everything that is cached */
};

struct users *
users_new(void)
{
    struct users *users = memory_alloc(sizeof(*users));

    users->names = table_new();
    users->arena = arena_new();
    return users;
}

void
users_free(struct users *users)
{
    if (users == NULL)
        return;
    table_free(users->names);
    arena_free(users->arena);
    free(users);
}

/* What POSIX and its implementations return for a name that does not exist. */
static bool
code_is_absence(int code)
{
    return code == 0 || code == ENOENT || code == ESRCH || code == EBADF || code == EPERM;
}

static bool
service_fail(struct error *error, const char *what, int code)
{
    return fail_temporary(error, "4.3.0", "name service: %s: %s", what, strerror(code));
}

static struct user
user_copy(const struct user *user, struct arena *arena)
{
    struct user copy = *user;

    copy.name = arena_string(arena, user->name);
    copy.home = arena_string(arena, user->home);
    copy.full_name = arena_string(arena, user->full_name);
    copy.shell = arena_string(arena, user->shell);
    return copy;
}

static const char *
or_empty(const char *string)
{
    return string != NULL ? string : "";
}

static struct user
user_of(const struct passwd *entry, struct arena *arena)
{
    struct user user = {
        .name = or_empty(entry->pw_name),
        .uid = entry->pw_uid,
        .gid = entry->pw_gid,
        .home = or_empty(entry->pw_dir),
        .full_name = or_empty(entry->pw_gecos),
        .shell = or_empty(entry->pw_shell),
    };

    return user_copy(&user, arena);
}

/* Ask for a name, or for a number when `name` is NULL, with as much room as it takes. */
static bool
password_ask(const char *name, uid_t uid, struct arena *arena, struct user *user,
             bool *found, struct error *error)
{
    struct passwd entry, *result = NULL;
    size_t room = 2048;
    char *buffer;
    int code;

    for (;; room *= 2) {
        buffer = memory_alloc(room);
        code = name != NULL ? getpwnam_r(name, &entry, buffer, room, &result)
                            : getpwuid_r(uid, &entry, buffer, room, &result);
        if (code != ERANGE || room >= ANSWER_LIMIT)
            break;
        free(buffer);
    }
    *found = code == 0 && result != NULL;
    if (*found)
        *user = user_of(&entry, arena);
    free(buffer);
    if (*found || code_is_absence(code))
        return true;
    return service_fail(error, name != NULL ? "user" : "uid", code);
}

static const struct cached_user *
cache_find(const struct users *users, const char *name)
{
    const struct cached_user *cached = table_get(users->names, span_of(name));

    return cached != NULL && clock_monotonic() < cached->until ? cached : NULL;
}

static void
cache_put(struct users *users, const char *name, bool found, const struct user *user)
{
    struct cached_user *cached;

    if (table_count(users->names) >= USER_CACHE_LIMIT ||
        arena_size(users->arena) > ANSWER_LIMIT) {
        table_free(users->names);
        users->names = table_new();
        arena_reset(users->arena);
    }
    cached = arena_alloc(users->arena, sizeof(*cached));
    cached->found = found;
    if (found)
        cached->user = user_copy(user, users->arena);
    cached->until = clock_monotonic() + USER_CACHE_MILLISECONDS;
    table_put(users->names, span_of(name), cached);
}

bool
users_by_name(struct users *users, const char *name, struct arena *arena,
              struct user *user, bool *found, struct error *error)
{
    const struct cached_user *cached = cache_find(users, name);

    *user = (struct user){0};
    if (cached != NULL) {
        *found = cached->found;
        if (cached->found)
            *user = user_copy(&cached->user, arena);
        return true;
    }
    if (!password_ask(name, 0, arena, user, found, error))
        return false;
    cache_put(users, name, *found, user);
    return true;
}

bool
users_by_uid(uid_t uid, struct arena *arena, struct user *user, bool *found,
             struct error *error)
{
    *user = (struct user){0};
    return password_ask(NULL, uid, arena, user, found, error);
}

bool
users_group(const char *name, gid_t *gid, bool *found, struct error *error)
{
    struct group entry, *result = NULL;
    size_t room = 4096;
    char *buffer;
    int code;

    for (;; room *= 2) {
        buffer = memory_alloc(room);
        code = getgrnam_r(name, &entry, buffer, room, &result);
        if (code != ERANGE || room >= ANSWER_LIMIT)
            break;
        free(buffer);
    }
    *found = code == 0 && result != NULL;
    if (*found)
        *gid = entry.gr_gid;
    free(buffer);
    return *found || code_is_absence(code) || service_fail(error, "group", code);
}
