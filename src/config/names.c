/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of this host and the other settings that follow from what is set. */
#include <string.h>

#include "config/settings.h"

#include "config/configuration.h"
#include "config/places.h"
#include "mail/domain.h"

#include "base/banned.h"

static const struct {
    const char *name, *why;
} obsolete[] = {
    {"smtp_rbl_domains", "this version asks no DNS block lists"},
    {"smtp_rbl_except", "this version asks no DNS block lists"},
    {"allow_one_mx_target_cname_hack", "an MX that points to a CNAME is always followed"},
    {"smtp_hello_verify", "this version does not check the name in HELO"},
    {"smtp_hello_verify_literal", "this version does not check the name in HELO"},
    {"smtp_hello_verify_ptr", "this version does not check the name in HELO"},
    {"smtp_hello_broken_allow", "this version does not check the name in HELO"},
    {"smtp_hello_reject_hosts", "use smtp_reject_hosts"},
    {"smtp_sender_reject", "this version does not refuse senders"},
    {"smtp_sender_no_verify", "this version does not verify senders"},
    {"smtp_permit_mx_backup", "relaying is allowed by smtp_remote_allow alone"},
    {"smtp_local_net", "use smtp_remote_allow"},
    {"smtp_local_sender_restrict", "this version does not refuse senders"},
    {"yp_domain", "NIS is gone"},
    {"uk_greybook_transport", "grey book mail is gone"},
};

const char *
settings_obsolete(const char *name)
{
    for (size_t i = 0; i < sizeof obsolete / sizeof obsolete[0]; i++)
        if (attribute_name_is(name, obsolete[i].name, NULL))
            return obsolete[i].why;
    return NULL;
}

/* A-label in lower case if it is a name at all; else as it was, which the check reports.
 */
static const char *
normal_name(const char *name, struct arena *arena)
{
    const char *domain;

    if (domain_normalise(span_of(name), true, arena, &domain, NULL))
        return domain;
    return name;
}

static struct list
normal_list(struct list list, struct arena *arena)
{
    const char **items = arena_array(arena, list.count, sizeof *items);

    for (size_t i = 0; i < list.count; i++)
        items[i] = normal_name(list.items[i], arena);
    return (struct list){.items = items, .count = list.count};
}

static struct list
one_name(const char *name, struct arena *arena)
{
    const char **items = arena_array(arena, 1, sizeof *items);

    items[0] = normal_name(name, arena);
    return (struct list){.items = items, .count = 1};
}

/* Is this a name with a domain, by which others can reach us? */
static bool
is_qualified(const char *name)
{
    return name && strchr(name, '.') && strncmp(name, "localhost.", 10) != 0;
}

/* short.domain for each of `domains`; else the system's full name; else the bare one. */
static struct list
computed_hostnames(const struct settings *settings, const char *bare,
                   const char *system_name, const char *system_fqdn, struct arena *arena)
{
    const char **items;

    if (settings->domains.count == 0) {
        if (is_qualified(system_name))
            return one_name(system_name, arena);
        return one_name(is_qualified(system_fqdn) ? system_fqdn : bare, arena);
    }
    items = arena_array(arena, settings->domains.count, sizeof *items);
    for (size_t i = 0; i < settings->domains.count; i++)
        items[i] = normal_name(
            arena_format(arena, "%s.%s", bare, settings->domains.items[i]), arena);
    return (struct list){.items = items, .count = settings->domains.count};
}

static void
complete_names(struct settings *settings, const char *system_name,
               const char *system_fqdn, struct arena *arena)
{
    struct span whole = span_of(system_name);
    const char *bare = span_string(span_first(whole, span_find(whole, '.')), arena);

    if (*bare == '\0')
        bare = "localhost";
    settings->domains = normal_list(settings->domains, arena);
    settings->auth_domains = normal_list(settings->auth_domains, arena);
    settings->more_hostnames = normal_list(settings->more_hostnames, arena);
    settings->hostnames =
        settings->hostnames.count > 0
            ? normal_list(settings->hostnames, arena)
            : computed_hostnames(settings, bare, system_name, system_fqdn, arena);
    settings->primary_name = settings->hostnames.items[0];
    settings->visible_name = settings->visible_name && settings->visible_name[0]
                                 ? normal_name(settings->visible_name, arena)
                                 : settings->primary_name;
    if (!settings->uucp_name || !settings->uucp_name[0])
        settings->uucp_name = bare;
}

/* An address of smtp_listen, whose port is the next item, since ':' separates items. */
static bool
is_listen_address(const char *item)
{
    return strchr(item, '.') || item[0] == '[' || strcmp(item, "*") == 0;
}

/* "127.0.0.1", "2525" is one place to listen at; a lone address has the usual port. */
static struct list
joined_listen(struct list list, struct arena *arena)
{
    const char **items = arena_array(arena, list.count, sizeof *items);
    size_t count = 0;

    for (size_t i = 0; i < list.count; i++) {
        const char *item = list.items[i];
        bool has_port = i + 1 < list.count && !is_listen_address(list.items[i + 1]);

        if (is_listen_address(item) && has_port)
            item = arena_format(arena, "%s:%s", item, list.items[++i]);
        else if (is_listen_address(item))
            item = arena_format(arena, "%s:smtp", item);
        items[count++] = item;
    }
    return (struct list){.items = items, .count = count};
}

static void
complete_places(struct settings *settings, struct arena *arena)
{
    settings->spool_dir =
        settings->spool_dirs.count > 0 ? settings->spool_dirs.items[0] : SMAIL_SPOOL_DIR;
    if (!settings->logfile)
        settings->logfile = arena_format(arena, "%s/log/logfile", settings->spool_dir);
    if (!settings->paniclog)
        settings->paniclog = arena_format(arena, "%s/log/paniclog", settings->spool_dir);
    if (!settings->run_dir || !settings->run_dir[0])
        settings->run_dir = settings_run_dir(settings, arena);
}

void
settings_complete(struct settings *settings, const char *system_name,
                  const char *system_fqdn, struct arena *arena)
{
    complete_names(settings, system_name ? system_name : "", system_fqdn, arena);
    complete_places(settings, arena);
    settings->smtp_listen = joined_listen(settings->smtp_listen, arena);
}

const char *
settings_run_dir(const struct settings *settings, struct arena *arena)
{
    const char *spool = settings->spool_dir ? settings->spool_dir : SMAIL_SPOOL_DIR;

    if (settings->run_dir && settings->run_dir[0])
        return settings->run_dir;
    if (strcmp(spool, SMAIL_SPOOL_DIR) == 0)
        return SMAIL_RUN_DIR;
    return arena_format(arena, "%s/run", spool);
}

bool
host_is_local(const struct settings *settings, const char *host)
{
    /* RFC 6761 6.3: localhost is the loopback interface, whatever anybody configures. */
    return list_has(settings->hostnames, host) ||
           list_has(settings->more_hostnames, host) ||
           (settings->uucp_name && span_is_nocase(span_of(host), settings->uucp_name)) ||
           span_is_nocase(span_of(host), "localhost");
}
