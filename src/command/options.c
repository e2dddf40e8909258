/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The flags of all classic names, in one table-driven parser. */
#include "command/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define PLACES "[-C FILE] [-oL DIRECTORY]"

/* A name: its mode, and whether a remote site chooses the flags. */
static const struct {
    const char *name;
    enum command_mode mode;
    bool restricted, dot_is_text;
    const char *help;  /* what it does, for --help */
    const char *usage; /* how it is called; NULL: as sendmail */
} names[] = {
    {"sendmail", MODE_DELIVER, false, false, "send a message read from standard input",
     NULL},
    {"rmail", MODE_DELIVER, true, true, "receive a message from UUCP", "ADDRESS ..."},
    {"rsmtp", MODE_BATCH, true, false, "receive a batch of SMTP commands", ""},
    {"bsmtp", MODE_BATCH, true, false, "receive a batch of SMTP commands", ""},
    {"smtpd", MODE_SMTP, false, false, "speak SMTP on standard input and output", PLACES},
    {"in.smtpd", MODE_SMTP, false, false, "speak SMTP on standard input and output",
     PLACES},
    {"runq", MODE_RUN, false, false, "try what waits in the queue now",
     PLACES " [-qSSENDER | -qRRECIPIENT] [ID ...]"},
    {"mailq", MODE_LIST, false, false, "list the queue",
     PLACES " [-v] [--json] [ID ...]"},
    {"newaliases", MODE_ALIASES, false, false, "build the alias database",
     PLACES " [-oA FILE]"},
    {"mkaliases", MODE_ALIASES, false, false, "build the alias database",
     PLACES " [-oA FILE]"},
    {"hoststat", MODE_HOSTS, false, false, "show what is remembered of hosts",
     PLACES " [--json]"},
    {"purgestat", MODE_FORGET_HOSTS, false, false, "forget what is remembered of hosts",
     PLACES " [DESTINATION ...]"},
};

/* Where parsing stands. */
struct cursor {
    int argc, at;
    char **argv;
    struct options *options;
    struct error *error;
};

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void
name_apply(struct options *options)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(options->program, names[i].name) != 0)
            continue;
        options->mode = names[i].mode;
        options->restricted = names[i].restricted;
        options->dot_is_text = names[i].dot_is_text;
    }
}

/* The value of a flag: attached, or the next argument. */
static bool
value_take(struct cursor *cursor, const char *attached, const char **value)
{
    if (attached[0]) {
        *value = attached;
        return true;
    }
    if (cursor->at + 1 >= cursor->argc)
        return fail_permanent(cursor->error, "5.5.4", "%s needs a value",
                              cursor->argv[cursor->at]);
    *value = cursor->argv[++cursor->at];
    return true;
}

static bool
refuse_restricted(const struct cursor *cursor)
{
    return fail_permanent(cursor->error, "5.7.1",
                          "usage with the name %s is restricted: %s",
                          cursor->options->program, cursor->argv[cursor->at]);
}

static bool
mode_take(struct cursor *cursor, char letter)
{
    static const struct {
        char letter;
        enum command_mode mode;
        bool when_restricted;
    } modes[] = {
        {'m', MODE_DELIVER, true}, {'d', MODE_DAEMON, false},
        {'s', MODE_SMTP, true},    {'S', MODE_BATCH, true},
        {'p', MODE_LIST, false},   {'i', MODE_ALIASES, false},
        {'t', MODE_TEST, false},   {'v', MODE_VERIFY, true},
        {'P', MODE_PRINT, true},   {'c', MODE_COPYING, true},
        {'V', MODE_VERSION, true}, {'C', MODE_CHECK, false},
        {'h', MODE_HOSTS, false},  {'H', MODE_FORGET_HOSTS, false},
    };

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (modes[i].letter != letter)
            continue;
        if (cursor->options->restricted && !modes[i].when_restricted)
            return refuse_restricted(cursor);
        cursor->options->mode = modes[i].mode;
        cursor->options->listen = modes[i].mode == MODE_DAEMON;
        return true;
    }
    if (letter == 'D' && !cursor->options->restricted) { /* sendmail's */
        cursor->options->foreground = true;
        return mode_take(cursor, 'd');
    }
    if (letter == 'z')
        return fail_permanent(cursor->error, "5.5.4",
                              "-bz: a frozen configuration is not needed");
    return fail_permanent(cursor->error, "5.5.4", "unknown mode -b%c",
                          letter ? letter : ' ');
}

