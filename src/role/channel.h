/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A channel: framed messages over a stream socket pair between two roles, buffered both
 * ways, so that under load one read and one write carry many messages.
 *
 * A frame is a u32 length of the payload, a u16 type, a u8 that says whether a descriptor
 * travels with it, and a u8 that is 0; then the payload (base/pack.h).
 *
 * Event-loop roles give it their descriptor events; workers use the blocking calls.
 */
#ifndef ROLE_CHANNEL_H
#define ROLE_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/pack.h"

enum { CHANNEL_FRAME_LIMIT = 4 << 20 }; /* octets of a payload */

struct channel;

struct frame {
    uint16_t type;
    struct span payload; /* valid until the next call on the channel */
    int fd;              /* -1, or a descriptor that is now the receiver's */
};

/* `fd` becomes the channel's; it is made non-blocking and CLOEXEC. */
struct channel *channel_new(int fd);
void channel_free(struct channel *channel); /* closes */
int channel_descriptor(const struct channel *channel);

/* Queue a frame for sending. `fd` (or -1) is duplicated; the caller keeps his. */
void channel_send(struct channel *channel, uint16_t type, const struct pack *payload,
                  int fd);
/* Write what can be written now. False: the peer is gone. */
bool channel_flush(struct channel *channel);
/* Octets that wait to be sent: flow control of the caller. */
size_t channel_pending(const struct channel *channel);

/* Has the peer sent something that was not read yet? One cheap question to the kernel. */
bool channel_has_input(const struct channel *channel);
/* Read what is there now. False: the peer is gone (frames that came before can still be
 * taken). */
bool channel_fill(struct channel *channel);
/* The next whole frame, if there is one. A malformed one counts as the peer being gone.
 */
bool channel_next(struct channel *channel, struct frame *frame);
bool channel_is_broken(const struct channel *channel);

/*
 * Blocking, for workers: send everything; wait for a frame until the moment `deadline` of
 * clock_monotonic() (INT64_MAX: for ever). CHANNEL_GONE when the peer is gone.
 */
enum channel_wait { CHANNEL_FRAME, CHANNEL_TIMEOUT, CHANNEL_GONE };
bool channel_send_all(struct channel *channel);
enum channel_wait channel_wait(struct channel *channel, int64_t deadline,
                               struct frame *frame);

/*
 * Event-loop use (libevent): `ready` is called after each reading with frames to take,
 * `gone` once when the peer is gone. The channel writes by itself when it must wait.
 */
struct event_base;
void channel_attach(struct channel *channel, struct event_base *base,
                    void (*ready)(struct channel *channel, void *context),
                    void (*gone)(struct channel *channel, void *context), void *context);

/* Two connected descriptors, CLOEXEC. */
bool channel_pair(int fds[2], struct error *error);

#endif
