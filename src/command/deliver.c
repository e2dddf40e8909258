/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sendmail and rmail: a message from standard input to the owner of the spool. The text
 * is read completely first, so an interrupt leaves nothing behind, and an owner that goes
 * away in between costs a second try, not the message.
 */
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "command/handover.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/mailbox.h"

#include "base/banned.h"

enum { READ_STEP = 64 << 10 };

/* --- reading --- */

/* A line with one dot ends the message; with -I leading dots are doubled. */
static void
dots_take(const struct options *options, struct text *content)
{
    size_t at = 0, out = 0;

    if (!content->bytes || (options->dot_is_text && !options->hidden_dots))
        return;
    while (at < content->length) {
        const char *line = content->bytes + at;
        const char *end = memchr(line, '\n', content->length - at);
        size_t length = end ? (size_t)(end - line) + 1 : content->length - at;
        size_t bare = length - (end ? 1 : 0);

        if (bare > 0 && line[bare - 1] == '\r')
            bare--;
        if (bare == 1 && line[0] == '.')
            break;
        at += length;
        if (options->hidden_dots && bare > 1 && line[0] == '.') {
            line++;
            length--;
        }
        memmove(content->bytes + out, line, length);
        out += length;
    }
    text_cut(content, out);
}

static bool
content_read(uint64_t limit, struct text *content, struct error *error)
{
    char buffer[READ_STEP];

    for (;;) {
        ssize_t got = read(STDIN_FILENO, buffer, sizeof buffer);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_permanent(error, "5.3.0", "standard input: %s", strerror(errno));
        if (got == 0)
            return true;
        text_add_span(content, (struct span){buffer, (size_t)got});
        if (limit > 0 && content->length > limit)
            return fail_permanent(error, "5.3.4",
                                  "the message is larger than %llu octets",
                                  (unsigned long long)limit);
    }
}

/* --- what is kept when nobody takes it --- */

/* As a mailbox, with what the envelope was, so that it can be read and sent again. */
static const char *
dead_letter_head(const struct handover *handover)
{
    struct text head = text_new(handover->arena);
    const struct options *options = handover->options;
    const struct passwd *user = getpwuid(getuid());

    text_add_format(&head, "From %s %s\n", user ? user->pw_name : "?",
                    date_ctime(clock_seconds(), handover->arena));
    if (options->sender)
        text_add_format(&head, "X-Reverse-Path: %s\n", options->sender);
    for (size_t i = 0; i < handover->recipient_count; i++)
        text_add_format(&head, "X-%s: %s\n",
                        options->from_header ? "Exclusion" : "Recipient",
                        handover->recipients[i]);
    text_add_format(&head, "X-Error: %s\n", handover->error.text);
    return text_string(&head);
}

static void
dead_letter_keep(const struct handover *handover)
{
    const struct passwd *user = getpwuid(getuid());
    const char *home = getenv("HOME");
    const char *path = arena_format(handover->arena, "%s/dead.letter",
                                    home && home[0] == '/' ? home
                                    : user                 ? user->pw_dir
                                                           : ".");
    const char *head = dead_letter_head(handover);
    const char *program = handover->options->program;
    struct error error = {0};
    int fd = open(
        path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0)
        fprintf(stderr, "%s: the text is lost: %s: %s\n", program, path, strerror(errno));
    else if (file_write(fd, path, head, strlen(head), &error) &&
             file_write(fd, path, text_string(handover->content),
                        handover->content->length, &error) &&
             file_write(fd, path, "\n", 1, &error) && file_sync(fd, path, &error))
        fprintf(stderr, "%s: the text is in %s\n", program, path);
    else
        fprintf(stderr, "%s: the text is lost: %s\n", program, error.text);
    if (fd >= 0)
        close(fd);
}

/* A bracket outside quotes would end the path that it is put into. */
static bool
path_is_closed(const char *path)
{
    bool quoted = false;

    for (const char *at = path; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (!quoted && (*at == '<' || *at == '>'))
            return false;
    }
    return true;
}

/* Recipients of the command line: split at commas, not at blanks. */
static const char **
recipients_split(const struct options *options, size_t *count)
{
    const char **recipients = NULL;
    size_t room = 0;

    *count = 0;
    for (size_t i = 0; i < options->argument_count; i++) {
        struct mailbox_item *items;
        struct error error = {0};

        if (!mailbox_list_parse(span_of(options->arguments[i]), 0, 100000, options->arena,
                                &items, &error)) {
            /* The owner says what is wrong with it. */
            items = arena_alloc(options->arena, sizeof *items);
            items->text = options->arguments[i];
        }
        for (; items; items = items->next) {
            if (*count == room) {
                recipients = arena_grow(options->arena, recipients, *count, room * 2 + 16,
                                        sizeof *recipients);
                room = room * 2 + 16;
            }
            recipients[(*count)++] = items->text;
        }
    }
    return recipients;
}

/* A newline or NUL in an argument would be a command of its own. */
static bool
arguments_are_clean(const struct options *options)
{
    const char *const values[] = {options->sender,
                                  options->envelope.full_name,
                                  options->envelope.protocol,
                                  options->envelope.peer_name,
                                  options->envelope.program,
                                  options->envelope.peer_address};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        for (const char *at = values[i]; at && *at; at++)
            if (byte_is_control(*at))
                return false;
    for (size_t i = 0; i < options->argument_count; i++)
        for (const char *at = options->arguments[i]; *at; at++)
            if (*at == '\r' || *at == '\n')
                return false;
    return true;
}

