/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What asks the DNS: a module of ours (dns.so, over libunbound), loaded by the names role
 * alone, so that no other program pays for the library. Asynchronous: the owner watches
 * one descriptor.
 *
 * The engine does its work in a process of its own, which it starts in new(). Create it
 * early, before other connections are open that the process would hold as well, and
 * before a filter that forbids fork or sockets. It ends with its owner. SIGPIPE is
 * ignored from then on.
 */
#ifndef NET_DNS_ENGINE_H
#define NET_DNS_ENGINE_H

#include "net/dns.h"

struct dns_engine;

enum { DNS_MODULE_VERSION = 1 };

/*
 * The answer lives until done() returns. done() may ask again, and must not free the
 * engine.
 */
typedef void dns_done(void *context, const struct dns_answer *answer);

struct dns_module {
    int version;       /* DNS_MODULE_VERSION, or it is not for this program */
    const char *about; /* "libunbound 1.17.1" */

    /*
     *   servers   questions are forwarded to them: "192.0.2.1", "127.0.0.1@5353",
     *             "[2001:db8::1]@53"; none: those of /etc/resolv.conf (127.0.0.1 when
     * there are none); the one word "recurse": no forwarding timeout   ms after which a
     * question is answered with DNS_FAILURE; > 0 returns   NULL with `error`
     * temporary 4.3.5 (bad server) or 4.3.0
     */
    struct dns_engine *(*engine_new)(const char *const *servers, size_t count,
                                     int64_t timeout, struct error *error);
    /* Questions that are open are forgotten without an answer. */
    void (*engine_free)(struct dns_engine *engine);
    /* To be watched for reading. */
    int (*engine_fd)(const struct dns_engine *engine);
    /*
     * Call when the descriptor is readable, and once a second while questions are open
     * (it answers those whose time is over). False: the engine is dead, and all that was
     * open has been answered with DNS_FAILURE; make another.
     */
    bool (*engine_process)(struct dns_engine *engine);
    /*
     * Ask. done() is called once, perhaps before this returns (an answer that is known, a
     * name that cannot exist). False, and done() is never called: too many open
     * questions, or dead.
     */
    bool (*engine_ask)(struct dns_engine *engine, const char *name, enum dns_type type,
                       dns_done *done, void *context);
    size_t (*engine_open)(const struct dns_engine *engine); /* questions without answer */
};

/*
 * Load the module from `directory`, or, for NULL, from beside the running program (a
 * build tree) or where it was installed. False: temporary 4.3.5 with the loader's words.
 */
bool dns_module_load(const char *directory, const struct dns_module **module,
                     struct error *error);

/* The one symbol of the module: a const struct dns_module. */
#define DNS_MODULE_SYMBOL "smail_dns_module"

#endif
