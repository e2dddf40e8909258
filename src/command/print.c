/* SPDX-License-Identifier: GPL-3.0-or-later */
/* -bP, -bV, -bc: what this program is and how it is configured. */
#include "command/command.h"

#include <gdbm.h>
#include <idn2.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/file.h"
#include "config/places.h"
#include "config/print.h"
#include "config/version.h"
#include "drivers/driver.h"

#include "base/banned.h"

enum { COPYING_LIMIT = 1 << 20 };

/* --- tables of the manual --- */

static void
drivers_mdoc(const char *kind, const struct driver *const *drivers, struct text *text)
{
    for (size_t i = 0; drivers[i]; i++) {
        text_add_format(text, ".Ss %s %s\n%s.\n", kind, drivers[i]->name,
                        drivers[i]->meaning);
        if (drivers[i]->attributes && drivers[i]->attributes[0].name)
            attributes_mdoc(drivers[i]->attributes, text);
    }
}

/*
 * One table for each word: "config", the generic attributes and drivers of "directors",
 * "routers", "transports".
 */
static bool
table_mdoc(const char *name, struct text *text)
{
    if (strcmp(name, "config") == 0) {
        attributes_mdoc(settings_attributes, text);
    } else if (strcmp(name, "directors") == 0) {
        attributes_mdoc(director_generic_attributes, text);
        drivers_mdoc("Director", driver_lists.directors, text);
    } else if (strcmp(name, "routers") == 0) {
        attributes_mdoc(router_generic_attributes, text);
        drivers_mdoc("Router", driver_lists.routers, text);
    } else if (strcmp(name, "transports") == 0) {
        attributes_mdoc(transport_generic_attributes, text);
        drivers_mdoc("Transport", driver_lists.transports, text);
    } else {
        return false;
    }
    return true;
}

static int
mdoc_print(const struct options *options)
{
    static const char *const all[] = {"config", "directors", "routers", "transports"};
    const char *const *names = options->arguments;
    size_t count = options->argument_count;
    struct text text = text_new(options->arena);

    if (count == 0) {
        names = all;
        count = sizeof all / sizeof all[0];
    }
    for (size_t i = 0; i < count; i++)
        if (!table_mdoc(names[i], &text)) {
            fprintf(stderr,
                    "%s: %s: the tables are config, directors, routers, transports\n",
                    options->program, names[i]);
            return EX_USAGE;
        }
    fputs(text_string(&text), stdout);
    return EX_OK;
}

/* --- -bP --- */

int
command_print(const struct options *options)
{
    struct arena *arena = options->arena;
    struct configuration *configuration;
    struct text text = text_new(arena);
    struct json json = json_new(&text);
    int code = EX_OK;

    if (options->mdoc)
        return mdoc_print(options);
    configuration = command_configuration(options, NULL, arena);
    if (options->json)
        json_object(&json, NULL);
    for (size_t i = 0; i < options->argument_count; i++) {
        struct error error = {0};

        if (configuration_print(configuration, options->arguments[i], options->debug > 0,
                                options->json ? NULL : &text,
                                options->json ? &json : NULL, &error))
            continue;
        fprintf(stderr, "%s: %s\n", options->program, error.text);
        code = EX_USAGE;
    }
    if (options->json) {
        json_end_object(&json);
        text_add_byte(&text, '\n');
    }
    fputs(text_string(&text), stdout);
    if (configuration_is_broken(configuration)) {
        fprintf(stderr, "%s: the configuration has %zu error%s, see %s -bC\n",
                options->program, configuration->problems.errors,
                configuration->problems.errors == 1 ? "" : "s", options->program);
        code = code == EX_OK ? EX_CONFIG : code;
    }
    configuration_free(configuration);
    return code;
}

/* --- -bV --- */

static void
names_print(const char *title, const struct driver *const *drivers)
{
    printf("%s:", title);
    for (size_t i = 0; drivers[i]; i++)
        printf(" %s", drivers[i]->name);
    putchar('\n');
}

int
command_version(const struct options *options)
{
    (void)options;
    printf("Smail %s (%s)\n", SMAIL_VERSION, SMAIL_RELEASE_DATE);
    names_print("directors", driver_lists.directors);
    names_print("routers", driver_lists.routers);
    names_print("transports", driver_lists.transports);
    printf("lookups:");
    for (size_t i = 0; lookup_drivers[i]; i++)
        printf(" %s", lookup_drivers[i]->driver.name);
    printf("\nlibraries: libevent %s, libidn2 %s, %s\n", event_get_version(),
           idn2_check_version(NULL), gdbm_version);
    printf("features:%s%s%s\n",
#ifdef HAVE_UNBOUND
           " dns",
#else
           "",
#endif
#ifdef HAVE_SECCOMP
           " seccomp",
#else
           "",
#endif
#ifdef HAVE_LINUX_LANDLOCK_H
           " landlock"
#else
           ""
#endif
    );
    printf("configuration: %s\nspool: %s\n", SMAIL_LIB_DIR, SMAIL_SPOOL_DIR);
    return EX_OK;
}

/* --- -bc --- */

int
command_copying(const struct options *options)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    const char *path = configuration->settings.copying_file;
    struct error error = {0};
    struct span content;
    struct stat status;

    if (!path || !file_load(path, true, COPYING_LIMIT, options->arena, &content, &status,
                            &error)) {
        fprintf(stderr,
                "%s: %s\nSmail is free software under the GNU General Public License, "
                "version 3 or later,\nwithout any warranty: "
                "https://www.gnu.org/licenses/gpl-3.0.html\n",
                options->program, path ? error.text : "copying_file is not set");
        configuration_free(configuration);
        return EX_OSFILE;
    }
    fwrite(content.bytes, 1, content.length, stdout);
    configuration_free(configuration);
    return EX_OK;
}
