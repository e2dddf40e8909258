/* SPDX-License-Identifier: GPL-3.0-or-later */
/* -bd, -q15m: become the owner of the spool, in the background or under a supervisor. */
#include "command/command.h"

#include <stdio.h>
#include <sysexits.h>

#include "role/role.h"

#include "base/banned.h"

static int
run(int ready_fd, void *context)
{
    const struct options *options = context;
    struct master_options master = {.paths = options->paths,
                                    .listen = options->listen,
                                    .foreground = options->foreground,
                                    .interval = options->interval,
                                    .port = options->port,
                                    .ready_fd = ready_fd};

    return master_run(&master);
}

int
command_daemon(const struct options *options)
{
    int code;

    if (options->foreground)
        return run(-1, (void *)(uintptr_t)options);
    code = daemon_start(run, (void *)(uintptr_t)options);
    if (code == EX_TEMPFAIL)
        fprintf(stderr,
                "%s: another owner of the spool is running, or the start takes long\n",
                options->program);
    return code;
}
