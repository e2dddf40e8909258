/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One client: bytes between its socket and its session. */
#include "role/reception.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/connection.h"

#include "base/banned.h"

enum { INPUT_SIZE = 64 << 10, REFUSAL_ROOM = 160 };

enum { SEND_WAIT = 30 * 1000 }; /* for somebody whose session is over to read its end */

static struct span
token_key(const uint64_t *token)
{
    return (struct span){(const char *)token, sizeof *token};
}

struct client *
client_find(struct reception *reception, uint64_t token)
{
    return table_get(reception->clients, token_key(&token));
}

static struct span
uid_key(const struct client *client)
{
    return (struct span){(const char *)&client->peer.uid, sizeof client->peer.uid};
}

static uint64_t
uid_sessions(const struct client *client)
{
    return (uint64_t)(uintptr_t)table_get(client->reception->uids, uid_key(client));
}

/* One session more or less: of an address over all processes, or of a local user here. */
static void
session_count(struct client *client, int by)
{
    struct reception *reception = client->reception;
    uint64_t count;

    client->counted = by > 0;
    if (!reception->is_local) {
        counts_change(reception->counts, client->peer.address, by);
        return;
    }
    count = uid_sessions(client) + (uint64_t)(int64_t)by;
    if (count == 0)
        table_remove(reception->uids, uid_key(client));
    else
        table_put(reception->uids, uid_key(client), (void *)(uintptr_t)count);
}

void
client_free(struct client *client)
{
    struct reception *reception = client->reception;

    smtp_session_free(client->session);
    intake_free(client);
    question_forget(client);
    listing_forget(client);
    if (client->counted)
        session_count(client, -1);
    if (client->read_event)
        event_free(client->read_event);
    if (client->write_event)
        event_free(client->write_event);
    close(client->fd);
    *(client->previous ? &client->previous->next : &reception->first) = client->next;
    if (client->next)
        client->next->previous = client->previous;
    table_remove(reception->clients, token_key(&client->token));
    reception->client_count--;
    arena_free(client->arena);
    free(client->left);
    free(client->asked);
    free(client);
}

/* Keep what the session did not take. */
static void
left_keep(struct client *client, struct span rest)
{
    char *kept = NULL;

    if (rest.length > 0) {
        kept = memory_alloc(rest.length);
        memcpy(kept, rest.bytes, rest.length);
    }
    free(client->left);
    client->left = kept;
    client->left_length = rest.length;
}

static void
left_feed(struct client *client)
{
    struct span rest = {client->left, client->left_length};
    size_t taken;

    if (rest.length == 0)
        return;
    taken = smtp_session_input(client->session, rest);
    if (taken > 0)
        left_keep(client, span_from(rest, taken));
}

/* False: the client is gone. */
static bool
output_write(struct client *client)
{
    struct span output;

    while ((output = smtp_session_output(client->session)).length > 0) {
        ssize_t done = send(client->fd, output.bytes, output.length, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (!client->writing)
                event_add(client->write_event, NULL);
            client->writing = true;
            return true;
        }
        if (done < 0)
            return false;
        smtp_session_sent(client->session, (size_t)done);
    }
    if (client->writing)
        event_del(client->write_event);
    client->writing = false;
    return true;
}

/* Read on only when everything that came was taken: the client waits for us, not we for
 * him. */
static void
reading_set(struct client *client)
{
    bool wanted = client->left_length == 0 && !client->ended &&
                  !smtp_session_is_over(client->session);

    if (wanted && !client->reading)
        event_add(client->read_event, NULL);
    if (!wanted && client->reading)
        event_del(client->read_event);
    client->reading = wanted;
}

void
client_go_on(struct client *client)
{
    size_t before;
    bool alive;

    /* Output that went out may make room for more input, and that for more output. */
    do {
        before = client->left_length;
        left_feed(client);
        if (client->ended && client->left_length == 0)
            smtp_session_end(client->session);
        alive = output_write(client);
    } while (alive && client->left_length > 0 && client->left_length < before);
    if (!alive ||
        (smtp_session_is_over(client->session) &&
         smtp_session_output(client->session).length == 0) ||
        (client->ended && client->left_length == 0 && !client->committing &&
         !smtp_session_is_waiting(client->session))) {
        client_free(client);
        return;
    }
    /* More of a listing is wanted once this much of it is on its way. */
    if (alive && smtp_session_output(client->session).length == 0)
        listing_more(client);
    if (smtp_session_is_over(client->session) && client->over_since == 0)
        client->over_since = clock_monotonic();
    reading_set(client);
}

static void
on_readable(int fd, short what, void *argument)
{
    struct client *client = argument;
    struct reception *reception = client->reception;
    ssize_t got = recv(fd, reception->input, INPUT_SIZE, 0);
    struct span bytes;

    (void)what;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (got <= 0) {
        client->ended = true;
        client_go_on(client);
        return;
    }
    bytes = (struct span){reception->input, (size_t)got};
    left_keep(client, span_from(bytes, smtp_session_input(client->session, bytes)));
    client_go_on(client);
}

