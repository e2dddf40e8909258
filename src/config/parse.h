/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files that make a configuration from a bundle share. */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "config/configuration.h"

struct parse {
    struct configuration *configuration;
    const struct config_bundle *bundle;
    const struct driver_lists *drivers;
    struct arena *arena;
    struct problems *problems;
};

/* The file of that name in the bundle; its text, or NULL with its problem told. */
const struct config_file *bundle_find(const struct config_bundle *bundle,
                                      const char *name);
const struct config_file *parse_file(struct parse *parse, const char *name);

/* The settings alone, completed: all that is needed to find the other files. */
void parse_settings(struct parse *parse);

void parse_entries(struct parse *parse);
void parse_tables(struct parse *parse);

/* Settings that may not be empty get their default back, and a problem. */
void parse_vital(struct parse *parse);

/* What can only be seen when everything was read: names that point nowhere. */
void parse_check(struct parse *parse);

/*
 * Apply one setting and check expansions in it. `what` stands in front of the problem
 * ("router smart_host: "). A warning if it changes what has no effect. False: told as a
 * problem.
 */
bool parse_setting(struct parse *parse, const struct attribute *rows, void *config,
                   const struct setting *setting, const char *file, const char *what,
                   struct attribute_origin *origins);

const char *entry_kind_name(enum entry_kind kind);
const struct attribute *entry_generic_rows(const struct entry *entry);

#endif
