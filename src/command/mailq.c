/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailq, hoststat, purgestat: what the owner of the spool knows, as it says it. */
#include "command/command.h"

#include <stdio.h>
#include <sysexits.h>

#include "base/banned.h"

struct counting {
    size_t lines;
};

static void
line_count(void *context, const char *text)
{
    struct counting *counting = context;

    counting->lines++;
    puts(text);
}

/* "id=ID" for each argument, behind the words that are there. */
size_t
control_select_ids(const struct options *options, const char **words, size_t count)
{
    for (size_t i = 0; i < options->argument_count; i++)
        words[count++] = arena_format(options->arena, "id=%s", options->arguments[i]);
    return count;
}

/* Nothing is delivered until that is mended, or soon nothing will be. */
static void
mistakes_tell(const struct options *options)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);

    if (configuration_is_broken(configuration))
        puts("THE CONFIGURATION HAS ERRORS (smailctl check)");
    configuration_free(configuration);
}

/* With mistakes in it mail is kept, and whoever looks after the mail is to know why. */
static void
mistakes_shout(const struct options *options)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    size_t errors = configuration->problems.errors;

    if (configuration_is_broken(configuration))
        fprintf(stderr,
                "%s: THE CONFIGURATION HAS %zu ERROR%s: mail is kept, nothing is "
                "delivered with it (smailctl check)\n",
                options->program, errors, errors == 1 ? "" : "S");
    configuration_free(configuration);
}

int
command_mailq(const struct options *options)
{
    struct counting counting = {0};
    const char **words =
        arena_array(options->arena, options->argument_count + 5, sizeof *words);
    struct control_request request = {
        .words = words, .start = true, .line = line_count, .context = &counting};
    size_t count = 0;
    int code;

    words[count++] = "list";
    if (options->json)
        words[count++] = "json";
    if (options->verbose || options->debug > 0)
        words[count++] = "log";
    if (options->queue_sender)
        words[count++] = arena_format(options->arena, "sender=%s", options->queue_sender);
    if (options->queue_recipient)
        words[count++] =
            arena_format(options->arena, "recipient=%s", options->queue_recipient);
    request.count = control_select_ids(options, words, count);
    if (!options->json)
        mistakes_tell(options);
    mistakes_shout(options);
    code = control_print(options, &request);
    if (code != EX_OK || counting.lines > 0)
        return code;
    if (options->argument_count > 0) {
        fprintf(stderr, "%s: there is no such message\n", options->program);
        return EX_UNAVAILABLE;
    }
    if (!options->json)
        puts("Mail queue is empty");
    return EX_OK;
}

int
command_hosts(const struct options *options)
{
    const char **words =
        arena_array(options->arena, options->argument_count + 2, sizeof *words);
    struct control_request request = {.words = words, .start = true};
    int code = EX_OK;

    if (options->mode == MODE_HOSTS) {
        words[0] = "hosts";
        words[1] = "json";
        request.count = options->json ? 2 : 1;
        return control_print(options, &request);
    }
    words[0] = "forget-hosts";
    request.count = options->argument_count > 0 ? 2 : 1;
    for (size_t i = 0; code == EX_OK && (i == 0 || i < options->argument_count); i++) {
        if (options->argument_count > 0)
            words[1] = options->arguments[i];
        code = control_print(options, &request);
    }
    return code;
}
