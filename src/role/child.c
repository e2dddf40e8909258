/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The children of the master: starting them with the right identity, connecting,
 * restarting. */
#include "role/house.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "role/counts.h"
#include "role/privilege.h"

#include "base/banned.h"

enum { RESTART_FIRST = 10, RESTART_MOST = 320, LIVED_WELL = 1000 };

/* Which roles have a channel to each other. */
static const enum role_kind links[][2] = {
    {ROLE_SPOOL, ROLE_QUEUE},    {ROLE_RECEIVE, ROLE_SPOOL}, {ROLE_LOCAL, ROLE_SPOOL},
    {ROLE_RECEIVE, ROLE_VERIFY}, {ROLE_LOCAL, ROLE_VERIFY},  {ROLE_RECEIVE, ROLE_NAMES},
    {ROLE_VERIFY, ROLE_NAMES},   {ROLE_RESOLVE, ROLE_SPOOL}, {ROLE_REMOTE, ROLE_SPOOL},
    {ROLE_USER, ROLE_SPOOL},     {ROLE_RESOLVE, ROLE_NAMES}, {ROLE_REMOTE, ROLE_NAMES},
    {ROLE_USER, ROLE_NAMES},
};

static bool
are_linked(enum role_kind a, enum role_kind b)
{
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if ((links[i][0] == a && links[i][1] == b) ||
            (links[i][0] == b && links[i][1] == a))
            return true;
    return false;
}

static bool
kind_is_worker(enum role_kind kind)
{
    return kind == ROLE_RESOLVE || kind == ROLE_REMOTE || kind == ROLE_USER;
}

struct child *
child_of(struct house *house, enum role_kind kind, uint32_t instance)
{
    for (struct child *child = house->children; child; child = child->next)
        if (child->kind == kind && child->instance == instance && !child->draining)
            return child;
    return NULL;
}

size_t
children_count(const struct house *house, bool (*which)(enum role_kind kind))
{
    size_t count = 0;

    for (const struct child *child = house->children; child; child = child->next)
        if (child->pid > 0 && which(child->kind))
            count++;
    return count;
}

/* Its control channel ends: so does a role, once it noticed. */
static void
child_hang_up(const struct child *child)
{
    shutdown(channel_descriptor(child->control), SHUT_RDWR);
}

/* A new pair of connected descriptors, one end to each of the two. */
static bool
child_connect(struct child *a, struct child *b)
{
    struct wire_peer to_a = {b->kind, b->instance, b->user};
    struct wire_peer to_b = {a->kind, a->instance, a->user};
    struct error error = {0};
    int fds[2];

    if (!channel_pair(fds, &error)) {
        log_panic(a->house->log, NULL, "%s", error.text);
        return false;
    }
    wire_send(a->control, WIRE_PEER, &to_a, fds[0]);
    wire_send(b->control, WIRE_PEER, &to_b, fds[1]);
    close(fds[0]);
    close(fds[1]);
    return true;
}

/* One that lacks a peer is of no use: it ends and is started anew. */
static void
child_connect_all(struct child *child)
{
    for (struct child *other = child->house->children; other; other = other->next)
        if (other != child && other->pid > 0 && !other->draining &&
            are_linked(child->kind, other->kind) && !child_connect(child, other))
            child_hang_up(child);
}

/* The account of a child; in the child, which is still root. Ends the process on failure.
 */
static void
child_become(const struct house *house, enum role_kind kind, const char *user)
{
    const struct settings *settings = &house->configuration->settings;
    const char *name = kind == ROLE_USER ? user : privilege_account(kind, settings);
    struct error error = {0};
    struct passwd *account;
    struct group *mail;

    errno = 0;
    account = getpwnam(name);
    if (!account) {
        bool unknown = errno == 0 || errno == ENOENT || errno == ESRCH || errno == EBADF;

        fprintf(stderr, "smail: %s: no such user, or the name service is down\n", name);
        _exit(unknown ? EX_NOUSER : EX_TEMPFAIL);
    }
    if (kind != ROLE_USER) {
        if (account->pw_uid == 0 ||
            !privilege_become(name, account->pw_uid, account->pw_gid, false, (gid_t)-1,
                              &error))
            _exit(EX_OSERR);
        return;
    }
    mail = getgrnam(settings->mail_group);
    if (!privilege_become_user(name, account->pw_uid, account->pw_gid,
                               mail ? mail->gr_gid : (gid_t)-1, &error)) {
        fprintf(stderr, "smail: %s\n", error.text);
        _exit(EX_TEMPFAIL);
    }
}

/* Roles that enter an empty root do that themselves, once they have loaded what they
 * need. */
static bool
becomes_later(enum role_kind kind)
{
    return kind == ROLE_RECEIVE || kind == ROLE_LOCAL || kind == ROLE_NAMES;
}

