/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session with a server, from its greeting to QUIT: who it is, what it offers, is it
 * still there. Transactions are in client_transaction.c.
 */
#include "smtp/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/status.h"
#include "smtp/client_internal.h"

#include "base/banned.h"

static void
client_free(struct smtp_client *client)
{
    connection_close(client->connection);
    arena_free(client->arena);
    free(client);
}

/* Send one line that is ready, within `timeout`. */
static bool
client_say(struct smtp_client *client, int64_t timeout, const char *line,
           struct error *error)
{
    connection_deadline(client->connection, clock_monotonic() + timeout);
    if (connection_write(client->connection, span_of(line), error) &&
        connection_write(client->connection, SPAN("\r\n"), error) &&
        connection_flush(client->connection, error))
        return true;
    client->broken = true;
    return false;
}

/* --- opening --- */

/* The first word of the greeting, if it looks like a name. */
static void
greeting_line(void *context, size_t index, struct span text)
{
    struct smtp_client *client = context;
    struct span name = span_first(text, span_find(text, ' '));

    if (index != 0 || name.length == 0 || name.length > 255)
        return;
    for (size_t i = 0; i < name.length; i++)
        if (name.bytes[i] <= ' ' || name.bytes[i] > '~' ||
            strchr("<>\"\\;,", name.bytes[i]))
            return;
    client->server = span_string(name, client->arena);
}

static bool
client_greet(struct smtp_client *client, struct error *error)
{
    struct smtp_reply reply;

    if (!reply_read(client, client->timeouts.greeting, greeting_line, client,
                    client->arena, &reply, error)) {
        error->number = ERR_SMTP_SILENT;
        return error_prefix(error, "no greeting");
    }
    if (reply.code == 220)
        return true;
    reply_error(&reply, "connection", ERR_SMTP_GREETING, error);
    return false;
}

/* The rest of a line of EHLO behind its keyword. */
static void
extension_size(struct smtp_extensions *extensions, struct span argument)
{
    extensions->size = true;
    if (!span_number(argument, UINT64_MAX, &extensions->size_limit))
        extensions->size_limit = 0;
}

static void
extension_line(void *context, size_t index, struct span text)
{
    struct smtp_extensions *extensions = context;
    const struct {
        const char *keyword;
        bool *offered;
    } known[] = {
        {"PIPELINING", &extensions->pipelining},        /* RFC 2920 */
        {"8BITMIME", &extensions->eight_bit},           /* RFC 6152 */
        {"CHUNKING", &extensions->chunking},            /* RFC 3030 */
        {"BINARYMIME", &extensions->binary},            /* RFC 3030 */
        {"SMTPUTF8", &extensions->smtputf8},            /* RFC 6531 */
        {"DSN", &extensions->dsn},                      /* RFC 3461 */
        {"ENHANCEDSTATUSCODES", &extensions->enhanced}, /* RFC 2034 */
        {"STARTTLS", &extensions->starttls},            /* RFC 3207 */
        {"XSMAIL", &extensions->xsmail},                /* smtp/local.h */
    };
    size_t blank = span_find(text, ' ');
    struct span keyword = span_first(text, blank);

    if (index == 0)
        return; /* the server's name */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (span_is_nocase(keyword, known[i].keyword))
            *known[i].offered = true;
    if (span_is_nocase(keyword, "SIZE")) /* RFC 1870 */
        extension_size(extensions, span_trim(span_from(text, blank)));
}

/* "EHLO name" or "HELO name", and the reply. */
static bool
client_introduce(struct smtp_client *client, const char *verb, const char *hello,
                 struct smtp_reply *reply, struct error *error)
{
    const char *line = arena_format(client->arena, "%s %s", verb, hello);

    client->extensions = (struct smtp_extensions){0};
    if (client_say(client, client->timeouts.hello, line, error) &&
        reply_read(client, client->timeouts.hello, extension_line, &client->extensions,
                   client->arena, reply, error))
        return true;
    error->number = ERR_SMTP_HELLO;
    return error_prefix(error, "%s", verb);
}

/* Whatever a server has against our name can be put right: never permanent. */
static bool
hello_refused(const struct smtp_reply *reply, const char *verb, struct error *error)
{
    reply_error(reply, verb, ERR_SMTP_HELLO, error);
    error->permanent = false;
    error->status[0] = '4';
    return false;
}

/* The ways to say hello. */
enum greeting { GREETING_EHLO, GREETING_HELO, GREETING_LHLO };

static bool
client_hello(struct smtp_client *client, const char *hello, enum greeting greeting,
             struct error *error)
{
    const char *verb = greeting == GREETING_LHLO ? "LHLO" : "EHLO";
    struct smtp_reply reply;