static bool
delivery_take(struct cursor *cursor, char letter)
{
    struct options *options = cursor->options;

    if (options->restricted)
        return refuse_restricted(cursor);
    switch (letter) {
    case 'f':
    case 'i': /* sendmail's interactive */
        options->envelope.mode = DELIVERY_FOREGROUND;
        return true;
    case 'b':
        options->envelope.mode = DELIVERY_BACKGROUND;
        return true;
    case 'q':
    case 'd': /* sendmail's deferred */
        options->envelope.mode = DELIVERY_QUEUED;
        return true;
    default:
        return fail_permanent(cursor->error, "5.5.4", "unknown delivery mode -od%c",
                              letter ? letter : ' ');
    }
}

static bool
errors_take(struct cursor *cursor, char letter)
{
    switch (letter) {
    case 'm':
    case 'e':
    case 'w':
        cursor->options->envelope.errors = ERRORS_MAIL;
        return true;
    case 'p':
        cursor->options->envelope.errors = ERRORS_PRINT;
        return true;
    case 'q':
        cursor->options->envelope.errors = ERRORS_QUIET;
        return true;
    default:
        return fail_permanent(cursor->error, "5.5.4", "unknown error mode -oe%c",
                              letter ? letter : ' ');
    }
}

/* -oM: where the message came from. */
static bool
origin_take(struct cursor *cursor, const char *rest)
{
    struct envelope *envelope = &cursor->options->envelope;
    const char *value;
    char which = rest[0];

    if (!which)
        return fail_permanent(cursor->error, "5.5.4", "-oM needs a letter");
    if (!value_take(cursor, rest + 1, &value))
        return false;
    switch (which) {
    case 's':
        envelope->peer_name = value;
        return true;
    case 'r':
        envelope->protocol = value;
        return true;
    case 'P':
        envelope->program = value;
        return true;
    case 'a':
        envelope->peer_address = value;
        return true;
    default:
        return true; /* ident and the like: accepted */
    }
}

/* Whoever goes into the background leaves the directory it was started in. */
static const char *
absolute(const char *path, struct arena *arena)
{
    char directory[PATH_MAX];

    if (path[0] == '/' || strcmp(path, "-") == 0 || !getcwd(directory, sizeof directory))
        return path;
    return arena_format(arena, "%s/%s", directory, path);
}

/* The files that a private configuration names. */
static bool
file_take(struct cursor *cursor, char which, const char *rest)
{
    struct config_paths *paths = &cursor->options->paths;
    const struct {
        char letter;
        const char **path;
    } files[] = {
        {'C', &paths->config},  {'S', &paths->second},     {'D', &paths->directors},
        {'R', &paths->routers}, {'T', &paths->transports}, {'Q', &paths->qualify},
        {'E', &paths->retry},   {'L', &paths->library},
    };

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i].letter != which)
            continue;
        if (cursor->options->restricted)
            return refuse_restricted(cursor);
        if (!value_take(cursor, rest, files[i].path))
            return false;
        *files[i].path = absolute(*files[i].path, cursor->options->arena);
        return true;
    }
    return fail_permanent(cursor->error, "5.5.4", "unknown flag -o%c", which);
}

static bool
option_take(struct cursor *cursor, const char *rest)
{
    struct options *options = cursor->options;

    switch (rest[0]) {
    case 'C':
    case 'S':
    case 'D':
    case 'R':
    case 'T':
    case 'Q':
    case 'E':
    case 'L':
        return file_take(cursor, rest[0], rest + 1);
    case 'd':
        return delivery_take(cursor, rest[1]);
    case 'e':
        return errors_take(cursor, rest[1]);
    case 'i':
        options->dot_is_text = true;
        return true;
    case 'I':
        options->hidden_dots = true;
        return true;
    case 'm':
        options->envelope.me_too = true;
        return true;
    case 'M':
        return origin_take(cursor, rest + 1);
    case 'A':
        return value_take(cursor, rest + 1, &options->aliases);
    case 'G':
        return value_take(cursor, rest + 1, &options->grades);
    case 'X':
        return value_take(cursor, rest + 1, &options->port);
    default:
        return true; /* any other -o is sendmail's and has no meaning here */
    }
}

static bool
queue_take(struct cursor *cursor, const char *rest)
{
    struct options *options = cursor->options;
    struct duration interval;

    if (options->restricted)
        return refuse_restricted(cursor);
    options->queue_given = true;
    if (rest[0] == 'S' || rest[0] == 'R' || rest[0] == 'I') {
        const char *value;

        if (!value_take(cursor, rest + 1, &value))
            return false;
        if (rest[0] == 'S')
            options->queue_sender = value;
        else if (rest[0] == 'R')
            options->queue_recipient = value;
        else
            options->arguments = arena_grow(options->arena, options->arguments, 0, 1,
                                            sizeof *options->arguments);
        if (rest[0] == 'I') {
            ((const char **)(uintptr_t)options->arguments)[0] = value;
            options->argument_count = 1;
        }
        return true;
    }
    if (!rest[0] || strcmp(rest, "f") == 0)
        return true;
    if (!duration_parse(span_of(rest), &interval, cursor->error))
        return false;
    options->interval = interval.seconds;
    return true;
}

