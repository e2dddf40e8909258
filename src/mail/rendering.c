/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a message as it leaves: prefix, edited header, body from its source, suffix,
 * each a stage. What needs no change is handed through as it lies in memory.
 */
#include "mail/rendering.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

enum { STAGE_PREFIX, STAGE_HEADER, STAGE_BODY, STAGE_BODY_END, STAGE_SUFFIX, STAGE_END };
enum { LINE_BEGIN = 0, LINE_FROM_1 = 1, LINE_FROM_5 = 5, LINE_REST = 6 };
enum { PIECE = 32 << 10 };

static const char from_word[] = "From ";

struct rendering
rendering_new(const struct content_source *source, struct arena *arena)
{
    struct rendering rendering = {.source = *source, .arena = arena};

    if (rendering.source.header_size > rendering.source.size)
        rendering.source.header_size = rendering.source.size;
    rendering.changed = text_new(arena);
    rendering_rewind(&rendering);
    return rendering;
}

void
rendering_rewind(struct rendering *rendering)
{
    rendering->stage = STAGE_PREFIX;
    rendering->at = 0;
    rendering->line = LINE_BEGIN;
    rendering->quotes = 0;
    rendering->cr = false;
    rendering->ended_line = true;
}

/* Read `length` octets of the source at `offset`; false: error. */
static bool
source_read(const struct content_source *source, char *bytes, size_t length,
            uint64_t offset, struct error *error)
{
    while (length > 0) {
        ssize_t got = pread(source->fd, bytes, length, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_temporary(error, "4.3.0", "text of message: %s", strerror(errno));
        if (got == 0)
            return fail_temporary(error, "4.3.0", "text of message is cut short");
        bytes += got;
        length -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

/* The next octets of the body as they are stored; none at its end. */
static bool
body_next(struct rendering *rendering, struct span *piece, struct error *error)
{
    const struct content_source *source = &rendering->source;
    uint64_t left = source->size - source->header_size - rendering->at;
    size_t length = left < PIECE ? (size_t)left : PIECE;

    *piece = (struct span){NULL, 0};
    if (left == 0)
        return true;
    if (source->memory.bytes) {
        struct span body = span_from(source->memory, (size_t)source->header_size);

        if (source->memory.length < source->size)
            return fail_temporary(error, "4.3.0", "text of message is cut short");
        *piece = span_first(span_from(body, (size_t)rendering->at), length);
    } else {
        if (!rendering->buffer)
            rendering->buffer = arena_alloc(rendering->arena, PIECE);
        if (!source_read(source, rendering->buffer, length,
                         source->header_size + rendering->at, error))
            return false;
        *piece = (struct span){rendering->buffer, length};
    }
    rendering->at += length;
    rendering->ended_line = piece->bytes[length - 1] == '\n';
    return true;
}

/* Prefix, header and suffix lie in memory. */
static struct span
memory_next(struct rendering *rendering, struct span whole)
{
    struct span piece = span_first(span_from(whole, (size_t)rendering->at), PIECE);

    rendering->at += piece.length;
    return piece;
}

/* Give back what was kept of a line begin that did not become "From ". */
static void
from_release(struct rendering *rendering)
{
    for (; rendering->quotes > 0; rendering->quotes--)
        text_add_byte(&rendering->changed, '>');
    text_add_span(&rendering->changed, (struct span){from_word, (size_t)rendering->line});
    rendering->line = LINE_REST;
}

static void
cr_release(struct rendering *rendering)
{
    if (rendering->cr)
        text_add_byte(&rendering->changed, '\r');
    rendering->cr = false;
}

/*
 * One octet at the begin of a line. True: it was taken (kept back or written). False: the
 * line is nothing special from here on.
 */
static bool
line_begin(struct rendering *rendering, char byte, bool from_hack, bool dots)
{
    if (dots && rendering->line == LINE_BEGIN && rendering->quotes == 0 && byte == '.')
        text_add_byte(&rendering->changed, '.');
    if (from_hack && rendering->line == LINE_BEGIN && byte == '>') {
        rendering->quotes++;
        return true;
    }
    if (from_hack && byte == from_word[rendering->line]) {
        if (rendering->line++ < LINE_FROM_5 - 1)
            return true;
        rendering->quotes++;
        from_release(rendering);
        return true;
    }
    from_release(rendering);
    return false;
}

/* Octets without a line end, within a line. */
static size_t
line_rest(struct rendering *rendering, struct span rest)
{
    size_t length = span_find(rest, '\n');

    if (length > 0 && rendering->lf && rest.bytes[length - 1] == '\r') {
        rendering->cr = true;
        text_add_span(&rendering->changed, span_first(rest, length - 1));
    } else {
        text_add_span(&rendering->changed, span_first(rest, length));
    }
    return length;
}

/* Add `piece` to what is changed, with line ends and quoting of the rendering. */
static void
change(struct rendering *rendering, struct span piece, bool from_hack, bool dots)
{
    size_t i = 0;

    while (i < piece.length) {
        char byte = piece.bytes[i];

        if (rendering->cr && byte != '\n')
            cr_release(rendering);
        if (rendering->line != LINE_REST && byte != '\n' &&
            line_begin(rendering, byte, from_hack, dots)) {
            i++;
        } else if (byte == '\n') {
            if (rendering->line != LINE_REST)
                from_release(rendering);
            rendering->cr = false;
            text_add_byte(&rendering->changed, '\n');
            rendering->line = LINE_BEGIN;
            i++;
        } else {
            i += line_rest(rendering, span_from(piece, i));
        }
    }
}

/* At the end of a stage: nothing is kept back any longer, the next begins a line. */
static void
change_end(struct rendering *rendering)
{
    if (rendering->line != LINE_BEGIN || rendering->quotes > 0) {
        if (rendering->line != LINE_REST)
            from_release(rendering);
        cr_release(rendering);
    }
    rendering->line = LINE_BEGIN;
}

static bool
stage_next(struct rendering *rendering, struct span *piece, struct error *error)
{
    static const struct span line_end = {"\r\n", 2};

    *piece = (struct span){NULL, 0};
    switch (rendering->stage) {
    case STAGE_PREFIX:
        *piece = memory_next(rendering, rendering->prefix);
        return true;
    case STAGE_HEADER:
        *piece = memory_next(rendering, rendering->header);
        return true;
    case STAGE_BODY:
        return body_next(rendering, piece, error);
    case STAGE_BODY_END:
        if (!rendering->ended_line)
            *piece = line_end;
        rendering->ended_line = true;
        return true;
    default:
        *piece = memory_next(rendering, rendering->suffix);
        return true;
    }
}

/* The piece of a stage as it leaves. */
static void
stage_change(struct rendering *rendering, struct span *piece)
{
    bool text = rendering->stage == STAGE_HEADER || rendering->stage == STAGE_BODY;

    text_cut(&rendering->changed, 0);
    if (piece->length > 0)
        change(rendering, *piece, rendering->from_hack && rendering->stage == STAGE_BODY,
               rendering->dots && text);
    else if (rendering->stage != STAGE_BODY || rendering->ended_line)
        change_end(rendering);
    *piece = text_span(&rendering->changed);
}

bool
rendering_next(struct rendering *rendering, struct span *piece, struct error *error)
{
    bool changes = rendering->lf || rendering->dots || rendering->from_hack;

    while (rendering->stage < STAGE_END) {
        bool ended;

        if (!stage_next(rendering, piece, error))
            return false;
        ended = piece->length == 0;
        if (changes)
            stage_change(rendering, piece);
        if (ended) {
            rendering->stage++;
            rendering->at = 0;
        }
        if (piece->length > 0)
            return true;
    }
    *piece = (struct span){"", 0};
    return true;
}

uint64_t
rendering_size(const struct rendering *rendering)
{
    const struct content_source *source = &rendering->source;
    uint64_t body = source->size - source->header_size;
    char last = '\n';
    struct error error;

    if (body > 0 && source->memory.bytes && source->memory.length >= source->size)
        last = source->memory.bytes[source->size - 1];
    else if (body > 0 && !source->memory.bytes &&
             !source_read(source, &last, 1, source->size - 1, &error))
        last = '\n'; /* rendering_next() tells the error */
    return rendering->prefix.length + rendering->header.length + body +
           (last == '\n' ? 0 : 2) + rendering->suffix.length;
}
