/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Flags of sendmail and Smail (reference 1.2, 1.3), parsed once for all names. Unknown -o
 * flags and what belongs to other mailers is accepted and ignored.
 */
#ifndef COMMAND_OPTIONS_H
#define COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "config/configuration.h"
#include "mail/envelope.h"

enum command_mode {
    MODE_DELIVER,
    MODE_DAEMON,
    MODE_SMTP,
    MODE_BATCH,
    MODE_LIST,
    MODE_ALIASES,
    MODE_TEST,
    MODE_VERIFY,
    MODE_PRINT,
    MODE_COPYING,
    MODE_VERSION,
    MODE_RUN,
    MODE_CHECK,
    MODE_HOSTS,
    MODE_FORGET_HOSTS,
    MODE_HELP,
};

struct options {
    const char *program; /* the name it was called by */
    enum command_mode mode;
    bool restricted; /* rmail, rsmtp: a remote site chose the flags */
    struct config_paths paths;

    /* the message */
    struct envelope envelope; /* what flags say of it; strings of argv */
    const char *sender;       /* -f, -r; NULL: not given */
    bool from_header;         /* -t */
    bool dot_is_text;         /* -i */
    bool hidden_dots;         /* -I */
    uint8_t notify;           /* -N of sendmail */
    const char *const *arguments;
    size_t argument_count;

    /* running */
    bool listen;      /* -bd: the SMTP ports as well */
    bool queue_given; /* -q */
    int64_t interval; /* seconds, 0: once */
    const char *port; /* -oX */
    bool foreground;  /* --foreground */
    int debug;        /* -d, -v: level, 0 none */
    bool verbose;
    bool json;
    bool mdoc;                                  /* -bP: tables for the manual */
    const char *aliases;                        /* -oA */
    const char *queue_sender, *queue_recipient; /* -qS, -qR */
    const char *grades;                         /* -oG */
    struct arena *arena;
};

/*
 * Parse. `arena` holds what is not in argv. False with a permanent error: a usage error
 * (EX_USAGE), also for flags that the restricted names refuse.
 */
bool options_parse(int argc, char **argv, struct arena *arena, struct options *options,
                   struct error *error);
/* The text of --help for a name. */
void options_help(const char *program, struct text *text);

#endif
