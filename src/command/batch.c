/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rsmtp, -bS: a batch of SMTP commands from standard input. Each message is a transaction
 * of its own with the owner of the spool. What is refused for good is told to its sender
 * by mail, since nobody reads replies here.
 *
 * A trouble of ours (no owner, a full disk) must neither lose a message nor double many:
 * UUCP runs the whole batch again when we exit with 75. So as long as no message of the
 * batch was taken, we wait `submit_wait` and then exit with 75, which repeats nothing.
 * Once one was taken we go on trying the next for PATIENCE, because now a 75 doubles all
 * that were; only then comes the 75, as losing mail is worse than doubling it. A standard
 * input that cannot be read to its end is treated in the same way.
 */
#include "command/command.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "command/batch_reader.h"
#include "command/dialogue.h"
#include "command/refusal.h"
#include "smtp/local.h"

#include "base/banned.h"

enum {
    AT_ONCE = 100,      /* RCPT commands before their replies are read */
    PATIENCE = 3600000, /* ms, for the rest of a batch that was begun */
    PAUSE_FIRST = 200,  /* ms between tries */
    PAUSE_MOST = 10000,
};

struct batch {
    const struct options *options;
    const struct configuration *configuration;
    struct batch_reader reader;
    struct connection *owner; /* NULL: not connected */
    size_t accepted;
    int64_t end; /* when we give up while nothing was accepted */
};

/* --- the owner --- */

static void
owner_leave(struct batch *batch)
{
    connection_close(batch->owner);
    batch->owner = NULL;
}

static const char *
origin_line(const struct batch *batch, struct arena *arena)
{
    const struct envelope *envelope = &batch->options->envelope;
    struct text line = text_new(arena);

    text_add(&line, "XORIGIN BATCH");
    if (envelope->peer_name[0])
        text_add_format(&line, " NAME=%s", local_text_encode(envelope->peer_name, arena));
    if (envelope->peer_address[0])
        text_add_format(&line, " ADDRESS=%s",
                        local_text_encode(envelope->peer_address, arena));
    text_add(&line, "\r\n");
    return text_string(&line);
}

static bool
owner_join(struct batch *batch, struct arena *arena, struct error *error)
{
    int code = 0, fd;

    if (batch->owner)
        return true;
    fd = owner_open(batch->options, batch->configuration, true, 0, error);
    if (fd < 0)
        return false;
    batch->owner = connection_from(fd);
    connection_deadline(batch->owner, clock_monotonic() + DIALOGUE_WAIT);
    if (connection_write(batch->owner, span_of(origin_line(batch, arena)), error) &&
        connection_flush(batch->owner, error) &&
        dialogue_expect(batch->owner, arena, &code, error) && code < 400 &&
        dialogue_expect(batch->owner, arena, &code, error) && code < 400)
        return true;
    owner_leave(batch);
    return false;
}

static bool
put(struct batch *batch, const char *line, struct error *error)
{
    return connection_write(batch->owner, span_of(line), error) &&
           connection_write(batch->owner, SPAN("\r\n"), error);
}

/* --- one transaction --- */

/* What the owner said of a message as a whole. */
struct verdict_of_owner {
    int code;           /* 250; 5xx: refused for good */
    struct error error; /* of a refusal */
};

static bool
hello_is_fit(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!byte_is_letter(*at) && !byte_is_digit(*at) && !strchr(".-_[]:", *at))
            return false;
    return name[0] != '\0';
}

static const char *
mail_line(const struct batch *batch, const struct batch_message *message,
          struct arena *arena)
{
    struct envelope envelope = envelope_new();

    envelope.protocol = batch->options->envelope.protocol;
    envelope.program = batch->options->program;
    return arena_format(arena, "MAIL FROM:<%s>%s%s", message->reverse_path,
                        message->parameters,
                        local_mail_parameters(&envelope, "f", arena));
}

/* EHLO and MAIL. False: a trouble of ours. */
static bool
message_open(struct batch *batch, const struct batch_message *message,
             struct arena *arena, struct verdict_of_owner *verdict)
{
    const char *hello = hello_is_fit(message->hello) ? message->hello : "unknown";
    struct error *error = &verdict->error;
    int code = 0;

    connection_deadline(batch->owner, clock_monotonic() + DIALOGUE_WAIT);
    if (!put(batch, arena_format(arena, "EHLO %s", hello), error) ||
        !put(batch, mail_line(batch, message, arena), error) ||
        !connection_flush(batch->owner, error) ||
        !dialogue_expect(batch->owner, arena, &code, error) || code >= 400 ||
        !dialogue_expect(batch->owner, arena, &code, error) ||
        (code >= 400 && code < 500))
        return false;
    verdict->code = code;
    return true;
}

