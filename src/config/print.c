/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -bP: the configuration in force. Tables and lists of variables are printed in the
 * syntax of the files, so that what comes out can be put in again.
 */
#include <string.h>

#include "config/configuration.h"
#include "config/parse.h"
#include "config/version.h"

#include "base/banned.h"

/* Everything that printing one name needs. */
struct print {
    const struct configuration *configuration;
    bool with_name;
    struct text *text;
    struct json *json;
    struct arena *arena;
};

/* --- variables --- */

/* A bare value in one line: quoted only when a control character would end it. */
static const char *
one_line(const char *value, struct arena *arena)
{
    for (const char *at = value; *at; at++)
        if (byte_is_control(*at))
            return lex_quote(value, arena);
    return value;
}

/* "value" or "name=value"; booleans and what is unset as they stand in a file. */
static void
print_variable(struct print *print, const struct attribute *row)
{
    const void *settings = &print->configuration->settings;
    const char *value = attribute_value(row, settings, print->arena);

    if (!value || row->type == ATTRIBUTE_BOOL)
        text_add_format(print->text, "%c%s\n", value ? '+' : '-', row->name);
    else if (print->with_name)
        text_add_format(print->text, "%s=%s\n", row->name,
                        lex_quote(value, print->arena));
    else
        text_add_format(print->text, "%s\n", one_line(value, print->arena));
}

/* Where a value comes from: "default", "computed", "/usr/lib/smail/config:12". */
static const char *
origin_print(const struct attribute *row, const void *config,
             const struct attribute_origin *origin, struct arena *arena)
{
    bool is_text = row->type == ATTRIBUTE_TEXT || row->type == ATTRIBUTE_LIST;

    if (origin->file)
        return arena_format(arena, "%s:%u", origin->file, origin->line);
    if (origin->line > 0)
        return "built in";
    return is_text && !row->value && attribute_value(row, config, arena) ? "computed"
                                                                         : "default";
}

/* What stands behind a line: where it comes from if asked for, and that it does nothing.
 */
static void
add_remark(struct print *print, const struct attribute *row)
{
    const struct configuration *configuration = print->configuration;
    bool idle = (row->flags & ATTRIBUTE_NO_EFFECT) != 0;

    if (print->with_name)
        text_add_format(print->text, "\t# %s%s",
                        origin_print(row, &configuration->settings,
                                     &configuration->origins[row - settings_attributes],
                                     print->arena),
                        idle ? ", no effect" : "");
    else if (idle)
        text_add(print->text, "\t# no effect");
}

static void
print_variables(struct print *print)
{
    for (const struct attribute *row = settings_attributes; row->name; row++) {
        if (row->flags & ATTRIBUTE_READ_ONLY)
            text_add(print->text, "# ");
        text_add(print->text,
                 attribute_print(row, &print->configuration->settings, print->arena));
        add_remark(print, row);
        text_add_byte(print->text, '\n');
    }
}

static void
print_help(struct print *print)
{
    for (const struct attribute *row = settings_attributes; row->name; row++)
        text_add_format(print->text, "%-30s %-16s %s\n", row->name,
                        attribute_type_name(row->type), row->meaning);
}

static void
json_row(struct json *json, const struct attribute *row, const void *config,
         const struct attribute_origin *origin, struct arena *arena)
{
    struct attribute value = *row;

    value.name = "value";
    json_object(json, row->name);
    attribute_json(&value, config, json);
    json_string(json, "type", attribute_type_name(row->type));
    json_string(json, "default", row->value);
    json_string(json, "origin", origin_print(row, config, origin, arena));
    if (row->flags & ATTRIBUTE_NO_EFFECT)
        json_bool(json, "no_effect", true);
    json_string(json, "meaning", row->meaning);
    json_end_object(json);
}

static void
json_variables(struct print *print, const char *name)
{
    json_object(print->json, name);
    for (const struct attribute *row = settings_attributes; row->name; row++)
        json_row(print->json, row, &print->configuration->settings,
                 &print->configuration->origins[row - settings_attributes], print->arena);
    json_end_object(print->json);
}

/* --- entries --- */

/* Rows of one side of the semicolon: those that were set, or all of them. */
static void
print_rows(struct print *print, const struct attribute *rows, const void *config,
           const struct attribute_origin *origins, bool all, const char *first)
{
    const char *separator = first;

    for (size_t i = 0; rows && rows[i].name; i++) {
        bool is_driver = strcmp(rows[i].name, "driver") == 0;

        if (is_driver || (!all && origins[i].line == 0))
            continue;
        text_add_format(print->text, "%s%s", separator,
                        attribute_print(&rows[i], config, print->arena));
        separator = ",\n\t";
    }
}

