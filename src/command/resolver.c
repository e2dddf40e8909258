/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names for a command that decides where mail would go (-bt, -bv, smailctl explain and
 * mx): the module that asks the DNS, in this process, loaded with the first question.
 */
#include "command/command.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/dns_engine.h"

#include "base/banned.h"

enum { STEP = 1000 };

struct own_resolver {
    struct resolver resolver;
    const struct settings *settings;
    const struct dns_module *module;
    struct dns_engine *engine;
    bool failed; /* the module is absent or cannot begin; `error` says why */
    struct error error;
};

/* The answer to the one question that is open. */
struct waiting {
    struct arena *arena;
    struct dns_answer answer;
    bool done;
};

static bool
engine_begin(struct own_resolver *own)
{
    const struct settings *settings = own->settings;

    if (own->engine || own->failed)
        return !own->failed;
    if (dns_module_load(NULL, &own->module, &own->error))
        own->engine = own->module->engine_new(
            settings->name_servers.items, settings->name_servers.count,
            settings->name_timeout.seconds * 1000, &own->error);
    own->failed = own->engine == NULL;
    return !own->failed;
}

/* The answer lives only until we return: a copy goes to the caller's arena. */
static void
on_answer(void *context, const struct dns_answer *answer)
{
    struct waiting *waiting = context;
    struct pack pack = pack_new(waiting->arena);
    struct unpack unpack;

    dns_answer_pack(answer, &pack);
    unpack = unpack_new(text_span(&pack.text));
    if (!dns_answer_unpack(&unpack, waiting->arena, &waiting->answer))
        waiting->answer = (struct dns_answer){.result = DNS_FAILURE};
    waiting->done = true;
}

static bool
lookup(void *context, const char *name, enum dns_type type, struct arena *arena,
       struct dns_answer *answer, struct error *error)
{
    struct own_resolver *own = context;
    struct waiting waiting = {.arena = arena};
    int64_t end = clock_monotonic() + own->settings->name_timeout.seconds * 1000 + STEP;
    bool alive;

    if (!engine_begin(own)) {
        if (error)
            *error = own->error;
        return false;
    }
    alive = own->module->engine_ask(own->engine, name, type, on_answer, &waiting);
    while (alive && !waiting.done && clock_monotonic() < end) {
        struct pollfd ready = {.fd = own->module->engine_fd(own->engine),
                               .events = POLLIN};

        poll(&ready, 1, STEP);
        alive = own->module->engine_process(own->engine);
    }
    *answer = waiting.answer;
    if (waiting.done)
        return true;
    /* What is still open would be answered into a frame that is gone. */
    own->module->engine_free(own->engine);
    own->engine = NULL;
    return fail_temporary(error, "4.4.3", "no answer from the name service for %s", name);
}

struct own_resolver *
own_resolver_new(const struct settings *settings)
{
    struct own_resolver *own = memory_alloc(sizeof *own);

    own->settings = settings;
    own->resolver = (struct resolver){own, lookup};
    return own;
}

const struct resolver *
own_resolver_names(const struct own_resolver *own)
{
    return &own->resolver;
}

void
own_resolver_free(struct own_resolver *own)
{
    if (own->engine)
        own->module->engine_free(own->engine);
    free(own);
}
