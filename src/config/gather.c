/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the administrator's files into a bundle. Each is opened once, checked on its
 * descriptor, and refused when anybody but root or we could have written it.
 */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "config/parse.h"
#include "config/places.h"

#include "base/banned.h"

enum { FILE_LIMIT = 4 * 1024 * 1024 };

struct gather {
    const struct config_paths *paths;
    struct config_bundle *bundle;
    struct config_file **last;
    struct settings settings; /* as far as read */
    struct arena *arena;
};

/* --- one file --- */

static bool
is_trusted_owner(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

/* A directory or link on the way; NULL when nobody else can change what is behind it. */
static const char *
step_problem(const char *path, const struct stat *status, struct arena *arena)
{
    bool sticky = (status->st_mode & S_ISVTX) != 0 && status->st_uid == 0;
    bool group = (status->st_mode & S_IWGRP) != 0 && status->st_gid != 0;
    bool others = (status->st_mode & S_IWOTH) != 0;

    if (!is_trusted_owner(status->st_uid))
        return arena_format(arena, "%s is owned by uid %lu, root or uid %lu needed", path,
                            (unsigned long)status->st_uid, (unsigned long)geteuid());
    if (S_ISDIR(status->st_mode) && (group || others) && !sticky)
        return arena_format(arena,
                            "%s has mode %04o, not writable by group or others needed",
                            path, (unsigned)status->st_mode & 07777);
    return NULL;
}

/* All directories (and links to directories) that `path` goes through. */
static const char *
way_problem(const char *path, struct arena *arena)
{
    char *way = arena_string(arena, path);

    for (char *slash = strchr(way, '/'); slash; slash = strchr(slash + 1, '/')) {
        char next = slash[1];
        struct stat status;
        const char *problem;

        if (slash == way)
            slash[1] = '\0';
        else
            slash[0] = '\0';
        if (lstat(way, &status) != 0)
            return arena_format(arena, "%s: %s", way, strerror(errno));
        problem = step_problem(way, &status, arena);
        if (problem)
            return problem;
        slash[0] = '/';
        slash[1] = next;
    }
    return NULL;
}

static const char *
file_problem(const struct stat *status, struct arena *arena)
{
    if (!is_trusted_owner(status->st_uid))
        return arena_format(arena, "is owned by uid %lu, root or uid %lu needed",
                            (unsigned long)status->st_uid, (unsigned long)geteuid());
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return arena_format(arena,
                            "has mode %04o, not writable by group or others needed",
                            (unsigned)status->st_mode & 07777);
    return NULL;
}

/* Fill text or problem; a file that is not there has neither. */
static void
file_fetch(struct config_file *file, struct arena *arena)
{
    struct error error = {0};
    struct span content;
    struct stat status;
    char real[PATH_MAX];

    if (!realpath(file->path, real)) {
        if (errno != ENOENT && errno != ENOTDIR)
            file->problem = arena_string(arena, strerror(errno));
        return;
    }
    file->problem = way_problem(file->path, arena);
    if (!file->problem)
        file->problem = way_problem(real, arena);
    if (file->problem)
        return;
    if (!file_load(real, false, FILE_LIMIT, arena, &content, &status, &error)) {
        if (errno != ENOENT)
            file->problem = arena_string(arena, error.text);
        return;
    }
    file->problem = file_problem(&status, arena);
    if (!file->problem) {
        file->text = content.bytes;
        file->length = content.length;
    }
}

static struct config_file *
add_file(struct gather *gather, const char *name, const char *path)
{
    struct config_file *file = arena_alloc(gather->arena, sizeof *file);

    file->name = name;
    file->path = path;
    *gather->last = file;
    gather->last = &file->next;
    return file;
}

/* `given`: the command line asked for this one, so it has to be there. */
static struct config_file *
read_file(struct gather *gather, const char *name, const char *path, bool given)
{
    struct config_file *file = add_file(gather, name, path);

    if (strcmp(path, "-") == 0)
        return file;
    file_fetch(file, gather->arena);
    if (given && !file->text && !file->problem)
        file->problem = "does not exist";
    return file;
}

/* --- where the files are --- */

static const char *
below(struct gather *gather, const char *directory, const char *path)
{
    if (path[0] == '/' || strcmp(path, "-") == 0)
        return path;
    return arena_format(gather->arena, "%s/%s", directory, path);
}

static const char *
library_directory(const struct gather *gather)
{
    const char *directory = gather->settings.smail_lib_dir;

    return directory && directory[0] ? directory : SMAIL_LIB_DIR;
}

/* The settings as far as they were read, to find out about more files. */
static void
read_settings(struct gather *gather)
{
    struct configuration configuration = {.arena = gather->arena};
    struct parse parse = {.configuration = &configuration,
                          .bundle = gather->bundle,
                          .arena = gather->arena,
                          .problems = &configuration.problems};

    problems_begin(&configuration.problems, gather->arena);
    parse_settings(&parse);
    gather->settings = configuration.settings;
}

static void
override_path(struct gather *gather, struct text *text, const char *name,
              const char *path)
{
    if (path && strcmp(path, "-") == 0)
        text_add_format(text, "-%s\n", name);
    else if (path)
        text_add_format(text, "%s = %s\n", name, lex_quote(path, gather->arena));
}

/* The command line as one more file of variables, read last. */
static void
add_overrides(struct gather *gather)
{
    const struct config_paths *paths = gather->paths;
    struct text text = text_new(gather->arena);
    struct config_file *file;

    override_path(gather, &text, "smail_lib_dir", paths->library);
    override_path(gather, &text, "second_config_file", paths->second);
    override_path(gather, &text, "director_file", paths->directors);
    override_path(gather, &text, "router_file", paths->routers);
    override_path(gather, &text, "transport_file", paths->transports);
    override_path(gather, &text, "qualify_file", paths->qualify);
    override_path(gather, &text, "retry_file", paths->retry);
    for (size_t i = 0; paths->overrides && paths->overrides[i]; i++)
        text_add_format(&text, "%s\n", paths->overrides[i]);
    if (text.length == 0)
        return;
    file = add_file(gather, "overrides", "(command line)");
    file->text = text_string(&text);
    file->length = text.length;
}

/* A table whose name a variable holds; unset: the built-in one. */
static struct config_file *
add_table(struct gather *gather, const char *name, const char *given,
          const char *variable)
{
    if (!variable || !variable[0])
        return NULL;
    return read_file(gather, name, below(gather, library_directory(gather), variable),
                     given != NULL);
}

/* The method files that the routers name. */
static void
add_methods(struct gather *gather, const struct config_file *routers)
{
    const char *directory = gather->settings.method_dir;
    struct problems ignored;
    struct definition *at;

    if (!routers || !routers->text)
        return;
    directory = below(gather, library_directory(gather),
                      directory && directory[0] ? directory : "methods");
    problems_begin(&ignored, gather->arena);
    at = lex_definitions(routers->path, (struct span){routers->text, routers->length},
                         gather->arena, &ignored);
    for (; at; at = at->next)
        for (struct setting *setting = at->generic; setting; setting = setting->next) {
            const char *name;

            if (strcmp(setting->name, "method") != 0 || !setting->value ||
                !setting->value[0])
                continue;
            name = arena_format(gather->arena, "methods/%s", setting->value);
            if (!bundle_find(gather->bundle, name))
                read_file(gather, name, below(gather, directory, setting->value), false);
        }
}

/* --- what the system knows --- */

static const char *
host_name(struct arena *arena)
{
    char name[HOST_NAME_MAX + 2] = "";

    if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
        return "localhost";
    return arena_string(arena, name);
}

/* The name with its domain; asked only when the configuration gives none. */
static const char *
full_host_name(const struct gather *gather)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    const char *name = "";

    if (getaddrinfo(gather->bundle->system_name, NULL, &hints, &found) != 0)
        return "";
    if (found && found->ai_canonname && strchr(found->ai_canonname, '.'))
        name = arena_string(gather->arena, found->ai_canonname);
    freeaddrinfo(found);
    return name;
}

