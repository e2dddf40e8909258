/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small host for tests of deciding: a configuration from texts, users with homes in a
 * directory of their own, names from a table, and transports that only have names.
 */
#ifndef UNIT_RESOLVE_WORLD_H
#define UNIT_RESOLVE_WORLD_H

#include "resolve/resolve.h"

struct world {
    struct arena *arena;
    char directory[64]; /* private, removed at the end */
    uid_t uid;          /* of its ordinary users */
    struct configuration *configuration;
    struct services services; /* `user` is the world's; the rest is real */
    struct services *real;
    struct envelope envelope;
    struct resolving resolving;
    struct resolution result;
    struct resolver resolver;
    struct text trace;
};

/*
 * The files of a configuration as name, text pairs, NULL behind the last; "@" in a text
 * stands for the directory. Users: joe, ann, bob (homes @/joe, ...), root, list, nobody.
 * The host is vlager.vbrew.com.
 */
void world_begin(struct world *world, const char *const *files);
void world_end(struct world *world);

/* A file in the world's directory, with what `text` holds ("@" as above). */
void world_write(struct world *world, const char *name, mode_t mode, const char *text);
/* The same, owned by the ordinary users. */
void world_write_user(struct world *world, const char *name, mode_t mode,
                      const char *text);
const char *world_path(struct world *world, const char *name);

/* Who the process is: "", "*", a user's name. */
void world_act(struct world *world, const char *user);

/*
 * Resolve recipients (separated by blanks) to their ends, going through users' workers
 * when they are asked for, and say where they ended:
 * "transport:next_hop:next_address:user" for what is assigned (without parts that are
 * empty at the end), "kind text" with the state for other ends, sorted and joined by
 * blanks.
 */
const char *world_resolve(struct world *world, const char *recipients);
/* The same in one call of resolve(), without sorting, with the states of all addresses.
 */
const char *world_walk(struct world *world, const char *recipients);

#endif
