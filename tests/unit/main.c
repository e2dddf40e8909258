/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs the unit tests: all of them, or the cases whose name contains the first argument.
 * Prints what failed and, as its last line, how many passed and failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "base/banned.h"

static const struct {
    const char *name;
    TCase *(*make)(void);
} cases[] = {
#define CASE(name) {#name, name##_case},
#include "tests/unit/list.h"
#undef CASE
    {NULL, NULL},
};

/* Add the cases whose name contains `wanted`, and count them. */
static int
suite_fill(Suite *suite, const char *wanted)
{
    int count = 0;

    for (size_t i = 0; cases[i].name != NULL; i++) {
        if (strstr(cases[i].name, wanted) == NULL)
            continue;
        suite_add_tcase(suite, cases[i].make());
        count++;
    }
    return count;
}

int
main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : "";
    Suite *suite = suite_create("smail");
    SRunner *runner = srunner_create(suite);
    int count = suite_fill(suite, wanted), run, failed;

    srunner_run_all(runner, CK_NORMAL);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (count == 0)
        fprintf(stderr, "no case has \"%s\" in its name\n", wanted);
    printf("%d passed, %d failed\n", run - failed, failed);
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