/* Were the names computed from a bare host name, for want of anything better? */
static bool
needs_full_name(const struct gather *gather)
{
    return gather->settings.hostnames.count == 1 &&
           strchr(gather->settings.primary_name, '.') == NULL &&
           gather->settings.domains.count == 0 &&
           span_is_nocase(span_of(gather->settings.primary_name),
                          gather->bundle->system_name);
}

static const char *
alias_file(void)
{
    if (access(SMAIL_ALIASES, F_OK) != 0 && access(SMAIL_OLD_ALIASES, F_OK) == 0)
        return SMAIL_OLD_ALIASES;
    return SMAIL_ALIASES;
}

static void
add_settings_files(struct gather *gather)
{
    const struct config_paths *paths = gather->paths;
    const char *library = paths->library ? paths->library : SMAIL_LIB_DIR;
    const char *second;

    read_file(gather, "config",
              paths->config ? paths->config : below(gather, library, "config"),
              paths->config != NULL);
    add_overrides(gather);
    read_settings(gather);
    second = gather->settings.second_config_file;
    if (second && second[0]) {
        read_file(gather, "second", below(gather, library_directory(gather), second),
                  paths->second != NULL);
        read_settings(gather);
    }
}

struct config_bundle *
config_gather(const struct config_paths *paths, uint64_t generation, struct arena *arena)
{
    struct config_bundle *bundle = arena_alloc(arena, sizeof *bundle);
    struct gather gather = {
        .paths = paths, .bundle = bundle, .last = &bundle->files, .arena = arena};
    const struct settings *settings = &gather.settings;

    bundle->generation = generation;
    bundle->system_name = host_name(arena);
    bundle->system_fqdn = "";
    bundle->alias_file = alias_file();
    add_settings_files(&gather);
    if (needs_full_name(&gather))
        bundle->system_fqdn = full_host_name(&gather);
    add_table(&gather, "directors", paths->directors, settings->director_file);
    add_methods(&gather,
                add_table(&gather, "routers", paths->routers, settings->router_file));
    add_table(&gather, "transports", paths->transports, settings->transport_file);
    add_table(&gather, "qualify", paths->qualify, settings->qualify_file);
    add_table(&gather, "retry", paths->retry, settings->retry_file);
    return bundle;
}