/* --- the end --- */

/*
 * Nobody reads what rmail says: refused recipients are told to the sender by mail, all of
 * them when the message was refused. False: the report was not taken.
 */
static bool
refusal_report(struct handover *handover, const struct configuration *configuration,
               int64_t end)
{
    struct options options = *handover->options;
    struct text content = text_new(handover->arena);
    struct refusal refusal = {
        .settings = &configuration->settings,
        .list = handover->refused,
        .count = handover->refused_count,
        .status = "5.0.0",
        .original = refusal_original(text_span(handover->content), handover->arena),
        .arena = handover->arena};
    struct handover report = {.options = &options,
                              .recipient_count = 1,
                              .content = &content,
                              .arena = handover->arena};
    const char *to;

    if (handover->code == 250 && refusal.count == 0)
        return true;
    header_take_from_lines(&refusal.original, handover->arena, &refusal.reverse_path);
    if (options.sender)
        refusal.reverse_path = strcmp(options.sender, "<>") == 0 ? "" : options.sender;
    if (handover->code != 250 && refusal.count < handover->recipient_count) {
        struct refused *all =
            arena_array(handover->arena, handover->recipient_count, sizeof *all);

        for (size_t i = 0; i < handover->recipient_count; i++)
            all[i] = (struct refused){handover->recipients[i], handover->error.text};
        refusal.list = all;
        refusal.count = handover->recipient_count;
    }
    to = refusal_compose(&refusal, &content);
    options.sender = "<>";
    options.envelope.mode = DELIVERY_DEFAULT;
    report.recipients = &to;
    handover_send(&report, configuration, end);
    if (report.code != 250)
        fprintf(stderr, "%s: a report to %s is not taken: %s\n", options.program, to,
                report.error.text);
    return report.code == 250;
}

/*
 * UUCP drops the mail on any status but 0 and 75, so whatever is our fault is 75, and
 * what was told by mail is 0.
 */
static int
restricted_end(struct handover *handover, const struct configuration *configuration,
               int64_t end)
{
    if (handover->code < 500 && handover->code != 250)
        return EX_TEMPFAIL;
    if (refusal_report(handover, configuration, end) || handover->code == 250)
        return EX_OK;
    return EX_DATAERR;
}

static int
exit_code(const struct handover *handover)
{
    const struct options *options = handover->options;

    if (handover->code != 250)
        return handover->code >= 500 ? EX_DATAERR : EX_TEMPFAIL;
    if (handover->refused_count > 0)
        return EX_DATAERR;
    /* Failures of a delivery in the foreground go back by mail, as those of any other. */
    return options->envelope.errors == ERRORS_PRINT && handover->worst >= 500
               ? EX_UNAVAILABLE
               : EX_OK;
}

static int
deliver(const struct options *options, const struct configuration *configuration,
        const struct text *content)
{
    int64_t end = clock_monotonic() + configuration->settings.submit_wait.seconds * 1000;
    struct handover handover = {
        .options = options, .content = content, .arena = options->arena};

    handover.recipients = recipients_split(options, &handover.recipient_count);
    for (size_t i = 0; i < handover.recipient_count; i++)
        if (!path_is_closed(handover.recipients[i])) {
            fprintf(stderr, "%s: %s: no address\n", options->program,
                    handover.recipients[i]);
            return EX_DATAERR;
        }
    if (handover.recipient_count == 0 && !options->from_header) {
        fprintf(stderr, "%s: no recipients\n", options->program);
        return EX_USAGE;
    }
    handover_send(&handover, configuration, end);
    if (handover.code != 250)
        fprintf(stderr, "%s: %s\n", options->program, handover.error.text);
    if (options->restricted)
        return restricted_end(&handover, configuration, end);
    if (handover.code != 250)
        dead_letter_keep(&handover);
    return exit_code(&handover);
}

/* What could not be read to its end is ours to ask for again, not what is too large. */
static int
content_fault(const struct options *options, const struct error *error)
{
    if (strcmp(error->status, "5.3.4") == 0)
        return EX_DATAERR;
    return options->restricted ? EX_TEMPFAIL : EX_NOINPUT;
}

/* What the flags say, in the form in which it is handed on. */
static bool
options_complete(struct options *options)
{
    struct span path = span_of(options->sender);

    if (!options->envelope.program[0])
        options->envelope.program = options->program;
    if (path.length >= 2 && path.bytes[0] == '<' && path.bytes[path.length - 1] == '>')
        options->sender = arena_bytes(options->arena, path.bytes + 1, path.length - 2);
    return arguments_are_clean(options) &&
           (!options->sender || path_is_closed(options->sender));
}

static int
content_take(const struct options *options, const struct configuration *configuration)
{
    uint64_t size = configuration->settings.max_message_size.bytes;
    struct text content = text_new(options->arena);
    struct error error = {0};

    if (!content_read(size ? size + (size >> 4) : 0, &content, &error)) {
        fprintf(stderr, "%s: %s\n", options->program, error.text);
        return content_fault(options, &error);
    }
    dots_take(options, &content);
    return deliver(options, configuration, &content);
}

int
command_deliver(const struct options *options)
{
    struct options complete = *options;
    struct configuration *configuration;
    int code;

    if (!options_complete(&complete)) {
        fprintf(stderr, "%s: an argument holds what no address or name can hold\n",
                options->program);
        return EX_DATAERR;
    }
    configuration = command_configuration(options, NULL, options->arena);
    code = content_take(&complete, configuration);
    configuration_free(configuration);
    return code;
}