/* The recipients from `at` on whose answer is not known yet, at most AT_ONCE. */
static bool
recipients_offer(struct batch *batch, struct batch_message *message, size_t at,
                 size_t end, struct arena *arena, struct error *error)
{
    for (size_t i = at; i < end; i++)
        if (message->recipients[i].code == 0 &&
            !put(batch,
                 arena_format(arena, "RCPT TO:<%s>%s", message->recipients[i].path,
                              message->recipients[i].parameters),
                 error))
            return false;
    if (!connection_flush(batch->owner, error))
        return false;
    for (size_t i = at; i < end; i++) {
        struct batch_recipient *recipient = &message->recipients[i];
        struct text text = text_new(arena);
        int code = 0;

        if (recipient->code != 0)
            continue;
        if (!dialogue_reply(batch->owner, &code, &text, error))
            return false;
        if (code >= 400 && code < 500)
            return fail_temporary(error, "4.0.0", "%s", text_string(&text));
        recipient->code = code;
        recipient->reply = text_string(&text);
    }
    return true;
}

static size_t
recipients_taken(const struct batch_message *message)
{
    size_t count = 0;

    for (size_t i = 0; i < message->recipient_count; i++)
        count += message->recipients[i].code > 0 && message->recipients[i].code < 400;
    return count;
}

static bool
content_offer(struct batch *batch, const struct batch_message *message,
              struct arena *arena, struct verdict_of_owner *verdict)
{
    struct error *error = &verdict->error;

    return put(batch, arena_format(arena, "BDAT %zu LAST", message->content.length),
               error) &&
           connection_write(batch->owner, text_span(&message->content), error) &&
           connection_flush(batch->owner, error) &&
           dialogue_expect(batch->owner, arena, &verdict->code, error) &&
           (verdict->code < 400 || verdict->code >= 500);
}

/* One try. False: a trouble of ours, to be tried again on a new connection. */
static bool
message_offer(struct batch *batch, struct batch_message *message, struct arena *arena,
              struct verdict_of_owner *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    for (size_t i = 0; i < message->recipient_count; i++)
        if (message->recipients[i].code < 400)
            message->recipients[i].code = 0;
    if (!owner_join(batch, arena, &verdict->error) ||
        !message_open(batch, message, arena, verdict))
        return false;
    if (verdict->code >= 500)
        return true;
    for (size_t at = 0; at < message->recipient_count; at += AT_ONCE) {
        size_t end = at + AT_ONCE < message->recipient_count ? at + AT_ONCE
                                                             : message->recipient_count;

        if (!recipients_offer(batch, message, at, end, arena, &verdict->error))
            return false;
    }
    if (recipients_taken(message) == 0) {
        owner_leave(batch); /* with its transaction */
        return true;
    }
    return content_offer(batch, message, arena, verdict);
}

/* Until it is taken, refused for good, or our time is over (false). */
static bool
message_send(struct batch *batch, struct batch_message *message,
             struct verdict_of_owner *verdict)
{
    int64_t begin = clock_monotonic(), pause_time = PAUSE_FIRST;
    struct arena *arena = arena_new();
    bool done;

    for (;;) {
        int64_t end = batch->accepted > 0 ? begin + PATIENCE : batch->end;

        done = message_offer(batch, message, arena, verdict);
        if (done || clock_monotonic() + pause_time > end)
            break;
        if (batch->owner)
            owner_leave(batch);
        usleep((useconds_t)pause_time * 1000);
        pause_time = pause_time * 2 < PAUSE_MOST ? pause_time * 2 : PAUSE_MOST;
        arena_reset(arena);
    }
    /* The recipients' answers live on with the message. */
    for (size_t i = 0; i < message->recipient_count; i++)
        message->recipients[i].reply =
            arena_string(message->content.arena, message->recipients[i].reply);
    arena_free(arena);
    if (done && verdict->code > 0 && verdict->code < 400 && recipients_taken(message) > 0)
        batch->accepted++;
    return done;
}

/* --- reports --- */

static bool
report_send(struct batch *batch, const char *to, const struct text *content,
            struct arena *arena)
{
    struct batch_recipient recipient = {.path = to, .parameters = "", .reply = ""};
    struct batch_message message = {.hello = batch->configuration->settings.primary_name,
                                    .reverse_path = "",
                                    .parameters = "",
                                    .recipients = &recipient,
                                    .recipient_count = 1,
                                    .content = *content};
    struct verdict_of_owner verdict;

    message.content.arena = arena;
    if (!message_send(batch, &message, &verdict))
        return false;
    if (verdict.code < 400 && recipient.code < 400)
        return true;
    syslog(LOG_ERR, "a report of a refused message cannot be sent to %s: %s", to,
           verdict.code >= 400 ? verdict.error.text : recipient.reply);
    return true;
}

