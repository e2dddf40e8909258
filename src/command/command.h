/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs that users and other programs call: one binary, a row for each name. Each
 * is a client of the owner of the spool; none needs a right that its caller has not.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "command/options.h"
#include "net/dns.h"

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
int command_explain(const struct options *options, const char *from); /* the derivation */
int command_mx(const struct options *options); /* mail exchangers */
int command_smailctl(int argc, char **argv);

/* --- parts that they share --- */

/* The configuration as this caller reads it. */
struct configuration *command_configuration(const struct options *options,
                                            struct config_bundle **bundle,
                                            struct arena *arena);

/*
 * Connect to the owner of the spool. When there is none and the caller may open the
 * spool, an owner is started for as long as there is something to do (`start`); else it
 * is waited for, `wait` milliseconds at most. Returns a descriptor, or -1 with the error:
 * temporary unless the configuration is at fault.
 */
int owner_open(const struct options *options, const struct configuration *configuration,
               bool start, int64_t wait, struct error *error);

/* May this caller own the spool: root, its user, or the owner of a private one? */
bool owner_is_possible(const struct configuration *configuration);

/* A request to the owner of the spool (XCTL, smtp/local.h). */
struct control_request {
    const char *const *words;
    size_t count;
    bool start;                                    /* start an owner when there is none */
    int64_t wait;                                  /* for one, in milliseconds */
    void (*line)(void *context, const char *text); /* each line of the answer; or NULL */
    void *context;
    bool answered;   /* a line of the answer has come */
    const char *end; /* the answer's last words, in the options' arena */
};

/* Returns an exit code; the error says why it is not EX_OK. */
int control_request(const struct options *options, struct control_request *request,
                    struct error *error);
/* The same with the lines on standard output and the error on standard error. */
int control_print(const struct options *options, struct control_request *request);

/* "id=ID" for each argument, behind the `count` words; returns the new count. */
size_t control_select_ids(const struct options *options, const char **words,
                          size_t count);

/* A resolver of this process; its module is loaded with the first question. */
struct own_resolver;
struct own_resolver *own_resolver_new(const struct settings *settings);
const struct resolver *own_resolver_names(const struct own_resolver *own);
void own_resolver_free(struct own_resolver *own);

/* Detach from the terminal and run `run`; the parent returns once it said that it is
 * ready. */
int daemon_start(int (*run)(int ready_fd, void *context), void *context);

#endif
