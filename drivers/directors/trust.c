/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checks themselves; each says what it found wrong. */
#include "drivers/directors/trust.h"

#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum { WRITABLE_BY_OTHERS = 022 };

/* A user name or a number, to its uid. */
static bool
uid_read(const struct directing *directing, const char *item, uint64_t *uid, bool *found,
         struct error *error)
{
    const struct services *services = directing->services;
    struct user user;

    *found = span_number(span_of(item), UINT32_MAX, uid);
    if (*found)
        return true;
    if (!services->user(services, item, directing->arena, &user, found, error))
        return false;
    *uid = *found ? user.uid : 0;
    return true;
}

static bool
owner_is_listed(const struct directing *directing, const struct list *owners, uid_t owner,
                bool *listed, struct error *error)
{
    *listed = false;
    for (size_t i = 0; i < owners->count && !*listed; i++) {
        uint64_t uid;
        bool found;

        if (!uid_read(directing, owners->items[i], &uid, &found, error))
            return false;
        *listed = found && uid == owner;
    }
    return true;
}

static bool
group_is_listed(const struct directing *directing, const struct list *groups, gid_t group,
                bool *listed, struct error *error)
{
    const struct services *services = directing->services;

    *listed = false;
    for (size_t i = 0; i < groups->count && !*listed; i++) {
        uint64_t number;
        gid_t gid = 0;
        bool found = span_number(span_of(groups->items[i]), UINT32_MAX, &number);

        if (found)
            gid = (gid_t)number;
        else if (!services->group(services, groups->items[i], &gid, &found, error))
            return false;
        *listed = found && gid == group;
    }
    return true;
}

/*
 * May this owner have the list? By the administrator's rules; without any: root, this
 * program's user, the user whose file it is. Rules for groups alone permit every owner.
 */
static bool
owner_is_fine(const struct directing *directing, const struct trust_rules *rules,
              uid_t owner, const struct user *user, bool *fine, struct error *error)
{
    bool is_users = user != NULL && owner == user->uid;

    if (rules->owners.count == 0 && !rules->checkowner) {
        *fine =
            rules->owngroups.count > 0 || owner == 0 || owner == geteuid() || is_users;
        return true;
    }
    *fine = rules->checkowner && (is_users || owner == 0);
    return *fine || owner_is_listed(directing, &rules->owners, owner, fine, error);
}

/* May somebody else put another file in the place of this one? Gives the directory. */
static const char *
directory_in_doubt(const struct directing *directing, const char *path, uid_t owner,
                   unsigned forbidden)
{
    struct span rest = span_of(path);

    while (rest.length > 1) {
        size_t slash = span_find_last(rest, '/');
        const char *directory;
        struct stat status;

        rest = span_first(rest, slash);
        directory = rest.length > 0 ? span_string(rest, directing->arena) : "/";
        if (stat(directory, &status) != 0)
            return directory;
        if ((status.st_mode & forbidden & WRITABLE_BY_OTHERS) != 0 &&
            ((status.st_mode & S_ISVTX) == 0 || status.st_uid != 0))
            return directory;
        if (status.st_uid != 0 && status.st_uid != owner && status.st_uid != geteuid())
            return directory;
    }
    return NULL;
}

static bool
in_doubt(const struct directing *directing, const char *path, const char *why,
         enum address_trust *trust)
{
    driver_trace(directing->services, "%s is not safe: %s", path, why);
    *trust = TRUST_CAUTION;
    return true;
}

bool
trust_grade(const struct directing *directing, const struct trust_rules *rules,
            const char *path, const struct stat *status, const struct user *user,
            enum address_trust *trust, struct error *error)
{
    const char *directory;
    bool fine;

    *trust = TRUST_CLEAN;
    if ((status->st_mode & rules->modemask.bits & 07777) != 0)
        return in_doubt(directing, path, "others may write it", trust);
    if (!owner_is_fine(directing, rules, status->st_uid, user, &fine, error))
        return false;
    if (!fine)
        return in_doubt(directing, path, "its owner is not permitted", trust);
    if (rules->owngroups.count > 0) {
        if (!group_is_listed(directing, &rules->owngroups, status->st_gid, &fine, error))
            return false;
        if (!fine)
            return in_doubt(directing, path, "its group is not permitted", trust);
    }
    if (user != NULL && status->st_nlink != 1)
        return in_doubt(directing, path, "it has several names", trust);
    directory = directory_in_doubt(directing, path, status->st_uid, rules->modemask.bits);
    if (directory != NULL)
        return in_doubt(directing, path,
                        arena_format(directing->arena, "others may change %s", directory),
                        trust);
    return true;
}

/* "100-200". */
static bool
range_has(struct span item, uid_t uid)
{
    size_t dash = span_find(item, '-');
    uint64_t low, high;

    return dash < item.length && span_number(span_first(item, dash), UINT32_MAX, &low) &&
           span_number(span_from(item, dash + 1), UINT32_MAX, &high) && low <= uid &&
           uid <= high;
}

static bool
directory_has(const char *directory, const char *path)
{
    size_t length = strlen(directory);

    while (length > 1 && directory[length - 1] == '/')
        length--;
    return strncmp(path, directory, length) == 0 &&
           (path[length] == '/' || path[length] == '\0' || length == 1);
}

bool
trust_is_listed(const struct directing *directing, struct list list, const char *path,
                const struct stat *status, const struct user *user)
{
    uid_t uid = user != NULL ? user->uid : status->st_uid;

    for (size_t i = 0; i < list.count; i++) {
        const char *item;
        uint64_t number;
        bool found;

        if (!directing_expand(directing, list.items[i], directing->local_part,
                              user != NULL ? user->home : NULL, &item, NULL))
            continue;
        if (item[0] == '/' ? directory_has(item, path)
                           : range_has(span_of(item), uid) ||
                                 (uid_read(directing, item, &number, &found, NULL) &&
                                  found && number == uid))
            return true;
    }
    return false;
}
