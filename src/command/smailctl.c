/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smailctl: the operator's program. Each subcommand is a row; most ask the owner of the
 * spool, some look at the configuration with the caller's own eyes.
 */
#include "command/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config/quantity.h"
#include "config/version.h"

#include "base/banned.h"

/* A call: what is common to all subcommands, taken off the arguments. */
struct call {
    struct options options; /* arguments: what is left for the subcommand */
    const char *from;
    bool log, held, wait;
    const char *selection[8];
    size_t selection_count;
};

struct subcommand {
    const char *name, *second; /* "queue" "list" */
    const char *usage, *meaning;
    int (*run)(struct call *call);
    size_t least, most; /* arguments */
};

/* --- asking the owner --- */

static int
request(struct call *call, const char *verb, bool with_ids, bool silent)
{
    const struct options *options = &call->options;
    const char **words =
        arena_array(options->arena, options->argument_count + 16, sizeof *words);
    struct control_request control = {.words = words};
    size_t count = 0;
    int code;

    words[count++] = verb;
    if (call->wait)
        words[count++] = "wait";
    if (options->json)
        words[count++] = "json";
    if (call->log)
        words[count++] = "log";
    if (call->held)
        words[count++] = "held";
    for (size_t i = 0; i < call->selection_count; i++)
        words[count++] = call->selection[i];
    if (with_ids)
        count = control_select_ids(options, words, count);
    control.count = count;
    control.start = true;
    code = control_print(options, &control);
    if (code == EX_OK && !silent && control.end)
        puts(span_from(span_of(control.end), 6).bytes); /* behind "2.0.0 " */
    return code;
}

/* Nobody is started only to say that nobody was there. */
static int
run_status(struct call *call)
{
    const char *const words[] = {"status", "json"};
    struct control_request control = {.words = words,
                                      .count = call->options.json ? 2 : 1};
    struct configuration *configuration;
    int code = control_print(&call->options, &control);

    if (code == EX_OK || control.answered)
        return code;
    configuration = command_configuration(&call->options, NULL, call->options.arena);
    if (configuration_is_broken(configuration))
        puts("THE CONFIGURATION HAS ERRORS (smailctl check)");
    configuration_free(configuration);
    return EX_UNAVAILABLE;
}

static int
run_list(struct call *call)
{
    return request(call, "list", true, true);
}

static int
run_count(struct call *call)
{
    return request(call, "count", false, true);
}

static int
run_show(struct call *call)
{
    const char *words[] = {"content", call->options.arguments[0]};
    struct control_request control = {.words = words, .count = 2, .start = true};
    int code;

    call->log = true;
    code = request(call, "list", true, true);
    return code == EX_OK && !call->options.json ? control_print(&call->options, &control)
                                                : code;
}

static int
run_log(struct call *call)
{
    call->log = true;
    return request(call, "list", true, true);
}

static int
run_next(struct call *call)
{
    const char *words[] = {"next", call->options.arguments[0]};
    struct control_request control = {.words = words, .count = 2, .start = true};
    int code = control_print(&call->options, &control);

    if (code == EX_OK)
        printf("next attempt: %s\n", span_from(span_of(control.end), 6).bytes);
    return code;
}

static int
run_run(struct call *call)
{
    return request(call, "run", true, false);
}

/* What changes messages must name them, so that nothing happens to all by mistake. */
static int
change(struct call *call, const char *verb)
{
    if (call->options.argument_count == 0 && call->selection_count == 0 && !call->held) {
        fprintf(stderr, "%s: say which messages: ids, or --sender, --recipient, ...\n",
                call->options.program);
        return EX_USAGE;
    }
    return request(call, verb, true, false);
}

static int
run_hold(struct call *call)
{
    return change(call, "hold");
}

static int
run_release(struct call *call)
{
    return change(call, "release");
}

static int
run_bounce(struct call *call)
{
    return change(call, "bounce");
}

static int
run_remove(struct call *call)
{
    return change(call, "remove");
}

static int
run_hosts(struct call *call)
{
    call->options.mode = MODE_HOSTS;
    return command_hosts(&call->options);
}

static int
run_forget(struct call *call)
{
    call->options.mode = MODE_FORGET_HOSTS;
    return command_hosts(&call->options);
}

