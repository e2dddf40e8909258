/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The master: owner of the spool. Reads the configuration once, opens what needs root,
 * starts the roles and starts them again. It parses nothing from outside and reads no
 * mail.
 */
#include "role/house.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/places.h"
#include "drivers/driver.h"
#include "role/counts.h"
#include "role/privilege.h"

#include "base/banned.h"

enum {
    TICK = 1,              /* seconds between looks at logs and idleness */
    IDLE_BEFORE_END = 300, /* ms a transient owner waits for more work */
    STOP_WAIT = 5000,      /* ms that sessions and jobs get to finish */
};

/* --- configuration --- */

/* Say every problem in the panic log; the terminal gets them from the log as well. */
static void
problems_say(struct house *house, const struct configuration *configuration)
{
    for (const struct problem *problem = configuration->problems.first; problem;
         problem = problem->next)
        if (!problem->warning)
            log_panic(house->log, NULL, "%s:%u: %s", problem->file, problem->line,
                      problem->text);
}

/* Gather and parse; on success *bundle_fd is the memory file of this generation. */
static struct configuration *
configuration_read(struct house *house, uint64_t generation, int *bundle_fd,
                   struct error *error)
{
    struct arena *arena = arena_new();
    struct config_bundle *bundle =
        config_gather(&house->options->paths, generation, arena);
    struct configuration *configuration = configuration_parse(bundle, &driver_lists);

    *bundle_fd = bundle_store(bundle, error);
    arena_free(arena);
    if (*bundle_fd < 0) {
        configuration_free(configuration);
        return NULL;
    }
    return configuration;
}

static bool
is_network_role(enum role_kind kind)
{
    return kind == ROLE_RECEIVE || kind == ROLE_LOCAL || kind == ROLE_VERIFY ||
           kind == ROLE_NAMES;
}

static bool
is_receiving_role(enum role_kind kind)
{
    return kind == ROLE_RECEIVE || kind == ROLE_LOCAL;
}

static bool
is_worker_role(enum role_kind kind)
{
    return kind == ROLE_RESOLVE || kind == ROLE_REMOTE || kind == ROLE_USER;
}

static bool
is_core_role(enum role_kind kind)
{
    return kind == ROLE_SPOOL || kind == ROLE_QUEUE;
}

static void
drain_all(struct house *house, bool (*which)(enum role_kind kind))
{
    for (struct child *child = house->children; child; child = child->next)
        if (which(child->kind))
            child_drain(child);
}

/* Those that have one generation for all of their life. */
static void
start_network_roles(struct house *house)
{
    const struct settings *settings = &house->configuration->settings;

    child_start(house, ROLE_NAMES, 0, "");
    for (int64_t i = 0; i < settings->verify_workers; i++)
        child_start(house, ROLE_VERIFY, (uint32_t)i, "");
    child_start(house, ROLE_LOCAL, 0, "");
    if (house->options->listen)
        for (int64_t i = 0; i < settings->receive_processes; i++)
            child_start(house, ROLE_RECEIVE, (uint32_t)(i + 1), "");
}

/*
 * SIGHUP: read and check once. With errors the old configuration stays, and that is said.
 * Otherwise receive and workers are replaced and the old ones finish what they have;
 * spool and queue get the new generation as a message.
 */
static void
reload(struct house *house)
{
    struct error error = {0};
    int bundle;
    struct configuration *next =
        configuration_read(house, house->generation + 1, &bundle, &error);

    if (!next) {
        log_panic(house->log, NULL, "configuration not read again: %s", error.text);
        return;
    }
    if (configuration_is_broken(next)) {
        problems_say(house, next);
        log_panic(house->log, NULL,
                  "the new configuration has %zu errors; the old one stays",
                  next->problems.errors);
        configuration_free(next);
        close(bundle);
        return;
    }
    close(house->bundle);
    configuration_free(house->configuration);
    house->configuration = next;
    house->bundle = bundle;
    house->generation++;
    log_configure(house->log, &next->settings);
    logs_check(house, true);
    drain_all(house, is_network_role);
    for (struct child *child = house->children; child; child = child->next)
        if (is_core_role(child->kind))
            child_send_config(child);
    drain_all(house, is_worker_role);
    start_network_roles(house);
    log_say(house->log, "configuration read again, generation %llu",
            (unsigned long long)house->generation);
}

/* --- life --- */

/* Both must say so for a while: then a transient owner has nothing left to do. */
static void
idle_check(struct house *house)
{
    if (!house->options->transient && !house->options->once)
        return;
    if (!house->queue_idle || !house->local_idle) {
        house->idle_since = 0;
        return;
    }
    if (house->idle_since == 0)
        house->idle_since = clock_monotonic();
}

