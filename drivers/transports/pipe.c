/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mail to commands. The administrator's command is expanded word by word and executed
 * without a shell; what a user wrote behind '|' is split into words and executed as well,
 * and only if it needs a shell and stands in a file that is beyond doubt it gets one.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "drivers/driver.h"
#include "drivers/transports/command.h"
#include "mail/status.h"

#include "base/banned.h"

enum { WORDS = 256, ENVIRONMENT = 24, SHELL_NOT_FOUND = 127, SHELL_NOT_EXECUTABLE = 126 };

static const char shell[] = "/bin/sh";
static const char *const program_directories[] = {"/bin/", "/usr/bin/", NULL};

struct pipe {
    struct expanded cmd;
    const char *user, *group;
    struct mode umask;
    bool pipe_as_user, pipe_as_sender, parent_env, ignore_status, ignore_write_errors,
        defer_child_errors, log_output, status_to_sender;
};

#define ROW(field, ...) ATTRIBUTE(struct pipe, field, __VA_ARGS__)

static const struct attribute attributes[] = {
    ROW(cmd, NULL, "command and arguments, each word expanded for itself", ),
    ROW(user, NULL, "only this user's worker may run it", ),
    ROW(group, NULL, "group of the command", .flags = ATTRIBUTE_NO_EFFECT),
    ROW(umask, "022", "file creation mask of the command", ),
    ROW(pipe_as_user, "on", "run as the user of the address",
        .flags = ATTRIBUTE_NO_EFFECT),
    ROW(pipe_as_sender, NULL, "run as the user who sent the message",
        .flags = ATTRIBUTE_NO_EFFECT),
    ROW(parent_env, NULL, "the environment describes who named the command", ),
    ROW(ignore_status, NULL, "its exit status does not matter", ),
    ROW(ignore_write_errors, NULL, "it may stop reading: its exit status decides",
        .flags = ATTRIBUTE_NO_EFFECT),
    ROW(defer_child_errors, NULL, "whatever its failure, try again later", ),
    ROW(log_output, "on", "its output goes into log and bounce", ),
    ROW(status_to_sender, NULL, "the sender is told of its failures", ),
    {0},
};

static bool
pipe_init(void *config, struct arena *arena, struct error *error)
{
    const struct pipe *pipe = config;

    (void)arena;
    if (pipe->cmd.text && pipe->cmd.text[0])
        return true;
    return fail_permanent_number(error, ERR_NO_COMMAND, "5.3.5", "cmd is needed");
}

/* --- words --- */

/* Would a shell make more of this than words? An assignment may stand in front of them.
 */
static bool
needs_shell(const char *text)
{
    size_t first = strcspn(text, " \t");

    return strpbrk(text, "$`;&|<>()*?[]{}~#!\\\n\r") != NULL ||
           memchr(text, '=', first) != NULL;
}

/* Split at blanks; '...' and "..." keep them. False: a quote is not closed, too many
 * words. */
static bool
words_split(const char *text, struct arena *arena, const char *const **words)
{
    const char **list = arena_array(arena, WORDS + 1, sizeof(*list));
    size_t count = 0;

    for (;;) {
        struct text word = text_new(arena);
        char quote = '\0';

        while (byte_is_blank(*text))
            text++;
        if (*text == '\0' || count == WORDS)
            break;
        for (; *text && (quote || !byte_is_blank(*text)); text++) {
            if (quote ? *text == quote : *text == '"' || *text == '\'')
                quote = quote ? '\0' : *text;
            else
                text_add_byte(&word, *text);
        }
        if (quote)
            return false;
        list[count++] = text_string(&word);
    }
    *words = list;
    return count > 0 && *text == '\0';
}

/* "exec" is of the shell; here everything is executed. */
static void
words_drop_exec(const char *const **words)
{
    if (strcmp((*words)[0], "exec") == 0 && (*words)[1])
        ++*words;
}

/*
 * A name without a slash is looked for where the command's PATH says. NULL: it is not
 * there, and may be a word that the shell has built in.
 */