    if (greeting != GREETING_HELO) {
        if (!client_introduce(client, verb, hello, &reply, error))
            return false;
        client->extensions.esmtp = reply.code == 250;
        if (reply.code == 250)
            return true;
        if (reply.code / 100 != 5 || greeting == GREETING_LHLO)
            return hello_refused(&reply, verb, error);
    }
    if (!client_introduce(client, "HELO", hello, &reply, error))
        return false;
    client->extensions = (struct smtp_extensions){0};
    return reply.code == 250 || hello_refused(&reply, "HELO", error);
}

static bool
client_open(struct connection *connection, const char *hello, enum greeting greeting,
            const struct smtp_timeouts *timeouts, struct smtp_client **client,
            struct error *error)
{
    struct smtp_client *made = memory_alloc(sizeof *made);
    struct error ignored;

    *made = (struct smtp_client){.connection = connection,
                                 .arena = arena_new(),
                                 .server = "",
                                 .timeouts = *timeouts,
                                 .lmtp = greeting == GREETING_LHLO};
    if (error == NULL)
        error = &ignored;
    if (!client_greet(made, error) || !client_hello(made, hello, greeting, error)) {
        smtp_client_close(made);
        return false;
    }
    *client = made;
    return true;
}

bool
smtp_client_open(struct connection *connection, const char *hello,
                 const struct smtp_timeouts *timeouts, struct smtp_client **client,
                 struct error *error)
{
    return client_open(connection, hello, GREETING_EHLO, timeouts, client, error);
}

bool
smtp_client_open_plain(struct connection *connection, const char *hello,
                       const struct smtp_timeouts *timeouts, struct smtp_client **client,
                       struct error *error)
{
    return client_open(connection, hello, GREETING_HELO, timeouts, client, error);
}

bool
smtp_client_open_lmtp(struct connection *connection, const char *hello,
                      const struct smtp_timeouts *timeouts, struct smtp_client **client,
                      struct error *error)
{
    return client_open(connection, hello, GREETING_LHLO, timeouts, client, error);
}

bool
smtp_client_hung_up(const struct error *error)
{
    return error->number == ERR_SMTP_HELLO && strcmp(error->status, "4.4.2") == 0;
}

/* --- using --- */

void
smtp_client_set_timeouts(struct smtp_client *client, const struct smtp_timeouts *timeouts)
{
    client->timeouts = *timeouts;
}

const struct smtp_extensions *
smtp_client_extensions(const struct smtp_client *client)
{
    return &client->extensions;
}

const char *
smtp_client_server(const struct smtp_client *client)
{
    return client->server;
}

struct connection *
smtp_client_connection(struct smtp_client *client)
{
    return client->connection;
}

bool
smtp_client_was_silent(const struct smtp_client *client)
{
    return client->silent;
}

bool
smtp_client_command(struct smtp_client *client, struct arena *arena,
                    struct smtp_reply *reply, struct error *error, const char *format,
                    ...)
{
    struct text line = text_new(arena);
    va_list arguments;
    char *made = NULL;
    int length;

    va_start(arguments, format);
    length = vasprintf(&made, format, arguments);
    va_end(arguments);
    if (length < 0)
        return fail_temporary(error, "4.3.0", "command: out of memory");
    text_add_span(&line, (struct span){made, (size_t)length});
    free(made);
    if (strpbrk(text_string(&line), "\r\n") != NULL)
        return fail_permanent(error, "5.5.2", "line end inside a command");
    return client_say(client, client->timeouts.mail, text_string(&line), error) &&
           smtp_client_reply(client, arena, reply, error);
}

bool
smtp_client_is_alive(struct smtp_client *client)
{
    struct arena *arena = arena_new();
    struct smtp_reply reply;
    bool alive =
        !client->broken && !connection_is_stale(client->connection) &&
        client_say(client, client->timeouts.hello, "RSET", NULL) &&
        reply_read(client, client->timeouts.hello, NULL, NULL, arena, &reply, NULL) &&
        reply.code == 250;

    client->reset_first = client->reset_first && !alive;
    arena_free(arena);
    return alive;
}

void
smtp_client_close(struct smtp_client *client)
{
    struct smtp_reply reply;

    if (client == NULL)
        return;
    /* What comes back changes nothing any more. */
    if (!client->broken && !connection_is_stale(client->connection) &&
        client_say(client, client->timeouts.quit, "QUIT", NULL))
        reply_read(client, client->timeouts.quit, NULL, NULL, client->arena, &reply,
                   NULL);
    client_free(client);
}
