/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must have come of it: the `expect` lines of a scenario. */
#ifndef SCENARIO_EXPECTATION_H
#define SCENARIO_EXPECTATION_H

#include "tests/scenario/reader.h"
#include "tests/scenario/world.h"

bool expectation_check(struct reader *reader, struct world *world);

#endif
