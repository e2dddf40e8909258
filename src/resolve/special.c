/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and commands: only directors make them, and how far the list is trusted that
 * they stand in decides whether and as whom they are used (reference 4.3).
 */
#include <string.h>

#include "mail/status.h"
#include "resolve/walk.h"

#include "base/banned.h"

static bool
refuse(struct error *error, const struct address *address, const char *reason)
{
    return fail_permanent_number(error, ERR_SECURITY, "5.7.1",
                                 "security violation: %s %s: %s",
                                 address_kind_name(address->kind), address->text, reason);
}

/* Whether the list may name files and commands; sets the user that it means. */
static bool
trust_allows(const struct walk *walk, const struct address *address, const char **user,
             struct error *error)
{
    const struct settings *settings = &walk->configuration->settings;
    const struct entry *maker =
        entry_find(&walk->configuration->directors, address->director);
    const char *nobody = settings->nobody != NULL ? settings->nobody : "";

    switch (address->trust) {
    case TRUST_CLEAN:
        *user = address->user[0] != '\0' ? address->user : nobody;
        return true;
    case TRUST_CAUTION:
        *user = nobody;
        return (maker != NULL && maker->director->nobody) ||
               refuse(error, address, "the list it is in is not safe");
    default:
        return refuse(error, address, "the list it is in is unsecure");
    }
}

/* Absolute, without "..", and no device but the one that takes everything. */
static bool
path_is_fine(const char *path)
{
    struct span rest = span_of(path), part;

    if (path[0] != '/')
        return false;
    if (strncmp(path, "/dev/", 5) == 0 && strcmp(path, "/dev/null") != 0)
        return false;
    while (span_next(&rest, '/', &part))
        if (span_is(part, ".."))
            return false;
    return true;
}

static bool
user_is_fine(const struct walk *walk, const struct address *address, const char *name,
             struct user *user, struct error *error)
{
    bool found;

    if (!walk->services->user(walk->services, name, walk->arena, user, &found, error))
        return false;
    if (!found)
        return fail_temporary(error, "4.3.5", "no user \"%s\" to deliver to %s as", name,
                              address->text);
    return user->uid != 0 || refuse(error, address, "never as the superuser");
}

bool
special_is_allowed(struct walk *walk, struct node *node)
{
    const char *user;
    struct error error = {0};

    if (trust_allows(walk, &node->resolved.address, &user, &error))
        return true;
    node_fail(node, &error, REPORT_OWNER);
    return false;
}

void
special_address(struct walk *walk, struct node *node)
{
    struct address *address = &node->resolved.address;
    bool file = address->kind == ADDRESS_FILE;
    const char *transport = file ? "file" : "pipe", *name = "";
    struct error error = {0};
    struct user user;

    if (entry_find(&walk->configuration->transports, transport) == NULL) {
        fail_temporary_number(&error,
                              file ? ERR_NO_FILE_TRANSPORT : ERR_NO_PIPE_TRANSPORT,
                              "4.3.5", "no transport named \"%s\"", transport);
        node_fail(node, &error, REPORT_CONFIG);
        return;
    }
    if ((file && !path_is_fine(address->text) &&
         !refuse(&error, address, "not a path that mail is written to")) ||
        !trust_allows(walk, address, &name, &error) ||
        !user_is_fine(walk, address, name, &user, &error)) {
        node_fail(node, &error, error.permanent ? REPORT_OWNER : REPORT_CONFIG);
        return;
    }
    if (strcmp(name, address->user) != 0)
        address->group = "";
    address->user = user.name;
    address->home = user.home;
    address->transport = transport;
    address->next_hop = "";
    address->next_address = address->text;
    node_assign(walk, node);
}
