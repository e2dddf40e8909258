/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For every file of unit tests: libcheck, and the declaration of each file's one
 * function.
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <check.h>

#define CASE(name) TCase *name##_case(void);
#include "tests/unit/list.h"
#undef CASE

#endif