/* --- the configuration --- */

static int
run_check(struct call *call)
{
    return command_check(&call->options);
}

static int
run_explain(struct call *call)
{
    call->options.mode = MODE_VERIFY;
    return command_explain(&call->options, call->from);
}

static int
run_mx(struct call *call)
{
    return command_mx(&call->options);
}

static int
run_print(struct call *call)
{
    return command_print(&call->options);
}

static int
run_version(struct call *call)
{
    return command_version(&call->options);
}

static const struct subcommand subcommands[] = {
    {"status", "", "", "how the mail system is", run_status, 0, 0},
    {"check", "", "", "find mistakes in the configuration", run_check, 0, 0},
    {"explain", "", "[--from ADDRESS] ADDRESS ...", "show how an address is resolved",
     run_explain, 1, SIZE_MAX},
    {"mx", "", "DOMAIN ...", "show the mail exchangers of a domain", run_mx, 1, SIZE_MAX},
    {"print", "", "[-v] NAME ...", "print variables and tables (smail -bP)", run_print, 1,
     SIZE_MAX},
    {"queue", "list", "[SELECTION] [ID ...]", "list messages", run_list, 0, SIZE_MAX},
    {"queue", "count", "", "how many messages there are", run_count, 0, 0},
    {"queue", "show", "ID", "show all of one message", run_show, 1, 1},
    {"queue", "log", "[SELECTION] [ID ...]", "list messages with what became of them",
     run_log, 0, SIZE_MAX},
    {"queue", "next", "ID", "when it is tried again, and why then", run_next, 1, 1},
    {"queue", "run", "[--wait] [SELECTION] [ID ...]", "try messages now", run_run, 0,
     SIZE_MAX},
    {"queue", "hold", "SELECTION | ID ...", "do not try messages until released",
     run_hold, 0, SIZE_MAX},
    {"queue", "release", "SELECTION | ID ...", "release messages that are held",
     run_release, 0, SIZE_MAX},
    {"queue", "bounce", "SELECTION | ID ...", "return messages to their senders",
     run_bounce, 0, SIZE_MAX},
    {"queue", "remove", "SELECTION | ID ...", "remove messages, telling nobody",
     run_remove, 0, SIZE_MAX},
    {"queue", "hosts", "", "what is remembered of destinations", run_hosts, 0, 0},
    {"queue", "forget", "[DESTINATION ...]", "forget what is remembered of destinations",
     run_forget, 0, SIZE_MAX},
    {"version", "", "", "version and what is built in", run_version, 0, 0},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

/* --- help --- */

static void
usage_print(const struct subcommand *subcommand)
{
    printf("  smailctl %s%s%s%s%s\n      %s\n", subcommand->name,
           subcommand->second[0] ? " " : "", subcommand->second,
           subcommand->usage[0] ? " " : "", subcommand->usage, subcommand->meaning);
}

/* All of them, or those of one name. */
static int
help_print(const char *name, const char *second)
{
    size_t shown = 0;

    if (!name)
        printf("smailctl: look after the mail system (smail %s)\n\n", SMAIL_VERSION);
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        if (name && (strcmp(subcommands[i].name, name) != 0 ||
                     (second && strcmp(subcommands[i].second, second) != 0)))
            continue;
        usage_print(&subcommands[i]);
        shown++;
    }
    puts("\nselection: --sender TEXT, --recipient TEXT, --host TEXT, --older TIME, "
         "--held\neverywhere: -C FILE, -oL DIRECTORY, --json, --help\n"
         "See smailctl(8).");
    return shown > 0 ? EX_OK : EX_USAGE;
}

/* --- arguments --- */

/* "--name VALUE" or "--name=VALUE"; advances over the value. */
static bool
value_of(const char *flag, int argc, char **argv, int *at, const char **value)
{
    size_t length = strlen(flag);
    const char *argument = argv[*at];

    if (strncmp(argument, flag, length) != 0)
        return false;
    if (argument[length] == '=') {
        *value = argument + length + 1;
        return true;
    }
    if (argument[length] != '\0' || *at + 1 >= argc)
        return false;
    *value = argv[++*at];
    return true;
}

