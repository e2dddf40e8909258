/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Questions of sessions to the verify workers: may this recipient be had, who is this
 * local peer. Answers are kept for a few seconds; when none comes in time the client gets
 * 451, and nothing queues up.
 */
#include "role/reception.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/status.h"
#include "net/connection.h"

#include "base/banned.h"

enum {
    KEEP_VERIFIED = 3000,
    KEEP_USER = 10000,
    CACHE_LIMIT = 20000,
    PENDING_LIMIT = 256 << 10, /* octets of questions that a worker leaves unread */
    WHO_WAIT = 30000,
};

static struct span
question_key(const uint64_t *question)
{
    return (struct span){(const char *)question, sizeof *question};
}

/* What is known of a local uid. */
struct known_user {
    char *user, *full_name;
    bool trusted, operator;
    int64_t until;
};

/* The next worker that is alive and listens, in turn; NULL if none is. */
static struct channel *
verifier(struct reception *reception)
{
    for (size_t i = 0; i < RECEPTION_VERIFIERS; i++) {
        struct channel *channel =
            reception->verifiers[reception->next_verifier++ % RECEPTION_VERIFIERS];

        if (channel && channel_pending(channel) < PENDING_LIMIT)
            return channel;
    }
    return NULL;
}

void
question_forget(struct client *client)
{
    if (client->question != 0)
        table_remove(client->reception->questions, question_key(&client->question));
    client->question = 0;
}

/* May this client send to places elsewhere? */
static bool
may_relay(const struct client *client)
{
    const struct envelope *envelope = smtp_session_envelope(client->session);
    const struct settings *settings = &client->reception->role->configuration->settings;

    if (envelope && envelope->origin == ORIGIN_NETWORK && client->reception->is_local)
        return net_address_in(envelope->peer_address, settings->smtp_remote_allow.items,
                              settings->smtp_remote_allow.count);
    return client->peer.may_relay;
}

static void
refused_log(struct client *client, const char *recipient, const char *text)
{
    struct log_record record = log_record_new(EVENT_REFUSED);

    record.peer = client->peer.address;
    record.address = recipient;
    record.text = text;
    log_write(client->reception->role->log, &record);
}

/* From what was found out to a reply. */
static void
verified_answer(struct client *client, const struct verified *verified)
{
    struct smtp_answer answer = {250, "2.1.5", "recipient ok"};
    const char *recipient = client->asked;

    question_forget(client);
    client->asked = NULL;
    if (verified->deferred) {
        answer = (struct smtp_answer){451, "4.3.0", verified->error.text};
        if (verified->error.status[0] == '4')
            answer.status = verified->error.status;
    } else if (verified->failed) {
        answer = (struct smtp_answer){550, "5.1.1", verified->error.text};
        if (verified->error.status[0] == '5')
            answer.status = verified->error.status;
        answer.code = reply_from_status(answer.status, true);
    } else if (verified->remote && !may_relay(client)) {
        answer = (struct smtp_answer){550, "5.7.1", "relaying is not for you"};
    }
    if (answer.code >= 400)
        refused_log(client, recipient, answer.text);
    smtp_answer_recipient(client->session, &answer);
    free((char *)(uintptr_t)recipient);
}

static struct verified *
cache_get(struct reception *reception, const char *recipient)
{
    struct verified *verified = table_get(reception->verified, span_of(recipient));

    return verified && verified->until > clock_monotonic() ? verified : NULL;
}

/* Everything in it is worth a few seconds at most: a full cache is simply emptied. */
static void
cache_put(struct reception *reception, const char *recipient,
          const struct verified *verified)
{
    struct verified *copy = memory_alloc(sizeof *copy);

    if (table_count(reception->verified) >= CACHE_LIMIT) {
        size_t at = 0;
        struct span key;
        void *value;

        while (table_next(reception->verified, &at, &key, &value)) {
            table_remove(reception->verified, key);
            free(value);
        }
    }
    *copy = *verified;
    copy->until = clock_monotonic() + KEEP_VERIFIED;
    free(table_put(reception->verified, span_of(recipient), copy));
}

static void
question_send(struct client *client)
{
    struct channel *channel = verifier(client->reception);
    const struct envelope *envelope = smtp_session_envelope(client->session);
    struct wire_verify verify = {.token = client->question,
                                 .recipient = client->asked,
                                 .reverse_path = envelope ? envelope->reverse_path : "",
                                 .peer_address = client->peer.address};

    if (channel)
        wire_send(channel, WIRE_VERIFY, &verify, -1);
}