static void
print_entry(struct print *print, const struct entry *entry, bool all)
{
    if (print->with_name && entry->file)
        text_add_format(print->text, "# %s:%u\n", entry->file, entry->line);
    else if (print->with_name)
        text_add(print->text, "# built in\n");
    text_add_format(print->text, "%s:\n\tdriver = %s", entry->name, entry->driver->name);
    print_rows(print, entry_generic_rows(entry), entry->director, entry->generic_origins,
               all, ",\n\t");
    print_rows(print, entry->driver->attributes, entry->config, entry->origins, all,
               ";\n\t");
    text_add(print->text, "\n\n");
}

static void
json_rows(struct print *print, const char *name, const struct attribute *rows,
          const void *config, const struct attribute_origin *origins)
{
    json_object(print->json, name);
    for (size_t i = 0; rows && rows[i].name; i++)
        json_row(print->json, &rows[i], config, &origins[i], print->arena);
    json_end_object(print->json);
}

static void
json_entry(struct print *print, const char *name, const struct entry *entry)
{
    struct json *json = print->json;

    json_object(json, name);
    json_string(json, "name", entry->name);
    json_string(json, "kind",
                entry->kind == ENTRY_DIRECTOR ? "director"
                : entry->kind == ENTRY_ROUTER ? "router"
                                              : "transport");
    json_string(json, "driver", entry->driver->name);
    json_string(json, "file", entry->file);
    json_number(json, "line", entry->file ? entry->line : 0);
    json_rows(print, "generic", entry_generic_rows(entry), entry->director,
              entry->generic_origins);
    json_rows(print, "attributes", entry->driver->attributes, entry->config,
              entry->origins);
    json_end_object(json);
}

static void
print_entries(struct print *print, const char *name, const struct entries *entries)
{
    if (print->json)
        json_array(print->json, name);
    for (size_t i = 0; i < entries->count; i++) {
        if (print->json)
            json_entry(print, NULL, &entries->list[i]);
        else
            print_entry(print, &entries->list[i], print->with_name);
    }
    if (print->json)
        json_end_array(print->json);
}

/* --- small tables --- */

static void
json_pair(struct json *json, const char *key_name, const char *key,
          const char *value_name, const char *value)
{
    json_object(json, NULL);
    json_string(json, key_name, key);
    json_string(json, value_name, value);
    json_end_object(json);
}

static void
print_pairs(struct print *print, const char *name, const char *key_name,
            const char *value_name, const struct pair *pair)
{
    if (print->json)
        json_array(print->json, name);
    for (; pair; pair = pair->next) {
        if (print->json)
            json_pair(print->json, key_name, pair->key, value_name, pair->value);
        else
            text_add_format(print->text, "%s\t%s\n", lex_quote(pair->key, print->arena),
                            lex_quote(pair->value, print->arena));
    }
    if (print->json)
        json_end_array(print->json);
}

static void
print_retry_rule(struct print *print, const char *domains, const struct retry_rule *rule)
{
    const char *interval =
        rule->interval.seconds > 0 ? duration_print(rule->interval, print->arena) : "";
    const char *duration =
        rule->duration.seconds > 0 ? duration_print(rule->duration, print->arena) : "";

    if (!print->json) {
        text_add_format(print->text, "%s\t%s/%s\n", domains, interval, duration);
        return;
    }
    json_object(print->json, NULL);
    json_string(print->json, "domains", domains);
    json_number(print->json, "interval", rule->interval.seconds);
    json_number(print->json, "duration", rule->duration.seconds);
    json_end_object(print->json);
}

/* With the rule for all others, which the variables give if the file does not. */
static void
print_retry(struct print *print, const char *name)
{
    const struct configuration *configuration = print->configuration;
    bool star = false;

    if (print->json)
        json_array(print->json, name);
    for (size_t i = 0; i < configuration->retry_count; i++) {
        const struct retry_rule *rule = &configuration->retry[i];

        print_retry_rule(print, list_print(rule->domains, print->arena), rule);
        star = star || list_has(rule->domains, "*");
    }
    if (!star)
        print_retry_rule(print, "*", &configuration->default_retry);
    if (print->json)
        json_end_array(print->json);
}

static void
print_methods(struct print *print, const char *name)
{
    const struct method_file *method = print->configuration->methods;

    if (print->json)
        json_object(print->json, name);
    for (; method; method = method->next) {
        if (!print->json)
            text_add_format(print->text, "# %s\n", method->path);
        print_pairs(print, method->name, "host", "transport", method->pairs);
    }
    if (print->json)
        json_end_object(print->json);
}

