/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of a message on its way to a server. Content is stored with CRLF; should a
 * bare CR or LF be in it all the same, it becomes a space, one octet for one, so that no
 * server can take it for the end of a line, and the count given to BDAT stays true.
 */
#include "smtp/client_internal.h"

#include <string.h>

#include "base/banned.h"

struct content_filter
content_filter_new(struct connection *connection, bool dots)
{
    return (struct content_filter){
        .connection = connection, .dots = dots, .line_begins = true};
}

/* Write the octets from *from up to `to`, and go on behind `to`. */
static bool
filter_pass(struct content_filter *filter, const char **from, const char *to,
            struct error *error)
{
    struct span run = {*from, (size_t)(to - *from)};

    *from = to;
    return connection_write(filter->connection, run, error);
}

/* Write a space in place of the octet at `at`. */
static bool
filter_replace(struct content_filter *filter, const char **from, const char *at,
               struct error *error)
{
    if (!filter_pass(filter, from, at, error))
        return false;
    *from = at + 1;
    return connection_write(filter->connection, SPAN(" "), error);
}

/*
 * One line of a piece, from `line` up to `end`: the place of its LF, or the end of the
 * piece. *from trails behind: what is not written yet.
 */
static bool
filter_line(struct content_filter *filter, const char **from, const char *line,
            const char *end, bool has_lf, struct error *error)
{
    const char *cr = line;

    if (filter->dots && filter->line_begins && line < end && *line == '.' &&
        (!filter_pass(filter, from, line, error) ||
         !connection_write(filter->connection, SPAN("."), error)))
        return false;
    filter->line_begins = false;
    while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL && cr + 1 < end) {
        if (!filter_replace(filter, from, cr, error))
            return false;
        cr++;
    }
    if (has_lf && cr == NULL)
        return filter_replace(filter, from, end, error);
    if (has_lf)
        filter->line_begins = true;
    else if (cr != NULL) {
        filter->held = true;
        if (!filter_pass(filter, from, cr, error))
            return false;
        *from = end;
    }
    return true;
}

/* The CR that was held: a line end if an LF begins this piece. */
static bool
filter_release(struct content_filter *filter, struct span *piece, struct error *error)
{
    filter->held = false;
    filter->line_begins = piece->length > 0 && piece->bytes[0] == '\n';
    if (!filter->line_begins)
        return connection_write(filter->connection, SPAN(" "), error);
    *piece = span_from(*piece, 1);
    return connection_write(filter->connection, SPAN("\r\n"), error);
}

bool
content_filter_add(struct content_filter *filter, struct span piece, struct error *error)
{
    const char *from, *line, *end;

    if (piece.length == 0)
        return true;
    if (filter->held && !filter_release(filter, &piece, error))
        return false;
    if (piece.length == 0)
        return true;
    from = line = piece.bytes;
    end = piece.bytes + piece.length;
    while (line < end) {
        const char *lf = memchr(line, '\n', (size_t)(end - line));

        if (!filter_line(filter, &from, line, lf != NULL ? lf : end, lf != NULL, error))
            return false;
        line = lf != NULL ? lf + 1 : end;
    }
    return filter_pass(filter, &from, end, error);
}

bool
content_filter_end(struct content_filter *filter, struct error *error)
{
    struct span nothing = {NULL, 0};

    if (filter->held && !filter_release(filter, &nothing, error))
        return false;
    if (!filter->dots)
        return true;
    if (!filter->line_begins &&
        !connection_write(filter->connection, SPAN("\r\n"), error))
        return false;
    return connection_write(filter->connection, SPAN(".\r\n"), error);
}
