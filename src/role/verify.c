/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verify worker answers what sessions ask while a client waits: can this recipient be
 * had, who is this local peer. Tables and users only; nobody's files, no commands.
 */
#include "role/role.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "resolve/resolve.h"
#include "role/names_client.h"

#include "base/banned.h"

enum { ASKERS = 64, TICK = 2000 };

struct verifier {
    struct role *role;
    struct channel *askers[ASKERS]; /* receive processes; NULL: free */
    struct names_client names;
    struct services *services;
    bool master_gone, draining;
};

/* --- the control channel --- */

static void
asker_add(struct verifier *verifier, int fd)
{
    for (size_t i = 0; i < ASKERS; i++) {
        if (verifier->askers[i])
            continue;
        verifier->askers[i] = channel_new(fd);
        return;
    }
    log_panic(verifier->role->log, NULL, "too many processes that ask for recipients");
    close(fd);
}

static void
verifier_control(struct role *role, struct frame *frame)
{
    struct verifier *verifier = role->context;
    struct arena *arena = arena_new();
    struct wire_peer peer;
    int fd = frame->fd;

    if (frame->type == WIRE_PEER && fd >= 0 &&
        wire_read(frame, WIRE_PEER, arena, &peer)) {
        if (peer.kind == ROLE_NAMES) {
            names_client_attach(&verifier->names, fd);
            fd = -1;
        } else if (peer.kind == ROLE_RECEIVE || peer.kind == ROLE_LOCAL) {
            asker_add(verifier, fd);
            fd = -1;
        }
    } else if (frame->type == WIRE_DRAIN) {
        verifier->draining = true;
    }
    if (fd >= 0)
        close(fd);
    arena_free(arena);
}

static void
verifier_poll_control(struct verifier *verifier)
{
    if (!role_poll_control(verifier->role))
        verifier->master_gone = true;
}

static void
names_obtain(void *context, int64_t deadline)
{
    struct verifier *verifier = context;

    while (!verifier->names.channel && !verifier->master_gone) {
        struct pollfd control = {.fd = channel_descriptor(verifier->role->control),
                                 .events = POLLIN};
        int64_t left = deadline - clock_monotonic();

        if (left <= 0)
            return;
        if (poll(&control, 1, left > TICK ? TICK : (int)left) > 0)
            verifier_poll_control(verifier);
    }
}

/* --- recipients --- */

static void
verify(struct verifier *verifier, const struct wire_verify *question,
       struct wire_verified *answer, struct arena *arena)
{
    const struct configuration *configuration = verifier->role->configuration;
    struct envelope envelope = envelope_new();
    struct resolving resolving = {
        .configuration = configuration,
        .services = verifier->services,
        .envelope = &envelope,
        .arena = arena,
    };
    struct verification verification = {0};

    answer->token = question->token;
    if (configuration_is_broken(configuration)) {
        answer->deferred = true;
        fail_temporary(&answer->error, "4.3.5", "the configuration has errors");
        return;
    }
    envelope.reverse_path = question->reverse_path;
    envelope.peer_address = question->peer_address;
    envelope.origin = ORIGIN_NETWORK;
    resolve_verify(&resolving, question->recipient, &verification);
    answer->local = verification.local;
    answer->remote = verification.remote;
    answer->deferred = verification.deferred;
    answer->failed = verification.failed;
    answer->error = verification.error;
}

/* --- local peers --- */

static bool
group_is_trusted(const struct verifier *verifier, int64_t gid)
{
    struct list groups = verifier->role->configuration->settings.trusted_groups;

    for (size_t i = 0; i < groups.count; i++) {
        struct error error;
        gid_t number;
        bool found = false;

        if (verifier->services->group(verifier->services, groups.items[i], &number,
                                      &found, &error) &&
            found && (int64_t)number == gid)
            return true;
    }
    return false;
}

static void
who_is(struct verifier *verifier, const struct wire_who *question,
       struct wire_who_is *answer, struct arena *arena)
{
    const struct role *role = verifier->role;
    const struct settings *settings = &role->configuration->settings;
    struct user user = {0};
    struct error error;
    bool found = false;

