/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entries of directors, routers and transports: definitions with their drivers. */
#include <string.h>

#include "config/parse.h"

#include "base/banned.h"

/* One table while it is read. */
struct table_parse {
    struct parse *parse;
    enum entry_kind kind;
    const char *file; /* NULL: compiled in */
    const struct attribute *generic;
    size_t generic_size;
    const struct driver *const *drivers;
    struct entries *entries;
};

const char *
entry_kind_name(enum entry_kind kind)
{
    static const char *const names[] = {
        [ENTRY_DIRECTOR] = "director",
        [ENTRY_ROUTER] = "router",
        [ENTRY_TRANSPORT] = "transport",
    };

    return names[kind];
}

const struct attribute *
entry_generic_rows(const struct entry *entry)
{
    static const struct attribute *const rows[] = {
        [ENTRY_DIRECTOR] = director_generic_attributes,
        [ENTRY_ROUTER] = router_generic_attributes,
        [ENTRY_TRANSPORT] = transport_generic_attributes,
    };

    return rows[entry->kind];
}

static const struct driver *
driver_find(const struct driver *const *drivers, const char *name)
{
    for (; drivers && *drivers; drivers++)
        if (attribute_name_is(name, (*drivers)->name, (*drivers)->aliases))
            return *drivers;
    return NULL;
}

/* The value of `driver` among the generic attributes, or NULL. */
static const struct setting *
driver_setting(const struct definition *definition)
{
    const struct setting *setting, *driver = NULL;

    for (setting = definition->generic; setting; setting = setting->next)
        if (strcmp(setting->name, "driver") == 0 && setting->form == SETTING_VALUE)
            driver = setting;
    return driver;
}

/* Tell what is wrong with the driver of an entry; NULL then. */
static const struct driver *
find_driver(struct table_parse *table, const struct definition *definition)
{
    const struct setting *setting = driver_setting(definition);
    const char *kind = entry_kind_name(table->kind);
    const struct driver *driver;
    struct nearest nearest = {0};

    if (!setting) {
        if (!definition->broken)
            problem_add(table->parse->problems, table->file, definition->line,
                        "%s %s: no driver found, 'driver = name' expected", kind,
                        definition->name);
        return NULL;
    }
    driver = driver_find(table->drivers, setting->value);
    if (driver || !table->file)
        return driver; /* what is not built in is not missed in the built-in tables */
    nearest.name = setting->value;
    for (size_t i = 0; table->drivers && table->drivers[i]; i++)
        nearest_offer(&nearest, table->drivers[i]->name);
    problem_add(table->parse->problems, table->file, setting->line,
                "%s %s: driver %s not found%s%s", kind, definition->name, setting->value,
                nearest.found ? "; the nearest one is " : "",
                nearest.found ? nearest.found : "");
    return NULL;
}

/* Attributes on one side of the semicolon; `other` are the rows that belong on the other.
 */
static bool
apply_settings(struct table_parse *table, const struct setting *setting,
               const struct attribute *rows, const struct attribute *other,
               const char *advice, void *config, const char *what,
               struct attribute_origin *origins)
{
    bool good = true;

    for (; setting; setting = setting->next) {
        if (!attribute_find(rows, setting->name) &&
            attribute_find(other, setting->name)) {
            problem_add(table->parse->problems, table->file, setting->line,
                        "%s%s: found on the wrong side, it belongs %s the ';'", what,
                        setting->name, advice);
            good = false;
        } else if (!parse_setting(table->parse, rows, config, setting, table->file, what,
                                  origins)) {
            good = false;
        }
    }
    return good;
}

/* Let the driver check and complete what it was given. */
static bool
init_driver(struct table_parse *table, const struct entry *entry, const char *what)
{
    struct error error = {0};

    if (!entry->driver->init ||
        entry->driver->init(entry->config, table->parse->arena, &error))
        return true;
    problem_add(table->parse->problems, table->file, entry->line, "%s%s", what,
                error.text);
    return false;
}

/* Fill `entry` from its definition; false when it has a mistake, which was told. */
static bool
entry_parse(struct table_parse *table, const struct definition *definition,
            struct entry *entry)
{
    static const struct attribute none[] = {{0}};
    struct arena *arena = table->parse->arena;
    const char *what =
        arena_format(arena, "%s %s: ", entry_kind_name(table->kind), definition->name);
    const struct driver *driver = find_driver(table, definition);
    const struct attribute *rows =
        driver && driver->attributes ? driver->attributes : none;
    void *generic = arena_alloc(arena, table->generic_size);
    void *config =
        arena_alloc(arena, driver && driver->config_size ? driver->config_size : 1);
    struct attribute_origin *generic_origins, *origins;
    bool good = driver && !definition->broken;

