/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The workers: resolve, remote, user. One job after the other, in plain synchronous code.
 * What a job made is kept until the spool says that it has it, and told again to the next
 * spool process when this one dies; so no outcome is lost that the disk does not know.
 */
#include "role/role.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "deliver/deliver.h"
#include "resolve/resolve.h"
#include "role/names_client.h"
#include "role/privilege.h"
#include "role/worker_report.h"

#include "base/banned.h"

enum {
    SPOOL_WAIT = 60 * 1000,      /* for a new spool process, or for its acknowledgement */
    CONNECTIONS = 20,            /* kept by one worker */
    CONNECTION_IDLE = 10 * 1000, /* and for so long */
    TICK = 2000,
    BATCH = 64, /* jobs that may share what is owed */
    BATCH_TIME = 200,
    USED_JOBS = 64, /* a worker that ran a command ends after so many more jobs ... */
    USED_IDLE = 50, /* ... or when none came for so long */
    NAMES_WAIT = 30 * 1000,
};

struct worker {
    struct role *role;
    struct channel *spool; /* NULL while there is none */
    bool greeted;          /* the present spool process knows this worker */
    struct names_client names;
    struct services *services;
    struct connection_cache *connections;
    struct user user;
    struct job_context context;
    struct done *done, **done_end;
    uint64_t job_count;
    uint64_t used_until; /* it ran a command: the job_count at which it ends at last */
    int64_t last_frame;
    bool draining, master_gone;
};

/* --- what is kept --- */

static void
done_free(struct done *done)
{
    if (done->job.content_fd >= 0)
        close(done->job.content_fd);
    arena_free(done->arena);
    free(done);
}

static void
acknowledge(struct worker *worker, const struct frame *frame)
{
    struct arena *arena = arena_new();
    struct wire_job_end end;

    if (wire_read(frame, WIRE_ACK, arena, &end)) {
        struct done **at = &worker->done;

        while (*at && (*at)->job.number != end.job)
            at = &(*at)->next;
        if (*at) {
            struct done *done = *at;

            *at = done->next;
            if (!*at)
                worker->done_end = at;
            done_free(done);
        }
    }
    arena_free(arena);
}

/*
 * A new spool process. What the old one acknowledged before it died is taken first: only
 * the rest is told again.
 */
static void
spool_replace(struct worker *worker, int fd)
{
    struct frame frame;

    if (worker->spool) {
        channel_fill(worker->spool);
        while (channel_next(worker->spool, &frame)) {
            if (frame.type == WIRE_ACK)
                acknowledge(worker, &frame);
            if (frame.fd >= 0)
                close(frame.fd);
        }
    }
    channel_free(worker->spool);
    worker->spool = channel_new(fd);
    worker->greeted = false;
}

/* --- the control channel --- */

static void
worker_control(struct role *role, struct frame *frame)
{
    struct worker *worker = role->context;
    struct arena *arena = arena_new();
    struct wire_peer peer;
    int fd = frame->fd;

    if (frame->type == WIRE_PEER && fd >= 0 &&
        wire_read(frame, WIRE_PEER, arena, &peer)) {
        if (peer.kind == ROLE_SPOOL) {
            spool_replace(worker, fd);
            fd = -1;
        } else if (peer.kind == ROLE_NAMES) {
            names_client_attach(&worker->names, fd);
            fd = -1;
        }
    } else if (frame->type == WIRE_DRAIN) {
        worker->draining = true;
    } else if (frame->type == WIRE_STATE) {
        log_say(role->log, "state: %s %s, %llu jobs", role_name(role->kind),
                role->hello.user, (unsigned long long)worker->job_count);
    }
    if (fd >= 0)
        close(fd);
    arena_free(arena);
}

static void
worker_poll_control(struct worker *worker)
{
    if (!role_poll_control(worker->role))
        worker->master_gone = true;
}

