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
#include "command/dialogue.h"
#include "mail/mailbox.h"
#include "smtp/local.h"

#include "base/banned.h"

enum { READ_STEP = 64 << 10, BATCH = 100, REPLY_LINE = 64 << 10 };

/* What the owner said of one submission. */
struct submission_result {
    int code;           /* of the message: 250, 4xx, 5xx; 0: the owner went away */
    struct error error; /* for anything but 250 */
    bool refused;       /* a recipient was refused */
    int worst;          /* code of the worst outcome in foreground mode */
};

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

/* --- the dialogue --- */

/* The first refusal of the message decides, with its own words. */
static bool
expect(struct connection *connection, struct arena *arena,
       struct submission_result *result)
{
    struct error error = {0};
    int code = 0;

    if (!dialogue_expect(connection, arena, &code, &error)) {
        result->error = error;
        return false;
    }
    if (code >= 400 && result->code < code) {
        result->code = code;
        result->error = error;
    }
    return true;
}

static void
put(struct connection *connection, const char *text, struct error *error)
{
    if (!connection_write(connection, span_of(text), error))
        connection_deadline(connection, 0);
}

static const char *
mail_command(const struct options *options, struct arena *arena)
{
    char flags[12] = "";
    size_t count = 0;
    const struct envelope *envelope = &options->envelope;
    struct text text = text_new(arena);

    if (options->from_header)
        flags[count++] = 't';
    if (envelope->me_too)
        flags[count++] = 'm';
    if (envelope->no_aliases)
        flags[count++] = 'n';
    if (envelope->dry_run)
        flags[count++] = 'N';
    if (options->verbose)
        flags[count++] = 'v';
    flags[count++] = options->sender ? 'f' : 'u';
    flags[count] = '\0';
    text_add_format(
        &text, "MAIL FROM:<%s>",
        options->sender && strcmp(options->sender, "<>") != 0 ? options->sender : "");
    if (envelope->ret != RETURN_DEFAULT)
        text_add(&text, envelope->ret == RETURN_FULL ? " RET=FULL" : " RET=HDRS");
    text_add(&text, local_mail_parameters(envelope, flags, arena));
    text_add(&text, "\r\n");
    return text_string(&text);
}

static const char *
recipient_command(const struct options *options, const char *recipient,
                  struct arena *arena)
{
    static const struct {
        uint8_t bit;
        const char *word;
    } words[] = {{NOTIFY_NEVER, "NEVER"},
                 {NOTIFY_SUCCESS, "SUCCESS"},
                 {NOTIFY_FAILURE, "FAILURE"},
                 {NOTIFY_DELAY, "DELAY"}};
    struct text text = text_new(arena);
    const char *separator = " NOTIFY=";

    text_add_format(&text, "RCPT TO:<%s>", recipient);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (options->notify & words[i].bit) {
            text_add(&text, separator);
            text_add(&text, words[i].word);
            separator = ",";
        }
    text_add(&text, "\r\n");
    return text_string(&text);
}

/* A refused recipient is told at once; the others still get the message. */
static bool
recipients_send(struct connection *connection, const struct options *options,
                const char *const *recipients, size_t count, struct arena *arena,
                struct submission_result *result)
{
    for (size_t done = 0; done < count;) {
        size_t step = count - done < BATCH ? count - done : BATCH;

        for (size_t i = 0; i < step; i++)
            put(connection, recipient_command(options, recipients[done + i], arena),
                &result->error);
        if (!connection_flush(connection, &result->error))
            return false;
        for (size_t i = 0; i < step; i++) {
            struct text text = text_new(arena);
            int code;

            if (!dialogue_reply(connection, &code, &text, &result->error))
                return false;
            if (code < 400)
                continue;
            result->refused = true;
            fprintf(stderr, "%s: %s: %s\n", options->program, recipients[done + i],
                    text_string(&text));
            if (code > result->worst)
                result->worst = code;
        }
        done += step;
    }
    return true;
}

/* In foreground mode: what became of each address. */
static bool
outcomes_read(struct connection *connection, const struct options *options,
              struct submission_result *result)
{
    struct span line;
    uint64_t number;

    for (;;) {
        connection_deadline(connection, clock_monotonic() + 6 * (int64_t)DIALOGUE_WAIT);
        if (!connection_read_line(connection, REPLY_LINE, &line, &result->error))
            return false;
        if (line.length < 4 || !span_number(span_first(line, 3), 599, &number))
            return false;
        if (line.bytes[3] == '-' &&
            (options->verbose ||
             (options->envelope.errors == ERRORS_PRINT && number >= 500)))
            fprintf(options->verbose ? stdout : stderr, "%.*s\n", (int)line.length - 4,
                    line.bytes + 4);
        if (line.bytes[3] != '-') {
            result->worst = (int)number;
            return true;
        }
    }
}

/* One try. False: the owner went away before it answered for the message. */
static bool
submit(const struct options *options, struct connection *connection,
       const char *const *recipients, size_t count, const struct text *content,
       struct arena *arena, struct submission_result *result)
{
    struct error *error = &result->error;

