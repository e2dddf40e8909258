/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local parts that are login names. */
#ifndef DRIVERS_DIRECTORS_LOGIN_H
#define DRIVERS_DIRECTORS_LOGIN_H

#include "drivers/driver.h"

/*
 * The user of that name, as written or, with `fold`, in lower case. Names that can stand
 * for no user (a '/', a leading dot or '-', too long) are not asked for.
 *   returns   false: the name service cannot answer now
 */
bool login_find(const struct directing *directing, const char *name, bool fold,
                struct user *user, bool *found, struct error *error);

/* May a name become part of a path: no '/', no leading dot, not empty, not too long. */
bool login_is_path_safe(const char *name);

/*
 * Take `prefix` and `suffix` (NULL: none) off a local part, without case. NULL: they are
 * not there, or nothing is left.
 */
const char *login_strip(const char *local_part, const char *prefix, const char *suffix,
                        struct arena *arena);

#endif