/* Wait until the master or the spool says something; false when the time is over. */
static bool
worker_wait(struct worker *worker, int64_t deadline)
{
    struct pollfd fds[2] = {
        {.fd = channel_descriptor(worker->role->control), .events = POLLIN},
        {.fd = worker->spool ? channel_descriptor(worker->spool) : -1, .events = POLLIN}};
    int64_t left = deadline - clock_monotonic();
    int got;

    if (left < 0)
        return false;
    log_flush(worker->role->log);
    got = poll(fds, 2, left > TICK ? TICK : (int)left);
    if (got > 0 && fds[0].revents)
        worker_poll_control(worker);
    return true;
}

/* While a question waits for the names role, the master may be handing out a channel. */
static void
names_obtain(void *context, int64_t deadline)
{
    struct worker *worker = context;

    while (!worker->names.channel && !worker->master_gone) {
        struct pollfd control = {.fd = channel_descriptor(worker->role->control),
                                 .events = POLLIN};
        int64_t left = deadline - clock_monotonic();

        if (left <= 0)
            return;
        if (poll(&control, 1, left > TICK ? TICK : (int)left) > 0)
            worker_poll_control(worker);
    }
}

/* --- the spool --- */

static void
spool_drop(struct worker *worker)
{
    channel_free(worker->spool);
    worker->spool = NULL;
    worker->greeted = false;
}

/* Say who we are, and everything that the spool process before may not have kept. */
static void
spool_greet(struct worker *worker)
{
    static const enum worker_class classes[] = {[ROLE_RESOLVE] = WORKER_RESOLVE,
                                                [ROLE_REMOTE] = WORKER_REMOTE,
                                                [ROLE_USER] = WORKER_USER};
    struct wire_worker hello = {worker->role->hello.instance,
                                (uint32_t)classes[worker->role->kind],
                                worker->role->hello.user};

    struct wire_ready ready = {wire_build_id(), (uint32_t)getpid()};

    worker->greeted = true;
    wire_send(worker->spool, WIRE_WORKER_HELLO, &hello, -1);
    for (const struct done *done = worker->done; done; done = done->next)
        done_report(done, worker->spool);
    if (!channel_send_all(worker->spool))
        spool_drop(worker);
    /* Not before: the queue hears of a worker's end from the spool or from the master. */
    wire_send(worker->role->control, WIRE_READY, &ready, -1);
    if (!channel_send_all(worker->role->control))
        worker->master_gone = true;
}

/* --- jobs --- */

/* A job in the making; NULL when the frame is malformed. Takes its descriptor over. */
static struct done *
job_read(struct worker *worker, struct frame *frame)
{
    struct done *done = memory_alloc(sizeof(*done));
    struct wire_job job;

    done->arena = arena_new();
    if (!wire_read(frame, WIRE_JOB, done->arena, &job)) {
        log_panic(worker->role->log, NULL, "a job cannot be read");
        done->job.content_fd = frame->fd;
        done_free(done);
        return NULL;
    }
    done->job = job.job;
    done->job.content_fd = frame->fd;
    /* It lies in the channel's buffer, which the next frame needs. */
    done->job.content = (struct span){
        arena_bytes(done->arena, job.job.content.bytes, job.job.content.length),
        job.job.content.length};
    *worker->done_end = done;
    worker->done_end = &done->next;
    return done;
}

static struct job_context
context_for(struct worker *worker, struct done *done)
{
    struct job_context context = worker->context;

    context.arena = done->arena;
    return context;
}

static void
panics_log(struct worker *worker, const struct done *done)
{
    const struct job_result *result = &done->result;

    for (const struct job_report *at = result->reports; at; at = at->next)
        if (at->panic)
            log_panic(worker->role->log, done->job.id.text, "%s", at->log);
    for (size_t i = 0; i < result->outcome_count; i++)
        if (result->outcomes[i].report == REPORT_CONFIG &&
            result->outcomes[i].outcome != OUTCOME_DELIVERED)
            log_panic(worker->role->log, done->job.id.text, "%s",
                      result->outcomes[i].error.text);
}

