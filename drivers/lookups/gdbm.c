/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gdbm: a GDBM file beside the text it was made from (FILE.gdbm). Keys are lower case,
 * with or without a NUL at the end. Such a file is never changed in place, only replaced
 * as a whole, so no lock is taken.
 */
#include <errno.h>
#include <gdbm.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "drivers/driver.h"

#include "base/banned.h"

struct gdbm {
    const char *file;
    GDBM_FILE database;
    bool broken; /* the library gave up on it */
};

/*
 * Where to go on when the library gives up, as it does for a file that ends too early. It
 * calls a function without any context and ends the process should that return, so this
 * is the one variable of its kind; it is set only while a call of the library runs.
 */
static jmp_buf *gdbm_guard;

static void
gdbm_give_up(const char *reason)
{
    if (gdbm_guard != NULL)
        longjmp(*gdbm_guard, 1);
    fprintf(stderr, "gdbm: %s\n", reason);
    _exit(EX_TEMPFAIL);
}

static bool
gdbm_broken(struct gdbm *opened, struct error *error)
{
    opened->broken = true;
    errno = EINVAL;
    return fail_temporary(error, "4.3.5", "%s: the database is damaged", opened->file);
}

/* Without a memory map: a file cut by somebody is an error, not a signal. */
static bool
gdbm_begin(struct gdbm *opened, int fd)
{
    jmp_buf guard;

    if (setjmp(guard) == 0) {
        gdbm_guard = &guard;
        opened->database = gdbm_fd_open(fd, opened->file, 0,
                                        GDBM_READER | GDBM_NOLOCK | GDBM_NOMMAP |
                                            GDBM_CLOEXEC | GDBM_CLOERROR,
                                        gdbm_give_up);
    } else {
        close(fd); /* it never came to that itself */
    }
    gdbm_guard = NULL;
    return opened->database != NULL;
}

/* gdbm_fetch(); false when the library gave up. */
static bool
gdbm_get(const struct gdbm *opened, datum wanted, datum *found)
{
    jmp_buf guard;

    if (setjmp(guard) == 0) {
        gdbm_guard = &guard;
        *found = gdbm_fetch(opened->database, wanted);
        gdbm_guard = NULL;
        return true;
    }
    gdbm_guard = NULL;
    return false;
}

static bool
gdbm_lookup_open(const char *file, struct arena *arena, void **table, struct stat *status,
                 struct error *error)
{
    struct gdbm *opened = arena_alloc(arena, sizeof(*opened));
    int fd;

    if (!file_open(file, true, &fd, status, error)) {
        if (errno != ENOENT && errno != ENOTDIR && error != NULL)
            error->permanent = false;
        return false;
    }
    opened->file = arena_string(arena, file);
    if (!gdbm_begin(opened, fd)) {
        errno = EINVAL;
        return fail_temporary(error, "4.3.5", "%s: %s", file, gdbm_strerror(gdbm_errno));
    }
    *table = opened;
    return true;
}

/* The value, then perhaps a NUL and the line of the text it came from. */
static void
value_read(datum found, const struct gdbm *opened, struct arena *arena,
           struct lookup_value *value)
{
    struct span all = {found.dptr, (size_t)found.dsize};
    size_t end = span_find(all, '\0');
    uint64_t line = 0;

    if (end < all.length && !span_number(span_from(all, end + 1), UINT32_MAX, &line))
        line = 0;
    value->value = span_string(span_trim(span_first(all, end)), arena);
    value->file = opened->file;
    value->line = (unsigned)line;
}

static enum lookup_result
gdbm_lookup_find(void *table, struct span key, struct arena *arena,
                 struct lookup_value *value, struct error *error)
{
    struct gdbm *opened = table;
    char *lower = span_lower(key, arena);

    if (key.length > INT32_MAX / 2)
        return LOOKUP_ABSENT;
    for (int nul = 0; nul <= 1; nul++) {
        datum wanted = {.dptr = lower, .dsize = (int)key.length + nul}, found;

        if (opened->broken || !gdbm_get(opened, wanted, &found)) {
            gdbm_broken(opened, error);
            return LOOKUP_FAILED;
        }
        if (found.dptr != NULL) {
            value_read(found, opened, arena, value);
            free(found.dptr);
            return LOOKUP_FOUND;
        }
        if (gdbm_errno != GDBM_ITEM_NOT_FOUND) {
            fail_temporary(error, "4.3.5", "%s: %s", opened->file,
                           gdbm_strerror(gdbm_errno));
            return LOOKUP_FAILED;
        }
    }
    return LOOKUP_ABSENT;
}

static void
gdbm_lookup_close(void *table)
{
    struct gdbm *opened = table;
    jmp_buf guard;

    if (setjmp(guard) == 0) {
        gdbm_guard = &guard;
        gdbm_close(opened->database);
    }
    gdbm_guard = NULL;
}

const struct lookup_driver gdbm_lookup = {
    .driver = {.name = "gdbm",
               .meaning = "a GDBM file, made by newaliases, beside the text"},
    .suffix = ".gdbm",
    .open = gdbm_lookup_open,
    .find = gdbm_lookup_find,
    .close = gdbm_lookup_close,
};
