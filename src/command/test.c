/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -bt, -bv and smailctl explain: the resolver and nothing else, in this process and with
 * the rights of whoever asks. Nothing is spooled, sent or run.
 */
#include "command/command.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "resolve/resolve.h"

#include "base/banned.h"

/* What all addresses of one call share. */
struct testing {
    const struct options *options;
    struct configuration *configuration;
    struct own_resolver *names;
    struct services *services;
    struct services traced; /* with our trace for -d */
    struct envelope envelope;
};

static void
trace_print(const struct services *services, const char *text)
{
    (void)services;
    fprintf(stderr, "  %s\n", text);
}

/* Whose .forward may be read: the caller's own. */
static const char *
caller_name(struct arena *arena)
{
    const struct passwd *user = getpwuid(geteuid());

    return user ? arena_string(arena, user->pw_name) : "";
}

static bool
testing_begin(struct testing *testing, const struct options *options, const char *from)
{
    memset(testing, 0, sizeof *testing);
    testing->options = options;
    testing->configuration = command_configuration(options, NULL, options->arena);
    if (configuration_is_broken(testing->configuration))
        fprintf(stderr, "%s: the configuration has errors, see %s -bC\n",
                options->program, options->program);
    testing->names = own_resolver_new(&testing->configuration->settings);
    testing->services =
        services_new(testing->configuration, own_resolver_names(testing->names),
                     caller_name(options->arena), false);
    testing->traced = *testing->services;
    if (options->debug > 0)
        testing->traced.trace = trace_print;
    testing->envelope = options->envelope;
    testing->envelope.reverse_path = from ? from : "";
    return true;
}

static void
testing_end(struct testing *testing)
{
    services_free(testing->services);
    own_resolver_free(testing->names);
    configuration_free(testing->configuration);
}

/* One address. `json` is open where its object belongs; NULL: text. */
static int
test_one(struct testing *testing, const char *address, bool derivation, struct json *json)
{
    struct arena *arena = arena_new();
    struct text text = text_new(arena);
    struct resolving resolving = {.configuration = testing->configuration,
                                  .services = &testing->traced,
                                  .envelope = &testing->envelope,
                                  .message_id = "",
                                  .arena = arena};
    int code;

    if (testing->options->mode == MODE_TEST)
        code = test_address(&resolving, address, &text);
    else
        code = explain_address(&resolving, address, derivation, &text, json);
    fputs(text_string(&text),
          code != EX_OK && testing->options->mode == MODE_TEST ? stderr : stdout);
    arena_free(arena);
    return code;
}

int
command_test(const struct options *options)
{
    struct testing testing;
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    bool prompt = isatty(STDIN_FILENO);
    int code = EX_OK;

    if (!testing_begin(&testing, options, options->sender))
        return EX_CONFIG;
    for (size_t i = 0; i < options->argument_count; i++)
        code = test_one(&testing, options->arguments[i], false, NULL);
    while (options->argument_count == 0) {
        struct span address;

        if (prompt && (fputs("> ", stdout) < 0 || fflush(stdout) != 0))
            break;
        length = getline(&line, &room, stdin);
        if (length < 0)
            break;
        address = span_trim((struct span){line, strlen(line)});
        if (address.length > 0)
            code = test_one(&testing, span_string(address, options->arena), false, NULL);
        fflush(stdout);
    }
    if (prompt && options->argument_count == 0)
        fputc('\n', stdout);
    free(line);
    testing_end(&testing);
    return prompt ? EX_OK : code;
}

/* All arguments; the worst of their codes, failures for good before those of today. */
static int
explain_all(const struct options *options, const char *from, bool derivation)
{
    struct testing testing;
    struct text text = text_new(options->arena);
    struct json json = json_new(&text);
    int worst = EX_OK;

    if (options->argument_count == 0) {
        fprintf(stderr, "%s: which address?\n", options->program);
        return EX_USAGE;
    }
    if (!testing_begin(&testing, options, from))
        return EX_CONFIG;
    if (options->json && options->argument_count > 1)
        json_array(&json, NULL);
    for (size_t i = 0; i < options->argument_count; i++) {
        int code = test_one(&testing, options->arguments[i], derivation,
                            options->json ? &json : NULL);

        if (derivation && !options->json && i + 1 < options->argument_count)
            putchar('\n');
        if (code != EX_OK && (worst == EX_OK || worst == EX_TEMPFAIL))
            worst = code;
    }
    if (options->json && options->argument_count > 1)
        json_end_array(&json);
    if (options->json)
        puts(text_string(&text));
    testing_end(&testing);
    return worst;
}

int
command_verify(const struct options *options)
{
    return explain_all(options, options->sender, options->debug > 0);
}

int
command_explain(const struct options *options, const char *from)
{
    return explain_all(options, from, true);
}
