/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A spool at work on the simulated disk, and a model beside it of what was promised:
 * which messages were acknowledged, which addresses are done and whether that is durable.
 * After whatever happened to the disk the spool is opened again and held against the
 * model.
 */
#ifndef CRASH_SPOOL_WALK_H
#define CRASH_SPOOL_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/spool.h"
#include "tests/crash/simulated_disk.h"

enum { WALK_MESSAGES = 64, WALK_ADDRESSES = 8, WALK_CONTENT = 9000 };

/* How sure something is. */
enum walk_sure { SURE_NO, SURE_PENDING, SURE_CACHED, SURE_DURABLE };

struct walk_address {
    enum walk_sure done;
    enum walk_sure known; /* made by an expansion */
};

struct walk_message {
    struct message_id id;
    char content[WALK_CONTENT];
    size_t size;
    uint32_t recipients, addresses;
    bool added;              /* was ever offered to the spool */
    enum walk_sure accepted; /* its sender was told yes */
    enum walk_sure removed;
    bool removal_asked;
    enum walk_sure held;
    bool held_wanted;
    struct walk_address address[WALK_ADDRESSES];
    int bounce; /* of its failure: index of that message, or -1 */
};

struct walk {
    struct simulated_disk *simulated;
    struct disk disk;
    struct spool_options options;
    struct spool *spool;
    struct walk_message messages[WALK_MESSAGES];
    int count;
    int64_t now;
    uint64_t seed;
    size_t damages;    /* said by recovery */
    size_t refusals;   /* commits and other calls that failed */
    char refusal[256]; /* what the last failed opening said */
    char problem[200]; /* the first thing that was not as it must be; "" */
};

void spool_walk_begin(struct walk *walk, uint64_t seed);
void spool_walk_end(struct walk *walk);

/* Open and recover in small steps. */
bool spool_walk_open(struct walk *walk);
void spool_walk_close(struct walk *walk);

/* The script; goes on after errors, ends early once the disk has stopped. */
void spool_walk_run(struct walk *walk);

/* Twenty messages from three groups, nothing else. */
void spool_walk_twenty(struct walk *walk);

/* One message added to the open group; its index, or -1 when it was refused at once. */
int spool_walk_add(struct walk *walk, uint32_t recipients, size_t size, bool is_bounce);
bool spool_walk_commit(struct walk *walk, bool sync);

/* --- the model --- */

/* Remember the first thing that is wrong. */
void spool_walk_problem(struct walk *walk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What waited for a commit, or for a sync, is now this sure. */
void spool_model_raise(struct walk *walk, enum walk_sure from, enum walk_sure to);
/* The commit failed: outcomes count all the same, the rest was never said. */
void spool_model_refuse(struct walk *walk);
/* After a start what the spool shows is what there is, however sure it was before. */
void spool_model_settle(struct walk *walk);

/* Hold what the spool has against the model, and see that it serves; sets `problem`. */
void spool_walk_check(struct walk *walk);

#endif