    answer->token = question->token;
    answer->user = arena_format(arena, "%lld", (long long)question->uid);
    answer->full_name = "";
    if (verifier->services->user_of(verifier->services, (uid_t)question->uid, arena,
                                    &user, &found, &error) &&
        found) {
        answer->known = true;
        answer->user = user.name;
        answer->full_name = user.full_name ? user.full_name : "";
    }
    answer->trusted = (found && list_has(settings->trusted_users, user.name)) ||
                      group_is_trusted(verifier, question->gid);
    /* Whoever started a house of his own is its operator. */
    answer->operator= question->uid ==
        0 ||(!role->hello.privileged && question->uid == (int64_t)geteuid()) ||
        (found && list_has(settings->smailctl_users, user.name));
}

/* --- the loop --- */

static void
answer_frame(struct verifier *verifier, struct channel *channel, struct frame *frame)
{
    struct arena *arena = arena_new();

    if (frame->fd >= 0)
        close(frame->fd);
    if (frame->type == WIRE_VERIFY) {
        struct wire_verified answer = {0};
        struct wire_verify question;

        if (wire_read(frame, WIRE_VERIFY, arena, &question)) {
            verify(verifier, &question, &answer, arena);
            wire_send(channel, WIRE_VERIFIED, &answer, -1);
        }
    } else if (frame->type == WIRE_WHO) {
        struct wire_who_is answer = {0};
        struct wire_who question;

        if (wire_read(frame, WIRE_WHO, arena, &question)) {
            who_is(verifier, &question, &answer, arena);
            wire_send(channel, WIRE_WHO_IS, &answer, -1);
        }
    }
    arena_free(arena);
}

/* All questions of one asker that are here; a dead one is forgotten. */
static void
asker_serve(struct verifier *verifier, struct channel **channel)
{
    struct frame frame;
    bool alive = channel_fill(*channel);

    while (channel_next(*channel, &frame))
        answer_frame(verifier, *channel, &frame);
    if (alive && channel_send_all(*channel) && !channel_is_broken(*channel))
        return;
    channel_free(*channel);
    *channel = NULL;
}

static void
verifier_turn(struct verifier *verifier)
{
    struct pollfd fds[ASKERS + 1];

    for (size_t i = 0; i < ASKERS; i++)
        fds[i] = (struct pollfd){
            .fd = verifier->askers[i] ? channel_descriptor(verifier->askers[i]) : -1,
            .events = POLLIN};
    fds[ASKERS] = (struct pollfd){.fd = channel_descriptor(verifier->role->control),
                                  .events = POLLIN};
    log_flush(verifier->role->log);
    if (poll(fds, ASKERS + 1, TICK) <= 0)
        return;
    for (size_t i = 0; i < ASKERS; i++)
        if (fds[i].revents)
            asker_serve(verifier, &verifier->askers[i]);
    if (fds[ASKERS].revents)
        verifier_poll_control(verifier);
}

static bool
is_asked(const struct verifier *verifier)
{
    for (size_t i = 0; i < ASKERS; i++)
        if (verifier->askers[i])
            return true;
    return false;
}

int
verify_run(struct role *role)
{
    struct verifier verifier = {.role = role};
    struct wire_ready ready = {wire_build_id(), (uint32_t)getpid()};

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    role->context = &verifier;
    role->control_frame = verifier_control;
    names_client_begin(&verifier.names,
                       role->configuration->settings.verify_timeout.seconds * 1000,
                       names_obtain, &verifier);
    verifier.services =
        services_new(role->configuration, &verifier.names.resolver, "", true);
    wire_send(role->control, WIRE_READY, &ready, -1);
    verifier_poll_control(&verifier);
    /* Processes that drain still ask. */
    while (!verifier.master_gone && !(verifier.draining && !is_asked(&verifier)))
        verifier_turn(&verifier);
    services_free(verifier.services);
    names_client_end(&verifier.names);
    for (size_t i = 0; i < ASKERS; i++)
        channel_free(verifier.askers[i]);
    return EX_OK;
}
