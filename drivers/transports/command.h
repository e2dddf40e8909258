/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Running one command with a message on its standard input: a new session, descriptors 0
 * to 2 and no others, default signals, a time after which the whole group is ended.
 */
#ifndef DRIVERS_TRANSPORTS_COMMAND_H
#define DRIVERS_TRANSPORTS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "mail/rendering.h"

struct command {
    const char *path; /* of the program */
    const char *const *arguments, *const *environment;
    const char *directory; /* to start in; "/" if it cannot be entered */
    mode_t umask;
    int64_t deadline;    /* of clock_monotonic() */
    size_t output_limit; /* octets of its output that are kept */
};

struct command_result {
    enum {
        COMMAND_ENDED,     /* `status` is its exit status */
        COMMAND_SIGNALLED, /* `status` is the signal */
        COMMAND_TIMEOUT,   /* it was ended by us */
        COMMAND_MISSING,   /* the program cannot be executed: `status` is errno */
        COMMAND_FAILED, /* no process, no pipe, or the message cannot be read: `error` */
    } kind;
    int status;
    bool read_all;      /* it took the whole message */
    struct span output; /* standard output and error, up to the limit */
    struct error error; /* temporary */
};

/* Run it to its end. What it leaves running in the background is not waited for. */
void command_run(const struct command *command, struct rendering *rendering,
                 struct arena *arena, struct command_result *result);

#endif
