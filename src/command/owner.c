/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reaching the owner of the spool: over its local socket; started for as long as there is
 * something to do when nobody owns the spool and the caller may open it; else waited for.
 */
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

enum { RETRY_FIRST = 20, RETRY_MOST = 1000, START_WAIT = 30000 };

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

int
daemon_start(int (*run)(int ready_fd, void *context), void *context)
{
    struct pollfd ready = {.events = POLLIN};
    int fds[2], status = EX_OSERR;
    char octet = 0;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return EX_OSERR;
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        close(fds[0]);
        if (setsid() < 0 || chdir("/") < 0 || null < 0)
            _exit(EX_OSERR);
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        _exit(run(fds[1], context));
    }
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return EX_OSERR;
    }
    ready.fd = fds[0];
    while (poll(&ready, 1, START_WAIT) < 0 && errno == EINTR)
        ;
    if (read(fds[0], &octet, 1) == 1 && octet == '1')
        status = EX_OK;
    else if (waitpid(pid, &status, WNOHANG) == pid)
        status = WIFEXITED(status) ? WEXITSTATUS(status) : EX_OSERR;
    else
        status = EX_TEMPFAIL;
    close(fds[0]);
    return status;
}

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
            if (daemon_start(transient_run, (void *)(uintptr_t)options) == EX_OK)
                continue;
        }
        if (clock_monotonic() >= end)
            return -1;
        poll(NULL, 0, (int)pause_time);
        if (pause_time < RETRY_MOST)
            pause_time *= 2;
    }
}

struct smtp_client *
owner_connect(const struct options *options, const struct configuration *configuration,
              bool start, int64_t wait, struct error *error)
{
    static const struct smtp_timeouts timeouts = {60000,  60000,   60000,  60000,
                                                  600000, 3600000, 600000, 5000};
    int fd = owner_open(options, configuration, start, wait, error);
    struct smtp_client *client;

    if (fd < 0)
        return NULL;
    if (!smtp_client_open(connection_from(fd), configuration->settings.primary_name,
                          &timeouts, &client, error))
        return NULL;
    if (!smtp_client_extensions(client)->xsmail) {
        smtp_client_close(client);
        fail_permanent(error, "5.3.5", "what answers at the local socket is not smail");
        return NULL;
    }
    return client;
}