static void
on_writable(int fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    client_go_on(argument);
}

/* The session begins; its greeting goes out at once. */
void
client_begin(struct client *client)
{
    struct reception *reception = client->reception;

    client->session =
        smtp_session_new(&reception->options, &client->peer, &reception_host, client);
    client->read_event = event_new(reception->role->base, client->fd,
                                   EV_READ | EV_PERSIST, on_readable, client);
    client->write_event = event_new(reception->role->base, client->fd,
                                    EV_WRITE | EV_PERSIST, on_writable, client);
    client_go_on(client);
}

/* Who is it, by his address? */
static void
peer_of_network(struct client *client, const struct sockaddr *address)
{
    const struct settings *settings = &client->reception->role->configuration->settings;
    char text[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

    if (address->sa_family == AF_INET6) {
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        client->peer.port = ntohs(v6->sin6_port);
    } else if (address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        client->peer.port = ntohs(v4->sin_port);
    }
    client->peer.origin = ORIGIN_NETWORK;
    client->peer.address = arena_string(client->arena, text);
    client->peer.uid = -1;
    client->peer.may_relay = net_address_in(text, settings->smtp_remote_allow.items,
                                            settings->smtp_remote_allow.count);
}

static void
peer_of_local(struct client *client)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;

    client->peer.origin = ORIGIN_LOCAL;
    client->peer.address = "";
    client->peer.uid = -1;
    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
        client->peer.uid = credentials.uid;
        client->peer.port = credentials.gid; /* until who_take(): for trusted_groups */
    }
    client->peer.may_relay = true;
}

/* Why this client cannot be served now, or NULL. */
static const char *
refusal_of(const struct reception *reception, const struct client *client)
{
    const struct settings *settings = &reception->role->configuration->settings;

    if (reception->is_local) {
        /* Root, and whoever the house is of, could take what he wants anyway. */
        if (client->peer.uid == 0 || client->peer.uid == (int64_t)reception->owner ||
            settings->local_accept_max_per_user == 0 ||
            uid_sessions(client) < (uint64_t)settings->local_accept_max_per_user)
            return NULL;
        return "421 4.7.0 too many sessions of yours, try again later\r\n";
    }
    if (net_address_in(client->peer.address, settings->smtp_reject_hosts.items,
                       settings->smtp_reject_hosts.count))
        return "554 5.7.1 your address is not welcome here\r\n";
    if (!reception->counts)
        return NULL;
    if (settings->smtp_accept_max > 0 &&
        counts_get(reception->counts, "") >= (uint64_t)settings->smtp_accept_max)
        return "421 4.3.2 too many sessions, try again later\r\n";
    if (settings->smtp_accept_max_per_host > 0 && !client->peer.may_relay &&
        counts_get(reception->counts, client->peer.address) >=
            (uint64_t)settings->smtp_accept_max_per_host)
        return "421 4.7.0 too many sessions from your address, try again later\r\n";
    return NULL;
}

static void
refuse(struct client *client, const char *text)
{
    struct log_record record = log_record_new(EVENT_REFUSED);

    record.peer = client->peer.address;
    record.text = arena_bytes(client->arena, text, strlen(text) - 2);
    log_write(client->reception->role->log, &record);
    if (send(client->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        record.text = "it was gone already";
    client_free(client);
}

void
client_accept(struct reception *reception, int fd, const struct sockaddr *address)
{
    struct client *client = memory_alloc(sizeof *client);
    const char *refusal;

    memset(client, 0, sizeof *client);
    client->reception = reception;
    client->fd = fd;
    client->token = ++reception->serial;
    client->arena = arena_new();
    client->peer.name = client->peer.user = client->peer.full_name = "";
    client->next = reception->first;
    if (client->next)
        client->next->previous = client;
    reception->first = client;
    table_put(reception->clients, token_key(&client->token), client);
    reception->client_count++;
    reception->session_count++;
    if (reception->is_local)
        peer_of_local(client);
    else
        peer_of_network(client, address);
    refusal = refusal_of(reception, client);
    if (refusal) {
        refuse(client, refusal);
        return;
    }
    if (reception->counts || reception->is_local)
        session_count(client, 1);
    if (reception->is_local) {
        who_ask(client);
        return;
    }
    peer_name_ask(client);
    client_begin(client);
}

void
client_timeouts(struct reception *reception, int64_t now)
{
    struct client *next;

    for (struct client *client = reception->first; client; client = next) {
        next = client->next;
        if (client->session && smtp_session_deadline(client->session) <= now) {
            smtp_session_timeout(client->session);
            client_go_on(client);
        } else if (client->over_since != 0 && now - client->over_since > SEND_WAIT) {
            client_free(client);
        }
    }
}