/* --- names --- */

static void
print_config(struct print *print, const char *name)
{
    if (print->json)
        json_variables(print, name);
    else
        print_variables(print);
}

static void
print_directors(struct print *print, const char *name)
{
    print_entries(print, name, &print->configuration->directors);
}

static void
print_routers(struct print *print, const char *name)
{
    print_entries(print, name, &print->configuration->routers);
}

static void
print_transports(struct print *print, const char *name)
{
    print_entries(print, name, &print->configuration->transports);
}

static void
print_qualify(struct print *print, const char *name)
{
    print_pairs(print, name, "host", "domain", print->configuration->qualify);
}

static void
print_help_name(struct print *print, const char *name)
{
    if (print->json)
        json_variables(print, name);
    else
        print_help(print);
}

static void print_all(struct print *print, const char *name);

static const struct special {
    const char *name;
    bool table; /* one of those that ALL prints */
    void (*print)(struct print *print, const char *name);
} specials[] = {
    {"help", false, print_help_name}, {"all", false, print_config},
    {"CONFIG", true, print_config},   {"DIRECTORS", true, print_directors},
    {"ROUTERS", true, print_routers}, {"TRANSPORTS", true, print_transports},
    {"QUALIFY", true, print_qualify}, {"RETRY", true, print_retry},
    {"METHODS", true, print_methods}, {"ALL", false, print_all},
};

enum { SPECIALS = sizeof specials / sizeof specials[0] };

static void
print_all(struct print *print, const char *name)
{
    if (print->json)
        json_object(print->json, name);
    for (size_t i = 0; i < SPECIALS; i++) {
        if (!specials[i].table)
            continue;
        if (!print->json)
            text_add_format(print->text, "# --- %s ---\n", specials[i].name);
        specials[i].print(print, specials[i].name);
    }
    if (print->json)
        json_end_object(print->json);
}

static const struct entry *
find_entry(const struct configuration *configuration, const char *name)
{
    const struct entry *entry = entry_find(&configuration->directors, name);

    if (!entry)
        entry = entry_find(&configuration->routers, name);
    return entry ? entry : entry_find(&configuration->transports, name);
}

static bool
print_special(struct print *print, const char *name)
{
    for (size_t i = 0; i < SPECIALS; i++)
        if (strcmp(specials[i].name, name) == 0) {
            specials[i].print(print, name);
            return true;
        }
    return false;
}

static void
print_version(struct print *print, const char *name, const char *value)
{
    if (print->json)
        json_string(print->json, name, value);
    else if (print->with_name)
        text_add_format(print->text, "%s=%s\n", name, lex_quote(value, print->arena));
    else
        text_add_format(print->text, "%s\n", value);
}

static bool
unknown_name(const struct configuration *configuration, const char *name,
             struct error *error)
{
    struct nearest nearest = {.name = name};
    const struct entries *tables[] = {&configuration->directors, &configuration->routers,
                                      &configuration->transports};
    const char *why = settings_obsolete(name);

    if (why)
        return fail_permanent(error, "5.3.5", "%.60s: is gone: %s", name, why);
    for (const struct attribute *row = settings_attributes; row->name; row++)
        nearest_offer(&nearest, row->name);
    for (size_t i = 0; i < SPECIALS; i++)
        nearest_offer(&nearest, specials[i].name);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (size_t j = 0; j < tables[i]->count; j++)
            nearest_offer(&nearest, tables[i]->list[j].name);
    return fail_permanent(error, "5.3.5", "%.60s: unknown name%s%s", name,
                          nearest.found ? "; the nearest one is " : "",
                          nearest.found ? nearest.found : "");
}

bool
configuration_print(const struct configuration *configuration, const char *name,
                    bool with_name, struct text *text, struct json *json,
                    struct error *error)
{
    struct print print = {.configuration = configuration,
                          .with_name = with_name,
                          .text = text,
                          .json = json,
                          .arena = text ? text->arena : json->text->arena};
    const struct attribute *row = attribute_find(settings_attributes, name);
    const struct entry *entry;

    if (row) {
        if (json)
            json_row(json, row, &configuration->settings,
                     &configuration->origins[row - settings_attributes], print.arena);
        else
            print_variable(&print, row);
        return true;
    }
    if (version_variable(name)) {
        print_version(&print, name, version_variable(name));
        return true;
    }
    if (print_special(&print, name))
        return true;
    entry = find_entry(configuration, name);
    if (!entry)
        return unknown_name(configuration, name, error);
    if (json)
        json_entry(&print, name, entry);
    else
        print_entry(&print, entry, true);
    return true;
}
