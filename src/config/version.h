/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What this program calls itself; Smail's read-only variables show it. */
#ifndef CONFIG_VERSION_H
#define CONFIG_VERSION_H

#ifdef PACKAGE_VERSION
#define SMAIL_VERSION PACKAGE_VERSION
#else
#define SMAIL_VERSION "4.0.0"
#endif
#define SMAIL_RELEASE_DATE "2026-11-22"

/* The value of a version variable (version, release_date, compile_num, ...), or NULL. */
const char *version_variable(const char *name);
/* Their names, NULL-terminated. */
extern const char *const version_variables[];

#endif