static const char *
program_find(const char *name, struct arena *arena)
{
    if (strchr(name, '/'))
        return name;
    for (size_t i = 0; program_directories[i]; i++) {
        const char *path = arena_format(arena, "%s%s", program_directories[i], name);

        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

/* What an alias or forward file names: is `arguments` the shell with just that text? */
static bool
is_users_own(const struct address *address, const char *const *arguments)
{
    return address->kind == ADDRESS_PIPE && strcmp(arguments[0], shell) == 0 &&
           arguments[1] && strcmp(arguments[1], "-c") == 0 && arguments[2] &&
           strcmp(arguments[2], address->text) == 0 && !arguments[3];
}

/* Set program and arguments of the command. */
static bool
command_choose(const struct delivery *delivery, const struct address *address,
               const char *const *arguments, struct command *command, bool *own,
               struct error *error)
{
    const char *const *words;
    const char *program;

    *own = is_users_own(address, arguments);
    command->path = arguments[0];
    command->arguments = arguments;
    if (!*own)
        return true;
    if (!needs_shell(address->text)) {
        if (!words_split(address->text, delivery->arena, &words))
            return fail_permanent_number(error, ERR_COMMAND, "5.3.5",
                                         "command cannot be split into words");
        words_drop_exec(&words);
        program = program_find(words[0], delivery->arena);
        if (program || address->trust != TRUST_CLEAN) {
            command->arguments = words;
            command->path = program ? program : words[0];
            return true;
        }
    }
    if (address->trust == TRUST_CLEAN)
        return true;
    return fail_permanent_number(
        error, ERR_SECURITY, "5.7.0",
        "a command for the shell, from a list that may not be trusted");
}

/* --- environment --- */

struct environment {
    struct arena *arena;
    const char **list;
    size_t count;
};

/* Values come from strangers too: nothing that is not printable goes in. */
static void
environment_add(struct environment *environment, const char *name, const char *value)
{
    char *entry;

    if (!value || environment->count + 1 >= ENVIRONMENT)
        return;
    entry = arena_format(environment->arena, "%s=%s", name, value);
    for (char *at = entry; *at; at++)
        if (byte_is_control(*at))
            *at = '_';
    environment->list[environment->count++] = entry;
}

static const char *
home_of(const struct delivery *delivery, const struct address *address)
{
    if (address->home[0])
        return address->home;
    return delivery->user && delivery->user->home ? delivery->user->home : "/";
}

static const char *const *
environment_make(const struct pipe *config, const struct delivery *delivery,
                 const struct address *address)
{
    const struct settings *settings = &delivery->configuration->settings;
    const struct expansion *expansion = &delivery->expansion;
    struct environment environment = {
        delivery->arena, arena_array(delivery->arena, ENVIRONMENT, sizeof(char *)), 0};
    const char grade[2] = {delivery->envelope->grade, '\0'};
    const struct address *about = address;
    const char *addr, *user;

    if (config->parent_env && expansion->ancestor_count > 0)
        about = expansion->ancestors[0];
    addr = about->next_address[0] ? about->next_address : about->text;
    user = delivery->user ? delivery->user->name : address->user;
    environment_add(&environment, "PATH", "/bin:/usr/bin");
    environment_add(&environment, "SHELL", shell);
    environment_add(&environment, "TZ", getenv("TZ"));
    environment_add(&environment, "SENDER", delivery->reverse_path);
    environment_add(&environment, "MESSAGE_ID", delivery->message_id);
    environment_add(&environment, "BASENAME", delivery->message_id);
    environment_add(&environment, "GRADE", grade);
    environment_add(&environment, "UUCP_NAME", settings->uucp_name);
    environment_add(&environment, "PRIMARY_NAME", settings->primary_name);
    environment_add(&environment, "VISIBLE_NAME", settings->visible_name);
    environment_add(&environment, "ADDR",
                    about->kind == ADDRESS_PIPE ? about->text : addr);
    environment_add(&environment, "HOST", address->next_hop);
    environment_add(&environment, "HOME", home_of(delivery, address));
    environment_add(&environment, "USER", user);
    environment_add(&environment, "LOGNAME", user);
    return environment.list;
}

/* --- what its end means --- */

static const char *
failure_status(int status)
{
    switch (status) {
    case EX_DATAERR:
        return "5.6.0";
    case EX_NOUSER:
        return "5.1.1";
    case EX_NOHOST:
        return "5.1.2";
    case EX_PROTOCOL:
        return "5.5.0";
    case EX_NOPERM:
        return "5.7.0";
    case EX_CONFIG:
        return "5.3.5";
    default:
        return "5.3.0";
    }
}

static bool
status_is_temporary(int status)
{
    return status == EX_TEMPFAIL || status == EX_IOERR || status == EX_CANTCREAT ||
           status == EX_OSERR;
}

/* The output on one line, for logs and reports. */
static const char *
output_line(struct span output, struct arena *arena)
{
    struct text line = text_new(arena);
    struct span piece;

    while (span_next(&output, '\n', &piece)) {
        piece = span_trim(piece);
        if (piece.length == 0)
            continue;
        if (line.length > 0)
            text_add(&line, " | ");
        text_add(&line, span_printable(piece, piece.length, arena));
    }
    return text_string(&line);
}

static bool
ended(const struct pipe *config, const struct command_result *result, bool own,
      const char *name, const char *said, struct error *error)
{
    const char *mark = said[0] ? ": " : "";
    int status = result->status;

    if (status == 0 || config->ignore_status)
        return true;
    if (status_is_temporary(status) || config->defer_child_errors)
        return fail_temporary_number(error, ERR_PIPE_STATUS, "4.3.0",
                                     "exit status %d of %s%s%.180s", status, name, mark,
                                     said);
    if (own && (status == SHELL_NOT_FOUND || status == SHELL_NOT_EXECUTABLE))
        return fail_temporary_number(error, ERR_COMMAND, "4.3.5",
                                     "%s cannot be executed%s%.180s", name, mark, said);
    return fail_permanent_number(error, ERR_PIPE_STATUS, failure_status(status),
                                 "exit status %d of %s%s%.180s", status, name, mark,
                                 said);
}

/* True: delivered. */
static bool
judge(const struct pipe *config, const struct command_result *result, bool own,
      const char *name, const char *said, struct error *error)
{
    switch (result->kind) {
    case COMMAND_ENDED:
        return ended(config, result, own, name, said, error);
    case COMMAND_SIGNALLED:
        if (result->status == SIGTERM || result->status == SIGKILL ||
            config->defer_child_errors)
            return fail_temporary_number(error, ERR_PIPE_SIGNAL, "4.3.0",
                                         "%s was ended by signal %d", name,
                                         result->status);
        return fail_permanent_number(error, ERR_PIPE_SIGNAL, "5.3.0",
                                     "%s died of signal %d", name, result->status);
    case COMMAND_TIMEOUT:
        return fail_temporary_number(error, ERR_PIPE_WAIT, "4.3.0",
                                     "%s took too long and was ended", name);
    case COMMAND_MISSING:
        return fail_temporary_number(error, ERR_COMMAND, "4.3.5",
                                     "%s cannot be executed: %s", name,
                                     strerror(result->status));
    default:
        *error = result->error;
        error->number = ERR_FORK;
        return false;
    }
}

/* --- the call --- */

static bool
arguments_make(const struct pipe *config, const struct delivery *delivery,
               const char *const **arguments, struct error *error)
{
    const struct address **addresses =
        arena_array(delivery->arena, delivery->address_count, sizeof(*addresses));

    for (size_t i = 0; i < delivery->address_count; i++)
        addresses[i] = delivery->addresses[i].address;
    if (config->user && config->user[0] && delivery->user &&
        strcmp(config->user, delivery->user->name) != 0)
        return fail_temporary(error, "4.3.5", "transport %s runs as user %s only",
                              delivery->entry->name, config->user);
    return expand_command(config->cmd.text, &delivery->expansion, addresses,
                          delivery->address_count, arguments, error);
}

/* Who is told: of an agent that the administrator chose the sender, of a user's own
 * command its owner. */
static enum report_class
report_of(const struct pipe *config, const struct address *address)
{
    return config->status_to_sender || address->kind == ADDRESS_MAIL ? REPORT_SENDER
                                                                     : REPORT_OWNER;
}

static void
run(const struct pipe *config, struct delivery *delivery, struct command *command,
    bool own)
{
    const struct settings *settings = &delivery->configuration->settings;
    const struct address *address = delivery->addresses[0].address;
    int64_t limit = clock_monotonic() + settings->pipe_timeout.seconds * 1000;
    struct command_result result;
    enum report_class report = report_of(config, address);
    struct error error = {0};
    const char *said;

    command->environment = environment_make(config, delivery, address);
    command->directory = home_of(delivery, address);
    command->umask = (mode_t)config->umask.bits & 0777;
    command->deadline = limit < delivery->deadline ? limit : delivery->deadline;
    command->output_limit = (size_t)settings->pipe_output_limit.bytes;
    command_run(command, &delivery->rendering, delivery->arena, &result);
    said = config->log_output ? output_line(result.output, delivery->arena) : "";
    for (size_t i = 0; i < delivery->address_count; i++)
        delivery->addresses[i].diagnostic = said;
    if (judge(config, &result, own, command->path, said, &error)) {
        delivery_decide(delivery, OUTCOME_DELIVERED, NULL, REPORT_SENDER);
        return;
    }
    if (result.kind == COMMAND_MISSING && !own)
        report = REPORT_CONFIG; /* the administrator's mistake bounces nothing */
    delivery_decide(delivery, error.permanent ? OUTCOME_FAILED : OUTCOME_DEFERRED, &error,
                    report);
}

/*
 * delivered  exit status 0
 * deferred   75, 74, 73, 71; ended by time, SIGTERM or SIGKILL; a program that is missing
 *            or cannot be started; a cmd that cannot be expanded
 * failed     other exit statuses (ERR_144) and signals (ERR_143), text that is no command
 */
static void
pipe_deliver(const void *config, struct delivery *delivery)
{
    const struct address *address = delivery->addresses[0].address;
    struct command command = {0};
    const char *const *arguments;
    struct error error = {0};
    bool own;

    if (!arguments_make(config, delivery, &arguments, &error)) {
        error.permanent = false;
        error.status[0] = '4';
        delivery_decide(delivery, OUTCOME_DEFERRED, &error, REPORT_CONFIG);
        return;
    }
    if (!command_choose(delivery, address, arguments, &command, &own, &error)) {
        delivery_decide(delivery, OUTCOME_FAILED, &error, REPORT_OWNER);
        return;
    }
    run(config, delivery, &command, own);
}

const struct transport_driver pipe_transport = {
    .driver = {.name = "pipe",
               .meaning = "hands messages to commands",
               .attributes = attributes,
               .config_size = sizeof(struct pipe),
               .init = pipe_init},
    .identity = IDENTITY_RECIPIENT,
    .deliver = pipe_deliver,
};
