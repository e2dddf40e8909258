/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The DNS by libunbound: one context with its cache and its process, as a module of its
 * own. Answers become struct dns_answer here, through dns_record_read(), so nothing that
 * the library hands over is believed unchecked.
 */
#include "net/dns_engine.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>

#include "base/arena.h"
#include "base/clock.h"
#include "net/dns_cache.h"

#include "base/banned.h"

enum {
    OPEN_LIMIT = 4096,    /* questions without answer */
    CACHE_LIMIT = 20000,  /* answers kept on this side of the library */
    RECORDS_LIMIT = 4096, /* of one answer */
    NAME_LIMIT = 253,
    CLASS_IN = 1,
};

/* One open question. They stand in the order in which they were asked. */
struct question {
    struct question *earlier, *later;
    struct dns_engine *engine;
    int id; /* the library's */
    char name[NAME_LIMIT + 1];
    enum dns_type type;
    int64_t until; /* clock_monotonic() */
    dns_done *done;
    void *context;
};

struct dns_engine {
    struct ub_ctx *unbound;
    struct question *oldest, *newest;
    size_t open;
    int64_t timeout;
    bool dead;
    struct dns_cache *cache; /* saves the way to the library's process and back */
    struct arena *arena;     /* of the answer being told */
};

/* --- settings of the library --- */

static const struct {
    const char *name, *value;
    bool needed; /* else an older library may not know it */
} options[] = {
    {"do-not-query-localhost:", "no", true}, /* the usual stub listens there */
    {"use-syslog:", "no", true},
    {"outgoing-range:", "900", true}, /* sockets; below the usual 1024 descriptors */
    {"num-queries-per-thread:", "4096", true},
    {"outgoing-num-tcp:", "32", true},
    {"incoming-num-tcp:", "0", false},
    {"msg-cache-size:", "8m", true},
    {"rrset-cache-size:", "16m", true},
    {"cache-max-ttl:", "86400", true},
    {"cache-max-negative-ttl:", "900", true},
    /* A forwarder that was away is asked again soon, not after a quarter of an hour. */
    {"infra-host-ttl:", "30", true},
    {"infra-keep-probing:", "yes", false},
    /* What zones exist in private networks is for the servers to say. */
    {"unblock-lan-zones:", "yes", true},
    {"insecure-lan-zones:", "yes", true},
};

static bool
unbound_check(int result, const char *what, struct error *error)
{
    return result == 0 || fail_temporary(error, "4.3.5", "libunbound: %s: %s", what,
                                         ub_strerror(result));
}

static bool
engine_options(struct ub_ctx *unbound, struct error *error)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int result = ub_ctx_set_option(unbound, options[i].name, options[i].value);

        if (options[i].needed && !unbound_check(result, options[i].name, error))
            return false;
    }
    return true;
}

/*
 * Names for tests and at home are answered by the library itself otherwise. To be called
 * after all other settings, which it ends.
 */
static bool
engine_zones(struct ub_ctx *unbound, struct error *error)
{
    static const char *const zones[] = {"test.", "home.arpa."};

    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (!unbound_check(ub_ctx_zone_add(unbound, zones[i], "transparent"), zones[i],
                           error))
            return false;
    return true;
}

/* "[2001:db8::1]@53" without the brackets, which the library does not know. */
static bool
engine_forward(struct ub_ctx *unbound, const char *server, struct error *error)
{
    char plain[80];
    size_t length = 0;

    for (const char *from = server; *from != '\0'; from++) {
        if (*from == '[' || *from == ']')
            continue;
        if (length + 1 >= sizeof plain)
            return fail_temporary(error, "4.3.5", "name server \"%s\" is too long",
                                  server);
        plain[length++] = *from;
    }
    plain[length] = '\0';
    return unbound_check(ub_ctx_set_fwd(unbound, plain), server, error);
}

static bool
engine_servers(struct ub_ctx *unbound, const char *const *servers, size_t count,
               struct error *error)
{
    if (count == 1 && strcmp(servers[0], "recurse") == 0)
        return true;
    if (count == 0)
        /* Fails without a name server in it or without the file: as the C library does,
         * ask this host. */
        return ub_ctx_resolvconf(unbound, NULL) == 0 ||
               engine_forward(unbound, "127.0.0.1", error);
    for (size_t i = 0; i < count; i++)
        if (!engine_forward(unbound, servers[i], error))
            return false;
    return true;
}

