/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small configurations for tests: texts instead of files, two drivers of each kind. */
#ifndef UNIT_CONFIG_SAMPLE_H
#define UNIT_CONFIG_SAMPLE_H

#include "config/configuration.h"

/* The attributes of the test drivers "plain" (also called "simple") and "picky". */
struct sample_config {
    const char *file, *transport;
    struct expanded path, cmd;
    bool optional;
    int64_t count;
    struct mode mode;
    struct list domains;
};

extern const struct driver_lists sample_drivers;

/* A bundle with one file of that name (NULL: none) and, if given, a second one. */
struct config_bundle *sample_bundle(struct arena *arena, const char *name,
                                    const char *text, const char *second_name,
                                    const char *second_text);
/* That bundle, parsed. */
struct configuration *sample_parse(const char *name, const char *text,
                                   const char *second_name, const char *second_text);
/* The problems, one in each line: "file:line: text". */
const char *sample_problems(const struct configuration *configuration);

#endif