    connection_deadline(connection, clock_monotonic() + DIALOGUE_WAIT);
    put(connection, "EHLO localhost\r\n", error);
    put(connection, mail_command(options, arena), error);
    if (!connection_flush(connection, error) || !expect(connection, arena, result) ||
        !expect(connection, arena, result) || !expect(connection, arena, result))
        return false;
    if (result->code >= 400)
        return true;
    if (!recipients_send(connection, options, recipients, count, arena, result))
        return false;
    put(connection, arena_format(arena, "BDAT %zu LAST\r\n", content->length), error);
    if (!connection_write(connection, text_span(content), error) ||
        !connection_flush(connection, error) || !expect(connection, arena, result))
        return false;
    if (result->code >= 400)
        return true;
    result->code = 250;
    if (options->envelope.mode == DELIVERY_FOREGROUND &&
        !outcomes_read(connection, options, result))
        fprintf(stderr, "%s: the message is queued; what became of it is not known\n",
                options->program);
    connection_deadline(connection, clock_monotonic() + 1000);
    put(connection, "QUIT\r\n", error);
    connection_flush(connection, NULL);
    return true;
}

/* --- what is kept when nobody takes it --- */

static void
dead_letter_keep(const struct options *options, const struct text *content)
{
    struct passwd *user = getpwuid(getuid());
    const char *path =
        user ? arena_format(options->arena, "%s/dead.letter", user->pw_dir) : NULL;
    struct error error = {0};
    int fd =
        path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)
             : -1;

    if (fd >= 0 &&
        file_write(fd, path, content->length ? content->bytes : "", content->length,
                   &error) &&
        file_write(fd, path, "\n", 1, &error) && file_sync(fd, path, &error))
        fprintf(stderr, "%s: the text is in %s\n", options->program, path);
    else
        fprintf(stderr, "%s: the text could not be kept: %s\n", options->program,
                error.text[0] ? error.text : strerror(errno));
    if (fd >= 0)
        close(fd);
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

static int
exit_code(const struct options *options, const struct submission_result *result)
{
    if (result->code == 250) {
        if (options->restricted)
            return EX_OK;
        if (result->refused && result->worst >= 500)
            return EX_DATAERR;
        /* Failures of a delivery in the foreground go back by mail, as those of any
         * other. */
        return options->envelope.errors == ERRORS_PRINT && result->worst >= 500
                   ? EX_UNAVAILABLE
                   : EX_OK;
    }
    fprintf(stderr, "%s: %s\n", options->program, result->error.text);
    if (result->code >= 500)
        return EX_DATAERR;
    return EX_TEMPFAIL;
}

static int
deliver(const struct options *options, const struct configuration *configuration,
        const struct text *content)
{
    const struct settings *settings = &configuration->settings;
    int64_t end = clock_monotonic() + settings->submit_wait.seconds * 1000;
    struct submission_result result;
    size_t count;
    const char **recipients = recipients_split(options, &count);
    bool answered = false;

    if (count == 0 && !options->from_header) {
        fprintf(stderr, "%s: no recipients\n", options->program);
        return EX_USAGE;
    }
    do {
        int fd;

        memset(&result, 0, sizeof result);
        fd = owner_open(options, configuration, true, end - clock_monotonic(),
                        &result.error);
        if (fd >= 0) {
            struct connection *connection = connection_from(fd);

            answered = submit(options, connection, recipients, count, content,
                              options->arena, &result);
            connection_close(connection);
        }
    } while ((!answered || (result.code >= 400 && result.code < 500)) &&
             clock_monotonic() < end && usleep(100000) == 0);
    if (!answered)
        result.code = 0;
    if (result.code < 400 && result.code != 250)
        result.code = 450;
    if (result.code != 250 && result.code < 500 && !options->restricted)
        dead_letter_keep(options, content);
    return exit_code(options, &result);
}

int
command_deliver(const struct options *options)
{
    struct options complete = *options;
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    uint64_t size = configuration->settings.max_message_size.bytes;
    struct text content = text_new(options->arena);
    struct error error = {0};

    if (!complete.envelope.program[0])
        complete.envelope.program = options->program;
    if (!arguments_are_clean(&complete)) {
        fprintf(stderr, "%s: a control character in an argument\n", options->program);
        return EX_DATAERR;
    }
    if (complete.sender && complete.sender[0] == '<' && complete.sender[1]) {
        struct span path = span_of(complete.sender);

        if (path.bytes[path.length - 1] == '>')
            complete.sender =
                arena_bytes(options->arena, path.bytes + 1, path.length - 2);
    }
    if (!content_read(size ? size + (size >> 4) : 0, &content, &error)) {
        fprintf(stderr, "%s: %s\n", options->program, error.text);
        return error.status[2] == '3' && error.status[4] == '4' ? EX_DATAERR : EX_NOINPUT;
    }
    dots_take(&complete, &content);
    return deliver(&complete, configuration, &content);
}
