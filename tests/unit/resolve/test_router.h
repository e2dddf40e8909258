/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A router for tests: knows hosts by the ends of their names. */
#ifndef UNIT_RESOLVE_TEST_ROUTER_H
#define UNIT_RESOLVE_TEST_ROUTER_H

#include "drivers/driver.h"

/* The real routers and the driver `test`, ending with NULL. */
const struct driver *const *test_routers(struct arena *arena);

#endif
