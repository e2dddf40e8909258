/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contract of drivers. A driver is synchronous code in one file without globals: it
 * gets its attributes as a struct already filled in and checked, an arena that is freed
 * after the job, and a question; it returns an answer or an error. It starts no process
 * but through `services`, never logs a result and never decides about retry.
 *
 * One constant at the end of the file, one line in drivers/list.h.
 */
#ifndef DRIVERS_DRIVER_H
#define DRIVERS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "config/configuration.h"
#include "config/expand.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/rendering.h"
#include "net/connection.h"
#include "net/dns.h"

/* A local user, from the name service. */
struct user {
    const char *name; /* as the password file spells it */
    uid_t uid;
    gid_t gid;
    const char *home, *full_name, *shell;
};

/* --- lookups: how a database is searched --- */

enum lookup_result { LOOKUP_FAILED, LOOKUP_ABSENT, LOOKUP_FOUND };

struct lookup_value {
    const char *value;
    const char *file; /* that answered */
    unsigned line;    /* 0: the file has none */
};

struct lookup_driver {
    struct driver driver; /* no attributes; its name is the `proto` */
    const char *suffix;   /* added to the file's name unless it ends so; NULL for none */

    /*
     * Open `file` (absolute, with the suffix). False: permanent with errno ENOENT for a
     * missing file, else temporary. What it opens lives in `arena` or is closed by close.
     */
    bool (*open)(const char *file, struct arena *arena, void **table, struct stat *status,
                 struct error *error);
    /* The first entry of a key (no case). FAILED: temporary error. The value is trimmed,
     * '#' cut. */
    enum lookup_result (*find)(void *table, struct span key, struct arena *arena,
                               struct lookup_value *value, struct error *error);
    void (*close)(void *table);
};

/* --- what the process that runs a driver does for it --- */

struct services {
    void *context;

    /*
     * Search a table that is kept open and opened anew when it changed. `file` may be
     * relative to smail_lib_dir. *status as in open. FAILED: temporary, or permanent when
     * the file is missing (errno ENOENT) or the proto unknown.
     */
    enum lookup_result (*lookup)(const struct services *services, const char *proto,
                                 const char *file, struct span key, struct arena *arena,
                                 struct lookup_value *value, struct stat *status,
                                 struct error *error);
    /* A login name. False: the name service cannot answer now (never "no such user"). */
    bool (*user)(const struct services *services, const char *name, struct arena *arena,
                 struct user *user, bool *found, struct error *error);
    bool (*user_of)(const struct services *services, uid_t uid, struct arena *arena,
                    struct user *user, bool *found, struct error *error);
    /* Name of a group to its number and back. */
    bool (*group)(const struct services *services, const char *name, gid_t *gid,
                  bool *found, struct error *error);
    const struct resolver *resolver; /* NULL: no names can be asked here */

    /* Whose files may be read here: login name, "" for nobody's (a resolve worker). */
    const char *acting_user;
    /* At RCPT time: tables and users only; no user's files, no commands. */
    bool restricted;

