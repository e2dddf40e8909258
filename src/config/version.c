/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The read-only variables about this version. Builds are alike, so a date of building is
 * that of the release. */
#include "config/version.h"

#include <stddef.h>

#include "config/attribute.h"

#include "base/banned.h"

static const struct {
    const char *name, *aliases, *value;
} rows[] = {
    {"version", NULL, SMAIL_VERSION},
    {"version_string", NULL, "Smail" SMAIL_VERSION " #1 " SMAIL_RELEASE_DATE},
    {"release_date", "release", SMAIL_RELEASE_DATE},
    {"patch_number", "patch", "0"},
    {"patch_date", NULL, SMAIL_RELEASE_DATE},
    {"compile_num", "ld_num", "1"},
    {"compile_date", "ld_date", SMAIL_RELEASE_DATE},
    {"bat", NULL, ""},
};

const char *const version_variables[] = {
    "version",     "version_string", "release_date", "patch_number", "patch_date",
    "compile_num", "compile_date",   "bat",          NULL,
};

const char *
version_variable(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (attribute_name_is(name, rows[i].name, rows[i].aliases))
            return rows[i].value;
    return NULL;
}
