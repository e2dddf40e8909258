/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How every role begins: hello, configuration, rights, then its own program. */
#include "role/role.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "drivers/driver.h"
#include "role/privilege.h"
#include "role/sandbox.h"

#include "base/banned.h"

enum { HELLO_WAIT = 30000, BUNDLE_LIMIT = 64 << 20 };

static const struct {
    enum role_kind kind;
    int (*run)(struct role *role);
    bool loop;
} programs[] = {
    {ROLE_RECEIVE, receive_run, true}, {ROLE_LOCAL, receive_run, true},
    {ROLE_SPOOL, spool_run, true},     {ROLE_QUEUE, queue_run_role, true},
    {ROLE_NAMES, names_run, true},     {ROLE_VERIFY, verify_run, false},
    {ROLE_RESOLVE, worker_run, false}, {ROLE_REMOTE, worker_run, false},
    {ROLE_USER, worker_run, false},
};

/* The configuration that stands in a sealed memory file; takes the descriptor over. */
static struct configuration *
bundle_parse(int fd, uint64_t generation)
{
    struct stat status;
    struct arena *arena = arena_new();
    struct config_bundle *bundle;
    struct configuration *configuration = NULL;
    struct unpack unpack;
    void *bytes;

    if (fstat(fd, &status) == 0 && status.st_size > 0 && status.st_size <= BUNDLE_LIMIT) {
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            unpack = unpack_new((struct span){bytes, (size_t)status.st_size});
            if (config_bundle_unpack(&unpack, arena, &bundle) &&
                bundle->generation == generation)
                configuration = configuration_parse(bundle, &driver_lists);
            munmap(bytes, (size_t)status.st_size);
        }
    }
    close(fd);
    arena_free(arena);
    return configuration;
}

/* The first frame; a role that hears nothing sensible ends. */
static bool
hello_take(struct role *role)
{
    struct frame frame;

    if (channel_wait(role->control, clock_monotonic() + HELLO_WAIT, &frame) !=
        CHANNEL_FRAME)
        return false;
    if (!wire_read(&frame, WIRE_HELLO, role->arena, &role->hello) || frame.fd < 0)
        return false;
    if (strcmp(role->hello.build_id, wire_build_id()) != 0) {
        fprintf(stderr, "smail: the program was replaced while it runs; restart it\n");
        return false;
    }
    role->kind = (enum role_kind)role->hello.kind;
    role->configuration = bundle_parse(frame.fd, role->hello.generation);
    return role->configuration != NULL;
}

static bool
role_adopt_configuration(struct role *role, struct frame *frame)
{
    struct wire_config config;
    struct configuration *next, *before = role->configuration;
    int fd = frame->fd;

    frame->fd = -1;
    if (fd < 0 || !wire_read(frame, WIRE_CONFIG, role->arena, &config)) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    next = bundle_parse(fd, config.generation);
    if (!next)
        return false;
    role->configuration = next;
    log_configure(role->log, &next->settings);
    if (role->configured)
        role->configured(role);
    /* The scheduler compares with the one before. */
    configuration_free(before);
    return true;
}

/* One frame of the control channel. */
static void
control_take(struct role *role, struct frame *frame)
{
    struct wire_log log;

    switch (frame->type) {
    case WIRE_LOG:
        if (wire_read(frame, WIRE_LOG, role->arena, &log) && log.which < LOG_STREAMS)
            log_descriptor(role->log, (enum log_stream)log.which, frame->fd);
        else if (frame->fd >= 0)
            close(frame->fd);
        return;
    case WIRE_CONFIG:
        if (!role_adopt_configuration(role, frame))
            log_panic(role->log, NULL, "a new configuration could not be taken over");
        return;
    default:
        role->control_frame(role, frame);
        return;
    }
}

bool
role_poll_control(struct role *role)
{
    struct frame frame;
    bool alive = channel_fill(role->control);

    while (channel_next(role->control, &frame))
        control_take(role, &frame);
    channel_flush(role->control);
    return alive && !channel_is_broken(role->control);
}

static void
control_ready(struct channel *channel, void *context)
{
    struct role *role = context;
    struct frame frame;

    while (channel_next(channel, &frame))
        control_take(role, &frame);
}

/* The master is gone: nothing that was promised depends on how this process ends. */
static void
control_gone(struct channel *channel, void *context)
{
    struct role *role = context;

    (void)channel;
    log_flush(role->log);
    _exit(EX_TEMPFAIL);
}

void
role_begin(struct role *role)
{
    struct wire_ready ready = {wire_build_id(), (uint32_t)getpid()};

    channel_attach(role->control, role->base, control_ready, control_gone, role);
    wire_send(role->control, WIRE_READY, &ready, -1);
}

void
role_loop(struct role *role)
{
    while (event_base_loop(role->base, EVLOOP_ONCE) == 0) {
        if (role->turn)
            role->turn(role);
        log_flush(role->log);
        if (event_base_got_break(role->base) || event_base_got_exit(role->base))
            break;
    }
    log_flush(role->log);
}

void
role_end_loop(struct role *role)
{
    event_base_loopbreak(role->base);
}

/* Frames that may come before the program of the role set its own function. */
static void
control_early(struct role *role, struct frame *frame)
{
    (void)role;
    if (frame->fd >= 0)
        close(frame->fd);
}

/* As many descriptors as root allows: each session and worker is one. */
static void
descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            fprintf(stderr, "smail: RLIMIT_NOFILE: %s\n", strerror(errno));
    }
}

static void
signals_prepare(void)
{
    static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGXFSZ, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
}

#ifdef __SANITIZE_ADDRESS__
/* The search for leaks needs to trace its own process, which a role forbids. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
}
#endif

int
role_main(int argc, char **argv)
{
    struct role role = {.control_frame = control_early};
    struct error error = {0};

    (void)argc;
    (void)argv;
    signals_prepare();
    tzset(); /* an empty root has no time zones */
    role.arena = arena_new();
    role.control = channel_new(ROLE_CONTROL_FD);
    if (!hello_take(&role)) {
        fprintf(stderr, "smail: this is started by the master alone\n");
        return EX_USAGE;
    }
    role.log = log_new(&role.configuration->settings, role_name(role.kind));
    prctl(PR_SET_NAME, role_name(role.kind), 0, 0, 0);
    if (role.hello.privileged &&
        !privilege_limit(role.kind, &role.configuration->settings, &error)) {
        log_panic(role.log, NULL, "%s: %s", role_name(role.kind), error.text);
        log_flush(role.log);
        return EX_OSERR;
    }
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        int code;

        if (programs[i].kind != role.kind)
            continue;
        if (programs[i].loop) {
            descriptors_raise();
            role.base = event_base_new();
        } else if (role.kind != ROLE_USER && role.hello.privileged &&
                   !sandbox_enter(role.kind, &error)) {
            log_panic(role.log, NULL, "%s: %s", role_name(role.kind), error.text);
            log_flush(role.log);
            return EX_OSERR;
        }
        code = programs[i].run(&role);
        log_flush(role.log);
        return code;
    }
    return EX_SOFTWARE;
}
