/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -bC, smailctl check: every mistake in the administrator's files as "file:line: what was
 * found, what was expected", and what in the world around does not fit them.
 */
#include "command/command.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "command/aliases.h"
#include "net/dns_engine.h"
#include "resolve/resolve.h"

#include "base/banned.h"

struct checking {
    const struct options *options;
    struct configuration *configuration;
    struct problems *problems;
    struct arena *arena;
};

/* Where a variable was set; the config file itself for a default. */
static struct attribute_origin
variable_origin(const struct checking *checking, const char *name)
{
    const struct attribute *row = attribute_find(settings_attributes, name);
    struct attribute_origin origin = {NULL, 0};

    if (row && checking->configuration->origins)
        origin = checking->configuration->origins[row - settings_attributes];
    if (!origin.file)
        origin.file = checking->configuration->settings.config_file;
    return origin;
}

/* --- users --- */

static void
user_check(const struct checking *checking, const char *variable, const char *name)
{
    struct attribute_origin origin = variable_origin(checking, variable);

    if (!name || !name[0] || getpwnam(name))
        return;
    problem_add(checking->problems, origin.file, origin.line,
                "%s: there is no user %s; smail does not start without (see "
                "systemd-sysusers(8))",
                variable, name);
}

/* A house that is not root's runs as whoever started it, and needs no users. */
static void
users_check(const struct checking *checking)
{
    const struct settings *settings = &checking->configuration->settings;

    if (geteuid() != 0)
        return;
    user_check(checking, "spool_user", settings->spool_user);
    user_check(checking, "network_user", settings->network_user);
    user_check(checking, "map_user", settings->map_user);
}

/* --- postmaster --- */

static void
postmaster_check(const struct checking *checking)
{
    struct services *services = services_new(checking->configuration, NULL, "", true);
    struct envelope envelope = envelope_new();
    struct resolving resolving = {.configuration = checking->configuration,
                                  .services = services,
                                  .envelope = &envelope,
                                  .message_id = "",
                                  .arena = checking->arena};
    struct attribute_origin origin = variable_origin(checking, "postmaster_address");
    struct verification verification = {0};

    resolve_verify(&resolving, "postmaster", &verification);
    if (verification.failed)
        problem_warn(checking->problems, origin.file, origin.line,
                     "mail for postmaster does not arrive: %s", verification.error.text);
    else if (verification.final && strcmp(verification.final->user, "root") == 0)
        problem_warn(checking->problems, origin.file, origin.line,
                     "postmaster ends in root's mailbox, where nobody may look; an alias "
                     "to a person is better");
    services_free(services);
}

/* --- aliases and names --- */

static void
alias_tables_check(const struct checking *checking)
{
    struct alias_table *tables;
    size_t count =
        alias_tables_find(checking->configuration, NULL, checking->arena, &tables);

    for (size_t i = 0; i < count; i++) {
        struct stat text, database;

        if (!tables[i].database || stat(tables[i].text, &text) < 0)
            continue;
        if (stat(tables[i].database, &database) < 0)
            problem_warn(checking->problems, tables[i].text, 0,
                         "director %s: %s is missing, run newaliases", tables[i].director,
                         tables[i].database);
        else if (text.st_mtime > database.st_mtime)
            problem_warn(checking->problems, tables[i].text, 0,
                         "director %s: is newer than %s, run newaliases",
                         tables[i].director, tables[i].database);
    }
}

/* Routers that ask for names need the module. */
static void
names_check(const struct checking *checking)
{
    const struct entries *routers = &checking->configuration->routers;
    const struct dns_module *module;
    struct error error = {0};

    for (size_t i = 0; i < routers->count; i++) {
        const struct entry *router = &routers->list[i];

        if (strcmp(router->driver->name, "bind") != 0 &&
            strcmp(router->driver->name, "gethostbyname") != 0)
            continue;
        if (!dns_module_load(NULL, &module, &error))
            problem_warn(checking->problems, router->file, router->line,
                         "router %s: names cannot be looked up: %s", router->name,
                         error.text);
        return;
    }
}

/* --- the answer --- */

static void
problems_text(const struct problems *problems)
{
    for (const struct problem *problem = problems->first; problem;
         problem = problem->next) {
        printf("%s:", problem->file);
        if (problem->line > 0)
            printf("%u:", problem->line);
        printf(" %s%s\n", problem->warning ? "warning: " : "", problem->text);
    }
    if (problems->errors + problems->warnings == 0)
        puts("no problems found");
    else
        printf("%zu error%s, %zu warning%s\n", problems->errors,
               problems->errors == 1 ? "" : "s", problems->warnings,
               problems->warnings == 1 ? "" : "s");
}

static void
problems_json(const struct problems *problems, struct arena *arena)
{
    struct text text = text_new(arena);
    struct json json = json_new(&text);

    json_object(&json, NULL);
    json_number(&json, "errors", (int64_t)problems->errors);
    json_number(&json, "warnings", (int64_t)problems->warnings);
    json_array(&json, "problems");
    for (const struct problem *problem = problems->first; problem;
         problem = problem->next) {
        json_object(&json, NULL);
        json_string(&json, "file", problem->file);
        json_number(&json, "line", problem->line);
        json_bool(&json, "warning", problem->warning);
        json_string(&json, "text", problem->text);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    puts(text_string(&text));
}

int
command_check(const struct options *options)
{
    struct checking checking = {.options = options, .arena = options->arena};
    int code;

    checking.configuration = command_configuration(options, NULL, options->arena);
    checking.problems = &checking.configuration->problems;
    users_check(&checking);
    alias_tables_check(&checking);
    names_check(&checking);
    if (!configuration_is_broken(checking.configuration))
        postmaster_check(&checking);
    code = checking.problems->errors > 0 ? EX_CONFIG : EX_OK;
    if (options->json)
        problems_json(checking.problems, options->arena);
    else
        problems_text(checking.problems);
    configuration_free(checking.configuration);
    return code;
}
