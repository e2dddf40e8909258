/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a frame of any type: unpacking stays inside them, and what it took can be
 * sent again and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "role/wire.h"

#include "base/banned.h"

/* Room for every message, whatever its type. */
union message {
    struct wire_submit submit;
    struct wire_job job;
    struct wire_report report;
    struct wire_message message;
    struct wire_address address;
    struct wire_outcome_seen outcome;
    struct wire_expire expire;
    char room[16384];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
send_again(enum wire_type type, const union message *message, struct arena *arena)
{
    union message again;
    struct channel *from, *to;
    struct frame frame;
    int fds[2];

    if (!channel_pair(fds, NULL))
        return;
    from = channel_new(fds[0]);
    to = channel_new(fds[1]);
    wire_send(from, type, message, -1);
    channel_flush(from);
    channel_fill(to);
    if (channel_next(to, &frame) && !wire_read(&frame, type, arena, &again))
        abort();
    channel_free(from);
    channel_free(to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena;
    union message message;
    struct frame frame = {.fd = -1};

    if (size < 1)
        return 0;
    arena = arena_new();
    frame.type = data[0];
    frame.payload = (struct span){(const char *)data + 1, size - 1};
    if (wire_read(&frame, (enum wire_type)data[0], arena, &message))
        send_again((enum wire_type)data[0], &message, arena);
    arena_free(arena);
    return 0;
}
