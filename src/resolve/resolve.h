/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an address goes: parsing it into target and rest, offering local ones to the
 * directors and remote ones to the routers, until each has a transport, or waits, or
 * fails, or needs the rights of a user. No side effects, so -bt, -bv, RCPT checks and
 * explain are this and nothing else.
 */
#ifndef RESOLVE_RESOLVE_H
#define RESOLVE_RESOLVE_H

#include "drivers/driver.h"

struct resolving {
    const struct configuration *configuration;
    const struct services *services;
    const struct envelope *envelope; /* NULL: none */
    const char *message_id;
    /* Addresses of the message that exist already and are ancestors of the inputs, by
     * number. */
    const struct address *const *known;
    size_t known_count;
    struct arena *arena;
};

/*
 * An address of the result. Keys are for meeting those of other walks of the message:
 * assigned addresses of one destination have the same, all others differ, because an
 * address that waits for something may only be dropped for one that does not.
 */
struct resolved {
    struct address address; /* number of an input, or 0 for a new one */
    uint32_t parent_at;     /* of a new one: position of its parent in the result */
    uint64_t key;
};

struct resolution {
    struct resolved *list;
    size_t count;
};

/*
 * Walk the inputs (states NEW or USER) to their ends.
 *
 *   result    first the inputs in their order with new state and answer, then what they
 *             became, parents before children. States: ASSIGNED, EXPANDED, USER (goes on
 *             with the rights of `user`, at `director_at`), DUPLICATE (equal to another
 * of the result), FAILED (error, report), or as before, NEW or USER, with
 *             a temporary error: deferred; NEW without one: for a process with other
 * rights
 *
 * Bounded by max_expansion_depth and max_expansion_addresses (then FAILED, 5.4.6
 * / 5.3.4).
 */
void resolve(const struct resolving *resolving, const struct address *inputs,
             size_t count, struct resolution *result);

/*
 * One address with the question whether it can be had, as at RCPT: walks as resolve()
 * does with restricted services, and no further than to the first address that shows it.
 * Neither `deferred` nor `failed`: exactly one of `local` and `remote`.
 */
struct verification {
    bool local;  /* a director takes it: it is for us to have, wherever that sends it */
    bool remote; /* the address itself leads to another host: relaying */
    bool deferred;
    bool failed;
    struct error error;
    const struct address
        *final; /* the first destination; ASSIGNED, USER, or what failed */
    /* A complete answer that needs no second walk: `final` is the recipient, remote. */
    bool is_whole;
};
void resolve_verify(const struct resolving *resolving, const char *recipient,
                    struct verification *verification);

/* The services of a process: tables kept open, name service, users. */
struct services *services_new(const struct configuration *configuration,
                              const struct resolver *resolver, const char *acting_user,
                              bool restricted);
void services_free(struct services *services);

/*
 * -bt, -bv, explain: the derivation as text or JSON. `from` may be NULL. Returns an exit
 * code: 0 deliverable, 67 (68) unknown user (host), 75 deferred, 65 syntax.
 */
int explain_address(const struct resolving *resolving, const char *address,
                    bool derivation, struct text *text, struct json *json);
/* The three lines of -bt. */
int test_address(const struct resolving *resolving, const char *address,
                 struct text *text);

#endif
