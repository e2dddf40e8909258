/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system's name service: login names and groups. "No such name" and "cannot answer
 * now" are never confused, since the one makes a bounce and the other makes mail wait.
 */
#ifndef RESOLVE_USERS_H
#define RESOLVE_USERS_H

#include "drivers/driver.h"

/* Login names asked for lately, found or not; each is asked again after a few seconds. */
struct users;

struct users *users_new(void);
void users_free(struct users *users);

/* False: the name service cannot answer now, temporary. */
bool users_by_name(struct users *users, const char *name, struct arena *arena,
                   struct user *user, bool *found, struct error *error);
bool users_by_uid(uid_t uid, struct arena *arena, struct user *user, bool *found,
                  struct error *error);
bool users_group(const char *name, gid_t *gid, bool *found, struct error *error);

#endif