void
verify_ask(struct client *client, const struct envelope *envelope, const char *recipient)
{
    struct reception *reception = client->reception;
    const struct settings *settings = &reception->role->configuration->settings;
    struct verified *known = cache_get(reception, recipient);

    (void)envelope;
    question_forget(client);
    free(client->asked);
    client->asked = memory_string(recipient);
    if (known) {
        verified_answer(client, known);
        return;
    }
    client->asked_until = clock_monotonic() + settings->verify_timeout.seconds * 1000;
    client->question = ++reception->serial;
    table_put(reception->questions, question_key(&client->question), client);
    question_send(client);
}

void
verify_take(struct reception *reception, struct frame *frame)
{
    struct arena *arena = arena_new();
    struct wire_verified answer;
    struct client *client;

    if (wire_read(frame, WIRE_VERIFIED, arena, &answer) &&
        (client = table_get(reception->questions, question_key(&answer.token))) != NULL) {
        struct verified verified = {.local = answer.local,
                                    .remote = answer.remote,
                                    .deferred = answer.deferred,
                                    .failed = answer.failed,
                                    .error = answer.error};

        if (!verified.deferred)
            cache_put(reception, client->asked, &verified);
        verified_answer(client, &verified);
        client_go_on(client);
    }
    arena_free(arena);
}

void
verify_timeouts(struct reception *reception, int64_t now)
{
    struct client *next;

    for (struct client *client = reception->first; client; client = next) {
        struct verified late = {.deferred = true};

        next = client->next;
        if (client->asked_until > now)
            continue;
        if (!client->session) {
            client_free(client);
            continue;
        }
        if (!client->asked)
            continue;
        fail_temporary(&late.error, "4.3.0", "the recipient cannot be checked now");
        verified_answer(client, &late);
        client_go_on(client);
    }
}

void
verify_again(struct reception *reception)
{
    struct client *next;

    for (struct client *client = reception->first; client; client = next) {
        next = client->next;
        if (client->asked)
            question_send(client);
        else if (!client->session)
            who_ask(client); /* may free it */
    }
}

/* --- local peers --- */

static const char *
uid_key(int64_t uid, char key[24])
{
    snprintf(key, 24, "%lld", (long long)uid);
    return key;
}

static void
peer_complete(struct client *client, const struct known_user *known)
{
    client->peer.user = arena_string(client->arena, known->user);
    client->peer.full_name = arena_string(client->arena, known->full_name);
    client->peer.trusted = known->trusted;
    client->peer.operator= known->operator;
    client->peer.port = 0;
    client_begin(client);
}

void
who_ask(struct client *client)
{
    struct reception *reception = client->reception;
    struct wire_who who = {client->token, client->peer.uid, client->peer.port};
    struct channel *channel;
    char key[24];
    struct known_user *known =
        table_get(reception->users, span_of(uid_key(client->peer.uid, key)));

    if (known && known->until > clock_monotonic()) {
        peer_complete(client, known);
        return;
    }
    if (client->asked_until == 0)
        client->asked_until = clock_monotonic() + WHO_WAIT;
    channel = verifier(reception);
    if (channel)
        wire_send(channel, WIRE_WHO, &who, -1);
}

void
who_take(struct reception *reception, struct frame *frame)
{
    struct arena *arena = arena_new();
    struct wire_who_is who;
    struct client *client;
    struct known_user *known;
    char key[24];

    if (wire_read(frame, WIRE_WHO_IS, arena, &who) &&
        (client = client_find(reception, who.token)) != NULL && !client->session) {
        known = memory_alloc(sizeof *known);
        known->user = memory_string(who.user);
        known->full_name = memory_string(who.full_name);
        known->trusted = who.trusted;
        known->operator= who.operator;
        known->until = clock_monotonic() + KEEP_USER;
        uid_key(client->peer.uid, key);
        peer_complete(client, known);
        known = table_put(reception->users, span_of(key), known);
        if (known) {
            free(known->user);
            free(known->full_name);
            free(known);
        }
    }
    arena_free(arena);
}

/* --- channels --- */

static void
verifier_ready(struct channel *channel, void *context)
{
    struct reception *reception = context;
    struct frame frame;

    while (channel_next(channel, &frame)) {
        if (frame.type == WIRE_VERIFIED)
            verify_take(reception, &frame);
        else if (frame.type == WIRE_WHO_IS)
            who_take(reception, &frame);
    }
}

static void
verifier_gone(struct channel *channel, void *context)
{
    struct reception *reception = context;

    for (size_t i = 0; i < RECEPTION_VERIFIERS; i++)
        if (reception->verifiers[i] == channel)
            reception->verifiers[i] = NULL;
    channel_free(channel);
}

void
verify_attach(struct reception *reception, const struct wire_peer *peer, int fd)
{
    struct channel **place = &reception->verifiers[peer->instance % RECEPTION_VERIFIERS];

    channel_free(*place);
    *place = channel_new(fd);
    channel_attach(*place, reception->role->base, verifier_ready, verifier_gone,
                   reception);
    verify_again(reception);
}