    if (!driver && !table->file)
        return false;
    generic_origins =
        arena_array(arena, attributes_count(table->generic), sizeof *generic_origins);
    origins = arena_array(arena, attributes_count(rows) + 1, sizeof *origins);
    attributes_default(table->generic, generic, arena);
    attributes_default(rows, config, arena);
    good &= apply_settings(table, definition->generic, table->generic, rows, "behind",
                           generic, what, generic_origins);
    if (driver)
        good &= apply_settings(table, definition->specific, rows, table->generic,
                               "in front of", config, what, origins);
    *entry = (struct entry){.kind = table->kind,
                            .name = definition->name,
                            .file = table->file,
                            .line = definition->line,
                            .driver = driver,
                            .config = config,
                            .generic_origins = generic_origins,
                            .origins = origins};
    entry->director = generic; /* the members of the union are pointers alike */
    return good && init_driver(table, entry, what);
}

/* Of two entries with one name the first counts, silently if a file overrides ours. */
static bool
is_second(struct table_parse *table, const struct definition *definition)
{
    const struct entry *first = entry_find(table->entries, definition->name);

    if (!first)
        return false;
    if (table->file)
        problem_warn(table->parse->problems, table->file, definition->line,
                     "%s %s: second entry of that name, the one in line %u counts",
                     entry_kind_name(table->kind), definition->name, first->line);
    return true;
}

/* Keep what was left out, so that the names in it are checked as well. */
static void
note_broken(struct table_parse *table, const struct entry *entry)
{
    struct entries *broken = &table->parse->configuration->broken;

    if (!table->file)
        return;
    broken->list = arena_grow(table->parse->arena, broken->list, broken->count,
                              broken->count + 1, sizeof *broken->list);
    broken->list[broken->count++] = *entry;
}

static void
read_text(struct table_parse *table, struct span text)
{
    struct parse *parse = table->parse;
    struct definition *definitions =
        lex_definitions(table->file, text, parse->arena, parse->problems);
    struct entries *entries = table->entries;
    size_t count = 0;

    for (struct definition *at = definitions; at; at = at->next)
        count++;
    entries->list = arena_grow(parse->arena, entries->list, entries->count,
                               entries->count + count, sizeof *entries->list);
    for (struct definition *at = definitions; at; at = at->next) {
        struct entry entry = {0};

        if (is_second(table, at))
            continue;
        if (entry_parse(table, at, &entry))
            entries->list[entries->count++] = entry;
        else
            note_broken(table, &entry);
    }
}

/* `replaces`: the file stands in place of the built-in table, else in front of it. */
static void
read_table(struct table_parse *table, const char *name, const char *built_in,
           bool replaces)
{
    const struct config_file *file = parse_file(table->parse, name);

    if (file) {
        table->file = arena_string(table->parse->arena, file->path);
        read_text(table, (struct span){file->text, file->length});
    }
    if (!file || !replaces) {
        table->file = NULL;
        read_text(table, span_of(built_in));
    }
}

void
parse_entries(struct parse *parse)
{
    struct configuration *configuration = parse->configuration;
    struct table_parse directors = {.parse = parse,
                                    .kind = ENTRY_DIRECTOR,
                                    .generic = director_generic_attributes,
                                    .generic_size = sizeof(struct director_generic),
                                    .drivers = parse->drivers->directors,
                                    .entries = &configuration->directors};
    struct table_parse routers = {.parse = parse,
                                  .kind = ENTRY_ROUTER,
                                  .generic = router_generic_attributes,
                                  .generic_size = sizeof(struct router_generic),
                                  .drivers = parse->drivers->routers,
                                  .entries = &configuration->routers};
    struct table_parse transports = {.parse = parse,
                                     .kind = ENTRY_TRANSPORT,
                                     .generic = transport_generic_attributes,
                                     .generic_size = sizeof(struct transport_generic),
                                     .drivers = parse->drivers->transports,
                                     .entries = &configuration->transports};

    read_table(&directors, "directors",
               default_directors(parse->bundle->alias_file, parse->arena), true);
    read_table(&routers, "routers",
               default_routers(&configuration->settings, parse->arena), true);
    read_table(&transports, "transports", default_transports(), false);
}
