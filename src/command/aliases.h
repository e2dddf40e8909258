/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tables that aliasfile directors of a configuration read. */
#ifndef COMMAND_ALIASES_H
#define COMMAND_ALIASES_H

#include "config/configuration.h"

struct alias_table {
    const char *director; /* its name; "" for a file given by hand */
    const char *proto;
    const char *text;     /* the file that people edit */
    const char *database; /* what is made from it; NULL: the text itself is read */
};

/*
 * One for each aliasfile director whose file is a fixed name, in their order, each file
 * once. `file` (NULL: none) takes the place of all, with the protocol of the first.
 */
size_t alias_tables_find(const struct configuration *configuration, const char *file,
                         struct arena *arena, struct alias_table **tables);

#endif
