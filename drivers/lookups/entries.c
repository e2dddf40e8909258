/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading of text tables, entry by entry, in place. Nothing is copied until an entry is
 * asked for, so a large file costs one read and one pass.
 */
#include "drivers/lookups/entries.h"

#include <errno.h>

#include "base/file.h"

#include "base/banned.h"

struct table_reader
table_reader_new(struct span text, bool line_by_line)
{
    return (struct table_reader){.rest = text, .line = 1, .line_by_line = line_by_line};
}

/* Take the line at the front, without its end. */
static struct span
line_take(struct table_reader *reader)
{
    size_t length = span_find(reader->rest, '\n');
    struct span line = span_first(reader->rest, length);

    reader->rest = span_from(reader->rest, length + 1);
    reader->line++;
    return line;
}

/* Does this line begin an entry, if it is not in the middle of one? */
static bool
line_begins(const struct table_reader *reader)
{
    char first = reader->rest.length > 0 ? reader->rest.bytes[0] : '\n';

    if (first == '\n' || first == '\r')
        return false;
    return reader->line_by_line || (first != '#' && !byte_is_blank(first));
}

/* Octets of the key at the front of an entry, its quotes included. */
static size_t
key_length(struct span line)
{
    size_t length = 0;

    if (line.bytes[0] == '"') {
        for (length = 1; length < line.length && line.bytes[length] != '"'; length++)
            if (line.bytes[length] == '\\')
                length++;
        return length < line.length ? length + 1 : line.length;
    }
    while (length < line.length && line.bytes[length] != ':' &&
           !byte_is_space(line.bytes[length]))
        length++;
    return length;
}

/* What follows the key: blanks, perhaps a colon. */
static struct span
after_key(struct span rest)
{
    while (rest.length > 0 && byte_is_blank(rest.bytes[0]))
        rest = span_from(rest, 1);
    if (rest.length > 0 && rest.bytes[0] == ':')
        rest = span_from(rest, 1);
    return rest;
}

bool
table_entry_next(struct table_reader *reader, struct table_entry *entry)
{
    while (reader->rest.length > 0) {
        struct span begin = reader->rest, line;
        size_t length;

        if (!line_begins(reader)) {
            line_take(reader);
            continue;
        }
        entry->line = reader->line;
        line = line_take(reader);
        length = key_length(line);
        entry->key = span_first(line, length);
        if (!reader->line_by_line)
            while (reader->rest.length > 0 && !line_begins(reader))
                line_take(reader);
        entry->value = after_key(
            span_from(span_first(begin, begin.length - reader->rest.length), length));
        if (length > 0)
            return true;
    }
    return false;
}

struct span
table_key(struct span key, struct arena *arena)
{
    struct text text = text_new(arena);

    if (key.length == 0 || key.bytes[0] != '"')
        return span_of(span_lower(key, arena));
    for (size_t i = 1; i < key.length && key.bytes[i] != '"'; i++) {
        if (key.bytes[i] == '\\' && i + 1 < key.length)
            i++;
        text_add_byte(&text, byte_lower(key.bytes[i]));
    }
    return text_span(&text);
}

/* One line of a value, up to a '#' outside quotes. */
static void
value_add_line(struct text *text, struct span line)
{
    bool quoted = false;
    size_t end = 0;

    for (; end < line.length; end++) {
        char byte = line.bytes[end];

        if (byte == '\\' && end + 1 < line.length)
            end++;
        else if (byte == '"')
            quoted = !quoted;
        else if (byte == '#' && !quoted)
            break;
    }
    line = span_trim(span_first(line, end));
    if (line.length > 0 && text->length > 0)
        text_add_byte(text, ' ');
    text_add_span(text, line);
}

const char *
table_value(struct span value, struct arena *arena)
{
    struct text text = text_new(arena);
    struct span line;

    while (span_next(&value, '\n', &line))
        value_add_line(&text, line);
    return text_string(&text);
}

int
table_key_compare(struct span a, struct span b)
{
    return span_compare_nocase(a, b);
}

bool
table_file_load(const char *file, struct arena *arena, struct span *text,
                struct stat *status, struct error *error)
{
    size_t nul;
    unsigned line = 1;

    if (!file_load(file, true, TABLE_FILE_LIMIT, arena, text, status, error)) {
        if (errno != ENOENT && errno != ENOTDIR && error != NULL)
            error->permanent = false;
        return false;
    }
    nul = span_find(*text, '\0');
    if (nul == text->length)
        return true;
    for (size_t i = 0; i < nul; i++)
        if (text->bytes[i] == '\n')
            line++;
    errno = EINVAL;
    return fail_temporary(error, "4.3.5", "%s:%u: a NUL octet", file, line);
}
