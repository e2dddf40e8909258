/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * newaliases, -bi: makes the databases that aliasfile directors read from the texts that
 * people edit, with the rights of whoever calls it. Where the text itself is read there
 * is nothing to make, and only a summary is printed.
 */
#include "command/aliases.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "command/command.h"
#include "config/expand.h"
#include "drivers/lookups/entries.h"
#include "drivers/lookups/gdbm_build.h"
#include "mail/mailbox.h"

#include "base/banned.h"

#define GDBM_SUFFIX ".gdbm"

enum { MEMBERS_LIMIT = 1000000 };

/* --- which tables --- */

/* An attribute as it was set, "" for none. */
static const char *
attribute_text(const struct entry *entry, const char *name, struct arena *arena)
{
    const struct attribute *row = attribute_find(entry->driver->attributes, name);
    const char *value = row ? attribute_value(row, entry->config, arena) : NULL;

    return value ? value : "";
}

/* The name of the file, absolute; NULL when it depends on the address. */
static const char *
file_name(const struct configuration *configuration, const char *written,
          struct arena *arena)
{
    struct expansion expansion = expansion_new(&configuration->settings, arena);
    const char *name;

    if (!written[0] || !expand(written, &expansion, &name, NULL) || !name[0])
        return NULL;
    if (name[0] == '/')
        return name;
    return arena_format(arena, "%s/%s", configuration->settings.smail_lib_dir, name);
}

static void
table_name(struct alias_table *table, const char *director, const char *proto,
           const char *file, struct arena *arena)
{
    struct span text = span_of(file);

    if (span_ends_nocase(text, GDBM_SUFFIX))
        text.length -= strlen(GDBM_SUFFIX);
    table->director = director;
    table->proto = proto;
    table->text = span_string(text, arena);
    table->database = strcmp(proto, "gdbm") == 0
                          ? arena_format(arena, "%s" GDBM_SUFFIX, table->text)
                          : NULL;
}

static bool
table_is_new(const struct alias_table *tables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tables[i].text, tables[count].text) == 0 &&
            strcmp(tables[i].proto, tables[count].proto) == 0)
            return false;
    return true;
}

size_t
alias_tables_find(const struct configuration *configuration, const char *file,
                  struct arena *arena, struct alias_table **tables)
{
    const struct entries *directors = &configuration->directors;
    size_t count = 0;

    *tables = arena_array(arena, directors->count + 1, sizeof **tables);
    for (size_t i = 0; i < directors->count; i++) {
        const struct entry *director = &directors->list[i];
        const char *proto, *name;

        if (strcmp(director->driver->name, "aliasfile") != 0)
            continue;
        proto = attribute_text(director, "proto", arena);
        name = file ? file
                    : file_name(configuration, attribute_text(director, "file", arena),
                                arena);
        if (!name)
            continue;
        table_name(&(*tables)[count], director->name, proto, name, arena);
        if (table_is_new(*tables, count))
            count++;
        if (file)
            return count;
    }
    if (file && count == 0)
        table_name(&(*tables)[count++], "", "lsearch", file, arena);
    return count;
}

/* --- making and counting --- */

static bool
members_check(const struct alias_table *table, const struct table_entry *entry,
              struct arena *arena)
{
    struct mailbox_item *items;
    struct error error = {0};

    if (mailbox_list_parse(span_of(table_value(entry->value, arena)),
                           MAILBOX_LIST_SPECIAL | MAILBOX_LIST_BLANKS, MEMBERS_LIMIT,
                           arena, &items, &error) &&
        items)
        return true;
    fprintf(stderr, "%s:%u: %s\n", table->text, entry->line,
            error.text[0] ? error.text : "no address found, a list expected");
    return false;
}

/* Read what the lookup would read. False: a mistake in it, which was told. */
static bool
table_count(const struct alias_table *table, struct gdbm_build *result,
            struct error *error)
{
    struct arena *arena = arena_new(), *entry_arena = arena_new();
    struct table_reader reader;
    struct table_entry entry;
    struct span text;
    struct stat status;
    bool good = true;

    memset(result, 0, sizeof *result);
    if (!table_file_load(table->text, arena, &text, &status, error)) {
        arena_free(entry_arena);
        arena_free(arena);
        return false;
    }
    reader = table_reader_new(text, strcmp(table->proto, "bsearch") == 0);
    while (table_entry_next(&reader, &entry)) {
        uint64_t length = strlen(table_value(entry.value, entry_arena));

        result->entries++;
        result->octets += length;
        if (length > result->longest)
            result->longest = length;
        good &= members_check(table, &entry, entry_arena);
        arena_reset(entry_arena);
    }
    arena_free(entry_arena);
    arena_free(arena);
    return good || fail_permanent(error, "5.3.5", "%s: has mistakes", table->text);
}

static int
table_make(const struct options *options, const struct alias_table *table)
{
    struct gdbm_build result = {0};
    struct error error = {0};
    bool made = table->database ? gdbm_build(table->text, true, &result, &error)
                                : table_count(table, &result, &error);

    if (!made) {
        fprintf(stderr, "%s: %s\n", options->program, error.text);
        return error.permanent ? EX_DATAERR : EX_CANTCREAT;
    }
    printf("%s: %" PRIu64 " aliases, longest %" PRIu64 " bytes, %" PRIu64
           " bytes total\n",
           table->text, result.entries, result.longest, result.octets);
    if (result.duplicates > 0)
        printf("%s: %" PRIu64 " names stand there twice; the first one counts\n",
               table->text, result.duplicates);
    return EX_OK;
}

int
command_aliases(const struct options *options)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    struct alias_table *tables;
    size_t count =
        alias_tables_find(configuration, options->aliases, options->arena, &tables);
    int worst = EX_OK;

    for (size_t i = 0; i < count; i++) {
        int code = table_make(options, &tables[i]);

        if (code != EX_OK)
            worst = code;
    }
    if (count == 0)
        printf("%s: no director reads an alias file\n", options->program);
    configuration_free(configuration);
    return worst;
}
