/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "From " lines in front of a message, as UUCP and mailboxes have them. Each names who
 * sent it to the host of the line below, so the path is put together from top to bottom.
 */
#include "mail/header.h"

#include <string.h>

#include "base/banned.h"

enum { SENDER_MAX_OCTETS = 1024 };

/* The user of such a line: up to a blank, blanks inside a quoted string not counting. */
static struct span
line_user(struct span line)
{
    bool quoted = false;
    size_t length = 0;

    for (; length < line.length; length++) {
        if (line.bytes[length] == '"')
            quoted = !quoted;
        else if (quoted && line.bytes[length] == '\\')
            length++;
        else if (!quoted && byte_is_blank(line.bytes[length]))
            break;
    }
    return span_first(line, length);
}

/* Is there a time, digits on both sides of a colon? Else the line is just text. */
static bool
line_has_time(struct span line)
{
    for (size_t i = 1; i + 1 < line.length; i++)
        if (line.bytes[i] == ':' && byte_is_digit(line.bytes[i - 1]) &&
            byte_is_digit(line.bytes[i + 1]))
            return true;
    return false;
}

/* The host behind the last " remote from ", or nothing. */
static struct span
line_host(struct span line)
{
    static const char mark[] = " remote from ";
    struct span rest = line, host = {"", 0};

    for (;;) {
        size_t at = span_search(rest, SPAN(" remote from "));

        if (at == rest.length)
            break;
        rest = span_from(rest, at + sizeof(mark) - 1);
        host = span_trim(rest);
    }
    return span_find(host, ' ') == host.length ? host : (struct span){"", 0};
}

/* A "From " line at the front of `content`, without its beginning and end; its whole
 * length. */
static size_t
take_line(struct span content, struct span *line)
{
    size_t length;

    if (span_starts(content, "From "))
        *line = span_from(content, 5);
    else if (span_starts(content, ">From "))
        *line = span_from(content, 6);
    else
        return 0;
    length = span_search(*line, SPAN("\r\n"));
    *line = span_first(*line, length);
    length += (size_t)(line->bytes - content.bytes);
    return length + 2 < content.length ? length + 2 : content.length;
}

static bool
path_is_sound(struct span path)
{
    for (size_t i = 0; i < path.length; i++)
        if (byte_is_control(path.bytes[i]))
            return false;
    return path.length <= SENDER_MAX_OCTETS;
}

void
header_take_from_lines(struct span *content, struct arena *arena, const char **sender)
{
    struct text path = text_new(arena);
    struct span line, user = {"", 0};
    size_t length;

    while ((length = take_line(*content, &line)) > 0) {
        struct span host = line_host(line);

        if (host.length == 0 && !line_has_time(line))
            break;
        *content = span_from(*content, length);
        if (host.length > 0 && path.length <= SENDER_MAX_OCTETS) {
            text_add_span(&path, host);
            text_add_byte(&path, '!');
        }
        user = line_user(line);
    }
    if (user.length <= SENDER_MAX_OCTETS)
        text_add_span(&path, user);
    *sender =
        user.length > 0 && path_is_sound(text_span(&path)) ? text_string(&path) : "";
}
