/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes batches apart: nothing that becomes a command to the owner of the spool may hold
 * a line end, and no text is longer than its limit.
 */
#include "command/batch_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { SIZE_LIMIT = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect_line(const char *text)
{
    if (!text || strpbrk(text, "\r\n"))
        abort();
}

static void
expect_sound(const struct batch_message *message)
{
    expect_line(message->hello);
    expect_line(message->reverse_path);
    expect_line(message->parameters);
    for (size_t i = 0; i < message->recipient_count; i++) {
        expect_line(message->recipients[i].path);
        expect_line(message->recipients[i].parameters);
    }
    if (message->recipient_count == 0 || message->content.length > SIZE_LIMIT)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena, *message_arena;
    struct batch_message message;
    struct batch_reader reader;
    struct error error = {0};
    FILE *stream = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

    if (!stream)
        return 0;
    arena = arena_new();
    message_arena = arena_new();
    batch_reader_begin(&reader, stream, SIZE_LIMIT, arena);
    while (batch_reader_next(&reader, message_arena, &message, &error)) {
        expect_sound(&message);
        arena_reset(message_arena);
    }
    if (error.status[0])
        abort();
    fclose(stream);
    arena_free(message_arena);
    arena_free(arena);
    return 0;
}
