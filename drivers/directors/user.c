/* SPDX-License-Identifier: GPL-3.0-or-later */
/* user: login names get a transport, which writes the user's mailbox. */
#include "drivers/directors/login.h"

#include "base/banned.h"

struct user_config {
    const char *transport;
    const char *prefix;
    bool ignore_case;
};

static const struct attribute user_attributes[] = {
    ATTRIBUTE(struct user_config, transport, "local",
              "transport that delivers to the user"),
    ATTRIBUTE(struct user_config, prefix, NULL,
              "text that must stand before the login name, and is taken off"),
    ATTRIBUTE(struct user_config, ignore_case, "on",
              "a name that is no login name as written is tried in lower case"),
    {0},
};

/*
 * declined  no prefix, or no such login name
 * assigned  the transport, as that user
 * deferred  the name service cannot answer
 */
static enum verdict
user_direct(const void *config, struct directing *directing)
{
    const struct user_config *attributes = config;
    const char *name = directing->local_part;
    struct user user;
    bool found;

    if (directing->address->kind != ADDRESS_MAIL)
        return VERDICT_DECLINED;
    name = login_strip(name, attributes->prefix, NULL, directing->arena);
    if (name == NULL) {
        driver_trace(directing->services, "\"%s\" does not begin with \"%s\"",
                     directing->local_part,
                     attributes->prefix != NULL ? attributes->prefix : "");
        return VERDICT_DECLINED;
    }
    if (!login_find(directing, name, attributes->ignore_case, &user, &found,
                    &directing->error))
        return VERDICT_DEFERRED;
    if (!found) {
        driver_trace(directing->services, "no login name \"%s\"", name);
        return VERDICT_DECLINED;
    }
    directing->transport = attributes->transport;
    directing->user = directing->user_variable = user.name;
    directing->home = user.home;
    return VERDICT_ASSIGNED;
}

const struct director_driver user_director = {
    .driver = {.name = "user",
               .meaning = "login names, each with a mailbox",
               .attributes = user_attributes,
               .config_size = sizeof(struct user_config)},
    .direct = user_direct,
};