/* The next frame, if one is here already. */
static bool
next_frame(struct worker *worker, struct frame *frame)
{
    if (channel_next(worker->spool, frame))
        return true;
    channel_fill(worker->spool);
    return channel_next(worker->spool, frame);
}

/* The jobs from `first` on have settled, or not: conclude and tell all of them. */
static void
batch_end(struct worker *worker, struct done *first)
{
    struct error failure = {0};
    bool settled = true;

    if (connection_cache_owes(worker->connections))
        settled = connection_cache_settle(worker->connections, &failure);
    for (struct done *done = first; done; done = done->next) {
        struct job_context context = context_for(worker, done);

        job_conclude(&context, &done->job, settled ? NULL : &failure, &done->result);
        panics_log(worker, done);
    }
    if (!settled)
        log_panic(worker->role->log, NULL, "%s", failure.text);
    if (!worker->greeted) { /* a new spool process came meanwhile: it hears everything */
        spool_greet(worker);
        return;
    }
    for (struct done *done = first; done; done = done->next)
        done_report(done, worker->spool);
    if (!channel_send_all(worker->spool))
        spool_drop(worker);
}

static void
job_do(struct worker *worker, struct done *done)
{
    int64_t most = worker->role->configuration->settings.worker_jobs;
    struct job_context context = context_for(worker, done);

    job_attempt(&context, &done->job, &done->result);
    worker->job_count++;
    if (most > 0 && worker->job_count >= (uint64_t)most)
        worker->draining = true;
    if (done->result.ran_command && worker->used_until == 0)
        worker->used_until = worker->job_count + USED_JOBS;
}

/* What the spool says between jobs. */
static void
other_frame(struct worker *worker, const struct frame *frame)
{
    if (frame->type == WIRE_ACK)
        acknowledge(worker, frame);
    else if (frame->type == WIRE_DRAIN)
        worker->draining = true;
    if (frame->fd >= 0)
        close(frame->fd);
}

/* May another job join those since `begun`? Only to share what is still owed. */
static bool
batch_is_open(const struct worker *worker, int count, int64_t begun)
{
    return count < BATCH && !worker->draining &&
           connection_cache_owes(worker->connections) &&
           clock_monotonic() - begun <= BATCH_TIME;
}

/*
 * One job, and while what it wrote into a mailbox is not synced yet, those that came
 * behind it; so they share one lock and one sync.
 */
static void
batch_run(struct worker *worker, struct frame *frame)
{
    int64_t begun = clock_monotonic();
    struct done *first = job_read(worker, frame), *done = first;
    struct frame next;
    int count = 0;

    while (done) {
        job_do(worker, done);
        done = NULL;
        if (!batch_is_open(worker, ++count, begun) || !next_frame(worker, &next))
            break;
        if (next.type == WIRE_JOB)
            done = job_read(worker, &next);
        else
            other_frame(worker, &next);
    }
    if (first)
        batch_end(worker, first);
}

/* --- the loop --- */

/* Take what the spool has said. False: nothing more is there now. */
static bool
spool_take(struct worker *worker)
{
    struct frame frame;

    if (!worker->spool)
        return false;
    if (!worker->greeted)
        spool_greet(worker);
    if (!worker->spool)
        return false;
    if (!channel_next(worker->spool, &frame)) {
        bool alive = channel_fill(worker->spool);

        if (!channel_next(worker->spool, &frame)) {
            if (!alive)
                spool_drop(worker);
            return false;
        }
    }
    worker->last_frame = clock_monotonic();
    /* Who is ending takes no more jobs; the spool gives them to others. */
    if (frame.type == WIRE_JOB && !worker->draining &&
        (worker->used_until == 0 || worker->job_count < worker->used_until))
        batch_run(worker, &frame);
    else
        other_frame(worker, &frame);
    return true;
}

/*
 * A worker that ran a command is thrown away, so that nothing the command left behind
 * concerns the next mail; but not before it did what it was handed meanwhile.
 */