/* --- the list of open questions --- */

static struct question *
question_add(struct dns_engine *engine, const char *name, enum dns_type type,
             dns_done *done, void *context)
{
    struct question *question = memory_alloc(sizeof *question);

    *question = (struct question){.engine = engine,
                                  .type = type,
                                  .until = clock_monotonic() + engine->timeout,
                                  .done = done,
                                  .context = context,
                                  .earlier = engine->newest};
    snprintf(question->name, sizeof question->name, "%s", name);
    if (engine->newest != NULL)
        engine->newest->later = question;
    else
        engine->oldest = question;
    engine->newest = question;
    engine->open++;
    return question;
}

static void
question_remove(struct question *question)
{
    struct dns_engine *engine = question->engine;

    if (question->earlier != NULL)
        question->earlier->later = question->later;
    else
        engine->oldest = question->later;
    if (question->later != NULL)
        question->later->earlier = question->earlier;
    else
        engine->newest = question->earlier;
    engine->open--;
    free(question);
}

/* Take the question off the list, then tell: done() may ask again. */
static void
question_answer(struct question *question, const struct dns_answer *answer)
{
    dns_done *done = question->done;
    void *context = question->context;

    question_remove(question);
    done(context, answer);
}

static void
question_fail(struct question *question)
{
    struct dns_answer answer = {.result = DNS_FAILURE, .canonical = ""};

    question_answer(question, &answer);
}

/* --- answers --- */

static const char *
canonical_name(const struct ub_result *result, struct arena *arena)
{
    const char *name = result->canonname != NULL ? result->canonname : result->qname;
    struct span span = span_of(name);

    if (span.length > 1 && span.bytes[span.length - 1] == '.')
        span.length--;
    return span_lower(span, arena);
}

/* Records that can be read; an answer that has none of them is FOUND with count 0. */
static void
answer_records(const struct ub_result *result, enum dns_type type, struct arena *arena,
               struct dns_answer *answer)
{
    size_t count = 0;

    while (count < RECORDS_LIMIT && result->data[count] != NULL)
        count++;
    answer->records = arena_array(arena, count + 1, sizeof *answer->records);
    for (size_t i = 0; i < count; i++) {
        struct span rdata = {result->data[i], (size_t)result->len[i]};

        if (result->len[i] >= 0 &&
            dns_record_read(type, rdata, arena, &answer->records[answer->count]))
            answer->count++;
    }
}

static struct dns_answer
answer_from(const struct ub_result *result, enum dns_type type, struct arena *arena)
{
    enum { NOERROR = 0, NXDOMAIN = 3 };
    struct dns_answer answer = {.result = DNS_FAILURE, .canonical = ""};

    if (result->bogus || (result->rcode != NOERROR && result->rcode != NXDOMAIN))
        return answer;
    answer.secure = result->secure != 0;
    answer.canonical = canonical_name(result, arena);
    answer.ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0;
    if (result->nxdomain) {
        answer.result = DNS_NO_NAME;
    } else if (!result->havedata) {
        answer.result = DNS_NO_DATA;
    } else {
        answer.result = DNS_FOUND;
        answer_records(result, type, arena, &answer);
    }
    return answer;
}

/* The library's callback. */
static void
question_done(void *data, int status, struct ub_result *result)
{
    struct question *question = data;
    struct arena *arena = question->engine->arena;
    struct dns_answer answer = {.result = DNS_FAILURE, .canonical = ""};

    if (status == 0 && result != NULL)
        answer = answer_from(result, question->type, arena);
    dns_cache_put(question->engine->cache, question->name, question->type, &answer);
    question_answer(question, &answer);
    ub_resolve_free(result);
    arena_reset(arena);
}

/* --- the engine --- */

static void
unbound_engine_free(struct dns_engine *engine)
{
    if (engine == NULL)
        return;
    while (engine->oldest != NULL)
        question_remove(engine->oldest);
    if (engine->unbound != NULL)
        ub_ctx_delete(engine->unbound); /* takes its process and open questions with it */
    dns_cache_free(engine->cache);
    arena_free(engine->arena);
    free(engine);
}

static void
first_done(void *context, const struct dns_answer *answer)
{
    (void)context;
    (void)answer;
}

static bool unbound_engine_ask(struct dns_engine *engine, const char *name,
                               enum dns_type type, dns_done *done, void *context);