/* Those that were refused; all of them when the message was. */
static size_t
refused_list(const struct batch_message *message, const struct error *whole,
             struct refused *list)
{
    size_t count = 0;

    for (size_t i = 0; i < message->recipient_count; i++) {
        const struct batch_recipient *recipient = &message->recipients[i];

        if (recipient->code >= 400)
            list[count++] = (struct refused){recipient->path, recipient->reply};
        else if (whole->status[0])
            list[count++] = (struct refused){recipient->path, whole->text};
    }
    return count;
}

/* To the sender, or the postmaster if there is none. False: not now. */
static bool
refusal_report(struct batch *batch, struct batch_message *message,
               const struct error *whole, struct arena *arena)
{
    struct refused *list = arena_array(arena, message->recipient_count + 1, sizeof *list);
    struct refusal refusal = {.settings = &batch->configuration->settings,
                              .reverse_path = message->reverse_path,
                              .list = list,
                              .status = whole->status[0] ? whole->status : "5.0.0",
                              .original =
                                  refusal_original(text_span(&message->content), arena),
                              .arena = arena};
    struct text content = text_new(arena);
    const char *to;

    refusal.count = refused_list(message, whole, list);
    if (refusal.count == 0)
        return true;
    to = refusal_compose(&refusal, &content);
    return report_send(batch, to, &content, arena);
}

/* What could not be understood, to the postmaster. */
static bool
faults_report(struct batch *batch, struct arena *arena)
{
    const struct settings *settings = &batch->configuration->settings;
    const char *to = refusal_postmaster(settings, arena);
    struct text content = text_new(arena);

    if (batch->reader.fault_count == 0)
        return true;
    text_add_format(&content,
                    "From: MAILER-DAEMON@%s\r\nTo: %s\r\n"
                    "Subject: mistakes in a batch of SMTP commands\r\n"
                    "Auto-Submitted: auto-generated\r\n\r\n"
                    "%zu lines of a batch%s%s could not be understood:\r\n\r\n",
                    settings->visible_name, to, batch->reader.fault_count,
                    batch->options->envelope.peer_name[0] ? " from " : "",
                    batch->options->envelope.peer_name);
    text_add_span(&content, text_span(&batch->reader.faults));
    return report_send(batch, to, &content, arena);
}

/* --- the batch --- */

/* Not for the owner at all: cut short or too large. */
static bool
message_is_unfit(const struct batch *batch, const struct batch_message *message,
                 struct error *error)
{
    if (message->cut)
        return !fail_permanent(error, "5.6.0",
                               "the batch ended in the middle of the message");
    if (message->too_large)
        return !fail_permanent(
            error, "5.3.4", "the message is larger than %llu octets",
            (unsigned long long)batch->configuration->settings.max_message_size.bytes);
    return false;
}

static bool
message_take(struct batch *batch, struct batch_message *message, struct arena *arena)
{
    struct verdict_of_owner verdict = {0};
    struct error unfit = {0};

    if (message_is_unfit(batch, message, &unfit))
        return refusal_report(batch, message, &unfit, arena);
    if (!message_send(batch, message, &verdict)) {
        fprintf(stderr, "%s: %s\n", batch->options->program, verdict.error.text);
        return false;
    }
    if (verdict.code < 400)
        memset(&verdict.error, 0, sizeof verdict.error);
    return refusal_report(batch, message, &verdict.error, arena);
}

static int
batch_run(struct batch *batch)
{
    struct arena *arena = arena_new();
    struct batch_message message;
    struct error error = {0};
    bool good = true;

    while (good && batch_reader_next(&batch->reader, arena, &message, &error)) {
        good = message_take(batch, &message, arena);
        arena_reset(arena);
    }
    good = good && !error.status[0] && faults_report(batch, arena);
    if (error.status[0])
        fprintf(stderr, "%s: %s\n", batch->options->program, error.text);
    if (!good && batch->accepted > 0)
        syslog(LOG_ERR,
               "a batch is given back after %zu of its messages were taken; these will "
               "come twice",
               batch->accepted);
    arena_free(arena);
    return good ? EX_OK : EX_TEMPFAIL;
}

int
command_batch(const struct options *options)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    const struct settings *settings = &configuration->settings;
    struct batch batch = {.options = options, .configuration = configuration};
    int code;

    openlog(options->program, LOG_PID, LOG_MAIL);
    batch.end = clock_monotonic() + settings->submit_wait.seconds * 1000;
    batch_reader_begin(&batch.reader, stdin, settings->max_message_size.bytes,
                       options->arena);
    code = batch_run(&batch);
    if (batch.owner) {
        connection_deadline(batch.owner, clock_monotonic() + 1000);
        if (connection_write(batch.owner, SPAN("QUIT\r\n"), NULL))
            connection_flush(batch.owner, NULL);
        owner_leave(&batch);
    }
    configuration_free(configuration);
    return code;
}
