/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reaching the owner of the spool: over its local socket; started for as long as there is
 * something to do when nobody owns the spool and the caller may open it; else waited for.
 */
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/places.h"
#include "drivers/driver.h"
#include "role/role.h"

#include "base/banned.h"

enum { /* milliseconds */
       RETRY_FIRST = 20,
       RETRY_MOST = 1000,
       START_WAIT = 30000,
       START_PAUSE = 5000, /* between two starts of an owner */
       OTHER_WAIT = 5000,  /* for an owner that somebody else starts */
};

struct configuration *
command_configuration(const struct options *options, struct config_bundle **bundle,
                      struct arena *arena)
{
    struct config_bundle *gathered = config_gather(&options->paths, 1, arena);

    if (bundle)
        *bundle = gathered;
    return configuration_parse(gathered, &driver_lists);
}

static int
socket_connect(const struct configuration *configuration, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path =
        arena_format(configuration->arena, "%s/socket",
                     settings_run_dir(&configuration->settings, configuration->arena));
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        fail_permanent(error, "5.3.5", "%s: too long for a socket", path);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        fail_temporary(error, "4.3.2", "no owner of the spool answers at %s: %s", path,
                       strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* --- into the background --- */

/* What the starting process hears of the one that goes into the background. */
struct start {
    pid_t pid;
    int ready;  /* '1' when the local socket is served */
    int errors; /* its standard error until then */
    char text[2000];
    size_t length;
};

static void
background_run(int (*run)(int ready_fd, void *context), void *context, int ready,
               int errors)
{
    int null = open("/dev/null", O_RDWR);

    if (setsid() < 0 || chdir("/") < 0 || null < 0)
        _exit(EX_OSERR);
    /* Whoever waits for the end of our caller's output must not wait for ours. */
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    signal(SIGPIPE, SIG_IGN);
    _exit(run(ready, context));
}

static bool
background_fork(struct start *start, int (*run)(int ready_fd, void *context),
                void *context)
{
    int ready[2], errors[2];

    if (pipe2(ready, O_CLOEXEC) < 0)
        return false;
    if (pipe2(errors, O_CLOEXEC) < 0) {
        close(ready[0]);
        close(ready[1]);
        return false;
    }
    start->pid = fork();
    if (start->pid == 0) {
        close(ready[0]);
        close(errors[0]);
        background_run(run, context, ready[1], errors[1]);
    }
    close(ready[1]);
    close(errors[1]);
    start->ready = ready[0];
    start->errors = errors[0];
    return start->pid > 0;
}

static void
errors_read(struct start *start)
{
    ssize_t got = read(start->errors, start->text + start->length,
                       sizeof start->text - start->length);

    if (got > 0)
        start->length += (size_t)got;
    if (got == 0 || start->length == sizeof start->text) {
        close(start->errors);
        start->errors = -1;
    }
}

/* Until it serves, ends, or the time is over. */
static int
background_wait(struct start *start)
{
    int64_t end = clock_monotonic() + START_WAIT;
    int status;
    char octet = 0;

    for (;;) {
        struct pollfd fds[2] = {{.fd = start->ready, .events = POLLIN},
                                {.fd = start->errors, .events = POLLIN}};
        int64_t left = end - clock_monotonic();

        if (left <= 0)
            return EX_TEMPFAIL;
        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return EX_OSERR;
        if (fds[1].revents)
            errors_read(start);
        else if (fds[0].revents)
            break;
    }
    if (read(start->ready, &octet, 1) == 1 && octet == '1')
        return EX_OK;
    while (waitpid(start->pid, &status, 0) < 0)
        if (errno != EINTR)
            return EX_OSERR;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR;
}

int
daemon_start(int (*run)(int ready_fd, void *context), void *context)
{
    struct start start = {.ready = -1, .errors = -1};
    int code = EX_OSERR;

    if (background_fork(&start, run, context))
        code = background_wait(&start);
    /* That another one is the owner is for the caller to tell, if it matters. */
    if (code != EX_OK && code != EX_TEMPFAIL && start.length > 0)
        fwrite(start.text, 1, start.length, stderr);
    if (start.ready >= 0)
        close(start.ready);
    if (start.errors >= 0)
        close(start.errors);
    return code;
}

/* --- an owner for a while --- */

static int
transient_run(int ready_fd, void *context)
{
    const struct options *options = context;
    struct master_options master = {
        .paths = options->paths, .transient = true, .ready_fd = ready_fd};

    return master_run(&master);
}

bool
owner_is_possible(const struct configuration *configuration)
{
    const char *spool = configuration->settings.spool_dirs.count > 0
                            ? configuration->settings.spool_dirs.items[0]
                            : SMAIL_SPOOL_DIR;
    const char *slash = strrchr(spool, '/');

    if (geteuid() == 0 || access(spool, W_OK) == 0)
        return true;
    /* A private spool that is to be made. */
    return errno == ENOENT && configuration->settings.auto_mkdir && slash &&
           slash > spool &&
           access(arena_bytes(configuration->arena, spool, (size_t)(slash - spool)),
                  W_OK) == 0;
}

/*
 * Once in START_PAUSE: a start that fails for a reason of its own fails again. Returns
 * true when somebody else is just starting, who is worth waiting for.
 */
static bool
owner_start(const struct options *options)
{
    static int64_t last;
    int64_t now = clock_monotonic();

    if (last != 0 && now - last < START_PAUSE)
        return false;
    last = now;
    return daemon_start(transient_run, (void *)(uintptr_t)options) == EX_TEMPFAIL;
}

int
owner_open(const struct options *options, const struct configuration *configuration,
           bool start, int64_t wait, struct error *error)
{
    int64_t end = clock_monotonic() + wait, pause_time = RETRY_FIRST;
    bool tried = false;

    for (;;) {
        int fd = socket_connect(configuration, error);

        if (fd >= 0 || (error && error->permanent))
            return fd;
        if (start && !tried && owner_is_possible(configuration)) {
            tried = true;
            if (owner_start(options) && end < clock_monotonic() + OTHER_WAIT)
                end = clock_monotonic() + OTHER_WAIT;
            continue;
        }
        if (clock_monotonic() >= end)
            return -1;
        poll(NULL, 0, (int)pause_time);
        if (pause_time < RETRY_MOST)
            pause_time *= 2;
    }
}
