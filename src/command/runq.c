/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runq, -q: try what waits, now. With an owner of the spool its queue does it and says
 * when it is done; without one this process owns the spool for one run.
 */
#include "command/command.h"

#include <stdio.h>
#include <sysexits.h>

#include "role/role.h"

#include "base/banned.h"

/* Is anything chosen? Then an owner is asked for that, and started for it. */
static bool
is_selective(const struct options *options)
{
    return options->argument_count > 0 || options->queue_sender ||
           options->queue_recipient;
}

static int
run_by_owner(const struct options *options, bool start, struct error *error)
{
    const char **words =
        arena_array(options->arena, options->argument_count + 4, sizeof *words);
    struct control_request request = {.words = words, .start = start};
    size_t count = 0;
    int code;

    words[count++] = "run";
    words[count++] = "wait";
    if (options->queue_sender)
        words[count++] = arena_format(options->arena, "sender=%s", options->queue_sender);
    if (options->queue_recipient)
        words[count++] =
            arena_format(options->arena, "recipient=%s", options->queue_recipient);
    request.count = control_select_ids(options, words, count);
    code = control_request(options, &request, error);
    if (code == EX_OK && options->grades)
        fprintf(stderr, "%s: the grades are those of the running owner, not of -oG\n",
                options->program);
    if (code == EX_OK && options->debug > 0)
        printf("%s\n", request.end);
    return code;
}

static int
run_alone(const struct options *options)
{
    const char *overrides[2] = {NULL, NULL};
    struct master_options master = {
        .paths = options->paths, .once = true, .ready_fd = -1};

    if (options->grades) {
        overrides[0] = arena_format(options->arena, "runq_grades=%s", options->grades);
        master.paths.overrides = overrides;
    }
    return master_run(&master);
}

int
command_runq(const struct options *options)
{
    struct error error = {0};
    int code = run_by_owner(options, is_selective(options), &error);

    if (code == EX_TEMPFAIL && !is_selective(options)) {
        struct configuration *configuration =
            command_configuration(options, NULL, options->arena);
        bool possible = owner_is_possible(configuration);

        configuration_free(configuration);
        if (possible)
            return run_alone(options);
    }
    if (code != EX_OK)
        fprintf(stderr, "%s: %s\n", options->program, error.text);
    return code;
}