    /* One line of the derivation that `explain` and -d print; NULL: nobody listens. */
    void (*trace)(const struct services *services, const char *text);
};
/* Calls services->trace if there is one. */
void driver_trace(const struct services *services, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Let an expansion ask these services for ${lookup:...} and "~user". */
void driver_expansion(struct expansion *expansion, const struct services *services);

/* --- directors and routers --- */

enum verdict {
    VERDICT_DECLINED, /* not mine: ask the next */
    VERDICT_ASSIGNED, /* director: transport (and user) known; router: matched */
    VERDICT_EXPANDED, /* director: became `children` (perhaps none) */
    VERDICT_USER,     /* director: go on with the rights of `user` */
    VERDICT_DEFERRED,
    VERDICT_FAILED,
};

struct directing {
    const struct configuration *configuration;
    const struct entry *entry; /* this director */
    const struct services *services;
    const struct envelope *envelope; /* NULL: none (-bt) */
    const char *message_id;          /* NULL: none */
    const struct address *address;
    const struct address *const *ancestors; /* parent first */
    size_t ancestor_count;
    const char *local_part; /* unquoted, original case; no NUL */
    const char *domain;     /* the local domain it had, "" for none */
    struct arena *arena;

    /* the answer */
    /* Linked by next; text, kind, literal, source, trust, user set. One that has an error
     * (and report) is refused for it, whatever it is. */
    struct address *children;
    const char *transport;     /* name of an entry */
    const char *user;          /* login name that goes with the answer; "" none */
    const char *group, *home;  /* "" none */
    const char *user_variable; /* $user of the transport; NULL: the local part */
    const char *source;        /* "file:line" that answered, "" */
    bool no_owner;             /* owner expansion is not for this answer */
    struct error error;
    enum report_class report;
};

/* What the expanded attributes of a director see: the address, its local part as $user.
 */
struct expansion directing_expansion(const struct directing *directing);
/*
 * An expanded attribute with that $user and $home (NULL: undefined). A failure has a
 * meaning: there is no such file.
 */
bool directing_expand(const struct directing *directing, const char *text,
                      const char *user, const char *home, const char **result,
                      struct error *error);

struct director_driver {
    struct driver driver;
    enum verdict (*direct)(const void *config, struct directing *directing);
};

struct routing {
    const struct configuration *configuration;
    const struct entry *entry; /* this router */
    const struct services *services;
    const struct envelope *envelope;
    const struct address *address;
    const char *target; /* host, lower-case A-label or "[literal]" */
    const char *rest;   /* what that host should see */
    struct arena *arena;

    /* the answer */
    size_t match;         /* characters of the target that matched */
    bool complete;        /* a full match: the search ends */
    const char *next_hop; /* "" with complete: the target is this host itself */
    /* Hosts behind the next hop joined by '!', "" none. To that of a partial match the
     * target is appended by the caller, to that of a complete one nothing. */
    const char *route;
    const char *transport; /* the driver's own choice, or NULL */
    const char *source;    /* "file:line" or ""; for explain */
    struct error error;
    enum report_class report;
};

struct router_driver {
    struct driver driver;
    enum verdict (*route)(const void *config, struct routing *routing);
};

/* --- transports --- */

struct delivery_address {
    const struct address *address;
    enum outcome outcome; /* DEFERRED until decided */
    struct error error;   /* for deferred and failed */
    enum report_class report;
    const char *remote;     /* MTA that said so; "" */
    const char *diagnostic; /* its reply, or the output of a command, one line; "" */
    bool diagnostic_is_smtp;
    bool report_passed; /* relayed to a host that now answers for NOTIFY=SUCCESS */
};

/* Connections that a worker keeps between deliveries. */
struct connection_cache;

/* One call of a transport: addresses that share transport, next hop, user and owner. */
struct delivery {
    const struct configuration *configuration;
    const struct entry *entry; /* this transport */
    const struct services *services;
    const struct envelope *envelope;
    const char *message_id;
    const char *reverse_path; /* the owner's or the sender's, mailbox text; "" null */
    const char *next_hop;     /* "" for a local transport */
    bool use_mx;              /* the router said that mail exchangers are looked up */
    struct delivery_address *addresses;
    size_t address_count;
    struct rendering
        rendering; /* ready to be read, edits and attributes of the entry applied */
    struct expansion expansion; /* of the first address */
    const struct user *user;    /* who this process is; NULL: not a user's worker */
    struct connection_cache *connections;
    int64_t deadline; /* clock_monotonic() by which it must be over */
    struct arena *arena;
};

/* Decide all addresses, or those not decided yet, in one way. */
void delivery_decide(struct delivery *delivery, enum outcome outcome,
                     const struct error *error, enum report_class report);

enum identity {
    IDENTITY_NETWORK,   /* the remote worker */
    IDENTITY_RECIPIENT, /* the user of the address */
};

struct transport_driver {
    struct driver driver;
    enum identity identity;
    void (*deliver)(const void *config, struct delivery *delivery);
};

/*
 * Connections of a worker. A key is everything that must be equal for reuse (transport,
 * address, port, later TLS level and credentials). connection_cache_take() removes the
 * one found, connection_cache_keep() puts it back; `close` ends what is dropped.
 */
void *connection_cache_take(struct connection_cache *cache, const char *key);
void connection_cache_keep(struct connection_cache *cache, const char *key, void *held,
                           void (*close)(void *held));
/*
 * Keep what must be finished before any delivery that used it counts (a mailbox, locked
 * and written, not yet synced), so that those which follow at once share it. It is taken
 * by its key like a connection. `finish` makes it durable and ends it; false: none of
 * these deliveries happened, `error` is temporary. It is called soon, before outcomes are
 * told.
 */
void connection_cache_owe(struct connection_cache *cache, const char *key, void *held,
                          bool (*finish)(void *held, struct error *error));

/* The tables, made from drivers/list.h; each ends with NULL. */
extern const struct director_driver *const director_drivers[];
extern const struct router_driver *const router_drivers[];
extern const struct transport_driver *const transport_drivers[];
extern const struct lookup_driver *const lookup_drivers[];
extern const struct driver_lists driver_lists;

#endif
