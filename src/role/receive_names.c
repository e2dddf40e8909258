/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The name of a client's address: what the DNS says of it, and only if that name leads
 * back to the address. Nobody waits for it; a message that begins before the answers came
 * is recorded without a name.
 */
#include "role/reception.h"

#include <stdlib.h>
#include <string.h>

#include "net/connection.h"

#include "base/banned.h"

/* Tokens: the client's, and which of the two questions it is. */
enum { ASK_NAME = 0, ASK_ADDRESS = 1 };

static void
ask(struct client *client, const char *name, enum dns_type type, int which)
{
    struct wire_ask question = {client->token * 2 + (uint64_t)which, name, type};

    if (client->reception->names)
        wire_send(client->reception->names, WIRE_ASK, &question, -1);
}

void
peer_name_ask(struct client *client)
{
    const struct settings *settings = &client->reception->role->configuration->settings;
    const char *name;

    /* Those who may relay are our own: their names are no news. */
    if (!settings->smtp_peer_name || client->peer.may_relay)
        return;
    name = net_reverse_name(client->peer.address, client->arena);
    if (name)
        ask(client, name, DNS_PTR, ASK_NAME);
}

/* The first name is asked for its addresses. */
static void
name_take(struct client *client, const struct dns_answer *answer)
{
    bool is_v6 = strchr(client->peer.address, ':') != NULL;

    if (answer->result != DNS_FOUND || answer->count == 0 || !answer->records[0].name ||
        !answer->records[0].name[0])
        return;
    client->claimed_name = arena_string(client->arena, answer->records[0].name);
    ask(client, client->claimed_name, is_v6 ? DNS_AAAA : DNS_A, ASK_ADDRESS);
}

/* Does one of them lead back? */
static void
address_take(struct client *client, const struct dns_answer *answer)
{
    for (size_t i = 0; client->claimed_name && i < answer->count; i++)
        if (answer->records[i].address &&
            strcmp(answer->records[i].address, client->peer.address) == 0)
            client->peer.name = client->claimed_name;
}

static void
names_ready(struct channel *channel, void *context)
{
    struct arena *arena = arena_new();
    struct wire_answer answer;
    struct client *client;
    struct frame frame;

    while (channel_next(channel, &frame)) {
        if (wire_read(&frame, WIRE_ANSWER, arena, &answer) &&
            (client = client_find(context, answer.token / 2)) != NULL) {
            if (answer.token % 2 == ASK_NAME)
                name_take(client, &answer.answer);
            else
                address_take(client, &answer.answer);
        }
        arena_reset(arena);
    }
    arena_free(arena);
}

static void
names_gone(struct channel *channel, void *context)
{
    struct reception *reception = context;

    if (reception->names == channel)
        reception->names = NULL;
    channel_free(channel);
}

void
names_attach(struct reception *reception, int fd)
{
    channel_free(reception->names);
    reception->names = channel_new(fd);
    channel_attach(reception->names, reception->role->base, names_ready, names_gone,
                   reception);
}
