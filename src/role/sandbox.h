/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * System call filters (libseccomp) and file system limits (Landlock), where the kernel
 * and the build have them. Elsewhere a role runs without, and `-bP sandbox` says so.
 */
#ifndef ROLE_SANDBOX_H
#define ROLE_SANDBOX_H

#include <stdbool.h>

#include "base/error.h"
#include "role/wire.h"

/*
 * Enter the sandbox of a role, after everything it needs was loaded and opened. False
 * with an error only when a filter is built in, the kernel has it, and it failed.
 */
bool sandbox_enter(enum role_kind kind, struct error *error);
/* "seccomp, landlock", "seccomp", "none": what this build and kernel give. */
const char *sandbox_describe(void);

#endif
