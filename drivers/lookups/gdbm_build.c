/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The builder. Each record is the value, a NUL, and the line of the source in decimal, so
 * that a decision can still say which line made it.
 */
#include "drivers/lookups/gdbm_build.h"

#include <errno.h>
#include <fcntl.h>
#include <gdbm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "drivers/lookups/entries.h"
#include "mail/mailbox.h"

#include "base/banned.h"

enum { ADDRESS_LIMIT = 1000000 };

/* One build: files, and the arena of the entry at hand. */
struct building {
    const char *source, *target;
    char *aside; /* "" while there is none */
    struct stat status;
    struct span text;
    bool addresses;
    GDBM_FILE database;
    struct arena *arena, *scratch;
    struct gdbm_build *result;
    struct error *error;
};

static bool
build_fail(struct building *building, const char *call)
{
    return fail_temporary(building->error, "4.3.0", "%s: %s: %s", building->aside, call,
                          strerror(errno));
}

static bool
build_fail_gdbm(struct building *building)
{
    return fail_temporary(building->error, "4.3.0", "%s: %s", building->aside,
                          gdbm_strerror(gdbm_errno));
}

/* A new file beside the target, open in GDBM. */
static bool
build_begin(struct building *building)
{
    int fd;

    building->aside = arena_format(building->arena, "%s.XXXXXX", building->target);
    fd = mkostemp(building->aside, O_CLOEXEC);
    if (fd < 0) {
        build_fail(building, "create");
        building->aside[0] = '\0';
        return false;
    }
    building->database = gdbm_fd_open(fd, building->aside, 0,
                                      GDBM_NEWDB | GDBM_NOLOCK | GDBM_CLOERROR, NULL);
    return building->database != NULL || build_fail_gdbm(building);
}

static bool
entry_check(struct building *building, const struct table_entry *entry, const char *value)
{
    struct mailbox_item *items;

    if (!building->addresses)
        return true;
    if (!mailbox_list_parse(span_of(value), MAILBOX_LIST_SPECIAL | MAILBOX_LIST_BLANKS,
                            ADDRESS_LIMIT, building->scratch, &items, building->error))
        return error_prefix(building->error, "%s:%u", building->source, entry->line);
    return items != NULL || fail_permanent(building->error, "5.3.5",
                                           "%s:%u: no address found, a list expected",
                                           building->source, entry->line);
}

static bool
entry_store(struct building *building, const struct table_entry *entry)
{
    struct span key = table_key(entry->key, building->scratch);
    const char *value = table_value(entry->value, building->scratch);
    struct text record = text_new(building->scratch);
    datum name = {(char *)(uintptr_t)key.bytes, (int)key.length}, content;
    int stored;

    if (!entry_check(building, entry, value))
        return false;
    text_add(&record, value);
    text_add_byte(&record, '\0');
    text_add_format(&record, "%u", entry->line);
    if (key.length > INT32_MAX || record.length > INT32_MAX)
        return fail_permanent(building->error, "5.3.4", "%s:%u: the entry is too long",
                              building->source, entry->line);
    content = (datum){record.bytes, (int)record.length};
    stored = gdbm_store(building->database, name, content, GDBM_INSERT);
    if (stored < 0)
        return build_fail_gdbm(building);
    if (stored > 0) {
        building->result->duplicates++;
        return true;
    }
    building->result->entries++;
    building->result->octets += strlen(value);
    if (strlen(value) > building->result->longest)
        building->result->longest = strlen(value);
    return true;
}

static bool
build_fill(struct building *building)
{
    struct table_reader reader = table_reader_new(building->text, false);
    struct table_entry entry;

    while (table_entry_next(&reader, &entry)) {
        if (!entry_store(building, &entry))
            return false;
        arena_reset(building->scratch);
    }
    return true;
}

/* As the source is; somebody else's file stays ours, for then it is ours to answer for.
 */
static bool
build_own(struct building *building)
{
    int fd = gdbm_fdesc(building->database);

    if (geteuid() == 0 &&
        fchown(fd, building->status.st_uid, building->status.st_gid) != 0)
        return build_fail(building, "chown");
    return fchmod(fd, building->status.st_mode & 0644) == 0 ||
           build_fail(building, "chmod");
}

/* Durable, and then in place. */
static bool
build_finish(struct building *building)
{
    GDBM_FILE database = building->database;

    if (!build_own(building))
        return false;
    if (gdbm_sync(database) != 0)
        return build_fail_gdbm(building);
    if (!file_sync(gdbm_fdesc(database), building->aside, building->error))
        return false;
    building->database = NULL;
    if (gdbm_close(database) != 0)
        return build_fail_gdbm(building);
    if (rename(building->aside, building->target) != 0)
        return build_fail(building, "rename");
    building->aside[0] = '\0';
    return file_sync_directory(building->target, building->error);
}

bool
gdbm_build(const char *source, bool addresses, struct gdbm_build *result,
           struct error *error)
{
    struct arena *arena = arena_new();
    struct building building = {.source = source,
                                .target = arena_format(arena, "%s.gdbm", source),
                                .aside = arena_string(arena, ""),
                                .addresses = addresses,
                                .arena = arena,
                                .scratch = arena_new(),
                                .result = result,
                                .error = error};
    bool built;

    *result = (struct gdbm_build){0};
    built = table_file_load(source, arena, &building.text, &building.status, error) &&
            build_begin(&building) && build_fill(&building) && build_finish(&building);
    if (building.database != NULL)
        gdbm_close(building.database);
    if (building.aside[0] != '\0')
        unlink(building.aside);
    arena_free(building.scratch);
    arena_free(arena);
    return built;
}
