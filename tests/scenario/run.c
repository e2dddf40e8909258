/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs scenarios: each file named on the command line, and each *.txt of a directory. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "tests/scenario/script.h"

#include "base/banned.h"

enum { SCRIPT_MOST = 1 << 20 };

struct tally {
    int passed, failed;
};

static void
run_file(struct tally *tally, const char *path)
{
    struct arena *arena = arena_new();
    struct text report = text_new(arena);
    struct error error = {0};
    struct span script;
    bool passed;

    if (!file_load(path, true, SCRIPT_MOST, arena, &script, NULL, &error)) {
        text_add_format(&report, "%s\n", error.text);
        passed = false;
    } else {
        passed = script_run(path, script, &report);
    }
    printf("%s %s\n%s", passed ? "ok  " : "FAIL", path, text_string(&report));
    *(passed ? &tally->passed : &tally->failed) += 1;
    arena_free(arena);
}

static int
is_script(const struct dirent *entry)
{
    return span_ends_nocase(span_of(entry->d_name), ".txt");
}

static void
run_path(struct tally *tally, const char *path)
{
    struct dirent **entries;
    struct stat status;
    int count;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        run_file(tally, path);
        return;
    }
    count = scandir(path, &entries, is_script, alphasort);
    for (int i = 0; i < count; i++) {
        struct arena *arena = arena_new();

        run_file(tally, arena_format(arena, "%s/%s", path, entries[i]->d_name));
        arena_free(arena);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

int
main(int argc, char **argv)
{
    struct tally tally = {0, 0};

    for (int i = 1; i < argc; i++)
        run_path(&tally, argv[i]);
    printf("%d passed, %d failed\n", tally.passed, tally.failed);
    return tally.failed == 0 && tally.passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