/* -v, -d: a level may be attached; sendmail's "-d0.4" counts by its first number. */
static bool
debug_take(struct cursor *cursor, const char *rest, bool verbose)
{
    struct options *options = cursor->options;
    size_t digits = strspn(rest, "0123456789");
    uint64_t level = 1;

    if (options->restricted)
        return refuse_restricted(cursor);
    if (digits > 0 && !span_number((struct span){rest, digits}, 100, &level))
        return fail_permanent(cursor->error, "5.5.4", "level \"%s\" is over 100", rest);
    options->debug = (int)level;
    if (verbose)
        options->verbose = true;
    return true;
}

/* "never", "failure,delay": sendmail's -N; anything else is Smail's -N (dry run). */
static bool
notify_read(const char *text, uint8_t *notify)
{
    struct span rest = span_of(text), word;

    *notify = 0;
    while (span_next(&rest, ',', &word)) {
        if (span_is_nocase(word, "never"))
            *notify |= NOTIFY_NEVER;
        else if (span_is_nocase(word, "success"))
            *notify |= NOTIFY_SUCCESS;
        else if (span_is_nocase(word, "failure"))
            *notify |= NOTIFY_FAILURE;
        else if (span_is_nocase(word, "delay"))
            *notify |= NOTIFY_DELAY;
        else
            return false;
    }
    return *notify != 0;
}

static bool
dry_or_notify_take(struct cursor *cursor, const char *rest)
{
    struct options *options = cursor->options;

    if (rest[0] && notify_read(rest, &options->notify))
        return true;
    if (!rest[0] && cursor->at + 1 < cursor->argc &&
        notify_read(cursor->argv[cursor->at + 1], &options->notify)) {
        cursor->at++;
        return true;
    }
    options->notify = 0;
    options->envelope.dry_run = true;
    return true;
}

static bool
hops_take(struct cursor *cursor, const char *rest)
{
    const char *value;
    uint64_t hops;

    if (!value_take(cursor, rest, &value))
        return false;
    if (!span_number(span_of(value), 10000, &hops))
        return fail_permanent(cursor->error, "5.5.4", "hop count \"%s\" is no number",
                              value);
    cursor->options->envelope.hops = (uint32_t)hops;
    return true;
}

/* -R: what a report returns ("full", "hdrs"). */
static bool
return_take(struct cursor *cursor, const char *rest)
{
    const char *value;

    if (!value_take(cursor, rest, &value))
        return false;
    cursor->options->envelope.ret =
        span_is_nocase(span_of(value), "full") ? RETURN_FULL : RETURN_HEADERS;
    return true;
}

/* Flags without a value may stand together: -it. Returns false when `letter` is none. */
static bool
plain_flag(struct options *options, char letter)
{
    switch (letter) {
    case 't':
        options->from_header = true;
        return true;
    case 'i':
        options->dot_is_text = true;
        return true;
    case 'I':
        options->hidden_dots = true;
        return true;
    case 'm':
        options->envelope.me_too = true;
        return true;
    case 'n':
        options->envelope.no_aliases = true;
        return true;
    case 'Q':
        options->envelope.mode = DELIVERY_QUEUED;
        return true;
    case 'U':
    case 'G':
        return true;
    default:
        return false;
    }
}

/* A flag with a value, or one that stands alone. */
static bool
flag_take(struct cursor *cursor, const char *flag)
{
    struct options *options = cursor->options;
    const char *rest = flag + 1, *ignored;

    switch (flag[0]) {
    case 'b':
        return mode_take(cursor, rest[0]);
    case 'f':
    case 'r':
        return value_take(cursor, rest, &options->sender);
    case 'F':
        return value_take(cursor, rest, &options->envelope.full_name);
    case 'h':
        return hops_take(cursor, rest);
    case 'o':
        return option_take(cursor, rest);
    case 'e':
        return errors_take(cursor, rest[0]);
    case 'q':
        return queue_take(cursor, rest);
    case 'v':
        return debug_take(cursor, rest, true);
    case 'd':
        return debug_take(cursor, rest, false);
    case 'C':
        return file_take(cursor, 'C', rest);
    case 'N':
        return dry_or_notify_take(cursor, rest);
    case 'R':
        return return_take(cursor, rest);
    case 'V':
        options->mode = MODE_VERSION;
        return true;
    case 'A': /* sendmail's -Ac, -Am: which of its configurations */
        return true;
    case 'D':
    case 'B':
    case 'O':
    case 'p':
    case 'X':
    case 'L':
        return value_take(cursor, rest, &ignored);
    default:
        return fail_permanent(cursor->error, "5.5.4", "unknown flag -%s", flag);
    }
}