static bool
older_add(struct call *call, const char *value, struct error *error)
{
    struct duration age;

    if (!duration_parse(span_of(value), &age, error))
        return false;
    call->selection[call->selection_count++] =
        arena_format(call->options.arena, "older=%lld", (long long)age.seconds);
    return true;
}

/* A flag of ours: 1 taken, 0 none of ours, -1 a mistake. */
static int
flag_take(struct call *call, int argc, char **argv, int *at, struct error *error)
{
    static const char *const patterns[] = {"--sender", "--recipient", "--host"};
    const char *value;

    if (call->selection_count == sizeof call->selection / sizeof *call->selection)
        return fail_permanent(error, "5.5.4", "too many conditions") ? 1 : -1;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        if (value_of(patterns[i], argc, argv, at, &value)) {
            call->selection[call->selection_count++] =
                arena_format(call->options.arena, "%s=%s", patterns[i] + 2, value);
            return 1;
        }
    if (value_of("--older", argc, argv, at, &value))
        return older_add(call, value, error) ? 1 : -1;
    if (value_of("--from", argc, argv, at, &value)) {
        call->from = value;
        return 1;
    }
    if (strcmp(argv[*at], "--held") == 0)
        return call->held = true;
    if (strcmp(argv[*at], "--wait") == 0)
        return call->wait = true;
    if (strcmp(argv[*at], "--log") == 0)
        return call->log = true;
    return 0;
}

/* Ours are taken out; what is left is parsed as the flags of all other names are. */
static bool
call_parse(int argc, char **argv, struct arena *arena, struct call *call,
           struct error *error)
{
    char **rest = arena_array(arena, (size_t)argc + 1, sizeof *rest);
    int count = 0;

    memset(call, 0, sizeof *call);
    call->options.arena = arena;
    for (int at = 0; at < argc; at++) {
        int taken = at > 0 ? flag_take(call, argc, argv, &at, error) : 0;

        if (taken < 0)
            return false;
        if (taken == 0)
            rest[count++] = argv[at];
    }
    if (!options_parse(count, rest, arena, &call->options, error))
        return false;
    call->log |= call->options.debug > 0;
    return true;
}

static const struct subcommand *
subcommand_find(const struct options *options, size_t *words)
{
    const char *const *arguments = options->arguments;

    for (size_t i = 0; options->argument_count > 0 && i < SUBCOMMANDS; i++) {
        const struct subcommand *subcommand = &subcommands[i];

        if (strcmp(arguments[0], subcommand->name) != 0)
            continue;
        *words = subcommand->second[0] ? 2 : 1;
        if (!subcommand->second[0] || (options->argument_count > 1 &&
                                       strcmp(arguments[1], subcommand->second) == 0))
            return subcommand;
    }
    return NULL;
}

static int
call_run(struct call *call)
{
    struct options *options = &call->options;
    const char *const *words = options->arguments;
    const struct subcommand *subcommand;
    size_t count = 0;

    if (options->mode == MODE_HELP || options->argument_count == 0)
        return help_print(options->argument_count > 0 ? words[0] : NULL,
                          options->argument_count > 1 ? words[1] : NULL);
    subcommand = subcommand_find(options, &count);
    if (!subcommand) {
        fprintf(stderr, "smailctl: %s%s%s: unknown; see smailctl --help\n", words[0],
                options->argument_count > 1 ? " " : "",
                options->argument_count > 1 ? words[1] : "");
        return EX_USAGE;
    }
    options->arguments += count;
    options->argument_count -= count;
    if (options->argument_count < subcommand->least ||
        options->argument_count > subcommand->most) {
        fprintf(stderr, "usage: smailctl %s %s %s\n", subcommand->name,
                subcommand->second, subcommand->usage);
        return EX_USAGE;
    }
    return subcommand->run(call);
}

int
command_smailctl(int argc, char **argv)
{
    struct arena *arena = arena_new();
    struct error error = {0};
    struct call call;
    int code = EX_USAGE;

    if (call_parse(argc, argv, arena, &call, &error))
        code = call_run(&call);
    else
        fprintf(stderr, "smailctl: %s\n", error.text);
    arena_free(arena);
    return code;
}
