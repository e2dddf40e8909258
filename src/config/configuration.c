/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a bundle of files to a configuration. */
#include "config/configuration.h"

#include <string.h>

#include "config/expand.h"
#include "config/parse.h"

#include "base/banned.h"

const struct config_file *
bundle_find(const struct config_bundle *bundle, const char *name)
{
    for (const struct config_file *file = bundle->files; file; file = file->next)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

const struct config_file *
parse_file(struct parse *parse, const char *name)
{
    const struct config_file *file = bundle_find(parse->bundle, name);

    if (!file)
        return NULL;
    if (file->problem) {
        problem_add(parse->problems, file->path, 0, "%s", file->problem);
        return NULL;
    }
    if (!file->text && parse->configuration->settings.require_configs &&
        strcmp(file->path, "-") != 0)
        problem_add(parse->problems, file->path, 0,
                    "missing, which require_configs does not permit");
    return file->text ? file : NULL;
}

/* An attribute called cmd holds a command, in every driver. */
static bool
check_expansion(const struct attribute *row, const struct setting *setting,
                struct error *error)
{
    if (setting->form != SETTING_VALUE ||
        (row->type != ATTRIBUTE_EXPANDED && row->type != ATTRIBUTE_EXPANDED_LIST))
        return true;
    return expand_check(setting->value, strcmp(row->name, "cmd") == 0, error) ||
           error_prefix(error, "%s", row->name);
}

bool
parse_setting(struct parse *parse, const struct attribute *rows, void *config,
              const struct setting *setting, const char *file, const char *what,
              struct attribute_origin *origins)
{
    const struct attribute *row = attribute_find(rows, setting->name);
    bool idle = row && (row->flags & ATTRIBUTE_NO_EFFECT) != 0;
    const char *before = idle ? attribute_print(row, config, parse->arena) : "";
    struct error error = {0};

    if (!attribute_apply(rows, config, setting, file, parse->arena, origins, &error) ||
        !check_expansion(row, setting, &error)) {
        problem_add(parse->problems, file, setting->line, "%s%s", what, error.text);
        return false;
    }
    if (idle && file && strcmp(before, attribute_print(row, config, parse->arena)) != 0)
        problem_warn(parse->problems, file, setting->line, "%s%s: has no effect (%s)",
                     what, row->name, row->meaning);
    return true;
}

static void
parse_settings_file(struct parse *parse, const char *name)
{
    struct configuration *configuration = parse->configuration;
    const struct config_file *file = parse_file(parse, name);
    const struct setting *setting;
    struct span text;
    const char *path;

    if (!file)
        return;
    path = arena_string(parse->arena, file->path);
    text = (struct span){file->text, file->length};
    for (setting = lex_settings(path, text, parse->arena, parse->problems); setting;
         setting = setting->next) {
        const char *why = settings_obsolete(setting->name);

        if (why)
            problem_add(parse->problems, path, setting->line, "%s: is gone: %s",
                        setting->name, why);
        else
            parse_setting(parse, settings_attributes, &configuration->settings, setting,
                          path, "", configuration->origins);
    }
}

void
parse_settings(struct parse *parse)
{
    struct configuration *configuration = parse->configuration;
    const struct config_file *primary = bundle_find(parse->bundle, "config");

    configuration->origins =
        arena_array(parse->arena, attributes_count(settings_attributes),
                    sizeof *configuration->origins);
    attributes_default(settings_attributes, &configuration->settings, parse->arena);
    parse_settings_file(parse, "config");
    parse_settings_file(parse, "second");
    parse_settings_file(parse, "overrides");
    if (primary)
        configuration->settings.config_file = arena_string(parse->arena, primary->path);
    parse_vital(parse);
    settings_complete(&configuration->settings, parse->bundle->system_name,
                      parse->bundle->system_fqdn, parse->arena);
}

struct configuration *
configuration_parse(const struct config_bundle *bundle,
                    const struct driver_lists *drivers)
{
    struct arena *arena = arena_new();
    struct configuration *configuration = arena_alloc(arena, sizeof *configuration);
    struct parse parse = {.configuration = configuration,
                          .bundle = bundle,
                          .drivers = drivers,
                          .arena = arena,
                          .problems = &configuration->problems};

    configuration->arena = arena;
    configuration->generation = bundle->generation;
    problems_begin(&configuration->problems, arena);
    parse_settings(&parse);
    parse_tables(&parse);
    parse_entries(&parse);
    parse_check(&parse);
    problems_sort(&configuration->problems);
    return configuration;
}

void
configuration_free(struct configuration *configuration)
{
    if (configuration)
        arena_free(configuration->arena);
}

bool
configuration_is_broken(const struct configuration *configuration)
{
    return configuration->problems.errors > 0;
}

const struct entry *
entry_find(const struct entries *entries, const char *name)
{
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->list[i].name, name) == 0)
            return &entries->list[i];
    return NULL;
}
