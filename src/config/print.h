/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the rows of attributes say, as the tables of the manual and of a sample file. */
#ifndef CONFIG_PRINT_H
#define CONFIG_PRINT_H

#include "config/attribute.h"

/* A list in mdoc(7), without the lines around it: name, type, default, meaning. */
void attributes_mdoc(const struct attribute *rows, struct text *text);

/* Every row with its default as a commented line of a file: "# name = value". */
void attributes_sample(const struct attribute *rows, struct text *text);

#endif
