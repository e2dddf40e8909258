/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scenarios: text that says what happens to the scheduler's world and what must come of
 * it. tests/scenario/README gives the words.
 */
#ifndef SCENARIO_SCRIPT_H
#define SCENARIO_SCRIPT_H

#include <stdbool.h>

#include "base/text.h"

/* Run one; false with what went wrong ("FILE:LINE: ...") added to `report`. */
bool script_run(const char *file, struct span script, struct text *report);

#endif
