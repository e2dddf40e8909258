/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configurations from texts. */
#include "tests/unit/config/sample.h"

#include <string.h>

#include "base/banned.h"

#define ROW(field, value) ATTRIBUTE(struct sample_config, field, value, "for a test", )

static const struct attribute rows[] = {
    ROW(file, NULL),  ROW(transport, NULL), ROW(path, NULL),
    ROW(cmd, NULL),   ROW(optional, NULL),  ROW(count, "3"),
    ROW(mode, "022"), ROW(domains, NULL),   {0},
};

static bool
picky_init(void *config, struct arena *arena, struct error *error)
{
    struct sample_config *sample = config;

    if (!sample->file)
        return fail_permanent(error, "5.3.5", "file: nothing found, a name expected");
    if (sample->file[0] != '/')
        sample->file = arena_format(arena, "/picked/%s", sample->file);
    return true;
}

static const struct driver plain = {.name = "plain",
                                    .aliases = "simple:easy",
                                    .meaning = "takes what it gets",
                                    .attributes = rows,
                                    .config_size = sizeof(struct sample_config)};
static const struct driver picky = {.name = "picky",
                                    .meaning = "wants a file",
                                    .attributes = rows,
                                    .config_size = sizeof(struct sample_config),
                                    .init = picky_init};
static const struct driver bare = {.name = "bare", .meaning = "has no attributes"};

static const struct driver *const list[] = {&plain, &picky, &bare, NULL};

const struct driver_lists sample_drivers = {
    .directors = list, .routers = list, .transports = list};

static void
add_file(struct config_bundle *bundle, struct arena *arena, const char *name,
         const char *text)
{
    struct config_file *file = arena_alloc(arena, sizeof *file);

    file->name = name;
    file->path = name;
    file->text = text;
    file->length = strlen(text);
    file->next = bundle->files;
    bundle->files = file;
}

struct config_bundle *
sample_bundle(struct arena *arena, const char *name, const char *text,
              const char *second_name, const char *second_text)
{
    struct config_bundle *bundle = arena_alloc(arena, sizeof *bundle);

    bundle->generation = 7;
    bundle->system_name = "vlager";
    bundle->system_fqdn = "vlager.vbrew.com";
    if (name)
        add_file(bundle, arena, name, text);
    if (second_name)
        add_file(bundle, arena, second_name, second_text);
    return bundle;
}

struct configuration *
sample_parse(const char *name, const char *text, const char *second_name,
             const char *second_text)
{
    struct arena *arena = arena_new();
    struct configuration *configuration = configuration_parse(
        sample_bundle(arena, name, text, second_name, second_text), &sample_drivers);

    arena_free(arena); /* a configuration needs its bundle no more */
    return configuration;
}

const char *
sample_problems(const struct configuration *configuration)
{
    struct text text = text_new(configuration->arena);

    for (const struct problem *problem = configuration->problems.first; problem;
         problem = problem->next)
        text_add_format(&text, "%s\n", problem_print(problem, configuration->arena));
    return text_string(&text);
}
