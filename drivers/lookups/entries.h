/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text tables as administrators write them: a key, a blank or a colon, a value. Shared by
 * the lookups that read such files and by what compiles them.
 */
#ifndef DRIVERS_LOOKUPS_ENTRIES_H
#define DRIVERS_LOOKUPS_ENTRIES_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"

/* A table is read into memory as a whole; larger ones belong into a database. */
enum { TABLE_FILE_LIMIT = 256 * 1024 * 1024 };

struct table_entry {
    struct span key; /* as written, in the file's text; quotes and backslashes still in */
    struct span value; /* as written, of all its lines; see table_value() */
    unsigned line;     /* of the key */
};

/* Where reading stands. */
struct table_reader {
    struct span rest;
    unsigned line;     /* of the first octet of `rest`, from 1 */
    bool line_by_line; /* an entry is one line, and there are no comments (bsearch) */
};

struct table_reader table_reader_new(struct span text, bool line_by_line);

/*
 * The next entry. An entry begins in column 1 and goes on over lines that begin with a
 * blank (reference 2.1); lines of comment and empty ones do not end it. False at the end.
 */
bool table_entry_next(struct table_reader *reader, struct table_entry *entry);

/* The key as it is compared: lower case, without the quotes it may be written in. */
struct span table_key(struct span key, struct arena *arena);

/* The value on one line: comments cut, line ends made blanks, trimmed. */
const char *table_value(struct span value, struct arena *arena);

/* Order of two keys in a sorted table: by octets, without case. */
int table_key_compare(struct span a, struct span b);

/*
 * Read a table file. NUL octets are an error that names the line. False: permanent when
 * the file is missing (errno ENOENT, ENOTDIR), temporary otherwise.
 */
bool table_file_load(const char *file, struct arena *arena, struct span *text,
                     struct stat *status, struct error *error);

#endif