static bool
long_flag_take(struct cursor *cursor, const char *flag)
{
    struct options *options = cursor->options;

    if (strcmp(flag, "help") == 0)
        options->mode = MODE_HELP;
    else if (strcmp(flag, "version") == 0)
        options->mode = MODE_VERSION;
    else if (strcmp(flag, "json") == 0)
        options->json = true;
    else if (strcmp(flag, "mdoc") == 0)
        options->mdoc = true;
    else if (strcmp(flag, "foreground") == 0 && !options->restricted)
        options->foreground = true;
    else
        return fail_permanent(cursor->error, "5.5.4", "unknown flag --%s", flag);
    return true;
}

static bool
argument_flags(struct cursor *cursor, const char *flags)
{
    while (flags[0]) {
        if (flags[0] == 'n' && cursor->options->restricted)
            return refuse_restricted(cursor);
        if (!plain_flag(cursor->options, flags[0]))
            return flag_take(cursor, flags);
        flags++;
    }
    return true;
}

/* Some combinations make no sense. */
static bool
options_agree(struct options *options, struct error *error)
{
    if (options->queue_given && options->mode == MODE_DELIVER)
        options->mode = options->interval > 0 ? MODE_DAEMON : MODE_RUN;
    else if (options->queue_given && options->mode != MODE_DAEMON &&
             options->mode != MODE_RUN)
        return fail_permanent(error, "5.5.4", "-q goes with -bd or alone");
    /* Who follows the delivery waits for it. */
    if (options->debug > 0 && options->mode == MODE_DELIVER &&
        options->envelope.mode != DELIVERY_QUEUED)
        options->envelope.mode = DELIVERY_FOREGROUND;
    if (options->from_header && options->mode != MODE_DELIVER)
        return fail_permanent(error, "5.5.4", "-t goes with a message");
    return true;
}

bool
options_parse(int argc, char **argv, struct arena *arena, struct options *options,
              struct error *error)
{
    struct cursor cursor = {argc, 1, argv, options, error};
    const char **arguments = arena_array(arena, (size_t)argc + 1, sizeof *arguments);
    const char *config = getenv("SMAIL_CONFIG");
    size_t count = 0;

    memset(options, 0, sizeof *options);
    options->arena = arena;
    options->program = argc > 0 ? base_name(argv[0]) : "smail";
    options->envelope = envelope_new();
    name_apply(options);
    if (config && config[0])
        options->paths.config = absolute(config, arena);
    for (; cursor.at < argc; cursor.at++) {
        const char *argument = argv[cursor.at];

        if (strcmp(argument, "--") == 0) {
            for (cursor.at++; cursor.at < argc; cursor.at++)
                arguments[count++] = argv[cursor.at];
            break;
        }
        if (argument[0] != '-' || !argument[1])
            arguments[count++] = argument;
        else if (!(argument[1] == '-' ? long_flag_take(&cursor, argument + 2)
                                      : argument_flags(&cursor, argument + 1)))
            return false;
    }
    if (count > 0 || !options->arguments) {
        options->arguments = arguments;
        options->argument_count = count;
    }
    return options_agree(options, error);
}

void
options_help(const char *program, struct text *text)
{
    size_t row = 0;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(program, names[i].name) == 0)
            row = i;
    text_add_format(text, "%s: %s\n\n", program, names[row].help);
    if (names[row].usage) {
        text_add_format(text, "usage: %s%s%s\nSee smail(8).\n", program,
                        names[row].usage[0] ? " " : "", names[row].usage);
        return;
    }
    text_add_format(
        text,
        "usage: %s [flag ...] [address ...]\n"
        "  -t            recipients from the header; addresses are exclusions\n"
        "  -f ADDRESS    reverse-path         -F NAME   full name\n"
        "  -i            a lone dot does not end the message\n"
        "  -odf -odb -odq  deliver in the foreground, background, or queue only\n"
        "  -oem -oep -oeq  errors by mail, on standard error, or not at all\n"
        "  -v            follow the delivery  -N        do not really deliver\n"
        "  -bd [-qTIME]  run as a daemon      -qTIME    run the queue only\n"
        "  -bs -bS       SMTP, batch SMTP on standard input\n"
        "  -bp -q -bi    list the queue, run it, build the aliases\n"
        "  -bt -bv -bP   test, verify addresses; print the configuration\n"
        "  -bC           check the configuration\n"
        "  -C FILE -oL DIRECTORY   another config file, another directory\n"
        "See smail(8).\n",
        program);
}
