/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The administrator's files, read once. The master gathers their text into a bundle,
 * checks it, and hands the same bytes to every role, which parses them with the same
 * code: so all of a generation agree, and no role opens a configuration file. A
 * configuration never changes after it was made; a reload makes another.
 */
#ifndef CONFIG_CONFIGURATION_H
#define CONFIG_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pack.h"
#include "config/attribute.h"
#include "config/lexer.h"
#include "config/settings.h"

/* --- the bundle --- */

struct config_file {
    /*
     * "config", "second", "overrides", "directors", "routers", "transports", "qualify",
     * "retry", "methods/NAME" (the name as in the routers)
     */
    const char *name;
    const char *path; /* where it was read; "-" for none at all */
    const char *text; /* NULL: missing (defaults apply) */
    const char
        *problem; /* NULL, or why it cannot be used (mode, owner, unreadable, too big) */
    size_t length;
    struct config_file *next;
};

struct config_bundle {
    uint64_t generation;     /* counts up with each reload */
    const char *system_name; /* gethostname() */
    const char *system_fqdn; /* with its domain, from the name service; "" unknown */
    const char *alias_file;  /* of the built-in directors; NULL: the build's */
    struct config_file *files;
};

/* What -C, -oL, -oD, ... and SMAIL_CONFIG say; NULL: not given; "-": read none. */
struct config_paths {
    const char *library, *config, *second, *directors, *routers, *transports, *qualify,
        *retry;
    const char *const
        *overrides; /* "name=value" lines of the command line, NULL-terminated, or NULL */
};

/*
 * Read the files (checks of reliability 4.5 on each: owner root or ours, not writable by
 * others; the problem stands in its config_file). Never fails as a whole.
 */
struct config_bundle *config_gather(const struct config_paths *paths, uint64_t generation,
                                    struct arena *arena);
void config_bundle_pack(const struct config_bundle *bundle, struct pack *pack);
bool config_bundle_unpack(struct unpack *unpack, struct arena *arena,
                          struct config_bundle **bundle);

/* --- the parsed form --- */

/* Generic attributes of each kind of entry (reference 4.2, 5.2, 6.1). */
struct director_generic {
    const char *driver;
    bool caution, nobody, sender_okay, ignore_alias_match;
    struct expanded owner, default_home, set_home;
    const char *default_user, *default_group, *set_user, *set_group;
    struct list domains;
};

struct router_generic {
    const char *driver, *transport, *method;
    bool always;
};

struct transport_generic {
    const char *driver;
    int64_t max_addrs, max_hosts, max_chars; /* 0: unlimited */
    bool received, return_path, from, unix_from_hack, local, local_xform, inet, uucp;
    bool strict, crlf, dots, bsmtp, hbsmtp, debug;
    const char *shadow, *error_transport, *retry_dir;
    struct expanded_list remove_header, insert_header, append_header;
    int64_t max_deliveries; /* at once for one destination of this transport */
};

enum entry_kind { ENTRY_DIRECTOR, ENTRY_ROUTER, ENTRY_TRANSPORT };

/* One entry of directors, routers or transports. */
struct entry {
    enum entry_kind kind;
    const char *name;
    const char *file; /* NULL: compiled in */
    unsigned line;
    const struct driver *driver;
    void *config; /* the driver's own struct, checked */
    union {
        const struct director_generic *director;
        const struct router_generic *router;
        const struct transport_generic *transport;
    };
    const struct attribute_origin *generic_origins, *origins;
};

struct entries {
    struct entry *list;
    size_t count;
};

struct retry_rule {
    struct list domains;                /* "*" matches every host */
    struct duration interval, duration; /* 0: no limit */
};

struct method_file {
    const char *name, *path;
    struct pair *pairs; /* "host" or "host/grades" to transport */
    struct method_file *next;
};

struct configuration {
    struct arena *arena;
    uint64_t generation;
    struct settings settings;
    struct entries directors, routers, transports;
    struct pair *qualify;
    struct retry_rule *retry;
    size_t retry_count;
    struct retry_rule default_retry; /* for hosts that `retry` does not name */
    struct method_file *methods;
    struct entries
        broken; /* left out of the tables for their mistakes; driver may be NULL */
    struct problems problems;         /* all of them; errors > 0 means broken */
    struct attribute_origin *origins; /* of the settings, a row each */
};

/* The drivers that are built in, by kind, NULL-terminated (drivers/list.h makes them). */
struct driver_lists {
    const struct driver *const *directors;
    const struct driver *const *routers;
    const struct driver *const *transports;
};

/*
 * Parse a bundle. Always returns a configuration: with `problems.errors` > 0 its settings
 * are those that could be read (vital ones the defaults) and mail must be kept, not
 * delivered. Entries with mistakes are left out of the tables. The caller frees it.
 */
struct configuration *configuration_parse(const struct config_bundle *bundle,
                                          const struct driver_lists *drivers);
void configuration_free(struct configuration *configuration);
bool configuration_is_broken(const struct configuration *configuration);

const struct entry *entry_find(const struct entries *entries, const char *name);

/* The method file of that name (as the routers write it), or NULL. */
const struct method_file *method_find(const struct configuration *configuration,
                                      const char *name);
/* The transport that a method file names for a host and grade; NULL when none does. */
const char *method_transport(const struct configuration *configuration,
                             const char *method, const char *host, char grade);
/* The retry rule for a host; never NULL (the defaults of `config`). */
const struct retry_rule *retry_rule_for(const struct configuration *configuration,
                                        const char *host);
/* The domain that `qualify` gives an undotted host; NULL for none. */
const char *qualify_domain(const struct configuration *configuration, const char *host);

/* Is this (normalised) name one of ours (reference 8.4)? Literals of own addresses are
 * not decided here. */
bool host_is_local(const struct settings *settings, const char *host);

/* Rows of the generic attributes. */
extern const struct attribute director_generic_attributes[];
extern const struct attribute router_generic_attributes[];
extern const struct attribute transport_generic_attributes[];

/*
 * The compiled-in tables, in the syntax of the files. The routers depend on `smart_path`
 * and `domains`, the directors on where the alias file is (NULL: where the build says).
 */
const char *default_directors(const char *alias_file, struct arena *arena);
const char *default_routers(const struct settings *settings, struct arena *arena);
const char *default_transports(void);

/*
 * -bP: print NAME: a variable; "help"; "all" or "CONFIG", "DIRECTORS", "ROUTERS",
 * "TRANSPORTS", "QUALIFY", "RETRY", "METHODS", "ALL" (in the syntax of the files); an
 * entry's name. False: unknown name, with the nearest.
 *
 *   with_name  "name=value" instead of the value alone; in tables, all attributes of the
 *              entries instead of those that were set, and where each thing comes from
 *   text       takes the lines; NULL if `json` is given
 *   json       not NULL: add a member NAME to the object that is open there
 */
bool configuration_print(const struct configuration *configuration, const char *name,
                         bool with_name, struct text *text, struct json *json,
                         struct error *error);

#endif
