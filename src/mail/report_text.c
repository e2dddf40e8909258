/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cleaning and wrapping; no octet of the source can end a line, a field or a part. */
#include "mail/report_text.h"

#include <string.h>

#include "base/utf8.h"

#include "base/banned.h"

enum { LINE_WANTED = 76, LINE_MOST = 900 };

/* Octets of the next character, and those that are printed for it. */
static size_t
clean_character(struct span source, struct span *printed)
{
    uint32_t code = 0;
    size_t length = utf8_character(source, &code);

    if (length == 0 || code < ' ' || (code >= 0x7f && code < 0xa0)) {
        *printed = SPAN("?");
        return length > 0 ? length : 1;
    }
    *printed = span_first(source, length);
    return length;
}

void
report_text_clean(struct span source, struct text *text)
{
    struct span printed;

    while (source.length > 0) {
        size_t length = clean_character(source, &printed);

        text_add_span(text, printed);
        source = span_from(source, length);
    }
}

/* Octets of the line that `text` ends with. */
static size_t
line_so_far(const struct text *text)
{
    struct span all = text_span(text);
    size_t feed = span_find_last(all, '\n');

    return feed < all.length ? all.length - feed - 1 : all.length;
}

/* A cleaned word; `*line` is the length of the line it stands in. */
static void
add_word(struct span word, const char *line_end, size_t *line, struct text *text)
{
    struct span printed;

    while (word.length > 0) {
        size_t length = clean_character(word, &printed);

        if (*line + printed.length > LINE_MOST) {
            text_add(text, line_end);
            *line = line_so_far(text);
        }
        text_add_span(text, printed);
        *line += printed.length;
        word = span_from(word, length);
    }
}

static size_t
space_length(struct span source)
{
    size_t length = 0;

    while (length < source.length && byte_is_space(source.bytes[length]))
        length++;
    return length;
}

static size_t
word_length(struct span source)
{
    size_t length = 0;

    while (length < source.length && !byte_is_space(source.bytes[length]))
        length++;
    return length;
}

void
report_text_wrap(struct span source, const char *line_end, struct text *text)
{
    size_t line = line_so_far(text);
    bool first = true;

    for (;;) {
        struct span word;

        source = span_from(source, space_length(source));
        word = span_first(source, word_length(source));
        if (word.length == 0)
            return;
        if (!first && line + 1 + word.length > LINE_WANTED) {
            text_add(text, line_end);
            line = line_so_far(text);
        } else if (!first) {
            text_add_byte(text, ' ');
            line++;
        }
        first = false;
        add_word(word, line_end, &line, text);
        source = span_from(source, word.length);
    }
}

void
report_text_lines(struct span source, struct text *text)
{
    struct span line;

    while (span_next(&source, '\n', &line)) {
        size_t column = 0;
        struct span piece;

        if (line.length > 0 && line.bytes[line.length - 1] == '\r')
            line.length--;
        for (bool first = true; span_next(&line, '\t', &piece); first = false) {
            if (!first)
                text_add_byte(text, '\t');
            add_word(piece, "\r\n", &column, text);
        }
        text_add(text, "\r\n");
    }
}

void
report_text_embed(struct span address, struct text *text)
{
    while (address.length > 0) {
        uint32_t code = 0;
        size_t length = utf8_character(address, &code);

        if (length == 0)
            text_add_byte(text, '?');
        else if (code > ' ' && code < 0x7f && strchr("+=\\", (int)code) == NULL)
            text_add_byte(text, (char)code);
        else
            text_add_format(text, "\\x{%02X}", code);
        address = span_from(address, length > 0 ? length : 1);
    }
}