static bool
engine_start(struct dns_engine *engine, const char *const *servers, size_t count,
             struct error *error)
{
    struct ub_ctx *unbound = engine->unbound = ub_ctx_create();

    if (unbound == NULL)
        return fail_temporary(error, "4.3.0", "libunbound: no context");
    ub_ctx_debugout(unbound, NULL);
    if (!engine_options(unbound, error) ||
        !engine_servers(unbound, servers, count, error) ||
        !unbound_check(ub_ctx_async(unbound, 0), "asynchronous mode", error) ||
        !engine_zones(unbound, error))
        return false;
    /* The first question starts the library's process: now, while little is open. */
    if (!unbound_engine_ask(engine, "localhost", DNS_A, first_done, NULL))
        return fail_temporary(error, "4.3.0", "libunbound: cannot start its process");
    return true;
}

static struct dns_engine *
unbound_engine_new(const char *const *servers, size_t count, int64_t timeout,
                   struct error *error)
{
    struct dns_engine *engine = memory_alloc(sizeof *engine);

    /* The library writes to its process, which may have died. */
    signal(SIGPIPE, SIG_IGN);
    engine->arena = arena_new();
    engine->cache = dns_cache_new(CACHE_LIMIT);
    engine->timeout = timeout;
    if (engine_start(engine, servers, count, error))
        return engine;
    unbound_engine_free(engine);
    return NULL;
}

static int
unbound_engine_fd(const struct dns_engine *engine)
{
    return ub_fd(engine->unbound);
}

/* Answer what waited too long; the library forgets it. */
static void
engine_expire(struct dns_engine *engine, int64_t now)
{
    while (engine->oldest != NULL && engine->oldest->until <= now) {
        ub_cancel(engine->unbound, engine->oldest->id);
        question_fail(engine->oldest);
    }
}

static bool
unbound_engine_process(struct dns_engine *engine)
{
    if (!engine->dead && ub_process(engine->unbound) != 0)
        engine->dead = true;
    engine_expire(engine, engine->dead ? INT64_MAX : clock_monotonic());
    return !engine->dead;
}

/* Letters, digits, '-', '_' in labels of 1 to 63: what else there is cannot be a host. */
static bool
name_can_exist(const char *name)
{
    struct span rest = span_of(name), label;

    if (rest.length == 0 || rest.length > NAME_LIMIT)
        return false;
    while (span_next(&rest, '.', &label)) {
        if (label.length == 0 || label.length > 63)
            return false;
        for (size_t i = 0; i < label.length; i++)
            if (!byte_is_letter(label.bytes[i]) && !byte_is_digit(label.bytes[i]) &&
                label.bytes[i] != '-' && label.bytes[i] != '_')
                return false;
    }
    return true;
}

/* Answer from the cache at once. */
static bool
cached_answer(struct dns_engine *engine, const char *name, enum dns_type type,
              dns_done *done, void *context)
{
    struct arena *arena = arena_new(); /* done() may ask again */
    struct dns_answer answer;
    bool known = dns_cache_get(engine->cache, name, type, arena, &answer);

    if (known)
        done(context, &answer);
    arena_free(arena);
    return known;
}

static bool
unbound_engine_ask(struct dns_engine *engine, const char *name, enum dns_type type,
                   dns_done *done, void *context)
{
    struct dns_answer nothing = {.result = DNS_NO_NAME, .canonical = ""};
    struct question *question;

    if (engine->dead || engine->open >= OPEN_LIMIT)
        return false;
    if (!name_can_exist(name)) {
        done(context, &nothing);
        return true;
    }
    if (cached_answer(engine, name, type, done, context))
        return true;
    question = question_add(engine, name, type, done, context);
    if (ub_resolve_async(engine->unbound, name, (int)type, CLASS_IN, question,
                         question_done, &question->id) == 0)
        return true;
    question_remove(question);
    return false;
}

static size_t
unbound_engine_open(const struct dns_engine *engine)
{
    return engine->open;
}

extern const struct dns_module smail_dns_module;

const struct dns_module smail_dns_module = {
    .version = DNS_MODULE_VERSION,
    .about = "libunbound",
    .engine_new = unbound_engine_new,
    .engine_free = unbound_engine_free,
    .engine_fd = unbound_engine_fd,
    .engine_process = unbound_engine_process,
    .engine_ask = unbound_engine_ask,
    .engine_open = unbound_engine_open,
};
