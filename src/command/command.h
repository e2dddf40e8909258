/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs that users and other programs call: one binary, a row for each name. Each
 * is a client of the owner of the spool; none needs a right that its caller has not.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "command/options.h"
#include "smtp/client.h"

/* All return an exit code of <sysexits.h>. */
int command_deliver(const struct options *options); /* sendmail, rmail */
int command_daemon(const struct options *options);  /* -bd, -q15m */
int command_smtp(const struct options *options);    /* smtpd, -bs */
int command_batch(const struct options *options);   /* rsmtp, -bS */
int command_mailq(const struct options *options);   /* mailq, -bp */
int command_runq(const struct options *options);    /* runq, -q */
int command_aliases(const struct options *options); /* newaliases, -bi */
int command_test(const struct options *options);    /* -bt */
int command_verify(const struct options *options);  /* -bv */
int command_print(const struct options *options);   /* -bP */
int command_copying(const struct options *options); /* -bc */
int command_version(const struct options *options); /* -bV */
int command_check(const struct options *options);   /* -bC, smailctl check */
int command_hosts(const struct options *options);   /* hoststat, -bh; purgestat, -bH */
int command_smailctl(int argc, char **argv);

/* --- parts that they share --- */

/* The configuration as this caller reads it. */
struct configuration *command_configuration(const struct options *options,
                                            struct config_bundle **bundle,
                                            struct arena *arena);

/*
 * A connection to the owner of the spool, EHLO said. When there is none and the caller
 * may open the spool, an owner is started for as long as there is something to do
 * (`start`); else it is waited for, `wait` milliseconds at most. NULL: the error says
 * why.
 */
struct smtp_client *owner_connect(const struct options *options,
                                  const struct configuration *configuration, bool start,
                                  int64_t wait, struct error *error);
/* The same without EHLO, as a bare descriptor; -1 with the error. */
int owner_open(const struct options *options, const struct configuration *configuration,
               bool start, int64_t wait, struct error *error);

/* An XCTL request; `line` is called for each line of the answer. Returns an exit code. */
int control_request(const struct options *options, bool start, const char *const *words,
                    size_t count, void (*line)(void *context, const char *text),
                    void *context, struct error *error);

/* Detach from the terminal and run `run`; the parent returns once it said that it is
 * ready. */
int daemon_start(int (*run)(int ready_fd, void *context), void *context);

#endif
