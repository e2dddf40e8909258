/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resolver that asks the names role over a channel; for processes that may wait. */
#ifndef ROLE_NAMES_CLIENT_H
#define ROLE_NAMES_CLIENT_H

#include "net/dns.h"
#include "role/channel.h"

struct names_client {
    struct resolver resolver; /* what is given to those who ask */
    struct channel *channel;  /* NULL while there is none */
    uint64_t token;
    int64_t timeout; /* ms for one question */
    /* Wait a little for a channel, until that moment of clock_monotonic(); may be NULL.
     */
    void (*obtain)(void *context, int64_t deadline);
    void *context;
};

void names_client_begin(struct names_client *client, int64_t timeout,
                        void (*obtain)(void *context, int64_t deadline), void *context);
/* A new channel to the names role; the descriptor becomes the client's. */
void names_client_attach(struct names_client *client, int fd);
void names_client_end(struct names_client *client);

#endif
