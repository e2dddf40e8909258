/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One walk of addresses to their ends, as the files of this folder share it.
 */
#ifndef RESOLVE_WALK_H
#define RESOLVE_WALK_H

#include "base/table.h"
#include "resolve/resolve.h"
#include "resolve/target.h"

/* An address on its way. */
struct node {
    struct resolved resolved;
    struct node *parent;                    /* NULL for an input */
    uint32_t at;                            /* place in the walk */
    const struct address *const *ancestors; /* parent first */
    size_t ancestor_count;

    bool parsed; /* mail: `target` is set, or there is an error */
    struct target target;
    const struct error *target_error; /* NULL: none */
    bool round;                       /* directed from the start for the second time */
    uint64_t path;                    /* of its text and those of its ancestors */
};

/* A director or router was asked. */
struct step {
    const struct entry *entry;
    const struct node *node;
    enum verdict verdict;
    const char *key;    /* the local part or host it was asked about */
    const char *source; /* "file:line" that answered, "" */
    const struct error *error;
};

/* Who wants to know of each step; see explain.c. */
struct explanation;

struct walk {
    const struct resolving *resolving;
    const struct configuration *configuration;
    const struct services *services;
    struct arena *arena;
    struct node **nodes;
    size_t count, room;
    size_t input_count;
    size_t announced;      /* children that are about to be added */
    size_t begun;          /* nodes there were when the present input began */
    bool arrives;          /* something of the present input has an end */
    struct node *looped;   /* what of it only leads back, the first; NULL: nothing */
    struct table *keys;    /* of what is in the walk, to its node */
    struct table *dropped; /* keys of the exclusions of the envelope; NULL: none */
    bool is_user;          /* this process has the rights of one user alone */
    bool first_only;       /* enough to know whether an address can be had */
    bool no_owner;         /* the owner of an owner is nobody's concern */
    bool domains_matter;   /* a director looks at the domain of local addresses */
    struct explanation *explanation;
};

void walk_begin(struct walk *walk, const struct resolving *resolving);
/* Add an input; its number, parent, state and place are taken as they are. */
struct node *walk_add_input(struct walk *walk, const struct address *address);
/* Visit all inputs and, behind each, what it becomes. */
void walk_run(struct walk *walk);
void walk_end(struct walk *walk);

/* A node for a child, not yet part of the walk; its strings stay where they are. */
struct node *walk_child(struct walk *walk, struct node *parent,
                        const struct address *const *ancestors, size_t ancestor_count,
                        const struct address *child);
/*
 * The children of `parent`, which has its new state already, become part of the walk and
 * are visited: those that are new. False with a permanent error when one of the limits
 * forbids it; then none does.
 */
bool walk_add_children(struct walk *walk, struct node *parent,
                       struct node *const *children, size_t count, struct error *error);

/* The ancestors of the children of a node: itself, then its own. */
const struct address *const *walk_ancestors(struct walk *walk, const struct node *node);

/* Take the address apart, once. False: target_error is set. */
bool node_parse(struct walk *walk, struct node *node);
/* Key of an address as such: its text in one spelling, and where directing begins. */
uint64_t node_key(const struct walk *walk, const struct node *node, uint32_t director_at);
/* Must mail of this message never go there? */
bool node_is_excluded(const struct walk *walk, const struct node *node);

/*
 * An end for a node. node_fail() goes by `permanent` of the error: failed for good, or in
 * its old state with the error: to be tried again.
 */
void node_fail(struct node *node, const struct error *error, enum report_class report);
/* It has a transport; becomes DUPLICATE when the message goes there already. */
void node_assign(struct walk *walk, struct node *node);

/* The parts of a visit: direct.c, special.c, route.c. */
void direct_address(struct walk *walk, struct node *node);
void special_address(struct walk *walk, struct node *node);
void route_address(struct walk *walk, struct node *node);
/* May the list that names this file, command or list do so? If not, the node has failed.
 */
bool special_is_allowed(struct walk *walk, struct node *node);

/* expand.c: what a director answered becomes part of the walk. `at`: of the director. */
void children_take(struct walk *walk, struct node *node,
                   const struct directing *directing, uint32_t at);

/*
 * loop.c: does a local address stem from itself? It goes on behind the directors that
 * expanded it before.
 */
struct loop {
    unsigned times; /* that it is among its ancestors */
    uint32_t place; /* of the director to ask next, 0 when it is not */
};
struct loop loop_find(const struct walk *walk, const struct node *node);
/* Do two mail addresses mean the same? */
bool target_is_same(const struct target *a, const struct target *b);

/* owner.c: who gets errors of what this director makes; "" when there is none. */
const char *owner_find(struct walk *walk, const struct node *node,
                       const struct directing *directing);

/* explain.c: a step was made; also told to services->trace. */
void walk_tell(const struct walk *walk, const struct step *step);
/* The walk itself decided something about an address. */
void walk_remark(const struct walk *walk, const struct node *node, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));

#endif