static bool
is_used_up(const struct worker *worker)
{
    return worker->used_until > 0 &&
           (worker->job_count >= worker->used_until ||
            clock_monotonic() - worker->last_frame >= USED_IDLE);
}

static bool
is_finished(const struct worker *worker)
{
    if (worker->master_gone)
        return worker->done == NULL || worker->spool == NULL;
    return (worker->draining || is_used_up(worker)) && worker->done == NULL;
}

static int
worker_loop(struct worker *worker)
{
    int64_t waiting_since = clock_monotonic();

    for (;;) {
        bool waits =
            !worker->spool || (worker->done && (worker->draining || worker->master_gone));

        if (is_finished(worker))
            return EX_OK;
        if (!waits)
            waiting_since = clock_monotonic();
        else if (clock_monotonic() - waiting_since > SPOOL_WAIT)
            return EX_TEMPFAIL;
        if (spool_take(worker))
            continue;
        connection_cache_expire(worker->connections, CONNECTION_IDLE);
        worker_wait(worker,
                    clock_monotonic() + (worker->used_until > 0 ? USED_IDLE : TICK));
    }
}

/* --- beginning --- */

/* Whose worker this is, from the name service; it must be who we run as. */
static bool
user_begin(struct worker *worker, struct error *error)
{
    const struct role *role = worker->role;
    const char *name = role->hello.user;
    struct passwd *account;

    errno = 0;
    account = getpwnam(name);
    if (!account && role->hello.privileged)
        return fail_temporary(error, "4.3.0", "%s: %s", name,
                              errno ? strerror(errno) : "no such user any more");
    if (account && role->hello.privileged && account->pw_uid != geteuid())
        return fail_temporary(error, "4.3.0", "%s: is not who this process runs as",
                              name);
    worker->user = (struct user){
        .name = arena_string(role->arena, name),
        .uid = account ? account->pw_uid : geteuid(),
        .gid = account ? account->pw_gid : getegid(),
        .home = arena_string(role->arena, account ? account->pw_dir : "/"),
        .full_name = arena_string(role->arena, account ? account->pw_gecos : ""),
        .shell = arena_string(role->arena, account ? account->pw_shell : ""),
    };
    worker->context.user = &worker->user;
    /* For a mailbox it is taken back; nothing else may have it. */
    return !role->hello.privileged || privilege_put_group_aside(error);
}

static bool
worker_begin(struct worker *worker, struct error *error)
{
    struct role *role = worker->role;
    const struct settings *settings = &role->configuration->settings;
    int64_t timeout = settings->name_timeout.seconds > 0
                          ? settings->name_timeout.seconds * 1000
                          : NAMES_WAIT;

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    role->context = worker;
    role->control_frame = worker_control;
    worker->done_end = &worker->done;
    names_client_begin(&worker->names, timeout, names_obtain, worker);
    worker->connections = connection_cache_new(CONNECTIONS);
    if (role->kind == ROLE_USER && !user_begin(worker, error))
        return false;
    worker->services =
        services_new(role->configuration, &worker->names.resolver,
                     role->kind == ROLE_USER ? role->hello.user : "", false);
    worker->context.configuration = role->configuration;
    worker->context.services = worker->services;
    worker->context.connections = worker->connections;
    return true;
}

int
worker_run(struct role *role)
{
    struct worker worker = {.role = role};
    struct error error = {0};
    int code;

    if (!worker_begin(&worker, &error)) {
        log_panic(role->log, NULL, "%s worker: %s", role_name(role->kind), error.text);
        return EX_TEMPFAIL;
    }
    worker_poll_control(&worker);
    code = worker_loop(&worker);
    connection_cache_free(worker.connections);
    services_free(worker.services);
    names_client_end(&worker.names);
    channel_free(worker.spool);
    while (worker.done) {
        struct done *done = worker.done;

        worker.done = done->next;
        done_free(done);
    }
    return code;
}
