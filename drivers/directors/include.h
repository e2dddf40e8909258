/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What aliasinclude and forwardinclude have in common: reading an included list. */
#ifndef DRIVERS_DIRECTORS_INCLUDE_H
#define DRIVERS_DIRECTORS_INCLUDE_H

#include "drivers/directors/trust.h"

struct include_config {
    struct trust_rules trust; /* the first, see trust.h */
    bool copysecure, copyowners;
    const char *matchdirector;
    int64_t retries;
    struct duration interval;
};

extern const struct attribute include_attributes[];

/* `makers`: drivers whose lists are meant, NULL-terminated. */
enum verdict include_direct(const struct include_config *include,
                            struct directing *directing, const char *const *makers);

#endif
