/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests of operators and users to the owner of the spool, and its answers, line by
 * line as they come: a listing of a million messages needs no memory here.
 */
#include "command/command.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/connection.h"
#include "smtp/local.h"

#include "base/banned.h"

enum { LINE_LIMIT = 64 << 10, HELLO_WAIT = 60000 };

/*
 * One reply. With `kept` it is the answer: its lines go to the caller, the last one,
 * whose text is kept, is not encoded.
 */
static bool
answer_read(struct connection *connection, struct control_request *request,
            struct arena *kept, int *code, struct error *error)
{
    struct span line;
    uint64_t number;

    for (;;) {
        struct arena *arena;
        const char *text;

        if (!connection_read_line(connection, LINE_LIMIT, &line, error))
            return false;
        if (line.length < 3 || !span_number(span_first(line, 3), 599, &number))
            return fail_permanent(error, "5.3.5",
                                  "what answers at the local socket is not smail");
        *code = (int)number;
        if (line.length < 4 || line.bytes[3] != '-') {
            if (*code >= 400)
                fail_permanent(error, "5.0.0", "%.*s", (int)span_from(line, 4).length,
                               span_from(line, 4).bytes);
            else if (kept)
                request->end = span_string(span_from(line, 4), kept);
            return true;
        }
        if (!kept || !request->line)
            continue;
        request->answered = true;
        arena = arena_new();
        if (local_text_decode(span_from(line, 4), arena, &text))
            request->line(request->context, text);
        arena_free(arena);
    }
}

static const char *
request_line(const struct control_request *request, struct arena *arena)
{
    struct text text = text_new(arena);

    text_add(&text, "XCTL");
    for (size_t i = 0; i < request->count; i++)
        text_add_format(&text, " %s", local_text_encode(request->words[i], arena));
    text_add(&text, "\r\n");
    return text_string(&text);
}

static int
exit_code(int code, const struct error *error)
{
    if (code < 400)
        return EX_OK;
    if (code < 500)
        return EX_TEMPFAIL;
    if (strstr(error->text, "5.7.1"))
        return EX_NOPERM;
    return code == 501 ? EX_USAGE : EX_UNAVAILABLE;
}

static bool
talk(struct connection *connection, struct control_request *request, struct arena *arena,
     int *code, struct error *error)
{
    connection_deadline(connection, clock_monotonic() + HELLO_WAIT);
    if (!answer_read(connection, request, NULL, code, error) || *code >= 400)
        return *code >= 400;
    if (!connection_write(connection, SPAN("EHLO localhost\r\n"), error) ||
        !connection_flush(connection, error) ||
        !answer_read(connection, request, NULL, code, error))
        return false;
    if (*code >= 400)
        return true;
    if (!connection_write(connection, span_of(request_line(request, arena)), error) ||
        !connection_flush(connection, error))
        return false;
    /* A queue run takes as long as it takes; who waits may interrupt us. */
    connection_deadline(connection, INT64_MAX);
    return answer_read(connection, request, arena, code, error);
}

/* One try; *answered: the owner was there to its last word. */
static int
request_try(const struct options *options, const struct configuration *configuration,
            struct control_request *request, bool *answered, struct error *error)
{
    struct connection *connection;
    int code = 0;
    int fd = owner_open(options, configuration, request->start, request->wait, error);

    *answered = fd < 0; /* or there is none to ask again */
    if (fd < 0)
        return error->permanent ? EX_CONFIG : EX_TEMPFAIL;
    connection = connection_from(fd);
    *answered = talk(connection, request, options->arena, &code, error);
    if (*answered && connection_write(connection, SPAN("QUIT\r\n"), NULL))
        connection_flush(connection, NULL);
    connection_close(connection);
    return *answered ? exit_code(code, error) : EX_TEMPFAIL;
}

int
control_request(const struct options *options, struct control_request *request,
                struct error *error)
{
    struct configuration *configuration =
        command_configuration(options, NULL, options->arena);
    bool answered;
    int code = request_try(options, configuration, request, &answered, error);

    /* An owner for a while may have ended just then. */
    if (!answered && !request->answered)
        code = request_try(options, configuration, request, &answered, error);
    configuration_free(configuration);
    return code;
}

static void
line_print(void *context, const char *text)
{
    (void)context;
    puts(text);
}

int
control_print(const struct options *options, struct control_request *request)
{
    struct error error = {0};
    int code;

    if (!request->line)
        request->line = line_print;
    code = control_request(options, request, &error);
    if (fflush(stdout) != 0)
        return EX_IOERR;
    if (code != EX_OK)
        fprintf(stderr, "%s: %s\n", options->program, error.text);
    return code;
}