/* The local socket answers: whoever waits for us may connect. */
static void
ready_tell(struct house *house)
{
    struct child *local = child_of(house, ROLE_LOCAL, 0),
                 *spool = child_of(house, ROLE_SPOOL, 0);

    if (house->ready_told || !local || !local->ready || !spool || !spool->ready)
        return;
    house->ready_told = true;
    if (house->options->ready_fd >= 0) {
        if (write(house->options->ready_fd, "1", 1) < 0)
            log_say(house->log, "nobody waited for the start: %s", strerror(errno));
        close(house->options->ready_fd);
    }
}

/* A worker that was stopped by its user, or hangs: nothing else reaches it. */
static void
worker_kill(struct house *house, uint32_t instance)
{
    for (struct child *child = house->children; child; child = child->next)
        if (child->instance == instance && is_worker_role(child->kind) && child->pid > 0)
            kill(child->pid, SIGKILL);
}

void
house_frame(struct child *child, struct frame *frame)
{
    struct house *house = child->house;
    struct arena *arena = arena_new();
    union {
        struct wire_ready ready;
        struct wire_start_worker start;
        struct wire_busy busy;
        struct wire_worker worker;
    } message;

    if (frame->type == WIRE_READY &&
        wire_read(frame, WIRE_READY, arena, &message.ready)) {
        child->ready = true;
        ready_tell(house);
    } else if (frame->type == WIRE_START_WORKER && child->kind == ROLE_QUEUE &&
               wire_read(frame, WIRE_START_WORKER, arena, &message.start)) {
        static const enum role_kind kinds[] = {[WORKER_RESOLVE] = ROLE_RESOLVE,
                                               [WORKER_REMOTE] = ROLE_REMOTE,
                                               [WORKER_USER] = ROLE_USER};

        if (!house->stopping && message.start.class <= WORKER_USER)
            child_start(house, kinds[message.start.class], ++house->next_instance,
                        message.start.user);
    } else if (frame->type == WIRE_DRAIN && is_receiving_role(child->kind) &&
               !child->draining) {
        child->draining = true; /* it retires; another listens at once */
        if (!house->stopping)
            child_start(house, child->kind, child->instance, "");
    } else if (frame->type == WIRE_KILL_WORKER && child->kind == ROLE_QUEUE &&
               wire_read(frame, WIRE_KILL_WORKER, arena, &message.worker)) {
        worker_kill(house, message.worker.worker);
    } else if (frame->type == WIRE_IDLE_OWNER && !child->draining &&
               (child->kind == ROLE_QUEUE || child->kind == ROLE_LOCAL) &&
               wire_read(frame, WIRE_IDLE_OWNER, arena, &message.busy)) {
        *(child->kind == ROLE_QUEUE ? &house->queue_idle : &house->local_idle) =
            !message.busy.busy;
        idle_check(house);
    }
    if (frame->fd >= 0)
        close(frame->fd);
    arena_free(arena);
}

static void
on_tick(int fd, short what, void *argument)
{
    struct house *house = argument;

    (void)fd;
    (void)what;
    children_reap(house);
    logs_check(house, false);
    log_flush(house->log);
}

/* A transient owner looks more often whether it may end. */
static void
on_idle_tick(int fd, short what, void *argument)
{
    struct house *house = argument;

    (void)fd;
    (void)what;
    if (house->idle_since != 0 && clock_monotonic() - house->idle_since > IDLE_BEFORE_END)
        event_base_loopbreak(house->base);
}

static void
on_signal(int number, short what, void *argument)
{
    struct house *house = argument;

    (void)what;
    switch (number) {
    case SIGCHLD:
        children_reap(house);
        break;
    case SIGHUP:
        if (!house->stopping)
            reload(house);
        break;
    case SIGUSR1:
        for (struct child *child = house->children; child; child = child->next)
            if (child->pid > 0)
                wire_send(child->control, WIRE_STATE, NULL, -1);
        break;
    default:
        house->stopping = true;
        event_base_loopbreak(house->base);
        break;
    }
    log_flush(house->log);
}

static void
signals_begin(struct house *house)
{
    static const int numbers[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGUSR1};

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        house->signals[i] = evsignal_new(house->base, numbers[i], on_signal, house);
        event_add(house->signals[i], NULL);
    }
}

static bool
any_role(enum role_kind kind)
{
    (void)kind;
    return true;
}

