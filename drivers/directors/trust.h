/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a list is trusted that names files and commands: by mode, owner and group of
 * the open file and by the directories it lies in (reference 4.3).
 */
#ifndef DRIVERS_DIRECTORS_TRUST_H
#define DRIVERS_DIRECTORS_TRUST_H

#include "drivers/driver.h"

/*
 * The rules that attributes set. Each director that reads lists has them as the first
 * member of its attributes, named `trust`, so that one may copy another's.
 */
struct trust_rules {
    struct mode modemask; /* forbidden bits */
    struct list owners, owngroups;
    bool checkowner; /* the user is a permitted owner */
};

#define TRUST_ROW(config, member, default_value, help)                                   \
    {                                                                                    \
        .name = #member, .type = ATTRIBUTE_TYPE(((config *)0)->trust.member),            \
        .offset = offsetof(config, trust.member), .value = (default_value),              \
        .meaning = (help)                                                                \
    }

#define TRUST_ROWS(config)                                                               \
    TRUST_ROW(config, modemask, "022",                                                   \
              "permissions that make files and commands in the list suspicious"),        \
        TRUST_ROW(config, owners, NULL,                                                  \
                  "users who may own the file; root and this program's when unset"),     \
        TRUST_ROW(config, owngroups, NULL, "groups that the file may have")

/*
 * Grade an open file.
 *
 *   path    of the file, absolute; its directories are looked at as well
 *   user    whose file it should be; NULL: nobody's in particular
 *   trust   CLEAN or CAUTION, with the reason told to services->trace
 *   returns false: a name in the rules cannot be looked up now
 */
bool trust_grade(const struct directing *directing, const struct trust_rules *rules,
                 const char *path, const struct stat *status, const struct user *user,
                 enum address_trust *trust, struct error *error);

/*
 * Is the file's user (its owner when there is none), or a directory it is in, in a list
 * of user names, uids, ranges of uids and directories? Items are expanded one by one;
 * those that fail are left out.
 */
bool trust_is_listed(const struct directing *directing, struct list list,
                     const char *path, const struct stat *status,
                     const struct user *user);

#endif
