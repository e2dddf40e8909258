/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A main for a fuzz target without a fuzzer: gives it, besides the empty input, every
 * file named on the command line and every file in the directories named there.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"

#include "base/banned.h"

enum { INPUT_LIMIT = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct replay {
    long replayed;
    long failed;
};

static void
replay_file(struct replay *replay, const char *path)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    struct span input;
    uint8_t *exact;

    if (file_load(path, true, INPUT_LIMIT, arena, &input, NULL, &error)) {
        /* A copy of exactly this size, so that reading beyond it is seen. */
        exact = memory_alloc(input.length);
        memcpy(exact, input.bytes, input.length);
        LLVMFuzzerTestOneInput(exact, input.length);
        free(exact);
        replay->replayed++;
    } else {
        fprintf(stderr, "%s\n", error.text);
        replay->failed++;
    }
    arena_free(arena);
}

static void replay_path(struct replay *replay, const char *path);

static void
replay_directory(struct replay *replay, const char *path)
{
    DIR *directory = opendir(path);
    struct arena *arena = arena_new();
    struct dirent *entry;

    if (directory == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        replay->failed++;
    }
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            replay_path(replay, arena_format(arena, "%s/%s", path, entry->d_name));
    if (directory != NULL)
        closedir(directory);
    arena_free(arena);
}

static void
replay_path(struct replay *replay, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        replay_directory(replay, path);
    else
        replay_file(replay, path);
}

int
main(int argc, char **argv)
{
    static const uint8_t empty[1];
    struct replay replay = {0};

    LLVMFuzzerTestOneInput(empty, 0);
    for (int i = 1; i < argc; i++)
        replay_path(&replay, argv[i]);
    printf("%s: %ld inputs replayed, %ld unreadable\n", argv[0], replay.replayed,
           replay.failed);
    /* An empty corpus is a wrong path, not a success. */
    return replay.failed == 0 && (argc < 2 || replay.replayed > 0) ? EXIT_SUCCESS
                                                                   : EXIT_FAILURE;
}
