/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Included lists: which director wants them, how they are read and trusted. */
#include "drivers/directors/include.h"

#include <string.h>

#include "drivers/directors/list_file.h"
#include "drivers/directors/members.h"
#include "mail/status.h"

#include "base/banned.h"

const struct attribute include_attributes[] = {
    TRUST_ROWS(struct include_config),
    ATTRIBUTE(struct include_config, copysecure, NULL,
              "modemask is that of the director the list came from"),
    ATTRIBUTE(struct include_config, copyowners, NULL,
              "owners and groups are those of the director the list came from"),
    ATTRIBUTE(struct include_config, matchdirector, NULL,
              "only lists that this director made", .aliases = "match_director"),
    ATTRIBUTE(struct include_config, retries, NULL, "the queue tries again",
              .flags = ATTRIBUTE_NO_EFFECT),
    ATTRIBUTE(struct include_config, interval, NULL, "the queue tries again",
              .flags = ATTRIBUTE_NO_EFFECT),
    {0},
};

/* The director that made the address, if it is one of those drivers. */
static const struct entry *
include_maker(const struct include_config *include, const struct directing *directing,
              const char *const *makers)
{
    const char *name = directing->address->director;
    const struct entry *maker = entry_find(&directing->configuration->directors, name);

    if (maker == NULL ||
        (include->matchdirector != NULL && strcmp(name, include->matchdirector) != 0))
        return NULL;
    for (; *makers != NULL; makers++)
        if (strcmp(maker->driver->name, *makers) == 0)
            return maker;
    return NULL;
}

static struct trust_rules
include_rules(const struct include_config *include, const struct entry *maker)
{
    const struct trust_rules *inherited = maker->config;
    struct trust_rules rules = include->trust;

    if (include->copysecure)
        rules.modemask = inherited->modemask;
    if (include->copyowners) {
        rules.owners = inherited->owners;
        rules.owngroups = inherited->owngroups;
        rules.checkowner = inherited->checkowner;
    }
    return rules;
}

/* A list that cannot be had now; the administrator hears of it if it is not a user's. */
static enum verdict
include_defer(struct directing *directing, const struct list_file *file, int number)
{
    struct error *error = &directing->error;

    error_prefix(error, "%s", directing->address->source);
    error->permanent = false;
    error->number = number;
    directing->report = file->user != NULL ? REPORT_OWNER : REPORT_CONFIG;
    return VERDICT_DEFERRED;
}

static enum verdict
include_expand(const struct trust_rules *rules, struct directing *directing,
               const struct list_file *file)
{
    struct members members = {
        .file = file->path,
        .line = 1,
        .is_file = true,
        .limit = (size_t)directing->configuration->settings.max_expansion_addresses,
        .user = file->user,
        .user_name = directing->address->user,
    };
    enum address_trust trust = TRUST_CLEAN;

    directing->source = file->path;
    if (!members_read(directing, file->content, &members, &directing->error))
        return include_defer(directing, file, ERR_INCLUDE_PARSE);
    if (members.special && !trust_grade(directing, rules, file->path, &file->status,
                                        file->user, &trust, &directing->error))
        return VERDICT_DEFERRED;
    members_trust(directing, trust);
    return VERDICT_EXPANDED;
}

/* Whose list: a user's when a user's file named it. False: not known now, or not ours. */
static bool
include_user(struct directing *directing, bool is_users, struct user *user,
             enum verdict *verdict)
{
    const struct services *services = directing->services;
    const char *name = directing->address->user;
    bool found;

    *verdict = VERDICT_DEFERRED;
    if (!is_users || name[0] == '\0')
        return true;
    if (!services->user(services, name, directing->arena, user, &found,
                        &directing->error))
        return false;
    if (!found || user->uid == 0)
        return fail_temporary(&directing->error, "4.3.5", "%s: no user \"%s\" to read as",
                              directing->address->text, name);
    if (list_file_is_ours(directing, user))
        return true;
    directing->user = user->name;
    *verdict = VERDICT_USER;
    return false;
}

enum verdict
include_direct(const struct include_config *include, struct directing *directing,
               const char *const *makers)
{
    const struct address *address = directing->address;
    struct list_file file = {.path = address->text};
    struct trust_rules rules;
    struct user user = {0};
    const struct entry *maker;
    enum verdict verdict;

    if (address->kind != ADDRESS_INCLUDE) {
        driver_trace(directing->services, "not an included list");
        return VERDICT_DECLINED;
    }
    maker = include_maker(include, directing, makers);
    if (maker == NULL) {
        driver_trace(directing->services, "not a list of director %s", address->director);
        return VERDICT_DECLINED;
    }
    if (!include_user(directing, strncmp(maker->driver->name, "forward", 7) == 0, &user,
                      &verdict))
        return verdict;
    if (user.name != NULL)
        file.user = &user;
    if (directing->services->restricted)
        return VERDICT_EXPANDED; /* that there is a list is enough now */
    switch (list_file_read(directing, &file, false, &directing->error)) {
    case LIST_MISSING:
        fail_temporary(&directing->error, "4.3.5", "list %s is missing", file.path);
        return include_defer(directing, &file, ERR_INCLUDE_OPEN);
    case LIST_READ:
        rules = include_rules(include, maker);
        return include_expand(&rules, directing, &file);
    default:
        return include_defer(directing, &file, ERR_INCLUDE_READ);
    }
}
