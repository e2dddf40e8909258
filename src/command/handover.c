/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The dialogue of sendmail and rmail with the owner of the spool. */
#include "command/handover.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "command/dialogue.h"
#include "smtp/local.h"

#include "base/banned.h"

enum {
    AT_ONCE = 100, /* RCPT commands before their replies are read */
    REPLY_LINE = 64 << 10,
    RETRY_PAUSE = 100000, /* microseconds between tries */
};

/* --- commands --- */

static bool
put(struct connection *connection, const char *text, struct error *error)
{
    return connection_write(connection, span_of(text), error);
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

/* --- one try: false when the owner went away before it answered for the message --- */

/* A refusal is the message's. */
static bool
expect(struct connection *connection, struct handover *handover)
{
    struct error error = {0};
    int code = 0;

    if (!dialogue_expect(connection, handover->arena, &code, &error)) {
        handover->error = error;
        return false;
    }
    if (code >= 400 && handover->code < code) {
        handover->code = code;
        handover->error = error;
    }
    return true;
}

/*
 * A recipient that is refused is told at once, and the others still get the message. One
 * that cannot be taken now makes all of it wait.
 */
static void
recipient_answer(struct handover *handover, const char *recipient, int code,
                 const char *words)
{
    if (code < 400)
        return;
    if (code < 500) {
        handover->code = code;
        fail_temporary(&handover->error, "4.0.0", "%s", words);
        return;
    }
    handover->refused[handover->refused_count++] = (struct refused){recipient, words};
    handover->worst = code > handover->worst ? code : handover->worst;
    fprintf(stderr, "%s: %s: %s\n", handover->options->program, recipient, words);
}

static bool
recipients_offer(struct connection *connection, struct handover *handover,
                 const char *const *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!put(connection,
                 recipient_command(handover->options, recipients[i], handover->arena),
                 &handover->error))
            return false;
    if (!connection_flush(connection, &handover->error))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct text words = text_new(handover->arena);
        int code = 0;

        if (!dialogue_reply(connection, &code, &words, &handover->error))
            return false;
        recipient_answer(handover, recipients[i], code, text_string(&words));
    }
    return true;
}

static bool
envelope_offer(struct connection *connection, struct handover *handover)
{
    size_t count = handover->recipient_count;

    connection_deadline(connection, clock_monotonic() + DIALOGUE_WAIT);
    if (!put(connection, "EHLO localhost\r\n", &handover->error) ||
        !put(connection, mail_command(handover->options, handover->arena),
             &handover->error) ||
        !connection_flush(connection, &handover->error) ||
        !expect(connection, handover) || !expect(connection, handover) ||
        !expect(connection, handover))
        return false;
    for (size_t at = 0; handover->code < 400 && at < count; at += AT_ONCE)
        if (!recipients_offer(connection, handover, handover->recipients + at,
                              count - at < AT_ONCE ? count - at : AT_ONCE))
            return false;
    return true;
}

/* A line "250-2.1.5 <addr> delivered" of the second reply in foreground mode. */
static void
outcome_print(const struct options *options, struct span line, uint64_t code)
{
    if (options->verbose || options->debug > 0)
        printf("%.*s\n", (int)line.length, line.bytes);
    else if (options->envelope.errors == ERRORS_PRINT && code >= 500)
        fprintf(stderr, "%.*s\n", (int)line.length, line.bytes);
}

/* Its last line has the code of the worst. */
static bool
outcomes_read(struct connection *connection, struct handover *handover)
{
    struct span line;
    uint64_t code;

    do {
        connection_deadline(connection, clock_monotonic() + 6 * (int64_t)DIALOGUE_WAIT);
        if (!connection_read_line(connection, REPLY_LINE, &line, NULL) ||
            line.length < 4 || !span_number(span_first(line, 3), 599, &code))
            return false;
        if (line.bytes[3] == '-')
            outcome_print(handover->options, span_from(line, 4), code);
    } while (line.bytes[3] == '-');
    if ((int)code > handover->worst)
        handover->worst = (int)code;
    return true;
}

static bool
content_offer(struct connection *connection, struct handover *handover)
{
    struct span content = text_span(handover->content);

    return put(connection,
               arena_format(handover->arena, "BDAT %zu LAST\r\n", content.length),
               &handover->error) &&
           connection_write(connection, content, &handover->error) &&
           connection_flush(connection, &handover->error) && expect(connection, handover);
}

static bool
handover_try(struct handover *handover, struct connection *connection)
{
    const struct options *options = handover->options;

    if (!envelope_offer(connection, handover))
        return false;
    if (handover->code >= 400)
        return true;
    if (!options->from_header && handover->refused_count == handover->recipient_count) {
        handover->code = 550;
        fail_permanent(&handover->error, "5.1.3", "no recipient is left");
        return true;
    }
    if (!content_offer(connection, handover))
        return false;
    if (handover->code >= 400)
        return true;
    handover->code = 250;
    if (options->envelope.mode == DELIVERY_FOREGROUND &&
        !outcomes_read(connection, handover))
        fprintf(stderr, "%s: the message is queued; what became of it is not known\n",
                options->program);
    connection_deadline(connection, clock_monotonic() + 1000);
    if (put(connection, "QUIT\r\n", NULL))
        connection_flush(connection, NULL);
    return true;
}

void
handover_send(struct handover *handover, const struct configuration *configuration,
              int64_t end)
{
    handover->refused = arena_array(handover->arena, handover->recipient_count + 1,
                                    sizeof *handover->refused);
    do {
        struct connection *connection;
        int fd;

        handover->code = handover->worst = 0;
        handover->refused_count = 0;
        memset(&handover->error, 0, sizeof handover->error);
        fd = owner_open(handover->options, configuration, true, end - clock_monotonic(),
                        &handover->error);
        if (fd < 0)
            return;
        connection = connection_from(fd);
        if (!handover_try(handover, connection))
            handover->code = 0;
        connection_close(connection);
        if (handover->code == 250 || handover->code >= 500)
            return;
    } while (clock_monotonic() < end && usleep(RETRY_PAUSE) == 0);
}
