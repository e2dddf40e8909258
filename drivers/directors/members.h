/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The members of a list (alias value, forward file, included file) as children. */
#ifndef DRIVERS_DIRECTORS_MEMBERS_H
#define DRIVERS_DIRECTORS_MEMBERS_H

#include "drivers/driver.h"

struct members {
    const char *file; /* for `source` */
    unsigned line;    /* of the first line; 0: the file has none */
    bool is_file;     /* a file with lines and comments, not one value */
    size_t limit;     /* of items */
    const struct user
        *user;             /* whose list it is; "~" is this user's home. NULL: nobody's */
    const char *user_name; /* as whom its files and commands are used; "" unknown */

    /* the result */
    bool special; /* there is a file, command or included list */
};

/*
 * Append the members of `text` to directing->children, all with the trust CLEAN. Nothing
 * in the text is expanded but a leading "~" in a user's list. An item that can never be
 * used has its error set.
 *
 *   returns   false with a permanent error: the text is no list of addresses; or a
 *             temporary one: the home of "~user" is not known now
 */
bool members_read(struct directing *directing, struct span text, struct members *members,
                  struct error *error);

/* Grade files, commands and included lists among the children. */
void members_trust(struct directing *directing, enum address_trust trust);

/* Append the address itself, for the directors behind this one. */
void members_add_self(struct directing *directing);

#endif
