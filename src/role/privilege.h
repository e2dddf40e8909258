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
 * Groups, gid, uid for good (set, then verified). `groups`: the user's supplementary
 * groups (initgroups); without it none. `extra_group`: one group more, or (gid_t)-1.
 */
bool privilege_become(const char *name, uid_t uid, gid_t gid, bool groups,
                      gid_t extra_group, struct error *error);
/*
 * The same for a local user's worker, before it is executed: his groups, and the group of
 * mailboxes as effective and saved gid. The worker puts it aside at once
 * (privilege_put_group_aside), takes it back to open a mailbox, and a command never has
 * it.
 */
bool privilege_become_user(const char *name, uid_t uid, gid_t gid, gid_t mail_group,
                           struct error *error);
/* Effective group := real group; the saved one stays for mailboxes. */
bool privilege_put_group_aside(struct error *error);
/* An empty root directory (must be empty, root's and not writable). Needs root. */
bool privilege_enclose(const char *directory, struct error *error);
/* Keep only the capabilities that the master needs; drop the rest from the bounding set.
 */
bool privilege_limit_master(struct error *error);
/* No new privileges, not dumpable, no core, resource limits of a role. */
bool privilege_limit(enum role_kind kind, const struct settings *settings,
                     struct error *error);

#endif