/* Run the loop until `which` are gone or the time is over. */
static void
wait_for_end(struct house *house, bool (*which)(enum role_kind kind),
             int64_t milliseconds)
{
    int64_t end = clock_monotonic() + milliseconds;
    struct timeval step = {0, 20000};

    while (children_count(house, which) > 0 && clock_monotonic() < end) {
        event_base_loopexit(house->base, &step);
        event_base_dispatch(house->base);
        children_reap(house);
    }
}

/*
 * The end: sessions and jobs get a moment to finish, then the disk. Nothing depends on
 * it; whoever is left ends when the control channels close.
 */
static void
house_stop(struct house *house)
{
    house->stopping = true;
    drain_all(house, is_network_role);
    drain_all(house, is_worker_role);
    wait_for_end(house, is_worker_role, STOP_WAIT);
    wait_for_end(house, is_network_role, STOP_WAIT / 5);
    drain_all(house, is_core_role);
    wait_for_end(house, any_role, STOP_WAIT / 2);
    while (house->children) {
        struct child *child = house->children;

        if (child->pid > 0)
            kill(child->pid, SIGKILL);
        house->children = child->next;
        child_free(child);
    }
}

/* Everything that must be there before the first child. */
static bool
house_prepare(struct house *house, bool *busy, struct error *error)
{
    const struct settings *settings = &house->configuration->settings;

    /* Of the house, whatever a configuration that is read later says. */
    house->spool_directory = arena_string(
        house->arena,
        settings->spool_dirs.count > 0 ? settings->spool_dirs.items[0] : SMAIL_SPOOL_DIR);
    house->run_directory =
        arena_string(house->arena, settings_run_dir(settings, house->arena));
    house->program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (house->program < 0)
        return fail_temporary(error, "4.3.0", "/proc/self/exe: %s", strerror(errno));
    *busy = false;
    if (!accounts_check(house, error) || !directories_make(house, busy, error))
        return false;
    logs_open(house);
    house->counts = counts_create(error);
    if (house->counts < 0 || !listeners_open(house, error))
        return false;
    return !house->privileged || privilege_limit_master(error);
}

static void
house_run(struct house *house)
{
    struct timeval tick = {TICK, 0}, idle_tick = {0, 50000};
    struct event *idle = event_new(house->base, -1, EV_PERSIST, on_idle_tick, house);

    house->timer = event_new(house->base, -1, EV_PERSIST, on_tick, house);
    event_add(house->timer, &tick);
    if (house->options->transient || house->options->once)
        event_add(idle, &idle_tick);
    signals_begin(house);
    child_start(house, ROLE_SPOOL, 0, "");
    child_start(house, ROLE_QUEUE, 0, "");
    start_network_roles(house);
    log_say(house->log, "started, %zu addresses to listen on", house->listener_count);
    while (!house->stopping) {
        event_base_loop(house->base, EVLOOP_ONCE);
        log_flush(house->log);
        if (event_base_got_break(house->base))
            break;
    }
    event_del(idle);
    event_free(idle);
    house_stop(house);
}

static void
house_free(struct house *house)
{
    for (size_t i = 0; i < house->listener_count; i++)
        free(house->listeners[i].name);
    for (size_t i = 0; i < sizeof house->signals / sizeof house->signals[0]; i++)
        if (house->signals[i])
            event_free(house->signals[i]);
    if (house->timer)
        event_free(house->timer);
    event_base_free(house->base);
    log_free(house->log);
    configuration_free(house->configuration);
    arena_free(house->arena);
}

int
master_run(const struct master_options *options)
{
    struct house house = {.options = options,
                          .log_fds = {-1, -1},
                          .counts = -1,
                          .bundle = -1,
                          .generation = 1,
                          .privileged = geteuid() == 0};
    struct error error = {0};
    bool busy = false;

    house.arena = arena_new();
    house.configuration =
        configuration_read(&house, house.generation, &house.bundle, &error);
    if (!house.configuration) {
        fprintf(stderr, "smail: %s\n", error.text);
        return EX_OSERR;
    }
    house.log = log_new(&house.configuration->settings, "master");
    house.base = event_base_new();
    if (!house_prepare(&house, &busy, &error)) {
        fprintf(stderr, "smail: %s\n", error.text);
        if (!busy)
            log_panic(house.log, NULL, "%s", error.text);
        log_flush(house.log);
        house_free(&house);
        return busy ? EX_TEMPFAIL : EX_UNAVAILABLE;
    }
    if (configuration_is_broken(house.configuration)) {
        problems_say(&house, house.configuration);
        log_panic(house.log, NULL,
                  "the configuration has %zu errors: mail is kept, nothing is delivered",
                  house.configuration->problems.errors);
    }
    house_run(&house);
    log_say(house.log, "stopped");
    log_flush(house.log);
    house_free(&house);
    return house.exit_code;
}
