/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Becoming somebody else for good, and giving up what a role does not need. Every failure
 * is an error that ends the process that wanted to change: nothing goes on with rights
 * that it should not have.
 */
#ifndef ROLE_PRIVILEGE_H
#define ROLE_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "config/settings.h"
#include "role/wire.h"

/* The account a role runs as ("" for a user worker: the user himself). */
const char *privilege_account(enum role_kind kind, const struct settings *settings);

/*
 * Groups, gid, uid for good (set, then verified). `groups`: the user's supplementary groups
 * (initgroups); without it none. `extra_group`: one group more, or (gid_t)-1.
 */
bool privilege_become(const char *name, uid_t uid, gid_t gid, bool groups, gid_t extra_group,
                      struct error *error);
/* An empty root directory (must be empty, root's and not writable). Needs root. */
bool privilege_enclose(const char *directory, struct error *error);
/* Keep only the capabilities that the master needs; drop the rest from the bounding set. */
bool privilege_limit_master(struct error *error);
/* No new privileges, not dumpable, no core, resource limits of a role. */
bool privilege_limit(enum role_kind kind, const struct settings *settings, struct error *error);

#endif
