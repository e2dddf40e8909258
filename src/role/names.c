/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names role: DNS for everybody, with one cache. Questions come over channels, the
 * module (libunbound) answers when it can.
 */
#include "role/role.h"

#include <event2/event.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "net/dns_engine.h"
#include "role/privilege.h"
#include "role/sandbox.h"

#include "base/banned.h"

/* Somebody who asks. It stays until its last question is answered. */
struct asker {
    struct names *names;
    struct channel *channel; /* NULL: it is gone */
    size_t open;
};

struct question {
    struct asker *asker;
    uint64_t token;
};

struct names {
    struct role *role;
    const struct dns_module *module;
    struct dns_engine *engine;
    struct event *readable, *tick;
    size_t askers; /* those that are there */
};

static void
asker_release(struct asker *asker)
{
    if (!asker->channel && asker->open == 0)
        free(asker);
}

static void
answer_send(const struct asker *asker, uint64_t token, const struct dns_answer *answer)
{
    struct wire_answer frame = {token, *answer};

    if (asker->channel)
        wire_send(asker->channel, WIRE_ANSWER, &frame, -1);
}

static void
on_answer(void *context, const struct dns_answer *answer)
{
    struct question *question = context;

    answer_send(question->asker, question->token, answer);
    question->asker->open--;
    asker_release(question->asker);
    free(question);
}

static void
question_take(struct asker *asker, const struct wire_ask *ask)
{
    struct names *names = asker->names;
    struct question *question = memory_alloc(sizeof *question);
    struct dns_answer failure = {.result = DNS_FAILURE, .canonical = ask->name};

    question->asker = asker;
    question->token = ask->token;
    asker->open++;
    if (names->engine &&
        names->module->engine_ask(names->engine, ask->name, (enum dns_type)ask->type,
                                  on_answer, question))
        return;
    asker->open--;
    free(question);
    answer_send(asker, ask->token, &failure);
}

static void
asker_ready(struct channel *channel, void *context)
{
    struct arena *arena = arena_new();
    struct wire_ask ask;
    struct frame frame;

    while (channel_next(channel, &frame)) {
        if (wire_read(&frame, WIRE_ASK, arena, &ask))
            question_take(context, &ask);
        if (frame.fd >= 0)
            close(frame.fd);
        arena_reset(arena);
    }
    arena_free(arena);
}

/* Told to end it still answers those who drain as well. */
static void
drained_check(const struct names *names)
{
    if (names->role->draining && names->askers == 0)
        role_end_loop(names->role);
}

static void
asker_gone(struct channel *channel, void *context)
{
    struct asker *asker = context;

    asker->channel = NULL;
    asker->names->askers--;
    drained_check(asker->names);
    channel_free(channel);
    asker_release(asker);
}

static bool
engine_begin(struct names *names, struct error *error)
{
    const struct settings *settings = &names->role->configuration->settings;

    names->engine = names->module->engine_new(
        settings->name_servers.items, settings->name_servers.count,
        settings->name_timeout.seconds * 1000, error);
    return names->engine != NULL;
}

/* The engine's process died: this role ends, and the master starts it anew. */
static void
engine_process(struct names *names)
{
    if (names->module->engine_process(names->engine))
        return;
    log_panic(names->role->log, NULL, "the name service module died");
    role_end_loop(names->role);
}

static void
on_engine(int fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    engine_process(argument);
}

static void
names_control(struct role *role, struct frame *frame)
{
    struct names *names = role->context;
    struct asker *asker;

    if (frame->type == WIRE_PEER && frame->fd >= 0) {
        asker = memory_alloc(sizeof *asker);
        asker->names = names;
        asker->open = 0;
        names->askers++;
        asker->channel = channel_new(frame->fd);
        channel_attach(asker->channel, role->base, asker_ready, asker_gone, asker);
        return;
    }
    if (frame->fd >= 0)
        close(frame->fd);
    if (frame->type == WIRE_DRAIN) {
        role->draining = true;
        drained_check(names);
    }
}

static bool
enclose(struct role *role, struct error *error)
{
    const struct settings *settings = &role->configuration->settings;
    const char *account = privilege_account(ROLE_NAMES, settings);
    struct passwd *user = getpwnam(account);

    if (!user || user->pw_uid == 0)
        return fail_temporary(error, "4.3.5", "there is no user %s", account);
    return privilege_become(account, user->pw_uid, user->pw_gid, false, (gid_t)-1, error);
}

int
names_run(struct role *role)
{
    struct names names = {.role = role};
    struct timeval second = {1, 0};
    struct error error = {0};

    role->context = &names;
    role->control_frame = names_control;
    /* The engine makes a process of its own: give up what root has before that. */
    if (role->hello.privileged && !enclose(role, &error)) {
        log_panic(role->log, NULL, "names: %s", error.text);
        return EX_OSERR;
    }
    if (!dns_module_load(NULL, &names.module, &error) || !engine_begin(&names, &error))
        log_panic(role->log, NULL, "no DNS: %s", error.text);
    if (names.engine) {
        names.readable = event_new(role->base, names.module->engine_fd(names.engine),
                                   EV_READ | EV_PERSIST, on_engine, &names);
        names.tick = event_new(role->base, -1, EV_PERSIST, on_engine, &names);
        event_add(names.readable, NULL);
        event_add(names.tick, &second);
    }
    if (role->hello.privileged && !sandbox_enter(ROLE_NAMES, &error)) {
        log_panic(role->log, NULL, "names: %s", error.text);
        return EX_OSERR;
    }
    role_begin(role);
    role_loop(role);
    if (names.engine)
        names.module->engine_free(names.engine);
    return EX_OK;
}