static void
child_execute(const struct house *house, enum role_kind kind, const char *user,
              int control)
{
    char *arguments[] = {(char *)(uintptr_t) "smail", (char *)(uintptr_t) "-role",
                         (char *)(uintptr_t)role_name(kind), NULL};
    char *environment[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin", NULL, NULL};
    const char *zone = getenv("TZ");
    char zone_text[80];
    sigset_t none;

    if (zone && strlen(zone) < 64 && zone[0] != '/') {
        snprintf(zone_text, sizeof zone_text, "TZ=%s", zone);
        environment[1] = zone_text;
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    if (setsid() < 0 && errno != EPERM)
        _exit(EX_OSERR);
    if (house->privileged && !becomes_later(kind))
        child_become(house, kind, user);
    /* Whoever started the house may have left descriptors open. */
    if (dup2(control, ROLE_CONTROL_FD) < 0 || fcntl(ROLE_CONTROL_FD, F_SETFD, 0) < 0 ||
        (syscall(SYS_close_range, ROLE_CONTROL_FD + 1U, ~0U, CLOSE_RANGE_CLOEXEC) < 0 &&
         errno != ENOSYS && errno != EINVAL))
        _exit(EX_OSERR);
    fexecve(house->program, arguments, environment);
    fprintf(stderr, "smail: executing itself: %s\n", strerror(errno));
    _exit(EX_OSERR);
}

static void
child_ready(struct channel *channel, void *context)
{
    struct child *child = context;
    struct frame frame;

    while (channel_next(channel, &frame))
        house_frame(child, &frame);
}

static void
child_gone(struct channel *channel, void *context)
{
    /* It ended or is about to, and SIGCHLD says how; or what it said was malformed. */
    (void)channel;
    child_hang_up(context);
}

/*
 * A part of the session counts that no other process uses: one that drains still takes
 * off what it counted. Without one left, the limits do not hold for this process.
 */
static void
counts_give(struct child *child)
{
    struct wire_counts counts = {1};
    const struct child *other = child->house->children;

    child->part = 0;
    while (other && counts.part < COUNTS_PROCESSES)
        if (other->part == counts.part) {
            counts.part++;
            other = child->house->children;
        } else {
            other = other->next;
        }
    if (counts.part == COUNTS_PROCESSES)
        return;
    child->part = counts.part;
    wire_send(child->control, WIRE_COUNTS, &counts, child->house->counts);
}

/* What a process counted that is gone counts no more. */
static void
counts_take_back(struct child *child)
{
    struct error error = {0};
    struct counts *counts =
        child->part ? counts_open(child->house->counts, child->part, &error) : NULL;

    if (counts)
        counts_clear(counts);
    counts_free(counts);
    child->part = 0;
}

static void
child_greet(struct child *child)
{
    const struct house *house = child->house;
    struct wire_hello hello = {
        .build_id = wire_build_id(),
        .kind = child->kind,
        .instance = child->instance,
        .user = child->user,
        .privileged = house->privileged,
        .generation = house->generation,
        .spool_directory = house->spool_directory,
        .transient = house->options->transient,
        .once = house->options->once,
        .interval = house->options->interval,
    };

    wire_send(child->control, WIRE_HELLO, &hello, house->bundle);
    logs_send(child->house, child);
    if (child->kind == ROLE_RECEIVE)
        counts_give(child);
}

/* fork, greet, connect. */
static bool
child_run(struct child *child)
{
    struct house *house = child->house;
    struct error error = {0};
    int fds[2];
    pid_t pid;

    child->started = clock_monotonic();
    if (!channel_pair(fds, &error)) {
        log_panic(house->log, NULL, "%s", error.text);
        return false;
    }
    pid = fork();
    if (pid == 0)
        child_execute(house, child->kind, child->user, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        log_panic(house->log, NULL, "fork: %s", strerror(errno));
        close(fds[0]);
        return false;
    }
    child->pid = pid;
    child->ready = false;
    child->control = channel_new(fds[0]);
    child_greet(child);
    channel_attach(child->control, house->base, child_ready, child_gone, child);
    child_connect_all(child);
    listeners_send(house, child);
    return true;
}

static void
on_restart(int fd, short what, void *argument)
{
    struct child *child = argument;

    (void)fd;
    (void)what;
    if (!child->house->stopping && child->pid == 0 && !child_run(child))
        child_restart_later(child);
}

void
child_restart_later(struct child *child)
{
    struct timeval delay;

    if (clock_monotonic() - child->started > LIVED_WELL)
        child->restart_delay = RESTART_FIRST;
    else if (child->restart_delay < RESTART_MOST)
        child->restart_delay =
            child->restart_delay ? child->restart_delay * 2 : RESTART_FIRST;
    delay.tv_sec = child->restart_delay / 1000;
    delay.tv_usec = (child->restart_delay % 1000) * 1000;
    if (!child->restart)
        child->restart = event_new(child->house->base, -1, 0, on_restart, child);
    event_add(child->restart, &delay);
}

/* A worker that ended before it was ready could not be what it should: the queue must
 * know. */
static void
worker_failed(struct child *child, int status)
{
    struct child *queue = child_of(child->house, ROLE_QUEUE, 0);
    struct wire_worker_failed failed = {
        .class = child->kind == ROLE_USER     ? WORKER_USER
                 : child->kind == ROLE_REMOTE ? WORKER_REMOTE
                                              : WORKER_RESOLVE,
        .user = child->user,
        .permanent = WIFEXITED(status) && WEXITSTATUS(status) == EX_NOUSER,
        .text = WIFEXITED(status) && WEXITSTATUS(status) == EX_NOUSER
                    ? "no such user"
                    : "the worker could not be started",
    };

    if (queue && queue->pid > 0)
        wire_send(queue->control, WIRE_WORKER_FAILED, &failed, -1);
}

bool
child_start(struct house *house, enum role_kind kind, uint32_t instance, const char *user)
{
    struct child *child = memory_alloc(sizeof *child);

    memset(child, 0, sizeof *child);
    child->house = house;
    child->kind = kind;
    child->instance = instance;
    child->user = memory_string(user);
    child->next = house->children;
    house->children = child;
    if (child_run(child))
        return true;
    if (kind_is_worker(kind)) {
        worker_failed(child, EX_TEMPFAIL << 8);
        house->children = child->next;
        child_free(child);
    } else {
        child_restart_later(child);
    }
    return false;
}

void
child_free(struct child *child)
{
    channel_free(child->control);
    if (child->restart)
        event_free(child->restart);
    free(child->user);
    free(child);
}

void
child_drain(struct child *child)
{
    if (child->pid == 0 || child->draining)
        return;
    child->draining = true;
    wire_send(child->control, WIRE_DRAIN, NULL, -1);
}

void
child_send_config(struct child *child)
{
    struct wire_config config = {child->house->generation};

    if (child->pid > 0)
        wire_send(child->control, WIRE_CONFIG, &config, child->house->bundle);
}

static void
child_tell_end(const struct child *child, int status)
{
    const char *name = role_name(child->kind);

    if (WIFSIGNALED(status))
        log_panic(child->house->log, NULL, "%s %d ended by signal %d%s", name,
                  (int)child->pid, WTERMSIG(status),
                  kind_is_worker(child->kind) ? "" : ", starting it again");
    else if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EX_NOUSER)
        log_panic(child->house->log, NULL, "%s %d ended with status %d", name,
                  (int)child->pid, WEXITSTATUS(status));
}

/*
 * A worker that the queue asked for and never got. When a new configuration came in
 * between, that one's worker takes its place.
 */
static void
worker_replace(struct child *child, int status)
{
    struct house *house = child->house;

    if (child->draining && WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
        child_start(house, child->kind, ++house->next_instance, child->user);
    else
        worker_failed(child, status);
}

/* The child's process is gone. Returns true if the struct is to be forgotten. */
static bool
child_ended(struct child *child, int status)
{
    struct house *house = child->house;

    if (!house->stopping)
        child_tell_end(child, status);
    channel_free(child->control);
    child->control = NULL;
    child->pid = 0;
    counts_take_back(child);
    if (child->kind == ROLE_QUEUE)
        house->queue_idle = false;
    if (child->kind == ROLE_LOCAL && !child->draining)
        house->local_idle = false;
    if (child->kind == ROLE_SPOOL && !house->ready_told && WIFEXITED(status) &&
        WEXITSTATUS(status) == EX_CANTCREAT) {
        /* The spool cannot be used or somebody else owns it: said by the spool role. */
        house->exit_code = EX_TEMPFAIL;
        house->stopping = true;
        event_base_loopbreak(house->base);
        return true;
    }
    if (kind_is_worker(child->kind)) {
        if (!child->ready && !house->stopping)
            worker_replace(child, status);
        return true;
    }
    if (house->stopping || child->draining)
        return true;
    child_restart_later(child);
    return false;
}

void
children_reap(struct house *house)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (struct child **at = &house->children; *at; at = &(*at)->next) {
            struct child *child = *at;

            if (child->pid != pid)
                continue;
            /* What it said last still counts (READY of a short-lived worker). */
            channel_fill(child->control);
            child_ready(child->control, child);
            if (child_ended(child, status)) {
                for (at = &house->children; *at && *at != child; at = &(*at)->next)
                    ;
                if (*at)
                    *at = child->next;
                child_free(child);
            }
            break;
        }
    }
}
