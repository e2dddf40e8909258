/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rendering from memory, from a file, and a simple reading of the whole body line by line
 * give the same octets. The first octet chooses the flags, the second the header's size.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mail/rendering.h"

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct span
render(struct rendering *rendering, struct arena *arena)
{
    struct text text = text_new(arena);
    struct error error;
    struct span piece;

    do {
        if (!rendering_next(rendering, &piece, &error))
            abort();
        text_add_span(&text, piece);
    } while (piece.length > 0);
    return text_span(&text);
}

/* The same, line by line over the whole body. */
static struct span
expected(const struct rendering *rendering, struct span body, struct arena *arena)
{
    struct text text = text_new(arena);
    struct span line;

    while (span_next(&body, '\n', &line)) {
        size_t quotes = 0;

        while (quotes < line.length && line.bytes[quotes] == '>')
            quotes++;
        if (rendering->dots && line.length > 0 && line.bytes[0] == '.')
            text_add_byte(&text, '.');
        if (rendering->from_hack && span_starts(span_from(line, quotes), "From "))
            text_add_byte(&text, '>');
        if (body.bytes && rendering->lf && line.length > 0 &&
            line.bytes[line.length - 1] == '\r')
            line.length--;
        text_add_span(&text, line);
        /* The last line, which had no end, gets one; an empty rest is no line. */
        if (body.bytes)
            text_add_byte(&text, '\n');
        else if (line.length > 0)
            text_add(&text, rendering->lf ? "\n" : "\r\n");
    }
    return text_span(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena;
    struct content_source source = {.fd = -1};
    struct rendering rendering;
    struct span text, again;

    if (size < 2)
        return 0;
    arena = arena_new();
    source.memory = (struct span){(const char *)data + 2, size - 2};
    source.size = size - 2;
    source.header_size = data[1];
    rendering = rendering_new(&source, arena);
    rendering.lf = data[0] & 1;
    rendering.dots = (data[0] & 2) != 0;
    rendering.from_hack = (data[0] & 4) != 0;
    text = render(&rendering, arena);
    again =
        expected(&rendering,
                 span_from(source.memory, (size_t)rendering.source.header_size), arena);
    if (!span_equal(text, again))
        abort();
    if (!rendering.lf && !rendering.dots && !rendering.from_hack &&
        text.length != rendering_size(&rendering))
        abort();
    rendering_rewind(&rendering);
    rendering.source.memory = (struct span){NULL, 0};
    rendering.source.fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (rendering.source.fd < 0 ||
        write(rendering.source.fd, data + 2, size - 2) != (ssize_t)(size - 2))
        abort();
    again = render(&rendering, arena);
    if (!span_equal(text, again))
        abort();
    close(rendering.source.fd);
    arena_free(arena);
    return 0;
}
