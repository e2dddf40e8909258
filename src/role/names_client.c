/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One question at a time to the names role. */
#include "role/names_client.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mail/status.h"
#include "role/wire.h"

#include "base/banned.h"

static void
drop_channel(struct names_client *client)
{
    channel_free(client->channel);
    client->channel = NULL;
}

/* Wait for the answer to that question; others are of questions that were given up. */
static bool
answer_wait(struct names_client *client, uint64_t token, int64_t deadline,
            struct arena *arena, struct dns_answer *answer)
{
    struct frame frame;

    for (;;) {
        struct wire_answer read;

        switch (channel_wait(client->channel, deadline, &frame)) {
        case CHANNEL_TIMEOUT:
            return false;
        case CHANNEL_GONE:
            drop_channel(client);
            return false;
        default:
            break;
        }
        if (frame.fd >= 0)
            close(frame.fd);
        if (frame.type != WIRE_ANSWER)
            continue;
        if (!wire_read(&frame, WIRE_ANSWER, arena, &read)) {
            drop_channel(client);
            return false;
        }
        if (read.token == token) {
            *answer = read.answer;
            return true;
        }
    }
}

static bool
ask(struct names_client *client, const char *name, enum dns_type type, int64_t deadline,
    struct arena *arena, struct dns_answer *answer)
{
    struct wire_ask question = {++client->token, name, (uint32_t)type};

    if (!client->channel && client->obtain)
        client->obtain(client->context, deadline);
    if (!client->channel)
        return false;
    wire_send(client->channel, WIRE_ASK, &question, -1);
    if (!channel_send_all(client->channel)) {
        drop_channel(client);
        return false;
    }
    return answer_wait(client, question.token, deadline, arena, answer);
}

static bool
lookup(void *context, const char *name, enum dns_type type, struct arena *arena,
       struct dns_answer *answer, struct error *error)
{
    struct names_client *client = context;
    int64_t deadline = clock_monotonic() + client->timeout;

    *answer = (struct dns_answer){.result = DNS_FAILURE};
    if (ask(client, name, type, deadline, arena, answer))
        return true;
    /* The names role was started anew: the question is asked once more. */
    if (!client->channel && clock_monotonic() < deadline &&
        ask(client, name, type, deadline, arena, answer))
        return true;
    return fail_temporary_number(error, ERR_DNS_LOST, "4.4.3",
                                 "no answer from the name service for %s", name);
}

void
names_client_begin(struct names_client *client, int64_t timeout,
                   void (*obtain)(void *context, int64_t deadline), void *context)
{
    *client = (struct names_client){.timeout = timeout,
                                    .obtain = obtain,
                                    .context = context,
                                    .resolver = {.lookup = lookup}};
    client->resolver.context = client;
}

void
names_client_attach(struct names_client *client, int fd)
{
    drop_channel(client);
    client->channel = channel_new(fd);
}

void
names_client_end(struct names_client *client)
{
    drop_channel(client);
}
